"""Counts of pixels and intersections over unions, against scikit-learn's."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, jaccard_score

from dlbook.runtime import generator
from dlbook.training import intersection_over_union, mean_iou, segmentation_counts


def pixels(classes=4, seed=0):
    draw = generator(seed)
    outputs = torch.randn(3, classes, 5, 7, generator=draw)
    return outputs, torch.randint(classes, (3, 5, 7), generator=draw)


def test_counts_are_those_of_scikit_learn():
    outputs, targets = pixels()
    counts = segmentation_counts(outputs, targets)
    assert counts.dtype == torch.int64
    predicted = outputs.argmax(1).flatten()
    expected = confusion_matrix(targets.flatten(), predicted, labels=range(4))
    np.testing.assert_array_equal(counts, expected)
    assert not torch.equal(counts, counts.T)


def test_intersections_over_unions_are_those_of_scikit_learn():
    outputs, targets = pixels()
    shares = intersection_over_union(segmentation_counts(outputs, targets))
    expected = jaccard_score(
        targets.flatten(), outputs.argmax(1).flatten(), average=None
    )
    np.testing.assert_allclose(shares, expected, rtol=1e-12)
    assert mean_iou(outputs, targets) == pytest.approx(expected.mean())


def test_batches_add_up_in_their_counts_but_not_in_their_shares():
    first, second = pixels(seed=1), pixels(seed=2)
    whole = tuple(torch.cat(parts) for parts in zip(first, second, strict=True))
    counts = segmentation_counts(*first) + segmentation_counts(*second)
    assert torch.equal(counts, segmentation_counts(*whole))
    averaged = (mean_iou(*first) + mean_iou(*second)) / 2
    assert abs(averaged - mean_iou(*whole)) > 1e-4


def test_a_class_that_is_neither_there_nor_predicted_is_not_averaged():
    targets = torch.tensor([[0, 0, 1, 1]])
    outputs = torch.eye(3)[torch.tensor([[0, 1, 1, 1]])].mT  # (batch, classes, width)
    shares = intersection_over_union(segmentation_counts(outputs, targets)).tolist()
    assert shares[:2] == [pytest.approx(1 / 2), pytest.approx(2 / 3)]
    assert math.isnan(shares[2])
    assert mean_iou(outputs, targets) == pytest.approx(7 / 12)


def test_a_class_that_is_there_and_never_found_counts_as_zero():
    shares = intersection_over_union(torch.tensor([[3, 0], [2, 0]]))
    assert shares.tolist() == [pytest.approx(0.6), 0]


def test_without_a_pixel_there_is_no_mean():
    assert math.isnan(mean_iou(torch.zeros(0, 3, 5), torch.zeros(0, 5).long()))


def test_what_does_not_fit_is_refused_in_words():
    outputs, targets = pixels()
    with pytest.raises(ValueError, match=r"segmentation_counts compares .* \(3, 5\)"):
        segmentation_counts(outputs, targets[..., 0])
    with pytest.raises(ValueError, match=r"0 … 3, as there are 4 scores; got 1 … 4"):
        segmentation_counts(outputs, targets + 1)
    with pytest.raises(ValueError, match=r"got -1 … 2"):
        segmentation_counts(outputs, targets - 1)
    with pytest.raises(ValueError, match=r"\(classes, classes\), got \(2, 3\)"):
        intersection_over_union(torch.zeros(2, 3))
