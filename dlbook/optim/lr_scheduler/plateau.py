"""Lower the learning rate when a measured value stops improving."""

import math
from typing import Any, Literal, SupportsFloat

from torch import Tensor
from torch.optim import Optimizer

from dlbook.optim.lr_scheduler.schedule import (
    Schedule,
    check_count,
    check_optimizer,
    check_range,
    one_each,
)


class ReduceLROnPlateau(Schedule):
    """Lower the learning rate once a loss or a metric has stopped improving.

    Call ``step(value)`` after each epoch. More than ``patience`` values in a row that
    are no better than the best multiply the rate by ``factor``.

    Args:
        optimizer: Its learning rates are changed.
        mode: ``"min"`` if lower values are better, ``"max"`` if higher ones are.
        factor: What the rate is multiplied by; below 1.
        patience: How many values in a row may be no better.
        threshold: t, how much better is better: with ``"rel"`` below best · (1 - t)
            or above best · (1 + t), with ``"abs"`` below best - t or above best + t.
        threshold_mode: ``"rel"`` or ``"abs"``.
        cooldown: How many values after a change are not counted.
        min_lr: The lowest rate, or a list of one for each group.
        eps: A rate that would fall by no more than this stays.

    Raises:
        ValueError: If an argument is out of range or unknown, or ``min_lr`` has not
            one value for each group.
        TypeError: If ``optimizer`` is none.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        check_optimizer(self, optimizer)
        self._check(mode, factor, patience, threshold, threshold_mode, cooldown, eps)
        groups = len(optimizer.param_groups)
        self.min_lrs = one_each(self, "min_lr", min_lr, groups)
        for lowest in self.min_lrs:
            check_range(self, "min_lr", lowest, 0)
        self.default_min_lr = None if isinstance(min_lr, list | tuple) else min_lr
        self.optimizer = optimizer
        self.factor, self.eps = factor, eps
        self.patience, self.cooldown = patience, cooldown
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best = self.mode_worse
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0
        self._note_rates()

    def step(  # type: ignore[override]
        self, metrics: SupportsFloat, epoch: int | None = None
    ) -> None:
        """Take note of a value, and lower the learning rate if it is time.

        Args:
            metrics: The value; NaN is no better than any.
            epoch: Only None. torch's deprecated way to jump is not implemented.

        Raises:
            NotImplementedError: If ``epoch`` is given.
            ValueError: If ``min_lr`` lacks a value for a group that came later.
        """
        self._refuse_epoch(epoch)
        value = float(metrics)
        self.last_epoch += 1
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._lower_rates()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._note_rates()

    def _is_better(self, value: float) -> bool:
        sign = 1 if self.mode == "max" else -1  # the bound lies on this side of best
        if self.threshold_mode == "rel":
            bound = self.best * (1 + sign * self.threshold)
        else:
            bound = self.best + sign * self.threshold
        return value > bound if self.mode == "max" else value < bound

    def _lower_rates(self) -> None:
        groups = self.optimizer.param_groups
        if self.default_min_lr is not None:  # groups may have come since
            self.min_lrs = [self.default_min_lr] * len(groups)
        one_each(self, "min_lr", self.min_lrs, len(groups))
        for group, lowest in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, lowest)
            if old - new > self.eps:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(new)
                else:
                    group["lr"] = new

    def _note_rates(self) -> None:
        self._last_lr = [
            group["lr"].clone() if isinstance(group["lr"], Tensor) else group["lr"]
            for group in self.optimizer.param_groups
        ]

    def _check(
        self,
        mode: str,
        factor: float,
        patience: int,
        threshold: float,
        threshold_mode: str,
        cooldown: int,
        eps: float,
    ) -> None:
        known: list[tuple[str, Any, tuple[str, str]]] = [
            ("mode", mode, ("min", "max")),
            ("threshold_mode", threshold_mode, ("rel", "abs")),
        ]
        for name, value, words in known:
            if value not in words:
                raise ValueError(
                    f"ReduceLROnPlateau: {name} must be {words[0]!r} or {words[1]!r}, "
                    f"got {value!r}"
                )
        if not 0 <= factor < 1:
            raise ValueError(
                f"ReduceLROnPlateau: factor must be from 0 to below 1, got {factor}"
            )
        check_count(self, "patience", patience, low=0)
        check_count(self, "cooldown", cooldown, low=0)
        check_range(self, "threshold", threshold, 0)
        check_range(self, "eps", eps, 0)
