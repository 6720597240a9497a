"""Diffusion: the closed form against single steps, and samplers on a known answer."""

import math

import pytest
import torch
from torch.testing import assert_close

from dlbook import data, models, nn
from dlbook.runtime import generator


class Exact(torch.nn.Module):
    """The best guess of the noise if samples are normal: mean μ, deviation σ."""

    def __init__(self, mean, deviation):
        super().__init__()
        self.mean, self.deviation = mean, deviation
        self.diffusion = None

    def forward(self, x, times, classes=None):
        mean = self.mean if classes is None else self.mean + classes[:, None]
        kept = self.diffusion.alpha_bar[times][:, None]
        variance = kept * self.deviation**2 + 1 - kept
        return (1 - kept).sqrt() * (x - kept.sqrt() * mean) / variance


def diffusion(steps=200, kind="cosine", mean=1.5, deviation=0.5):
    network = Exact(mean, deviation)
    model = models.Diffusion(network, steps, kind)
    network.__dict__["diffusion"] = model  # without making it a part
    return model


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_little_of_a_sample_remains_at_the_end(kind):
    model = diffusion(kind=kind)
    assert model.alpha_bar[0] == 1
    assert (model.alpha_bar[1:] < model.alpha_bar[:-1]).all()
    assert model.alpha_bar[-1] < 1e-3
    assert model.beta.shape == (200,)
    assert model.beta.min() > 0
    assert model.beta.max() < 1


def test_the_schedules_are_the_papers():
    linear = models.noise_levels("linear", 1000)
    assert linear[0].item() == pytest.approx(1e-4)
    assert linear[-1].item() == pytest.approx(0.02)
    cosine = models.noise_levels("cosine", 50)
    kept = (1 - cosine).cumprod(0)
    for t in (1, 20, 40):
        f = [math.cos((u / 50 + 0.008) / 1.008 * math.pi / 2) ** 2 for u in (t, 0)]
        assert kept[t - 1].item() == pytest.approx(f[0] / f[1])
    assert cosine[-1] == 0.999


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_many_small_steps_are_one_large_one(kind):
    model, count = diffusion(50, kind), 100_000
    x = torch.full((count, 1), 2.0)
    for beta in model.beta[:30]:
        noise = torch.randn(count, 1, generator=generator(int(1e6 * beta)))
        x = (1 - beta).sqrt() * x + beta.sqrt() * noise
    times, start = torch.full((count,), 30), torch.full((count, 1), 2.0)
    noise = torch.randn(count, 1, generator=generator(0))
    at_once = model.add_noise(start, times, noise)
    error = 1 / math.sqrt(count)
    assert abs(x.mean() - at_once.mean()) < 6 * error
    assert abs(x.std() - at_once.std()) < 6 * error


def test_the_loss_is_the_error_of_the_noise():
    model = diffusion()
    x = 1.5 + 0.5 * torch.randn(50_000, 2, generator=generator(0))
    loss = model.loss(x, generator=generator(1))
    kept = model.alpha_bar[1:]
    # The variance of the noise that x_t leaves open, averaged over the times.
    open_variance = kept * 0.25 / (kept * 0.25 + 1 - kept)
    assert loss.item() == pytest.approx(open_variance.mean().item(), abs=0.01)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_samplers_draw_the_distribution_that_the_noise_belongs_to(kind):
    model = diffusion(kind=kind)
    for sampler in (model.sample, lambda *a, **o: model.sample_ddim(*a, 200, **o)):
        drawn = sampler((20_000, 1), generator=generator(0))
        assert drawn.mean().item() == pytest.approx(1.5, abs=0.03)
        assert drawn.std().item() == pytest.approx(0.5, abs=0.03)


def test_few_steps_without_chance_repeat_and_still_hit():
    model = diffusion()
    first = model.sample_ddim((20_000, 1), 20, generator=generator(0))
    again = model.sample_ddim((20_000, 1), 20, generator=generator(0))
    assert_close(first, again)
    assert first.mean().item() == pytest.approx(1.5, abs=0.1)
    assert first.std().item() == pytest.approx(0.5, abs=0.1)


def test_one_step_guesses_the_mean():
    drawn = diffusion().sample_ddim((2_000, 1), 1, generator=generator(0))
    assert drawn.mean().item() == pytest.approx(1.5, abs=0.1)
    assert drawn.std().item() < 0.1


def test_a_class_moves_the_samples_and_guidance_exaggerates():
    model, classes = diffusion(), torch.full((5_000,), 2)
    means = [
        model.sample_ddim((5_000, 1), 50, classes, guidance, generator(0)).mean().item()
        for guidance in (0.0, 1.0)
    ]
    assert means[0] == pytest.approx(3.5, abs=0.1)
    assert means[1] > 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.noise_levels("linear", 20), "at least 21"),
        (lambda: models.noise_levels("square", 50), "kind"),
        (lambda: diffusion().sample_ddim((1, 1), 201), "1 … 200, got 201"),
        (lambda: models.NoiseUNet(hidden_channels=12), "multiple of 8, got 12"),
        (
            lambda: models.NoiseUNet()(
                torch.zeros(2, 1, 8, 8), torch.zeros(2).long(), torch.zeros(2).long()
            ),
            "without classes",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_network_hears_time_and_class():
    torch.manual_seed(0)
    network = models.NoiseUNet(hidden_channels=8, num_classes=3)
    images = torch.randn(2, 1, 8, 8, generator=generator(0))
    times, classes = torch.tensor([5, 5]), torch.tensor([0, 2])
    plain = network(images, times, classes)
    assert plain.shape == images.shape
    for other in (
        network(images, times + 50, classes),
        network(images, times, classes.flip(0)),
        network(images, times),
    ):
        assert (other - plain).abs().max() > 1e-4
    alone = network(images[:1], times[:1], classes[:1])
    assert_close(alone, plain[:1])


def test_a_small_network_learns_to_draw_one_image():
    torch.manual_seed(0)
    network = models.NoiseUNet(hidden_channels=16)
    model = models.Diffusion(network, 100, "linear", clip=1.0)
    image = 2 * data.digits().train[0][:1] - 1
    batch = image.expand(64, -1, -1, -1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    twin, draws = nn.to_torch(model), generator(0)
    for _ in range(300):
        optimizer.zero_grad()
        twin.loss(batch, generator=draws).backward()
        optimizer.step()
    shape = (4, 1, 8, 8)
    for drawn in (
        model.sample(shape, generator=draws),
        model.sample_ddim(shape, 25, generator=draws),
    ):
        assert (drawn - image).abs().mean() < 0.25  # two random images: about 0.8
