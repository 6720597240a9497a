"""A detector: what is in an image, and where, in one look."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.boxes import decode_boxes, grid_anchors, non_maximum_suppression
from dlbook.models.parts import (
    check_images,
    double_convolution,
    normalized_convolution,
)
from dlbook.nn.checks import check_positive, check_share
from dlbook.runtime import evaluation_mode


@dataclass(frozen=True)
class Detections:
    """What was found in one image, best first.

    Attributes:
        boxes: ``(n, 4)``, pixels: x_min, y_min, x_max, y_max.
        classes: ``(n,)``, int64.
        scores: ``(n,)``, how sure the detector is, 0 … 1.
    """

    boxes: Tensor
    classes: Tensor
    scores: Tensor

    def __len__(self) -> int:
        return len(self.scores)


class Detector(nn.Module):
    """Look at an image once; at each place of a grid, score boxes of a few sizes.

    Convolutions with batch normalization and ReLU halve the image as often as there are
    ``channels``. From what is left, two 3 × 3 convolutions predict for every anchor of
    every place a score for each class and four offsets. Liu et al. (2016), §2.1 (SSD);
    Lin et al. (2017), §4 (RetinaNet), here with one level instead of a pyramid and one
    head for both. At first every class has the probability ``prior`` everywhere, so
    that the many background anchors do not drown the rest: Lin et al. (2017), §4.1.

    Train it by :class:`~dlbook.models.DetectionLoss`.

    Args:
        in_channels: Channels of the image.
        num_classes: Number of classes; background is not one of them.
        image_size: Height and width of the image, pixels.
        channels: Channels after each halving.
        head_channels: Channels between the two convolutions of the head.
        anchor_sizes: Square roots of the anchors' areas, pixels.
        anchor_ratios: Their heights divided by their widths.
        prior: Probability of each class at every anchor before training.

    Attributes:
        features: The convolutions that halve the image.
        head: The convolutions that predict.
        anchors: ``(anchors, 4)``, a buffer, see :func:`~dlbook.models.grid_anchors`.

    Raises:
        ValueError: If an argument is out of range, or ``image_size`` cannot be halved
            as often as there are channels.
        TypeError: If a size is not an integer.
    """

    anchors: Tensor

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        image_size: int = 64,
        channels: Sequence[int] = (16, 32, 48),
        head_channels: int = 48,
        anchor_sizes: Sequence[float] = (16.0, 24.0),
        anchor_ratios: Sequence[float] = (1.0,),
        prior: float = 0.01,
    ) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.num_classes = check_positive("num_classes", num_classes)
        self.image_size = check_positive("image_size", image_size)
        if not channels:
            raise ValueError("channels must hold at least one number, got none")
        if not 0 < prior < 1:
            raise ValueError(f"prior must lie between 0 and 1, got {prior}")
        anchors = grid_anchors(
            image_size, 2 ** len(channels), anchor_sizes, anchor_ratios
        )
        self.register_buffer("anchors", anchors, persistent=False)
        layers: list[nn.Module] = []
        for seen, made in pairwise((in_channels, *channels)):
            layers += double_convolution(seen, made, stride=2)
        self.features = nn.Sequential(*layers)
        per_place = len(anchor_sizes) * len(anchor_ratios)
        last = nn.Conv2d(head_channels, per_place * (num_classes + 4), 3, padding=1)
        self.head = nn.Sequential(
            *normalized_convolution(channels[-1], head_channels), last
        )
        self._start_unsure(last, per_place, prior)

    @torch.no_grad()
    def _start_unsure(self, last: nn.Conv2d, per_place: int, prior: float) -> None:
        """Small weights, offsets 0, and σ(bias) = prior for the score of each class."""
        nn.init.normal_(last.weight, std=0.01)
        assert last.bias is not None
        bias = nn.init.zeros_(last.bias).view(per_place, -1)
        bias[:, : self.num_classes] = -math.log((1 - prior) / prior)

    def forward(self, input: Tensor) -> Tensor:
        """Predict for every anchor.

        Args:
            input: ``(batch, in_channels, image_size, image_size)``.

        Returns:
            ``(batch, anchors, num_classes + 4)``: scores, then offsets.

        Raises:
            ValueError: If the images have another size.
        """
        image_shape = (self.in_channels, self.image_size, self.image_size)
        check_images(input, image_shape, "Detector")
        output = self.head(self.features(input))
        output = output.permute(0, 2, 3, 1)  # (batch, row, column, anchors' numbers)
        return output.reshape(len(input), len(self.anchors), self.num_classes + 4)

    def detect(
        self,
        images: Tensor,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.5,
        max_detections: int = 100,
    ) -> list[Detections]:
        """Say what is where, in evaluation mode and without gradients.

        Args:
            images: ``(batch, in_channels, image_size, image_size)``.
            score_threshold: The score that a box needs.
            iou_threshold: How much two boxes of a class may overlap, see
                :func:`~dlbook.models.non_maximum_suppression`.
            max_detections: The most that an image may have.

        Returns:
            For every image, what was found; boxes end at the image's border.

        Raises:
            ValueError: If the images have another size or an argument is out of range.
            TypeError: If ``max_detections`` is not an integer.
        """
        check_share("score_threshold", score_threshold)
        check_share("iou_threshold", iou_threshold)
        check_positive("max_detections", max_detections)
        with evaluation_mode(self):
            outputs = self(images)
        scores, offsets = outputs.split([self.num_classes, 4], dim=-1)
        boxes = decode_boxes(offsets, self.anchors).clamp(0, self.image_size)
        return [
            _select(*pair, score_threshold, iou_threshold, max_detections)
            for pair in zip(boxes, scores.sigmoid(), strict=True)
        ]


def _select(
    boxes: Tensor,
    scores: Tensor,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
) -> Detections:
    """Keep the sure ones of an image's ``(anchors, classes)`` answers, each once."""
    anchor, classes = (scores >= score_threshold).nonzero(as_tuple=True)
    boxes, scores = boxes[anchor], scores[anchor, classes]
    kept = [classes.new_empty(0)]
    for number in classes.unique():
        own = (classes == number).nonzero().squeeze(1)
        kept.append(
            own[non_maximum_suppression(boxes[own], scores[own], iou_threshold)]
        )
    best = torch.cat(kept)
    best = best[scores[best].argsort(descending=True, stable=True)][:max_detections]
    return Detections(boxes[best], classes[best], scores[best])
