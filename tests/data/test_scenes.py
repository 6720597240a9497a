"""Scenes of digits: labels that fit the pixels, and test digits never trained on."""

import itertools

import pytest
import torch

from dlbook import data
from dlbook.data import canvas
from dlbook.runtime import generator


@pytest.fixture(scope="module", params=[32, 64])
def scenes(request):
    return data.scenes(150, size=request.param, num_digits=(1, 4))


def test_scenes_have_the_promised_shapes_types_and_range(scenes):
    size = scenes.images.shape[-1]
    assert scenes.images.shape == (150, 1, size, size)
    assert scenes.images.dtype == torch.float32
    assert 0 <= scenes.images.min() < 0.1
    assert 0.9 < scenes.images.max() <= 1
    assert (scenes.classes.shape, scenes.classes.dtype) == ((150, 4), torch.int64)
    assert (scenes.boxes.shape, scenes.boxes.dtype) == ((150, 4, 4), torch.float32)
    assert (scenes.masks.shape, scenes.masks.dtype) == ((150, size, size), torch.int64)
    assert scenes.mask_names == ("background", *scenes.class_names)
    assert scenes.class_names == tuple("0123456789")


def test_digits_come_first_and_padding_is_a_class_of_minus_one_and_a_box_of_zeros(
    scenes,
):
    there = scenes.classes >= 0
    assert there[:, 0].all()
    assert not (there[:, 1:] & ~there[:, :-1]).any()
    assert (scenes.classes[~there] == -1).all()
    assert (scenes.boxes[~there] == 0).all()
    assert ~there.all()
    low, high = scenes.boxes[there].unflatten(-1, (2, 2)).unbind(1)
    assert (low >= 0).all()
    assert (low < high).all()
    assert (high <= scenes.images.shape[-1]).all()


def test_every_box_fits_tightly_around_pixels_of_its_class(scenes):
    for classes, boxes, mask in zip(
        scenes.classes, scenes.boxes.long(), scenes.masks, strict=True
    ):
        alone = [box for box in boxes.tolist() if box[2]]
        for label, box in zip(classes.tolist(), alone, strict=False):
            left, top, right, bottom = box
            ink = mask[top:bottom, left:right] == 1 + label
            for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]):
                assert edge.any()


def test_every_pixel_of_the_mask_lies_in_a_box_of_its_class(scenes):
    size = scenes.images.shape[-1]
    columns, rows = torch.arange(size), torch.arange(size)[:, None]
    allowed = scenes.masks == 0
    left, top, right, bottom = scenes.boxes[..., None, None].unbind(2)
    inside = (left <= columns) & (columns < right) & (top <= rows) & (rows < bottom)
    same = scenes.masks[:, None] == 1 + scenes.classes[..., None, None]
    allowed |= (inside & same).any(dim=1)
    assert allowed.all()


def test_a_box_around_a_single_digit_ends_just_where_its_ink_does():
    scenes = data.scenes(60, size=40, num_digits=(1, 1))
    for mask, box in zip(scenes.masks, scenes.boxes[:, 0].long(), strict=True):
        rows, columns = mask.nonzero().unbind(dim=1)
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert box.tolist() == [edge.item() for edge in edges]


def test_objects_are_class_and_box_in_one_for_a_detector(scenes):
    assert scenes.objects.shape == (150, 4, 5)
    assert scenes.objects.dtype == torch.float32
    assert torch.equal(scenes.objects[..., 0].long(), scenes.classes)
    assert torch.equal(scenes.objects[..., 1:], scenes.boxes)


def test_the_boxes_of_two_digits_share_little_of_the_smaller_one():
    ink = torch.tensor([[[1, 2, 11, 14], [0, 1, 6, 9], [2, 2, 9, 10]]]).repeat(80, 1, 1)
    counts = torch.full((80,), 3)
    corners, there, order = canvas.places(ink, 20, counts, generator(0))
    full = there.all(dim=1)
    assert 20 < full.sum() < 80
    assert torch.equal(order[full], torch.arange(3).expand(int(full.sum()), 3))
    drawn = torch.zeros(80, 3, 20, 20)
    for scene, place in itertools.product(full.nonzero().flatten(), range(3)):
        x, y = corners[scene, place]
        left, top, right, bottom = ink[scene, place]
        drawn[scene, place, y + top : y + bottom, x + left : x + right] = 1
    drawn = drawn[full].flatten(2)
    assert torch.equal(drawn.sum(2)[0], torch.tensor([120.0, 48, 56]))  # none is cut
    both = drawn @ drawn.mT
    areas = drawn.sum(dim=2)
    smaller = torch.minimum(areas[:, :, None], areas[:, None])
    shared = (both / smaller)[:, [0, 0, 1], [1, 2, 2]]
    assert 0 < shared.max() <= canvas.MOST_SHARED


def test_a_digit_after_one_that_is_left_out_keeps_the_place_found_for_it():
    ink = torch.tensor([[[0, 0, 18, 18], [1, 1, 20, 20], [5, 3, 6, 4]]]).repeat(
        30, 1, 1
    )
    counts = torch.full((30,), 3)
    corners, there, order = canvas.places(ink, 20, counts, generator(0))
    assert torch.equal(order, torch.tensor([[0, 2, 1]]).expand(30, 3))
    assert torch.equal(there, torch.tensor([[True, True, False]]).expand(30, 3))
    large, dot = corners[:, 0], corners[:, 1] + torch.tensor([5, 3])
    assert ((dot >= 0) & (dot < 20)).all()
    assert ((dot < large) | (dot >= large + 18)).any(dim=1).all()


def test_digits_reach_all_four_edges_of_the_scene(scenes):
    boxes, size = scenes.boxes[scenes.classes >= 0], scenes.images.shape[-1]
    assert boxes[:, :2].amin(dim=0).tolist() == [0, 0]
    assert boxes[:, 2:].amax(dim=0).tolist() == [size, size]


def test_of_two_digits_that_overlap_the_later_keeps_its_ink():
    ground = torch.zeros(1, 12, 12)
    frames = torch.ones(1, 2, 4, 4)
    corners = torch.tensor([[[0, 0], [2, 1]]])  # x, then y; the margin is 4
    owners = canvas.lay_digits(ground, frames, corners, generator(0))
    expected = torch.zeros(12, 12, dtype=torch.int64)
    expected[4:8, 4:8] = 1
    expected[5:9, 6:10] = 2
    assert torch.equal(owners[0], expected)
    assert len(ground[0][expected == 2].unique()) == 1


def test_a_mask_lies_where_there_is_enough_ink_of_a_digit():
    ground = torch.full((1, 9, 9), 0.2)
    frames = torch.tensor([[[[1.0, 0.5, 0.1], [0.0, 0.4, 0.39], [0, 0, 0]]]])
    draw = generator(0)
    owners = canvas.lay_digits(ground, frames, torch.tensor([[[1, 0]]]), draw)
    assert owners[0].nonzero().tolist() == [[3, 4], [3, 5], [4, 5]]
    full = ground[0, 3, 4]
    low, high = canvas.BRIGHTNESS["digits"]
    assert low <= full <= high
    torch.testing.assert_close(ground[0, 3, 5], (full + 0.2) / 2)
    assert ground[0, 4, 4] == ground[0, 0, 0] == torch.tensor(0.2)


def test_the_labels_are_those_of_the_digits_drawn_even_where_one_is_left_out():
    scenes = data.scenes(900, size=24, num_digits=(3, 3))
    assert {2, 3} == set((scenes.classes >= 0).sum(dim=1).tolist())
    middle = {0: [], 1: []}  # a zero is hollow
    for image, classes, boxes in zip(
        scenes.images[:, 0], scenes.classes.tolist(), scenes.boxes, strict=True
    ):
        for label, (x0, y0, x1, y1) in zip(classes, boxes.tolist(), strict=True):
            if label in middle and (y1 - y0) > 6:
                x, y = int(x0 + x1) // 2, int(y0 + y1) // 2
                middle[label].append(image[y - 1 : y + 2, x - 1 : x + 1].mean())
    hollow, full = (torch.stack(middle[label]) for label in (0, 1))
    assert full.mean() - hollow.mean() > 0.4


def test_the_class_of_a_digit_stays_with_it_when_one_before_it_is_left_out(monkeypatch):
    images, labels = torch.ones(2, 1, 8, 8), torch.tensor([0, 1])
    images[1, :, 2:] = images[1, :, :, 2:] = 0  # class 0 is a square, class 1 a dot
    made = data.LabelledImages((images, labels), (images, labels), ("square", "dot"))
    monkeypatch.setitem(data.scenes.__globals__, "digits", lambda: made)
    scenes = data.scenes(60, 20, num_digits=(3, 3), digit_size=(17, 18))
    assert (scenes.classes == -1).any()
    found = scenes.classes >= 0
    wide = (scenes.boxes[..., 2] - scenes.boxes[..., 0])[found] > 10
    assert torch.equal(wide, scenes.classes[found] == 0)
    assert wide.any()
    assert not wide.all()


def test_clutter_is_fainter_than_digits_and_lies_everywhere_alike():
    def covered(density, size=32):
        ground, draw = torch.zeros(1000, size + 2 * 12, size + 2 * 12), generator(0)
        pool = data.digits().train[0][:, 0]
        canvas.lay_clutter(ground, pool, density, (8, 12), draw)
        seen = canvas.inner(ground, 12)
        assert 0.5 < seen.max() <= canvas.BRIGHTNESS["clutter"][1]
        edges = [seen[:, :4], seen[:, -4:], seen[:, :, :4], seen[:, :, -4:]]
        shares = [(edge > 0.1).float().mean() for edge in edges]
        assert max(shares) < 1.25 * min(shares)
        return (seen > 0.1).float().mean().item()

    some, more = covered(1.0), covered(3.0)
    assert 0.02 < 2 * some < more
    assert covered(3.0, 64) == pytest.approx(more, rel=0.15)


def test_the_seed_decides_everything():
    def drawn(seed, part="train"):
        scenes = data.scenes(9, size=32, seed=seed, part=part)
        return scenes.images, scenes.classes, scenes.boxes, scenes.masks

    for first, again, other in zip(drawn(3), drawn(3), drawn(4), strict=True):
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_part_shows_digits_and_clutter_of_that_part_only(part, monkeypatch):
    digits = data.digits()
    other = digits.test if part == "train" else digits.train
    other[0].fill_(torch.nan)
    monkeypatch.setitem(data.scenes.__globals__, "digits", lambda: digits)
    scenes = data.scenes(40, size=32, part=part)
    assert scenes.images.isfinite().all()
    assert set(scenes.classes.unique().tolist()) == set(range(-1, 10))


def test_train_and_test_scenes_of_a_seed_are_not_laid_out_alike():
    train, test = (
        data.scenes(30, part=part, digit_size=(8, 10)) for part in ("train", "test")
    )
    assert ((train.classes >= 0).sum(1) != (test.classes >= 0).sum(1)).any()


def test_all_numbers_of_digits_are_about_equally_likely():
    counts = (data.scenes(600, num_digits=(2, 4)).classes >= 0).sum(dim=1).bincount()
    assert counts.tolist()[:2] == [0, 0]
    assert all(150 < count < 250 for count in counts[2:])


def test_digits_have_the_asked_for_height():
    scenes = data.scenes(200, size=48, digit_size=(16, 24), num_digits=(1, 1))
    heights = scenes.boxes[:, 0, 3] - scenes.boxes[:, 0, 1]
    assert 12 < heights.min() < 17
    assert 22 <= heights.max() <= 24


def test_a_crowded_scene_holds_fewer_digits_but_at_least_one():
    scenes = data.scenes(50, size=16, num_digits=(5, 5), digit_size=(14, 16))
    found = (scenes.classes >= 0).sum(dim=1)
    assert found.min() == 1
    assert found.max() < 5


def test_no_single_brightness_separates_digits_from_their_background():
    scenes = data.scenes(200)
    truth, images = scenes.masks > 0, scenes.images[:, 0]
    best = max(
        ((images > level) & truth).sum() / ((images > level) | truth).sum()
        for level in torch.arange(0.1, 0.9, 0.05)
    )
    assert best < 0.8


def test_without_clutter_and_noise_only_the_shades_lie_behind_the_digits():
    scenes = data.scenes(40, clutter=0, noise=0)
    # Half a digit's shortest height away from any box there is background alone.
    ink = torch.nn.functional.max_pool2d((scenes.masks > 0).float()[:, None], 15, 1, 7)
    ground = scenes.images[ink == 0]
    assert ground.max() <= canvas.SHADES[1]
    assert ground.std() > 0.02
    steps = (scenes.images[..., 1:] - scenes.images[..., :-1])[ink[..., 1:] == 0]
    assert steps.abs().max() < 0.02


def test_more_clutter_covers_more_of_a_scene_of_any_size():
    def bright(size, clutter):
        scenes = data.scenes(60, size, (1, 1), clutter=clutter, noise=0.0)
        return (scenes.images[:, 0][scenes.masks == 0] > 0.3).float().mean().item()

    for size in (32, 64):
        less, more = (bright(size, clutter) for clutter in (1.0, 3.0))
        assert more - bright(size, 0.0) > 1.5 * (less - bright(size, 0.0)) > 0.01


def test_noise_has_the_asked_for_deviation():
    options = {"num_scenes": 20, "clutter": 0.0, "seed": 1}
    still, noisy = (data.scenes(noise=noise, **options) for noise in (0.0, 0.04))
    inner = (still.images > 0.15) & (still.images < 0.85)
    assert (noisy.images - still.images)[inner].std() == pytest.approx(0.04, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_scenes": 0}, "num_scenes must be positive, got 0"),
        ({"size": 15}, "size must be at least 16 pixels, got 15"),
        ({"num_digits": (0, 2)}, r"at least one, got \(0, 2\)"),
        ({"num_digits": (3, 2)}, r"at least one, got \(3, 2\)"),
        ({"part": "validation"}, "'train' or 'test', got 'validation'"),
        ({"digit_size": (7, 12)}, r"from 8 to the scene's 64, got \(7, 12\)"),
        ({"digit_size": (20, 12)}, r"got \(20, 12\)"),
        ({"digit_size": (20, 65)}, r"got \(20, 65\)"),
        ({"clutter": -1.0}, r"clutter must be finite and not negative, got -1\.0"),
        ({"noise": float("nan")}, "noise must be finite and not negative, got nan"),
    ],
)
def test_arguments_out_of_range_are_refused_in_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.scenes(**({"num_scenes": 2} | arguments))


def test_tight_boxes_give_first_and_last_plus_one_and_zeros_for_nothing():
    masks = torch.zeros(2, 5, 7, dtype=torch.bool)
    masks[0, 1:4, 2:6] = True
    masks[0, 2, 3] = False
    assert data.tight_boxes(masks).tolist() == [[2, 1, 6, 4], [0, 0, 0, 0]]
