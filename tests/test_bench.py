"""The benchmark covers every layer and reports sensible rows."""

import math

import pytest

from dlbook import nn
from dlbook.bench import BenchRow, benchmark_names, run_benchmarks

NOTHING_TO_MEASURE = {"Identity", "Module", "Parameter", "Sequential"}
NOTHING_TO_MEASURE |= {"ModuleDict", "ModuleList", "to_torch"}


def test_every_layer_and_loss_has_a_row():
    measured = {name.split()[0] for name in benchmark_names()}
    assert measured == set(nn.__all__) - NOTHING_TO_MEASURE


@pytest.mark.parametrize("name", benchmark_names())
def test_each_row_agrees_with_torch_and_has_times(name):
    (row,) = (r for r in run_benchmarks("cpu", repeats=1, only=name) if r.name == name)
    assert isinstance(row, BenchRow)
    assert row.error < 1e-5
    for figure in (row.forward_ratio, row.backward_ratio, row.ours_ms, row.torch_ms):
        assert math.isfinite(figure)
        assert figure > 0


def test_rows_come_one_by_one():
    rows = run_benchmarks("cpu", repeats=1, only="relu")
    assert next(rows).name == "ReLU"
    assert next(rows).name == "LeakyReLU"


def test_rows_are_chosen_by_part_of_their_name():
    assert benchmark_names("pool2d") == [
        "MaxPool2d 2×2",
        "AvgPool2d 2×2",
        "AdaptiveAvgPool2d 1",
    ]
    with pytest.raises(ValueError, match=r"no benchmark is named 'gru'.*Linear"):
        list(run_benchmarks(only="gru"))


def test_at_least_one_measurement_is_asked_for():
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        list(run_benchmarks(repeats=0))
