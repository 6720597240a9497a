"""Boxes: areas, overlaps, offsets, suppression and anchors."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlbook.models import (
    box_area,
    box_iou,
    decode_boxes,
    encode_boxes,
    grid_anchors,
    non_maximum_suppression,
)
from dlbook.runtime import generator

checked = settings(max_examples=60, deadline=None, derandomize=True)


def whole_boxes(count, seed, size=12):
    """Draw boxes of whole pixels inside an image, in float64."""
    draw = generator(seed)
    start = torch.randint(0, size - 1, (count, 2), generator=draw)
    room = size - start
    span = 1 + (torch.rand(count, 2, generator=draw) * room).long()
    return torch.cat([start, torch.minimum(start + span, start + room)], 1).double()


def pixels(box):
    """List the pixels that a box of whole pixels covers."""
    x_min, y_min, x_max, y_max = (int(edge) for edge in box)
    return {(x, y) for x in range(x_min, x_max) for y in range(y_min, y_max)}


@st.composite
def boxes(draw, most=6, least=0):
    """Draw boxes of any place and size, none empty, in float64."""
    edge = st.floats(-50, 50)
    side = st.floats(0.1, 60)
    rows = [
        (x, y, x + width, y + height)
        for x, y, width, height in (
            draw(st.tuples(edge, edge, side, side))
            for _ in range(draw(st.integers(least, most)))
        )
    ]
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 4)


def test_an_area_is_width_times_height():
    given_boxes = torch.tensor([[[1.0, 2, 4, 7], [0.5, -3, 2, 1], [3, 3, 3, 9]]])
    assert box_area(given_boxes).tolist() == [[15, 6, 0]]


def test_overlaps_of_known_boxes():
    first = torch.tensor([[0.0, 0, 4, 2], [10, 10, 11, 12]])
    second = torch.tensor(
        [[0.0, 0, 4, 2], [2, 0, 6, 2], [4, 0, 8, 2], [1, 0, 2, 1], [1, 1, 1, 1]]
    )
    expected = torch.tensor([[1, 4 / 12, 0, 1 / 8, 0], [0, 0, 0, 0, 0]])
    torch.testing.assert_close(box_iou(first, second), expected)


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_are_those_counted_pixel_by_pixel(seed):
    first, second = whole_boxes(7, seed), whole_boxes(5, seed + 10)
    counted = [
        [len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b)) for b in second]
        for a in first
    ]
    expected = torch.tensor(counted, dtype=torch.float64)
    assert (expected > 0).any()
    assert (expected == 0).any()
    torch.testing.assert_close(box_iou(first, second), expected, rtol=1e-15, atol=0)
    areas = [len(pixels(box)) for box in first]
    assert box_area(first).tolist() == areas


@given(boxes(), boxes())
@checked
def test_an_overlap_is_a_share_and_the_same_from_both_sides(first, second):
    overlaps = box_iou(first, second)
    assert overlaps.shape == (len(first), len(second))
    assert ((overlaps >= 0) & (overlaps <= 1 + 1e-12)).all()
    assert torch.equal(overlaps, box_iou(second, first).T)
    itself = box_iou(first, first).diagonal()
    torch.testing.assert_close(itself, torch.ones_like(itself))


def test_overlaps_are_computed_for_many_images_at_once():
    anchors, objects = whole_boxes(5, 0), whole_boxes(6, 1).view(2, 3, 4)
    together = box_iou(anchors, objects)
    assert together.shape == (2, 5, 3)
    for image in range(2):
        assert torch.equal(together[image], box_iou(anchors, objects[image]))


def test_an_empty_box_shares_nothing_even_with_itself():
    empty = torch.tensor([[2.0, 2, 2, 5], [0, 0, 0, 0]])
    other = torch.tensor([[0.0, 0, 4, 6]])
    assert box_iou(empty, torch.cat([empty, other])).count_nonzero() == 0


def test_offsets_of_a_known_box():
    anchor = torch.tensor([[0.0, 0, 4, 10]])
    box = torch.tensor([[2.0, 1, 10, 6]])
    expected = torch.tensor([[1.0, -0.15, 2.0, 0.5]])
    expected[:, 2:] = expected[:, 2:].log()
    torch.testing.assert_close(encode_boxes(box, anchor), expected)


@given(boxes(3, least=3), boxes(3, least=3))
@checked
def test_decoding_undoes_encoding(boxes, anchors):
    offsets = encode_boxes(boxes, anchors)
    torch.testing.assert_close(decode_boxes(offsets, anchors), boxes)


@given(boxes(3, least=3), boxes(3, least=3), st.floats(0.3, 5), st.floats(-20, 20))
@checked
def test_offsets_do_not_change_when_all_is_moved_and_magnified(b, a, factor, shift):
    torch.testing.assert_close(
        encode_boxes(factor * b + shift, factor * a + shift), encode_boxes(b, a)
    )


def test_no_offset_means_the_anchor_itself():
    anchors = whole_boxes(6, 3)
    assert torch.equal(decode_boxes(torch.zeros(2, 6, 4).double(), anchors)[1], anchors)


def test_one_box_of_each_heap_is_kept_best_first():
    heaps = torch.tensor(
        [[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [21, 0, 31, 10]]
    )
    scores = torch.tensor([0.6, 0.7, 0.9, 0.8])
    assert non_maximum_suppression(heaps, scores).tolist() == [2, 1]
    assert non_maximum_suppression(heaps, scores, 0.9).tolist() == [2, 3, 1, 0]


def test_a_removed_box_removes_none():
    chain = torch.tensor([[0.0, 0, 10, 2], [3, 0, 13, 2], [6, 0, 16, 2]])
    overlaps = box_iou(chain, chain)
    assert overlaps[0, 1] > 0.5
    assert overlaps[1, 2] > 0.5
    kept = non_maximum_suppression(chain, torch.tensor([0.9, 0.8, 0.7]))
    assert kept.tolist() == [0, 2]


def test_an_overlap_equal_to_the_threshold_may_stay():
    pair = torch.tensor([[0.0, 0, 4, 2], [0, 0, 4, 4]])
    assert len(non_maximum_suppression(pair, torch.tensor([0.9, 0.8]), 0.5)) == 2
    assert len(non_maximum_suppression(pair, torch.tensor([0.9, 0.8]), 0.49)) == 1


def test_of_equal_scores_the_earlier_box_goes_first():
    same = torch.tensor([[0.0, 0, 4, 4]] * 40)
    assert non_maximum_suppression(same, torch.ones(40)).tolist() == [0]
    apart = same + 10 * torch.arange(40.0).unsqueeze(1)
    assert non_maximum_suppression(apart, torch.ones(40)).tolist() == [*range(40)]


@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(0, 25))
@checked
def test_what_is_kept_lies_apart_and_what_is_removed_lay_on_a_better_one(
    seed, threshold, count
):
    boxes = whole_boxes(count, seed)
    scores = torch.randperm(count, generator=generator(seed)).double()
    kept = non_maximum_suppression(boxes, scores, threshold)
    overlaps = box_iou(boxes, boxes)
    assert kept.dtype == torch.int64
    assert torch.equal(scores[kept], scores[kept].sort(descending=True).values)
    among = overlaps[kept][:, kept].fill_diagonal_(0)
    assert (among <= threshold).all()
    for removed in set(range(count)) - set(kept.tolist()):
        better = kept[scores[kept] > scores[removed]]
        assert (overlaps[removed, better] > threshold).any()


@given(st.integers(0, 10**6))
@checked
def test_the_order_in_which_boxes_are_given_changes_nothing(seed):
    boxes, draw = whole_boxes(15, seed), generator(seed)
    scores, order = torch.randperm(15, generator=draw), torch.randperm(15)
    shuffled = non_maximum_suppression(boxes[order], scores[order], 0.3)
    assert torch.equal(order[shuffled], non_maximum_suppression(boxes, scores, 0.3))


def test_no_boxes_give_no_overlaps_no_offsets_and_nothing_to_keep():
    none, three = torch.zeros(0, 4), torch.rand(3, 2).repeat(1, 2)
    assert box_iou(none, three).shape == (0, 3)
    assert encode_boxes(none, none).shape == (0, 4)
    assert decode_boxes(none, none).shape == (0, 4)
    assert non_maximum_suppression(none, torch.zeros(0)).shape == (0,)


def test_anchors_stand_row_by_row_size_after_size_and_ratio_after_ratio():
    anchors = grid_anchors(12, 4, sizes=(2, 6), ratios=(1, 4))
    assert anchors.shape == (3 * 3 * 4, 4)
    first = torch.tensor([[1.0, 1, 3, 3], [1.5, 0, 2.5, 4], [-1, -1, 5, 5]])
    torch.testing.assert_close(anchors[:3], first)
    torch.testing.assert_close(anchors[3], torch.tensor([0.5, -4, 3.5, 8]))
    torch.testing.assert_close(anchors[4:7], first + torch.tensor([4.0, 0, 4, 0]))
    torch.testing.assert_close(anchors[12:15], first + torch.tensor([0.0, 4, 0, 4]))


def test_an_anchor_of_any_ratio_has_the_area_of_its_size():
    anchors = grid_anchors(8, 8, sizes=(3.0, 5.0), ratios=(0.5, 1.0, 3.0))
    expected = torch.tensor([9.0, 25]).repeat_interleave(3)
    torch.testing.assert_close(box_area(anchors), expected)
    sizes = anchors[:, 2:] - anchors[:, :2]
    shape = sizes[:, 1] / sizes[:, 0]
    torch.testing.assert_close(shape, torch.tensor([0.5, 1, 3] * 2))


INSIDE_OUT = torch.tensor([[0.0, 0, 2, 2], [3, 0, 2, 2]])
FLAT = torch.tensor([[0.0, 0, 2, 0]])
GOOD = torch.tensor([[0.0, 0, 2, 2]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: box_area(torch.zeros(2, 5)), r"shape \(\.\.\., 4\), got \(2, 5\)"),
        (lambda: box_area(INSIDE_OUT), r"x_min <= x_max.*got \[3.0, 0.0, 2.0, 2.0\]"),
        (lambda: box_area(INSIDE_OUT.flip(1)), "y_min <= y_max"),
        (lambda: box_area(GOOD * torch.nan), "x_min <= x_max"),
        (lambda: box_iou(GOOD, INSIDE_OUT), "x_min <= x_max"),
        (lambda: box_iou(INSIDE_OUT, GOOD), "x_min <= x_max"),
        (lambda: encode_boxes(FLAT, GOOD), r"encode need x_min < x_max.*got \[0.0, 0"),
        (lambda: encode_boxes(GOOD, FLAT), "anchors need x_min < x_max"),
        (lambda: decode_boxes(GOOD, FLAT), "anchors need x_min < x_max"),
        (lambda: decode_boxes(GOOD[:, :3], GOOD), r"offsets .* got \(1, 3\)"),
        (lambda: non_maximum_suppression(GOOD, torch.ones(2)), r"got \(1, 4\) and \(2"),
        (lambda: non_maximum_suppression(GOOD[0], torch.ones(4)), r"got \(4,\)"),
        (lambda: non_maximum_suppression(GOOD, torch.tensor([torch.nan])), "none NaN"),
        (lambda: non_maximum_suppression(GOOD, torch.ones(1), 1.5), "got 1.5"),
        (lambda: grid_anchors(20, 8, (4,)), "multiple of the stride 8, got 20"),
        (lambda: grid_anchors(0, 8, (4,)), "image_size must be at least 1, got 0"),
        (lambda: grid_anchors(16, 0, (4,)), "stride must be at least 1, got 0"),
        (lambda: grid_anchors(16, 8, ()), r"sizes must hold .* got \(\)"),
        (lambda: grid_anchors(16, 8, (4, -1)), r"sizes .* got \(4, -1\)"),
        (lambda: grid_anchors(16, 8, (4,), (0,)), r"ratios .* got \(0,\)"),
    ],
)
def test_wrong_values_are_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_whole_numbers_are_refused_as_boxes():
    with pytest.raises(TypeError, match="floating-point boxes, got torch"):
        box_area(GOOD.long())
    with pytest.raises(TypeError, match="floating-point offsets, got torch"):
        decode_boxes(GOOD.long(), GOOD)
