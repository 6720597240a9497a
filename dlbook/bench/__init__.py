"""Measure layers, optimizers and schedules against torch: error and time."""

from dlbook.bench.layers import BenchRow, benchmark_names, run_benchmarks
from dlbook.bench.steps import StepRow, run_step_benchmarks, step_benchmark_names

__all__ = [
    "BenchRow",
    "StepRow",
    "benchmark_names",
    "run_benchmarks",
    "run_step_benchmarks",
    "step_benchmark_names",
]
