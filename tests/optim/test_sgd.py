"""SGD against torch's, for every combination of options."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from dlbook import optim
from tests.cases import numbers

OPTIONS = [
    {
        "momentum": momentum,
        "dampening": dampening,
        "weight_decay": decay,
        "nesterov": nesterov,
        "maximize": maximize,
    }
    for momentum, dampening, decay, nesterov, maximize in itertools.product(
        (0, 0.9), (0, 0.3), (0, 0.2), (False, True), (False, True)
    )
    if not nesterov or (momentum and not dampening)
]
options = pytest.mark.parametrize("option", OPTIONS, ids=str)


def parameters():
    return [torch.nn.Parameter(numbers(*s, seed=len(s))) for s in [(3,), (2, 4), ()]]


def descend(optimizer, steps, first=0):
    """Follow gradients that depend on the parameters, and on the step."""
    params = [p for group in optimizer.param_groups for p in group["params"]]
    for step in range(first, first + steps):
        optimizer.zero_grad()
        for number, p in enumerate(params):
            if (step + number) % 5:  # every fifth time a parameter has no gradient
                noise = numbers(*p.shape, seed=step)
                (p.sin() * noise + 0.1 * p.square()).sum().backward()
        optimizer.step()
    return params


def assert_same(ours, theirs):
    mine = [p for group in ours.param_groups for p in group["params"]]
    other = [p for group in theirs.param_groups for p in group["params"]]
    assert_close(mine, other, rtol=1e-10, atol=1e-12)
    for a, b in zip(mine, other, strict=True):
        state, expected = ours.state.get(a, {}), theirs.state.get(b, {})
        assert_close(dict(state), dict(expected), rtol=1e-10, atol=1e-12)


@options
def test_25_steps_equal_torchs(option):
    ours = optim.SGD(parameters(), lr=0.05, **option)
    theirs = torch.optim.SGD(parameters(), lr=0.05, **option)
    for step in range(25):
        descend(ours, 1, first=step)
        descend(theirs, 1, first=step)
        assert_same(ours, theirs)


@options
@pytest.mark.parametrize("ours_first", [True, False])
def test_a_run_saved_by_one_goes_on_in_the_other(option, ours_first):
    classes = (optim.SGD, torch.optim.SGD)
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


def test_groups_have_options_of_their_own():
    def groups(params):
        return [
            {"params": params[:1], "lr": 0.3, "momentum": 0.5},
            {"params": params[1:], "weight_decay": 0.1, "maximize": True},
        ]

    ours = optim.SGD(groups(parameters()), lr=0.02)
    theirs = torch.optim.SGD(groups(parameters()), lr=0.02)
    descend(ours, 20)
    descend(theirs, 20)
    assert_same(ours, theirs)


def test_the_learning_rate_may_be_a_tensor_and_may_change():
    ours = optim.SGD(parameters(), lr=torch.tensor(0.05), momentum=0.9)
    theirs = torch.optim.SGD(parameters(), lr=torch.tensor(0.05), momentum=0.9)
    for optimizer in (ours, theirs):
        descend(optimizer, 5)
        optimizer.param_groups[0]["lr"] = torch.tensor([0.01])
        descend(optimizer, 5, first=5)
    assert_same(ours, theirs)


def test_torchs_schedules_drive_it():
    optimizer = optim.SGD(parameters(), lr=0.4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    descend(optimizer, 1)
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.2


def test_the_closure_is_called_with_gradients_on_and_its_loss_returned():
    (p, *_) = parameters()
    optimizer = optim.SGD([p], lr=0.1)
    before = p.detach().clone()

    def closure():
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        return loss

    assert_close(optimizer.step(closure).detach(), before.square().sum())
    assert_close(p.detach(), 0.8 * before)
    optimizer.zero_grad()
    assert optimizer.step() is None


@options
def test_gradients_are_left_as_they_were(option):
    (p, *_) = parameters()
    gradient = numbers(*p.shape, seed=4)
    p.grad = gradient.clone()
    optimizer = optim.SGD([p], 0.1, **option)
    optimizer.step()
    optimizer.step()
    assert_close(p.grad, gradient, rtol=0, atol=0)


@pytest.mark.parametrize(
    "option",
    [
        {"lr": -0.1},
        {"momentum": -0.9},
        {"weight_decay": -1.0},
        {"nesterov": True},
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
        {"lr": torch.tensor([0.1, 0.2])},
    ],
    ids=str,
)
def test_numbers_that_torch_refuses_are_refused(option):
    for source in (optim, torch.optim):
        with pytest.raises(ValueError, match=r"."):
            source.SGD(parameters(), **option)
    with pytest.raises(ValueError, match=r"^SGD: .*got"):
        optim.SGD([{"params": parameters(), **option}])


@pytest.mark.parametrize("option", ["foreach", "fused", "differentiable"])
def test_what_is_not_implemented_is_refused_wherever_it_comes_from(option):
    words = f"{option} is not implemented"
    with pytest.raises(NotImplementedError, match=words):
        optim.SGD(parameters(), **{option: True})
    optimizer = optim.SGD(parameters())
    with pytest.raises(NotImplementedError, match=words):
        optimizer.add_param_group({"params": parameters(), option: True})
    foreign = torch.optim.SGD(parameters(), lr=0.1).state_dict()
    foreign["param_groups"][0][option] = True
    with pytest.raises(NotImplementedError, match=words):
        optimizer.load_state_dict(foreign)


def test_sparse_gradients_are_refused():
    p = torch.nn.Parameter(torch.zeros(3))
    p.grad = torch.ones(3).to_sparse()
    with pytest.raises(TypeError, match="dense gradients"):
        optim.SGD([p]).step()
