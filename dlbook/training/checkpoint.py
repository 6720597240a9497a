"""Save a whole training run in one file, and go on from it after any interruption."""

import random
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dlbook import nn
from dlbook.training import parallel
from dlbook.training.statefile import (
    CheckpointError,
    load_state,
    remove_leftovers,
    save_state,
)

_PARTS = {
    "settings",
    "environment",
    "progress",
    "model",
    "optimizer",
    "scheduler",
    "random",
}


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often :func:`~dlbook.training.fit` saves its run.

    The file is always whole: it is written beside and then moved into place. It is
    written at the end of every epoch, and when Ctrl-C stops the run.

    Args:
        path: The file; its folder is made if need be.
        every_steps: Save after every so many steps of an epoch, too.
        resume: Go on from the file if it exists. Otherwise it will be overwritten.
        experiment: Names the experiment and all its choices; to go on from the run of
            another is refused.

    Raises:
        ValueError: If ``every_steps`` is not positive.
    """

    path: str | Path
    every_steps: int | None = None
    resume: bool = False
    experiment: str | None = None

    def __post_init__(self) -> None:
        if self.every_steps is not None and self.every_steps < 1:
            raise ValueError(f"every_steps must be positive, got {self.every_steps}")

    def save(
        self,
        settings: dict[str, Any],
        progress: dict[str, Any],
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler | None,
    ) -> None:
        """Save a run between two steps.

        Args:
            settings: What must be equal when the run is resumed.
            progress: How far it is; given back by :meth:`read`.
            model: Its parameters and buffers are saved,
            optimizer: its options and what it remembers of each parameter,
            scheduler: and its counters, if there is one.
        """
        state = {
            "settings": settings,
            "environment": _environment(model),
            "progress": progress,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict() if scheduler else None,
            "random": parallel.gathered(_random_states()),
        }
        if parallel.rank() == 0:
            save_state(self.path, state)
        parallel.wait()

    def read(self, settings: dict[str, Any], model: nn.Module) -> dict[str, Any] | None:
        """Read the saved run and check that it is this one, changing nothing of it.

        What a killed run has left half written beside the file is removed.

        Args:
            settings: Compared with those saved.
            model: Its parameters and buffers must have the saved ones' shapes.

        Returns:
            The saved state, its ``"progress"`` included, or None if there is nothing
            to go on from.

        Raises:
            CheckpointError: If the file is damaged, a folder, or of another run.
        """
        if Path(self.path).is_dir():
            raise CheckpointError(f"{self.path} is a folder, not a file")
        if parallel.rank() == 0:
            remove_leftovers(self.path)
        if not self.resume or not Path(self.path).exists():
            return None
        state = load_state(self.path)
        if missing := _PARTS - state.keys():
            raise CheckpointError(
                f"{self.path} is no checkpoint of a training run: it lacks "
                f"{', '.join(sorted(missing))}"
            )
        self._check_settings(state["settings"], settings)
        self._check_weights(state["model"], model.state_dict())
        return state

    def restore(
        self,
        state: dict[str, Any],
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler | None,
    ) -> None:
        """Put a run back to where it was saved, random generators included.

        Args:
            state: From :meth:`read`.
            model: Gets the saved parameters and buffers, in their memory format,
            optimizer: what it remembered,
            scheduler: and its counters.

        Warns:
            UserWarning: If the number of threads or processes, the device or torch
                differ: the weights may then differ in their last bits.
        """
        _restore_model(model, state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if scheduler:
            scheduler.load_state_dict(state["scheduler"])
        self._warn_of_differences(state["environment"], _environment(model))
        states = state["random"]
        _restore_random_states(states[parallel.rank() % len(states)])

    def _check_settings(self, saved: dict[str, Any], present: dict[str, Any]) -> None:
        differences = [
            f"{name} was {saved.get(name)!r}, is now {value!r}"
            for name, value in present.items()
            if saved.get(name) != value
        ]
        if differences:
            raise CheckpointError(
                f"{self.path} belongs to another run: {'; '.join(differences)}. Build "
                "model, optimizer and scheduler anew as for that run, or do not resume"
            )

    def _check_weights(self, saved: dict[str, Any], present: dict[str, Any]) -> None:
        layouts = [
            {name: _layout(value) for name, value in weights.items()}
            for weights in (saved, present)
        ]
        for name in saved.keys() | present.keys():
            was, now = (layout.get(name, "absent") for layout in layouts)
            if was != now:
                raise CheckpointError(
                    f"{self.path} belongs to another model: {name} was {was}, "
                    f"is now {now}"
                )

    def _warn_of_differences(self, saved: dict[str, Any], now: dict[str, Any]) -> None:
        differences = [
            f"{name} was {saved[name]}, is now {now[name]}"
            for name in now
            if saved[name] != now[name]
        ]
        if differences:
            warnings.warn(
                f"{self.path}: {'; '.join(differences)}; the resumed run's weights may "
                "differ in their last bits from those of an uninterrupted one",
                stacklevel=6,  # the line that calls fit
            )


def _environment(model: nn.Module) -> dict[str, Any]:
    """Name what decides about the last bits of a result."""
    devices = {str(parameter.device) for parameter in model.parameters()}
    return {
        "the number of threads": torch.get_num_threads(),
        "the number of processes": parallel.world_size(),
        "the device": ", ".join(sorted(devices)),
        "torch": torch.__version__,
    }


def _layout(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.dtype} {tuple(value.shape)}"
    return type(value).__name__


def _restore_model(model: nn.Module, saved: dict[str, Any]) -> None:
    """Load weights; where their memory format differs from the model's, adopt it."""
    model.load_state_dict(saved)
    for name, tensor in model.state_dict(keep_vars=True).items():
        if isinstance(tensor, torch.Tensor) and tensor.stride() != saved[name].stride():
            tensor.data = saved[name].to(tensor.device)


def _random_states() -> dict[str, Any]:
    """Collect the states of all global random generators, CUDA's included."""
    kind, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (kind, np.asarray(keys).tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _restore_random_states(states: dict[str, Any]) -> None:
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    if len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
