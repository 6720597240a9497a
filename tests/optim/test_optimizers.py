"""Every optimizer against torch's, for every combination of options."""

import pytest
import torch
from torch.testing import assert_close

from dlbook import optim
from tests.cases import OPTIMIZERS, numbers, public_classes
from tests.optim.descent import assert_same, descend, parameters

ROWS = [(name, option) for name, options in OPTIMIZERS.items() for option in options]
rows = pytest.mark.parametrize(("name", "option"), ROWS, ids=str)


def test_every_optimizer_is_written_here_is_public_and_has_rows():
    assert public_classes(optim, torch.optim.Optimizer) == set(optim.__all__)
    assert set(OPTIMIZERS) == set(optim.__all__)


@rows
def test_25_steps_equal_torchs(name, option):
    ours = getattr(optim, name)(parameters(), lr=0.05, **option)
    theirs = getattr(torch.optim, name)(parameters(), lr=0.05, **option)
    for step in range(25):
        descend(ours, 1, first=step)
        descend(theirs, 1, first=step)
        assert_same(ours, theirs)


@rows
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_steps_in_shorter_types_are_rounded_exactly_as_torchs(name, option, dtype):
    ours = getattr(optim, name)(parameters(dtype), lr=0.05, **option)
    theirs = getattr(torch.optim, name)(parameters(dtype), lr=0.05, **option)
    descend(ours, 20)
    descend(theirs, 20)
    assert_same(ours, theirs, rtol=0, atol=0)


@rows
@pytest.mark.parametrize("ours_first", [True, False])
def test_a_run_saved_by_one_goes_on_in_the_other(name, option, ours_first):
    classes = [getattr(source, name) for source in (optim, torch.optim)]
    first, second = classes if ours_first else reversed(classes)
    uninterrupted = first(parameters(), lr=0.05, **option)
    descend(uninterrupted, 12)

    begun = first(parameters(), lr=0.05, **option)
    weights = [p.detach().clone() for p in descend(begun, 6)]
    resumed = second([torch.nn.Parameter(w) for w in weights], lr=9.0)
    resumed.load_state_dict(begun.state_dict())
    assert begun.state_dict().keys() == resumed.state_dict().keys()
    descend(resumed, 6, first=6)
    assert_same(resumed, uninterrupted)


@rows
def test_gradients_are_left_as_they_were(name, option):
    (p, *_) = parameters()
    gradient = numbers(*p.shape, seed=4)
    p.grad = gradient.clone()
    optimizer = getattr(optim, name)([p], 0.1, **option)
    optimizer.step()
    optimizer.step()
    assert_close(p.grad, gradient, rtol=0, atol=0)
