"""Fully convolutional networks: score coarsely, then enlarge the scores."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.parts import check_levels, check_sides, double_convolution
from dlbook.nn.checks import check_positive


def bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Make a transposed convolution that starts as bilinear interpolation.

    Its stamp falls linearly to both sides: element i of 2 · factor is
    ``1 - abs(i + ½ - factor) / factor``, the product of both for a pixel; no channel
    mixes with another. Long et al. (2015), §3.3. Away from the border the output equals
    that of :class:`dlbook.nn.Upsample` with ``mode="bilinear"``; beyond it are zeros.

    Args:
        channels: Channels of input and output.
        factor: Output pixels for each input pixel, even.

    Returns:
        The layer, without bias; training may change it.

    Raises:
        ValueError: If ``factor`` is odd or below two.
    """
    if check_positive("factor", factor) % 2:
        raise ValueError(f"factor must be even, got {factor}")
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, bias=False
    )
    line = 1 - (torch.arange(2 * factor) + 0.5 - factor).abs() / factor
    with torch.no_grad():
        own = torch.eye(channels)[:, :, None, None]
        layer.weight.copy_(own * torch.outer(line, line))
    return layer


class FCN(nn.Module):
    """Score classes for every pixel: coarse scores, enlarged and refined.

    Convolutions and pooling shrink the image, a 1 × 1 convolution scores the small one,
    and transposed convolutions enlarge the scores. With ``fuse``, they double step by
    step, and the scores of the earlier pooling of that size are added: Long et al.
    (2015), §4.2 and figure 3 (FCN-8s). Without, one large step follows (FCN-32s). Ours
    trains all at once from random weights, all enlarging layers included.

    Args:
        in_channels: Channels of the image.
        num_classes: Classes to score.
        channels: Channels of each stage; 2 × 2 pooling ends a stage.
        fuse: Whether the scores of earlier stages are added.

    Attributes:
        stages: The convolutions with the pooling that ends them.
        scores: 1 × 1 convolutions: of the last stage, then, with ``fuse``, of the
            earlier ones, backwards.
        enlarge: Transposed convolutions, see :func:`bilinear_upsampling`; one for each
            of ``scores``.

    Raises:
        ValueError: If there is no stage, or a size is below one.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        channels: Sequence[int] = (16, 32, 64),
        fuse: bool = True,
    ) -> None:
        super().__init__()
        channels = check_levels(channels, 1, "FCN")
        self.in_channels = in_channels
        self.fuse = fuse
        self.factor = 2 ** len(channels)
        self.stages = nn.ModuleList(
            nn.Sequential(*double_convolution(seen, made), nn.MaxPool2d(2))
            for seen, made in pairwise((in_channels, *channels))
        )
        scored = channels[::-1] if fuse else channels[-1:]
        step = 2 if fuse else self.factor
        self.scores = nn.ModuleList(nn.Conv2d(c, num_classes, 1) for c in scored)
        self.enlarge = nn.ModuleList(
            bilinear_upsampling(num_classes, step) for _ in scored
        )

    def forward(self, input: Tensor) -> Tensor:
        """Compute the class scores of every pixel.

        Args:
            input: ``(batch, in_channels, height, width)``; both sides divisible by 2
                to the power of the number of stages.

        Returns:
            ``(batch, num_classes, height, width)``.

        Raises:
            ValueError: If the shape is another.
        """
        check_sides(input, self.in_channels, self.factor, "FCN")
        pooled = [input]
        for stage in self.stages:
            pooled.append(stage(pooled[-1]))
        output = self.enlarge[0](self.scores[0](pooled.pop()))
        for score, enlarge in zip(self.scores[1:], self.enlarge[1:], strict=True):
            output = enlarge(output + score(pooled.pop()))
        return output
