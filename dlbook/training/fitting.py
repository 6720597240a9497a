"""Training a model: the call and its arguments."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dlbook import nn, runtime
from dlbook.data import Pair
from dlbook.training.checkpoint import Checkpoint
from dlbook.training.history import EarlyStopping, History
from dlbook.training.metrics import Loss, Metric, accuracy, check_pair
from dlbook.training.run import Augment, Run


def fit(
    model: nn.Module,
    train: Pair,
    validation: Pair | None = None,
    *,
    optimizer: Optimizer,
    epochs: int,
    loss: Loss | None = None,
    metric: Metric | None = accuracy,
    batch_size: int = 64,
    augment: Augment | None = None,
    scheduler: LRScheduler | None = None,
    schedule_each: Literal["epoch", "step"] = "epoch",
    max_grad_norm: float | None = None,
    early_stopping: EarlyStopping | None = None,
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> History:
    """Train a model by mini-batch descent: every sample once an epoch, in random order.

    A step is ``loss(model(inputs), targets)``, its gradient, and the optimizer's step.
    With a checkpoint, a run that was killed at any moment and is resumed (by the same
    call, on a model, optimizer and scheduler built anew in the same way) ends with
    the weights it would have had: bit for bit on the CPU with as many threads. What
    the checkpoint cannot compare is up to the caller: the data's values and the
    functions ``loss``, ``metric`` and ``augment``.

    Args:
        model: Moved to ``device``, changed in place, and left in training mode.
        train: Inputs ``(n, ...)`` and targets ``(n, ...)``; the last batch of an epoch
            may be smaller.
        validation: Evaluated after every epoch.
        optimizer: Holds the model's parameters.
        epochs: How often to go through the training set, those before an interruption
            included.
        loss: Of outputs and targets, averaged over the batch; default cross-entropy.
        metric: Of outputs and targets, averaged over the batch.
        batch_size: Samples a step.
        augment: Changes each training batch: ``augment(inputs, generator)``.
        scheduler: Changes the optimizer's learning rate.
        schedule_each: Whether the scheduler moves on after every epoch or every step.
        max_grad_norm: Scale gradients down to this Euclidean norm where they exceed it
            (Pascanu, Mikolov & Bengio, 2013, §3.2).
        early_stopping: When to stop before ``epochs``; needs ``validation``.
        checkpoint: Where to save the run, and whether to go on from there.
        seed: Of the order of the samples and of ``augment``'s generator. Dropout and
            initial weights draw from torch's own generator: see
            :func:`~dlbook.runtime.seed_everything`.
        device: Default :func:`dlbook.runtime.device`.
        progress: Show a progress bar while training.

    Returns:
        What was measured in every epoch.

    Raises:
        ValueError: If an argument is out of range or two do not fit.
        FloatingPointError: If the training loss is infinite or NaN; the weights are
            those before the step.
        CheckpointError: If the checkpoint is damaged or belongs to another run.
        KeyboardInterrupt: On Ctrl-C, after finishing and saving the step in hand if
            there is a checkpoint.
    """
    _check_ranges(epochs, batch_size, schedule_each)
    _check_fit(model, optimizer, train, validation, early_stopping, metric)
    place = torch.device(device or runtime.device())
    run = Run(
        model=model.to(place),
        train=_moved(train, place),
        validation=_moved(validation, place) if validation else None,
        optimizer=optimizer,
        epochs=epochs,
        loss=loss or nn.CrossEntropyLoss(),
        metric=metric,
        batch_size=batch_size,
        augment=augment,
        scheduler=scheduler,
        schedule_each=schedule_each,
        max_grad_norm=max_grad_norm,
        early_stopping=early_stopping,
        checkpoint=checkpoint,
        seed=seed,
        device=place,
    )
    with _interrupts_held(checkpoint is not None) as interrupted:
        return run.execute(interrupted, progress)


def _moved(pair: Pair, device: torch.device) -> Pair:
    return pair[0].to(device), pair[1].to(device)


def _check_ranges(epochs: int, batch_size: int, schedule_each: str) -> None:
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{name} must be positive, got {value}")
    if schedule_each not in ("epoch", "step"):
        raise ValueError(
            f"schedule_each must be 'epoch' or 'step', got {schedule_each!r}"
        )


def _check_fit(
    model: nn.Module,
    optimizer: Optimizer,
    train: Pair,
    validation: Pair | None,
    early_stopping: EarlyStopping | None,
    metric: Metric | None,
) -> None:
    check_pair("train", train)
    if validation is not None:
        check_pair("validation", validation)
    own = {id(parameter) for parameter in model.parameters()}
    groups = optimizer.param_groups
    if not own & {id(parameter) for group in groups for parameter in group["params"]}:
        raise ValueError("the optimizer holds none of the model's parameters")
    if early_stopping is not None:
        if validation is None:
            raise ValueError("early stopping needs a validation set, got None")
        if metric is None and early_stopping.monitor == "validation_metric":
            raise ValueError("early stopping monitors the metric, but metric is None")


@contextmanager
def _interrupts_held(hold: bool) -> Iterator[threading.Event]:
    """Hold Ctrl-C back, so that the step in hand can be finished and saved.

    A second Ctrl-C interrupts at once. Nothing is held outside the main thread, where
    Python delivers no signals, or where Ctrl-C does not mean KeyboardInterrupt.

    Args:
        hold: Whether to do so.

    Yields:
        An event that is set when the user asks to stop.
    """
    interrupted = threading.Event()
    in_main_thread = threading.current_thread() is threading.main_thread()
    previous = signal.getsignal(signal.SIGINT)
    if not (hold and in_main_thread and previous is signal.default_int_handler):
        yield interrupted
        return

    def note(number: int, frame: object) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupted.is_set():  # too late to stop the run, but not to stop the program
        raise KeyboardInterrupt
