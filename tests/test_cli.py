"""The command line."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from typer.testing import CliRunner

import dlbook
from dlbook import bench, cli, data, models, optim, recipes, training
from dlbook.data import download
from dlbook.recipes import Outcome, Peer, Recipe


def run(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    """No data on this machine, and nowhere to get any from."""
    monkeypatch.setattr(download, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("DLBOOK_DEVICE", "cpu")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("DLBOOK_DATA", raising=False)


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C interrupt, also where the tests run in a shell's background."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def letters(monkeypatch, tmp_path):
    """A data set ``letters`` of one file, in ``$DLBOOK_DATA``."""
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    dataset = data.Dataset(
        "Letters", "us", "MIT", "http://127.0.0.1:9", {"abc": sha256}
    )
    monkeypatch.setattr(cli, "DATASETS", {"letters": dataset})
    monkeypatch.setattr(download, "DATASETS", {"letters": dataset})
    monkeypatch.setenv("DLBOOK_DATA", str(tmp_path))
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "abc").write_text("abc")
    return tmp_path / "letters" / "abc"


def test_without_a_command_the_help_lists_them():
    shown = run().output
    assert all(name in shown for name in ("doctor", "data", "bench", "train"))


def test_doctor_shows_versions_device_threads_memory_and_data():
    result = run("doctor")
    assert result.exit_code == 0
    for fact in (dlbook.__version__, torch.__version__, "threads", "GiB", "cpu"):
        assert fact in result.output
    assert f"{torch.get_num_threads()} of {os.cpu_count()} cores" in result.output
    for line in result.output.splitlines():
        if line.split()[0] in data.DATASETS:
            assert line.split()[1] == "no"


def test_doctor_shows_a_bad_device_and_a_bad_data_folder_in_their_rows(monkeypatch):
    monkeypatch.setenv("DLBOOK_DEVICE", "abacus")
    monkeypatch.setenv("DLBOOK_DATA", "/nowhere")
    result = run("doctor")
    assert result.exit_code == 0
    rows = dict(line.split(maxsplit=1) for line in result.output.splitlines() if line)
    assert rows["device"].startswith("error: DLBOOK_DEVICE='abacus' is not a device")
    assert rows["mnist"].startswith("error: DLBOOK_DATA='/nowhere' is not a folder")
    assert rows["torch"].strip() == torch.__version__


@pytest.mark.parametrize(
    ("content", "here"), [("abc", "yes"), ("abd", "damaged"), (None, "no")]
)
def test_data_list_tells_what_is_here(letters, content, here):
    letters.unlink() if content is None else letters.write_text(content)
    result = run("data", "list")
    assert result.exit_code == 0
    (line,) = [line for line in result.output.splitlines() if "Letters" in line]
    assert f"MIT      {here}" in line


def test_data_fetch_prints_where_each_file_is(letters):
    result = run("data", "fetch", "letters")
    assert (result.exit_code, result.output.strip()) == (0, str(letters))


def test_data_fetch_without_a_network_says_what_to_do(letters):
    letters.unlink()
    result = run("data", "fetch")
    assert result.exit_code == 1
    assert "error: cannot download letters/abc" in result.stderr
    assert "set DLBOOK_DATA" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("content", "state", "code"), [("abc", "verified", 0), ("abd", "wrong", 1)]
)
def test_data_verify_fails_for_a_wrong_file(letters, content, state, code):
    letters.write_text(content)
    result = run("data", "verify")
    assert result.exit_code == code
    assert result.output.split() == [state, str(letters)]


def test_a_missing_file_is_no_wrong_file(letters):
    letters.unlink()
    result = run("data", "verify", "letters")
    assert result.exit_code == 0
    assert result.output.startswith("missing")


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_data_set_is_refused_with_the_known_ones(command):
    result = run("data", command, "cifar")
    assert result.exit_code in (1, 2)
    assert "'cifar'" in result.output
    assert "fashion-mnist" in result.output


def test_bench_shows_a_row_a_layer_and_a_row_a_step(monkeypatch):
    rows = [
        bench.BenchRow("Linear", (2, 3), 1.25e-7, 1.5, 2.25, 0.5, 0.25),
        bench.BenchRow("ReLU", (4,), 0.0, 1.0, float("nan"), 0.5, 0.5),
    ]
    steps = [bench.StepRow("Adam", 12345, 1.25e-7, 0.875, 1.75, 2.0)]
    monkeypatch.setattr(bench, "run_benchmarks", lambda: iter(rows))
    monkeypatch.setattr(bench, "run_step_benchmarks", lambda: iter(steps))
    result = run("bench")
    assert result.exit_code == 0
    shown = [line.split() for line in result.output.splitlines()]
    assert ["Linear", "2×3", "1e-07", "1.50", "2.25", "0.50", "0.25"] in shown
    assert ["ReLU", "4", "0e+00", "1.00", "nan", "0.50", "0.50"] in shown
    assert ["Adam", "12,345", "1e-07", "0.88", "1.750", "2.000"] in shown


def train_moons(seed, checkpoint, progress):
    torch.manual_seed(seed)
    model = models.MLP(2, [8], 2)
    history = training.fit(
        model,
        data.moons(64),
        optimizer=optim.SGD(model.parameters(), lr=0.1),
        epochs=3,
        batch_size=16,
        checkpoint=checkpoint,
        seed=seed,
        progress=progress,
    )
    test = training.evaluate(model, data.moons(64, seed=1))
    return Outcome(seed, test.metric, history.train_metric[-1], 1.5)


@pytest.fixture
def moons(monkeypatch):
    """A recipe that takes no time."""
    peers = [Peer("guessing", (0.5,), "symmetry")]
    recipe = Recipe("moons", "two moons", {"epochs": 3}, train_moons, 2, lambda: peers)
    monkeypatch.setitem(recipes.RECIPES, "moons", recipe)
    return recipe


def test_train_runs_every_seed_compares_and_writes_the_results(moons, tmp_path):
    results = tmp_path / "results.json"
    result = run("train", "moons", "--seeds", "3", "--results", str(results))
    assert result.exit_code == 0
    written = json.loads(results.read_text())
    for seed, outcome in enumerate(written["seeds"]):
        line = f"seed {seed}: test accuracy {outcome['value']:.4f}, 1.5 s"
        assert line in result.output
    assert "guessing" in result.output
    assert written["command"] == (
        f"python -m dlbook train moons --seeds 3 --results {results}"
    )


def test_train_refuses_results_that_cannot_be_written_before_it_trains(
    moons, tmp_path, monkeypatch
):
    for target, message in [
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "r.json", "there is no folder"),
    ]:
        result = run("train", "moons", "--results", str(target))
        assert result.exit_code == 2
        assert message in result.output
        assert "seed 0" not in result.output
    monkeypatch.setattr(os, "access", lambda folder, mode: folder != tmp_path)
    result = run("train", "moons", "--results", str(tmp_path / "r.json"))
    assert result.exit_code == 2
    assert "cannot be written to" in result.output
    assert "seed 0" not in result.output


def test_train_shows_the_comparison_even_if_the_results_cannot_be_written(
    moons, tmp_path, monkeypatch
):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(recipes, "write_results", full)
    result = run("train", "moons", "--results", str(tmp_path / "r.json"))
    assert result.exit_code == 1
    assert "guessing" in result.output
    assert result.stderr == "error: no space left\n"


def test_train_measures_the_peers_once(moons, tmp_path, monkeypatch):
    measured = []
    peers = moons.peers

    def count():
        measured.append(1)
        return peers()

    counted = dataclasses.replace(moons, peers=count)
    monkeypatch.setitem(recipes.RECIPES, "moons", counted)
    results = tmp_path / "r.json"
    assert run("train", "moons", "--results", str(results)).exit_code == 0
    assert measured == [1]
    assert json.loads(results.read_text())["peers"][0]["name"] == "guessing"


def test_train_does_not_resume_a_recipe_that_was_changed_since(
    moons, tmp_path, monkeypatch
):
    folder = ["--checkpoint", str(tmp_path)]
    assert run("train", "moons", *folder).exit_code == 0
    changed = dataclasses.replace(moons, config={"epochs": 3, "loss": "another"})
    monkeypatch.setitem(recipes.RECIPES, "moons", changed)
    result = run("train", "moons", *folder, "--resume")
    assert result.exit_code == 1
    assert "belongs to another run: experiment was 'moons " in result.stderr


def test_train_says_if_there_is_nothing_to_resume(moons, tmp_path):
    result = run("train", "moons", "--checkpoint", str(tmp_path), "--resume")
    assert result.exit_code == 0
    assert f"nothing to resume in {tmp_path}, starting anew" in result.output


def test_train_runs_as_many_seeds_as_the_recipe_says(moons):
    assert run("train", "moons").output.count("seed ") == 2


def test_train_refuses_to_overwrite_a_checkpoint_and_resumes_it(moons, tmp_path):
    folder = tmp_path / "run"
    first = run("train", "moons", "--checkpoint", str(folder))
    assert first.exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "moons-seed-0.safetensors",
        "moons-seed-1.safetensors",
    ]
    again = run("train", "moons", "--checkpoint", str(folder))
    assert again.exit_code == 2
    assert "add --resume" in again.output
    resumed = run("train", "moons", "--checkpoint", str(folder), "--resume")
    assert resumed.output == first.output


def test_a_damaged_checkpoint_is_one_clear_message(moons, tmp_path):
    (tmp_path / "moons-seed-0.safetensors").write_text("nonsense")
    result = run("train", "moons", "--checkpoint", str(tmp_path), "--resume")
    assert result.exit_code == 1
    assert "error: " in result.stderr
    assert "moons-seed-0.safetensors is damaged" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "none of: digits-cnn, fashion-lenet"),
        (["moons", "--resume"], "--resume needs --checkpoint"),
        (["moons", "--seeds", "0"], "--seeds"),
    ],
)
def test_train_refuses_what_makes_no_sense(moons, arguments, message):
    result = run("train", *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_diverging_run_ends_in_one_line(moons, monkeypatch):
    def diverge(seed, checkpoint, progress):
        raise FloatingPointError("the training loss became nan in epoch 1")

    monkeypatch.setitem(
        recipes.RECIPES, "moons", Recipe("moons", "", {}, diverge, 1, list)
    )
    result = run("train", "moons")
    assert result.exit_code == 1
    assert result.stderr == "error: the training loss became nan in epoch 1\n"


@pytest.mark.parametrize("saved", [True, False])
def test_an_interrupted_run_says_how_to_go_on(moons, monkeypatch, tmp_path, saved):
    def interrupt(seed, checkpoint, progress):
        raise KeyboardInterrupt

    monkeypatch.setitem(
        recipes.RECIPES, "moons", Recipe("moons", "", {}, interrupt, 4, list)
    )
    folder = ["--checkpoint", str(tmp_path / "my run")] if saved else []
    result = run("train", "moons", *folder)
    assert result.exit_code == 130
    expected = (
        "go on with: python -m dlbook train moons --seeds 4 "
        f"--checkpoint '{tmp_path / 'my run'}' --resume\n"
        if saved
        else "nothing was saved"
    )
    assert expected in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
def test_the_real_command_is_stopped_by_ctrl_c_and_says_how_to_go_on(ctrl_c, tmp_path):
    """A process of its own: the digits recipe, stopped after its first epochs."""
    command = [sys.executable, "-m", "dlbook", "train", "digits-cnn", "--seeds", "1"]
    command += ["--checkpoint", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    saved = tmp_path / "digits-cnn-seed-0.safetensors"
    deadline = time.monotonic() + 60
    while not saved.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"--checkpoint {tmp_path} --resume" in shown
    assert "Traceback" not in shown
    progress = training.load_state(saved)["progress"]["progress"]
    assert 1 <= progress["epoch"] < 40
