"""Flips, shifts, crops, rotations, blanked squares and blends, all at random."""

import functools

import pytest
import torch

from dlbook import data
from dlbook.runtime import generator


def images(count=400):
    return torch.rand(count, 2, 3, 4, generator=generator(0)) + 0.1


def test_a_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    before = images()
    after = data.random_flip(before, generator(1))
    mirrored = (after == before.flip(3)).flatten(1).all(dim=1)
    same = (after == before).flatten(1).all(dim=1)
    assert torch.equal(mirrored, ~same)
    assert 0.4 < mirrored.float().mean() < 0.6


def test_a_shift_moves_each_image_as_a_whole_and_fills_with_zeros():
    before = images()
    seen = set()
    for was, now in zip(before, data.random_shift(before, generator(1)), strict=True):
        matches = []
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                moved = was.roll((down, right), dims=(1, 2))
                if down:
                    moved[:, 0 if down > 0 else -1] = 0
                if right:
                    moved[:, :, 0 if right > 0 else -1] = 0
                if torch.equal(moved, now):
                    matches.append((down, right))
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == 9


def test_no_pixels_shift_nothing_and_negative_ones_are_refused():
    assert torch.equal(data.random_shift(images(), generator(0), pixels=0), images())
    with pytest.raises(ValueError, match="not be negative, got -1"):
        data.random_shift(images(), generator(0), pixels=-1)


CHANGES = [
    data.random_flip,
    data.random_shift,
    functools.partial(data.random_crop, size=2),
    functools.partial(data.random_rotation, degrees=30),
    functools.partial(data.cutout, size=2),
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_generator_decides_and_the_images_stay_as_they_are(change):
    before = images()
    first, again, other = (change(before, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, images())


@pytest.mark.parametrize("change", CHANGES)
def test_every_image_is_changed_on_its_own(change):
    before = images(1).expand(50, 2, 3, 4)
    assert len(change(before, generator(0)).unique(dim=0)) > 1


@pytest.mark.parametrize("change", CHANGES)
def test_no_images_stay_no_images(change):
    assert len(change(images()[:0], generator(0))) == 0


def test_a_crop_is_a_window_of_its_image_and_every_place_is_equally_likely():
    before = torch.arange(5 * 7.0).reshape(1, 1, 5, 7).repeat(6000, 2, 1, 1)
    after = data.random_crop(before, generator(1), (3, 4))
    assert after.shape == (6000, 2, 3, 4)
    windows = before[0, 0].unfold(0, 3, 1).unfold(1, 4, 1).flatten(0, 1)
    matches = (after[:, :1] == windows).flatten(2).all(dim=2)
    assert torch.equal(matches.sum(dim=1), torch.ones(6000, dtype=torch.int64))
    assert torch.equal(after[:, 0], after[:, 1])
    counts = matches.sum(dim=0)
    assert len(counts) == 12
    assert all(400 < count < 600 for count in counts)


def test_a_crop_of_a_padded_image_is_a_shift():
    before = images()
    cropped = data.random_crop(before, generator(3), (3, 4), padding=2)
    assert torch.equal(cropped, data.random_shift(before, generator(3), pixels=2))
    corners = data.random_crop(before, generator(0), 1, padding=1).flatten(1)
    assert (corners == 0).all(dim=1).float().mean() == pytest.approx(18 / 30, abs=0.1)


@pytest.mark.parametrize("size", [0, (4, 4), (3, 5), (0, 2)])
def test_a_window_that_does_not_fit_is_refused(size):
    with pytest.raises(ValueError, match=r"padded image's \(3, 4\), got \(\d, \d\)"):
        data.random_crop(images(), generator(0), size)
    with pytest.raises(ValueError, match="padding must not be negative, got -1"):
        data.random_crop(images(), generator(0), 2, padding=-1)


@pytest.mark.parametrize("turns", [-1, 0, 1, 2, 3])
def test_right_angles_turn_counter_clockwise_like_rot90(turns):
    square = torch.rand(2, 3, 5, 5, dtype=torch.float64, generator=generator(0))
    turned = data.rotate(square, torch.full((2,), 90.0 * turns))
    torch.testing.assert_close(turned, square.rot90(turns, (2, 3)))


def test_an_image_that_is_not_square_keeps_its_shapes_when_it_turns():
    wide = torch.zeros(1, 1, 9, 15, dtype=torch.float64)
    wide[0, 0, 4, 4:11] = 1  # a bar across the middle
    upright = data.rotate(wide, torch.tensor([90.0]))
    expected = torch.zeros_like(wide)
    expected[0, 0, 1:8, 7] = 1
    torch.testing.assert_close(upright, expected)


def test_every_image_turns_by_its_own_angle_and_zeros_come_in():
    square = torch.ones(2, 1, 7, 7)
    turned = data.rotate(square, torch.tensor([0.0, 45.0]))
    assert torch.equal(turned[0], square[0])
    corners = turned[1, 0, [0, 0, 6, 6], [0, 6, 0, 6]]
    assert torch.equal(corners, torch.zeros(4))
    assert turned[1, 0, 3, 3] == 1


def test_random_angles_are_uniform_within_the_bounds(monkeypatch):
    seen = []
    monkeypatch.setitem(
        data.random_rotation.__globals__,
        "rotate",
        lambda _, angles: seen.append(angles),
    )
    data.random_rotation(torch.zeros(20_000, 1, 1, 1), generator(0), 30)
    [angles] = seen
    assert -30 <= angles.min() < -29.9
    assert 29.9 < angles.max() <= 30
    assert angles.histc(6, -30, 30).div(20_000).sub(1 / 6).abs().max() < 0.02


def test_rotations_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match=r"angles of shape \(400,\), got \(3,\)"):
        data.rotate(images(), torch.zeros(3))
    with pytest.raises(TypeError, match=r"floating-point images, got torch\.int64"):
        data.rotate(images().long(), torch.zeros(400))
    for degrees in (-1, 181):
        with pytest.raises(ValueError, match=f"0 … 180, got {degrees}"):
            data.random_rotation(images(), generator(0), degrees)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_cutout_blanks_a_square_around_a_random_pixel_cut_off_at_the_border(size):
    before = torch.ones(5000, 2, 5, 6)
    after = data.cutout(before, generator(0), size)
    assert torch.equal(after[:, 0], after[:, 1])
    expected = []
    for row in range(5):
        for column in range(6):
            image = torch.ones(5, 6)
            top, left = row - size // 2, column - size // 2
            image[max(top, 0) : top + size, max(left, 0) : left + size] = 0
            expected.append(image)
    matches = (after[:, :1] == torch.stack(expected)).flatten(2).all(dim=2)
    assert torch.equal(matches.sum(dim=1), torch.ones(5000, dtype=torch.int64))
    assert all(110 < count < 225 for count in matches.sum(dim=0))


def test_cutout_of_no_size_changes_nothing_and_a_negative_one_is_refused():
    assert torch.equal(data.cutout(images(), generator(0), 0), images())
    with pytest.raises(ValueError, match="size must not be negative, got -1"):
        data.cutout(images(), generator(0), -1)


def labelled(count=60):
    return images(count), torch.arange(count) % 5


def test_mixup_blends_images_and_classes_by_one_share_a_batch():
    inputs, targets = labelled()
    blended, probabilities = data.mixup(inputs, targets, generator(4), 1, num_classes=5)
    assert probabilities.shape == (60, 5)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(60))
    one_hot = torch.eye(5)[targets]
    shares = probabilities[torch.arange(60), targets]
    share = shares[shares < 1 - 1e-6].unique()
    assert len(share) == 1  # the others met an image of their own class
    partners = (blended - share * inputs) / (1 - share)
    distances = (partners[:, None] - inputs).flatten(2).norm(dim=2)
    order = distances.argmin(dim=1)
    assert distances.amin(dim=1).max() < 1e-4
    assert sorted(order.tolist()) == list(range(60))
    steps = order.diff()
    assert steps.unique().numel() > 10  # no mere shift or reversal
    assert (order != torch.arange(60)).sum() > 50
    expected = share * one_hot + (1 - share) * one_hot[order]
    torch.testing.assert_close(probabilities, expected)


@pytest.mark.parametrize(("alpha", "spread"), [(0.2, 1 / 5.6), (1.0, 1 / 12)])
def test_the_share_of_mixup_has_the_variance_of_the_beta_distribution(alpha, spread):
    draw, pair = generator(0), torch.eye(2)
    mixed = [
        data.mixup(pair, torch.arange(2), draw, alpha, num_classes=2)[1][0, 0]
        for _ in range(1500)
    ]
    shares = torch.stack(mixed)  # 1 where an image meets itself, half of the time
    shares = shares[shares < 1]
    assert shares.mean() == pytest.approx(0.5, abs=0.05)
    assert shares.var() == pytest.approx(spread, rel=0.12)


def test_mixup_draws_from_the_generator_and_leaves_its_inputs_alone():
    inputs, targets = labelled()
    mixed = [
        data.mixup(inputs, targets, generator(seed), num_classes=5)
        for seed in (1, 1, 2)
    ]
    for first, again, other in zip(*mixed, strict=True):
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
    assert torch.equal(inputs, images(60))
    assert torch.equal(targets, torch.arange(60) % 5)
    assert mixed[0][0].dtype == mixed[0][1].dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"alpha": 0.0}, ValueError, r"alpha must be positive and finite, got 0\.0"),
        ({"targets": torch.zeros(3).long()}, ValueError, r"\(60,\), got \(3,\)"),
        ({"num_classes": 4}, ValueError, "must lie in 0 … 3, got 0 … 4"),
        ({"targets": torch.zeros(60)}, TypeError, r"torch\.float32 and torch\.float32"),
        ({"images": torch.ones(60, 1).int()}, TypeError, r"int32 and torch\.int64"),
    ],
)
def test_mixup_refuses_what_it_cannot_blend(changes, error, message):
    inputs, targets = labelled()
    arguments = {"images": inputs, "targets": targets, "num_classes": 5}
    with pytest.raises(error, match=message):
        data.mixup(**(arguments | changes), generator=generator(0))
