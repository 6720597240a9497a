"""Every schedule against torch's, for every combination of options."""

import copy
import inspect
import math
import re

import pytest
import torch
from torch.testing import assert_close

from dlbook import optim
from dlbook.optim import lr_scheduler
from tests.cases import SCHEDULES, public_classes

theirs = torch.optim.lr_scheduler
ROWS = [(name, option) for name, options in SCHEDULES.items() for option in options]


def shown(value):
    """Name a test by what it is about, without addresses in memory."""
    return re.sub(r" at 0x\w+", "", str(value))


rows = pytest.mark.parametrize(("name", "option"), ROWS, ids=shown)
STEPS = 65  # as many as the shortest cycle of the table has


@pytest.fixture(autouse=True)
def nothing_is_warned_of(recwarn):
    yield
    assert [str(warning.message) for warning in recwarn] == []


def optimizer(made=torch.optim.SGD, **options):
    """An optimizer of two groups that have learning rates of their own."""
    first, second = (torch.nn.Parameter(torch.zeros(n)) for n in (2, 3))
    groups = [{"params": [first]}, {"params": [second], "lr": 0.03}]
    return made(groups, lr=0.1, **options)


def pair(name, option, made=torch.optim.SGD, **options):
    """Make our schedule and torch's, each with its own optimizer."""
    sources = (lr_scheduler, theirs)
    return [getattr(s, name)(optimizer(made, **options), **option) for s in sources]


def move(schedule, step):
    """Move on, with a loss that falls and rises if one is needed."""
    schedule.optimizer.step()
    if type(schedule).__name__ == "ReduceLROnPlateau":
        value = math.nan if step == 7 else 3 / (1 + step % 23) + 0.01 * step
        schedule.step(torch.tensor(value))
    else:
        schedule.step()


def assert_same(ours, expected):
    """Compare two schedules, and what they have set in their optimizers."""
    groups = [schedule.optimizer.param_groups for schedule in (ours, expected)]
    for a, b in zip(*groups, strict=True):
        assert_alike({**a, "params": 0}, {**b, "params": 0})
    assert_alike(ours.state_dict(), expected.state_dict())


def assert_alike(ours, expected):
    """Compare trees: floating-point numbers closely, all else exactly."""
    if isinstance(expected, dict):
        assert ours.keys() == expected.keys()
        for key, value in expected.items():
            assert_alike(ours[key], value)
    elif isinstance(expected, list | tuple):
        assert len(ours) == len(expected)
        for one, other in zip(ours, expected, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, float | torch.Tensor):
        assert type(ours) is type(expected)
        assert math.isclose(ours, expected, rel_tol=1e-12, abs_tol=1e-17)
    else:
        assert ours == expected


def test_every_schedule_is_written_here_is_public_and_has_rows():
    written = public_classes(lr_scheduler, theirs.LRScheduler)
    public = written - {"Schedule", "FactorSchedule"}
    assert public == set(lr_scheduler.__all__) == {*SCHEDULES, "SequentialLR"}
    assert optim.lr_scheduler is lr_scheduler


@pytest.mark.parametrize("name", lr_scheduler.__all__)
def test_arguments_and_their_defaults_are_torchs(name):
    ours, expected = (
        [
            (p.name, p.kind, p.default)
            for p in inspect.signature(getattr(source, name)).parameters.values()
        ]
        for source in (lr_scheduler, theirs)
    )
    assert ours == expected


@rows
@pytest.mark.parametrize(
    ("made", "options"),
    [
        (torch.optim.SGD, {"momentum": 0.7}),
        (optim.SGD, {"momentum": 0.7}),
        (optim.Adam, {}),
        (optim.RMSprop, {"momentum": 0.6}),
    ],
    ids=shown,
)
def test_65_steps_equal_torchs(name, option, made, options):
    ours, expected = pair(name, option, made, **options)
    assert_same(ours, expected)
    for step in range(STEPS):
        move(ours, step)
        move(expected, step)
        assert_same(ours, expected)


@rows
def test_learning_rates_in_tensors_are_changed_in_place(name, option):
    ours, expected = pair(name, option, momentum=0.7)
    for schedule in (ours, expected):
        groups = schedule.optimizer.param_groups
        for group in groups:
            group["lr"] = torch.tensor(group["lr"], dtype=torch.float64)
    own = [group["lr"] for group in ours.optimizer.param_groups]
    for step in range(20):
        move(ours, step)
        move(expected, step)
        assert_same(ours, expected)
    for group, tensor in zip(ours.optimizer.param_groups, own, strict=True):
        assert group["lr"] is tensor
    last = copy.deepcopy(ours.get_last_lr())
    own[0].add_(1)
    assert ours.get_last_lr() == last


@rows
@pytest.mark.parametrize("ours_first", [True, False])
def test_a_schedule_saved_by_one_goes_on_in_the_other(name, option, ours_first):
    pairs = [pair(name, option, momentum=0.7) for _ in range(2)]
    if not ours_first:
        pairs = [list(reversed(two)) for two in pairs]
    (first, second), (uninterrupted, _) = pairs
    for step in range(30):
        move(uninterrupted, step)
    for step in range(13):
        move(first, step)
    saved = copy.deepcopy(first.state_dict())
    second.load_state_dict(saved)
    assert saved.keys() == first.state_dict().keys()
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    for step in range(13, 30):
        move(second, step)
    assert_same(second, uninterrupted)


@pytest.mark.parametrize("last_epoch", [0, 4, 6, 7, 12, 29, 30, 40])
@pytest.mark.parametrize(
    ("name", "option"),
    [
        (name, option)
        for name, option in ROWS  # after a factor of 0, a rate must be 0, too
        if name != "ReduceLROnPlateau" and option.get("gamma") != 0
    ],
    ids=shown,
)
def test_a_schedule_can_begin_at_a_later_step(name, option, last_epoch):
    schedules = []
    for source in (lr_scheduler, theirs):
        made, scheduled = getattr(source, name), optimizer(momentum=0.7)
        made(scheduled, **option)  # sets what a later one looks for
        schedules.append(made(scheduled, **option, last_epoch=last_epoch))
    for step in range(20):
        assert_same(*schedules)
        for schedule in schedules:
            move(schedule, step)


@pytest.mark.parametrize("name", ["StepLR", "MultiStepLR", "ExponentialLR", "LinearLR"])
def test_schedules_that_multiply_act_together_and_after_a_change_by_hand(name):
    finals = []
    for source in (lr_scheduler, theirs):
        scheduled = optimizer()
        together = [
            source.CosineAnnealingLR(scheduled, 40, eta_min=0.01),
            getattr(source, name)(scheduled, **SCHEDULES[name][1]),
        ]
        for step in range(30):
            scheduled.step()
            for schedule in together:
                schedule.step()
            if step == 12:
                scheduled.param_groups[0]["lr"] = 0.5
        finals.append([group["lr"] for group in scheduled.param_groups])
    assert_close(*finals, rtol=1e-12, atol=0)


class Twice:
    """A factor that is an object with an attribute."""

    def __init__(self):
        self.calls = 0

    def __call__(self, step):
        self.calls += 1
        return 2.0


@pytest.mark.parametrize("sources", [(lr_scheduler, theirs), (theirs, lr_scheduler)])
def test_attributes_of_objects_that_are_called_are_saved(sources):
    first, second = (s.LambdaLR(optimizer(), [Twice(), Twice()]) for s in sources)
    for step in range(3):
        move(first, step)
    second.load_state_dict(first.state_dict())
    assert second.lr_lambdas[0].calls == first.lr_lambdas[0].calls == 4
    assert second.last_epoch == 3


def test_functions_without_attributes_are_no_obstacle_to_saving():
    schedule = lr_scheduler.LambdaLR(optimizer(), math.sqrt)
    schedule.load_state_dict(schedule.state_dict())
    assert schedule.lr_lambdas == [math.sqrt, math.sqrt]


def test_one_cycle_is_torchs_to_the_last_bit():
    ours, expected = pair("OneCycleLR", {"max_lr": 0.3, "total_steps": 65})
    for step in range(STEPS):
        assert ours.get_last_lr() == expected.get_last_lr()  # to the last bit
        move(ours, step)
        move(expected, step)


PARTS = [
    ([("LinearLR", {"total_iters": 6}), ("CosineAnnealingLR", {"T_max": 50})], [6]),
    ([("StepLR", {"step_size": 4}), ("ExponentialLR", {"gamma": 0.9})], [17]),
    (
        [
            ("LinearLR", {"start_factor": 0.1, "total_iters": 9}),
            ("MultiStepLR", {"milestones": [3, 8]}),
            ("LambdaLR", {"lr_lambda": lambda step: 1 / (2 + step)}),
        ],
        [10, 31],
    ),
    (
        [
            ("ExponentialLR", {"gamma": 0.9}),
            ("LinearLR", {}),
            ("StepLR", {"step_size": 3}),
        ],
        [0, 12],
    ),
    ([("CosineAnnealingLR", {"T_max": 12})], []),
    (
        [
            ("LinearLR", {"total_iters": 6}),
            ("OneCycleLR", {"max_lr": 0.3, "total_steps": 65}),
        ],
        [6],
    ),
]
parts_of_a_sequence = pytest.mark.parametrize(("parts", "milestones"), PARTS, ids=shown)


def sequence(parts, milestones, source, source_of_parts=None, **options):
    scheduled = optimizer(momentum=0.7)
    made = [getattr(source_of_parts or source, n)(scheduled, **o) for n, o in parts]
    return source.SequentialLR(scheduled, made, milestones, **options)


@parts_of_a_sequence
@pytest.mark.parametrize("last_epoch", [-1, 4])
@pytest.mark.parametrize("mixed", [False, True])
def test_schedules_in_sequence_equal_torchs(parts, milestones, last_epoch, mixed):
    of_parts = theirs if mixed else lr_scheduler
    option = {"last_epoch": last_epoch}
    ours = sequence(parts, milestones, lr_scheduler, of_parts, **option)
    expected = sequence(parts, milestones, theirs, **option)
    assert_same(ours, expected)
    for step in range(60):
        move(ours, step)
        move(expected, step)
        assert_same(ours, expected)


@parts_of_a_sequence
def test_our_schedules_may_be_parts_of_torchs_sequence(parts, milestones):
    ours = sequence(parts, milestones, theirs, lr_scheduler)
    expected = sequence(parts, milestones, theirs)
    for step in range(60):
        move(ours, step)
        move(expected, step)
    assert_same(ours, expected)


@parts_of_a_sequence
@pytest.mark.parametrize("sources", [(lr_scheduler, theirs), (theirs, lr_scheduler)])
def test_a_sequence_saved_by_one_goes_on_in_the_other(parts, milestones, sources):
    first, second = (sequence(parts, milestones, source) for source in sources)
    uninterrupted = sequence(parts, milestones, sources[0])
    for step in range(50):
        move(uninterrupted, step)
    for step in range(11):
        move(first, step)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    for step in range(11, 50):
        move(second, step)
    assert_same(second, uninterrupted)


def test_a_group_that_comes_later_is_lowered_by_a_plateau_too():
    rates = []
    for source in (lr_scheduler, theirs):
        schedule = source.ReduceLROnPlateau(optimizer(), patience=0, min_lr=0.004)
        late = torch.nn.Parameter(torch.zeros(4))
        schedule.optimizer.add_param_group({"params": [late], "lr": 0.5})
        for step in range(4):
            schedule.optimizer.step()
            schedule.step(1.0 + step)
        rates.append([group["lr"] for group in schedule.optimizer.param_groups])
    assert rates[0] == rates[1] == [0.004, 0.004, 0.004]
