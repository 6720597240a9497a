"""Numbers that judge generated samples, against other implementations and by hand."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import FrechetInceptionDistance

from dlbook import data, nn
from dlbook.runtime import generator
from dlbook.training import (
    class_agreement,
    class_shares,
    digit_judge,
    frechet_distance,
    mean_pairwise_distance,
    precision_recall,
)


def clouds(count=200, features=6):
    draw = generator(0)
    real = torch.randn(count, features, generator=draw, dtype=torch.float64)
    mixing = torch.randn(features, features, generator=draw, dtype=torch.float64)
    other = torch.randn(count + 50, features, generator=draw, dtype=torch.float64)
    return real, other @ mixing + 0.5


class PassOn(torch.nn.Module):
    """Let torchmetrics take features for images."""

    num_features = 6

    def forward(self, x):
        return x.flatten(1)


def test_the_frechet_distance_is_torchmetrics():
    real, generated = clouds()
    metric = FrechetInceptionDistance(PassOn()).set_dtype(torch.float64)
    metric.update(real, real=True)
    metric.update(generated, real=False)
    theirs = metric.compute().item()
    assert frechet_distance(real, generated) == pytest.approx(theirs, rel=1e-6)


def test_the_frechet_distance_is_the_papers_formula():
    real, generated = (cloud.numpy() for cloud in clouds())
    first, second = np.cov(real.T), np.cov(generated.T)
    apart = real.mean(0) - generated.mean(0)
    trace = np.trace(first + second - 2 * sqrtm(first @ second).real)
    expected = apart @ apart + trace
    assert frechet_distance(*clouds()) == pytest.approx(expected, rel=1e-8)


def test_equal_clouds_are_no_distance_apart_and_a_shift_is_its_square():
    real, _ = clouds()
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-8)
    moved = real + torch.tensor([3.0, 4.0, 0, 0, 0, 0])
    assert frechet_distance(real, moved) == pytest.approx(25)
    flat = torch.cat([real, torch.zeros(200, 1)], 1)  # a singular covariance
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-8)


def naive_reached(centres, points, k):
    count = 0
    for point in points:
        for centre in centres:
            among = sorted(float((centre - other).norm()) for other in centres)
            if float((point - centre).norm()) <= among[k]:
                count += 1
                break
    return count / len(points)


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_by_loops(k):
    real, generated = (cloud[:25, :2] for cloud in clouds())
    found = precision_recall(real, generated, k)
    assert found.precision == pytest.approx(naive_reached(real, generated, k))
    assert found.recall == pytest.approx(naive_reached(generated, real, k))
    assert found != pytest.approx((1, 1))


def test_a_lost_mode_costs_recall_and_noise_costs_precision():
    draw = generator(1)
    left, right = torch.randn(2, 100, 2, generator=draw)
    real = torch.cat([left - 20, right + 20])
    half = torch.randn(200, 2, generator=draw) - 20
    found = precision_recall(real, half)
    assert found.precision > 0.9
    assert found.recall < 0.55
    wild = 100 * torch.randn(200, 2, generator=draw)
    assert precision_recall(real, wild).precision < 0.1


def test_diversity_is_the_mean_distance_of_pairs():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    assert mean_pairwise_distance(points) == pytest.approx(10 / 3)
    assert mean_pairwise_distance(torch.ones(5, 1, 2, 2)) == 0


@pytest.mark.parametrize("shapes", [((1, 3), (5, 3)), ((5, 3), (5, 2)), ((5,), (5,))])
def test_clouds_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="expected features"):
        frechet_distance(*(torch.zeros(shape) for shape in shapes))
    with pytest.raises(ValueError, match="expected features"):
        precision_recall(*(torch.zeros(shape) for shape in shapes))


def test_two_samples_are_needed():
    with pytest.raises(ValueError, match="got 1"):
        mean_pairwise_distance(torch.zeros(1, 2))


class Fixed(nn.Module):
    """Read the class off the first pixel."""

    def forward(self, images):
        return torch.nn.functional.one_hot(images[:, 0].long(), 4).float()


def test_agreement_and_shares_count_classes():
    images = torch.tensor([[0.0], [1], [1], [3]])
    asked = torch.tensor([0, 1, 2, 3])
    assert class_agreement(Fixed(), images, asked) == 0.75
    assert class_shares(Fixed(), images).tolist() == [0.25, 0.5, 0, 0.25]
    with pytest.raises(ValueError, match="one class for each image"):
        class_agreement(Fixed(), images, asked[:2])


@pytest.fixture(scope="module")
def judge():
    return digit_judge()


def test_the_judge_knows_digits_and_stays_as_it_is(judge):
    images, classes = data.digits().test
    assert class_agreement(judge, images, classes) >= 0.96
    assert not judge.training
    assert not any(p.requires_grad for p in judge.parameters())
    assert judge.features(images).shape == (360, 32)


def test_making_a_judge_leaves_chance_alone(judge):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    again = digit_judge()
    assert torch.rand(1) == expected
    weights = zip(judge.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(own, other) for own, other in weights)


def test_real_digits_are_nearer_to_real_digits_than_noise_is(judge):
    real, other = data.digits().train[0][:300], data.digits().test[0][:300]
    noise = torch.rand(300, 1, 8, 8, generator=generator(0))
    with torch.no_grad():
        features = [judge.features(part) for part in (real, other, noise)]
    near, far = (frechet_distance(features[0], part) for part in features[1:])
    assert near * 20 < far
