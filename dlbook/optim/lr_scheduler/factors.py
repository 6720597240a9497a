"""Schedules that multiply the first learning rate by a factor of the step's number."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

from torch.optim import Optimizer

from dlbook.optim.lr_scheduler.schedule import (
    FactorSchedule,
    check_count,
    check_range,
)


class StepLR(FactorSchedule):
    """Lower the learning rate at regular intervals: by γ^⌊t / s⌋ after t steps.

    Args:
        optimizer: Its learning rates are changed.
        step_size: s, the steps from one change to the next.
        gamma: γ, what the rate is multiplied by at each change.
        last_epoch: The number of the last step done, when a run is resumed; else -1.

    Raises:
        ValueError: If ``step_size`` is no positive integer or ``gamma`` negative.
    """

    moves_when_built: ClassVar[bool] = True

    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int,
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        check_count(self, "step_size", step_size)
        check_range(self, "gamma", gamma, 0)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """Compute γ^⌊step / s⌋.

        Args:
            step: How many steps the schedule has done.

        Returns:
            The factor.
        """
        return self.gamma ** (step // self.step_size)


class MultiStepLR(FactorSchedule):
    """Lower the learning rate at chosen steps: by γ to the number of those reached.

    Args:
        optimizer: Its learning rates are changed.
        milestones: The steps at which it changes; one that occurs twice counts twice.
        gamma: γ, what the rate is multiplied by at each of them.
        last_epoch: The number of the last step done, when a run is resumed; else -1.

    Raises:
        ValueError: If a milestone is no integer from 0 on, or ``gamma`` negative.
    """

    moves_when_built: ClassVar[bool] = True

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        for milestone in self.milestones:
            check_count(self, "each milestone", milestone, low=0)
        check_range(self, "gamma", gamma, 0)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """Compute γ to the number of milestones up to this step.

        Args:
            step: How many steps the schedule has done.

        Returns:
            The factor.
        """
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), step)


class ExponentialLR(FactorSchedule):
    """Multiply the learning rate by the same number in every step: γ^t after t steps.

    Args:
        optimizer: Its learning rates are changed.
        gamma: γ, what the rate is multiplied by.
        last_epoch: The number of the last step done, when a run is resumed; else -1.

    Raises:
        ValueError: If ``gamma`` is negative.
    """

    def __init__(
        self, optimizer: Optimizer, gamma: float, last_epoch: int = -1
    ) -> None:
        check_range(self, "gamma", gamma, 0)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """Compute γ^step.

        Args:
            step: How many steps the schedule has done.

        Returns:
            The factor.
        """
        return self.gamma**step


class LinearLR(FactorSchedule):
    """Change the learning rate along a line, for example to warm up.

    Its factor goes from a to b in T steps and stays there: a + (b - a) min(t, T) / T.
    A slow start: Goyal et al. (2017), §2.2.

    Args:
        optimizer: Its learning rates are changed.
        start_factor: a, from above 0 to 1.
        end_factor: b, from 0 to 1.
        total_iters: T, the steps from one to the other.
        last_epoch: The number of the last step done, when a run is resumed; else -1.

    Raises:
        ValueError: If a factor is out of range or ``total_iters`` no positive integer.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                "LinearLR: start_factor must be above 0 and at most 1, got "
                f"{start_factor}"
            )
        check_range(self, "end_factor", end_factor, 0, 1)
        check_count(self, "total_iters", total_iters)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """Compute a + (b - a) min(step, T) / T.

        Args:
            step: How many steps the schedule has done.

        Returns:
            The factor.
        """
        share = min(step, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * share


class CosineAnnealingLR(FactorSchedule):
    """Lower the learning rate along half a cosine: slowly, then fast, then slowly.

    After t steps it is η + (lr - η) (1 + cos(π t / T)) / 2: Loshchilov and Hutter
    (2017), eq. (5). After T steps it rises again, along the same curve.

    Args:
        optimizer: Its learning rates are changed.
        T_max: T, the steps from the first rate to the lowest.
        eta_min: η, the lowest rate.
        last_epoch: The number of the last step done, when a run is resumed; else -1.

    Raises:
        ValueError: If ``T_max`` is no positive integer or ``eta_min`` negative.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        check_count(self, "T_max", T_max)
        check_range(self, "eta_min", eta_min, 0)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """Compute (1 + cos(π step / T)) / 2.

        Args:
            step: How many steps the schedule has done.

        Returns:
            The factor.
        """
        return (1 + math.cos(math.pi * step / self.T_max)) / 2

    @property
    def _floor(self) -> float:
        return self.eta_min
