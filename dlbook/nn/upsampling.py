"""Upsampling: enlarge an image by repeating pixels, or by interpolating."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.checks import check_choice, check_floating, check_number, shape_of
from dlbook.nn.windows import as_tuple

_Axis = tuple[int, int, float]  # size, output size, step


def nearest_places(size: int, out_size: int, step: float) -> Tensor:
    """Find the pixel that each output pixel repeats, along one axis.

    ⌊i · step⌋ for output pixel i, in float32 as torch computes it; ⌊i / 2⌋ where the
    size doubles and i where it stays, whatever the step.

    Args:
        size: Pixels of the input.
        out_size: Pixels of the output.
        step: Input pixels from one output pixel to the next.

    Returns:
        ``(out_size,)`` pixel numbers of the input.
    """
    step = {size: 1, 2 * size: 0.5}.get(out_size, step)
    places = torch.arange(out_size, dtype=torch.float32) * step
    return places.floor().long().clamp(max=size - 1)


def linear_places(
    size: int, out_size: int, step: float, align_corners: bool, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Find between which two pixels each output pixel lies, along one axis.

    The centre of pixel i lies at i + ½, so that of output pixel i at (i + ½) · step of
    the input, which is input pixel (i + ½) · step - ½; not before the first. With
    ``align_corners`` the centres of the first, and of the last, pixels coincide: output
    pixel i is input pixel i · (size - 1) / (out_size - 1).

    Args:
        size: Pixels of the input.
        out_size: Pixels of the output.
        step: Input pixels from one output pixel to the next.
        align_corners: Which of the two.
        dtype: In which floating-point type to compute.

    Returns:
        ``(out_size,)`` each: the numbers of the pixels before and after, and the way
        from the one to the other, between 0 and 1.
    """
    place = torch.arange(out_size, dtype=dtype)
    if align_corners:
        place = place * ((size - 1) / max(out_size - 1, 1))
    elif out_size != size:
        place = ((place + 0.5) * step - 0.5).clamp(min=0)
    before = place.floor().long().clamp(max=size - 1)
    return before, (before + 1).clamp(max=size - 1), (place - before).clamp(max=1)


def pixels_at(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Look up some rows and columns of an image, each as often as it is named.

    Args:
        image: ``(batch, channels, height, width)``.
        rows: ``(out_height,)`` row numbers.
        columns: ``(out_width,)`` column numbers.

    Returns:
        ``(batch, channels, out_height, out_width)``.
    """
    places = (rows.unsqueeze(-1) * image.shape[-1] + columns).flatten()
    lines = image.flatten(0, 1).flatten(1)  # of two axes: there selecting is fast
    seen = lines.index_select(1, places.to(image.device))
    return seen.reshape(*image.shape[:2], len(rows), len(columns))


def _check_options(
    size: int | Sequence[int] | None,
    scale_factor: float | tuple[float, ...] | None,
    mode: str,
    align_corners: bool | None,
) -> None:
    known = ("nearest", "bilinear")
    others = ("linear", "bicubic", "trilinear", "area", "nearest-exact", "lanczos")
    check_choice(mode, known + others, "mode")
    if mode not in known:
        raise NotImplementedError(
            f"Upsample's mode is nearest or bilinear here, got {mode!r}"
        )
    if mode == "nearest" and align_corners is not None:
        raise ValueError(
            f"align_corners needs mode='bilinear', got {align_corners} for 'nearest'"
        )
    if (size is None) == (scale_factor is None):
        raise ValueError(
            "Upsample needs either size or scale_factor, "
            f"got size {size} and scale_factor {scale_factor}"
        )
    if size is not None and min(as_tuple(size, 2, "size")) < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if scale_factor is not None:
        for factor in _factors(scale_factor):
            check_number("scale_factor", factor)
            if not 0 < factor < math.inf:
                raise ValueError(f"scale_factor must be positive, got {scale_factor}")


def _factors(scale_factor: float | tuple[float, ...]) -> tuple[float, ...]:
    if not isinstance(scale_factor, tuple):
        return (scale_factor, scale_factor)
    if len(scale_factor) != 2:
        raise ValueError(f"scale_factor must be one number or two, got {scale_factor}")
    return scale_factor


class Upsample(Module):
    """Enlarge an image (or shrink it) to a given size or by a given factor.

    "nearest" repeats pixels, "bilinear" interpolates between the two nearest along
    height and then along width. Neither has anything to learn.

    Args:
        size: Height and width of the output, or one number for both.
        scale_factor: Output pixels for each input pixel, one number or a tuple of two;
            the size is rounded down. Exactly one of ``size`` and ``scale_factor``.
        mode: "nearest" or "bilinear".
        align_corners: For "bilinear": whether the centres of the corner pixels stay the
            corners' centres, see :func:`~dlbook.nn.upsampling.linear_places`; None
            means False.
        recompute_scale_factor: Whether the distance between pixels follows from the
            rounded size instead of from ``scale_factor``.

    Raises:
        ValueError: If both or neither of ``size`` and ``scale_factor`` are given, one
            is not positive, or an option does not fit the others.
        NotImplementedError: If torch knows the mode, but this layer does not.
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        _check_options(size, scale_factor, mode, align_corners)
        if recompute_scale_factor and size is not None:
            raise ValueError("recompute_scale_factor needs a scale_factor, got size")
        self.name = type(self).__name__
        self.size = size
        self.scale_factor: float | tuple[float, ...] | None = None
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        elif scale_factor is not None:
            self.scale_factor = float(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Look up, or interpolate, each pixel of the output.

        Args:
            input: ``(batch, channels, height, width)``.

        Returns:
            ``(batch, channels, out_height, out_width)``.

        Raises:
            ValueError: If the shape is another, or the output would be empty.
            TypeError: If the input is not floating-point.
        """
        check_floating(input, "Upsample")
        if input.ndim != 4 or 0 in input.shape[1:]:
            raise ValueError(
                "Upsample expects input of shape (batch, channels, height, width), "
                f"got {shape_of(input)}"
            )
        axes = self._axes(input.shape[2:])
        if self.mode == "bilinear":
            return self._interpolated(input, *axes)
        return pixels_at(input, *(nearest_places(*axis) for axis in axes))

    def _interpolated(self, image: Tensor, height: _Axis, width: _Axis) -> Tensor:
        wide = torch.promote_types(image.dtype, torch.float32)
        corners = bool(self.align_corners)
        above, below, down = linear_places(*height, corners, wide)
        left, right, across = linear_places(*width, corners, wide)
        columns = torch.arange(width[0])
        down = down.to(image.device).unsqueeze(-1)
        taller = (1 - down) * pixels_at(image, above, columns) + down * pixels_at(
            image, below, columns
        )
        rows = torch.arange(height[1])
        across = across.to(image.device)
        wider = (1 - across) * pixels_at(taller, rows, left) + across * pixels_at(
            taller, rows, right
        )
        return wider.to(image.dtype)

    def _axes(self, sizes: Sequence[int]) -> list[_Axis]:
        """Find for each axis the two sizes, and how far apart output pixels are."""
        if self.size is not None:
            made = as_tuple(self.size, 2, "size")
            return [(n, size, n / size) for n, size in zip(sizes, made, strict=True)]
        assert self.scale_factor is not None  # one of the two is given
        axes = []
        for n, factor in zip(sizes, _factors(self.scale_factor), strict=True):
            size = int(n * factor)
            if size < 1:
                raise ValueError(
                    f"Upsample: scale_factor {factor} leaves nothing of {n} pixels"
                )
            step = n / size if self.recompute_scale_factor else 1 / factor
            axes.append((n, size, step))
        return axes

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor}, mode={self.mode!r}"
        return f"size={self.size}, mode={self.mode!r}"
