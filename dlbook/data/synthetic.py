"""Data drawn from a known rule, so that what is learned can be compared with it."""

import torch
from sklearn.datasets import make_moons
from torch import Tensor

from dlbook.runtime import generator


def regression(
    num_samples: int = 200,
    weight: float = 3.0,
    bias: float = 2.0,
    noise: float = 0.5,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Draw points around a straight line.

    y = weight · x + bias + ε, with x uniform on [-1, 1] and ε ~ N(0, noise²).

    Args:
        num_samples: How many points.
        weight: The line's slope.
        bias: The line's height at x = 0.
        noise: Standard deviation of ε.
        seed: Which points are drawn.

    Returns:
        Inputs ``(num_samples, 1)`` and targets ``(num_samples, 1)``, float32.

    Raises:
        ValueError: If ``num_samples`` is not positive or ``noise`` is negative.
    """
    _check(num_samples, noise)
    draw = generator(seed)
    inputs = torch.rand(num_samples, 1, generator=draw) * 2 - 1
    errors = noise * torch.randn(num_samples, 1, generator=draw)
    return inputs, weight * inputs + bias + errors


def moons(
    num_samples: int = 200, noise: float = 0.1, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Draw two interleaved half circles, which no straight line separates.

    scikit-learn's ``make_moons``: radius 1, the lower moon shifted by (1, 0.5).

    Args:
        num_samples: How many points, shared equally between the moons.
        noise: Standard deviation of the normal noise on both coordinates.
        seed: Which points are drawn, and their order.

    Returns:
        Points ``(num_samples, 2)``, float32, and the moon of each ``(num_samples,)``,
        int64: 0 the upper, 1 the lower.

    Raises:
        ValueError: If ``num_samples`` is not positive or ``noise`` is negative.
    """
    _check(num_samples, noise)
    points, labels = make_moons(num_samples, noise=noise, random_state=seed)
    return torch.from_numpy(points).float(), torch.from_numpy(labels).long()


def _check(num_samples: int, noise: float) -> None:
    if num_samples < 1:
        raise ValueError(f"num_samples must be positive, got {num_samples}")
    if noise < 0:
        raise ValueError(f"noise must not be negative, got {noise}")
