"""Inside ``torch.autocast`` the types are torch's: short products, long losses."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from tests.cases import CASES, DRAW, LOSSES, numbers

pytestmark = pytest.mark.filterwarnings(
    "ignore:Using padding='same' with even",
    "ignore:reduction. 'mean' divides",
    "ignore:dropout2d. Received a 3D input",
    "ignore:Mismatch dtype between input and weight",  # of RMSNorm: slow, but right
)
TYPES = (torch.float32, torch.bfloat16)


def outcome(layer, *inputs):
    """The output under autocast, and all gradients."""
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(*leaves)
    output.sum().backward()
    gradients = [leaf.grad for leaf in (*leaves, *layer.parameters())]
    return [output.detach(), *(g for g in gradients if g is not None)]


def assert_same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype
        largest = max([1.0, *other.abs().flatten().tolist()])
        assert_close(mine, other, rtol=0.03, atol=0.03 * largest, equal_nan=True)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_layers_give_torchs_types(case, dtype):
    ours, theirs = case.make(nn), case.make(torch.nn)
    theirs.load_state_dict(ours.state_dict())
    input = case.draw(dtype)
    assert_same(outcome(ours, input), outcome(theirs, input))


@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_losses_are_computed_in_float32(case):
    for input_type, target_type in itertools.product(TYPES, TYPES):
        input = DRAW[case.input](*case.shape, seed=1).to(input_type)
        target = DRAW[case.target](*case.shape, seed=2)
        if target.is_floating_point():
            target = target.to(target_type)
        ours = getattr(nn, case.name)(**case.arguments).float()
        theirs = getattr(torch.nn, case.name)(**case.arguments).float()
        assert_same(outcome(ours, input, target), outcome(theirs, input, target))


@pytest.mark.parametrize("name", ["NLLLoss", "CrossEntropyLoss"])
def test_the_type_of_a_class_weight_may_differ(name):
    scores, target = numbers(301, 4), torch.arange(301) % 4
    for dtype, weight_type in itertools.product(TYPES, TYPES):
        weight = torch.tensor([0.1, 0.7, 0.3, 0.9], dtype=weight_type)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            ours, theirs = (
                getattr(source, name)(weight)(scores.to(dtype), target)
                for source in (nn, torch.nn)
            )
        assert_close(ours, theirs, rtol=1e-5, atol=0)


def test_types_still_have_to_match_outside():
    with pytest.raises(TypeError, match=r"float32, but its input is torch\.bfloat16"):
        nn.Linear(3, 2)(torch.zeros(4, 3, dtype=torch.bfloat16))
