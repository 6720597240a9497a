"""Convolution along a line and over an image."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlbook.nn.checks import check_choice
from dlbook.nn.convolution import Convolution
from dlbook.nn.windows import output_size, pad, taps


def cross_correlate(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """Slide kernels over an image; everywhere sum the products with what lies below.

    output[o, y, x] = bias[o]
    + Σ_c Σ_i Σ_j weight[o, c, i, j] · input[c, y·stride + i·dilation, x·stride + …]

    Deep learning calls this convolution, although the kernel is not turned around
    first: Goodfellow et al. (2016), §9.1, eq. (9.6). The sums over c and j are one
    matrix product for each row i of the kernel, the sum over i adds these up.

    Args:
        input: ``(batch, in_channels, height, width)``, already padded.
        weight: ``(out_channels, in_channels / groups, kernel_height, kernel_width)``.
        bias: ``(out_channels,)``, or None.
        stride: Pixels from one place to the next, along height and width.
        dilation: Pixels from one kernel element to the next, along height and width.
        groups: Number of parts into which the channels fall, each with its own kernels.

    Returns:
        ``(batch, out_channels, out_height, out_width)``, see
        :func:`~dlbook.nn.windows.output_size`.

    Raises:
        ValueError: If the kernel does not fit into the image.
    """
    batch, _, height, width = input.shape
    out_channels, channels, kernel_height, kernel_width = weight.shape
    out_height = output_size(height, kernel_height, stride[0], 0, dilation[0])
    out_width = output_size(width, kernel_width, stride[1], 0, dilation[1])
    rows = taps(out_height, kernel_height, stride[0], dilation[0])
    columns = taps(out_width, kernel_width, stride[1], dilation[1])

    # Pixels in the order (groups, height, batch, width, channels); then, beside each
    # other, all that one row of the kernel covers when it starts at a pixel.
    image = input.reshape(batch, groups, channels, height, width).permute(1, 3, 0, 4, 2)
    covered = torch.cat([image[:, :, :, column] for column in columns], dim=-1)
    # (kernel_height, groups, kernel_width * channels, out_channels / groups)
    kernel = weight.reshape(groups, -1, channels, kernel_height, kernel_width)
    kernel = kernel.permute(3, 0, 4, 2, 1).flatten(2, 3)
    seen, made = kernel.shape[2:]
    output = input.new_zeros(1) if bias is None else bias.reshape(groups, 1, made)
    for row, kernel_row in zip(rows, kernel, strict=True):
        below = covered[:, row].reshape(groups, out_height * batch * out_width, seen)
        product = below @ kernel_row
        output = output.to(product.dtype) + product  # autocast shortens the product
    output = output.reshape(groups, out_height, batch, out_width, made)
    output = output.permute(2, 0, 4, 1, 3)  # (batch, groups, made, height, width)
    return output.reshape(batch, out_channels, out_height, out_width).contiguous()


class _Conv(Convolution):
    """What sliding over one axis and over two shares: padding in numbers or words."""

    def _weight_shape(self) -> tuple[int, ...]:
        seen_channels = self.in_channels // self.groups
        return (self.out_channels, seen_channels, *self.kernel_size)

    def _read_padding(
        self, padding: str | int | Sequence[int]
    ) -> str | tuple[int, ...]:
        if not isinstance(padding, str):
            return super()._read_padding(padding)
        check_choice(padding, ("same", "valid"), "padding in words")
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError(f"padding='same' needs stride 1, got {self.stride}")
        return padding

    def padding_amounts(self) -> list[tuple[int, int]]:
        """Count the zeros added before and after the input, for each axis.

        "same" adds dilation · (kernel_size - 1) in all, the odd one at the end: then as
        much comes out as goes in.
        """
        if self.padding == "valid":
            return [(0, 0) for _ in self.axes]
        if self.padding == "same":
            totals = [
                d * (k - 1)
                for d, k in zip(self.dilation, self.kernel_size, strict=True)
            ]
            return [(total // 2, total - total // 2) for total in totals]
        return [(int(amount), int(amount)) for amount in self.padding]


class Conv2d(_Conv):
    """Look for the same small patterns everywhere in an image.

    Each output channel is one learned pattern, slid over the input:
    see :func:`~dlbook.nn.conv.cross_correlate`. LeCun et al. (1989); LeCun et al.
    (1998), §II.A.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output, one for each pattern.
        kernel_size: Height and width of a pattern, or one number for both.
        stride: Pixels from one place to the next, one number or two.
        padding: Zeros around the input, one number or two; "valid" means none, "same"
            as many as make the output as large as the input.
        dilation: Pixels from one kernel element to the next, one number or two.
        groups: Number of parts into which the channels fall; a part of the output sees
            only the same part of the input.
        bias: Whether to add a number for each output channel.
        padding_mode: Only "zeros".
        device: Where the parameters live.
        dtype: The parameters' type.

    Attributes:
        weight: ``(out_channels, in_channels / groups, *kernel_size)``.
        bias: ``(out_channels,)``, or None.

    Raises:
        ValueError: If a size is out of range, ``groups`` does not divide the channels,
            or ``padding="same"`` meets a stride.
        NotImplementedError: If ``padding_mode`` is not "zeros".
    """

    axes = ("height", "width")

    def forward(self, input: Tensor) -> Tensor:
        """Slide the kernels over each image.

        Args:
            input: ``(batch, in_channels, height, width)``, or one image without batch.

        Returns:
            ``(batch, out_channels, out_height, out_width)``, or without batch.

        Raises:
            ValueError: If the shape is another, or the kernel larger than the image.
            TypeError: If the input's type is not the weight's.
        """
        images = pad(self._as_batch(input), self.padding_amounts())
        output = cross_correlate(
            images, self.weight, self.bias, self.stride, self.dilation, self.groups
        )
        return output if input.ndim == 4 else output.squeeze(0)


class Conv1d(_Conv):
    """Look for the same short patterns everywhere along a line.

    A line is treated as an image that is one pixel high. The arguments are those of
    :class:`Conv2d`, with one number instead of two.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Length of a pattern.
        stride: Steps from one place to the next.
        padding: Zeros at both ends, or "valid" (none), or "same".
        dilation: Steps from one kernel element to the next.
        groups: Number of parts into which the channels fall.
        bias: Whether to add a number for each output channel.
        padding_mode: Only "zeros".
        device: Where the parameters live.
        dtype: The parameters' type.

    Attributes:
        weight: ``(out_channels, in_channels / groups, kernel_size)``.
        bias: ``(out_channels,)``, or None.

    Raises:
        ValueError: As for :class:`Conv2d`.
        NotImplementedError: If ``padding_mode`` is not "zeros".
    """

    axes = ("time",)

    def forward(self, input: Tensor) -> Tensor:
        """Slide the kernels along each line.

        Args:
            input: ``(batch, in_channels, time)``, or one line without batch.

        Returns:
            ``(batch, out_channels, out_time)``, or without batch.

        Raises:
            ValueError: If the shape is another, or the kernel longer than the line.
            TypeError: If the input's type is not the weight's.
        """
        lines = pad(self._as_batch(input), self.padding_amounts())
        output = cross_correlate(
            lines.unsqueeze(-2),
            self.weight.unsqueeze(-2),
            self.bias,
            (1, *self.stride),
            (1, *self.dilation),
            self.groups,
        ).squeeze(-2)
        return output if input.ndim == 3 else output.squeeze(0)
