"""Paint digits and clutter on many canvases, for :func:`~dlbook.data.scenes`."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

INK = 0.4  # from how much ink on, of 0 … 1, a pixel belongs to a digit
MOST_SHARED = 0.15  # of the smaller of two digits' boxes
TRIES = 50  # to find a place for a digit
BRIGHTNESS = {"digits": (0.65, 1.0), "clutter": (0.25, 0.65)}  # of full ink
SHADES = (0.0, 0.25)  # of the background, which changes slowly from place to place


def tight_boxes(masks: Tensor) -> Tensor:
    """Find the smallest box around each mask.

    Args:
        masks: ``(..., height, width)``, boolean.

    Returns:
        ``(..., 4)``, int64: the first column and row, and those after the last; zeros
        for a mask without a pixel.
    """
    firsts, ends = [], []
    for axis in (-2, -1):  # columns, then rows
        filled = masks.any(dim=axis).long()
        firsts.append(filled.argmax(-1))
        ends.append(filled.shape[-1] - filled.flip(-1).argmax(-1))
    boxes = torch.stack(firsts + ends, dim=-1)
    return boxes * masks.flatten(-2).any(dim=-1, keepdim=True)


def choose(
    pool: Tensor, shape: tuple[int, int], sides: tuple[int, int], draw: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw digits ``(n, digits)`` and enlarge them: ``(n, digits, side, side)``."""
    which = torch.randint(len(pool), shape, generator=draw)
    heights = torch.randint(sides[0], sides[1] + 1, shape, generator=draw)
    frames = _enlarged(pool[which.flatten()], heights.flatten(), sides[1])
    return which, frames.unflatten(0, shape)


def _enlarged(images: Tensor, heights: Tensor, largest: int) -> Tensor:
    """Enlarge ``(n, h, h)`` to a height each; zeros fill up to the largest."""
    frames = torch.zeros(len(images), largest, largest)
    for height in heights.unique().tolist():
        chosen = heights == height
        frames[chosen, :height, :height] = interpolate(
            images[chosen].unsqueeze(1), size=(height, height), mode="bilinear"
        ).squeeze(1)
    return frames


def places(
    ink: Tensor, size: int, counts: Tensor, draw: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose where frames go, given the boxes of their ink ``(n, digits, 4)``.

    Returns:
        Upper left corners ``(n, digits, 2)``; which digits are there ``(n, digits)``,
        those first; and the places that the digits had before, in that order.
    """
    count, most, _ = ink.shape
    extent = ink[..., 2:] - ink[..., :2]  # (n, digits, 2)
    share = torch.rand(count, most, TRIES, 2, generator=draw)
    starts = (share * (size - extent + 1).unsqueeze(2)).long()
    tries = torch.cat([starts, starts + extent.unsqueeze(2)], dim=-1)
    boxes, there = torch.zeros_like(ink), torch.zeros(count, most, dtype=torch.bool)
    scene = torch.arange(count)
    for place in range(most):
        shared = _shared(tries[:, place, :, None], boxes[:, None])
        free = (shared <= MOST_SHARED).all(dim=-1)  # (n, tries)
        there[:, place] = (place < counts) & free.any(dim=1)
        boxes[:, place] = tries[scene, place, free.long().argmax(dim=1)]
        boxes[:, place] *= there[:, place, None]
    corners = boxes[..., :2] - ink[..., :2]
    order = (~there).long().argsort(dim=1, stable=True)
    return corners[scene[:, None], order], there.gather(1, order), order


def _shared(first: Tensor, second: Tensor) -> Tensor:
    """Give the shared area of two boxes as a share of the smaller; 0 for empty ones."""
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    areas = [(box[..., 2:] - box[..., :2]).prod(dim=-1) for box in (first, second)]
    smaller = torch.minimum(*areas).clamp(min=1)
    return (high - low).clamp(min=0).prod(dim=-1) / smaller


def background(count: int, size: int, margin: int, draw: torch.Generator) -> Tensor:
    """Shade canvases with a margin that may be painted on, and is cut off later."""
    shades = _uniform(SHADES, count * 16, draw).view(count, 1, 4, 4)
    smooth = interpolate(shades, size=(size, size), mode="bilinear")
    return pad(smooth, (margin,) * 4).squeeze(1)


def inner(canvas: Tensor, margin: int) -> Tensor:
    """Cut the margin off."""
    return canvas[:, margin:-margin, margin:-margin]


def lay_clutter(
    canvas: Tensor,
    pool: Tensor,
    density: float,
    sides: tuple[int, int],
    draw: torch.Generator,
) -> None:
    """Lay quarters of digits on the canvas, as large as in a digit, with soft edges.

    Args:
        canvas: ``(n, height, width)`` with margins as wide as the largest digit.
        pool: Digits ``(m, 8, 8)`` to cut pieces out of.
        density: Pieces for every 32×32 pixels.
        sides: The smallest and the largest digit's height.
        draw: Draws the pieces, their sizes, places and brightness.
    """
    count, quarter = len(canvas), torch.arange(4)
    smallest, largest = (3 * side // 4 for side in sides)  # 4 of 8 pixels and an edge
    low, high = sides[1] - largest + 1, canvas.shape[-1] - sides[1]  # in sight
    for _ in range(round(density * (high - low) ** 2 / 32**2)):
        which = torch.randint(len(pool), (count, 1, 1), generator=draw)
        row, column = torch.randint(5, (2, count, 1, 1), generator=draw)
        cut = pad(pool[which, row + quarter[:, None], column + quarter], (1,) * 4)
        heights = torch.randint(smallest, largest + 1, (count,), generator=draw)
        corner = torch.randint(low, high, (count, 2), generator=draw)
        brightness = _uniform(BRIGHTNESS["clutter"], count, draw)
        _lay(canvas, _enlarged(cut, heights, largest), corner, brightness)


def lay_digits(
    canvas: Tensor, frames: Tensor, corners: Tensor, draw: torch.Generator
) -> Tensor:
    """Lay digits on the canvas and give each pixel's owner: 1 + its place, or 0."""
    owners = torch.zeros(canvas.shape, dtype=torch.int64)
    corners = corners + frames.shape[-1]  # past the margin
    for place, (ink, corner) in enumerate(
        zip(frames.unbind(1), corners.unbind(1), strict=True)
    ):
        _lay(canvas, ink, corner, _uniform(BRIGHTNESS["digits"], len(canvas), draw))
        window = _window(corner, ink.shape[-1])
        owners[window] = torch.where(ink >= INK, place + 1, owners[window])
    return owners


def _lay(canvas: Tensor, ink: Tensor, corner: Tensor, brightness: Tensor) -> None:
    """Cover every canvas where there is ink; full ink hides what lies below."""
    window = _window(corner, ink.shape[-1])
    below = canvas[window]
    canvas[window] = below + ink * (brightness[:, None, None] - below)


def _window(corner: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Index a square of every canvas, given its left column and its top row."""
    steps = torch.arange(side)
    left, top = corner.unbind(dim=1)
    scene = torch.arange(len(corner))[:, None, None]
    return scene, (top[:, None] + steps)[:, :, None], (left[:, None] + steps)[:, None]


def _uniform(bounds: tuple[float, float], count: int, draw: torch.Generator) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(count, generator=draw)
