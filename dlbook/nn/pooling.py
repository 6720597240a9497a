"""Pooling: one number for each small region of an image."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.checks import check_floating, check_integer, check_positive, shape_of
from dlbook.nn.windows import as_tuple, output_size, windows


class _Pool2d(Module):
    """What pooling with a sliding window shares: its geometry, checked once."""

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None,
        padding: int | Sequence[int],
        dilation: int | Sequence[int],
        ceil_mode: bool,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = ceil_mode
        for kernel, step, around, spread in zip(*self._geometry(), strict=True):
            check_positive("kernel_size", kernel)
            check_positive("stride", step)
            check_positive("dilation", spread)
            if not 0 <= around <= kernel // 2:
                raise ValueError(
                    f"padding must lie between 0 and {kernel // 2}, half of "
                    f"kernel_size {kernel}; got {around}"
                )

    def _geometry(self) -> list[tuple[int, ...]]:
        names = ("kernel_size", "stride", "padding", "dilation")
        return [as_tuple(getattr(self, name), 2, name) for name in names]

    def _regions(self, image: Tensor, fill: float = 0) -> Tensor:
        kernel_size, stride, padding, dilation = self._geometry()
        return windows(
            image, kernel_size, stride, padding, dilation, self.ceil_mode, fill
        )


class MaxPool2d(_Pool2d):
    """Keep the largest number of each region: is the pattern anywhere in it?

    Pixels around the image count as -∞. Where several are largest, the gradient goes to
    the first, row by row. Ranzato et al. (2007), §2.1.

    Args:
        kernel_size: Height and width of a region, or one number for both.
        stride: Pixels from one region to the next, one number or two; by default
            ``kernel_size``: regions that touch.
        padding: Pixels around the image, one number or two; at most half of
            ``kernel_size``, whatever the dilation.
        dilation: Pixels from one element of a region to the next, one number or two.
        return_indices: Whether to return the places of the maxima, too.
        ceil_mode: Whether a last region may reach beyond the image's end.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Take the maximum of each region, for each channel.

        Args:
            input: ``(batch, channels, height, width)``, or one image without batch.

        Returns:
            ``(batch, channels, rows, columns)``, or without batch; how many, see
            :func:`~dlbook.nn.windows.output_size`. With ``return_indices``, a pair:
            these, and of the same shape the place of each maximum in its channel,
            row · width + column.

        Raises:
            ValueError: If the shape is another, or the region larger than the image.
        """
        _check_image(input, "MaxPool2d")
        values, winners = self._regions(input, fill=-math.inf).max(dim=0)
        if not self.return_indices:
            return values
        return values, self._places(winners, input.shape[-2:])

    def _places(self, winners: Tensor, sizes: Sequence[int]) -> Tensor:
        """Find where in the image each region's winner is."""
        pixels = torch.arange(math.prod(sizes), device=winners.device).reshape(*sizes)
        seen = self._regions(pixels, fill=-1)  # (elements, rows, columns)
        seen = seen.reshape(-1, *(1,) * (winners.ndim - 2), *seen.shape[1:])
        places = seen.expand(-1, *winners.shape).gather(0, winners.unsqueeze(0))[0]
        # Padding wins only if all is -∞; then the first pixel of the region does.
        first = seen.where(seen >= 0, pixels.numel()).amin(dim=0)
        return places.where(places >= 0, first)

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(_Pool2d):
    """Average each region: how much of the pattern is in it?

    LeCun et al. (1998), §II.B, without the coefficient and bias learned there.

    Args:
        kernel_size: Height and width of a region, or one number for both.
        stride: Pixels from one region to the next, one number or two; by default
            ``kernel_size``: regions that touch.
        padding: Zeros around the image, one number or two; at most half of
            ``kernel_size``.
        ceil_mode: Whether a last region may reach beyond the image and its padding.
        count_include_pad: Whether the padding counts in the average.
        divisor_override: What to divide a region's sum by, instead of its size.

    Raises:
        ValueError: If a number is out of range.
        TypeError: If a number is not an integer.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, 1, ceil_mode)
        if divisor_override is not None:
            divisor_override = check_integer("divisor_override", divisor_override)
        if divisor_override == 0:
            raise ValueError("divisor_override must not be 0")
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Take the mean of each region, for each channel.

        Args:
            input: ``(batch, channels, height, width)``, or one image without batch.

        Returns:
            ``(batch, channels, rows, columns)``, or without batch; how many, see
            :func:`~dlbook.nn.windows.output_size`.

        Raises:
            ValueError: If the shape is another, or the region larger than the image.
            TypeError: If the input is not floating-point.
        """
        _check_image(input, "AvgPool2d")
        wide = torch.promote_types(input.dtype, torch.float32)  # holds large sums
        sums = self._regions(input).sum(dim=0, dtype=wide)
        if self.divisor_override is not None:
            return (sums / self.divisor_override).to(input.dtype)
        rows, columns = map(sums.new_tensor, self._counts(input.shape[-2:]))
        return (sums / (rows.unsqueeze(-1) * columns)).to(input.dtype)

    def _counts(self, sizes: Sequence[int]) -> list[list[int]]:
        """Count what is averaged in each region, along height and along width."""
        counts = []
        kernel_size, stride, padding, _ = self._geometry()
        axes = zip(sizes, kernel_size, stride, padding, strict=True)
        for size, kernel, step, around in axes:
            positions = output_size(size, kernel, step, around, 1, self.ceil_mode)
            starts = [position * step - around for position in range(positions)]
            margin = around if self.count_include_pad else 0
            first, last = -margin, size + margin
            counts.append(
                [min(start + kernel, last) - max(start, first) for start in starts]
            )
        return counts

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}"
        )


class AdaptiveAvgPool2d(Module):
    """Average regions chosen such that the output has a given size.

    Along an axis of n pixels, region i of m goes from ⌊i n / m⌋ up to ⌈(i + 1) n / m⌉:
    neighbours share a pixel where m does not divide n. One region in all is the global
    average of Lin et al. (2014), §3.2.

    Args:
        output_size: Rows and columns of the output, or one number for both; None keeps
            the input's.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        sizes = [
            size if size is None else check_positive("output_size", size)
            for size in _two(output_size)
        ]
        self.output_size = (
            output_size if isinstance(output_size, Sequence) else sizes[0]
        )

    def forward(self, input: Tensor) -> Tensor:
        """Take the mean of each region, for each channel.

        Args:
            input: ``(batch, channels, height, width)``, or one image without batch.

        Returns:
            ``(batch, channels, *output_size)``, or without batch.

        Raises:
            ValueError: If the shape is another.
            TypeError: If the input is not floating-point.
        """
        _check_image(input, "AdaptiveAvgPool2d")
        rows, columns = _two(self.output_size)
        return _average_regions(_average_regions(input, rows, dim=-2), columns, dim=-1)

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"output_size={self.output_size}"


def _two(value: int | Sequence[int | None] | None) -> Sequence[int | None]:
    sizes = value if isinstance(value, Sequence) else (value, value)
    if len(sizes) != 2:
        raise ValueError(f"output_size must be one number or two, got {value!r}")
    return sizes


def _average_regions(input: Tensor, number: int | None, dim: int) -> Tensor:
    if number is None:
        return input
    size = input.shape[dim]
    starts = [i * size // number for i in range(number)]
    stops = [-(-(i + 1) * size // number) for i in range(number)]
    regions = [
        input.narrow(dim, start, stop - start).mean(dim)
        for start, stop in zip(starts, stops, strict=True)
    ]
    return torch.stack(regions, dim)


def _check_image(input: Tensor, layer: str) -> None:
    check_floating(input, layer)
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise ValueError(
            f"{layer} expects input of shape (batch, channels, height, width) or "
            f"(channels, height, width), got {shape_of(input)}"
        )
