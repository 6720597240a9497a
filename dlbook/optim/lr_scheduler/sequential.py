"""One schedule after the other."""

from bisect import bisect_right
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.lr_scheduler import ReduceLROnPlateau as TorchReduceLROnPlateau

from dlbook.optim.lr_scheduler.plateau import ReduceLROnPlateau
from dlbook.optim.lr_scheduler.schedule import Schedule, check_optimizer


class SequentialLR(Schedule):
    """Follow one schedule after the other, for example a warm-up and then a cosine.

    Each begins at its own step 0 when its turn comes, from the first learning rate.

    Args:
        optimizer: Its learning rates are changed.
        schedulers: The schedules, ours or torch's, in turn.
        milestones: The steps at which the second, the third … begin.
        last_epoch: The number of the last step done, when a run is resumed; else -1.

    Raises:
        TypeError: If one is no schedule.
        ValueError: If one belongs to another optimizer or needs a measured value, or
            the milestones do not fit.
        NotImplementedError: If one is itself made of several.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        for scheduler in schedulers:
            _check_part(scheduler, optimizer)
        _check_milestones(milestones, schedulers)
        self.optimizer = optimizer
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        # Each schedule made its step 0 when it was built. Only one shall: start again.
        for group in optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(group["initial_lr"])
            else:
                group["lr"] = group["initial_lr"]
        for scheduler in schedulers:
            scheduler.last_epoch -= 1
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Move the schedule whose turn it is on by one step.

        Args:
            epoch: Only None. torch's deprecated way to jump is not implemented.

        Raises:
            NotImplementedError: If ``epoch`` is given.
        """
        self._refuse_epoch(epoch)
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Describe how far the schedule is.

        Returns:
            Its counters, and the state of each schedule.
        """
        parts = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": parts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a saved schedule stopped.

        Args:
            state_dict: What ``state_dict()`` returned, here or in torch's class.

        Raises:
            ValueError: If it is another schedule's, or of more or fewer schedules.
        """
        parts = state_dict.get("_schedulers", [])
        if len(parts) != len(self._schedulers):
            raise ValueError(
                f"the saved schedule is not this SequentialLR: it has {len(parts)} "
                f"schedules, expected {len(self._schedulers)}"
            )
        for scheduler, part in zip(self._schedulers, parts, strict=True):
            if isinstance(scheduler, Schedule):
                scheduler._check_saved(part)
        super().load_state_dict({**state_dict, "_schedulers": self._schedulers})
        for scheduler, part in zip(self._schedulers, parts, strict=True):
            scheduler.load_state_dict(part)


def _check_part(scheduler: Any, optimizer: Optimizer) -> None:
    kind = type(scheduler).__name__
    if not isinstance(scheduler, LRScheduler):
        raise TypeError(f"SequentialLR: {kind} is no schedule")
    if isinstance(scheduler, ReduceLROnPlateau | TorchReduceLROnPlateau):
        raise ValueError(
            f"SequentialLR: {kind} needs a measured value in each step and cannot take "
            "part"
        )
    if hasattr(scheduler, "_schedulers"):
        raise NotImplementedError(
            f"SequentialLR: a {kind} inside is not implemented; list its parts here"
        )
    if scheduler.optimizer is not optimizer:
        raise ValueError(f"SequentialLR: the {kind} belongs to another optimizer")


def _check_milestones(milestones: list[int], schedulers: list[LRScheduler]) -> None:
    if not schedulers or len(milestones) != len(schedulers) - 1:
        raise ValueError(
            "SequentialLR: between schedules there must be one milestone each, got "
            f"{len(schedulers)} schedules and {len(milestones)} milestones"
        )
    if list(milestones) != sorted(milestones) or any(m < 0 for m in milestones):
        raise ValueError(
            f"SequentialLR: milestones must rise from 0 on, got {milestones}"
        )
