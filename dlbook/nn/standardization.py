"""What all normalization shares: to standardize, and to scale and shift anew."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import Module, Parameter

from dlbook.nn import init
from dlbook.nn.checks import check_floating, check_same_device


class Standardization(Function):
    """(x - mean) / √(variance + ε) · scale + shift, with its gradient written out.

    Let c = x - mean, d = √(variance + ε), g the gradient by the output, and n how many
    numbers share a mean. The chain rule gives, all sums over these n,

    - by the shift: Σ g; by the scale: Σ g c / d
    - by the mean: -scale / d · Σ g, as Σ c = 0 lets the variance not depend on it
    - by the variance: -scale / (2 d³) · Σ g c, as ∂(1/d)/∂variance = -1 / (2 d³)
    - by x: g · scale / d + (by the mean) / n + (by the variance) · 2 c / n

    Ioffe and Szegedy (2015), §3. Autograd would find the same, but go over the numbers
    more often.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        input: Tensor, scale: Tensor, shift: Tensor, dims: tuple[int, ...], eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the output, and the statistics it took.

        Args:
            input: x, any shape.
            scale: Of size 1 along ``dims``, else broadcastable to the input.
            shift: Likewise.
            dims: The axes over which mean and variance are taken.
            eps: ε, added to the variance.

        Returns:
            The output, of the input's shape; the mean and the variance, with size 1
            along ``dims``. The variance is the mean square of c.
        """
        mean = input.mean(dims, keepdim=True)
        centred = input - mean
        variance = centred.square().mean(dims, keepdim=True)
        deviation = (variance + eps).sqrt()
        output = centred.mul_(scale / deviation).add_(shift)  # saves memory, and time
        return output, mean, variance

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]
    ) -> None:
        """Keep what the backward pass needs.

        Args:
            ctx: Where to keep it.
            inputs: The arguments of :meth:`forward`.
            output: Its results.
        """
        input, scale, shift, ctx.dims, ctx.eps = inputs
        ctx.shift_shape = shift.shape
        _, mean, variance = output
        ctx.save_for_backward(input, scale, mean, variance)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients, see above.

        Args:
            ctx: What the forward pass kept.
            grad_outputs: The gradients by the output, the mean and the variance.

        Returns:
            The gradients by the input, the scale and the shift, and two times None.
        """
        input, scale, mean, variance = ctx.saved_tensors
        grad, by_mean, by_variance = grad_outputs
        count = math.prod(input.shape[dim] for dim in ctx.dims)
        centred = input - mean
        deviation = (variance + ctx.eps).sqrt()

        factor = scale / deviation
        by_shift = grad.sum(ctx.dims, keepdim=True)
        by_scale = (grad * centred).sum(ctx.dims, keepdim=True) / deviation
        by_mean = by_mean - factor * by_shift
        by_variance = by_variance - factor / (2 * deviation) * by_scale
        by_input = centred * (2 * by_variance / count)
        by_input.add_(by_mean / count).addcmul_(grad, factor)
        return (
            by_input,
            by_scale.sum_to_size(scale.shape),
            by_shift.sum_to_size(ctx.shift_shape),
            None,
            None,
        )


def standardize(input: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    """Give numbers mean 0 and variance 1: (x - mean) / √(variance + ε).

    Args:
        input: x, any shape.
        dims: The axes over which mean and variance are taken.
        eps: ε, so that equal numbers give 0, not 0/0.

    Returns:
        Same shape.
    """
    one, zero = input.new_ones(()), input.new_zeros(())
    return Standardization.apply(input, one, zero, dims, eps)[0]


class Normalization(Module):
    """What all normalization layers share: weight and bias, first values, and checks.

    In half precision they compute in float32, as torch's do, and return the input's
    type. The parameters may then be float32 as well. (Inside ``torch.autocast`` on a
    GPU, torch's LayerNorm, GroupNorm and RMSNorm return float32 instead.)

    Attributes:
        weight: What to multiply the standardized numbers by, or None.
        bias: What to add then, or None.
    """

    weight: Parameter | None
    bias: Parameter | None

    def make_parameters(
        self, shape: tuple[int, ...], weight: bool, bias: bool, options: dict[str, Any]
    ) -> None:
        """Register weight and bias, or None in their place.

        Args:
            shape: Their shape.
            weight: Whether there is a weight.
            bias: Whether there is a bias, provided there is a weight.
            options: Their device and dtype.
        """
        for name, wanted in (("weight", weight), ("bias", weight and bias)):
            values = Parameter(torch.empty(shape, **options)) if wanted else None
            self.register_parameter(name, values)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale by 1 and shift by 0, until training finds better."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def in_full(self, input: Tensor) -> Tensor:
        """Refuse what the layer cannot compute with; lengthen half precision.

        Args:
            input: Any shape.

        Returns:
            The input in float32 or float64.

        Raises:
            TypeError: If the input is not floating-point, or its type does not go with
                the layer's parameters.
            ValueError: If the parameters are on another device.
        """
        layer = type(self).__name__
        check_floating(input, layer)
        if input.is_complex():
            raise TypeError(f"{layer} needs real numbers, got {input.dtype}")
        wide = input.to(torch.promote_types(input.dtype, torch.float32))
        held = {**self._parameters, **self._buffers}
        for name in ("weight", "running_mean"):
            if (tensor := held.get(name)) is None:
                continue
            check_same_device(input, tensor, layer, name)
            if tensor.dtype not in (input.dtype, wide.dtype):
                raise TypeError(
                    f"{layer}'s {name} is {tensor.dtype}, but its input is "
                    f"{input.dtype}"
                )
        return wide

    def scale_and_shift(self, like: Tensor, later: int = 0) -> tuple[Tensor, Tensor]:
        """Hand out weight and bias, ready to be broadcast; 1 and 0 if there are none.

        Args:
            like: A tensor of the type they shall have.
            later: How many of the input's axes come after those of the weight.

        Returns:
            The scale and the shift.
        """
        scale, shift = like.new_ones(()), like.new_zeros(())
        if self.weight is not None:
            shape = (*self.weight.shape, *[1] * later)
            scale = self.weight.to(like.dtype).reshape(shape)
            if self.bias is not None:
                shift = self.bias.to(like.dtype).reshape(shape)
        return scale, shift


def as_given(output: Tensor, input: Tensor) -> Tensor:
    """Give an output the input's type, and a plain layout in memory, as torch does.

    That is row by row; or channels last, if the output of images is so already.

    Args:
        output: What a layer computed.
        input: What it was given.

    Returns:
        The same numbers.
    """
    output = output.to(input.dtype)
    last = torch.channels_last
    images = output.ndim == 4 and output.is_contiguous(memory_format=last)
    return output if images else output.contiguous()
