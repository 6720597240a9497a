"""Images, and what a network sees in them."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from scipy import ndimage

from dlbook.plotting.theme import as_array

BOX_STYLES = (("#E69F00", "-"), ("#56B4E9", "--"), ("#CC79A7", ":"))
BACKGROUND = "#f0f0f0"
CLASS_COLORS = (  # Paul Tol's muted colours (2021), and brown
    "#CC6677", "#332288", "#DDCC77", "#117733", "#88CCEE",
    "#882255", "#44AA99", "#999933", "#AA4499", "#661100",
)  # fmt: skip
SMALLEST_NAMED = 6  # pixels of a region that gets its class's name


def image_grid(
    images: torch.Tensor,
    ax: Axes,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
) -> Axes:
    """Tile images of one size on one Axes, row by row.

    Args:
        images: ``(n, height, width)``, ``(n, 1, height, width)`` in any range (drawn in
            grey from smallest to largest), or ``(n, 3, height, width)`` in [0, 1].
        ax: Where to draw.
        titles: A short text above each image.
        columns: Images a row; default about twice as many as rows.

    Returns:
        ``ax``.

    Raises:
        ValueError: If ``images`` is empty or has another shape or range, or
            ``titles`` has another length.
    """
    tiles = as_array(images)
    if tiles.ndim == 3:
        tiles = tiles[:, None]
    if tiles.ndim != 4 or tiles.shape[1] not in (1, 3):
        raise ValueError(
            "images must be (n, height, width), (n, 1, height, width) or "
            f"(n, 3, height, width), got {tuple(np.shape(images))}"
        )
    count, channels, height, width = tiles.shape
    if count == 0 or (channels == 3 and (tiles.min() < 0 or tiles.max() > 1)):
        raise ValueError(
            "image_grid needs at least one image, in colour with values in [0, 1], "
            f"got {count} of {channels} channels"
        )
    if titles is not None and len(titles) != count:
        raise ValueError(f"{count} images need {count} titles, got {len(titles)}")
    columns = min(count, columns or int(np.ceil(np.sqrt(2 * count))))
    rows = -(-count // columns)
    gap = max(1, height // 8) + (0 if titles is None else int(0.45 * height))
    canvas = np.full((rows * (height + gap), columns * (width + gap), channels), np.nan)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        top, left = row * (height + gap) + gap, column * (width + gap) + gap // 2
        canvas[top : top + height, left : left + width] = tile.transpose(1, 2, 0)
        if titles is not None:
            ax.text(
                left + width / 2,
                top - 0.6,
                titles[index],
                ha="center",
                va="bottom",
                size=9,
            )
    ax.imshow(np.ma.masked_invalid(canvas.squeeze()))
    ax.set_axis_off()
    return ax


def kernels(weight: torch.Tensor, ax: Axes, columns: int | None = None) -> Axes:
    """Draw the first input channel's kernels of a convolution, blue to red around zero.

    Args:
        weight: ``(out_channels, in_channels, height, width)``.
        ax: Where to draw.
        columns: Kernels a row.

    Returns:
        ``ax``.
    """
    weight = weight.detach()[:, :1]
    image_grid(weight, ax, columns=columns)
    limit = float(weight.abs().max())
    ax.images[-1].set(cmap="RdBu_r", clim=(-limit, limit))
    return ax


def feature_maps(maps: torch.Tensor, ax: Axes, columns: int | None = None) -> Axes:
    """Draw what each channel of a layer answers to one image; bright is strong.

    Args:
        maps: ``(channels, height, width)``.
        ax: Where to draw.
        columns: Maps a row.

    Returns:
        ``ax``.
    """
    image_grid(maps, ax, columns=columns)
    ax.images[-1].set(cmap="viridis")
    return ax


def boxes(
    image: torch.Tensor | None,
    boxes: torch.Tensor,
    ax: Axes,
    labels: Sequence[str] | None = None,
    style: int = 0,
) -> Axes:
    """Draw boxes over an image: where things are, or where a model sees them.

    Styles differ in colour, in dash and in where the labels stand: 0 for the truth
    (orange, solid, above), 1 for detections (blue, dashed, below), 2 for a third kind.

    Args:
        image: ``(height, width)``, ``(1, height, width)`` or ``(3, height, width)`` in
            [0, 1]; None to add boxes to those of an earlier call.
        boxes: ``(n, 4)``: x_min, y_min, x_max, y_max in pixels, where the pixel in
            column c covers c … c + 1. Empty ones, used as padding, are left out.
        ax: Where to draw.
        labels: A short text for each box.
        style: 0, 1 or 2.

    Returns:
        ``ax``.

    Raises:
        ValueError: If the image or the boxes have another shape, there is not one label
            a box, or ``style`` is unknown.
    """
    corners = as_array(boxes)
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise ValueError(f"boxes must be (n, 4), got {corners.shape}")
    if labels is not None and len(labels) != len(corners):
        raise ValueError(f"{len(corners)} boxes need as many labels, got {len(labels)}")
    if style not in range(len(BOX_STYLES)):
        raise ValueError(f"style must be 0, 1 or 2, got {style}")
    if image is not None:
        _show(image, ax)
    color, dash = BOX_STYLES[style]
    for index, (left, top, right, bottom) in enumerate(corners.tolist()):
        if right <= left or bottom <= top:
            continue
        ax.add_patch(
            Rectangle(
                (left, top), right - left, bottom - top,
                fill=False, edgecolor=color, linestyle=dash, linewidth=1.5,
            )
        )  # fmt: skip
        if labels is not None:
            below = style == 1
            ax.text(
                left, bottom if below else top, labels[index], size=8, color="black",
                ha="left", va="top" if below else "bottom",
                bbox={"facecolor": color, "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    return ax


def segmentation(mask: torch.Tensor, ax: Axes, class_names: Sequence[str]) -> Axes:
    """Draw the class of every pixel, in colours, with its name on every region.

    Args:
        mask: Class numbers ``(height, width)``; 0 is the background.
        ax: Where to draw; in the same coordinates as :func:`boxes`.
        class_names: One name a class, the background's first; it is not written.

    Returns:
        ``ax``.

    Raises:
        ValueError: If the mask has another shape, a class has no name, or there are
            more than eleven classes.
    """
    pixels = as_array(mask)
    if pixels.ndim != 2:
        raise ValueError(f"mask must be (height, width), got {pixels.shape}")
    if len(class_names) > 1 + len(CLASS_COLORS):
        raise ValueError(
            f"at most {1 + len(CLASS_COLORS)} classes, got {len(class_names)}"
        )
    if pixels.size and not 0 <= pixels.min() <= pixels.max() < len(class_names):
        raise ValueError(
            f"{len(class_names)} class names need classes 0 … {len(class_names) - 1}, "
            f"got {pixels.min()} … {pixels.max()}"
        )
    colors = ListedColormap([BACKGROUND, *CLASS_COLORS])
    height, width = pixels.shape
    ax.imshow(pixels, colors, vmin=0, vmax=10, extent=(0, width, height, 0))
    for label in np.unique(pixels[pixels > 0]):
        regions, count = ndimage.label(pixels == label, np.ones((3, 3)))
        for region in range(1, count + 1):
            rows, columns = np.nonzero(regions == region)
            if len(rows) >= SMALLEST_NAMED:
                ax.text(
                    columns.mean() + 0.5, rows.mean() + 0.5, class_names[label], size=9,
                    ha="center", va="center", weight="bold",
                    path_effects=[withStroke(linewidth=2.5, foreground="white")],
                )  # fmt: skip
    ax.set_axis_off()
    return ax


def _show(image: torch.Tensor, ax: Axes) -> None:
    """Draw one image so that a coordinate counts the pixels before it."""
    pixels = as_array(image)
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise ValueError(
            "image must be (height, width), (1, height, width) or (3, height, width), "
            f"got {tuple(np.shape(image))}"
        )
    height, width = pixels.shape[1:]
    canvas = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    ax.imshow(canvas, "gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    ax.set_axis_off()
