"""U-Net: down to see much, up to say where, and bridges between."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.parts import check_levels, check_sides, double_convolution


class UNet(nn.Module):
    """Score classes for every pixel from what is near and what is far.

    On the way down, each level convolves twice and halves the image; on the way up,
    transposed convolutions double it, and what the way down knew at that size stands
    beside it: features that are fine and features that saw much. Ronneberger et al.
    (2015), §2 and figure 1, in small. Ours pads, so that nothing is cropped, and
    normalizes each convolution's output.

    Args:
        in_channels: Channels of the image.
        num_classes: Classes to score.
        channels: Channels of each level, from the full size down.
        skips: Whether the way up sees the features of the way down; without, all that
            it knows comes through the lowest level.

    Attributes:
        down: The convolutions of each level, from the full size down.
        up: The transposed convolutions, from the lowest level up.
        merge: The convolutions after each of them.
        head: A 1 × 1 convolution to scores.

    Raises:
        ValueError: If there are fewer than two levels, or a size is below one.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        channels: Sequence[int] = (16, 32, 64),
        skips: bool = True,
    ) -> None:
        super().__init__()
        channels = check_levels(channels, 2, "UNet")
        self.in_channels = in_channels
        self.skips = skips
        self.factor = 2 ** (len(channels) - 1)
        self.pool = nn.MaxPool2d(2)
        self.down, self.up, self.merge = (nn.ModuleList() for _ in range(3))
        for seen, made in pairwise((in_channels, *channels)):
            self.down.append(double_convolution(seen, made))
        for below, here in pairwise(reversed(channels)):
            self.up.append(nn.ConvTranspose2d(below, here, 2, stride=2))
            self.merge.append(double_convolution(2 * here if skips else here, here))
        self.head = nn.Conv2d(channels[0], num_classes, 1)

    def forward(self, input: Tensor) -> Tensor:
        """Compute the class scores of every pixel.

        Args:
            input: ``(batch, in_channels, height, width)``; both sides divisible by 2
                to the power of the number of levels less one.

        Returns:
            ``(batch, num_classes, height, width)``.

        Raises:
            ValueError: If the shape is another.
        """
        check_sides(input, self.in_channels, self.factor, "UNet")
        levels = [self.down[0](input)]
        for convolve in self.down[1:]:
            levels.append(convolve(self.pool(levels[-1])))
        output = levels.pop()
        for enlarge, convolve in zip(self.up, self.merge, strict=True):
            output, skipped = enlarge(output), levels.pop()
            if self.skips:
                output = torch.cat([skipped, output], dim=1)
            output = convolve(output)
        return self.head(output)
