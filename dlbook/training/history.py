"""What a training run measured, and when to stop it."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from dlbook.training.metrics import RunningMeans


@dataclass
class History:
    """What :func:`fit` measured: in each list, one number an epoch.

    It is written by ``json.dumps(dataclasses.asdict(history))`` and read by
    ``History(**json.loads(text))``.

    Attributes:
        train_loss: Mean over the epoch's samples, each taken while it was learned from.
        train_metric: Likewise; empty without a metric.
        validation_loss: Of the validation set after the epoch; empty without one.
        validation_metric: Likewise; empty without a metric.
        learning_rate: Of the epoch's last step (the first parameter group's).
        seconds: Time for training and validation.
    """

    train_loss: list[float] = field(default_factory=list)
    train_metric: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class EarlyStopping:
    """Stop :func:`fit` when validation no longer improves, and keep the best weights.

    The weights of the best epoch are put back at the end, whether the run was stopped
    or not. Prechelt (1998), Early Stopping — But When?, the criterion UP with its
    patience counted in epochs.

    Args:
        patience: How many epochs without a new best to allow.
        monitor: ``"validation_loss"`` (smaller is better) or ``"validation_metric"``
            (larger is better).

    Raises:
        ValueError: If ``patience`` is not positive or ``monitor`` is neither.
    """

    patience: int
    monitor: Literal["validation_loss", "validation_metric"] = "validation_loss"

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise ValueError(f"patience must be positive, got {self.patience}")
        if self.monitor not in ("validation_loss", "validation_metric"):
            raise ValueError(
                f"monitor must be 'validation_loss' or 'validation_metric', "
                f"got {self.monitor!r}"
            )

    def is_better(self, value: float, best: float) -> bool:
        """Tell whether a value of what is monitored beats the best so far.

        Any number beats NaN, and NaN beats nothing.
        """
        if math.isnan(best):
            return not math.isnan(value)
        return value < best if self.monitor == "validation_loss" else value > best


@dataclass
class Best:
    """The best epoch so far by what early stopping monitors; epochs count from 1."""

    epoch: int
    value: float
    weights: dict[str, Tensor]


@dataclass
class Progress:
    """How far a run is: what a checkpoint keeps beside model, optimizer and scheduler.

    Attributes:
        epoch: Finished epochs.
        step: Finished steps of the epoch in hand.
        means: Of the loss and the metric in the epoch in hand.
        learning_rate: Of the last step.
        seconds: Spent on the epoch in hand.
        history: Of the finished epochs.
        best: Of the finished epochs, if there is early stopping.
    """

    epoch: int = 0
    step: int = 0
    means: RunningMeans = field(default_factory=RunningMeans)
    learning_rate: float = math.nan
    seconds: float = 0.0
    history: History = field(default_factory=History)
    best: Best | None = None

    def to_dict(self) -> dict[str, Any]:
        """Take it apart into dicts, without copying any weights."""
        return vars(self) | {
            "means": vars(self.means),
            "history": vars(self.history),
            "best": vars(self.best) if self.best else None,
        }

    @classmethod
    def from_dict(cls, parts: dict[str, Any]) -> "Progress":
        """Rebuild what :meth:`to_dict` took apart."""
        best = Best(**parts["best"]) if parts["best"] else None
        return cls(
            **parts
            | {
                "means": RunningMeans(**parts["means"]),
                "history": History(**parts["history"]),
                "best": best,
            }
        )
