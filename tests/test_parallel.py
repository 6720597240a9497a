"""Two processes that share a run take the steps of one."""

import json
import subprocess
import sys
from pathlib import Path

import distributed_run
import pytest
import torch
from torch.testing import assert_close

from dlbook.training import parallel

SCRIPT = Path(distributed_run.__file__)


def torchrun(*arguments):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launch += ["--nproc-per-node", "2"]
    return subprocess.run(
        [*launch, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def outcomes(folder, mode):
    return [json.loads((folder / f"{mode}-{n}.json").read_text()) for n in (0, 1)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run once in whole, then killed and resumed."""
    whole, broken = (tmp_path_factory.mktemp(name) for name in ("whole", "broken"))
    finished = torchrun(SCRIPT, whole, "whole")
    assert finished.returncode == 0, finished.stderr
    killed = torchrun(SCRIPT, broken, "killed")
    assert killed.returncode != 0
    resumed = torchrun(SCRIPT, broken, "resumed")
    assert resumed.returncode == 0, resumed.stderr
    return outcomes(whole, "whole"), outcomes(broken, "resumed")


def test_two_processes_end_where_one_ends(runs):
    alone = distributed_run.train()
    for result in runs[0]:
        for own, other in zip(
            result["plain"]["weights"], alone["weights"], strict=True
        ):
            assert_close(torch.tensor(own), torch.tensor(other), rtol=0, atol=1e-6)
        assert result["plain"]["loss"] == pytest.approx(alone["loss"], abs=1e-9)


def test_both_processes_hold_the_same_weights_also_with_dropout(runs):
    first, second = runs[0]
    assert first["saved"]["weights"] == second["saved"]["weights"]
    assert first["saved"]["loss"] == second["saved"]["loss"]
    assert first["saved"]["weights"] != first["plain"]["weights"]


def test_killed_and_resumed_processes_end_with_the_same_weights(runs):
    whole, resumed = runs
    for own, other in zip(whole, resumed, strict=True):
        assert own["saved"]["weights"] == other["saved"]["weights"]
        assert own["saved"]["loss"] == other["saved"]["loss"]


@pytest.mark.parametrize(("length", "size"), [(8, 3), (1, 3), (2, 3), (5, 1)])
def test_the_parts_of_a_batch_are_the_batch(monkeypatch, length, size):
    batch, counted = torch.arange(length), []
    monkeypatch.setattr(parallel, "world_size", lambda: size)
    for number in range(size):
        monkeypatch.setattr(parallel, "rank", lambda number=number: number)
        part, count = parallel.own_part(length)
        assert len(batch[part]) == max(count, 1)
        counted += batch[part][:count].tolist()
    assert sorted(counted) == batch.tolist()


def test_one_process_needs_no_others():
    with parallel.processes() as number:
        assert number == parallel.rank() == 0
        assert parallel.world_size() == 1
        assert parallel.sums([1.5, 2.0], torch.device("cpu")) == [1.5, 2.0]
        assert parallel.gathered("x") == ["x"]
        parallel.wait()
