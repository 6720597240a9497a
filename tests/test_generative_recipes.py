"""The recipes of generative models: what they promise, and short runs of them."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from dlbook import data, runtime
from dlbook.recipes import RECIPES, mnist_vae
from dlbook.training import Checkpoint

RESULTS = Path(__file__).resolve().parents[1] / "results"


def results(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_mnists_bound_is_as_promised():
    written = results("mnist-vae")
    assert written["config"]["epochs"] == 10
    assert len(written["seeds"]) == 3
    assert written["max"] < 105


def test_a_short_run_of_the_vae_learns_and_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setenv("DLBOOK_DEVICE", "cpu")
    images = data.digits()
    train, test = images.train[0][:256], images.test[0]
    plan = dataclasses.replace(
        mnist_vae.Variant(), epochs=3, hidden_features=(32,), code_features=4
    )
    whole = plan.run(train, test, 0, None, False)
    assert whole.training_value == pytest.approx(whole.value, abs=3)
    longer = dataclasses.replace(plan, epochs=8).run(train, test, 0, None, False)
    assert longer.value < whole.value - 1
    path = tmp_path / "run.safetensors"
    _stop_after(monkeypatch, 5, plan, train, test, Checkpoint(path, 1))
    resumed = plan.run(train, test, 0, Checkpoint(path, 1, resume=True), False)
    assert resumed.value == whole.value


def _stop_after(monkeypatch, steps, plan, train, test, checkpoint):
    """Interrupt a training after some losses were computed."""
    loss, count = mnist_vae.models.vae_loss, []

    def counted(*arguments):
        count.append(1)
        if len(count) > steps:
            raise KeyboardInterrupt
        return loss(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(mnist_vae.models, "vae_loss", counted)
        with pytest.raises(KeyboardInterrupt):
            plan.run(train, test, 0, checkpoint, False)
    assert checkpoint.path.exists()


def test_the_vae_learns_all_training_images_and_is_tested_on_the_others(monkeypatch):
    train, test = torch.rand(2, 128, 1, 4, 4, generator=runtime.generator(0))
    labels = torch.zeros(128, dtype=torch.int64)
    images = data.LabelledImages((train, labels), (test, labels), ("digit",))
    monkeypatch.setattr(mnist_vae.data, "mnist", lambda: images)
    seen = []

    def run(self, *arguments):
        seen.append(arguments)

    monkeypatch.setattr(mnist_vae.Variant, "run", run)
    RECIPES["mnist-vae"].train(1, None, False)
    assert torch.equal(seen[0][0], train)
    assert torch.equal(seen[0][1], test)
    assert seen[0][2] == 1
