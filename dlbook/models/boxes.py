"""Boxes: how much they overlap, how a network says where they are, which to keep.

A box is ``(x_min, y_min, x_max, y_max)`` in pixels, x to the right and y downwards. The
numbers are edges: the pixel in column c covers c … c + 1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlbook.nn.checks import check_floating, check_positive, check_share, shape_of


def box_area(boxes: Tensor) -> Tensor:
    """Measure boxes.

    Args:
        boxes: ``(..., 4)``; a box may be empty, but not turned inside out.

    Returns:
        Square pixels ``(...)``.

    Raises:
        ValueError: If the last axis is not 4, or a box has ``x_max < x_min`` or
            ``y_max < y_min`` or holds NaN.
        TypeError: If the boxes are not floating-point.
    """
    check_boxes(boxes)
    return _sizes(boxes).prod(dim=-1)


def box_iou(first: Tensor, second: Tensor) -> Tensor:
    """Measure how well each box of one set covers each of another.

    Intersection over union: the area that both cover, divided by the area that at least
    one covers. 1 for equal boxes, 0 for boxes that share none. Everingham et al.
    (2010), §4.2. An empty box shares nothing, not even with itself.

    Args:
        first: ``(..., n, 4)``.
        second: ``(..., m, 4)``; axes before the last two are broadcast.

    Returns:
        ``(..., n, m)``, from 0 to 1.

    Raises:
        ValueError: As for :func:`box_area`.
        TypeError: If boxes are not floating-point.
    """
    total = box_area(first).unsqueeze(-1) + box_area(second).unsqueeze(-2)
    first, second = first.unsqueeze(-2), second.unsqueeze(-3)  # (..., n, m, 4)
    width, height = (
        torch.minimum(first[..., 2 + axis], second[..., 2 + axis])
        - torch.maximum(first[..., axis], second[..., axis])
        for axis in (0, 1)
    )
    shared = width.clamp(min=0) * height.clamp(min=0)
    return torch.where(shared > 0, shared / (total - shared), 0)


def encode_boxes(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Describe boxes as seen from anchors: what a network is trained to predict.

    (x - x_a) / w_a, (y - y_a) / h_a, log(w / w_a) and log(h / h_a), where x, y, w and h
    are a box's centre, width and height, and those with a the anchor's. Ren et al.
    (2015), §3.1.2, eq. (2). All four are 0 for a box that is its anchor, and do not
    change when both are moved or magnified.

    Args:
        boxes: ``(..., 4)``, none empty.
        anchors: ``(..., 4)``, none empty; broadcastable to ``boxes``.

    Returns:
        ``(..., 4)``: shifts in widths and heights of the anchor, then logarithms.

    Raises:
        ValueError: If the last axis is not 4, or a box or an anchor is empty.
        TypeError: If boxes or anchors are not floating-point.
    """
    check_boxes(boxes, "boxes to encode", may_be_empty=False)
    check_boxes(anchors, "anchors", may_be_empty=False)
    shift = (_centres(boxes) - _centres(anchors)) / _sizes(anchors)
    return torch.cat([shift, (_sizes(boxes) / _sizes(anchors)).log()], dim=-1)


def decode_boxes(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Turn a network's answers into boxes: the inverse of :func:`encode_boxes`.

    Args:
        offsets: ``(..., 4)``; what the network says about each anchor.
        anchors: ``(..., 4)``, none empty; broadcastable to ``offsets``.

    Returns:
        Boxes ``(..., 4)``.

    Raises:
        ValueError: If the last axis is not 4, or an anchor is empty.
        TypeError: If offsets or anchors are not floating-point.
    """
    check_floating(offsets, "decode_boxes", "offsets")
    _check_last_axis(offsets, "offsets")
    check_boxes(anchors, "anchors", may_be_empty=False)
    centre = _centres(anchors) + offsets[..., :2] * _sizes(anchors)
    half = _sizes(anchors) * offsets[..., 2:].exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def non_maximum_suppression(
    boxes: Tensor, scores: Tensor, iou_threshold: float = 0.5
) -> Tensor:
    """Keep one box of each heap: the best, unless a better one that is kept covers it.

    Greedy: from the highest score to the lowest, each box that is still there removes
    all later ones that overlap it by more than the threshold. Girshick et al. (2014),
    §2.2. Of equal scores the earlier box goes first.

    Args:
        boxes: ``(n, 4)``.
        scores: ``(n,)``.
        iou_threshold: The intersection over union up to which two boxes may both stay.

    Returns:
        Indices of the kept boxes, best first; int64.

    Raises:
        ValueError: If the shapes do not fit, a score is NaN, a box is turned inside
            out, or the threshold is not in [0, 1].
        TypeError: If the boxes are not floating-point.
    """
    check_share("iou_threshold", iou_threshold)
    if boxes.ndim != 2 or scores.shape != boxes.shape[:1] or scores.isnan().any():
        raise ValueError(
            "non_maximum_suppression expects boxes (n, 4) and as many scores, none "
            f"NaN; got {shape_of(boxes)} and {shape_of(scores)}"
        )
    order = scores.argsort(descending=True, stable=True)
    overlaps = box_iou(boxes[order], boxes[order])
    stays = torch.ones_like(order, dtype=torch.bool)
    for place in range(len(order)):
        if stays[place]:
            stays[place + 1 :] &= overlaps[place, place + 1 :] <= iou_threshold
    return order[stays]


def grid_anchors(
    image_size: int,
    stride: int,
    sizes: Sequence[float],
    ratios: Sequence[float] = (1.0,),
) -> Tensor:
    """Lay boxes of a few sizes and shapes over an image, the same at every place.

    A place is the middle of a square of stride × stride pixels. A box of size s and
    ratio r has the width s / √r and the height s · √r: its area is s², its height r
    times its width. Ren et al. (2015), §3.1.1.

    Args:
        image_size: Height and width of the image, pixels; a multiple of ``stride``.
        stride: Pixels from one place to the next.
        sizes: Square roots of the areas, pixels.
        ratios: Heights divided by widths.

    Returns:
        ``(places * places * len(sizes) * len(ratios), 4)``: place after place, row by
        row; at each place size after size, and of each size ratio after ratio. Those at
        the border reach beyond the image.

    Raises:
        ValueError: If a number is not positive, a list is empty, or ``stride`` does not
            divide ``image_size``.
        TypeError: If ``image_size`` or ``stride`` is not an integer.
    """
    check_positive("image_size", image_size)
    check_positive("stride", stride)
    if image_size % stride:
        raise ValueError(
            f"image_size must be a multiple of the stride {stride}, got {image_size}"
        )
    for name, values in (("sizes", sizes), ("ratios", ratios)):
        if not values or not all(value > 0 for value in values):
            raise ValueError(
                f"{name} must hold positive numbers, at least one; got {values!r}"
            )
    scale, shape = torch.tensor(sizes).view(-1, 1), torch.tensor(ratios).sqrt()
    half = torch.stack([scale / shape, scale * shape], dim=-1).view(-1, 2) / 2
    middle = (torch.arange(image_size // stride) + 0.5) * stride
    y, x = torch.meshgrid(middle, middle, indexing="ij")
    centre = torch.stack([x, y], dim=-1).view(-1, 1, 2)
    return torch.cat([centre - half, centre + half], dim=-1).view(-1, 4)


def check_boxes(boxes: Tensor, what: str = "boxes", may_be_empty: bool = True) -> None:
    """Refuse what are no boxes.

    Args:
        boxes: Expected ``(..., 4)``.
        what: What they are for the caller, for the message.
        may_be_empty: Whether a width or height may be 0.

    Raises:
        ValueError: If the last axis is not 4, or a box is turned inside out, holds NaN,
            or is empty though it must not be.
        TypeError: If the boxes are not floating-point.
    """
    check_floating(boxes, "a detector", what)
    _check_last_axis(boxes, what)
    sizes = _sizes(boxes)
    right = sizes >= 0 if may_be_empty else sizes > 0
    if not right.all():
        wrong = boxes[~right.all(dim=-1)][0].tolist()
        relation = "<=" if may_be_empty else "<"
        raise ValueError(
            f"{what} need x_min {relation} x_max and y_min {relation} y_max, "
            f"got {wrong}"
        )


def _sizes(boxes: Tensor) -> Tensor:
    return boxes[..., 2:] - boxes[..., :2]


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def _check_last_axis(boxes: Tensor, what: str) -> None:
    if boxes.ndim == 0 or boxes.shape[-1] != 4:
        raise ValueError(f"{what} must have the shape (..., 4), got {shape_of(boxes)}")
