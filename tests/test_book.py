"""What a chapter shows its reader: sources and checked numbers."""

import json

import numpy as np
import pytest
import torch

from dlbook import book, runtime


@pytest.fixture
def shown(monkeypatch):
    outputs = []

    def keep(data, raw=False, metadata=None):
        outputs.append((data, metadata))

    monkeypatch.setattr(book, "display", keep)
    return outputs


def test_a_number_within_its_bound_is_shown_glued_and_entered_in_the_ledger(shown):
    book.record("accuracy", 0.98, at_least=0.97, peer="somebody: 0.9")
    [(data, metadata)] = shown
    assert data["text/plain"] == "0.98"
    assert "accuracy" in data["text/html"]
    assert "0.98" in data["text/html"]
    assert metadata["scrapbook"] == {"name": "accuracy", "mime_prefix": ""}
    assert metadata["dlbook"] == {
        "name": "accuracy",
        "value": 0.98,
        "unit": "",
        "kind": "asserted",
        "bound": "at least 0.97",
        "note": "",
        "peer": "somebody: 0.9",
    }


@pytest.mark.parametrize(
    "bound",
    [{"at_least": 0.5}, {"at_most": 0.3}, {"near": (0.5, 0.05)}, {"near": (0.3, 0.05)}],
)
def test_a_broken_bound_fails_and_names_value_and_bound(shown, bound):
    with pytest.raises(AssertionError, match=r"'loss' is 0\.4.*expected"):
        book.record("loss", 0.4, **bound)
    assert shown == []


def test_every_given_bound_counts(shown):
    book.record("loss", 0.4, at_least=0.4, at_most=0.4, near=(0.5, 0.1))
    with pytest.raises(AssertionError):
        book.record("loss", 0.4, at_least=0.1, at_most=0.39)


def test_a_measurement_needs_no_bound_but_a_unit(shown):
    book.record("time", torch.tensor(1.5, requires_grad=True), unit="s")
    assert shown[0][1]["dlbook"]["kind"] == "measured"
    with pytest.raises(ValueError, match="unit"):
        book.record("time", 1.5)


def test_whole_numbers_stay_whole(shown):
    book.record("parameters", 1234567, at_least=1)
    assert shown[0][0]["text/plain"] == "1234567"
    assert "1,234,567" in shown[0][0]["text/html"]


@pytest.mark.parametrize(
    "value", [np.array([0.5]), np.float32(0.5), torch.tensor([0.5])]
)
def test_a_tensor_or_array_with_one_number_is_that_number(shown, value):
    book.record("share", value, at_most=1)
    assert shown[0][1]["dlbook"]["value"] == 0.5


@pytest.mark.parametrize("value", ["3", None, [1.0]])
def test_what_is_no_number_is_refused(shown, value):
    with pytest.raises(TypeError, match="must be a number"):
        book.record("share", value, at_most=1)


def test_a_negative_tolerance_is_refused(shown):
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        book.record("share", 1.0, near=(1.0, -1))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(shown, value):
    with pytest.raises(ValueError, match="finite"):
        book.record("loss", value, at_most=1.0)


def test_the_source_shown_is_the_source_imported(shown):
    book.show_source(runtime.generator)
    text = shown[0][0].data
    assert "From `dlbook/runtime.py`" in text
    assert "return torch.Generator(device=device).manual_seed(seed)" in text


def test_a_method_is_shown_without_the_indentation_of_its_class(shown):
    class Holder:
        @torch.no_grad()
        def method(self):
            if self:
                return 1

    book.show_source(Holder.method)
    assert "From `test_book.py`" in shown[0][0].data
    assert "\ndef method(self):\n    if self:\n        return 1" in shown[0][0].data


def test_something_without_source_is_refused():
    with pytest.raises(TypeError, match="function or class"):
        book.show_source(3)


def test_a_recipes_result_is_shown_with_command_and_machine(shown):
    book.show_result("digits-cnn")
    result = json.loads((book.RESULTS / "digits-cnn.json").read_text(encoding="utf-8"))
    text, (_, metadata) = shown[0][0].data, shown[1]
    assert result["command"] in text
    assert result["machine"]["cpu"] in text
    assert f"{result['mean']:.4f}" in text
    assert metadata["dlbook"]["kind"] == "recipe"
    assert metadata["dlbook"]["value"] == result["mean"]


def test_a_result_that_is_not_there_is_an_error_that_names_those_that_are(shown):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json.*digits-cnn"):
        book.show_result("nothing")
