"""What the schedules share: their checks, and rates that follow a factor."""

import math
from typing import Any, ClassVar

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Rate = float | Tensor


class Schedule(LRScheduler):
    """Change the learning rates of an optimizer; torch's class does the bookkeeping."""

    def step(self, epoch: int | None = None) -> None:
        """Move on by one step.

        Args:
            epoch: Only None. torch's deprecated way to jump is not implemented.

        Raises:
            NotImplementedError: If ``epoch`` is given.
        """
        self._refuse_epoch(epoch)
        super().step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a saved schedule stopped.

        Args:
            state_dict: What ``state_dict()`` returned, here or in torch's class.

        Raises:
            ValueError: If it is another schedule's; nothing is changed then.
        """
        self._check_saved(state_dict)
        super().load_state_dict(state_dict)

    def _check_saved(self, state_dict: dict[str, Any]) -> None:
        own = {name for name in self.state_dict() if not name.startswith("_")}
        if missing := own - state_dict.keys():
            raise ValueError(
                f"the saved schedule is no {type(self).__name__}: it lacks "
                f"{', '.join(sorted(missing))}"
            )

    def _refuse_epoch(self, epoch: object) -> None:
        if epoch is not None:
            raise NotImplementedError(
                f"{type(self).__name__}: step takes no epoch, got {epoch}; call "
                "it once for each step"
            )


class FactorSchedule(Schedule):
    """Multiply the first learning rates by a factor of the step's number.

    For a rate that falls towards a floor::

        lr = floor + (first lr - floor) · factor(step)

    A step multiplies by ``factor(step) / factor(step - 1)``, so that several schedules
    of one optimizer act together, and a rate that was set by hand is moved on from.
    After a factor of 0 the rate's share of the first one is added.

    Args:
        optimizer: Its learning rates are changed.
        last_epoch: The number of the last step done, when a run is resumed; else -1.
    """

    moves_when_built: ClassVar[bool] = False  # as in torch if last_epoch is not -1

    def factor(self, step: int) -> float:
        """Tell what the first learning rate is multiplied by.

        Args:
            step: How many steps the schedule has done.

        Returns:
            The factor.
        """
        raise NotImplementedError

    def get_lr(self) -> list[Rate]:
        """Compute the learning rates of the step in hand from those of the last one.

        Returns:
            One for each group of the optimizer.
        """
        step, rates = self.last_epoch, [g["lr"] for g in self.optimizer.param_groups]
        if self._is_initial and step > 0 and not self.moves_when_built:
            return rates
        now, before = self.factor(step), self.factor(step - 1) if step > 0 else 1.0
        if now == before:
            return rates
        floor = self._floor
        if before == 0:
            pairs = zip(rates, self.base_lrs, strict=True)
            return [lr + (first - floor) * now for lr, first in pairs]
        return [floor + (lr - floor) * (now / before) for lr in rates]

    @property
    def _floor(self) -> float:
        return 0.0

    def _get_closed_form_lr(self) -> list[Rate]:
        """Compute the learning rates from the first ones, as SequentialLR asks."""
        factor = self.factor(self.last_epoch)
        return [self._floor + (lr - self._floor) * factor for lr in self.base_lrs]


def check_optimizer(schedule: object, optimizer: object) -> None:
    """Refuse what is no optimizer.

    Args:
        schedule: Its class is named in the message.
        optimizer: Ours or torch's.

    Raises:
        TypeError: If it is something else.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{type(schedule).__name__}: expected an optimizer, got "
            f"{type(optimizer).__name__}"
        )


def check_range(
    schedule: object, name: str, value: float, low: float, high: float = math.inf
) -> None:
    """Refuse a number that is out of range.

    Args:
        schedule: Its class is named in the message.
        name: The argument's name.
        value: The number.
        low: The smallest one allowed.
        high: The largest one allowed.

    Raises:
        ValueError: If it is out of range or NaN.
    """
    if not low <= value <= high:
        expected = f"at least {low}" if high == math.inf else f"from {low} to {high}"
        raise ValueError(
            f"{type(schedule).__name__}: {name} must be {expected}, got {value}"
        )


def check_count(schedule: object, name: str, value: int, low: int = 1) -> None:
    """Refuse what is no integer, or too small.

    Args:
        schedule: Its class is named in the message.
        name: The argument's name.
        value: The integer.
        low: The smallest one allowed.

    Raises:
        ValueError: If it is no integer or below ``low``.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(
            f"{type(schedule).__name__}: {name} must be an integer of at least {low}, "
            f"got {value!r}"
        )


def one_each(schedule: object, name: str, value: Any, groups: int) -> list[Any]:
    """Make a list of an argument that may be given once, or for each group.

    Args:
        schedule: Its class is named in the message.
        name: The argument's name.
        value: One value, or a list or tuple of them.
        groups: How many groups the optimizer has.

    Returns:
        A value for each group.

    Raises:
        ValueError: If there are more or fewer values than groups.
    """
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{type(schedule).__name__}: {name} must have one value for each of the "
            f"optimizer's {groups} groups, got {len(value)}"
        )
    return list(value)
