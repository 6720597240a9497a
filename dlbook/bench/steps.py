"""Measure the steps of optimizers, schedules and clipping against torch's."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from dlbook import nn, optim
from dlbook.bench.measuring import chosen_names, now
from dlbook.runtime import device as best_device
from dlbook.runtime import generator


@dataclass(frozen=True)
class StepRow:
    """What one step costs and how far it leads from torch's.

    Attributes:
        name: The optimizer, the schedule or the function.
        numbers: How many numbers a step changes.
        error: Largest difference after all steps, relative to torch's largest number.
        ratio: Time of a step, ours divided by torch's.
        ours_ms: Median time of our step, milliseconds.
        torch_ms: The same of torch's.
    """

    name: str
    numbers: int
    error: float
    ratio: float
    ours_ms: float
    torch_ms: float


@dataclass(frozen=True)
class _Run:
    """A step, ready to be taken, and what it changes."""

    step: Callable[[], Any]
    changed: Callable[[], list[Tensor]]


@dataclass(frozen=True)
class _Work:
    make: Callable[["_Work", bool, torch.device], _Run]
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    steps_at_once: int = 1  # so that the clock's resolution does not matter


_WIDTH, _BLOCKS = 128, 4
_BLOCK = [(3, 1), (1, 1), (4, 1), (1, 4)]  # its matrices, in units of the width
_SHAPES: list[tuple[int, ...]] = [  # 50 tensors: a small GPT, 0.81 million numbers
    (65, _WIDTH),
    (64, _WIDTH),
    *_BLOCKS * [(rows * _WIDTH, columns * _WIDTH) for rows, columns in _BLOCK],
    *_BLOCKS * [(rows * _WIDTH,) for rows, _ in _BLOCK],
    *_BLOCKS * 4 * [(_WIDTH,)],
]


def _parameters(
    device: torch.device, matrices_only: bool = False
) -> list[nn.Parameter]:
    draw = generator(0)
    made = []
    for shape in _SHAPES:
        if len(shape) == 2 or not matrices_only:
            values = torch.randn(shape, generator=draw)
            parameter = nn.Parameter(0.02 * values.to(device))
            gradient = torch.randn(shape, generator=draw)
            parameter.grad = 0.01 * gradient.to(device)
            made.append(parameter)
    return made


def _optimizer(work: _Work, ours: bool, device: torch.device) -> _Run:
    parameters = _parameters(device, matrices_only=work.kind == "Muon")
    source = optim if ours else torch.optim
    optimizer = getattr(source, work.kind)(parameters, lr=1e-3, **work.options)
    return _Run(optimizer.step, lambda: [p.detach() for p in parameters])


def _clipping(work: _Work, ours: bool, device: torch.device) -> _Run:
    """Clip to bounds that every gradient exceeds a little less each time."""
    parameters = _parameters(device)
    clip = getattr(optim if ours else torch.nn.utils, work.kind)
    bound = [work.options["bound"]]

    def step() -> None:
        bound[0] *= 0.99
        clip(parameters, bound[0])

    return _Run(step, lambda: [p.grad for p in parameters if p.grad is not None])


def _schedule(work: _Work, ours: bool, device: torch.device) -> _Run:
    groups = [{"params": [p]} for p in _parameters(device)[:2]]
    optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
    source = optim.lr_scheduler if ours else torch.optim.lr_scheduler
    if work.kind == "SequentialLR":
        schedule = _sequence(source, optimizer)
    else:
        schedule = getattr(source, work.kind)(optimizer, **work.options)
    optimizer.step()  # torch warns if a schedule goes first
    values = [1.0] if work.kind == "ReduceLROnPlateau" else []
    return _Run(lambda: schedule.step(*values), lambda: _rates(optimizer))


def _sequence(source: ModuleType, optimizer: optim.SGD) -> Any:
    parts = [source.LinearLR(optimizer), source.CosineAnnealingLR(optimizer, 10**4)]
    return source.SequentialLR(optimizer, parts, [5])


def _rates(optimizer: optim.SGD) -> list[Tensor]:
    rates = [group["lr"] for group in optimizer.param_groups]
    return [torch.tensor(rates, dtype=torch.float64)]


_OPTIONS: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 10},
    "MultiStepLR": {"milestones": [5, 50, 500]},
    "ExponentialLR": {"gamma": 0.999},
    "LinearLR": {"total_iters": 10**4},
    "CosineAnnealingLR": {"T_max": 10**4},
    "LambdaLR": {"lr_lambda": lambda step: 1 / (1 + step)},
    "OneCycleLR": {"max_lr": 0.3, "total_steps": 10**6},
    "ReduceLROnPlateau": {},
    "SequentialLR": {},
}

_WORK: dict[str, _Work] = {
    "SGD, 50 tensors": _Work(_optimizer, "SGD", {"momentum": 0.9}),
    "Adagrad, 50 tensors": _Work(_optimizer, "Adagrad"),
    "RMSprop, 50 tensors": _Work(_optimizer, "RMSprop"),
    "Adam, 50 tensors": _Work(_optimizer, "Adam"),
    "AdamW, 50 tensors": _Work(_optimizer, "AdamW"),
    "Muon, 18 matrices": _Work(_optimizer, "Muon"),
    "clip_grad_norm_": _Work(_clipping, "clip_grad_norm_", {"bound": 1.0}),
    "clip_grad_value_": _Work(_clipping, "clip_grad_value_", {"bound": 0.02}),
    **{
        name: _Work(_schedule, name, options, steps_at_once=50)
        for name, options in _OPTIONS.items()
    },
}


def run_step_benchmarks(
    device: torch.device | str | None = None,
    repeats: int = 20,
    only: str | None = None,
) -> Iterator[StepRow]:
    """Time the step of each optimizer and schedule against torch's, taking turns.

    The parameters are those of a small GPT, in float32, with fixed gradients; torch
    runs what its classes run by default. Schedules change an optimizer of two groups.

    Args:
        device: Where to measure; by default the best one, see
            :func:`dlbook.runtime.device`.
        repeats: Measurements of each.
        only: Measure only rows whose name contains this, in any case.

    Yields:
        One row for each, as soon as it is measured.

    Raises:
        ValueError: If ``repeats`` is below one or no row's name contains ``only``.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    chosen = step_benchmark_names(only)
    where = best_device() if device is None else torch.device(device)
    for name in chosen:
        yield _measure(name, _WORK[name], where, repeats)


def step_benchmark_names(only: str | None = None) -> list[str]:
    """List the rows, for example to know their number in advance.

    Args:
        only: List only names that contain this, in any case.

    Returns:
        Names in the order in which they are measured.

    Raises:
        ValueError: If no name contains ``only``; all names are listed.
    """
    return chosen_names(_WORK, only)


def _measure(name: str, work: _Work, device: torch.device, repeats: int) -> StepRow:
    runs = [work.make(work, ours, device) for ours in (True, False)]
    for run in runs:
        run.step()  # the first step allocates
    times = [[_time(run, work, device) for run in runs] for _ in range(repeats)]
    ours, theirs = (statistics.median(turn[who] for turn in times) for who in (0, 1))
    mine, expected = (torch.cat([x.flatten() for x in r.changed()]) for r in runs)
    return StepRow(
        name,
        len(expected),
        error=((mine - expected).abs().max() / expected.abs().max()).item(),
        ratio=ours / theirs,
        ours_ms=1000 * ours,
        torch_ms=1000 * theirs,
    )


def _time(run: _Run, work: _Work, device: torch.device) -> float:
    start = now(device)
    for _ in range(work.steps_at_once):
        run.step()
    return (now(device) - start) / work.steps_at_once
