"""A small U-Net that finds the noise in images, told how much there is."""

import math

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.parts import check_sides
from dlbook.nn.checks import check_positive
from dlbook.nn.position import sinusoids


class NoiseUNet(nn.Module):
    """Predict the noise in images, given the time, and the class if there are any.

    Ho et al. (2020), appendix B, in small: two sizes, residual blocks with group
    normalization, time as sines and cosines, added within every block; no attention.
    A class adds a learned vector to the time's; a vector of its own stands for no
    class.

    Args:
        channels: Channels of the image.
        hidden_channels: Channels at full size, a multiple of 8; twice those at half.
        num_classes: Number of classes; None for a network without.
        max_time: Largest time.

    Raises:
        ValueError: If a size is out of range.
    """

    times: Tensor

    def __init__(
        self,
        channels: int = 1,
        hidden_channels: int = 32,
        num_classes: int | None = None,
        max_time: int = 1000,
    ) -> None:
        super().__init__()
        if check_positive("hidden_channels", hidden_channels) % 8 != 0:
            raise ValueError(
                f"hidden_channels must be a multiple of 8, got {hidden_channels}"
            )
        self.channels = check_positive("channels", channels)
        self.num_classes = num_classes
        small, large = hidden_channels, 2 * hidden_channels
        size = 4 * hidden_channels
        self.register_buffer("times", sinusoids(max_time + 1, small), persistent=False)
        self.time = nn.Sequential(nn.Linear(small, size), nn.SiLU())
        if num_classes is not None:
            check_positive("num_classes", num_classes)
            self.label = nn.Embedding(num_classes + 1, size)
        self.first = nn.Conv2d(channels, small, 3, padding=1)
        self.down = _Block(small, small, size)
        self.smaller = nn.Conv2d(small, large, 4, 2, 1)
        self.middle = nn.ModuleList([_Block(large, large, size) for _ in range(2)])
        self.larger = nn.ConvTranspose2d(large, small, 4, 2, 1)
        self.up = _Block(2 * small, small, size)
        self.last = nn.Sequential(
            nn.GroupNorm(8, small), nn.SiLU(), nn.Conv2d(small, channels, 3, padding=1)
        )

    def forward(
        self, images: Tensor, times: Tensor, classes: Tensor | None = None
    ) -> Tensor:
        """Predict the noise.

        Args:
            images: ``(batch, channels, height, width)``; even sides.
            times: ``(batch,)``, 0 … max_time.
            classes: ``(batch,)``; None for none, also in a network with classes.

        Returns:
            The shape of ``images``.

        Raises:
            ValueError: If the shape is another, or classes go to a network without.
        """
        check_sides(images, self.channels, 2, "NoiseUNet")
        told = self.time(self.times[times])
        if self.num_classes is not None:
            none = torch.full_like(times, self.num_classes)
            told = told + self.label(none if classes is None else classes)
        elif classes is not None:
            raise ValueError("this NoiseUNet was built without classes, got some")
        full = self.down(self.first(images), told)
        half = self.smaller(full)
        for block in self.middle:
            half = block(half, told)
        joined = torch.cat([self.larger(half), full], dim=1)
        return self.last(self.up(joined, told))


class _Block(nn.Module):
    """Two convolutions past which the input is added; the time comes in between."""

    def __init__(self, seen: int, made: int, told: int) -> None:
        super().__init__()
        self.first = _normalized(seen, made)
        self.told = nn.Linear(told, made)
        self.second = _normalized(made, made)
        self.skip = nn.Identity() if seen == made else nn.Conv2d(seen, made, 1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        inner = self.first(x) + self.told(told)[:, :, None, None]
        return (self.skip(x) + self.second(inner)) / math.sqrt(2)


def _normalized(seen: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        nn.GroupNorm(8, seen), nn.SiLU(), nn.Conv2d(seen, made, 3, padding=1)
    )
