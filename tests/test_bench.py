"""The benchmark covers layers, optimizers and schedules, and reports sensible rows."""

import math

import pytest
import torch

from dlbook import nn, optim
from dlbook.bench import (
    BenchRow,
    StepRow,
    benchmark_names,
    run_benchmarks,
    run_step_benchmarks,
    step_benchmark_names,
)
from dlbook.bench import layers as bench_layers

NOTHING_TO_MEASURE = {"Identity", "Module", "Parameter", "Sequential"}
NOTHING_TO_MEASURE |= {"ModuleDict", "ModuleList", "to_torch"}
NOTHING_TO_MEASURE |= {"AdditiveAttention"}  # torch has none
NOTHING_TO_MEASURE |= {n for n in nn.__all__ if "PositionalEncoding" in n}  # nor these
NOTHING_TO_MEASURE |= {"attention_weights", "scaled_dot_product_attention"}  # in layers
STEPS_ALREADY_MEASURED = {
    "Combined",
    "lr_scheduler",
    "get_total_norm",
    "clip_grads_with_norm_",
}
WHOLE = ["resnet18, whole", "small_resnet 20, whole"]
both = pytest.mark.parametrize("run", [run_benchmarks, run_step_benchmarks])


def test_every_layer_and_loss_has_a_row():
    measured = {name.split()[0] for name in benchmark_names() if name not in WHOLE}
    assert measured == set(nn.__all__) - NOTHING_TO_MEASURE


def test_every_optimizer_schedule_and_way_of_clipping_has_a_row():
    measured = {name.split(",")[0] for name in step_benchmark_names()}
    steps = set(optim.__all__) - STEPS_ALREADY_MEASURED
    assert measured == steps | set(optim.lr_scheduler.__all__)


@pytest.mark.parametrize("name", benchmark_names())
def test_each_row_agrees_with_torch_and_has_times(name):
    (row,) = (r for r in run_benchmarks("cpu", repeats=1, only=name) if r.name == name)
    assert isinstance(row, BenchRow)
    assert row.error < 1e-5
    for figure in (row.forward_ratio, row.backward_ratio, row.ours_ms, row.torch_ms):
        assert math.isfinite(figure)
        assert figure > 0


@pytest.mark.parametrize("name", step_benchmark_names())
def test_each_step_agrees_with_torchs_and_has_times(name):
    rows = run_step_benchmarks("cpu", repeats=2, only=name)
    (row,) = (row for row in rows if row.name == name)
    assert isinstance(row, StepRow)
    assert row.error < 1e-12
    assert row.numbers >= 2
    assert row.ratio == pytest.approx(row.ours_ms / row.torch_ms)
    assert 0 < row.ours_ms < math.inf


def test_steps_that_differ_from_torchs_are_shown(monkeypatch):
    monkeypatch.setattr(optim, "Adam", optim.RMSprop)
    monkeypatch.setattr(optim, "clip_grad_norm_", torch.nn.utils.clip_grad_value_)
    monkeypatch.setattr(
        optim.lr_scheduler, "LambdaLR", lambda optimizer, lr_lambda: _Idle
    )
    for name in ("Adam, ", "clip_grad_norm_", "LambdaLR"):
        (row,) = run_step_benchmarks("cpu", repeats=1, only=name)
        assert row.error > 1e-4


class _Idle:
    @staticmethod
    def step():
        pass


def test_layers_that_differ_in_training_only_are_shown(monkeypatch):
    class Halved(nn.BatchNorm2d):
        def forward(self, input):
            return super().forward(input) / (2 if self.training else 1)

    work = bench_layers._Work(lambda: Halved(16), (2, 16, 3, 5))
    monkeypatch.setattr(nn, "to_torch", lambda layer: torch.nn.BatchNorm2d(16))
    monkeypatch.setitem(bench_layers._WORK, "BatchNorm2d", work)
    (row,) = run_benchmarks("cpu", repeats=1, only="BatchNorm2d")
    assert row.error > 0.1


def test_a_step_of_adam_takes_at_most_half_as_long_again_as_torchs():
    measured = (
        row.ratio
        for _ in range(3)  # one quiet moment will do
        for row in run_step_benchmarks("cpu", repeats=10, only="Adam, 50 tensors")
    )
    assert any(ratio <= 1.5 for ratio in measured)


def test_rows_come_one_by_one():
    rows = run_benchmarks("cpu", repeats=1, only="relu")
    assert next(rows).name == "ReLU"
    assert next(rows).name == "LeakyReLU"
    steps = run_step_benchmarks("cpu", repeats=1, only="stepLR")
    assert next(steps).name == "StepLR"
    assert next(steps).name == "MultiStepLR"


def test_rows_are_chosen_by_part_of_their_name():
    assert benchmark_names("pool2d") == [
        "MaxPool2d 2×2",
        "MaxUnpool2d 2×2",
        "AvgPool2d 2×2",
        "AdaptiveAvgPool2d 1",
    ]
    assert step_benchmark_names("adam") == ["Adam, 50 tensors", "AdamW, 50 tensors"]
    with pytest.raises(ValueError, match=r"no benchmark is named 'capsule'.*Linear"):
        list(run_benchmarks(only="capsule"))
    with pytest.raises(ValueError, match=r"no benchmark is named 'linear '.*Adam"):
        list(run_step_benchmarks(only="linear "))


def test_a_whole_network_is_measured_a_quarter_as_often_but_at_least_once(monkeypatch):
    def note(name, work, device, repeats):
        return name, repeats

    monkeypatch.setattr(bench_layers, "_measure", note)
    for repeats, expected in ((1, 1), (4, 1), (6, 2), (20, 5)):
        rows = list(run_benchmarks("cpu", repeats, only="whole"))
        assert rows == [(name, expected) for name in WHOLE]
        assert list(run_benchmarks("cpu", repeats, "softplus")) == [
            ("Softplus", repeats)
        ]


@both
def test_at_least_one_measurement_is_asked_for(run):
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        list(run(repeats=0))
