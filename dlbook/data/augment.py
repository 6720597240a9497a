"""Change images at random, to learn from more of them than there are."""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror every image left to right with probability 1/2.

    Args:
        images: ``(batch, channels, height, width)``.
        generator: Decides which; on the images' device.

    Returns:
        A new tensor of the same shape.
    """
    flipped = torch.rand(len(images), generator=generator, device=images.device) < 0.5
    return torch.where(flipped[:, None, None, None], images.flip(3), images)


def random_shift(images: Tensor, generator: torch.Generator, pixels: int = 1) -> Tensor:
    """Move every image by up to so many pixels, up or down and left or right.

    Each of the (2 · pixels + 1)² shifts is equally likely; zeros move in.

    Args:
        images: ``(batch, channels, height, width)``.
        generator: Draws the shifts; on the images' device.
        pixels: The largest shift along each axis.

    Returns:
        A new tensor of the same shape.

    Raises:
        ValueError: If ``pixels`` is negative.
    """
    if pixels < 0:
        raise ValueError(f"pixels must not be negative, got {pixels}")
    height, width = images.shape[2:]
    return random_crop(images, generator, (height, width), padding=pixels)


def random_crop(
    images: Tensor,
    generator: torch.Generator,
    size: int | tuple[int, int],
    padding: int = 0,
) -> Tensor:
    """Cut a window out of every image, each of its places being equally likely.

    Krizhevsky, Sutskever & Hinton (2012), §4.1. With the image's own size and a padding
    it moves the image, as He et al. (2016), §4.2, do with 4 pixels on CIFAR-10.

    Args:
        images: ``(batch, channels, height, width)``.
        generator: Draws the places; on the images' device.
        size: Height and width of the window; one number for a square.
        padding: Zeros put around the image before, in pixels.

    Returns:
        A new tensor ``(batch, channels, *size)``.

    Raises:
        ValueError: If the window is empty or larger than the padded image, or
            ``padding`` is negative.
    """
    if padding < 0:
        raise ValueError(f"padding must not be negative, got {padding}")
    window = (size, size) if isinstance(size, int) else size
    padded = pad(images, (padding,) * 4)
    batch, channels, height, width = padded.shape
    if not (1 <= window[0] <= height and 1 <= window[1] <= width):
        raise ValueError(
            f"size must lie between 1 and the padded image's {(height, width)}, "
            f"got {window}"
        )
    top, left = (
        torch.randint(room + 1, (batch, 1), generator=generator, device=images.device)
        for room in (height - window[0], width - window[1])
    )
    rows = top + _indices(window[0], images)  # (batch, height)
    columns = left + _indices(window[1], images)  # (batch, width)
    image = _indices(batch, images)[:, None, None, None]
    channel = _indices(channels, images)[:, None, None]
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Turn every image about its centre, by an angle of its own.

    Each pixel takes the bilinear mean of where it came from; zeros come in from
    outside. Positive angles turn counter-clockwise as the image is seen, with y
    downwards, like :func:`torch.rot90` on axes (2, 3).

    Args:
        images: ``(batch, channels, height, width)``, floating-point.
        angles: ``(batch,)``, in degrees.

    Returns:
        A new tensor of the same shape.

    Raises:
        ValueError: If there is not one angle an image.
        TypeError: If the images are not floating-point.
    """
    if angles.shape != (len(images),):
        raise ValueError(
            f"{len(images)} images need angles of shape ({len(images)},), "
            f"got {tuple(angles.shape)}"
        )
    if not images.is_floating_point():
        raise TypeError(f"rotate needs floating-point images, got {images.dtype}")
    if not len(images):
        return images.clone()
    height, width = images.shape[2:]
    turn = torch.deg2rad(angles.to(images))
    cos, sin, none = turn.cos(), turn.sin(), torch.zeros_like(turn)
    # Where a pixel came from, in coordinates that are -1 and 1 at the edges.
    back = torch.stack(
        [cos, -sin * height / width, none, sin * width / height, cos, none], dim=1
    ).unflatten(1, (2, 3))
    grid = affine_grid(back, list(images.shape), align_corners=False)
    return grid_sample(images, grid, align_corners=False)


def random_rotation(
    images: Tensor, generator: torch.Generator, degrees: float
) -> Tensor:
    """Turn every image about its centre by up to so many degrees, either way.

    The angle is uniform on [-degrees, degrees]; see :func:`rotate`.

    Args:
        images: ``(batch, channels, height, width)``, floating-point.
        generator: Draws the angles; on the images' device.
        degrees: The largest angle, 0 … 180.

    Returns:
        A new tensor of the same shape.

    Raises:
        ValueError: If ``degrees`` is out of range.
        TypeError: If the images are not floating-point.
    """
    if not 0 <= degrees <= 180:
        raise ValueError(f"degrees must lie in 0 … 180, got {degrees}")
    share = torch.rand(len(images), generator=generator, device=images.device)
    return rotate(images, degrees * (2 * share - 1))


def cutout(images: Tensor, generator: torch.Generator, size: int) -> Tensor:
    """Blank out a square of every image, so that no single part is relied upon.

    The square's centre is any pixel, all equally likely; what sticks out of the image
    is cut off. DeVries & Taylor (2017), Improved regularization of convolutional neural
    networks with Cutout, §3.2.

    Args:
        images: ``(batch, channels, height, width)``.
        generator: Draws the centres; on the images' device.
        size: The square's side in pixels; 0 changes nothing.

    Returns:
        A new tensor of the same shape, with zeros in all channels of the square.

    Raises:
        ValueError: If ``size`` is negative.
    """
    if size < 0:
        raise ValueError(f"size must not be negative, got {size}")
    batch, _, height, width = images.shape
    rows, columns = (
        _covered(extent, size, batch, generator, images) for extent in (height, width)
    )
    square = rows[:, None, :, None] & columns[:, None, None, :]
    return images.masked_fill(square, 0)


def _covered(
    extent: int, size: int, batch: int, generator: torch.Generator, images: Tensor
) -> Tensor:
    """Tell which of ``extent`` places a random stretch covers: ``(batch, extent)``."""
    centre = torch.randint(
        extent, (batch, 1), generator=generator, device=images.device
    )
    place = _indices(extent, images) - centre + size // 2
    return (place >= 0) & (place < size)


def _indices(count: int, images: Tensor) -> Tensor:
    return torch.arange(count, device=images.device)
