"""Checkpoints: whole after any interruption, and refused when they do not fit."""

import dataclasses
import json
import multiprocessing
import os
import pickle
import random
import re
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import small_run
import torch

from dlbook import nn, optim, runtime, training
from dlbook.training import Checkpoint, CheckpointError, load_state, save_state

KILLS = 12  # after two saved steps each at least, and an epoch has 16
FAR_FUTURE = 60  # seconds


@pytest.fixture(scope="module")
def uninterrupted():
    """The weights and the history that every resumed run has to end with."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield small_run.train(None)
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def one_thread(uninterrupted):
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def ctrl_c():
    """Let Ctrl-C interrupt, also where the tests run in a shell's background."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def processes():
    """Start processes quickly: they are forked from one that has done the imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dlbook.training", "torch._dynamo"])
    return context


def assert_same_end(run, expected):
    """Compare weights and buffers bit for bit, and histories but for the time."""
    (model, history), (expected_model, expected_history) = run, expected
    states = model.state_dict(), expected_model.state_dict()
    assert states[0].keys() == states[1].keys()
    for name in states[0]:
        assert torch.equal(states[0][name], states[1][name]), name
    for field in dataclasses.fields(history):
        if field.name != "seconds":
            assert getattr(history, field.name) == getattr(expected_history, field.name)


def test_the_run_that_is_interrupted_uses_what_could_be_forgotten(uninterrupted):
    _, history = uninterrupted
    losses = history.validation_loss
    assert len(losses) == small_run.EPOCHS
    assert losses.index(min(losses)) < len(losses) - 1  # so the best are put back
    assert losses[-1] < losses[0]
    assert len(set(history.learning_rate)) == len(losses)


def test_saving_does_not_change_the_run(uninterrupted, tmp_path):
    assert_same_end(small_run.train(tmp_path / "run"), uninterrupted)


def kill_at_a_random_moment(processes, path, draw):
    """Start or resume the run, and kill it a few steps later."""
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=small_run.in_a_process, args=(path, sender))
    process.start()
    sender.close()
    for _ in range(draw.randint(3, 6)):  # the run saves all but the last of them
        assert receiver.recv_bytes() == b"step"  # EOFError if the run has ended
    time.sleep(draw.uniform(0, 0.006))  # lands in a step or in the writing of the file
    process.kill()
    process.join(FAR_FUTURE)
    return process.exitcode


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_killed_at_random_moments_ends_bit_for_bit_as_if_never_killed(
    processes, tmp_path, uninterrupted
):
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed of the kills: {seed}")  # pytest shows it if the test fails
    path, draw = tmp_path / "run", random.Random(seed)
    codes = [kill_at_a_random_moment(processes, path, draw) for _ in range(KILLS)]
    assert codes == [-signal.SIGKILL] * KILLS
    assert load_state(path)["progress"]["progress"]["epoch"] > 0
    assert_same_end(small_run.train(path), uninterrupted)
    assert small_run.leftovers(path) == ["run"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_run_killed_while_the_file_is_written_goes_on_from_the_one_before(
    processes, tmp_path, uninterrupted, function
):
    path = tmp_path / "run"
    process = processes.Process(
        target=small_run.killed_while_writing, args=(path, function)
    )
    process.start()
    process.join(FAR_FUTURE)
    assert process.exitcode == -signal.SIGKILL
    kept, half_written = small_run.leftovers(path)
    assert kept == "run"
    assert re.fullmatch(r"run\.\w{32}\.tmp", half_written)
    assert load_state(path)["progress"]["progress"]["step"] == 3  # 16 + 3 were saved
    assert_same_end(small_run.train(path), uninterrupted)
    assert small_run.leftovers(path) == ["run"]


def test_the_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    events = []
    replace = os.replace
    monkeypatch.setattr(os, "fsync", lambda number: events.append("fsync"))
    monkeypatch.setattr(
        os, "replace", lambda *names: events.append("replace") or replace(*names)
    )
    save_state(tmp_path / "deep" / "er" / "state", {"a": 1})
    assert events == ["fsync", "replace"]
    assert load_state(tmp_path / "deep" / "er" / "state") == {"a": 1}


def test_a_failed_save_keeps_the_file_before_and_leaves_nothing(tmp_path, monkeypatch):
    save_state(tmp_path / "state", {"a": 1})

    def full(number):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        save_state(tmp_path / "state", {"a": 2})
    assert load_state(tmp_path / "state") == {"a": 1}
    assert small_run.leftovers(tmp_path / "state") == ["state"]


def test_two_processes_may_write_the_same_file_at_once(tmp_path, monkeypatch):
    path, sync = tmp_path / "state", os.fsync

    def write_in_between(number):
        monkeypatch.setattr(os, "fsync", sync)
        save_state(path, {"a": 2})

    monkeypatch.setattr(os, "fsync", write_in_between)
    save_state(path, {"a": 1})
    assert load_state(path) == {"a": 1}
    assert small_run.leftovers(path) == ["state"]


def test_a_run_removes_its_own_leftovers_only(tmp_path):
    model, path = line(), tmp_path / "run"
    names = ["run.mine.tmp", "run.tmp", "runs." + "a" * 32 + ".tmp"]
    for name in [*names, "run." + "a" * 32 + ".tmp"]:
        (tmp_path / name).touch()
    fit_line(path, model, optim.SGD(model.parameters(), lr=0.1))
    assert small_run.leftovers(path) == ["run", *names]


def stop_at(step, stop):
    """Report function that calls ``stop`` before a step, counted from 1."""
    steps = []

    def report():
        steps.append(1)
        if len(steps) == step:
            stop()

    return report


@pytest.mark.parametrize("step", [1, 5, small_run.BATCHES, small_run.BATCHES + 1])
def test_ctrl_c_finishes_and_saves_the_step_in_hand(tmp_path, uninterrupted, step):
    path = tmp_path / "run"
    report = stop_at(step, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        small_run.train(path, report, every_steps=None)
    progress = load_state(path)["progress"]["progress"]
    assert progress["epoch"] * small_run.BATCHES + progress["step"] == step
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_same_end(small_run.train(path, every_steps=None), uninterrupted)


def test_ctrl_c_after_the_last_save_is_not_swallowed(tmp_path, monkeypatch):
    original = nn.Sequential.load_state_dict

    def press(*arguments):
        signal.raise_signal(signal.SIGINT)
        return original(*arguments)

    model = line()
    monkeypatch.setattr(nn.Sequential, "load_state_dict", press)
    samples = torch.zeros(4, 1), torch.zeros(4, 1)
    with pytest.raises(KeyboardInterrupt):
        fit_line(
            tmp_path / "run",
            model,
            optim.SGD(model.parameters(), lr=0.1),
            validation=samples,
            early_stopping=training.EarlyStopping(1),
        )
    assert load_state(tmp_path / "run")["progress"]["progress"]["epoch"] == 1


def test_where_ctrl_c_is_ignored_it_stays_so(tmp_path, uninterrupted):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    report = stop_at(5, lambda: signal.raise_signal(signal.SIGINT))
    assert_same_end(small_run.train(tmp_path / "run", report), uninterrupted)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_last_save(
    tmp_path, uninterrupted
):
    path = tmp_path / "run"

    def press_twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        small_run.train(path, stop_at(12, press_twice), every_steps=5)
    assert load_state(path)["progress"]["progress"]["step"] == 10
    assert_same_end(small_run.train(path, every_steps=5), uninterrupted)


def test_a_run_in_another_thread_can_be_saved(tmp_path, uninterrupted):
    runs = []
    thread = threading.Thread(
        target=lambda: runs.append(small_run.train(tmp_path / "run"))
    )
    thread.start()
    thread.join(FAR_FUTURE)
    assert_same_end(runs[0], uninterrupted)


def crash():
    raise RuntimeError("crash")


def test_an_error_in_the_run_leaves_the_last_save(tmp_path, uninterrupted):
    path = tmp_path / "run"
    with pytest.raises(RuntimeError, match="crash"):
        small_run.train(path, stop_at(30, crash), every_steps=4)
    assert load_state(path)["progress"]["progress"]["epoch"] == 1
    assert load_state(path)["progress"]["progress"]["step"] == 12
    assert_same_end(small_run.train(path, every_steps=4), uninterrupted)


def test_resuming_a_finished_run_only_gives_its_result(tmp_path, uninterrupted):
    small_run.train(tmp_path / "run")
    again = small_run.train(tmp_path / "run", report=crash)
    assert_same_end(again, uninterrupted)
    assert again[1].seconds != uninterrupted[1].seconds


def test_more_epochs_continue_a_finished_run(tmp_path):
    changes = {"scheduler": None, "early_stopping": None}
    long, _ = small_run.train(None, epochs=4, **changes)
    small_run.train(tmp_path / "run", epochs=2, **changes)
    continued, history = small_run.train(tmp_path / "run", epochs=4, **changes)
    assert len(history.train_loss) == 4
    for ours, theirs in zip(continued.parameters(), long.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_without_resume_a_run_starts_anew(tmp_path, uninterrupted):
    path = tmp_path / "run"
    with pytest.raises(RuntimeError):
        small_run.train(path, stop_at(30, crash))
    steps = []
    run = small_run.train(path, report=lambda: steps.append(1), resume=False)
    assert len(steps) == len(uninterrupted[1].train_loss) * small_run.BATCHES
    assert_same_end(run, uninterrupted)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 32}, "batch_size was 16, is now 32"),
        ({"seed": 1}, "seed was 0, is now 1"),
        ({"augment": None}, "augment was True, is now False"),
        ({"max_grad_norm": 2.0}, r"max_grad_norm was 1\.0, is now 2\.0"),
        ({"schedule_each": "epoch"}, "schedule_each was 'step', is now 'epoch'"),
        ({"early_stopping": None}, "early_stopping was .EarlyStopping.*is now 'None'"),
        ({"scheduler": None}, "scheduler was .*OneCycleLR', is now 'builtins.NoneType"),
    ],
)
def test_a_run_with_other_settings_is_refused(tmp_path, changes, message):
    path = tmp_path / "run"
    with pytest.raises(RuntimeError):
        small_run.train(path, stop_at(3, crash))
    with pytest.raises(CheckpointError, match=message):
        small_run.train(path, **changes)


def fit_line(path, model, optimizer, epochs=1, points=20, **arguments):
    inputs = torch.linspace(-1, 1, points).reshape(-1, 1)
    return training.fit(
        model,
        (inputs, 2 * inputs),
        optimizer=optimizer,
        epochs=epochs,
        loss=nn.MSELoss(),
        metric=None,
        progress=False,
        **({"checkpoint": Checkpoint(path, resume=True)} | arguments),
    )


def line(seed=0, out_features=1, bias=True):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(1, out_features, bias=bias))


def test_a_run_with_another_learning_rate_optimizer_model_or_data_is_refused(tmp_path):
    path = tmp_path / "run"
    model = line()
    fit_line(path, model, optim.SGD(model.parameters(), lr=0.1))
    fit_line(path, model, optim.SGD(model.parameters(), lr=0.1), epochs=2)
    nested = nn.Sequential(nn.Identity(), nn.Linear(1, 1))
    for message, other, make, points in [
        ("lr': 0.1.*lr': 0.2", line(), lambda p: optim.SGD(p, lr=0.2), 20),
        ("optimizer was", line(), lambda p: torch.optim.Adam(p), 20),
        (r"0\.\w+ was .*1,.*is now .*2,", line(0, 2), None, 20),
        (r"params': \[0, 1\].*params': \[0\]", line(0, 1, False), None, 20),
        (r"\w+ was .*is now absent|was absent", nested, None, 20),
        (r"0\.\w+ was torch\.float32.*float64", line().double(), None, 20),
        ("train was .*20, 1.*30, 1", line(), None, 30),
    ]:
        make = make or (lambda p: optim.SGD(p, lr=0.1))
        with pytest.raises(CheckpointError, match=message):
            fit_line(path, other, make(other.parameters()), points=points)


def test_fewer_epochs_than_were_saved_are_refused(tmp_path):
    model = line()
    fit_line(tmp_path / "run", model, optim.SGD(model.parameters(), lr=0.1), epochs=3)
    other = line(1)
    with pytest.raises(ValueError, match=r"holds 3 epochs, more than epochs=2"):
        fit_line(
            tmp_path / "run", other, optim.SGD(other.parameters(), lr=0.1), epochs=2
        )
    assert torch.equal(other[0].weight, line(1)[0].weight)


def test_another_number_of_threads_is_warned_of(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(RuntimeError):
        small_run.train(path, stop_at(3, crash))
    torch.set_num_threads(2)
    warned = pytest.warns(UserWarning, match="threads was 1, is now 2; the resumed run")
    with warned as warnings, pytest.raises(RuntimeError, match="crash"):
        small_run.train(path, stop_at(1, crash))
    assert warnings[0].filename == small_run.__file__  # the line that calls fit


def test_a_channels_last_run_stays_so_in_a_model_that_was_built_otherwise(tmp_path):
    state = torch.randn(4, 3, 5, 2, generator=runtime.generator(0))
    state = state.to(memory_format=torch.channels_last)
    save_state(tmp_path / "state", {"weight": state})
    loaded = load_state(tmp_path / "state")["weight"]
    assert torch.equal(loaded, state)
    assert loaded.stride() == state.stride()

    def run(memory_format, path, epochs):
        torch.manual_seed(0)
        model = nn.Conv2d(3, 4, 3).to(memory_format=memory_format)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        images = torch.randn(8, 3, 3, 3, generator=runtime.generator(1))
        targets = torch.zeros(8, 1, 1, dtype=torch.long)
        checkpoint = Checkpoint(path, resume=True)
        training.fit(
            model,
            (images, targets),
            optimizer=optimizer,
            epochs=epochs,
            checkpoint=checkpoint,
            device="cpu",
            progress=False,
        )
        return model, optimizer.state[model.weight]["momentum_buffer"]

    run(torch.channels_last, tmp_path / "run", 1)
    model, momentum = run(torch.contiguous_format, tmp_path / "run", 2)
    assert model.weight.stride() == momentum.stride() == (27, 1, 9, 3)
    weight, buffer = run(torch.channels_last, tmp_path / "other", 2)
    assert torch.equal(model.weight, weight.weight)
    assert torch.equal(momentum, buffer)


def test_what_is_saved_is_loaded(tmp_path):
    draw = runtime.generator(0)
    state = {
        "tensors": [torch.randn(3, 4, generator=draw), torch.zeros(0, 2)],
        "kinds": {1: torch.tensor(2.5, dtype=torch.float64), 2: torch.tensor(True)},
        "half": torch.randn(5, generator=draw).bfloat16(),
        "view": torch.arange(12).reshape(3, 4)[:, 1:3],
        "numbers": (1, 0.1, float("inf"), True, None, "naïve"),
        "counter": Counter({3: 2}),
    }
    save_state(tmp_path / "state", state)
    loaded = load_state(tmp_path / "state")
    assert loaded["numbers"] == state["numbers"]
    assert loaded["counter"] == state["counter"]
    assert type(loaded["counter"]) is Counter
    for name, place in [("tensors", 0), ("tensors", 1), ("kinds", 1), ("kinds", 2)]:
        assert torch.equal(loaded[name][place], state[name][place])
        assert loaded[name][place].dtype == state[name][place].dtype
    assert torch.equal(loaded["half"], state["half"])
    assert torch.equal(loaded["view"], state["view"])


def test_a_tensor_that_occurs_twice_is_stored_once(tmp_path):
    weight = torch.zeros(1000)
    save_state(tmp_path / "state", {"a": weight, "b": [weight]})
    assert (tmp_path / "state").stat().st_size < 1.5 * 4000
    loaded = load_state(tmp_path / "state")
    loaded["a"] += 1
    assert loaded["b"][0].sum() == 0


def test_views_of_one_tensor_are_not_mistaken_for_each_other(tmp_path):
    square = torch.arange(9).reshape(3, 3)
    save_state(tmp_path / "state", {"a": square, "b": square.T, "c": square[0]})
    loaded = load_state(tmp_path / "state")
    assert torch.equal(loaded["b"], square.T)
    assert torch.equal(loaded["c"], square[0])


def test_what_cannot_be_saved_is_refused(tmp_path):
    with pytest.raises(TypeError, match="not set"):
        save_state(tmp_path / "state", {"a": [{1, 2}]})
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def saved(tmp_path):
    """A small checkpoint file."""
    save_state(tmp_path / "state", {"a": torch.arange(40.0), "b": [1, "two"]})
    return tmp_path / "state"


def test_a_checkpoint_cut_anywhere_is_refused(saved):
    content = saved.read_bytes()
    for length in [*range(0, len(content), 7), len(content) - 1]:
        saved.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=str(saved)):
            load_state(saved)


def test_a_checkpoint_with_one_wrong_bit_is_refused(saved):
    content = saved.read_bytes()
    for place in range(len(content)):
        broken = bytearray(content)
        broken[place] ^= 1 << place % 7
        saved.write_bytes(broken)
        with pytest.raises(CheckpointError, match=str(saved)):
            load_state(saved)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: safetensors.torch.save_file({"a": torch.zeros(2)}, path),
        lambda path: torch.save({"a": torch.zeros(2)}, path),
        lambda path: Path(path).write_bytes(pickle.dumps({"a": 1})),
        lambda path: Path(path).write_text(json.dumps({"a": 1})),
        lambda path: Path(path).write_bytes(b""),
        lambda path: save_state(path, {"settings": {}, "a": torch.zeros(2)}),
    ],
    ids=["safetensors", "torch.save", "pickle", "json", "empty", "save_state"],
)
def test_a_foreign_file_is_refused_and_left_alone(tmp_path, write):
    path = tmp_path / "run"
    write(path)
    content = path.read_bytes()
    with pytest.raises(CheckpointError, match="no checkpoint"):
        small_run.train(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_is_refused_before_training(tmp_path, resume):
    steps = []
    with pytest.raises(CheckpointError, match=r"is a folder, not a file"):
        small_run.train(tmp_path, report=lambda: steps.append(1), resume=resume)
    assert steps == []


def test_a_run_of_another_experiment_is_refused(tmp_path):
    def run(experiment):
        model = line()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        checkpoint = Checkpoint(tmp_path / "run", None, True, experiment)
        return fit_line(None, model, optimizer, checkpoint=checkpoint)

    assert run("the first") == run("the first")
    with pytest.raises(
        CheckpointError, match="experiment was 'the first', is now 'the second'"
    ):
        run("the second")


def test_loading_runs_no_code_from_the_file():
    for name in ("statefile", "checkpoint", "run", "fitting"):
        source = Path(training.__file__).with_name(f"{name}.py").read_text()
        assert "import pickle" not in source
        assert "torch.load" not in source


def test_every_global_random_generator_goes_on_where_it_was(tmp_path):
    def draws():
        return random.random(), np.random.rand(), torch.rand(()).item()

    seen = {}

    def run(path, epochs):
        random.seed(3), np.random.seed(3), torch.manual_seed(3)
        model = torch.nn.Linear(1, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.01)

        def augment(inputs, generator):
            seen.setdefault(path.name, []).append(draws())
            return inputs

        fit_line(path, model, optimizer, epochs, augment=augment)

    run(tmp_path / "whole", 3)
    run(tmp_path / "parts", 1)
    run(tmp_path / "parts", 3)
    assert seen["parts"] == seen["whole"]
    assert len(set(seen["whole"])) == 3


@pytest.mark.parametrize("every_steps", [0, -3])
def test_a_checkpoint_every_no_steps_is_refused(every_steps):
    with pytest.raises(ValueError, match=f"positive, got {every_steps}"):
        Checkpoint("run", every_steps=every_steps)


@pytest.mark.parametrize(
    "make",
    [
        lambda source, o: source.StepLR(o, 1, gamma=0.5),
        lambda source, o: source.MultiStepLR(o, [1, 2], gamma=0.5),
        lambda source, o: source.ExponentialLR(o, 0.9),
        lambda source, o: source.CosineAnnealingLR(o, 4),
        lambda source, o: source.LambdaLR(o, lambda epoch: 0.9**epoch),
        lambda source, o: source.OneCycleLR(o, 0.1, total_steps=4),
        lambda source, o: source.SequentialLR(
            o, [source.LinearLR(o), source.ExponentialLR(o, 0.9)], milestones=[2]
        ),
        lambda source, o: source.ReduceLROnPlateau(o, patience=0, threshold=0.9),
    ],
    ids=[
        "Step",
        "MultiStep",
        "Exponential",
        "Cosine",
        "Lambda",
        "OneCycle",
        "Sequential",
        "Plateau",
    ],
)
@pytest.mark.parametrize("source", [optim.lr_scheduler, torch.optim.lr_scheduler])
def test_every_kind_of_schedule_is_resumed(tmp_path, source, make):
    def rates(name, epochs):
        model = line()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        history = fit_line(
            tmp_path / name, model, optimizer, epochs, scheduler=make(source, optimizer)
        )
        return history.learning_rate, model

    whole, whole_model = rates("whole", 4)
    rates("parts", 2)
    parts, model = rates("parts", 4)
    assert parts == whole
    assert len(set(whole)) > 1
    assert torch.equal(model[0].weight, whole_model[0].weight)
