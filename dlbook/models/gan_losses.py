"""What the two players of an adversarial game want, and what keeps them in check."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from dlbook import nn
from dlbook.nn.checks import check_choice, check_same_shape

Critic = Callable[[Tensor], Tensor]
"""From samples ``(batch, ...)`` to one score each, ``(batch,)``."""


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Give what the discriminator minimizes: the cross-entropy of telling apart.

    -E log D(real) - E log(1 - D(fake)), minus eq. (1) of Goodfellow et al. (2014).

    Args:
        real: Logits of real samples, ``(batch,)``.
        fake: Logits of drawn ones, likewise.

    Returns:
        Nats; 2 log 2 if it cannot tell.
    """
    softplus = nn.Softplus()
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(
    fake: Tensor, kind: Literal["non-saturating", "minimax"] = "non-saturating"
) -> Tensor:
    """Give what the generator minimizes.

    ``"minimax"``: E log(1 - D(fake)), eq. (1) of Goodfellow et al. (2014), whose
    gradient vanishes while the discriminator wins. ``"non-saturating"``: -E log D(fake)
    (their §3).

    Args:
        fake: Logits of drawn samples, ``(batch,)``.
        kind: Which of both.

    Returns:
        Nats.

    Raises:
        ValueError: If there is no such kind.
    """
    check_choice(kind, ("non-saturating", "minimax"), "kind")
    softplus = nn.Softplus()
    return (
        softplus(-fake).mean() if kind == "non-saturating" else -softplus(fake).mean()
    )


def least_squares_loss(scores: Tensor, target: float) -> Tensor:
    """Give the mean squared distance of scores from what they should be.

    Mao et al. (2017): the discriminator draws real samples to 1 and drawn ones to 0;
    the generator draws its samples to 1.

    Args:
        scores: Of any shape.
        target: Where they should be.

    Returns:
        One number.
    """
    return (scores - target).square().mean()


def wasserstein_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Give what a critic minimizes: how much higher it scores drawn samples than real.

    For a critic whose slope is nowhere above 1, the least value is minus the distance
    that probability has to be carried: Arjovsky et al. (2017), eq. (2). The generator
    minimizes ``-fake.mean()``.

    Args:
        real: Scores of real samples, ``(batch,)``.
        fake: Scores of drawn ones, likewise.

    Returns:
        One number.
    """
    return fake.mean() - real.mean()


def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Measure how far a critic's slope is from 1, between real and drawn samples.

    E (‖∇ f(x)‖ - 1)² at random points of the lines between pairs: Gulrajani et al.
    (2017), eq. (3).

    Args:
        critic: f; it must treat each sample by itself.
        real: ``(batch, ...)``.
        fake: Same shape.
        generator: Draws the points.

    Returns:
        One number, differentiable.
    """
    check_same_shape(real, fake, "gradient_penalty")
    shape = (len(real), *[1] * (real.ndim - 1))
    share = torch.rand(shape, generator=generator, device=real.device, dtype=real.dtype)
    between = share * real + (1 - share) * fake
    slopes = _slopes(critic, between)
    return (slopes.flatten(1).norm(dim=1) - 1).square().mean()


def r1_penalty(discriminator: Critic, real: Tensor) -> Tensor:
    """Measure how steep a discriminator is at real samples.

    ½ E ‖∇ D(x)‖² (Mescheder et al., 2018, eq. (9), without its weight γ).

    Args:
        discriminator: D, its logits; it must treat each sample by itself.
        real: ``(batch, ...)``.

    Returns:
        One number, differentiable.
    """
    return _slopes(discriminator, real).flatten(1).square().sum(1).mean() / 2


def _slopes(critic: Critic, points: Tensor) -> Tensor:
    points = points.detach().requires_grad_()
    [slopes] = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return slopes
