"""What all convolution layers share."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from dlbook.nn.checks import check_matches, check_positive, shape_of
from dlbook.nn.linear import draw_by_fan_in
from dlbook.nn.windows import as_tuple


class Convolution(Module):
    """What convolutions share, plain or transposed: arguments, weights, checks.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Size of the kernel along each axis, or one number for all.
        stride: Pixels from one place to the next, likewise.
        padding: Pixels around the larger image, likewise; or what a subclass accepts.
        dilation: Pixels from one kernel element to the next, likewise.
        groups: Number of parts into which the channels fall.
        bias: Whether to add a number for each output channel.
        padding_mode: Only "zeros".
        device: Where the parameters live.
        dtype: The parameters' type.

    Attributes:
        axes: The names of the axes the kernel slides along.
        weight: The kernels; their shape is the subclass's choice.
        bias: ``(out_channels,)``, or None.
    """

    axes: tuple[str, ...]
    padding: str | tuple[int, ...]
    output_padding: tuple[int, ...] = ()  # only transposed ones have some

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.out_channels = check_positive("out_channels", out_channels)
        self.groups = check_positive("groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"in_channels and out_channels must be divisible by groups, got "
                f"{in_channels}, {out_channels} and {groups}"
            )
        self.kernel_size = self._per_axis(kernel_size, "kernel_size", minimum=1)
        self.stride = self._per_axis(stride, "stride", minimum=1)
        self.dilation = self._per_axis(dilation, "dilation", minimum=1)
        self.padding = self._read_padding(padding)
        if padding_mode != "zeros":
            raise NotImplementedError(
                f"only padding_mode='zeros' is implemented, got {padding_mode!r}"
            )
        self.padding_mode = padding_mode
        self._make_parameters(bias, {"device": device, "dtype": dtype})

    def _make_parameters(self, bias: bool, options: dict[str, Any]) -> None:
        self.weight = Parameter(torch.empty(self._weight_shape(), **options))
        self.bias: Parameter | None
        if bias:
            self.bias = Parameter(torch.empty(self.out_channels, **options))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _read_padding(
        self, padding: str | int | Sequence[int]
    ) -> str | tuple[int, ...]:
        if isinstance(padding, str):
            raise TypeError(f"padding must be an integer or some, got {padding!r}")
        return self._per_axis(padding, "padding", minimum=0)

    def _per_axis(
        self, value: int | Sequence[int], name: str, minimum: int
    ) -> tuple[int, ...]:
        values = as_tuple(value, len(self.axes), name)
        if min(values) < minimum:
            raise ValueError(f"{name} must be at least {minimum}, got {value!r}")
        return values

    def reset_parameters(self) -> None:
        """Draw new first values, see :func:`~dlbook.nn.linear.draw_by_fan_in`."""
        draw_by_fan_in(self.weight, self.bias)

    def _as_batch(self, input: Tensor) -> Tensor:
        """Check the input, and give it a batch axis if it has none."""
        layer = type(self).__name__
        unbatched = len(self.axes) + 1
        if input.ndim not in (unbatched, unbatched + 1) or (
            input.shape[-unbatched] != self.in_channels
        ):
            axes = ", ".join(self.axes)
            raise ValueError(
                f"{layer} expects input of shape (batch, {self.in_channels}, {axes}) "
                f"or ({self.in_channels}, {axes}), got {shape_of(input)}"
            )
        check_matches(input, self.weight, layer)
        return input if input.ndim > unbatched else input.unsqueeze(0)

    def extra_repr(self) -> str:
        """Describe the layer as torch does: what is not a default."""
        text = (
            f"{self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * len(self.axes):
            text += f", padding={self.padding}"
        if self.dilation != (1,) * len(self.axes):
            text += f", dilation={self.dilation}"
        if any(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if self.bias is not None else text + ", bias=False"
