"""One cycle: up to a high learning rate and down again, the momentum the other way."""

import math
from itertools import pairwise
from typing import Any, Literal

from torch.optim import Optimizer

from dlbook.optim.lr_scheduler.schedule import (
    Rate,
    Schedule,
    check_count,
    check_optimizer,
    check_range,
    one_each,
)


class OneCycleLR(Schedule):
    """Climb to a high learning rate, then fall to almost none, in one run.

    High rates in the middle make training fast and are said to regularize; the
    momentum goes down where the rate goes up. Smith and Topin (2019). With n steps in
    all, the rate goes through these points, and between two of them, a share s of the
    way, from x to y along half a cosine, y + (x - y) (1 + cos π s) / 2, or a line::

        step 0                     max_lr / div_factor           highest momentum
        step pct_start · n - 1     max_lr                        lowest momentum
        step 2 pct_start · n - 2   max_lr / div_factor           highest momentum *
        step n - 1                 that / final_div_factor       highest momentum

    (*) Only in three phases, as in the paper.

    Args:
        optimizer: Its learning rates are changed, and its momentum or first beta.
        max_lr: The peak, or a list of one for each group.
        total_steps: n, the steps of the whole run;
        epochs: or epochs
        steps_per_epoch: times steps in each.
        pct_start: The share of the steps that climbs.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: Change the momentum, too.
        base_momentum: The lowest momentum, or a list.
        max_momentum: The highest momentum, or a list.
        div_factor: The peak divided by the first rate.
        final_div_factor: The first rate divided by the last.
        three_phase: Fall to the first rate as fast as it climbed.
        last_epoch: The number of the last step done, when a run is resumed; else -1.

    Raises:
        ValueError: If a number is out of range, n is missing, a list has not one value
            for each group, or the optimizer has neither momentum nor betas; in a
            step, if the run is over.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        self.optimizer = optimizer
        self.total_steps = self._count_steps(total_steps, epochs, steps_per_epoch)
        self._check(pct_start, anneal_strategy, div_factor, final_div_factor)
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        groups = optimizer.param_groups
        peaks = one_each(self, "max_lr", max_lr, len(groups))
        for peak in peaks:
            check_range(self, "max_lr", peak, 0)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            low = one_each(self, "base_momentum", base_momentum, len(groups))
            high = one_each(self, "max_momentum", max_momentum, len(groups))
            self._check_momenta(low + high)
        if last_epoch == -1:
            for group, peak in zip(groups, peaks, strict=True):
                group["initial_lr"] = peak / div_factor
                group["max_lr"] = peak
                group["min_lr"] = group["initial_lr"] / final_div_factor
        if last_epoch == -1 and cycle_momentum:
            for group, lowest, highest in zip(groups, low, high, strict=True):
                self._set_momentum(group, highest)
                group["max_momentum"], group["base_momentum"] = highest, lowest
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """Compute the learning rates of the step in hand, and set the momenta.

        Returns:
            One for each group of the optimizer.

        Raises:
            ValueError: If all steps are done.
        """
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {self.last_epoch} is beyond the schedule's "
                f"total_steps={self.total_steps}"
            )
        phase, share = self._where()
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                ends = (group[phase["start_momentum"]], group[phase["end_momentum"]])
                self._set_momentum(group, self._between(*ends, share))
        return [
            self._between(group[phase["start_lr"]], group[phase["end_lr"]], share)
            for group in groups
        ]

    def _where(self) -> tuple[dict[str, Any], float]:
        """Find the phase of the step in hand, and the share of it that is over."""
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if self.last_epoch <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        if phase["end_step"] == start:
            raise ValueError(
                f"OneCycleLR: step {self.last_epoch} falls into a phase without steps; "
                "choose another pct_start or total_steps"
            )
        return phase, (self.last_epoch - start) / (phase["end_step"] - start)

    def _between(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "linear":
            return start + (end - start) * share
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum

    def _count_steps(self, total: int | None, epochs: Any, steps_per_epoch: Any) -> int:
        if total is not None:
            check_count(self, "total_steps", total)
            return total
        if epochs is None or steps_per_epoch is None:
            raise ValueError(
                "OneCycleLR: give total_steps, or both epochs and steps_per_epoch; got "
                f"epochs={epochs} and steps_per_epoch={steps_per_epoch}"
            )
        check_count(self, "epochs", epochs)
        check_count(self, "steps_per_epoch", steps_per_epoch)
        return epochs * steps_per_epoch

    def _check(
        self, pct_start: float, strategy: str, div_factor: float, final: float
    ) -> None:
        if not isinstance(pct_start, float):
            raise ValueError(
                f"OneCycleLR: pct_start must be a float from 0 to 1, got {pct_start!r}"
            )
        check_range(self, "pct_start", pct_start, 0, 1)
        if strategy not in ("cos", "linear"):
            raise ValueError(
                "OneCycleLR: anneal_strategy must be 'cos' or 'linear', got "
                f"{strategy!r}"
            )
        for name, value in [("div_factor", div_factor), ("final_div_factor", final)]:
            if not value > 0:
                raise ValueError(f"OneCycleLR: {name} must be above 0, got {value}")

    def _check_momenta(self, momenta: list[float]) -> None:
        options = self.optimizer.defaults
        if "momentum" not in options and "betas" not in options:
            raise ValueError(
                "OneCycleLR: cycle_momentum needs an optimizer with momentum or betas, "
                f"got {type(self.optimizer).__name__}"
            )
        self.use_beta1 = "betas" in options
        for momentum in momenta:
            check_range(self, "each momentum", momentum, 0, 1)


def _phases(total: int, pct_start: float, three: bool) -> list[dict[str, Any]]:
    """List where each phase ends and from what to what it leads, in torch's words."""
    top = float(pct_start * total) - 1
    back = float(2 * pct_start * total) - 2
    points = [(0.0, "initial_lr", "max_momentum"), (top, "max_lr", "base_momentum")]
    points += [(back, "initial_lr", "max_momentum")] if three else []
    points += [(total - 1, "min_lr", "max_momentum")]
    return [
        {
            "end_step": end_step,
            "start_lr": start_lr,
            "end_lr": end_lr,
            "start_momentum": start_momentum,
            "end_momentum": end_momentum,
        }
        for (_, start_lr, start_momentum), (end_step, end_lr, end_momentum) in pairwise(
            points
        )
    ]
