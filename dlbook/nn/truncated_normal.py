"""Normal random numbers without tails."""

import math

import torch
from torch import Generator, Tensor

from dlbook.nn.checks import check_floating


@torch.no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw from a normal distribution cut off at a and b: no weight starts far out.

    By rejection: draw, keep what is accepted, draw the rest again. Where more than 0.3
    of the normal distribution lies in [a, b], draws are normal and accepted inside.
    Else they are uniform on [a, b], and accepted with a probability proportional to the
    normal density.

    Args:
        tensor: What to overwrite, any shape.
        mean: The mean before cutting off.
        std: The standard deviation before cutting off.
        a: The least value.
        b: The largest value.
        generator: Where the random numbers come from; None: torch's global one.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``std`` is not positive, ``a`` is not below ``b``, or ``mean``
            is more than two ``std`` outside (torch: a warning).
        TypeError: If ``tensor`` is not floating-point.
    """
    check_floating(tensor, "trunc_normal_", "numbers")
    if not (std > 0 and a < b and a - 2 * std <= mean <= b + 2 * std):
        raise ValueError(
            "trunc_normal_ needs std > 0, a < b, and a mean at most 2 std outside of "
            f"[a, b]; got mean={mean}, std={std}, a={a}, b={b}"
        )
    if tensor.is_meta:  # has no values to reject
        return tensor
    inside = _share_between(mean, std, a, b)
    propose = _normal_proposal if inside > 0.3 else _uniform_proposal
    values, rejected = propose(tensor, mean, std, a, b, generator)
    while rejected.any():
        again, still = propose(tensor, mean, std, a, b, generator)
        values = torch.where(rejected, again, values)
        rejected = rejected & still
    return tensor.copy_(values)


def _share_between(mean: float, std: float, a: float, b: float) -> float:
    """Find how much of a normal distribution lies between a and b."""
    below_a, below_b = (math.erf((x - mean) / (std * math.sqrt(2))) for x in (a, b))
    return (below_b - below_a) / 2


def _normal_proposal(
    like: Tensor, mean: float, std: float, a: float, b: float, source: Generator | None
) -> tuple[Tensor, Tensor]:
    drawn = torch.empty_like(like).normal_(mean, std, generator=source)
    return drawn, (drawn < a) | (drawn > b)


def _uniform_proposal(
    like: Tensor, mean: float, std: float, a: float, b: float, source: Generator | None
) -> tuple[Tensor, Tensor]:
    drawn = torch.empty_like(like).uniform_(a, b, generator=source)
    highest = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    log_density = -0.5 * ((drawn - mean) / std).square() - highest  # 0 at the peak
    chance = torch.empty_like(like).uniform_(generator=source)
    return drawn, chance.log() > log_density
