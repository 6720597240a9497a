"""What networks share that give an answer for every pixel of an image."""

from collections.abc import Sequence

from torch import Tensor

from dlbook import nn
from dlbook.nn.checks import check_positive, shape_of


def double_convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """Make two 3 × 3 convolutions that keep the size, each with normalization and ReLU.

    Without biases: the normalization subtracts them again.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of both convolutions' output.

    Returns:
        The six layers.
    """
    layers: list[nn.Module] = []
    for seen in (in_channels, out_channels):
        layers.append(nn.Conv2d(seen, out_channels, 3, padding=1, bias=False))
        layers += [nn.BatchNorm2d(out_channels), nn.ReLU()]
    return nn.Sequential(*layers)


def check_levels(channels: Sequence[int], least: int, model: str) -> tuple[int, ...]:
    """Refuse too few levels, and levels without channels.

    Args:
        channels: Channels of each level.
        least: How many levels there must be.
        model: The model's name, for the message.

    Returns:
        ``channels`` as a tuple.

    Raises:
        ValueError: If there are fewer levels, or one has no channel.
    """
    if len(channels) < least:
        raise ValueError(
            f"{model} needs channels for at least {least} levels, got {tuple(channels)}"
        )
    return tuple(check_positive("channels", number) for number in channels)


def check_sides(input: Tensor, in_channels: int, factor: int, model: str) -> None:
    """Refuse images that cannot be halved as often as the network needs.

    Args:
        input: Expected as ``(batch, in_channels, height, width)``.
        in_channels: Channels of the image.
        factor: What must divide height and width.
        model: The model's name, for the message.

    Raises:
        ValueError: If the shape is another, or a side is zero or not divisible.
    """
    fits = input.ndim == 4 and input.shape[1] == in_channels
    if not fits or any(side % factor or not side for side in input.shape[2:]):
        raise ValueError(
            f"{model} expects input of shape (batch, {in_channels}, height, width) "
            f"with sides divisible by {factor}, got {shape_of(input)}"
        )
