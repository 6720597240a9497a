"""Places of maxima equal torch's, and unpooling puts the maxima back there."""

import math
import re

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from tests.cases import CASES, UNPOOL, numbers

POOLS = [case for case in CASES if case.name == "MaxPool2d"]


def pooled(case):
    """Pool an image of the case's shape, by torch."""
    pool = torch.nn.MaxPool2d(**case.arguments, return_indices=True)
    return pool(case.draw())


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_maxima_places_and_gradients_equal_torchs(case):
    outcomes = []
    for source in (nn, torch.nn):
        leaf = case.draw().requires_grad_()
        layer = source.MaxPool2d(**case.arguments, return_indices=True)
        values, places = layer(leaf)
        values.backward(numbers(*values.shape, seed=1))
        outcomes.append((values.detach(), places, leaf.grad))
    assert_close(outcomes[0], outcomes[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(2, 6, 8),
        -numbers(2, 6, 8).abs().round(),
        -math.inf * torch.ones(2, 6, 8),
    ],
    ids=["equal", "ties", "all -inf"],
)
def test_among_equal_maxima_the_place_is_the_first(image):
    for arguments in (
        {"kernel_size": 2},
        {"kernel_size": (3, 4), "stride": 1, "padding": (1, 2)},
        {"kernel_size": 3, "padding": 1, "stride": 2, "dilation": 2, "ceil_mode": True},
    ):
        ours = nn.MaxPool2d(**arguments, return_indices=True)(image)
        theirs = torch.nn.MaxPool2d(**arguments, return_indices=True)(image)
        assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("case", UNPOOL, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_output_and_gradient_equal_torchs(case, dtype):
    values, places = pooled(case)
    size = case.shape[-2:] if "padding" in case.arguments else None
    outcomes = []
    for source in (nn, torch.nn):
        leaf = values.to(dtype).requires_grad_()
        output = case.make(source)(leaf, places, output_size=size)
        output.backward(numbers(*output.shape, seed=1).to(dtype))
        outcomes.append((output.detach(), leaf.grad))
    assert_close(outcomes[0], outcomes[1], rtol=0, atol=0)


@pytest.mark.parametrize("case", UNPOOL, ids=str)
def test_it_describes_itself_as_torchs_does(case):
    assert repr(case.make(nn)) == repr(case.make(torch.nn))


def test_pooling_again_gives_the_maxima_and_the_places_back():
    pool, unpool = nn.MaxPool2d((2, 3), return_indices=True), nn.MaxUnpool2d((2, 3))
    values, places = pool(numbers(2, 3, 6, 9).abs())
    again = pool(unpool(values, places))
    assert_close(again, (values, places), rtol=0, atol=0)


def test_for_fixed_places_it_is_the_adjoint_of_looking_there():
    values, places = nn.MaxPool2d(2, return_indices=True)(numbers(2, 3, 6, 8))
    x, y = numbers(*values.shape, seed=1), numbers(2, 3, 6, 8, seed=2)
    looked = y.flatten(-2).gather(-1, places.flatten(-2)).reshape(x.shape)
    spread = nn.MaxUnpool2d(2)(x, places)
    assert_close((spread * y).sum(), (x * looked).sum(), rtol=1e-12, atol=0)


def test_each_size_less_than_a_stride_away_equals_torchs():
    values, places = nn.MaxPool2d(2, (2, 3), return_indices=True)(numbers(2, 3, 4, 5))
    places = places % 8
    for height in (3, 4, 5):
        for width in (3, 4, 5, 6, 7):
            for size in ((height, width), (2, 3, height, width)):
                ours = nn.MaxUnpool2d(2, (2, 3))(values, places, size)
                theirs = torch.nn.MaxUnpool2d(2, (2, 3))(values, places, size)
                assert_close(ours, theirs, rtol=0, atol=0)


VALUES, PLACES = torch.zeros(1, 3, 2, 4), torch.zeros(1, 3, 2, 4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("values", "places", "size", "error", "words"),
    [
        (VALUES, PLACES + 32, None, ValueError, "places 0 … 31 in 4 rows of 8 pixels"),
        (VALUES, PLACES + 32, None, ValueError, "got index 32"),
        (VALUES, PLACES - 1, None, ValueError, "got index -1"),
        (VALUES, PLACES.int(), None, TypeError, "int64 as indices, got torch.int32"),
        (VALUES, PLACES[:, :2], None, ValueError, "(1, 3, 2, 4), got (1, 2, 2, 4)"),
        (VALUES.long(), PLACES, None, TypeError, "input, got torch.int64"),
        (VALUES[0, 0], PLACES[0, 0], None, ValueError, "got (2, 4)"),
        (VALUES[:, :0], PLACES[:, :0], None, ValueError, "got (1, 0, 2, 4)"),
        (VALUES, PLACES, (2, 8), ValueError, "(4, 8) pixels or less than stride"),
        (VALUES, PLACES, (4, 10), ValueError, "got output_size (4, 10)"),
        (VALUES, PLACES, (3, 4, 8), ValueError, "2 or 4 sizes as output_size, got (3"),
        (VALUES, PLACES.to("meta"), None, ValueError, "indices is on meta"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(values, places, size, error, words):
    with pytest.raises(error, match=re.escape(words)):
        nn.MaxUnpool2d(2)(values, places, size)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((0,), ValueError, "kernel_size must be at least 1, got 0"),
        ((2, 0), ValueError, "stride must be at least 1, got 0"),
        ((2, 2, -1), ValueError, "padding must not be negative, got -1"),
        ((2.0,), TypeError, "kernel_size must be an integer, got 2.0"),
        (((1, 2, 3),), ValueError, "kernel_size must be one integer or 2"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        nn.MaxUnpool2d(*arguments)


def test_a_size_below_one_pixel_is_refused():
    values, places = torch.zeros(3, 2, 3), torch.zeros(3, 2, 3, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"at least one; got output_size \(0, 1\)"):
        nn.MaxUnpool2d(1, padding=1)(values, places)
