"""Activations: the bends between affine maps, and softmax."""

import math

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.checks import check_choice, check_dim, check_floating, refuse_inplace
from dlbook.nn.probabilities import Probabilities


def softplus(input: Tensor) -> Tensor:
    """Compute log(1 + exp(x)) without overflow: a smooth version of max(x, 0).

    Written as log(exp(x) + exp(0)), of which the larger exponent can be taken out.
    Its negative at -x is log σ(x), the logarithm of the logistic function.

    Args:
        input: Any shape.

    Returns:
        Same shape; positive.
    """
    return input.logaddexp(input.new_zeros(()))


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """Turn scores into log-probabilities, precise for scores of any size.

    x_i - log Σ_j exp(x_j), the maximum subtracted from all x first: the result is the
    same, and the largest exponential is exp(0), so that none overflows.

    Args:
        input: Scores, any shape.
        dim: The axis along which probabilities sum to one.

    Returns:
        Same shape; not positive.
    """
    if input.numel() == 0:
        return input
    shifted = input - input.detach().amax(dim, keepdim=True)
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


def softmax(input: Tensor, dim: int) -> Tensor:
    """Turn scores into probabilities.

    exp(x_i) / Σ_j exp(x_j), the maximum subtracted from all x first, as in
    :func:`~dlbook.nn.activations.log_softmax`; the gradient is that of
    :class:`~dlbook.nn.probabilities.Probabilities`.

    Args:
        input: Scores, any shape.
        dim: The axis along which probabilities sum to one.

    Returns:
        Same shape; non-negative, summing to one along ``dim``.
    """
    if input.numel() == 0:
        return input
    return Probabilities.apply(input, dim)


class ReLU(Module):
    """Cut off what is negative: max(x, 0). Its slope at 0 is taken as 0.

    Nair and Hinton (2010).

    Args:
        inplace: Only False.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace(inplace, "ReLU")
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to every element; same shape."""
        return input.relu()  # clamp(min=0), but for its slope of 1 at 0


class LeakyReLU(Module):
    """Let a little through where ReLU lets nothing: max(x, 0) + slope · min(x, 0).

    Maas et al. (2013), §2.

    Args:
        negative_slope: The slope for negative x.
        inplace: Only False.
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace(inplace, "LeakyReLU")
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to every element; same shape."""
        check_floating(input, "LeakyReLU")
        return torch.where(input > 0, input, self.negative_slope * input)

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """Level off smoothly at -α: x where positive, α (exp(x) - 1) elsewhere.

    Clevert et al. (2016), eq. (15).

    Args:
        alpha: α, the limit for very negative x.
        inplace: Only False.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace(inplace, "ELU")
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to every element; same shape."""
        check_floating(input, "ELU")
        return input.relu() + self.alpha * input.clamp(max=0).expm1()

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"alpha={self.alpha}"


class GELU(Module):
    """Weigh x by the chance that a standard normal number is below it: x Φ(x).

    Φ(x) = (1 + erf(x / √2)) / 2; or, with ``approximate="tanh"``,
    (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2. Hendrycks and Gimpel (2016), §2.

    Args:
        approximate: "none" or "tanh".
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        check_choice(approximate, ("none", "tanh"), "approximate")
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to every element; same shape."""
        check_floating(input, "GELU")
        if self.approximate == "tanh":
            cubic = input + 0.044715 * input * input * input
            return 0.5 * input * (1 + (math.sqrt(2 / math.pi) * cubic).tanh())
        return 0.5 * input * (1 + (input / math.sqrt(2)).erf())

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """Weigh x by the logistic function of x: x σ(x), also called swish.

    Elfwing et al. (2018), eq. (8); Ramachandran et al. (2017).

    Args:
        inplace: Only False.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace(inplace, "SiLU")
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to every element; same shape."""
        check_floating(input, "SiLU")
        return input * input.sigmoid()


class Sigmoid(Module):
    """Squeeze x into (0, 1): the logistic function σ(x) = 1 / (1 + exp(-x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to every element; same shape."""
        return input.sigmoid()


class Tanh(Module):
    """Squeeze x into (-1, 1): (exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2 σ(2x) - 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to every element; same shape."""
        return input.tanh()


class Softplus(Module):
    """Round the corner of ReLU: log(1 + exp(β x)) / β.

    Where β x exceeds ``threshold`` the result is x itself, as in torch.

    Args:
        beta: β; the larger, the sharper the corner.
        threshold: From where on the function is the straight line.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to every element; same shape."""
        check_floating(input, "Softplus")
        scaled = self.beta * input
        return torch.where(scaled > self.threshold, input, softplus(scaled) / self.beta)

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """Turn scores into probabilities, see :func:`~dlbook.nn.activations.softmax`.

    Args:
        dim: The axis along which they sum to one. Where torch guesses it, ours asks.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = _given(dim, "Softmax")

    def forward(self, input: Tensor) -> Tensor:
        """Normalize along ``dim``; same shape.

        Raises:
            ValueError: If the input has no such axis.
        """
        check_floating(input, "Softmax")
        return softmax(input, check_dim(self.dim, input, "Softmax"))

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """Turn scores into log-probabilities.

    See :func:`~dlbook.nn.activations.log_softmax`.

    Args:
        dim: The axis along which the probabilities sum to one. Where torch guesses it,
            ours asks.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = _given(dim, "LogSoftmax")

    def forward(self, input: Tensor) -> Tensor:
        """Normalize along ``dim``; same shape.

        Raises:
            ValueError: If the input has no such axis.
        """
        check_floating(input, "LogSoftmax")
        return log_softmax(input, check_dim(self.dim, input, "LogSoftmax"))

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"dim={self.dim}"


def _given(dim: int | None, layer: str) -> int:
    if dim is None:
        raise ValueError(
            f"{layer} needs to know its axis: give dim, for example dim=-1"
        )
    return dim
