"""Softmax's written-out gradient is right, in both modes and more than once."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from dlbook.nn.activations import softmax
from tests.cases import numbers

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_gradients_of_both_modes_and_their_gradients_are_those_of_small_steps(dim):
    input = numbers(3, 5, 4).requires_grad_()
    assert gradcheck(lambda x: softmax(x, dim), input, check_forward_ad=True)
    assert gradgradcheck(lambda x: softmax(x, dim), input)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize(
    "transform",
    [
        lambda f: torch.func.hessian(f),
        lambda f: torch.func.vmap(torch.func.grad(f)),
        lambda f: torch.func.vmap(f),
    ],
)
def test_functional_transforms_see_through_it(transform):
    input = numbers(3, 5)
    mine = transform(lambda x: softmax(x, -1).square().sum())(input)
    other = transform(lambda x: x.softmax(-1).square().sum())(input)
    assert_close(mine, other, rtol=1e-10, atol=1e-12)


def test_the_input_is_left_as_it_was():
    input = numbers(3, 5)
    softmax(input, 1)
    assert_close(input, numbers(3, 5), rtol=0, atol=0)
