"""What the schedules refuse, in words with the actual and the expected value."""

import copy
import math

import pytest
import torch

from dlbook import optim
from dlbook.optim import lr_scheduler

theirs = torch.optim.lr_scheduler


def optimizer():
    """An optimizer of two groups."""
    first, second = (torch.nn.Parameter(torch.zeros(n)) for n in (2, 3))
    return optim.SGD([{"params": [first]}, {"params": [second]}], lr=0.1, momentum=0.9)


CYCLE = {"max_lr": 0.3, "total_steps": 10}
WRONG = [
    ("StepLR", {"step_size": 0}, "step_size must be an integer of at least 1, got 0"),
    ("StepLR", {"step_size": 2.5}, "step_size must be an integer .* got 2.5"),
    ("StepLR", {"step_size": 3, "gamma": -0.1}, "gamma must be at least 0, got -0.1"),
    ("MultiStepLR", {"milestones": [3, -1]}, "each milestone must be .* got -1"),
    ("MultiStepLR", {"milestones": [3, 4.5]}, "each milestone must be .* got 4.5"),
    ("MultiStepLR", {"milestones": [3], "gamma": -1}, "gamma must be at least 0, got"),
    ("ExponentialLR", {"gamma": math.nan}, "gamma must be at least 0, got nan"),
    ("LinearLR", {"start_factor": 0.0}, "start_factor must be above 0 .*, got 0.0"),
    ("LinearLR", {"start_factor": 1.1}, "start_factor .* at most 1, got 1.1"),
    ("LinearLR", {"end_factor": -0.1}, "end_factor must be from 0 to 1, got -0.1"),
    ("LinearLR", {"end_factor": 1.1}, "end_factor must be from 0 to 1, got 1.1"),
    ("LinearLR", {"total_iters": 0}, "total_iters must be .* at least 1, got 0"),
    (
        "CosineAnnealingLR",
        {"T_max": 0},
        "T_max must be an integer of at least 1, got 0",
    ),
    ("CosineAnnealingLR", {"T_max": True}, "T_max must be an integer .* got True"),
    ("CosineAnnealingLR", {"T_max": 5, "eta_min": -1}, "eta_min must be at least 0"),
    ("LambdaLR", {"lr_lambda": [abs]}, "lr_lambda .* optimizer's 2 groups, got 1"),
    ("OneCycleLR", {"max_lr": 0.3}, "give total_steps, or both.* epochs=None and"),
    ("OneCycleLR", {"max_lr": 0.3, "epochs": 3}, "epochs=3 and steps_per_epoch=None"),
    ("OneCycleLR", {**CYCLE, "total_steps": 0}, "total_steps must be .* got 0"),
    ("OneCycleLR", {**CYCLE, "total_steps": 4.0}, "total_steps must be .* got 4.0"),
    (
        "OneCycleLR",
        {"max_lr": 0.3, "epochs": 0, "steps_per_epoch": 3},
        "epochs must be an integer of at least 1, got 0",
    ),
    (
        "OneCycleLR",
        {"max_lr": 0.3, "epochs": 3, "steps_per_epoch": -3},
        "steps_per_epoch must be an integer of at least 1, got -3",
    ),
    (
        "OneCycleLR",
        {**CYCLE, "pct_start": 1.2},
        "pct_start must be from 0 to 1, got 1.2",
    ),
    ("OneCycleLR", {**CYCLE, "pct_start": 1}, "pct_start must be a float .* got 1"),
    ("OneCycleLR", {**CYCLE, "anneal_strategy": "up"}, "'cos' or 'linear', got 'up'"),
    ("OneCycleLR", {**CYCLE, "max_lr": -0.3}, "max_lr must be at least 0, got -0.3"),
    ("OneCycleLR", {**CYCLE, "max_lr": [0.3]}, "max_lr .* 2 groups, got 1"),
    ("OneCycleLR", {**CYCLE, "base_momentum": [0.3] * 3}, "base_momentum .*, got 3"),
    ("OneCycleLR", {**CYCLE, "max_momentum": 1.5}, "momentum must be .* got 1.5"),
    ("OneCycleLR", {**CYCLE, "div_factor": 0}, "div_factor must be above 0, got 0"),
    (
        "OneCycleLR",
        {**CYCLE, "final_div_factor": 0},
        "final_div_factor must be above 0",
    ),
    ("OneCycleLR", {**CYCLE, "pct_start": 0.1}, "a phase without steps"),
    ("ReduceLROnPlateau", {"mode": "low"}, "mode must be 'min' or 'max', got 'low'"),
    ("ReduceLROnPlateau", {"threshold_mode": "x"}, "must be 'rel' or 'abs', got 'x'"),
    ("ReduceLROnPlateau", {"factor": 1.0}, "factor must be from 0 to below 1, got 1.0"),
    ("ReduceLROnPlateau", {"factor": -0.1}, "factor must be .* got -0.1"),
    ("ReduceLROnPlateau", {"patience": -1}, "patience must be .* at least 0, got -1"),
    ("ReduceLROnPlateau", {"cooldown": -1}, "cooldown must be .* at least 0, got -1"),
    ("ReduceLROnPlateau", {"threshold": -1}, "threshold must be at least 0, got -1"),
    ("ReduceLROnPlateau", {"eps": -1}, "eps must be at least 0, got -1"),
    ("ReduceLROnPlateau", {"min_lr": -1}, "min_lr must be at least 0, got -1"),
    ("ReduceLROnPlateau", {"min_lr": [0.1]}, "min_lr .* 2 groups, got 1"),
]


@pytest.mark.parametrize(("name", "option", "words"), WRONG)
def test_arguments_out_of_range_are_refused(name, option, words):
    with pytest.raises(ValueError, match=f"^{name}: .*{words}"):
        getattr(lr_scheduler, name)(optimizer(), **option)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("StepLR", {"step_size": 3}),
        ("MultiStepLR", {"milestones": [3]}),
        ("ExponentialLR", {"gamma": 0.9}),
        ("LinearLR", {}),
        ("CosineAnnealingLR", {"T_max": 9}),
        ("LambdaLR", {"lr_lambda": lambda step: 1.0}),
        ("OneCycleLR", CYCLE),
        ("ReduceLROnPlateau", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_all_refuse(name, option):
    made = getattr(lr_scheduler, name)
    with pytest.raises(TypeError, match="Linear"):
        made(torch.nn.Linear(1, 1), **option)

    schedule = made(optimizer(), **option)
    value = (1.0,) if name == "ReduceLROnPlateau" else ()
    with pytest.raises(
        NotImplementedError, match=f"{name}: step takes no epoch, got 4"
    ):
        schedule.step(*value, epoch=4)

    other = theirs.PolynomialLR(optimizer()).state_dict()
    before = copy.deepcopy(schedule.state_dict())
    with pytest.raises(ValueError, match=f"the saved schedule is no {name}: it lacks"):
        schedule.load_state_dict(other)
    assert schedule.state_dict() == before


def test_a_cycle_ends():
    schedule = lr_scheduler.OneCycleLR(optimizer(), **CYCLE)
    for _ in range(10):  # torch takes one step more than there are, so do we
        schedule.optimizer.step()
        schedule.step()
    with pytest.raises(ValueError, match=r"step 11 is beyond .* total_steps=10"):
        schedule.step()


def test_a_cycle_of_the_momentum_needs_one():
    p = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match="momentum or betas, got Adagrad"):
        lr_scheduler.OneCycleLR(optim.Adagrad([p]), **CYCLE)
    lr_scheduler.OneCycleLR(optim.Adagrad([p]), **CYCLE, cycle_momentum=False)


def test_what_cannot_be_called_is_no_function():
    with pytest.raises(TypeError, match=r"lr_lambda is no function: 0\.5"):
        lr_scheduler.LambdaLR(optimizer(), [abs, 0.5])


def test_a_saved_schedule_of_other_groups_is_refused():
    schedule = lr_scheduler.LambdaLR(optimizer(), abs)
    p = torch.nn.Parameter(torch.zeros(2))
    saved = theirs.LambdaLR(optim.SGD([p]), lambda step: 1.0).state_dict()
    with pytest.raises(ValueError, match=r"saved lr_lambdas .* 2 groups, got 1"):
        schedule.load_state_dict(saved)


def test_a_plateau_asks_for_a_lowest_rate_of_a_group_that_comes_later():
    schedule = lr_scheduler.ReduceLROnPlateau(
        optimizer(), patience=0, min_lr=[0.0, 0.1]
    )
    late = torch.nn.Parameter(torch.zeros(4))
    schedule.optimizer.add_param_group({"params": [late]})
    schedule.step(1.0)
    with pytest.raises(ValueError, match=r"min_lr .* 3 groups, got 2"):
        schedule.step(2.0)


def sequence(*parts, milestones=(), scheduled=None):
    return lr_scheduler.SequentialLR(scheduled or optimizer(), list(parts), milestones)


def test_what_a_sequence_refuses():
    one, other = optimizer(), optimizer()
    step = lr_scheduler.StepLR(one, 3)
    linear = lr_scheduler.LinearLR(one)
    with pytest.raises(ValueError, match="got 0 schedules and 0 milestones"):
        sequence()
    with pytest.raises(ValueError, match="got 2 schedules and 2 milestones"):
        sequence(step, linear, milestones=[3, 4], scheduled=one)
    with pytest.raises(ValueError, match=r"must rise from 0 on, got \[-1\]"):
        sequence(step, linear, milestones=[-1], scheduled=one)
    with pytest.raises(ValueError, match=r"must rise from 0 on, got \[5, 4\]"):
        sequence(step, linear, linear, milestones=[5, 4], scheduled=one)
    with pytest.raises(ValueError, match="the StepLR belongs to another optimizer"):
        sequence(step, scheduled=other)
    with pytest.raises(TypeError, match="Linear is no schedule"):
        sequence(torch.nn.Linear(1, 1))
    with pytest.raises(TypeError, match="expected an optimizer, got Linear"):
        lr_scheduler.SequentialLR(torch.nn.Linear(1, 1), [step], [])
    for source in (lr_scheduler, theirs):
        plateau = source.ReduceLROnPlateau(one)
        with pytest.raises(
            ValueError, match="ReduceLROnPlateau needs a measured value"
        ):
            sequence(plateau, scheduled=one)
        inner = source.SequentialLR(one, [step], [])
        with pytest.raises(NotImplementedError, match="SequentialLR inside is not"):
            sequence(inner, scheduled=one)
    with pytest.raises(NotImplementedError, match="step takes no epoch, got 2"):
        sequence(step, scheduled=one).step(2)


def test_a_sequence_refuses_the_saved_run_of_another_and_changes_nothing():
    def made(*kinds, milestones):
        scheduled = optimizer()
        parts = [kind(scheduled) for kind in kinds]
        return sequence(*parts, milestones=milestones, scheduled=scheduled)

    def halve(scheduled):
        return lr_scheduler.StepLR(scheduled, 3)

    ours = made(lr_scheduler.LinearLR, halve, milestones=[4])
    before = copy.deepcopy(ours.state_dict())
    one = made(halve, milestones=[])
    with pytest.raises(ValueError, match="it has 1 schedules, expected 2"):
        ours.load_state_dict(one.state_dict())
    swapped = made(halve, lr_scheduler.LinearLR, milestones=[4])
    with pytest.raises(ValueError, match="is no LinearLR: it lacks"):
        ours.load_state_dict(swapped.state_dict())
    assert ours.state_dict() == before
