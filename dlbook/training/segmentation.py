"""Measure how well a model tells what every pixel shows."""

from torch import Tensor

from dlbook.training.metrics import check_classes


def segmentation_counts(outputs: Tensor, targets: Tensor) -> Tensor:
    """Count how often each true class was taken for each predicted one.

    The counts of batches add up to those of the data set, as intersections over unions
    do not: sum these first, then see :func:`intersection_over_union`.

    Args:
        outputs: Scores ``(batch, classes, ...)``.
        targets: Class numbers ``(batch, ...)``, integers.

    Returns:
        ``(classes, classes)``, int64; row: true class, column: highest score.

    Raises:
        ValueError: If the shapes do not fit, or a target is no class number.
    """
    check_classes(outputs, targets, "segmentation_counts")
    classes = outputs.shape[1]
    if targets.numel() and not 0 <= targets.min() <= targets.max() < classes:
        raise ValueError(
            f"targets must lie in 0 … {classes - 1}, as there are {classes} scores; "
            f"got {targets.min().item()} … {targets.max().item()}"
        )
    pairs = targets.long() * classes + outputs.argmax(dim=1)
    return pairs.flatten().bincount(minlength=classes**2).view(classes, classes)


def intersection_over_union(counts: Tensor) -> Tensor:
    """Measure how well each class was found: 1 if to the pixel, 0 if nowhere.

    Intersection over union, n_ii / (Σ_j n_ij + Σ_j n_ji - n_ii), where n_ij pixels of
    class i were taken for j: of the pixels that are of a class or were taken for it,
    the share that are both. Everingham et al. (2010); Long, Shelhamer & Darrell
    (2015), §5.

    Args:
        counts: ``(classes, classes)``, from :func:`segmentation_counts`.

    Returns:
        ``(classes,)``, float64; NaN for a class that was neither there nor predicted.

    Raises:
        ValueError: If the counts are not square.
    """
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(
            f"counts must be of shape (classes, classes), got {tuple(counts.shape)}"
        )
    both = counts.diagonal().double()
    return both / (counts.sum(dim=0) + counts.sum(dim=1) - both)


def mean_iou(outputs: Tensor, targets: Tensor) -> float:
    """Average the intersection over union of all classes that are there or predicted.

    Over all pixels given at once. As the ``metric`` of :func:`~dlbook.training.fit` or
    :func:`~dlbook.training.evaluate` it is averaged over batches, which is not the same
    as that of the data set: sum :func:`segmentation_counts` for that.

    Args:
        outputs: Scores ``(batch, classes, ...)``.
        targets: Class numbers ``(batch, ...)``, integers.

    Returns:
        0 … 1; NaN if there is no pixel.

    Raises:
        ValueError: As for :func:`segmentation_counts`.
    """
    shares = intersection_over_union(segmentation_counts(outputs, targets))
    return shares.nanmean().item()
