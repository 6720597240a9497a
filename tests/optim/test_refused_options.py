"""Options that the optimizers refuse, from the constructor, a group, or a saved run."""

import copy
import math

import pytest
import torch
from torch.testing import assert_close

from dlbook import optim
from tests.cases import OPTIMIZERS
from tests.optim.descent import descend, parameters

NEGATIVE = [
    ("SGD", "lr momentum weight_decay", "learning rate|momentum|weight_decay"),
    ("Adagrad", "lr lr_decay weight_decay initial_accumulator_value eps", "Invalid"),
    ("RMSprop", "lr alpha eps weight_decay momentum", "Invalid"),
    ("Adam", "lr eps weight_decay", "Invalid"),
    ("AdamW", "lr eps weight_decay", "Invalid"),
    ("Muon", "lr weight_decay momentum", "should be >= 0"),
]
WRONG = [
    *(
        (name, {option: -0.5}, f"{option} (must not|is one for all).*got -0.5", torchs)
        for name, options, torchs in NEGATIVE
        for option in options.split()
    ),
    *(
        (name, {"lr": torch.tensor([0.1, 0.2])}, "one element, got 2", "1-element")
        for name in OPTIMIZERS
    ),
    (
        "SGD",
        {"nesterov": True},
        "above 0.*got momentum 0",
        "Nesterov momentum requires",
    ),
    (
        "SGD",
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
        "dampening 0, got momentum 0.9 and dampening 0.1",
        "zero dampening",
    ),
    *(
        (name, {"betas": betas}, f"two floats from 0 to below 1, got .*{shown}", torchs)
        for name in ("Adam", "AdamW")
        for betas, shown, torchs in [
            ((-0.1, 0.9), "-0.1", "index 0: -0.1"),
            ((0.9, 1.0), "1.0", "index 1: 1.0"),
            ((1.0, 0.9), "1.0", "index 0: 1.0"),
            ((0.9, math.nan), "nan", "index 1: nan"),
            ((0, 0.9), r"\(0, 0.9\)", "both floats"),
        ]
    ),
    (
        "Muon",
        {"adjust_lr_fn": "none"},
        "or 'match_rms_adamw', got 'none'",
        "none is not",
    ),
]
wrong = pytest.mark.parametrize(("name", "option", "words", "torchs_words"), WRONG)


@wrong
def test_what_torch_refuses_is_refused(name, option, words, torchs_words):
    made = getattr(optim, name)
    with pytest.raises(ValueError, match=torchs_words):
        getattr(torch.optim, name)(parameters(name=name), **option)
    with pytest.raises(ValueError, match=f"^{name}: .*{words}"):
        made(parameters(name=name), **option)
    with pytest.raises(ValueError, match=f"^{name}: .*{words}"):
        made([{"params": parameters(name=name), **option}])


@wrong
def test_a_saved_run_with_it_is_refused_and_changes_nothing(
    name, option, words, torchs_words
):
    saved = getattr(torch.optim, name)(parameters(name=name), lr=0.7)
    descend(saved, 2)
    state = saved.state_dict()
    state["param_groups"][0].update(option)
    ours = getattr(optim, name)(parameters(name=name), lr=0.1)
    descend(ours, 3)
    before = copy.deepcopy(ours.state_dict())
    with pytest.raises(ValueError, match=f"^{name}: .*{words}"):
        ours.load_state_dict(state)
    assert_close(ours.state_dict()["state"], before["state"], rtol=0, atol=0)
    assert ours.state_dict()["param_groups"] == before["param_groups"]


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("SGD", {"lr": math.nan}, "lr must not be negative, got nan"),
        ("Adam", {"betas": (0.9, torch.tensor(0.9))}, "two floats from 0 to below 1"),
        ("Adam", {"betas": (0.9,)}, r"got \(0.9,\)"),
        ("Muon", {"eps": -1.0}, "eps must not be negative, got -1.0"),
        ("Muon", {"ns_steps": -1}, "ns_steps must not be negative, got -1"),
        ("Muon", {"ns_steps": 100}, "ns_steps must be below 100, got 100"),
        ("Muon", {"ns_coefficients": (1.0, 2.0)}, r"three numbers, got \(1.0, 2.0\)"),
    ],
)
def test_what_torch_notices_late_or_never_is_refused_at_once(name, option, words):
    with pytest.raises(ValueError, match=f"^{name}: .*{words}"):
        getattr(optim, name)(parameters(name=name), **option)


def test_a_group_with_its_own_first_sum_is_refused():
    groups = [{"params": parameters(), "initial_accumulator_value": 0.2}]
    with pytest.raises(ValueError, match=r"Adagrad: .* expected 0.1, got 0.2"):
        optim.Adagrad(groups, initial_accumulator_value=0.1)


def test_decay_that_is_not_decoupled_is_refused_by_adamw():
    groups = [{"params": parameters(), "decoupled_weight_decay": False}]
    with pytest.raises(ValueError, match=r"AdamW: .*decoupled"):
        optim.AdamW(groups)
