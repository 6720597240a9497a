"""Dropout by its laws, and its draws against torch's."""

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from tests.cases import numbers

SHAPES = {"Dropout": (300, 40, 5), "Dropout2d": (300, 40, 2, 3)}
both = pytest.mark.parametrize("name", SHAPES)


def seeded(layer, input, seed=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return layer(input)


@both
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_the_share_dropped_is_p_and_the_rest_makes_up_for_it(name, p):
    output = seeded(getattr(nn, name)(p), torch.ones(SHAPES[name]))
    dropped = (output == 0).float().mean().item()
    assert dropped == pytest.approx(p, abs=0.02)  # five deviations of 12,000 draws
    kept = output[output != 0]
    assert_close(kept, torch.full_like(kept, 1 / (1 - p)))
    assert output.mean().item() == pytest.approx(1, abs=0.1)


def test_channels_are_dropped_as_a_whole_each_by_itself():
    output = seeded(nn.Dropout2d(0.5), torch.ones(SHAPES["Dropout2d"]))
    channels = output.flatten(2)
    assert (channels == channels[:, :, :1]).all()
    dropped = (channels[:, :, 0] == 0).float()
    assert 0 < dropped.mean(1).min() < dropped.mean(1).max() < 1
    assert 0.4 < dropped.mean(0).min() < dropped.mean(0).max() < 0.6


def test_elements_are_dropped_each_by_itself():
    output = seeded(nn.Dropout(0.5), torch.ones(SHAPES["Dropout"]))
    assert len(output[0, 0].unique()) + len(output[0, 1].unique()) > 2
    assert 0 < (output == 0).float().mean(2).var() < 0.1


@both
def test_evaluation_and_p_0_change_nothing(name):
    input = numbers(4, 3, 5)
    assert getattr(nn, name)(0.9).eval()(input) is input
    assert getattr(nn, name)(0.0)(input) is input


@pytest.mark.parametrize(
    ("name", "input"),
    [
        ("Dropout", numbers(4, 3, 5)),
        ("Dropout", numbers(4, 3, 5, 2).to(memory_format=torch.channels_last)),
        ("Dropout2d", numbers(4, 3, 5, 2)),
        ("Dropout2d", numbers(4, 3, 5, 2).to(memory_format=torch.channels_last)),
        ("Dropout2d", numbers(3, 4, 5).transpose(0, 1)),
        ("Dropout2d", numbers(4, 3, 5)),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.stride()),
)
@pytest.mark.parametrize("p", [0.3, 1.0])
@pytest.mark.filterwarnings("ignore:dropout2d. Received a 3D input")
def test_the_draws_and_gradients_are_torchs_under_the_same_seed(name, input, p):
    results = []
    for source in (nn, torch.nn):
        leaf = input.detach().clone().requires_grad_()
        output = seeded(getattr(source, name)(p), leaf)
        output.backward(numbers(*output.shape, seed=1))
        results.append((output.detach(), leaf.grad))
    assert_close(results[0], results[1], rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 3, 4, 5, 6)])
def test_channels_need_three_or_four_axes(shape):
    for layer in (nn.Dropout2d(), nn.Dropout2d().eval()):
        with pytest.raises(ValueError, match=r"\(batch, channels, time\), got \("):
            layer(torch.zeros(shape))


@both
def test_what_makes_no_sense_is_refused_in_words(name):
    layer = getattr(nn, name)
    with pytest.raises(ValueError, match=rf"{name}: p must lie in \[0, 1\], got -0.1"):
        layer(-0.1)
    with pytest.raises(TypeError, match=f"{name}: p must be a number, got 'a'"):
        layer("a")
    with pytest.raises(NotImplementedError, match=f"{name} never overwrites"):
        layer(inplace=True)
    with pytest.raises(TypeError, match=f"{name}.*torch.int64"):
        layer()(torch.ones(2, 3, 4, dtype=torch.int64))
