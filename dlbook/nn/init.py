"""First values of weights: how large they must be for signals to keep their size.

A drop-in for ``torch.nn.init``: same names, arguments and, under the same seed, the
same numbers. All functions overwrite their tensor, record no gradient, and return it.

Why the size matters: y = Σ_i w_i x_i over n inputs, all independent with mean 0, has
the variance n · Var(w) · Var(x). Unless Var(w) is near 1/n, the signal grows or shrinks
by the same factor in each layer, and so does the gradient on its way back.
"""

import math

import torch
from torch import Generator, Tensor

from dlbook.nn.checks import check_choice, check_floating, check_number, shape_of
from dlbook.nn.truncated_normal import trunc_normal_

__all__ = [
    "calculate_gain",
    "constant_",
    "eye_",
    "fan_in_and_fan_out",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_LINEAR = {"linear", "sigmoid"} | {
    f"{kind}{axes}d" for kind in ("conv", "conv_transpose") for axes in (1, 2, 3)
}
_GAINS = dict.fromkeys(sorted(_LINEAR), 1.0)
_GAINS |= {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Say by what to multiply weights to make up for what an activation takes away.

    A unit normal z has the mean square 1, max(z, 0) only 1/2, and with a slope of a for
    negative z it is (1 + a²)/2: the gain √(2 / (1 + a²)) restores 1. He et al. (2015),
    §2.2, eq. (10) and (15). The other gains are torch's: 1 for linear maps and the
    logistic function, 5/3 for tanh and 3/4 for SELU, found by trial.

    Args:
        nonlinearity: "linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", or a
            convolution: "conv1d" to "conv3d", "conv_transpose1d" to "…3d".
        param: The slope a for "leaky_relu", 0.01 by default; the others ignore it.

    Returns:
        The gain, a factor of the standard deviation.

    Raises:
        ValueError: If the name is not known.
        TypeError: If the slope is not a number.
    """
    check_choice(nonlinearity, [*_GAINS, "leaky_relu"], "nonlinearity")
    if nonlinearity != "leaky_relu":
        return _GAINS[nonlinearity]
    slope = 0.01 if param is None else param
    check_number("calculate_gain: param", slope)
    return math.sqrt(2 / (1 + slope**2))


def fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Count the inputs that one output sums, and the outputs that one input reaches.

    Args:
        tensor: A weight, ``(out, in, ...)``; the later axes are a kernel's.

    Returns:
        in · kernel elements, and out · kernel elements.

    Raises:
        ValueError: If the weight has fewer than two axes, or no elements.
    """
    if tensor.ndim < 2 or tensor.numel() == 0:
        raise ValueError(
            "only a weight of shape (out, in, ...) has a fan-in and a fan-out, "
            f"got {shape_of(tensor)}"
        )
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


@torch.no_grad()
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw from the uniform distribution on [a, b], of variance (b - a)² / 12.

    Args:
        tensor: What to overwrite, any shape.
        a: The lower end.
        b: The upper end.
        generator: Where the random numbers come from; None: torch's global one.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``a`` exceeds ``b``.
        TypeError: If ``tensor`` is not floating-point.
    """
    check_floating(tensor, "uniform_", "numbers")
    if a > b:
        raise ValueError(f"uniform_ needs a ≤ b, got a={a} and b={b}")
    return tensor.uniform_(a, b, generator=generator)


@torch.no_grad()
def normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw from the normal distribution with this mean and standard deviation.

    Args:
        tensor: What to overwrite, any shape.
        mean: The mean.
        std: The standard deviation.
        generator: Where the random numbers come from; None: torch's global one.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``std`` is negative.
        TypeError: If ``tensor`` is not floating-point.
    """
    check_floating(tensor, "normal_", "numbers")
    if std < 0:
        raise ValueError(f"normal_ needs std ≥ 0, got {std}")
    return tensor.normal_(mean, std, generator=generator)


@torch.no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Set all elements to one number.

    Args:
        tensor: What to overwrite, any shape.
        val: The number.

    Returns:
        ``tensor`` itself.
    """
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Set all elements to 1: a scale that changes nothing yet.

    Args:
        tensor: What to overwrite, any shape.

    Returns:
        ``tensor`` itself.
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Set all elements to 0: for biases; weights that are all equal would stay equal.

    Args:
        tensor: What to overwrite, any shape.

    Returns:
        ``tensor`` itself.
    """
    return constant_(tensor, 0.0)


@torch.no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix the identity: as many inputs as possible pass unchanged.

    Args:
        tensor: What to overwrite, ``(out, in)``.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``tensor`` is not a matrix.
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_ needs a matrix, got shape {shape_of(tensor)}")
    return tensor.zero_().fill_diagonal_(1)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw weights that suit the way forward and the way back equally, uniformly.

    Signals keep their variance where Var(w) = 1 / fan_in, gradients where it is
    1 / fan_out; the compromise is 2 / (fan_in + fan_out). The uniform distribution on
    [-c, c] has the variance c²/3, hence c = gain · √(6 / (fan_in + fan_out)). Glorot
    and Bengio (2010), §4.2.1, eq. (10), (11), (12) and (16).

    Args:
        tensor: What to overwrite, ``(out, in, ...)``.
        gain: A further factor, see :func:`calculate_gain`.
        generator: Where the random numbers come from; None: torch's global one.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``tensor`` has no fan-in and fan-out.
    """
    bound = math.sqrt(3) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw weights that suit the way forward and the way back equally, normally.

    With the standard deviation gain · √(2 / (fan_in + fan_out)), see
    :func:`xavier_uniform_`.

    Args:
        tensor: What to overwrite, ``(out, in, ...)``.
        gain: A further factor, see :func:`calculate_gain`.
        generator: Where the random numbers come from; None: torch's global one.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``tensor`` has no fan-in and fan-out.
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2 / sum(fan_in_and_fan_out(tensor)))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw weights that make up for rectifiers, uniformly.

    Var(w) = gain² / fan, see :func:`calculate_gain`: 2 / fan for ReLU. The uniform
    distribution on [-c, c] has the variance c²/3, hence c = gain · √(3 / fan). He et
    al. (2015), §2.2, eq. (10) for fan_in, which keeps the size of signals, and eq. (14)
    for fan_out, which keeps that of gradients; eq. (15) with a slope.

    Args:
        tensor: What to overwrite, ``(out, in, ...)``.
        a: The slope for negative numbers; used for "leaky_relu" only.
        mode: "fan_in" or "fan_out".
        nonlinearity: What follows the weights, see :func:`calculate_gain`.
        generator: Where the random numbers come from; None: torch's global one.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``tensor`` has no fan-in and fan-out, or a name is not known.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw weights that make up for rectifiers, normally.

    With the standard deviation gain / √fan, see :func:`kaiming_uniform_`.

    Args:
        tensor: What to overwrite, ``(out, in, ...)``.
        a: The slope for negative numbers; used for "leaky_relu" only.
        mode: "fan_in" or "fan_out".
        nonlinearity: What follows the weights, see :func:`calculate_gain`.
        generator: Where the random numbers come from; None: torch's global one.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``tensor`` has no fan-in and fan-out, or a name is not known.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    check_choice(mode, ("fan_in", "fan_out"), "mode")
    fan = fan_in_and_fan_out(tensor)[0 if mode == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


@torch.no_grad()
def orthogonal_(
    tensor: Tensor, gain: float = 1, generator: Generator | None = None
) -> Tensor:
    """Draw a rotation: it keeps the length of every signal, not only on average.

    W Wᵀ = I, or Wᵀ W = I if there are more outputs than inputs; evenly among all such
    matrices. Q of the QR decomposition of a normal matrix is orthogonal, but depends on
    the signs that the algorithm chooses. Making R's diagonal positive fixes them.
    Saxe et al. (2014); Mezzadri (2007) for the signs.

    Args:
        tensor: What to overwrite, ``(out, ...)``; the later axes count as one.
        gain: A further factor, see :func:`calculate_gain`.
        generator: Where the random numbers come from; None: torch's global one.

    Returns:
        ``tensor`` itself.

    Raises:
        ValueError: If ``tensor`` has fewer than two axes.
        TypeError: If ``tensor`` is neither float32 nor float64.
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"orthogonal_ needs at least two axes, got shape {shape_of(tensor)}"
        )
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"orthogonal_ needs torch.float32 or torch.float64, got {tensor.dtype}"
        )
    if tensor.numel() == 0 or tensor.is_meta:
        return tensor
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    normal = tensor.new_empty(rows, columns).normal_(generator=generator)
    q, r = torch.linalg.qr(normal if rows >= columns else normal.T)
    q = q * r.diagonal().sign()
    return tensor.copy_((q if rows >= columns else q.T).reshape(tensor.shape)).mul_(
        gain
    )
