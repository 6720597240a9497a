"""Transposed convolution along a line and over an image."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlbook.nn.convolution import Convolution
from dlbook.nn.windows import as_sizes, transposed_output_size


def transposed_cross_correlate(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    output_padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """Stamp the kernel onto the output, once for each input pixel, and add up.

    output[o, y·stride + i·dilation - padding, x·stride + j·dilation - padding]
    += weight[c, o, i, j] · input[c, y, x]     for all c, i, j, y, x

    It is the transpose (adjoint) of :func:`~dlbook.nn.conv.cross_correlate` as a linear
    map: one gathers from where the other spreads to. Dumoulin and Visin (2016), §4.
    One matrix product makes all products; the sum over c is part of it.

    Args:
        input: ``(batch, in_channels, height, width)``.
        weight: ``(in_channels, out_channels / groups, kernel_height, kernel_width)``:
            the weight of the convolution whose transpose this is.
        bias: ``(out_channels,)``, or None.
        stride: Output pixels from one stamp to the next, along height and width.
        padding: Output pixels to cut off at each end, likewise.
        output_padding: Output pixels to cut off less at the far end, likewise; where no
            stamp reaches, they are the bias.
        dilation: Output pixels from one kernel element to the next, likewise.
        groups: Number of parts into which the channels fall, each with its own kernels.

    Returns:
        ``(batch, out_channels, out_height, out_width)``, see
        :func:`~dlbook.nn.windows.transposed_output_size`.
    """
    axes = zip(input.shape[2:], weight.shape[2:], stride, dilation, strict=True)
    rows, columns = (landings(*axis) for axis in axes)
    # The size of all stamps together, before anything is cut off.
    height = int(rows[-1, -1]) + 1 + output_padding[0]
    width = int(columns[-1, -1]) + 1 + output_padding[1]
    places = (rows[:, None, :, None] * width + columns[:, None]).flatten()
    places = places.to(input.device)

    # All products: (batch, groups, out_channels / groups * kernel elements, pixels)
    kernels = weight.unflatten(0, (groups, -1)).flatten(2)
    products = kernels.mT @ input.unflatten(1, (groups, -1)).flatten(3)
    products = products.reshape(len(input), groups * weight.shape[1], len(places))
    canvas = products.new_zeros(1) if bias is None else bias.to(products.dtype)
    canvas = canvas.unsqueeze(-1).expand(*products.shape[:2], height * width)
    output = canvas.scatter_add(-1, places.expand_as(products), products)

    output = output.unflatten(-1, (height, width))
    (top, left), (bottom, right) = padding, (height - padding[0], width - padding[1])
    return output[:, :, top:bottom, left:right].contiguous()


def landings(positions: int, kernel_size: int, stride: int, dilation: int) -> Tensor:
    """Find where each element of each stamp lands, along one axis.

    Args:
        positions: How many stamps there are.
        kernel_size: Elements of a stamp.
        stride: Elements from one stamp to the next.
        dilation: Elements from one of a stamp to the next.

    Returns:
        ``(kernel_size, positions)``: position · stride + element · dilation.
    """
    elements = torch.arange(kernel_size).unsqueeze(-1)
    return torch.arange(positions) * stride + elements * dilation


class _ConvTranspose(Convolution):
    """What stamping along one axis and over two shares: all but names."""

    padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self.output_padding = self._per_axis(output_padding, "output_padding", 0)
        axes = zip(self.output_padding, self.stride, self.dilation, strict=True)
        for more, step, spread in axes:
            if more >= max(step, spread):
                raise ValueError(
                    f"output_padding must be smaller than stride or dilation, got "
                    f"output_padding {more}, stride {step} and dilation {spread}"
                )

    def _weight_shape(self) -> tuple[int, ...]:
        made_channels = self.out_channels // self.groups
        return (self.in_channels, made_channels, *self.kernel_size)

    def forward(
        self, input: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Stamp the kernels onto the output, once for each place of the input.

        Args:
            input: ``(batch, in_channels, *sizes)``, or without batch.
            output_size: Sizes of the output along the axes; they may stand behind batch
                and channels. They replace ``output_padding``, so that one of the
                ``stride`` sizes that a convolution maps to the input's can be chosen.

        Returns:
            ``(batch, out_channels, *out_sizes)``, or without batch; how large, see
            :func:`~dlbook.nn.windows.transposed_output_size`.

        Raises:
            ValueError: If the shape is another, ``output_size`` cannot be reached, or
                nothing is left of the output.
            TypeError: If the input's type is not the weight's.
        """
        batch = self._as_batch(input)
        wanted = output_size
        if wanted is not None:
            front = input.ndim - len(self.axes)
            wanted = as_sizes(wanted, len(self.axes), front, type(self).__name__)
        more = self._output_padding(batch.shape[2:], wanted)
        # A line is an image that is one pixel high.
        line = len(self.axes) == 1
        output = transposed_cross_correlate(
            batch.unsqueeze(2) if line else batch,
            self.weight.unsqueeze(2) if line else self.weight,
            self.bias,
            (1, *self.stride)[-2:],
            (0, *self.padding)[-2:],
            (0, *more)[-2:],
            (1, *self.dilation)[-2:],
            self.groups,
        )
        output = output.squeeze(2) if line else output
        return output if input.ndim == batch.ndim else output.squeeze(0)

    def _output_padding(
        self, sizes: Sequence[int], wanted: Sequence[int] | None
    ) -> tuple[int, ...]:
        """Find the output padding that makes the output as large as is wanted."""
        layer = type(self).__name__
        if 0 in sizes:
            raise ValueError(f"{layer} needs at least one pixel, got {tuple(sizes)}")
        windows = (self.kernel_size, self.stride, self.padding, self.dilation)
        axes = zip(sizes, *windows, strict=True)
        smallest = [transposed_output_size(*axis) for axis in axes]
        more = self.output_padding
        if wanted is not None:
            more = tuple(w - s for w, s in zip(wanted, smallest, strict=True))
            if any(not 0 <= m < s for m, s in zip(more, self.stride, strict=True)):
                largest = [
                    a + b - 1 for a, b in zip(smallest, self.stride, strict=True)
                ]
                raise ValueError(
                    f"{layer} can make sizes from {smallest} to {largest}, "
                    f"got output_size {tuple(wanted)}"
                )
        made = [a + b for a, b in zip(smallest, more, strict=True)]
        if min(made) < 1:
            raise ValueError(
                f"{layer}: padding {self.padding} cuts everything off, "
                f"sizes {made} are left"
            )
        return more


class ConvTranspose2d(_ConvTranspose):
    """Draw: stamp a learned pattern for every pixel of every channel, and add up.

    The transpose of a :class:`Conv2d` with the same weight as a linear map, hence also
    its gradient with respect to the input; not its inverse. See
    :func:`~dlbook.nn.conv_transpose.transposed_cross_correlate`; Zeiler et al. (2010),
    Dumoulin and Visin (2016), §4. With a stride it enlarges.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Height and width of a stamp, or one number for both.
        stride: Output pixels from one stamp to the next, one number or two.
        padding: Output pixels to cut off at each end, one number or two.
        output_padding: Output pixels to cut off less at the bottom and on the right.
        groups: Number of parts into which the channels fall; a part of the output sees
            only the same part of the input.
        bias: Whether to add a number for each output channel.
        dilation: Output pixels from one kernel element to the next, one number or two.
        padding_mode: Only "zeros".
        device: Where the parameters live.
        dtype: The parameters' type.

    Attributes:
        weight: ``(in_channels, out_channels / groups, *kernel_size)``.
        bias: ``(out_channels,)``, or None.

    Raises:
        ValueError: If a size is out of range, ``groups`` does not divide the channels,
            or ``output_padding`` is neither below ``stride`` nor below ``dilation``.
        NotImplementedError: If ``padding_mode`` is not "zeros".
    """

    axes = ("height", "width")


class ConvTranspose1d(_ConvTranspose):
    """Stamp learned patterns along a line, and add up.

    A line is treated as an image that is one pixel high. The arguments are those of
    :class:`ConvTranspose2d`, with one number instead of two.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Length of a stamp.
        stride: Output steps from one stamp to the next.
        padding: Output steps to cut off at each end.
        output_padding: Output steps to cut off less at the end.
        groups: Number of parts into which the channels fall.
        bias: Whether to add a number for each output channel.
        dilation: Output steps from one kernel element to the next.
        padding_mode: Only "zeros".
        device: Where the parameters live.
        dtype: The parameters' type.

    Attributes:
        weight: ``(in_channels, out_channels / groups, kernel_size)``.
        bias: ``(out_channels,)``, or None.

    Raises:
        ValueError: As for :class:`ConvTranspose2d`.
        NotImplementedError: If ``padding_mode`` is not "zeros".
    """

    axes = ("time",)
