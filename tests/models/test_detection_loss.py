"""Anchors are matched with objects, and the loss counts what it should."""

import pytest
import torch

from dlbook import nn
from dlbook.models import (
    DetectionLoss,
    box_iou,
    decode_boxes,
    encode_boxes,
    grid_anchors,
    match_anchors,
    sigmoid_focal_loss,
)
from dlbook.runtime import generator

ANCHORS = torch.tensor(
    [[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10], [40, 0, 50, 10]]
)


def random_boxes(*shape, seed=0, size=64):
    draw = generator(seed)
    start = torch.rand(*shape, 2, generator=draw) * (size - 30)
    return torch.cat(
        [start, start + 5 + 25 * torch.rand(*shape, 2, generator=draw)], -1
    )


def match_by_hand(anchors, boxes, positive, negative):
    """Match one image anchor by anchor and object by object."""
    overlaps = box_iou(anchors, boxes).tolist()
    matched = []
    for row in overlaps:
        best = max(range(len(row)), key=lambda column: row[column])
        background = -1 if row[best] < negative else -2
        matched.append(best if row[best] >= positive else background)
    free = {(o, a) for a in range(len(anchors)) for o in range(len(boxes))}
    while free:
        found, anchor = max(sorted(free), key=lambda pair: overlaps[pair[1]][pair[0]])
        if overlaps[anchor][found] > 0:
            matched[anchor] = found
        free = {(o, a) for o, a in free if a != anchor and o != found}
    return matched


def test_an_anchor_is_matched_ignored_or_background_by_its_overlap():
    box = torch.tensor([[0.0, 0, 10, 10]])
    anchors = torch.tensor(
        [
            [0.0, 0, 10, 10],
            [0, 0, 10, 5],
            [0, 0, 10, 4],
            [0, 0, 10, 3.9],
            [20, 0, 30, 9],
        ]
    )
    overlaps = [1, 0.5, 0.4, 0.39, 0]
    torch.testing.assert_close(box_iou(anchors, box).flatten(), torch.tensor(overlaps))
    assert match_anchors(anchors, box).tolist() == [0, 0, -2, -1, -1]
    assert match_anchors(anchors, box, 0.6, 0.6).tolist() == [0, -1, -1, -1, -1]


def test_every_object_keeps_its_best_anchor_however_little_they_overlap():
    small = torch.tensor([[41.0, 1, 43, 3], [21, 2, 22, 4]])
    assert match_anchors(ANCHORS, small).tolist() == [-1, -1, 1, 0]


def test_of_two_objects_that_want_one_anchor_the_better_has_it():
    pair = torch.tensor([[0.0, 0, 10, 6], [0, 0, 10, 9]])
    anchors = ANCHORS[[0, 2, 1]]
    assert match_anchors(anchors, pair).tolist() == [1, -1, 0]


def test_two_equal_objects_get_an_anchor_each():
    twice = torch.tensor([[1.0, 0, 11, 10]]).repeat(2, 1)
    assert sorted(match_anchors(ANCHORS, twice)[:2].tolist()) == [0, 1]


def test_an_object_that_no_anchor_overlaps_has_none():
    far = torch.tensor([[0.0, 90, 10, 99], [20, 0, 30, 10]])
    assert match_anchors(ANCHORS, far).tolist() == [-1, -1, 1, -1]


@pytest.mark.parametrize("seed", range(4))
def test_images_are_matched_as_each_would_be_by_hand(seed):
    anchors = grid_anchors(64, 8, (14.0, 22.0))
    boxes = random_boxes(3, 5, seed=seed)
    boxes[1, 2:] = 0  # padding
    matched = match_anchors(anchors, boxes, 0.45, 0.3)
    assert matched.shape == (3, 128)
    assert matched.dtype == torch.int64
    for image, objects in enumerate((5, 2, 5)):
        alone = boxes[image, :objects]
        expected = match_by_hand(anchors, alone, 0.45, 0.3)
        assert matched[image].tolist() == expected
        assert match_anchors(anchors, alone, 0.45, 0.3).tolist() == expected
        assert set(range(objects)) <= set(expected)
    assert {-2, -1} <= set(matched.flatten().tolist())


def test_without_objects_all_is_background():
    assert match_anchors(ANCHORS, torch.zeros(0, 4)).tolist() == [-1] * 4
    assert match_anchors(ANCHORS, torch.zeros(2, 3, 4)).tolist() == [[-1] * 4] * 2
    assert match_anchors(ANCHORS, torch.zeros(0, 3, 4)).shape == (0, 4)


def test_the_focal_loss_follows_its_formula():
    scores = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
    targets = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    p = scores.sigmoid()
    right = torch.stack([p[0], p[1], 1 - p[2]])
    weight = torch.tensor([0.2, 0.2, 0.8], dtype=torch.float64)
    expected = -weight * (1 - right) ** 1.7 * right.log()
    loss = sigmoid_focal_loss(scores, targets, alpha=0.2, gamma=1.7)
    torch.testing.assert_close(loss, expected)


def test_without_weights_and_exponent_it_is_cross_entropy():
    scores = torch.randn(4, 3, generator=generator(0)).double() * 20
    targets = (torch.arange(12).view(4, 3) % 2).double()
    loss = sigmoid_focal_loss(scores, targets, alpha=None, gamma=0)
    expected = torch.nn.BCEWithLogitsLoss(reduction="none")(scores, targets)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_focal_loss_and_its_gradient_are_right_for_scores_of_any_size(gamma):
    scores = torch.tensor([-200.0, -30, 0, 30, 200], requires_grad=True)
    for targets in (torch.zeros(5), torch.ones(5)):
        loss = sigmoid_focal_loss(scores, targets, alpha=None, gamma=gamma)
        (slope,) = torch.autograd.grad(loss.sum(), scores)
        assert loss.isfinite().all()
        assert slope.isfinite().all()
        sure_and_wrong = 4 if targets[0] == 0 else 0
        assert loss[sure_and_wrong].item() == pytest.approx(200)
        assert abs(slope[sure_and_wrong].item()) == pytest.approx(1)


def test_the_gradient_of_the_focal_loss_is_that_of_finite_differences():
    scores = torch.randn(6, generator=generator(1)).double().requires_grad_()
    targets = torch.tensor([0, 1, 1, 0, 1, 0]).double()
    assert torch.autograd.gradcheck(lambda x: sigmoid_focal_loss(x, targets), scores)


def targets_and_outputs(batch=3, classes=4, seed=0):
    anchors = grid_anchors(64, 8, (14.0, 22.0)).double()
    numbers = torch.tensor([2.0, 0, 3, 1, 2]).view(1, 5, 1).repeat(batch, 1, 1)
    targets = torch.cat([numbers, random_boxes(batch, 5, seed=seed)], dim=-1).double()
    targets[1, 2:] = torch.tensor([-1.0, 0, 0, 0, 0])
    targets[2, :] = torch.tensor([-1.0, 0, 0, 0, 0])
    outputs = torch.randn(batch, len(anchors), classes + 4, generator=generator(seed))
    return anchors, targets, outputs.double().requires_grad_()


def loss_by_hand(anchors, targets, outputs, classes, box_weight, delta):
    """Add up the loss anchor by anchor."""
    focal, place, count = 0, 0, 0
    huber = torch.nn.HuberLoss(reduction="sum", delta=delta)
    for answers, truth in zip(outputs, targets, strict=True):
        objects = truth[truth[:, 0] >= 0]
        matched = [-1] * len(anchors)
        if len(objects):
            matched = match_by_hand(anchors, objects[:, 1:], 0.5, 0.4)
        for anchor, found, answer in zip(anchors, matched, answers, strict=True):
            wanted = torch.zeros(classes).double()
            if found >= 0:
                count += 1
                wanted[int(objects[found, 0])] = 1
                offset = encode_boxes(objects[found, 1:], anchor)
                place += huber(answer[classes:], offset)
            if found != -2:
                focal += sigmoid_focal_loss(answer[:classes], wanted).sum()
    return (focal + box_weight * place) / count


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_added_up_anchor_by_anchor(seed):
    anchors, targets, outputs = targets_and_outputs(seed=seed)
    loss = DetectionLoss(anchors, 4, box_weight=3.0, delta=0.2)
    expected = loss_by_hand(anchors, targets, outputs, 4, 3.0, 0.2)
    value = loss(outputs, targets)
    torch.testing.assert_close(value, expected)
    ours, theirs = (torch.autograd.grad(v, outputs)[0] for v in (value, expected))
    torch.testing.assert_close(ours, theirs)


def test_padding_may_hold_anything_and_stand_anywhere():
    anchors, targets, outputs = targets_and_outputs()
    loss = DetectionLoss(anchors, 4)
    expected = loss(outputs, targets)
    targets[1, 2:, 1:] = torch.tensor([9.0, torch.nan, 3, torch.inf])
    torch.testing.assert_close(loss(outputs, targets), expected)
    torch.testing.assert_close(loss(outputs, targets.flip(1)), expected)


def test_images_without_objects_only_ask_for_background():
    anchors, targets, outputs = targets_and_outputs()
    nothing = torch.full_like(targets, -1)
    expected = sigmoid_focal_loss(
        outputs[..., :4], torch.zeros_like(outputs[..., :4])
    ).sum()
    loss = DetectionLoss(anchors, 4)
    torch.testing.assert_close(loss(outputs, nothing), expected)
    torch.testing.assert_close(loss(outputs, nothing[:, :0]), expected)


def test_right_answers_cost_next_to_nothing():
    anchors, targets, _ = targets_and_outputs()
    outputs = torch.full((3, len(anchors), 8), -20.0).double()
    matched = match_anchors(anchors, targets[..., 1:])
    for image, anchor in (matched >= 0).nonzero().tolist():
        truth = targets[image, matched[image, anchor]]
        outputs[image, anchor, int(truth[0])] = 20
        outputs[image, anchor, 4:] = encode_boxes(truth[1:], anchors[anchor])
        place = decode_boxes(outputs[image, anchor, 4:], anchors[anchor])
        torch.testing.assert_close(place, truth[1:])
    outputs[matched == -2] = 20.0  # ignored: may say what they like
    assert DetectionLoss(anchors, 4)(outputs, targets) < 1e-8


def test_options_reach_the_parts_they_are_meant_for():
    anchors, targets, outputs = targets_and_outputs()
    plain = DetectionLoss(anchors, 4)(outputs, targets)
    for options in (
        {"positive": 0.6},
        {"negative": 0.2},
        {"alpha": None},
        {"gamma": 1.0},
        {"box_weight": 0},
        {"delta": 0.7},
    ):
        other = DetectionLoss(anchors, 4, **options)(outputs, targets)
        assert abs(other - plain) > 1e-3
    assert isinstance(DetectionLoss(anchors, 4), nn.Module)


OUTPUTS, TARGETS = torch.zeros(2, 4, 7), torch.tensor([[[1.0, 0, 0, 9, 9]]] * 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: match_anchors(ANCHORS, ANCHORS, 0.4, 0.5),
            "negative=0.5 and positive",
        ),
        (
            lambda: match_anchors(ANCHORS, ANCHORS, 0, 0),
            "got negative=0 and positive=0",
        ),
        (lambda: match_anchors(ANCHORS, ANCHORS, 1.2), "positive=1.2"),
        (lambda: match_anchors(ANCHORS[:, :3], ANCHORS), r"got \(4, 3\)"),
        (lambda: sigmoid_focal_loss(OUTPUTS, OUTPUTS[:1]), r"got \(1, 4, 7\)"),
        (lambda: sigmoid_focal_loss(OUTPUTS, OUTPUTS + 0.5), "targets of 0 and 1 only"),
        (lambda: sigmoid_focal_loss(OUTPUTS, OUTPUTS, 2), "alpha .* got 2"),
        (lambda: sigmoid_focal_loss(OUTPUTS, OUTPUTS, gamma=-1), "gamma .* got -1"),
        (lambda: DetectionLoss(ANCHORS, 0), "num_classes must be at least 1, got 0"),
        (lambda: DetectionLoss(ANCHORS, 3, 0.3), "negative=0.4 and positive=0.3"),
        (lambda: DetectionLoss(ANCHORS, 3, box_weight=-1), "box_weight .* got -1"),
        (lambda: DetectionLoss(ANCHORS, 3, delta=0), "delta must be positive, got 0"),
        (lambda: DetectionLoss(ANCHORS, 3, alpha=7), "alpha .* got 7"),
        (lambda: DetectionLoss(ANCHORS, 3, gamma=-2), "gamma .* got -2"),
        (lambda: DetectionLoss(0 * ANCHORS, 3), "anchors need x_min < x_max"),
        (lambda: DetectionLoss(ANCHORS[:, :3], 3), r"anchors .* got \(4, 3\)"),
        (
            lambda: DetectionLoss(ANCHORS, 3)(OUTPUTS[:, :3], TARGETS),
            r"\(batch, 4, 7\), got \(2, 3, 7\)",
        ),
        (
            lambda: DetectionLoss(ANCHORS, 3)(OUTPUTS, TARGETS[:1]),
            r"\(2, objects, 5\), got \(1, 1, 5\)",
        ),
        (
            lambda: DetectionLoss(ANCHORS, 3)(OUTPUTS, TARGETS[..., :4]),
            r"\(2, objects, 5\), got \(2, 1, 4\)",
        ),
        (
            lambda: DetectionLoss(ANCHORS, 1)(OUTPUTS[..., :5], TARGETS),
            r"from -1 \(padding\) to 0, got \[1.0\]",
        ),
        (
            lambda: DetectionLoss(ANCHORS, 3)(OUTPUTS, TARGETS - 3),
            r"to 2, got \[-2.0\]",
        ),
        (
            lambda: DetectionLoss(ANCHORS, 3)(OUTPUTS, TARGETS + 0.5),
            r"to 2, got \[1.5\]",
        ),
        (
            lambda: DetectionLoss(ANCHORS, 3)(OUTPUTS, TARGETS[..., [0, 3, 1, 1, 3]]),
            "boxes of objects need x_min < x_max",
        ),
    ],
)
def test_wrong_values_are_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="floating-point targets, got torch"):
        DetectionLoss(ANCHORS, 3)(OUTPUTS, TARGETS.long())
    with pytest.raises(TypeError, match="floating-point outputs, got torch"):
        DetectionLoss(ANCHORS, 3)(OUTPUTS.long(), TARGETS)
    with pytest.raises(TypeError, match="floating-point scores, got torch"):
        sigmoid_focal_loss(OUTPUTS.long(), OUTPUTS)
