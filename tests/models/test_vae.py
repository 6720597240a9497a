"""The bounds of a variational autoencoder against densities that torch computes."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.testing import assert_close

from dlbook import data, models, nn, optim, training
from dlbook.runtime import generator


def make(**options):
    torch.manual_seed(0)
    return models.VAE(
        **{"hidden_features": (12,), "code_features": 2} | options
    ).double()


def images(count=5):
    drawn = torch.rand(count, 1, 8, 8, generator=generator(1), dtype=torch.float64)
    return (drawn > 0.6).double()


def test_the_divergence_is_torchs():
    mean, log_variance = torch.randn(2, 6, 3, generator=generator(0)).double()
    ours = models.gaussian_kl(mean, log_variance)
    posterior = Normal(mean, (log_variance / 2).exp())
    assert_close(ours, kl_divergence(posterior, Normal(0.0, 1.0)).sum(1))


def test_the_divergence_is_a_mean_over_codes():
    mean, log_variance = torch.tensor([[0.7, -1.0]]), torch.tensor([[-1.0, 0.5]])
    count = 200_000
    codes = models.draw_code(
        mean.expand(count, 2), log_variance.expand(count, 2), generator(0)
    )
    posterior, prior = Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)
    ratio = (posterior.log_prob(codes) - prior.log_prob(codes)).sum(1)
    error = ratio.std().item() / math.sqrt(count)
    exact = models.gaussian_kl(mean, log_variance).item()
    assert abs(ratio.mean().item() - exact) < 4 * error


def test_codes_carry_gradients_to_mean_and_variance():
    mean = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    log_variance = torch.ones(4, 2, dtype=torch.float64, requires_grad=True)
    codes = models.draw_code(mean, log_variance, generator(0))
    codes.sum().backward()
    assert_close(mean.grad, torch.ones(4, 2).double())
    assert_close(log_variance.grad, codes.detach() / 2)


def test_the_bound_is_log_likelihood_minus_divergence():
    model, pictures = make(), images()
    output = model(pictures)
    pixels = Bernoulli(logits=output.logits).log_prob(pictures).flatten(1).sum(1)
    divergence = models.gaussian_kl(output.mean, output.log_variance)
    for beta in (1.0, 4.0):
        bound = models.evidence_lower_bound(output, pictures, beta)
        assert_close(bound, pixels - beta * divergence)
        assert_close(models.vae_loss(output, pictures, beta), -bound.mean())


def test_many_codes_give_the_log_likelihood_that_integration_gives():
    model, pictures = make(code_features=1), images(3)
    grid = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    logits = model.decode(grid.unsqueeze(1))
    exact = []
    for picture in pictures:
        density = Bernoulli(logits=logits).log_prob(picture).flatten(1).sum(1)
        joint = density + Normal(0.0, 1.0).log_prob(grid)
        exact.append(torch.logsumexp(joint, 0) + math.log(16 / 4000))
    bound = models.importance_weighted_bound(model, pictures, 4000, None, generator(0))
    assert_close(bound, torch.stack(exact), rtol=0, atol=0.02)


def test_more_codes_give_a_tighter_bound_on_average():
    model, pictures = make(), images(40)
    means = [
        torch.stack(
            [
                models.importance_weighted_bound(model, pictures, k, None, draws).mean()
                for draws in [generator(7)]
                for _ in range(20)
            ]
        ).mean()
        for k in (1, 5, 50)
    ]
    assert means[0] < means[1] < means[2]


def test_a_class_changes_what_is_drawn():
    model = make(num_classes=3)
    classes = torch.tensor([0, 1, 2, 0, 1])
    output = model(images(), classes)
    assert output.logits.shape == (5, 1, 8, 8)
    codes = torch.zeros(3, 2, dtype=torch.float64)
    drawn = model.decode(codes, torch.tensor([0, 1, 2]))
    assert (drawn[0] - drawn[1]).abs().max() > 1e-3
    first = model.sample(3, torch.tensor([0, 1, 2]), generator(4))
    again = model.sample(3, torch.tensor([0, 1, 2]), generator(4))
    assert_close(first, again)
    assert first.min() > 0
    assert first.max() < 1


@pytest.mark.parametrize(
    ("options", "classes", "message"),
    [
        ({}, torch.tensor([0]), "without classes"),
        ({"num_classes": 2}, None, "got none"),
        ({"num_classes": 2}, torch.tensor([0, 1]), r"got \(2,\)"),
        ({"num_classes": 2}, torch.tensor([2]), r"0 … 1, got 2 … 2"),
    ],
)
def test_classes_that_do_not_fit_are_refused(options, classes, message):
    with pytest.raises(ValueError, match=message):
        make(**options).encode(images(1), classes)


def test_a_vae_overfits_a_few_digits():
    pictures = data.digits().train[0][:8]
    torch.manual_seed(0)
    model = models.VAE(code_features=4)
    history = training.fit(
        nn.to_torch(model),
        (pictures, pictures),
        optimizer=optim.Adam(model.parameters(), lr=0.01),
        epochs=300,
        loss=lambda output, x: models.vae_loss(output, x, 0.01),
        metric=None,
        device="cpu",
        progress=False,
    )
    assert history.train_loss[-1] < history.train_loss[0] - 10
    mean, _ = model.encode(pictures)
    error = (model.decode(mean).sigmoid() - pictures).abs().mean().item()
    assert error < 0.03
