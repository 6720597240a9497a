"""Statistics of layers, norms of gradients, and the learning-rate range test."""

import copy
import itertools
import math

import pytest
import torch

from dlbook import data, nn, optim, training
from dlbook.runtime import generator


def batch(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed))


def test_statistics_are_those_of_each_layers_output():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    images = batch(5, 1, 6, 6)
    found = training.activation_statistics(model, images)
    assert [s.name for s in found] == ["0", "1", "2", "3"]
    assert [s.layer for s in found] == ["Conv2d", "ReLU", "Flatten", "Linear"]
    for end, statistics in enumerate(found, start=1):
        output = model[:end](images).detach().double()
        assert statistics.mean == pytest.approx(output.mean().item())
        assert statistics.std == pytest.approx(output.std(correction=0).item())
        assert statistics.zeros == pytest.approx((output == 0).double().mean().item())


def test_dead_units_answer_zero_to_all_samples_everywhere():
    convolution = nn.Conv2d(1, 4, 3)
    with torch.no_grad():
        convolution.bias.copy_(torch.tensor([-100.0, 0.0, 0.0, 100.0]))
    model = nn.Sequential(convolution, nn.ReLU())
    _, relu = training.activation_statistics(model, batch(8, 1, 6, 6))
    assert relu.dead == 1 / 4
    assert 1 / 4 < relu.zeros < 3 / 4


def test_a_layer_that_is_used_twice_is_measured_twice():
    relu = nn.ReLU()
    model = nn.Sequential(nn.Linear(3, 3), relu, nn.Linear(3, 3), relu)
    found = training.activation_statistics(model, batch(4, 3))
    assert [s.name for s in found] == ["0", "1", "2", "1"]


def test_measuring_leaves_no_trace():
    model = nn.Sequential(
        nn.Linear(3, 5), torch.nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 2)
    )
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    training.activation_statistics(model, batch(6, 3))
    with pytest.raises(ValueError, match="Linear"):
        training.activation_statistics(model, batch(6, 4))
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert all(not layer._forward_hooks for layer in model.modules())
    with pytest.raises(ValueError, match=r"at least one input, got \(0, 3\)"):
        training.activation_statistics(model, batch(0, 3))


@pytest.mark.parametrize(
    "measure", [training.activation_statistics, training.sample_dependence]
)
def test_a_model_that_fails_midway_is_left_as_it_was(measure):
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(4, 2))
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    with pytest.raises(ValueError, match="Linear"):
        measure(model, batch(6, 3))
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)


def test_gradient_norms_are_those_of_the_gradients():
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    with pytest.raises(ValueError, match="call backward first"):
        training.gradient_norms(model)
    model[0].bias.requires_grad_(False)
    model(batch(4, 3)).square().sum().backward()
    norms = training.gradient_norms(model)
    assert list(norms) == ["0.weight", "1.weight", "1.bias"]
    for name, norm in norms.items():
        gradient = model.get_parameter(name).grad
        assert norm == pytest.approx(gradient.square().sum().sqrt().item())


def test_samples_are_independent_unless_something_mixes_them():
    class Mixed(nn.Module):
        def forward(self, inputs):
            return inputs + 2 * inputs.roll(1, dims=0)

    plain = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Tanh())
    found = training.sample_dependence(plain, batch(3, 2, 3))
    assert (found.diagonal() > 0).all()
    assert torch.equal(found, found.diagonal().diag())
    found = training.sample_dependence(Mixed(), batch(3, 5))
    length = torch.linspace(1, 2, 5).norm()
    expected = length * (torch.eye(3) + 2 * torch.eye(3).roll(1, dims=0))
    torch.testing.assert_close(found, expected)


def test_dependence_is_seen_through_a_softmax_and_a_constant_has_none():
    class Constant(nn.Module):
        def forward(self, inputs):
            return torch.ones(len(inputs), 2)

    softmax = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3), nn.Softmax(dim=1))
    assert (training.sample_dependence(softmax, batch(5, 4)) > 1e-3).all()
    assert not training.sample_dependence(Constant(), batch(3, 4)).any()
    one = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    assert training.sample_dependence(one, batch(3, 4)).count_nonzero() == 3
    with pytest.raises(TypeError, match=r"floating-point inputs, got torch.int64"):
        training.sample_dependence(nn.Flatten(), torch.arange(6).reshape(2, 3))


def test_measuring_dependence_leaves_no_trace():
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    inputs = batch(4, 3)
    with torch.no_grad():
        found = training.sample_dependence(model, inputs)
    assert (found > 0).any()
    assert not inputs.requires_grad
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in model.parameters())
    model.eval()
    apart = training.sample_dependence(model, batch(4, 3))
    assert torch.equal(apart, apart.diagonal().diag())
    with pytest.raises(ValueError, match=r"each of 4 inputs, got shape \(12,\)"):
        training.sample_dependence(nn.Flatten(0), batch(4, 3))


def sgd(parameters, rate):
    return optim.SGD(parameters, lr=rate)


def range_test(model, **options):
    arguments = {"lowest": 1e-3, "highest": 100.0, "loss": nn.MSELoss()} | options
    pair = data.regression(100, noise=0.1)
    return training.learning_rate_range_test(
        model, pair, sgd, batch_size=100, device="cpu", **arguments
    )


def test_the_range_test_takes_the_steps_of_descent_at_a_growing_rate():
    model = nn.Linear(1, 1)
    by_hand, before = copy.deepcopy(model), copy.deepcopy(model.state_dict())
    result = range_test(model, highest=0.1, steps=5, smoothing=0.5)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert result.learning_rates == pytest.approx(
        [10 ** (-3 + i / 2) for i in range(5)]
    )
    inputs, targets = data.regression(100, noise=0.1)
    average = 0.0
    for step, rate in enumerate(result.learning_rates):
        optimizer = torch.optim.SGD(by_hand.parameters(), lr=rate)
        optimizer.zero_grad()
        loss = nn.MSELoss()(by_hand(inputs), targets)
        loss.backward()
        optimizer.step()
        assert result.losses[step] == pytest.approx(loss.item(), rel=1e-5)
        average = 0.5 * average + 0.5 * loss.item()
        expected = average / (1 - 0.5 ** (step + 1))
        assert result.smoothed[step] == pytest.approx(expected, rel=1e-5)


def test_the_range_test_stops_beyond_the_stable_rate():
    torch.manual_seed(0)
    result = range_test(nn.Linear(1, 1), smoothing=0.0)
    inputs, _ = data.regression(100, noise=0.1)
    design = torch.cat([inputs, torch.ones_like(inputs)], dim=1)
    largest = torch.linalg.eigvalsh(2 / 100 * design.T @ design).max().item()
    assert len(result.losses) < 100
    assert 2 / largest < result.learning_rates[-1] < 20
    assert all(math.isfinite(loss) for loss in result.losses)
    assert result.smoothed == result.losses
    assert result.losses[-1] <= 4 * min(result.losses)


def test_small_sets_are_gone_through_again_in_a_new_order_and_the_seed_decides():
    pair = (torch.eye(10), torch.arange(10))
    seen = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, inputs):
            seen.append(inputs.argmax(1).tolist())
            return self.scale * inputs

    for seed in (0, 0, 1):
        training.learning_rate_range_test(
            Spy(), pair, sgd, steps=6, batch_size=4, seed=seed, device="cpu"
        )
    first, again, other = seen[:6], seen[6:12], seen[12:]
    assert first == again != other
    for epoch in (first[:3], first[3:]):
        assert sorted(itertools.chain(*epoch)) == list(range(10))
    assert first[:3] != first[3:]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"lowest": 0.0}, "0 < lowest < highest, got 0.0 and 100.0"),
        ({"highest": 1e-4}, "got 0.001 and 0.0001"),
        ({"steps": 1}, "at least 2, got 1"),
        ({"smoothing": 1.0}, r"\[0, 1\), got 1.0"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(option, words):
    with pytest.raises(ValueError, match=words):
        range_test(nn.Linear(1, 1), **option)
