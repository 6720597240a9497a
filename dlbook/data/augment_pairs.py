"""Change images and their targets together, to learn from more than there are."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot


def mixup(
    images: Tensor,
    targets: Tensor,
    generator: torch.Generator,
    alpha: float = 0.2,
    *,
    num_classes: int,
) -> tuple[Tensor, Tensor]:
    """Blend every image with another of its batch, and their classes likewise.

    x = λ x₁ + (1 - λ) x₂ and y = λ y₁ + (1 - λ) y₂, y one-hot, λ ~ Beta(α, α). Zhang
    et al. (2018), §2. As in the authors' code, one λ serves the whole batch, and the
    partners are the batch in another order; an image may meet itself. Made for the
    ``augment_pair`` of :func:`~dlbook.training.fit`, by a ``functools.partial`` or a
    ``lambda`` that fixes ``num_classes``.

    Args:
        images: ``(batch, ...)``, floating-point.
        targets: Classes ``(batch,)``, integers.
        generator: Draws λ and the order; on the images' device.
        alpha: Positive; the smaller, the nearer λ is to 0 or 1. At 1 it is uniform.
        num_classes: Number of classes.

    Returns:
        Blended images ``(batch, ...)`` and class probabilities ``(batch, classes)``,
        both new and of the images' type.

    Raises:
        ValueError: If ``alpha`` is not positive, or there is not one class an image,
            from 0 to ``num_classes - 1``.
        TypeError: If the images are not floating-point or the classes not integers.
    """
    _check_mixup(images, targets, num_classes, alpha)
    share = _beta(alpha, generator)
    order = torch.randperm(len(images), generator=generator, device=images.device)
    classes = one_hot(targets.long(), num_classes).to(images.dtype)
    blended, probabilities = (
        share * whole + (1 - share) * whole[order] for whole in (images, classes)
    )
    return blended, probabilities


def _beta(alpha: float, generator: torch.Generator) -> float:
    """Draw from Beta(α, α). torch's sampler takes no generator, but NumPy's does."""
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return float(np.random.default_rng(int(seed)).beta(alpha, alpha))


def _check_mixup(
    images: Tensor, targets: Tensor, num_classes: int, alpha: float
) -> None:
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha must be positive and finite, got {alpha}")
    if not images.is_floating_point() or targets.is_floating_point():
        raise TypeError(
            "mixup blends floating-point images and integer classes, got "
            f"{images.dtype} and {targets.dtype}"
        )
    if targets.shape != (len(images),):
        raise ValueError(
            f"{len(images)} images need classes of shape ({len(images)},), "
            f"got {tuple(targets.shape)}"
        )
    if len(targets) and not 0 <= targets.min() <= targets.max() < num_classes:
        raise ValueError(
            f"classes must lie in 0 … {num_classes - 1}, got "
            f"{targets.min().item()} … {targets.max().item()}"
        )
