"""A training run under way: its steps, its epochs, and how it is saved and resumed."""

import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.lr_scheduler import ReduceLROnPlateau as TorchReduceLROnPlateau
from tqdm.auto import tqdm

from dlbook import nn, runtime
from dlbook.optim import clip_grads_with_norm_, get_total_norm
from dlbook.optim.lr_scheduler import ReduceLROnPlateau
from dlbook.training import parallel
from dlbook.training.checkpoint import Checkpoint
from dlbook.training.history import Best, EarlyStopping, History, Progress
from dlbook.training.metrics import Loss, Metric, RunningMeans, evaluate
from dlbook.training.samples import Inputs, Samples, outputs_of, parts_of, picked

Augment = Callable[[Tensor, torch.Generator], Tensor]
AugmentPair = Callable[[Tensor, Tensor, torch.Generator], Samples]
PLATEAUS = (ReduceLROnPlateau, TorchReduceLROnPlateau)  # their steps need a loss


@dataclass
class Run:
    """The arguments of :func:`~dlbook.training.fit`, data and model on the device."""

    model: nn.Module
    train: Samples
    validation: Samples | None
    optimizer: Optimizer
    epochs: int
    loss: Loss
    metric: Metric | None
    batch_size: int
    augment: Augment | None
    augment_pair: AugmentPair | None
    scheduler: LRScheduler | None
    schedule_each: str
    max_grad_norm: float | None
    early_stopping: EarlyStopping | None
    checkpoint: Checkpoint | None
    seed: int
    device: torch.device

    def __post_init__(self) -> None:
        self.progress = Progress()
        self.augment_generator = runtime.generator(self.seed + 1, self.device)
        self.settings = self._settings()
        self.interrupted = threading.Event()
        self.stopped_together = False
        self.resumed_at = time.perf_counter()

    def execute(self, interrupted: threading.Event, show_bar: bool) -> History:
        """Train from where the run is to its end.

        Args:
            interrupted: Set when the user asks to stop.
            show_bar: Show a progress bar.

        Returns:
            The history of the whole run.
        """
        self.interrupted = interrupted
        parallel.start_alike(self.model)
        self._resume()
        steps = math.ceil(len(self.train[1]) / self.batch_size)
        done = self.progress.epoch * steps + self.progress.step
        show_bar = show_bar and parallel.rank() == 0
        with progress_bar(self.epochs * steps, done, show_bar) as bar:
            for order in itertools.islice(
                self._orders(), self.progress.epoch, self.epochs
            ):
                if self._out_of_patience():
                    break
                self._train_epoch(order.split(self.batch_size), bar)
                self._end_epoch(bar)
        if self.progress.best:
            self.model.load_state_dict(self.progress.best.weights)
        return self.progress.history

    def _orders(self) -> Iterator[Tensor]:
        """Yield the order of the samples in the first epoch, the second and so on."""
        shuffle = runtime.generator(self.seed)
        while True:
            order = torch.randperm(len(self.train[1]), generator=shuffle)
            yield order.to(self.device)

    def _train_epoch(self, batches: tuple[Tensor, ...], bar: tqdm) -> None:
        self.model.train()
        every = self.checkpoint.every_steps if self.checkpoint else None
        self.resumed_at = time.perf_counter()
        for batch in batches[self.progress.step :]:
            self._train_step(picked(self.train[0], batch), self.train[1][batch])
            self.progress.step += 1
            bar.update()
            if self.progress.step < len(batches) and (
                self._stops() or (every and self.progress.step % every == 0)
            ):
                self._save()

    def _train_step(self, inputs: Inputs, targets: Tensor) -> None:
        if self.augment and isinstance(inputs, Tensor):
            inputs = self.augment(inputs, self.augment_generator)
        if self.augment_pair and isinstance(inputs, Tensor):
            inputs, targets = self.augment_pair(inputs, targets, self.augment_generator)
        part, count = parallel.own_part(len(targets))
        inputs, targets = picked(inputs, part), targets[part]
        self.optimizer.zero_grad()
        outputs = outputs_of(self.model, inputs)
        loss = self.loss(outputs, targets)
        loss.backward()
        self.progress.learning_rate = float(self.optimizer.param_groups[0]["lr"])
        total = self._count(count, loss.item(), outputs, targets)
        self._clip(count / total)
        self.optimizer.step()
        if self.scheduler and self.schedule_each == "step":
            self.scheduler.step()

    @torch.no_grad()
    def _count(
        self, count: int, loss: float, outputs: Tensor, targets: Tensor
    ) -> float:
        """Note what all processes measured on the batch; give its number of samples."""
        metric = float(self.metric(outputs, targets)) if self.metric else math.nan
        stop = float(self.interrupted.is_set())
        own = [count, count * loss, count * metric, stop]
        samples, losses, metrics, stops = parallel.sums(own, self.device)
        self.stopped_together = stops > 0
        if not math.isfinite(losses):
            raise self._diverged("training loss", losses / samples)
        self.progress.means.add(int(samples), losses / samples, metrics / samples)
        return samples

    def _stops(self) -> bool:
        """Tell whether the user asks to stop; in all processes after the same step."""
        if parallel.world_size() == 1:
            return self.interrupted.is_set()
        return self.stopped_together

    def _clip(self, share: float) -> None:
        """Refuse a gradient that is no number, and scale down one that is too long.

        Args:
            share: This process's share of the samples.
        """
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        parallel.average_gradients(parameters, share)
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = get_total_norm(gradients)
        # The norm alone may overflow where every component is finite.
        if not norm.isfinite() and not all(g.isfinite().all() for g in gradients):
            raise self._diverged("norm of the gradient", norm.item())
        if self.max_grad_norm is not None:
            clip_grads_with_norm_(parameters, self.max_grad_norm, norm)

    def _diverged(self, what: str, value: float) -> FloatingPointError:
        return FloatingPointError(
            f"the {what} became {value} in epoch {self.progress.epoch + 1}, "
            f"step {self.progress.step + 1}, at learning rate "
            f"{self.progress.learning_rate:g}; a smaller learning rate or "
            "max_grad_norm may help"
        )

    def _end_epoch(self, bar: tqdm) -> None:
        progress, history = self.progress, self.progress.history
        measured = self._measure()
        self._schedule(measured.get("validation_loss", measured["train_loss"]))
        for name, value in measured.items():
            getattr(history, name).append(value)
        bar.set_postfix(loss=measured["train_loss"])
        history.seconds.append(self._seconds())
        progress.epoch, progress.step = progress.epoch + 1, 0
        progress.means, progress.seconds = RunningMeans(), 0.0
        self.resumed_at = time.perf_counter()
        self._note_best()
        self._save()

    def _schedule(self, loss: float) -> None:
        """Move the schedule on after an epoch; one that waits for a plateau sees it."""
        if self.scheduler is None or self.schedule_each != "epoch":
            return
        if isinstance(self.scheduler, PLATEAUS):
            self.scheduler.step(loss)
        else:
            self.scheduler.step()

    def _measure(self) -> dict[str, float]:
        """Measure the epoch in hand for the history."""
        results = {"train": self.progress.means.result()}
        if self.validation:
            results["validation"] = evaluate(
                self.model,
                self.validation,
                loss=self.loss,
                metric=self.metric,
                device=self.device,
            )
        measured = {"learning_rate": self.progress.learning_rate}
        for part, result in results.items():
            measured[f"{part}_loss"] = result.loss
            if self.metric:
                measured[f"{part}_metric"] = result.metric
        return measured

    def _note_best(self) -> None:
        if self.early_stopping is None:
            return
        value = getattr(self.progress.history, self.early_stopping.monitor)[-1]
        best = self.progress.best
        if best is None or self.early_stopping.is_better(value, best.value):
            weights = self.model.state_dict()
            copies = {name: tensor.clone() for name, tensor in weights.items()}
            self.progress.best = Best(self.progress.epoch, value, copies)

    def _out_of_patience(self) -> bool:
        if self.early_stopping is None or self.progress.best is None:
            return False
        waited = self.progress.epoch - self.progress.best.epoch
        return waited >= self.early_stopping.patience

    def _seconds(self) -> float:
        return self.progress.seconds + time.perf_counter() - self.resumed_at

    def _save(self) -> None:
        """Save the run if that is wanted; stop it if that is wanted."""
        if self.checkpoint:
            self.checkpoint.save(
                self.settings,
                {
                    "progress": self.progress.to_dict() | {"seconds": self._seconds()},
                    "augment": self.augment_generator.get_state(),
                },
                self.model,
                self.optimizer,
                self.scheduler,
            )
        if self._stops():
            raise KeyboardInterrupt

    def _resume(self) -> None:
        if self.checkpoint is None:
            return
        state = self.checkpoint.read(self.settings, self.model)
        if state is None:
            return
        progress = Progress.from_dict(state["progress"]["progress"])
        if progress.epoch > self.epochs:
            raise ValueError(
                f"{self.checkpoint.path} already holds {progress.epoch} epochs, "
                f"more than epochs={self.epochs}"
            )
        self.checkpoint.restore(state, self.model, self.optimizer, self.scheduler)
        self.progress = progress
        self.augment_generator.set_state(state["progress"]["augment"])

    def _settings(self) -> dict[str, Any]:
        """Describe what has to be equal when a run is resumed."""
        scheduler = self.scheduler
        return {
            "experiment": self.checkpoint.experiment if self.checkpoint else None,
            "model": _class_name(self.model),
            "train": _shapes(self.train),
            "validation": _shapes(self.validation) if self.validation else "[]",
            "batch_size": self.batch_size,
            "seed": self.seed,
            "augment": "pair" if self.augment_pair else self.augment is not None,
            "max_grad_norm": self.max_grad_norm,
            "early_stopping": str(self.early_stopping),
            "optimizer": _class_name(self.optimizer),
            "optimizer_options": str(self.optimizer.state_dict()["param_groups"]),
            "scheduler": _class_name(scheduler),
            "scheduler_state": str(scheduler.state_dict()) if scheduler else None,
            "schedule_each": self.schedule_each,
        }


def progress_bar(total: int, done: int, show: bool) -> tqdm:
    """Make a progress bar of steps; hidden if ``TQDM_DISABLE`` is set.

    Args:
        total: Number of steps.
        done: Steps done before.
        show: Whether to show it.

    Returns:
        The bar, a context manager.
    """
    # The bars of notebooks do not look at TQDM_DISABLE by themselves.
    hidden = not show or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    return tqdm(total=total, initial=done, unit="step", leave=False, disable=hidden)


def _shapes(samples: Samples) -> str:
    inputs, targets = samples
    return str([tuple(part.shape) for part in (*parts_of(inputs), targets)])


def _class_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
