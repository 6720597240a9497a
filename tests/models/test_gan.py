"""Adversarial networks: shapes, classes, losses against torch, penalties by hand."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.testing import assert_close

from dlbook import models, nn
from dlbook.runtime import generator

DRAWERS = [models.Generator, models.DCGANGenerator]
JUDGES = [models.Discriminator, models.DCGANDiscriminator]


def noise(count=4, features=16):
    return torch.randn(count, features, generator=generator(0))


@pytest.mark.parametrize("network", DRAWERS)
@pytest.mark.parametrize("num_classes", [None, 3])
def test_noise_becomes_images(network, num_classes):
    classes = None if num_classes is None else torch.tensor([0, 1, 2, 0])
    drawn = network(num_classes=num_classes)(noise(), classes)
    assert drawn.shape == (4, 1, 8, 8)


@pytest.mark.parametrize("network", JUDGES)
@pytest.mark.parametrize("num_classes", [None, 3])
def test_images_become_scores(network, num_classes):
    classes = None if num_classes is None else torch.tensor([0, 1, 2, 0])
    images = torch.rand(4, 1, 8, 8, generator=generator(1))
    judge = network(num_classes=num_classes).eval()
    scores = judge(images, classes)
    assert scores.shape == (4,)
    if classes is not None:
        others = judge(images, (classes + 1) % 3)
        assert (others - scores).abs().min() > 1e-7


def test_points_of_a_plane_need_no_images():
    drawn = models.Generator(3, (2,), (8,))(noise(5, 3))
    assert drawn.shape == (5, 2)
    assert models.Discriminator((2,), (8,))(drawn).shape == (5,)


def test_a_dcgan_keeps_to_its_rules():
    drawer, judge = models.DCGANGenerator(), models.DCGANDiscriminator()
    kinds = [type(layer) for layer in drawer.layers]
    block = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds == [*block, *block, nn.ConvTranspose2d, nn.Tanh]
    kinds = [type(layer) for layer in judge.layers]
    block = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
    first = [nn.Conv2d, nn.LeakyReLU]
    assert kinds == [*first, *block, nn.Conv2d, nn.Flatten]
    plain = models.DCGANGenerator(normalize=False)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in plain.layers)
    deviations = [w.std().item() for w in judge.parameters() if w.ndim == 4]
    assert deviations == pytest.approx([0.02] * len(deviations), rel=0.2)


@pytest.mark.parametrize(("size", "levels"), [(8, 2), (16, 3), (28, 2)])
def test_sizes_meet(size, levels):
    channels = [8] * levels
    drawn = models.DCGANGenerator(4, size, channels, 3)(noise(2, 4))
    assert drawn.shape == (2, 3, size, size)
    assert models.DCGANDiscriminator(size, channels, 3)(drawn).shape == (2,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.DCGANGenerator(image_size=10), "multiple of 4, got 10"),
        (lambda: models.DCGANDiscriminator(channels=()), "at least 1 levels"),
        (lambda: models.Generator()(noise(2, 5)), r"codes of shape \(batch, 16\)"),
        (lambda: models.Discriminator()(torch.zeros(2, 64)), r"samples of shape"),
        (lambda: models.Generator()(noise(2), torch.tensor([0, 1])), "got classes"),
        (lambda: models.Generator(num_classes=2)(noise(2)), "got no classes"),
        (
            lambda: models.Generator(num_classes=2)(noise(2), torch.tensor([0, 2])),
            "0 … 1, got 0 … 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def logits():
    return torch.randn(2, 7, generator=generator(3)).double() * 3


def test_the_players_losses_are_cross_entropies():
    real, fake = logits()
    ones, zeros = torch.ones(7).double(), torch.zeros(7).double()
    cross = binary_cross_entropy_with_logits
    expected = cross(real, ones) + cross(fake, zeros)
    assert_close(models.discriminator_loss(real, fake), expected)
    assert_close(models.generator_loss(fake), cross(fake, ones))
    assert_close(models.generator_loss(fake, "minimax"), -cross(fake, zeros))
    undecided = models.discriminator_loss(zeros, zeros).item()
    assert undecided == pytest.approx(2 * math.log(2))
    with pytest.raises(ValueError, match="kind"):
        models.generator_loss(fake, "wasserstein")


def test_the_minimax_gradient_vanishes_where_the_judge_is_sure():
    slopes = {}
    for kind in ("minimax", "non-saturating"):
        fake = torch.tensor([-12.0], requires_grad=True)
        models.generator_loss(fake, kind).backward()
        slopes[kind] = abs(fake.grad.item())
    assert slopes["minimax"] < 1e-4
    assert slopes["non-saturating"] > 0.99


def test_a_critic_and_least_squares_take_means():
    real, fake = logits()
    assert_close(models.wasserstein_loss(real, fake), fake.mean() - real.mean())
    assert_close(models.least_squares_loss(real, 1.0), ((real - 1) ** 2).mean())


def test_the_penalties_of_a_plane_are_known():
    direction = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    real, fake = torch.randn(2, 6, 2, generator=generator(1)).double()
    slope = lambda x: x @ direction  # noqa: E731
    penalty = models.gradient_penalty(slope, real, fake)
    assert penalty.item() == pytest.approx((5 - 1) ** 2)
    [change] = torch.autograd.grad(penalty, direction)
    assert_close(change, 2 * (5 - 1) * direction.detach() / 5)
    assert models.r1_penalty(slope, real).item() == pytest.approx(25 / 2)


def test_the_gradient_penalty_looks_between_the_samples():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.square().sum(1)

    real, fake = torch.zeros(50, 2), torch.tensor([[2.0, -4.0]]).expand(50, 2)
    models.gradient_penalty(critic, real, fake, generator(0))
    share = seen[0] / fake
    assert_close(share[:, 0], share[:, 1])
    assert share.min() >= 0
    assert share.max() <= 1
    assert share[:, 0].std() > 0.2
