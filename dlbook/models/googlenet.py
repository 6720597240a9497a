"""GoogLeNet: patterns of several sizes side by side."""

from collections import OrderedDict

import torch
from torch import Tensor

from dlbook import nn
from dlbook.nn import init


class Inception(nn.Module):
    """Look for patterns of several sizes in the same image, and keep all answers.

    Four branches see the same input; their outputs are put beside each other as
    channels. 1 × 1 convolutions reduce the channels before the large kernels, which
    makes these affordable. Szegedy et al. (2015), §4, figure 2(b). ReLU follows every
    convolution, also the reducing ones.

    Args:
        in_channels: Channels of the input.
        ones: Channels of the 1 × 1 convolution.
        reduce_threes: Channels to which the input is reduced before the 3 × 3 ones.
        threes: Channels of the 3 × 3 convolution.
        reduce_fives: Channels to which the input is reduced before the 5 × 5 ones.
        fives: Channels of the 5 × 5 convolution.
        pooled: Channels of the 1 × 1 convolution after 3 × 3 max pooling.
        batch_norm: Whether :class:`~dlbook.nn.BatchNorm2d` follows each convolution, in
            place of its bias.

    Attributes:
        ones: The first branch; ``threes``, ``fives`` and ``pooled`` are the others.
        out_channels: ones + threes + fives + pooled.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(
        self,
        in_channels: int,
        ones: int,
        reduce_threes: int,
        threes: int,
        reduce_fives: int,
        fives: int,
        pooled: int,
        *,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels = ones + threes + fives + pooled
        self.ones = _convolution(in_channels, ones, 1, batch_norm)
        self.threes = nn.Sequential(
            *_convolution(in_channels, reduce_threes, 1, batch_norm),
            *_convolution(reduce_threes, threes, 3, batch_norm),
        )
        self.fives = nn.Sequential(
            *_convolution(in_channels, reduce_fives, 1, batch_norm),
            *_convolution(reduce_fives, fives, 5, batch_norm),
        )
        self.pooled = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            *_convolution(in_channels, pooled, 1, batch_norm),
        )

    def forward(self, input: Tensor) -> Tensor:
        """Put the four branches' outputs beside each other.

        Args:
            input: ``(batch, in_channels, height, width)``.

        Returns:
            ``(batch, out_channels, height, width)``, not negative.

        Raises:
            ValueError: If the shape is another.
        """
        branches = (self.ones, self.threes, self.fives, self.pooled)
        return torch.cat([branch(input) for branch in branches], dim=1)


# Szegedy et al. (2015), table 1: the blocks, and the poolings between them.
_BLOCKS = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "pool3": (),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "pool4": (),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNet(nn.Module):
    """Stack nine :class:`Inception` blocks: 22 layers, 7 million numbers.

    A stem of three convolutions, the blocks, the average over the image, dropout, one
    affine map. Szegedy et al. (2015), table 1. Pooling pads by one pixel, such that it
    halves an even size as the table says.

    Left out: the two auxiliary classifiers, which serve training only, and the local
    response normalization of the stem. The 5 × 5 convolutions are the paper's;
    torchvision's network has 3 × 3 ones in their place, by an old mistake, and batch
    normalization, which the paper is older than. Of first values the paper says
    nothing: here they are Kaiming normal with fan-in, which keep the size of signals
    without normalization, and biases 0.

    Args:
        num_classes: Size of the output.
        in_channels: Channels of the image.
        dropout: Probability of silencing a feature while training.
        batch_norm: As in :class:`Inception`.

    Attributes:
        features: Stem, blocks and poolings, named as in table 1.
        classifier: Average, dropout and affine map.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.4,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv1"] = _convolution(in_channels, 64, 7, batch_norm, stride=2)
        layers["pool1"] = nn.MaxPool2d(3, stride=2, padding=1)
        layers["conv2"] = nn.Sequential(
            *_convolution(64, 64, 1, batch_norm),
            *_convolution(64, 192, 3, batch_norm),
        )
        layers["pool2"] = nn.MaxPool2d(3, stride=2, padding=1)
        seen = 192
        for name, sizes in _BLOCKS.items():
            if sizes:
                layers[name] = block = Inception(seen, *sizes, batch_norm=batch_norm)
                seen = block.out_channels
            else:
                layers[name] = nn.MaxPool2d(3, stride=2, padding=1)
        self.features = nn.Sequential(layers)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(seen, num_classes),
        )

    def forward(self, input: Tensor) -> Tensor:
        """Compute the class scores of a batch of images.

        Args:
            input: ``(batch, in_channels, height, width)``, of any height and width.

        Returns:
            ``(batch, num_classes)``.

        Raises:
            ValueError: If the shape is another.
        """
        return self.classifier(self.features(input))


def _convolution(
    in_channels: int, out_channels: int, size: int, batch_norm: bool, stride: int = 1
) -> nn.Sequential:
    """Make a convolution that keeps height and width, and what follows it."""
    layer = nn.Conv2d(
        in_channels, out_channels, size, stride, size // 2, bias=not batch_norm
    )
    init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        init.zeros_(layer.bias)
    norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
    return nn.Sequential(layer, *norm, nn.ReLU())
