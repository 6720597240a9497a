"""What networks share: small pieces, and checks of what goes in."""

from collections.abc import Sequence

from torch import Tensor

from dlbook import nn
from dlbook.nn.checks import check_positive, shape_of


def normalized_convolution(
    in_channels: int, out_channels: int, stride: int = 1
) -> nn.Sequential:
    """Make a 3 × 3 convolution with normalization and ReLU.

    Without a bias: the normalization subtracts it again.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: 1 keeps height and width, 2 halves them.

    Returns:
        The three layers.
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def double_convolution(
    in_channels: int, out_channels: int, stride: int = 1
) -> nn.Sequential:
    """Make two :func:`normalized_convolution`, one after the other.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of both convolutions' output.
        stride: Of the first one.

    Returns:
        The six layers.
    """
    return nn.Sequential(
        *normalized_convolution(in_channels, out_channels, stride),
        *normalized_convolution(out_channels, out_channels),
    )


def check_images(input: Tensor, image_shape: Sequence[int], model: str) -> None:
    """Refuse a batch of anything but images of one shape.

    Args:
        input: Expected as ``(batch, *image_shape)``.
        image_shape: Channels, height and width.
        model: The model's name, for the message.

    Raises:
        ValueError: If the shape is another.
    """
    if input.shape[1:] != tuple(image_shape):
        expected = ", ".join(map(str, image_shape))
        raise ValueError(
            f"{model} expects input of shape (batch, {expected}), got {shape_of(input)}"
        )


def check_codes(codes: Tensor, features: int, model: str) -> None:
    """Refuse anything but a batch of codes of one size.

    Args:
        codes: Expected as ``(batch, features)``.
        features: Size of a code.
        model: The model's name, for the message.

    Raises:
        ValueError: If the shape is another.
    """
    if codes.ndim != 2 or codes.shape[1] != features:
        raise ValueError(
            f"{model} expects codes of shape (batch, {features}), got {shape_of(codes)}"
        )


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


def real_tokens(tokens: Tensor, padding: int) -> Tensor:
    """Say where real tokens stand, in sequences that are filled up at their ends.

    Args:
        tokens: Numbers ``(batch, time)``.
        padding: The token that fills up.

    Returns:
        ``(batch, time)``, boolean.

    Raises:
        ValueError: If the shape is another, a sequence has no token, or padding stands
            before a token.
    """
    if tokens.ndim != 2 or tokens.shape[1] < 1:
        raise ValueError(
            "expected tokens of shape (batch, time) with at least one step, got "
            f"{shape_of(tokens)}"
        )
    real = tokens != padding
    if not real[:, 0].all() or (real[:, 1:] & ~real[:, :-1]).any():
        raise ValueError(
            f"each sequence needs a token, and padding ({padding}) only at its end"
        )
    return real
