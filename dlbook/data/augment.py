"""Change images at random in ways that leave their class alone."""

import torch
from torch import Tensor


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
    batch, channels, height, width = images.shape
    padded = images.new_zeros(batch, channels, height + 2 * pixels, width + 2 * pixels)
    padded[:, :, pixels : pixels + height, pixels : pixels + width] = images
    corner = torch.randint(
        2 * pixels + 1, (2, batch, 1), generator=generator, device=images.device
    )
    rows = corner[0] + _indices(height, images)  # (batch, height)
    columns = corner[1] + _indices(width, images)  # (batch, width)
    image = _indices(batch, images)[:, None, None, None]
    channel = _indices(channels, images)[:, None, None]
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _indices(count: int, images: Tensor) -> Tensor:
    return torch.arange(count, device=images.device)
