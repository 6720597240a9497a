"""What the table of twins cannot say about activations: extremes, kinks, laws."""

import math

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from dlbook.nn.activations import softplus
from tests.cases import numbers

INFINITY = math.inf
ELEMENTWISE = [
    ("ReLU", {}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.0}),
    ("ELU", {"alpha": 0.7}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0, "threshold": 10.0}),
]
FINITE = torch.tensor([-1e4, -800.0, -30.0, -0.0, 0.0, 5.0, 20.0, 21.0, 800.0, 1e4])


def both(name, arguments, input):
    results = []
    for source in (nn, torch.nn):
        leaf = input.clone().requires_grad_()
        output = getattr(source, name)(**arguments)(leaf)
        output.sum().backward()
        results.append((output.detach(), leaf.grad))
    return results


@pytest.mark.parametrize(("name", "arguments"), ELEMENTWISE)
def test_values_and_slopes_at_kinks_and_extremes_are_torchs(name, arguments):
    (ours, slope), (theirs, expected) = both(name, arguments, FINITE.double())
    assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    assert_close(slope, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "arguments"), ELEMENTWISE)
def test_infinity_and_nan_become_what_they_become_in_torch(name, arguments):
    input = torch.tensor([-INFINITY, INFINITY, math.nan]).double()
    ours, theirs = both(name, arguments, input)
    assert_close(ours, theirs, equal_nan=True)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize(
    "row",
    [
        [0.0, -INFINITY, 2.0],
        [-INFINITY] * 3,
        [INFINITY, 0.0, 1.0],
        [1e4, -1e4, 1e4],
        [math.nan, 0.0, 1.0],
    ],
    ids=str,
)
def test_softmax_of_extreme_scores_is_torchs(name, row):
    ours, theirs = both(name, {"dim": -1}, torch.tensor(row).double())
    assert_close(ours, theirs, equal_nan=True, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_of_nothing_is_nothing(name):
    for shape in ((2, 0), (0, 2)):
        assert getattr(nn, name)(dim=1)(torch.zeros(shape)).shape == shape


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_ignores_a_shift_of_all_scores(name):
    layer, scores = getattr(nn, name)(dim=1), numbers(3, 4)
    assert_close(layer(scores + 1000), layer(scores), rtol=1e-10, atol=1e-12)


def test_probabilities_are_not_negative_and_sum_to_one_along_their_axis():
    probabilities = nn.Softmax(dim=1)(10 * numbers(2, 3, 4))
    assert (probabilities >= 0).all()
    assert_close(probabilities.sum(1), torch.ones(2, 4).double())


def test_softplus_is_the_integral_of_the_logistic_function():
    x = numbers(50).requires_grad_()
    softplus(x).sum().backward()
    assert_close(x.grad, x.detach().sigmoid(), rtol=1e-10, atol=1e-12)
    assert_close(softplus(x) - softplus(-x), x)


@pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "ReLU"])
def test_whole_numbers_go_through_where_torch_takes_them(name):
    input = torch.tensor([-2, 0, 3])
    assert_close(getattr(nn, name)()(input), getattr(torch.nn, name)()(input))


def test_dropout_draws_torchs_mask_under_the_same_seed():
    input, masks = torch.ones(40, 5), []
    for source in (nn, torch.nn):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            masks.append(source.Dropout(0.3)(input))
    assert_close(masks[0], masks[1], rtol=0, atol=0)
    assert set(masks[0].unique().tolist()) == {0.0, (1 / torch.tensor(0.7)).item()}


def test_dropout_keeps_the_mean_while_training_and_the_input_afterwards():
    layer, input = nn.Dropout(0.25), torch.ones(100_000)
    assert abs(layer(input).mean().item() - 1) < 0.02
    assert layer.eval()(input) is input
