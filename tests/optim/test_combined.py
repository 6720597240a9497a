"""Combined optimizers do what each would do alone, and are saved as one."""

import copy
import re

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn, optim


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)).double()


def parts(model):
    matrices = [p for p in model.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if p.ndim < 2]
    return [optim.Muon(matrices, lr=0.05), optim.AdamW(rest, lr=0.01)]


def train(model, steppers, steps, first=0, schedulers=()):
    for step in range(first, first + steps):
        x = torch.randn(4, 5, generator=torch.Generator().manual_seed(step)).double()
        for stepper in steppers:
            stepper.zero_grad()
        model(x).square().sum().backward()
        for stepper in steppers:
            stepper.step()
        for scheduler in schedulers:
            scheduler.step()


def schedule(optimizer):
    return optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))


def test_together_they_do_what_each_does_alone_under_one_schedule():
    apart, together = network(), network()
    alone = parts(apart)
    train(apart, alone, 9, schedulers=[schedule(part) for part in alone])
    combined = optim.Combined(parts(together))
    train(together, [combined], 9, schedulers=[schedule(combined)])
    assert_close(together.state_dict(), apart.state_dict(), rtol=0, atol=0)
    assert len(combined.param_groups) == 2
    rates = [group["lr"] for group in combined.param_groups]
    assert rates == pytest.approx([0.005, 0.001])


def test_a_loaded_state_goes_on_as_if_nothing_had_happened():
    model = network()
    combined = optim.Combined(parts(model))
    train(model, [combined], 5)
    saved = copy.deepcopy((model.state_dict(), combined.state_dict()))
    train(model, [combined], 5, first=5)
    again = network()
    other = optim.Combined(parts(again))
    train(again, [other], 2)
    again.load_state_dict(saved[0])
    other.load_state_dict(saved[1])
    train(again, [other], 5, first=5)
    assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)
    other.param_groups[1]["lr"] = 0.0
    bias = again[0].bias.clone()
    train(again, [other], 1, first=10)
    assert torch.equal(again[0].bias, bias)


def test_memory_from_before_they_were_combined_is_kept():
    apart, together = network(), network()
    alone, later = parts(apart), parts(together)
    train(apart, alone, 6)
    train(together, later, 3)
    train(together, [optim.Combined(later)], 3, first=3)
    assert_close(together.state_dict(), apart.state_dict(), rtol=0, atol=0)


def test_a_closure_is_called_once_and_its_loss_returned():
    model, calls = network(), []
    combined = optim.Combined(parts(model))

    def closure():
        combined.zero_grad()
        loss = model(torch.ones(2, 5).double()).square().sum()
        loss.backward()
        calls.append(loss)
        return loss

    assert combined.step(closure) is calls[0]
    assert len(calls) == 1
    assert model(torch.ones(2, 5).double()).square().sum() < calls[0]
    assert combined.step() is None


def test_what_cannot_be_combined_is_refused_in_words():
    model = network()
    with pytest.raises(ValueError, match="at least one"):
        optim.Combined([])
    with pytest.raises(TypeError, match="got list"):
        optim.Combined([[model[0].weight]])
    adam = optim.Adam(model.parameters())
    with pytest.raises(ValueError, match="more than one parameter group"):
        optim.Combined([adam, optim.SGD([model[0].weight], lr=0.1)])
    combined = optim.Combined([adam])
    with pytest.raises(ValueError, match="to one of the parts"):
        combined.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))]})
    with pytest.raises(ValueError, match=re.escape("parameter groups")):
        combined.load_state_dict(optim.Combined(parts(network())).state_dict())
