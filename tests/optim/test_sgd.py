"""What SGD does beyond the table: groups, schedules, closures, refusals."""

import copy

import pytest
import torch
from torch.testing import assert_close

from dlbook import optim
from tests.optim.descent import assert_same, descend, parameters


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


@pytest.mark.parametrize(
    ("option", "words", "torchs_words"),
    [
        ({"lr": -0.1}, "lr must not be negative, got -0.1", "learning rate: -0.1"),
        ({"momentum": -0.9}, "momentum must not be negative", "momentum value: -0.9"),
        ({"weight_decay": -1.0}, "weight_decay must not be", "weight_decay value: -1"),
        ({"nesterov": True}, "above 0.*got momentum 0", "Nesterov momentum requires"),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            "dampening 0, got momentum 0.9 and dampening 0.1",
            "zero dampening",
        ),
        ({"lr": torch.tensor([0.1, 0.2])}, "one element, got 2", "must be 1-element"),
    ],
    ids=str,
)
def test_numbers_that_torch_refuses_are_refused(option, words, torchs_words):
    with pytest.raises(ValueError, match=torchs_words):
        torch.optim.SGD(parameters(), **option)
    with pytest.raises(ValueError, match=f"^SGD: .*{words}"):
        optim.SGD(parameters(), **option)
    with pytest.raises(ValueError, match=f"^SGD: .*{words}"):
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


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [("foreach", True, NotImplementedError), ("momentum", -0.5, ValueError)],
)
def test_an_optimizer_stays_as_it_was_when_it_refuses_a_saved_run(option, value, error):
    saved = torch.optim.SGD(parameters(), lr=0.7, momentum=0.9)
    descend(saved, 2)
    state = saved.state_dict()
    state["param_groups"][0][option] = value
    ours = optim.SGD(parameters(), lr=0.1, momentum=0.2)
    descend(ours, 2)
    before = copy.deepcopy(ours.state_dict())
    with pytest.raises(error, match=option):
        ours.load_state_dict(state)
    assert_close(ours.state_dict()["state"], before["state"], rtol=0, atol=0)
    assert ours.state_dict()["param_groups"] == before["param_groups"]


def test_sparse_gradients_are_refused():
    p = torch.nn.Parameter(torch.zeros(3))
    p.grad = torch.ones(3).to_sparse()
    with pytest.raises(TypeError, match="dense gradients"):
        optim.SGD([p]).step()
