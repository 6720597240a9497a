"""Every optimizer against torch's, for every combination of options."""

import copy
import inspect
import pickle

import pytest
import torch
from torch.testing import assert_close

from dlbook import optim
from tests.cases import OPTIMIZERS, numbers, public_classes
from tests.optim.descent import assert_same, descend, parameters

ROWS = [(name, option) for name, options in OPTIMIZERS.items() for option in options]
rows = pytest.mark.parametrize(("name", "option"), ROWS, ids=str)
every = pytest.mark.parametrize("name", OPTIMIZERS)
GROUPS = {
    "SGD": ({"momentum": 0.5}, {"weight_decay": 0.1, "maximize": True}),
    "Adagrad": ({"lr_decay": 0.5}, {"weight_decay": 0.1, "eps": 0.1}),
    "RMSprop": ({"alpha": 0.5}, {"centered": True, "momentum": 0.5}),
    "Adam": ({"betas": (0.5, 0.8)}, {"amsgrad": True, "weight_decay": 0.1}),
    "AdamW": ({"betas": (0.5, 0.8)}, {"amsgrad": True, "weight_decay": 0.1}),
    "Muon": ({"momentum": 0.5}, {"nesterov": False, "ns_steps": 2}),
}
FLAGS = [
    (name, flag)
    for name in OPTIMIZERS
    for flag in ("foreach", "fused", "capturable", "differentiable")
    if flag in inspect.signature(getattr(torch.optim, name)).parameters
]


def pair(name, params=parameters, lr=0.05, **option):
    """Make our optimizer and torch's, each with its own parameters."""
    classes = (getattr(optim, name), getattr(torch.optim, name))
    return [made(params(name=name), lr=lr, **option) for made in classes]


def test_every_optimizer_is_written_here_is_public_and_has_rows():
    written = public_classes(optim, torch.optim.Optimizer)
    written -= {"PerParameterOptimizer", "Combined"}  # a base; one without a twin
    assert written == set(OPTIMIZERS) == set(GROUPS)
    assert written <= set(optim.__all__)


@every
def test_arguments_and_their_defaults_are_torchs(name):
    ours, theirs = (
        [
            (p.name, p.kind, p.default)
            for p in inspect.signature(getattr(source, name)).parameters.values()
        ]
        for source in (optim, torch.optim)
    )
    assert ours == theirs


@rows
def test_25_steps_equal_torchs(name, option):
    ours, theirs = pair(name, **option)
    done = 0
    for steps in (1, 1, 3, 20):
        for optimizer in (ours, theirs):
            descend(optimizer, steps, first=done)
        done += steps
        assert_same(ours, theirs)


@rows
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_steps_in_shorter_types_are_rounded_exactly_as_torchs(name, option, dtype):
    if name == "Muon" and dtype == torch.bfloat16 and not option.get("nesterov", True):
        pytest.skip("torch overwrites its momentum there: see test_muon.py")
    ours, theirs = pair(name, lambda name: parameters(dtype, name), **option)
    descend(ours, 20)
    descend(theirs, 20)
    assert_same(ours, theirs, rtol=0, atol=0)


@rows
@pytest.mark.parametrize("ours_first", [True, False])
def test_a_run_saved_by_one_goes_on_in_the_other(name, option, ours_first):
    classes = [getattr(source, name) for source in (optim, torch.optim)]
    first, second = classes if ours_first else reversed(classes)
    uninterrupted = first(parameters(name=name), lr=0.05, **option)
    descend(uninterrupted, 12)

    begun = first(parameters(name=name), lr=0.05, **option)
    weights = [p.detach().clone() for p in descend(begun, 6)]
    resumed = second([torch.nn.Parameter(w) for w in weights], lr=9.0)
    resumed.load_state_dict(copy.deepcopy(begun.state_dict()))
    saved, loaded = begun.state_dict(), resumed.state_dict()
    assert saved["param_groups"] == loaded["param_groups"]
    assert_close(loaded["state"], saved["state"], rtol=0, atol=0)
    descend(resumed, 6, first=6)
    assert_same(resumed, uninterrupted)


@rows
def test_gradients_are_left_as_they_were(name, option):
    p = parameters(name=name)[0]
    gradient = numbers(*p.shape, seed=4)
    p.grad = gradient.clone()
    optimizer = getattr(optim, name)([p], 0.1, **option)
    optimizer.step()
    optimizer.step()
    assert_close(p.grad, gradient, rtol=0, atol=0)


@every
def test_groups_have_options_of_their_own(name):
    first, second = GROUPS[name]

    def groups(name):
        params = parameters(name=name)
        named = [("a", params[0]), ("b", params[1])]
        return [
            {"params": named, "lr": 0.3, **first},
            {"params": [("c", params[2])], **second},
        ]

    ours, theirs = pair(name, groups, lr=0.02)
    for optimizer in (ours, theirs):
        descend(optimizer, 10)
        late = [("late", p) for p in parameters(name=name)[1:2]]
        optimizer.add_param_group({"params": late, "lr": 0.1, **second})
        descend(optimizer, 10, first=10)
    assert_same(ours, theirs)
    assert [g["param_names"] for g in ours.param_groups] == [
        ["a", "b"],
        ["c"],
        ["late"],
    ]


@every
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_learning_rate_may_be_a_tensor_and_may_change(name, dtype):
    option = {"weight_decay": 0.1}
    ours, theirs = (
        getattr(source, name)(
            parameters(dtype, name), lr=torch.tensor(0.05, dtype=dtype), **option
        )
        for source in (optim, torch.optim)
    )
    for optimizer in (ours, theirs):
        descend(optimizer, 5)
        optimizer.param_groups[0]["lr"] = torch.tensor([0.01])
        descend(optimizer, 5, first=5)
    assert_same(ours, theirs, rtol=0, atol=0)


@every
def test_the_closure_is_called_with_gradients_on_and_its_loss_returned(name):
    p = parameters(name=name)[0]
    optimizer = getattr(optim, name)([p], lr=0.01)
    before = p.detach().clone()

    def closure():
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        return loss

    assert_close(optimizer.step(closure).detach(), before.square().sum())
    assert p.square().sum() < before.square().sum()
    optimizer.zero_grad()
    assert optimizer.step() is None


@every
def test_copies_go_on_alone_and_as_the_original(name):
    original = getattr(optim, name)(parameters(name=name), lr=0.05)
    descend(original, 4)
    for copied in (copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
        untouched = copy.deepcopy(original)
        descend(copied, 4, first=4)
        assert_same(original, untouched, rtol=0, atol=0)
        descend(untouched, 4, first=4)
        assert_same(copied, untouched, rtol=0, atol=0)


@every
def test_what_is_remembered_lies_in_memory_as_the_parameter_does(name):
    p = parameters(name="Muon")[0].t()
    p.retain_grad()  # torch takes leaves, or what keeps its gradient
    if name != "Muon":
        p = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last)
        p.requires_grad_()
    p.grad = torch.ones_like(p)
    ours, theirs = (
        getattr(source, name)([p], lr=0.1) for source in (optim, torch.optim)
    )
    ours.step()
    theirs.step()
    for part, value in theirs.state[p].items():
        assert ours.state[p][part].stride() == value.stride()


@every
def test_steps_are_counted_in_torchs_type(name):
    torch.set_default_dtype(torch.float64)
    try:
        ours, theirs = pair(name)
        descend(ours, 2)
        descend(theirs, 2)
        assert_same(ours, theirs)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("name", "flag"), FLAGS)
def test_other_ways_to_compute_the_same_are_refused_wherever_asked_for(name, flag):
    words = f"^{name}: {flag} is not implemented"
    made = getattr(optim, name)
    with pytest.raises(NotImplementedError, match=words):
        made(parameters(name=name), **{flag: True})
    optimizer = made(parameters(name=name))
    with pytest.raises(NotImplementedError, match=words):
        optimizer.add_param_group({"params": parameters(name=name), flag: True})
    assert len(optimizer.param_groups) == 1
    foreign = getattr(torch.optim, name)(parameters(name=name), lr=0.1).state_dict()
    foreign["param_groups"][0][flag] = True
    with pytest.raises(NotImplementedError, match=words):
        optimizer.load_state_dict(foreign)


@every
def test_sparse_gradients_are_refused_before_anything_is_changed(name):
    dense, sparse = parameters(name="Muon")[:2]
    dense.grad, sparse.grad = (
        torch.ones_like(dense),
        torch.ones_like(sparse).to_sparse(),
    )
    before = dense.detach().clone()
    with pytest.raises(TypeError, match=f"{name} needs dense gradients, got.*sparse"):
        getattr(optim, name)([dense, sparse], lr=0.1).step()
    assert torch.equal(dense, before)


@every
def test_complex_parameters_are_refused_and_not_added(name):
    complex_one = torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.complex64))
    words = (
        f"{name}: complex parameters are not implemented, got one of torch.complex64"
    )
    with pytest.raises(TypeError, match=words):
        getattr(optim, name)([complex_one], lr=0.1)
    optimizer = getattr(optim, name)(parameters(name=name), lr=0.1)
    with pytest.raises(TypeError, match=words):
        optimizer.add_param_group({"params": complex_one})
    assert len(optimizer.param_groups) == 1


@every
def test_the_saved_run_of_another_optimizer_is_refused(name):
    optimizer = getattr(optim, name)(parameters(name="Muon"), lr=0.1)
    same = {"Adam", "AdamW"}  # these share all options
    for other in OPTIMIZERS:
        if other == name or {name, other} == same:
            continue
        foreign = getattr(torch.optim, other)(parameters(name="Muon"), lr=0.1)
        with pytest.raises(ValueError, match=f"is not one of {name}: it lacks "):
            optimizer.load_state_dict(foreign.state_dict())


@every
def test_a_saved_run_of_other_shapes_is_refused_and_changes_nothing(name):
    option = {"momentum": 0.9} if name == "SGD" else {}
    saved, optimizer = (
        getattr(optim, name)([torch.nn.Parameter(numbers(*shape))], lr=0.1, **option)
        for shape in [(3, 2), (2, 3)]
    )
    descend(saved, 3, first=1)
    descend(optimizer, 3, first=1)
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(
        ValueError, match=r"has the shape \(3, 2\), its parameter \(2, 3"
    ):
        optimizer.load_state_dict(saved.state_dict())
    assert_close(optimizer.state_dict()["state"], before["state"], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_a_saved_run_may_lack_switches_that_are_newer_than_it(name):
    ours, theirs = pair(name, weight_decay=0.1)
    descend(ours, 3)
    descend(theirs, 3)
    old = copy.deepcopy(ours.state_dict())
    for switch in ("decoupled_weight_decay", "maximize", "foreach", "amsgrad"):
        del old["param_groups"][0][switch]
    ours.load_state_dict(old)
    descend(ours, 3, first=3)
    descend(theirs, 3, first=3)
    assert_same(ours, theirs)
