"""Unpooling: put what max-pooling kept back where it was."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.checks import check_floating, check_positive, check_same_device, shape_of
from dlbook.nn.windows import as_sizes, as_tuple, transposed_output_size


class MaxUnpool2d(Module):
    """Put each maximum back at its place, and zeros everywhere else.

    The places come from :class:`MaxPool2d` with ``return_indices=True``; the arguments
    are that layer's. Zeiler and Fergus (2014), §2.1, call the places switches. If
    several numbers fall on one place, one of them stays; after pooling by overlapping
    regions they are equal.

    Args:
        kernel_size: Height and width of a region, or one number for both.
        stride: Pixels from one region to the next, one number or two; by default
            ``kernel_size``.
        padding: Pixels around the image that was pooled, one number or two.

    Raises:
        ValueError: If a number is out of range.
        TypeError: If a number is not an integer.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
    ) -> None:
        super().__init__()
        self.kernel_size = as_tuple(kernel_size, 2, "kernel_size")
        self.stride = as_tuple(kernel_size if stride is None else stride, 2, "stride")
        self.padding = as_tuple(padding, 2, "padding")
        for kernel, step in zip(self.kernel_size, self.stride, strict=True):
            check_positive("kernel_size", kernel)
            check_positive("stride", step)
        if min(self.padding) < 0:
            raise ValueError(f"padding must not be negative, got {padding}")

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Scatter the numbers.

        Args:
            input: ``(batch, channels, rows, columns)``, or one image without batch.
            indices: Of the input's shape: the place of each number in its channel,
                row · width + column, counted in the output.
            output_size: Height and width of the output, perhaps behind batch and
                channels; less than ``stride`` away from the default, the smallest size
                that the regions cover.

        Returns:
            ``(batch, channels, height, width)``, or without batch.

        Raises:
            ValueError: If the shapes do not fit, a place lies outside of the output, or
                the output cannot be as large as is wanted.
            TypeError: If the input is not floating-point, or places are not int64.
        """
        self._check(input, indices)
        height, width = self._sizes(input.shape[-2:], output_size)
        for wrong in indices[(indices < 0) | (indices >= height * width)][:1].tolist():
            raise ValueError(
                f"MaxUnpool2d has places 0 … {height * width - 1} in {height} rows of "
                f"{width} pixels, got index {wrong}"
            )
        pixels = input.new_zeros(*input.shape[:-2], height * width)
        pixels = pixels.scatter(-1, indices.flatten(-2), input.flatten(-2))
        return pixels.unflatten(-1, (height, width))

    def _check(self, input: Tensor, indices: Tensor) -> None:
        check_floating(input, "MaxUnpool2d")
        if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
            raise ValueError(
                "MaxUnpool2d expects input of shape (batch, channels, rows, columns) "
                f"or (channels, rows, columns), got {shape_of(input)}"
            )
        if indices.dtype != torch.int64:
            raise TypeError(f"MaxUnpool2d needs int64 as indices, got {indices.dtype}")
        if indices.shape != input.shape:
            raise ValueError(
                f"MaxUnpool2d expects indices of the input's shape {shape_of(input)}, "
                f"got {shape_of(indices)}"
            )
        check_same_device(input, indices, "MaxUnpool2d", "indices")

    def _sizes(
        self, sizes: Sequence[int], wanted: Sequence[int] | None
    ) -> tuple[int, ...]:
        axes = zip(sizes, self.kernel_size, self.stride, self.padding, strict=True)
        default = tuple(transposed_output_size(*axis) for axis in axes)
        chosen = default if wanted is None else as_sizes(wanted, 2, 2, "MaxUnpool2d")
        for size, expected, step in zip(chosen, default, self.stride, strict=True):
            if abs(size - expected) >= step or size < 1:
                raise ValueError(
                    f"MaxUnpool2d makes {default} pixels or less than stride "
                    f"{self.stride} more or fewer, but at least one; got output_size "
                    f"{tuple(chosen)}"
                )
        return chosen

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}"
        )
