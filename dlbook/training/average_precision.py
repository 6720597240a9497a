"""Measure how well a detector does: average precision, as COCO defines it."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dlbook.models import Detections, box_iou
from dlbook.nn.checks import check_integer, check_positive, check_share

RECALLS = np.linspace(0, 1, 101)
MOST = 100  # detections of a class that count in an image


def average_precision(scores: Tensor, right: Tensor, num_truths: int) -> float:
    """Sum up in one number how a ranked list trades precision for recall.

    Going down the list, precision is the share of right entries so far, and recall the
    share of all objects that they found. The average is that of 101 recalls 0, 0.01, …,
    1, each with the best precision to be had at this recall or a higher one; 0 where
    the list never reaches it. Lin et al. (2014), COCO's evaluation; Everingham et al.
    (2010), §4.2, with 11 recalls.

    Args:
        scores: ``(n,)``; the highest come first, of equals the earlier.
        right: ``(n,)``, boolean: whether an entry found an object, each object once.
        num_truths: How many objects there are to be found.

    Returns:
        0 … 1; NaN if there is no object.

    Raises:
        ValueError: If the shapes differ, a score is NaN, or more entries are right than
            there are objects.
        TypeError: If ``num_truths`` is not an integer.
    """
    count, hits = check_integer("num_truths", num_truths), int(right.sum())
    if scores.ndim != 1 or scores.shape != right.shape or scores.isnan().any():
        raise ValueError(
            "average_precision expects scores (n,), none NaN, and right of the same "
            f"shape; got {tuple(scores.shape)} and {tuple(right.shape)}"
        )
    if hits > count:
        raise ValueError(f"{hits} entries found an object, but there are {count}")
    if count == 0:
        return math.nan
    order = scores.argsort(descending=True, stable=True)
    found = right[order].double().cumsum(0).numpy()
    precision = found / np.arange(1, len(found) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(found / count, RECALLS)
    return float(best_from_here[places[places < len(found)]].sum() / len(RECALLS))


def match_detections(overlaps: Tensor, iou_threshold: float) -> Tensor:
    """Say which detections of an image are right: the first to find an object is.

    Each in turn takes the object that it overlaps most among those not taken yet, if by
    at least the threshold; of equal ones the last, as COCO's code does.

    Args:
        overlaps: ``(detections, objects)``, intersections over unions, best detection
            first; all of one class.
        iou_threshold: The overlap that is needed, 0 … 1.

    Returns:
        ``(detections,)``, boolean.

    Raises:
        ValueError: If the threshold is not in [0, 1].
    """
    check_share("iou_threshold", iou_threshold)
    needed = min(iou_threshold, 1 - 1e-10)  # equal boxes may miss 1 by rounding
    right, free = [], list(range(overlaps.shape[1]))
    for row in overlaps.tolist():
        best = max(free, key=lambda column: (row[column], column), default=None)
        right.append(best is not None and row[best] >= needed)
        if best is not None and right[-1]:
            free.remove(best)
    return torch.tensor(right, dtype=torch.bool)


def mean_average_precision(
    detections: Sequence[Detections],
    truths: Tensor,
    num_classes: int,
    iou_thresholds: Sequence[float] = (0.5,),
) -> float:
    """Measure a detector: :func:`average_precision`, averaged over classes.

    A detection is right if it overlaps an object of its class enough that no better one
    has found: see :func:`match_detections`. Of each image and class the 100 best count.
    The mean is over the thresholds and the classes that occur in ``truths``. COCO's own
    number has the thresholds 0.5, 0.55, …, 0.95: Lin et al. (2014).

    Args:
        detections: For every image.
        truths: ``(images, objects, 5)``: class, then box; class -1 is padding.
        num_classes: Number of classes.
        iou_thresholds: The overlaps that are needed, 0 … 1.

    Returns:
        0 … 1; NaN if no image has an object.

    Raises:
        ValueError: If there are not as many detections as truths, a class is not in
            -1 … ``num_classes - 1``, or a threshold is not in [0, 1].
        TypeError: If ``num_classes`` is not an integer.
    """
    _check(detections, truths, num_classes, iou_thresholds)
    present = [c for c in range(num_classes) if (truths[..., 0] == c).any()]
    values = []
    for number in present:
        count = int((truths[..., 0] == number).sum())
        scores, right = _judge(detections, truths, number, iou_thresholds)
        values += [average_precision(scores, row, count) for row in right]
    return sum(values) / len(values) if values else math.nan


def _judge(
    detections: Sequence[Detections],
    truths: Tensor,
    number: int,
    iou_thresholds: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """Collect one class from all images.

    Returns:
        Scores ``(n,)``, and at each threshold who is right ``(thresholds, n)``.
    """
    scores, right = [], []
    for found, truth in zip(detections, truths, strict=True):
        own = (found.classes == number).nonzero().squeeze(1)
        if len(own) == 0:
            continue
        order = found.scores[own].argsort(descending=True, stable=True)
        own = own[order][:MOST]
        boxes = truth[truth[:, 0] == number, 1:].double()
        overlaps = box_iou(found.boxes[own].double(), boxes)
        scores.append(found.scores[own].double().cpu())
        right.append(
            torch.stack([match_detections(overlaps, t) for t in iou_thresholds])
        )
    if not scores:
        empty = torch.empty(len(iou_thresholds), 0, dtype=torch.bool)
        return torch.empty(0), empty
    return torch.cat(scores), torch.cat(right, dim=1)


def _check(
    detections: Sequence[Detections],
    truths: Tensor,
    num_classes: int,
    iou_thresholds: Sequence[float],
) -> None:
    check_positive("num_classes", num_classes)
    if len(iou_thresholds) == 0:
        raise ValueError("iou_thresholds must hold at least one number, got none")
    for threshold in iou_thresholds:
        check_share("iou_threshold", threshold)
    expected = (len(detections), 5)
    if truths.ndim != 3 or truths.shape[::2] != expected:
        raise ValueError(
            f"truths must have the shape ({expected[0]}, objects, 5), one row for each "
            f"image with detections; got {tuple(truths.shape)}"
        )
    given = torch.cat([truths[..., 0].flatten(), *(d.classes for d in detections)])
    if given.numel() and not -1 <= given.min() <= given.max() < num_classes:
        raise ValueError(
            f"classes must lie in -1 … {num_classes - 1}, "
            f"got {given.min():g} … {given.max():g}"
        )
