"""The affine map, and the two layers that compute nothing: reshape and pass on."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from dlbook.nn import init
from dlbook.nn.checks import check_dim, check_matches, check_positive, shape_of


def draw_by_fan_in(weight: Tensor, bias: Tensor | None) -> None:
    """Draw the first values of a layer, the smaller the more inputs each output sums.

    Both come from the uniform distribution on [-1/√n, 1/√n], n being the number of
    inputs of one output. It is torch's default:
    :func:`~dlbook.nn.init.kaiming_uniform_` with the slope a = √5, for which the bound
    √(6 / ((1 + a²) n)) is 1/√n.

    Args:
        weight: ``(out, ...)``, overwritten; n is the product of the later sizes.
        bias: ``(out,)``, overwritten; or None.
    """
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(init.fan_in_and_fan_out(weight)[0])
        init.uniform_(bias, -bound, bound)


class Linear(Module):
    """Mix all features: every output is a weighted sum of all inputs plus a bias.

    y = x Wᵀ + b

    Args:
        in_features: Size of the input's last axis.
        out_features: Size of the output's last axis.
        bias: Whether to add b.
        device: Where the parameters live.
        dtype: The parameters' type.

    Attributes:
        weight: W, ``(out_features, in_features)``.
        bias: b, ``(out_features,)``, or None.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features = check_positive("in_features", in_features)
        self.out_features = check_positive("out_features", out_features)
        self.weight = Parameter(
            torch.empty(out_features, in_features, device=device, dtype=dtype)
        )
        self.bias: Parameter | None
        if bias:
            self.bias = Parameter(torch.empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new first values, see :func:`~dlbook.nn.linear.draw_by_fan_in`."""
        draw_by_fan_in(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the map along the last axis.

        Args:
            input: ``(..., in_features)``.

        Returns:
            ``(..., out_features)``.

        Raises:
            ValueError: If the last axis has another size.
            TypeError: If the input's type is not the weight's.
        """
        if input.shape[-1:] != (self.in_features,):
            raise ValueError(
                f"Linear expects input of shape (..., {self.in_features}), "
                f"got {shape_of(input)}"
            )
        check_matches(input, self.weight, "Linear")
        output = input @ self.weight.T
        # autocast multiplies in a shorter type, in which it goes on
        return output if self.bias is None else output + self.bias.to(output.dtype)

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Flatten(Module):
    """Lay several axes out as one, by default all but the batch.

    Args:
        start_dim: First axis to merge; negative counts from the back.
        end_dim: Last axis to merge.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Merge the axes; the values keep their order.

        Args:
            input: ``(batch, ...)``, any shape.

        Returns:
            The same values, ``(batch, features)`` by default.

        Raises:
            ValueError: If the input lacks one of the axes, or they are out of order.
        """
        start = check_dim(self.start_dim, input, "Flatten")
        end = check_dim(self.end_dim, input, "Flatten")
        if start > end:
            raise ValueError(f"Flatten: start_dim {start} comes after end_dim {end}")
        merged = math.prod(input.shape[start : end + 1])
        return input.reshape(*input.shape[:start], merged, *input.shape[end + 1 :])

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """Pass the input on: a placeholder where a model may have no layer.

    Args:
        args: Anything; a placeholder takes the arguments of the layer it stands for.
        kwargs: Anything, likewise.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input`` itself."""
        return input
