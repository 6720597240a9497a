"""The recipe of number names: what is held out, and what it promises."""

import dataclasses
import json
from pathlib import Path

import torch

from dlbook import data, models
from dlbook.recipes import number_names

RESULTS = Path(__file__).resolve().parents[1] / "results"
SMALL = dataclasses.replace(
    number_names.Variant(), longest=4, held_out=2, num_train=400, num_test=40
)


def test_the_promise_holds_for_every_seed():
    written = json.loads((RESULTS / "number-names.json").read_text(encoding="utf-8"))
    assert len(written["seeds"]) >= 5
    assert written["config"]["held_out"] == 5
    assert written["min"] >= 0.99


def test_no_number_of_the_length_held_out_is_shown_and_no_value_twice():
    for plan in (SMALL, number_names.Variant()):
        parts = [[int(n.replace(",", "")) for _, n in part] for part in plan.numbers()]
        train, test, held = parts
        lengths = [{len(str(number)) for number in part} for part in parts]
        assert lengths[2] == {plan.held_out}
        assert lengths[0] == lengths[1] | lengths[0]
        assert plan.held_out not in lengths[0] | lengths[1]
        assert max(lengths[0]) == plan.longest
        assert not set(train) & set(test)
        assert len(set(held)) == len(held) == plan.num_test // 2


def test_a_short_run_learns_numbers_of_few_digits(monkeypatch):
    monkeypatch.setenv("DLBOOK_DEVICE", "cpu")
    few = dataclasses.replace(SMALL, epochs=25, num_train=900)
    outcome = few.train(0, None, False)
    assert outcome.training_value > 0.7
    assert 0 <= outcome.value <= 1
    assert outcome.value == few.train(0, None, False).value


def test_a_number_counts_only_if_all_of_it_is_right(monkeypatch):
    pairs = number_names.spelled([("twenty-one", "21"), ("one thousand", "1000")])
    assert pairs == [(["twenty", "one"], "21"), (["one", "thousand"], "1,000")]
    words, digits = (
        data.Vocabulary.count([pair[side] for pair in pairs], data.SPECIAL)
        for side in (0, 1)
    )
    model = models.Seq2SeqTransformer(len(words), len(digits), 8)
    answers = [digits.encode("21"), digits.encode("1,00")]
    monkeypatch.setattr(models, "greedy_search", lambda *_: answers)
    assert number_names.share_right(model, pairs, words, digits) == 0.5
    assert torch.is_grad_enabled()
