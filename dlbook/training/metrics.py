"""Measure how well a model does."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlbook import nn, runtime
from dlbook.training.samples import Samples, check_samples, moved, outputs_of, picked

Loss = Callable[[Any, Tensor], Tensor]  # of a model's outputs, whatever they are
Metric = Callable[[Any, Tensor], float | Tensor]


class Evaluation(NamedTuple):
    """What a model reaches on a data set.

    Attributes:
        loss: Mean over the samples.
        metric: Mean over the samples; NaN without a metric.
    """

    loss: float
    metric: float


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Measure how often the highest score is that of the right class.

    Args:
        outputs: Scores ``(batch, classes, ...)``.
        targets: Class numbers ``(batch, ...)``, integers.

    Returns:
        Share of right predictions, 0 … 1.

    Raises:
        ValueError: If the shapes do not fit or the targets are no class numbers.
    """
    check_classes(outputs, targets, "accuracy")
    return (outputs.argmax(dim=1) == targets).double().mean().item()


def evaluate(
    model: nn.Module,
    data: Samples,
    *,
    loss: Loss | None = None,
    metric: Metric | None = accuracy,
    batch_size: int = 256,
    device: torch.device | str | None = None,
) -> Evaluation:
    """Measure a model on a data set, in evaluation mode and without gradients.

    Args:
        model: Moved to ``device``; the mode of each part is put back afterwards.
        data: Inputs ``(n, ...)`` and targets ``(n, ...)``; as for :func:`fit`.
        loss: Of outputs and targets, averaged over the batch; default cross-entropy.
        metric: Of outputs and targets, averaged over the batch.
        batch_size: Samples at a time; no effect on the result but for rounding.
        device: Default :func:`dlbook.runtime.device`.

    Returns:
        Means of the loss and the metric over the samples.

    Raises:
        ValueError: If the data set is empty, its parts differ in length, or
            ``batch_size`` is not positive.
        TypeError: If ``batch_size`` is not an integer.
    """
    check_samples("data", data)
    check_count("batch_size", batch_size)
    place = torch.device(device or runtime.device())
    loss = loss or nn.CrossEntropyLoss()
    inputs, targets = moved(data, place)
    means = RunningMeans()
    with runtime.evaluation_mode(model.to(place)):
        for start in range(0, len(targets), batch_size):
            batch = slice(start, start + batch_size)
            outputs, y = outputs_of(model, picked(inputs, batch)), targets[batch]
            measured = float(metric(outputs, y)) if metric else math.nan
            means.add(len(y), loss(outputs, y).item(), measured)
    return means.result()


@dataclass
class RunningMeans:
    """Average a loss and a metric over samples that come in batches.

    Attributes:
        samples: How many samples were counted.
        loss: Sum of the loss over them.
        metric: Sum of the metric over them.
    """

    samples: int = 0
    loss: float = 0.0
    metric: float = 0.0

    def add(self, samples: int, loss: float, metric: float) -> None:
        """Count a batch, given its means."""
        self.samples += samples
        self.loss += samples * loss
        self.metric += samples * metric

    def result(self) -> Evaluation:
        """Give the means over all samples counted."""
        return Evaluation(self.loss / self.samples, self.metric / self.samples)


def check_classes(outputs: Tensor, targets: Tensor, metric: str) -> None:
    """Refuse outputs and targets that are not scores of classes and class numbers.

    Raises:
        ValueError: If so; both shapes are named.
    """
    fitting = outputs.ndim > 1 and not targets.is_floating_point()
    if not fitting or outputs.shape[:1] + outputs.shape[2:] != targets.shape:
        raise ValueError(
            f"{metric} compares scores (batch, classes, ...) with integer classes "
            f"(batch, ...), got {tuple(outputs.shape)} and {targets.dtype} "
            f"{tuple(targets.shape)}; for other tasks pass metric=None or your own"
        )


def check_count(name: str, value: int) -> None:
    """Refuse what is no positive integer.

    Raises:
        TypeError: If it is not an integer.
        ValueError: If it is not positive.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        kind = type(value).__name__
        raise TypeError(f"{name} must be an integer, not {kind}: {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be positive, got {value}")
