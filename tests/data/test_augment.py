"""Random flips and shifts."""

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


@pytest.mark.parametrize("change", [data.random_flip, data.random_shift])
def test_the_generator_decides_and_the_images_stay_as_they_are(change):
    before = images()
    first, again, other = (change(before, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, images())
