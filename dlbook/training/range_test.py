"""Find a learning rate by raising it until training falls apart."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch.optim import Optimizer

from dlbook import nn, runtime
from dlbook.data import Pair
from dlbook.training.metrics import Loss, check_count
from dlbook.training.samples import check_samples


@dataclass(frozen=True)
class RangeTest:
    """What :func:`learning_rate_range_test` measured, step by step.

    Attributes:
        learning_rates: Of each step, growing.
        losses: Of each step's batch, before the step.
        smoothed: Their exponential average, free of its bias towards 0.
    """

    learning_rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)


def learning_rate_range_test(
    model: nn.Module,
    train: Pair,
    make_optimizer: Callable[[Iterable[nn.Parameter], float], Optimizer],
    *,
    lowest: float = 1e-5,
    highest: float = 10.0,
    steps: int = 100,
    loss: Loss | None = None,
    batch_size: int = 64,
    smoothing: float = 0.9,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> RangeTest:
    """Find usable learning rates: train a copy while the rate grows, watch the loss.

    Smith (2017), Cyclical learning rates, §3.3, with a rate that grows by a constant
    factor instead of a constant amount. It stops early when the smoothed loss exceeds
    four times its smallest value, or is no finite number.

    Args:
        model: Its copy is trained; it stays as it is.
        train: Inputs ``(n, ...)`` and targets ``(n, ...)``, drawn in random order,
            again and again if need be.
        make_optimizer: Makes the optimizer from parameters and a learning rate.
        lowest: Rate of the first step.
        highest: Rate of the last step.
        steps: How many steps, at least 2.
        loss: Of outputs and targets, averaged over the batch; default cross-entropy.
        batch_size: Samples a step.
        smoothing: Weight of the past in the average, from 0 up to but not including 1.
        seed: Of the order of the samples.
        device: Default :func:`dlbook.runtime.device`.

    Returns:
        Learning rates and losses up to the end or the early stop.

    Raises:
        ValueError: If an argument is out of range.
    """
    check_samples("train", train)
    check_count("batch_size", batch_size)
    _check_range(lowest, highest, steps, smoothing)
    place = torch.device(device or runtime.device())
    learner = copy.deepcopy(model).to(place).train()
    optimizer = make_optimizer(learner.parameters(), lowest)
    loss = loss or nn.CrossEntropyLoss()
    result, average = RangeTest(), 0.0
    batches = _endless_batches(train, batch_size, seed, place)
    for step, (inputs, targets) in zip(range(steps), batches, strict=False):
        rate = lowest * (highest / lowest) ** (step / (steps - 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        value = loss(learner(inputs), targets)
        average = smoothing * average + (1 - smoothing) * value.item()
        smoothed = average / (1 - smoothing ** (step + 1))
        if not smoothed <= 4 * min(result.smoothed, default=math.inf):  # or NaN
            break
        result.learning_rates.append(rate)
        result.losses.append(value.item())
        result.smoothed.append(smoothed)
        value.backward()
        optimizer.step()
    return result


def _check_range(lowest: float, highest: float, steps: int, smoothing: float) -> None:
    if not 0 < lowest < highest < math.inf:
        raise ValueError(f"expected 0 < lowest < highest, got {lowest} and {highest}")
    check_count("steps", steps)
    if steps < 2:
        raise ValueError(f"steps must be at least 2, got {steps}")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must lie in [0, 1), got {smoothing}")


def _endless_batches(
    train: Pair, batch_size: int, seed: int, device: torch.device
) -> Iterator[Pair]:
    """Yield batches in random order, epoch after epoch."""
    shuffle = runtime.generator(seed)
    inputs, targets = (part.to(device) for part in train)
    while True:
        order = torch.randperm(len(inputs), generator=shuffle).to(device)
        for batch in order.split(batch_size):
            yield inputs[batch], targets[batch]
