"""Average precision is COCO's, to the last digit."""

import contextlib
import io
import math

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dlbook.models import Detections
from dlbook.runtime import generator
from dlbook.training import (
    average_precision,
    match_detections,
    mean_average_precision,
)

COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)


def sides(box):
    """Write a box as COCO does: corner, width, height."""
    x_min, y_min, x_max, y_max = box.tolist()
    return [x_min, y_min, x_max - x_min, y_max - y_min]


def by_coco(detections, truths, num_classes):
    """Let pycocotools compute AP@[.5:.95], AP50 and AP75; NaN where it says -1."""
    truth, found = COCO(), []
    annotations = [
        {
            "id": 1 + image * truths.shape[1] + row,
            "image_id": image,
            "category_id": int(number),
            "bbox": sides(box),
            "area": float((box[2:] - box[:2]).prod()),
            "iscrowd": 0,
        }
        for image, objects in enumerate(truths)
        for row, (number, box) in enumerate(
            zip(objects[:, 0], objects[:, 1:], strict=True)
        )
        if number >= 0
    ]
    truth.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(len(truths))],
        "categories": [{"id": number} for number in range(num_classes)],
        "annotations": annotations,
    }
    for image, answer in enumerate(detections):
        entries = zip(answer.boxes, answer.classes, answer.scores, strict=True)
        found += [
            {
                "image_id": image,
                "category_id": int(number),
                "bbox": sides(box),
                "score": float(score),
            }
            for box, number, score in entries
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(found) if found else COCO(), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return [value if value >= 0 else math.nan for value in judge.stats[:3]]


def by_us(detections, truths, num_classes):
    return [
        mean_average_precision(detections, truths, num_classes, thresholds)
        for thresholds in (COCO_THRESHOLDS, (0.5,), (0.75,))
    ]


def random_answers(seed, images=13, objects=4, classes=3, extra=6, whole=False):
    """Draw objects, and detections that are near them, doubled, or anywhere."""
    draw = generator(seed)

    def rand(*shape):
        return torch.rand(shape, generator=draw, dtype=torch.float64)

    def boxes(count):
        start = 40 * rand(count, 2)
        return torch.cat([start, start + 8 + 20 * rand(count, 2)], 1)

    truths, detections = torch.zeros(images, objects, 5).double(), []
    for truth in truths:
        truth[:, 0] = torch.randint(-1, classes, (objects,), generator=draw)
        truth[:, 1:] = boxes(objects).round() if whole else boxes(objects)
        truth[truth[:, 0] < 0, 1:] = 0
        real = truth[truth[:, 0] >= 0].repeat(2, 1)
        real = real[rand(len(real)) < 0.8]
        near = real[:, 1:] + 6 * (rand(len(real), 4) - 0.5)
        anywhere = torch.randint(classes, (extra,), generator=draw)
        found = torch.cat([near, boxes(extra)])
        detections.append(
            Detections(
                found.round() if whole else found,
                torch.cat([real[:, 0].long(), anywhere]),
                (10 * rand(len(found))).round() / 10 if whole else rand(len(found)),
            )
        )
    return detections, truths


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("whole", [False, True], ids=["any numbers", "many ties"])
def test_it_is_what_pycocotools_computes(seed, whole):
    detections, truths = random_answers(seed, whole=whole)
    expected = by_coco(detections, truths, 3)
    assert 0.01 < expected[0] < expected[1] < 0.99
    assert by_us(detections, truths, 3) == pytest.approx(expected, abs=1e-9)


def no_detection_of_a_class():
    detections, truths = random_answers(0)
    for answer in detections:
        answer.classes[answer.classes == 1] = 2
    return detections, truths


def no_object_of_a_class():
    detections, truths = random_answers(1)
    truths[..., 0][truths[..., 0] == 1] = 0
    return detections, truths


def no_detection():
    _, truths = random_answers(2)
    nothing = Detections(torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0))
    return [nothing] * len(truths), truths


def no_object():
    detections, truths = random_answers(3)
    truths[..., 0] = -1
    return detections, truths


def all_scores_equal():
    detections, truths = random_answers(4)
    for answer in detections:
        answer.scores.fill_(0.5)
    return detections, truths


def many_on_one_object():
    detections, truths = random_answers(5, images=2, objects=1, classes=1)
    truths[..., 0] = 0
    truths[..., 1:] = torch.tensor([10.0, 10, 30, 30])
    shift = torch.arange(9.0).double().view(-1, 1) / 4
    boxes = truths[0, :, 1:] + shift
    answer = Detections(boxes, torch.zeros(9).long(), torch.rand(9).double())
    return [answer, detections[1]], truths


def more_than_a_hundred_in_an_image():
    return random_answers(6, images=3, classes=2, extra=260)


def perfect():
    _, truths = random_answers(7)
    scores = torch.rand(4, generator=generator(0))
    return [
        Detections(truth[truth[:, 0] >= 0, 1:], own.long(), scores[: len(own)])
        for truth in truths
        for own in [truth[truth[:, 0] >= 0, 0]]
    ], truths


def one_detection_between_two_equal_objects():
    truths = torch.tensor(
        [[[0.0, 0, 0, 10, 10], [0, 4, 0, 14, 10]], [[0, 0, 0, 9, 9], [-1, 0, 0, 0, 0]]]
    ).double()
    boxes = torch.tensor([[2.0, 0, 12, 10], [4, 0, 14, 10], [0, 0, 10, 10]]).double()
    answer = Detections(boxes, torch.zeros(3).long(), torch.tensor([0.9, 0.8, 0.7]))
    return [answer, answer], truths


@pytest.mark.parametrize(
    "case",
    [
        no_detection_of_a_class,
        no_object_of_a_class,
        no_detection,
        no_object,
        all_scores_equal,
        many_on_one_object,
        more_than_a_hundred_in_an_image,
        perfect,
        one_detection_between_two_equal_objects,
    ],
)
def test_corner_cases_are_what_pycocotools_computes(case):
    detections, truths = case()
    expected = by_coco(detections, truths, 3)
    computed = by_us(detections, truths, 3)
    assert computed == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_finding_all_and_nothing_else_is_one():
    assert by_us(*perfect(), 3) == [1, 1, 1]


def test_without_any_object_there_is_no_average():
    assert all(math.isnan(value) for value in by_us(*no_object(), 3))
    assert math.isnan(average_precision(torch.ones(2), torch.zeros(2).bool(), 0))


def test_the_average_is_over_101_recalls_of_the_best_precision_from_there_on():
    scores = torch.tensor([0.5, 0.9, 0.7, 0.6])
    right = torch.tensor([True, True, False, True])
    # Precisions 1, 1/2, 2/3, 3/4 at recalls 1/4, 1/4, 2/4, 3/4 of four objects.
    expected = (26 * 1 + 25 * 3 / 4 + 25 * 3 / 4) / 101
    assert average_precision(scores, right, 4) == pytest.approx(expected, abs=1e-12)


def test_an_empty_list_finds_nothing():
    assert average_precision(torch.zeros(0), torch.zeros(0).bool(), 3) == 0


def test_each_object_is_found_once_by_the_first_that_overlaps_it_enough():
    overlaps = torch.tensor([[0.4, 0.1], [0.9, 0.6], [0.8, 0.7], [0.8, 0.6]])
    assert match_detections(overlaps, 0.5).tolist() == [False, True, True, False]
    assert match_detections(overlaps, 0.9).tolist() == [False, False, False, False]
    assert (
        match_detections(overlaps.double(), 0.75).tolist()
        == [False, True] + [False] * 2
    )
    assert match_detections(torch.zeros(3, 0), 0.5).tolist() == [False] * 3
    assert match_detections(torch.zeros(0, 2), 0.5).shape == (0,)


NOTHING = Detections(torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0))
ODD = Detections(torch.zeros(1, 4), torch.tensor([3]), torch.ones(1))
BLANK = torch.full((1, 2, 5), -1.0)
YES = torch.tensor([True, True])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: average_precision(torch.ones(3), YES, 4), r"got \(3,\) and \(2,\)"),
        (lambda: average_precision(torch.ones(2, 1), YES, 4), r"got \(2, 1\) and"),
        (lambda: average_precision(YES / 0 - YES / 0, YES, 4), "none NaN"),
        (lambda: average_precision(torch.ones(2), YES, 1), "2 entries .* there are 1"),
        (lambda: match_detections(torch.ones(2, 2), 1.5), "iou_threshold .* got 1.5"),
        (
            lambda: mean_average_precision([NOTHING] * 2, BLANK, 3),
            r"\(2, objects, 5\).* got \(1, 2, 5\)",
        ),
        (
            lambda: mean_average_precision([NOTHING], BLANK[..., :4], 3),
            r"\(1, objects, 5\).* got \(1, 2, 4\)",
        ),
        (
            lambda: mean_average_precision([NOTHING], BLANK + 4, 3),
            r"-1 … 2, got 3 … 3",
        ),
        (lambda: mean_average_precision([ODD], BLANK, 3), r"-1 … 2, got -1 … 3"),
        (lambda: mean_average_precision([NOTHING], BLANK - 1, 3), r"got -2 … -2"),
        (lambda: mean_average_precision([NOTHING], BLANK, 3, ()), "got none"),
        (lambda: mean_average_precision([NOTHING], BLANK, 0), "num_classes .* got 0"),
        (
            lambda: mean_average_precision([NOTHING], BLANK, 3, (0.5, 2)),
            "iou_threshold .* got 2",
        ),
    ],
)
def test_wrong_values_are_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()
