"""Data drawn from a known rule, and keeping a part aside."""

import pytest
import torch

from dlbook import data


def test_regression_without_noise_lies_on_the_line():
    inputs, targets = data.regression(50, weight=-2.0, bias=0.5, noise=0.0)
    assert inputs.shape == targets.shape == (50, 1)
    torch.testing.assert_close(targets, -2 * inputs + 0.5)
    assert inputs.abs().max() <= 1
    assert inputs.min() < -0.5 < 0.5 < inputs.max()


def test_regression_noise_has_mean_zero_and_the_asked_deviation():
    inputs, targets = data.regression(20_000, noise=0.5)
    errors = targets - (3 * inputs + 2)
    assert errors.mean().abs() < 0.02  # five standard errors
    assert errors.std() == pytest.approx(0.5, abs=0.02)


def test_moons_without_noise_are_half_circles():
    points, labels = data.moons(100, noise=0.0)
    assert points.shape == (100, 2)
    assert points.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert labels.bincount().tolist() == [50, 50]
    centres = torch.tensor([[0.0, 0.0], [1.0, 0.5]])[labels]
    radii = (points - centres).norm(dim=1)
    torch.testing.assert_close(radii, torch.ones(100))


@pytest.mark.parametrize("draw", [data.regression, data.moons])
def test_equal_seeds_draw_equal_points_and_others_do_not(draw):
    state = torch.get_rng_state()
    assert torch.equal(draw(20, seed=3)[0], draw(20, seed=3)[0])
    assert not torch.equal(draw(20, seed=3)[0], draw(20, seed=4)[0])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("draw", [data.regression, data.moons])
def test_impossible_draws_are_refused_in_words(draw):
    with pytest.raises(ValueError, match="num_samples must be positive, got 0"):
        draw(0)
    with pytest.raises(ValueError, match=r"noise must not be negative, got -0\.1"):
        draw(10, noise=-0.1)


def pair(size=100):
    labels = torch.arange(size) % 4
    return torch.arange(size).float().reshape(-1, 1), labels


def test_a_split_deals_every_sample_once_with_its_own_target():
    (train_in, train_t), (aside_in, aside_t) = data.split(pair(), 0.25)
    assert (len(train_in), len(aside_in)) == (75, 25)
    assert torch.cat([train_in, aside_in]).sort(dim=0).values.equal(pair()[0])
    assert torch.equal(train_in.squeeze() % 4, train_t.float())
    assert torch.equal(aside_in.squeeze() % 4, aside_t.float())


def test_a_stratified_split_keeps_the_share_of_every_class():
    _, (_, aside) = data.split(pair(), 0.2, stratify=True)
    assert aside.bincount().tolist() == [5, 5, 5, 5]


def test_the_seed_decides_what_is_kept_aside():
    aside = [data.split(pair(), 0.2, seed=seed)[1][0] for seed in (0, 0, 1)]
    assert torch.equal(aside[0], aside[1])
    assert not torch.equal(aside[0], aside[2])


@pytest.mark.parametrize("fraction", [0, 1, 1.5, -1])
def test_a_fraction_outside_0_to_1_is_refused(fraction):
    with pytest.raises(ValueError, match=f"between 0 and 1, got {fraction}"):
        data.split(pair(), fraction)


def test_a_pair_of_unequal_lengths_is_refused():
    with pytest.raises(ValueError, match="3 inputs but 4 targets"):
        data.split((torch.zeros(3, 1), torch.zeros(4)), 0.5)
