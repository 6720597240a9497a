"""What a detector is trained by: anchors matched with objects, then two losses."""

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.boxes import box_iou, check_boxes, encode_boxes
from dlbook.nn.activations import softplus
from dlbook.nn.checks import (
    check_floating,
    check_not_negative,
    check_positive,
    check_same_shape,
    check_share,
    shape_of,
)

BACKGROUND, IGNORED = -1, -2


def match_anchors(
    anchors: Tensor, boxes: Tensor, positive: float = 0.5, negative: float = 0.4
) -> Tensor:
    """Say which object each anchor has to find, if any.

    An anchor takes the object that it overlaps most, if their intersection over union
    is at least ``positive``; it is background below ``negative``, and ignored between
    the two: Lin et al. (2017), §4. Before that, every object gets the anchor that
    overlaps it most, however little: Liu et al. (2016), §2.2. When two objects want the
    same one, the pair with the larger overlap has it, and the other object gets the
    best of the rest; of equal pairs the first counts. An object that overlaps no anchor
    has none; so has an empty box, which serves as padding.

    Args:
        anchors: ``(anchors, 4)``.
        boxes: ``(..., objects, 4)``; earlier axes are images, each matched on its own.
        positive: From which overlap on an anchor is responsible for an object.
        negative: Below which overlap it is background.

    Returns:
        ``(..., anchors)``, int64: the object's index, -1 for background, -2 for
        anchors to be ignored.

    Raises:
        ValueError: If a box is turned inside out, or not
            0 <= negative <= positive <= 1 with a positive ``positive``.
        TypeError: If anchors or boxes are not floating-point.
    """
    _check_thresholds(positive, negative)
    check_boxes(anchors, "anchors")
    overlaps = box_iou(boxes, anchors)  # (..., objects, anchors)
    if overlaps.numel() == 0:
        shape = (*boxes.shape[:-2], len(anchors))
        return boxes.new_full(shape, BACKGROUND, dtype=torch.int64)
    overlap, matched = overlaps.max(dim=-2)
    matched[overlap < positive] = IGNORED
    matched[overlap < negative] = BACKGROUND
    for _ in range(boxes.shape[-2]):  # the best pair that is left, in every image
        overlap, pair = overlaps.flatten(-2).max(dim=-1, keepdim=True)
        found, anchor = pair // len(anchors), pair % len(anchors)
        wanted = torch.where(overlap > 0, found, matched.gather(-1, anchor))
        matched.scatter_(-1, anchor, wanted)
        overlaps.scatter_(-2, found.unsqueeze(-1).expand_as(overlaps[..., :1, :]), 0)
        overlaps.scatter_(-1, anchor.unsqueeze(-1).expand_as(overlaps[..., :1]), 0)
    return matched


def sigmoid_focal_loss(
    scores: Tensor, targets: Tensor, alpha: float | None = 0.25, gamma: float = 2.0
) -> Tensor:
    """Cross-entropy of yes-or-no answers that cares little for what is easy.

    -α_t (1 - p_t)^γ log p_t, where p_t is the probability of the true answer, and α_t
    is α for yes and 1 - α for no. Lin et al. (2017), §3.2, eq. (5). With s the score
    that speaks for the true answer, x for yes and -x for no, p_t = σ(s); its logarithms
    log p_t = -softplus(-s) and log(1 - p_t) = -softplus(s) never overflow.

    Args:
        scores: x, any shape; large means yes.
        targets: 1 for yes, 0 for no; same shape and type.
        alpha: Weight of the yes answers, 0 … 1; None: no weights.
        gamma: How much less an easy answer counts; 0: not at all.

    Returns:
        Nats, same shape.

    Raises:
        ValueError: If the shapes differ, a target is neither 0 nor 1, ``alpha`` is not
            in [0, 1], or ``gamma`` is negative.
        TypeError: If the scores are not floating-point.
    """
    check_floating(scores, "sigmoid_focal_loss", "scores")
    check_same_shape(scores, targets, "sigmoid_focal_loss")
    check_not_negative("gamma", gamma)
    yes = targets == 1
    if not (yes | (targets == 0)).all():
        raise ValueError("sigmoid_focal_loss expects targets of 0 and 1 only")
    right = torch.where(yes, scores, -scores)
    loss = (-gamma * softplus(right)).exp() * softplus(-right)
    if alpha is None:
        return loss
    check_share("alpha", alpha)
    return torch.where(yes, alpha, 1 - alpha) * loss


class DetectionLoss(nn.Module):
    """Score what a detector says about its anchors: is it there, and where exactly.

    The focal loss of all classes, summed over the anchors that are not ignored, plus
    ``box_weight`` times the Huber loss of the offsets, summed over the anchors that are
    matched with an object; both divided by the number of matched anchors, or by 1 if
    there is none. Lin et al. (2017), §4.1; the Huber loss is the smooth L1 of Girshick
    (2015), §2.3, eq. (3), with a δ. See :func:`match_anchors`,
    :func:`sigmoid_focal_loss` and :func:`~dlbook.models.encode_boxes`.

    Args:
        anchors: ``(anchors, 4)``, none empty.
        num_classes: Number of classes; background is not one of them.
        positive: From which overlap on an anchor is responsible for an object.
        negative: Below which overlap it is background.
        alpha: The focal loss's weight of the right class.
        gamma: The focal loss's exponent.
        box_weight: What the place counts, compared with the class.
        delta: Above which error of an offset the Huber loss is linear.

    Attributes:
        anchors: A buffer.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has another type.
    """

    anchors: Tensor

    def __init__(
        self,
        anchors: Tensor,
        num_classes: int,
        positive: float = 0.5,
        negative: float = 0.4,
        alpha: float | None = 0.25,
        gamma: float = 2.0,
        box_weight: float = 2.0,
        delta: float = 0.1,
    ) -> None:
        super().__init__()
        _check_thresholds(positive, negative)
        check_boxes(anchors, "anchors", may_be_empty=False)
        if alpha is not None:
            check_share("alpha", alpha)
        self.num_classes = check_positive("num_classes", num_classes)
        self.positive, self.negative = positive, negative
        self.alpha, self.gamma = alpha, check_not_negative("gamma", gamma)
        self.box_weight = check_not_negative("box_weight", box_weight)
        self.box_loss = nn.HuberLoss(reduction="sum", delta=delta)
        self.register_buffer("anchors", anchors)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compare a batch of outputs with the objects in the images.

        Args:
            outputs: ``(batch, anchors, num_classes + 4)``: scores, then offsets.
            targets: ``(batch, objects, 5)``: class, then box; class -1 is padding.

        Returns:
            One number.

        Raises:
            ValueError: If a shape is another, a class is no integer from -1 to
                ``num_classes - 1``, or the box of an object is empty.
            TypeError: If something is not floating-point.
        """
        self._check(outputs, targets)
        classes, boxes = targets[..., 0].long(), targets[..., 1:]
        padding = (classes < 0).unsqueeze(-1)
        boxes = boxes.masked_fill(padding, 0)  # matched with no anchor
        matched = match_anchors(self.anchors, boxes, self.positive, self.negative)
        image, anchor = (matched >= 0).nonzero(as_tuple=True)
        found = matched[image, anchor]

        scores, offsets = outputs.split([self.num_classes, 4], dim=-1)
        truth = torch.zeros_like(scores)
        truth[image, anchor, classes[image, found]] = 1
        focal = sigmoid_focal_loss(scores, truth, self.alpha, self.gamma)
        focal = focal.sum(dim=-1)[matched != IGNORED].sum()
        wanted = encode_boxes(boxes[image, found], self.anchors[anchor])
        place = self.box_loss(offsets[image, anchor], wanted)
        return (focal + self.box_weight * place) / max(1, len(found))

    def _check(self, outputs: Tensor, targets: Tensor) -> None:
        check_floating(outputs, "DetectionLoss", "outputs")
        check_floating(targets, "DetectionLoss", "targets")
        expected = (len(self.anchors), self.num_classes + 4)
        if outputs.ndim != 3 or outputs.shape[1:] != expected:
            raise ValueError(
                f"DetectionLoss expects outputs of shape (batch, {expected[0]}, "
                f"{expected[1]}), got {shape_of(outputs)}"
            )
        if targets.ndim != 3 or targets.shape[::2] != (len(outputs), 5):
            raise ValueError(
                f"DetectionLoss expects targets of shape ({len(outputs)}, objects, 5), "
                f"got {shape_of(targets)}"
            )
        classes = targets[..., 0]
        known = (classes >= -1) & (classes < self.num_classes)
        if not (known & (classes == classes.floor())).all():
            raise ValueError(
                f"DetectionLoss: classes must be integers from -1 (padding) to "
                f"{self.num_classes - 1}, got {classes.unique().tolist()}"
            )
        sizes = targets[..., 3:] - targets[..., 1:3]
        if not ((sizes > 0).all(dim=-1) | (classes == -1)).all():
            raise ValueError(
                "DetectionLoss: boxes of objects need x_min < x_max and y_min < y_max"
            )


def _check_thresholds(positive: float, negative: float) -> None:
    if not (0 <= negative <= positive <= 1 and positive > 0):
        raise ValueError(
            "thresholds must satisfy 0 <= negative <= positive <= 1 and positive > 0, "
            f"got negative={negative} and positive={positive}"
        )
