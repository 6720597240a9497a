"""Ties, borders and infinities in pooling."""

import math

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from tests.cases import numbers


def both(name, arguments, image):
    results = []
    for source in (nn, torch.nn):
        leaf = image.clone().requires_grad_()
        output = getattr(source, name)(**arguments)(leaf)
        output.backward(numbers(*output.shape, seed=1).to(output.dtype))
        results.append((output.detach(), leaf.grad))
    return results


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 1, "padding": 1},
        {"kernel_size": (2, 3), "stride": 2, "dilation": (2, 1), "ceil_mode": True},
    ],
    ids=str,
)
def test_among_equal_maxima_the_first_gets_the_gradient(arguments):
    for image in (torch.zeros(2, 6, 8), numbers(2, 6, 8).round()):
        ours, theirs = both("MaxPool2d", arguments, image)
        assert_close(ours, theirs)


def test_padding_never_wins_over_negative_numbers():
    image = -1 - numbers(2, 5, 7).abs()
    ours, theirs = both("MaxPool2d", {"kernel_size": 3, "padding": 1}, image)
    assert_close(ours, theirs)
    assert (ours[0] < 0).all()


@pytest.mark.parametrize("value", [-math.inf, math.inf, math.nan])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("MaxPool2d", {"kernel_size": 2}),
        ("AvgPool2d", {"kernel_size": 2}),
        ("AdaptiveAvgPool2d", {"output_size": 2}),
    ],
)
def test_infinity_and_nan_stay_in_their_region(name, arguments, value):
    image = numbers(1, 4, 4)
    image[0, 1, 1] = value
    ours, theirs = both(name, arguments, image)
    assert_close(ours[0], theirs[0], equal_nan=True)
    assert ours[0].isfinite().sum() >= 3


@pytest.mark.parametrize(
    "layer", [nn.AvgPool2d(16), nn.AdaptiveAvgPool2d(1)], ids=lambda x: type(x).__name__
)
def test_averages_of_half_precision_do_not_overflow_in_their_sum(layer):
    image = torch.full((1, 16, 16), 500.0, dtype=torch.float16)
    assert layer(image).tolist() == [[[500.0]]]


@pytest.mark.parametrize(
    ("kernel_size", "padding", "dilation"), [(3, 2, 2), (4, 3, 3), (2, (1, 2), 3)]
)
def test_dilation_allows_no_more_padding_as_in_torch(kernel_size, padding, dilation):
    arguments = {"padding": padding, "dilation": dilation}
    with pytest.raises(ValueError, match=f"half of kernel_size {kernel_size}; got"):
        nn.MaxPool2d(kernel_size, **arguments)
    with pytest.raises(RuntimeError, match="half of kernel size"):
        torch.nn.MaxPool2d(kernel_size, **arguments)(torch.zeros(1, 20, 20))


def test_global_average_is_the_mean_of_all_pixels():
    image = numbers(2, 3, 5, 7)
    pooled = nn.AdaptiveAvgPool2d(1)(image)
    assert_close(pooled[..., 0, 0], image.mean((-2, -1)))


def test_pooling_of_the_same_size_changes_nothing():
    image = numbers(2, 3, 5, 7)
    for layer in (nn.MaxPool2d(1), nn.AvgPool2d(1), nn.AdaptiveAvgPool2d((None, None))):
        assert_close(layer(image), image, rtol=0, atol=0)


@pytest.mark.parametrize("layer", [nn.MaxPool2d(3, 2), nn.AvgPool2d((2, 3), padding=1)])
def test_gradients_can_be_differentiated_again(layer):
    image = numbers(1, 5, 6).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: layer(x).square(), (image,))
