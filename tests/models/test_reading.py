"""Readers of text ignore padding; the best path is the best of all paths."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from dlbook.models import (
    Tagger,
    TextClassifier,
    TokenEncoder,
    best_path,
    bio_transitions,
)
from dlbook.runtime import generator

READERS = ["none", "cnn", "lstm", "transformer"]
readers = pytest.mark.parametrize("reader", READERS)


def make(model, *arguments, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model(*arguments, **options).double()


def texts(batch=4, time=7):
    return torch.randint(1, 11, (batch, time), generator=generator(1))


@readers
@pytest.mark.parametrize("pool", ["mean", "max"])
@pytest.mark.parametrize("training", [True, False])
def test_padding_changes_nothing(reader, pool, training):
    tokens = texts()
    tokens[1, 5:] = 0
    longer = torch.cat([tokens, torch.zeros(4, 3, dtype=torch.int64)], 1)
    whole = make(TextClassifier, 11, 3, 8, reader, pool).train(training)
    assert_close(whole(longer), whole(tokens), rtol=1e-10, atol=1e-12)
    assert_close(whole(tokens[1:2, :5]), whole(tokens)[1:2], rtol=1e-10, atol=1e-12)
    tagger = make(Tagger, 11, 5, 8, reader).train(training)
    assert tagger(longer).shape == (4, 10, 5)
    assert_close(tagger(longer)[:, :7], tagger(tokens), rtol=1e-10, atol=1e-12)


@readers
@pytest.mark.parametrize("model", [TextClassifier, Tagger])
def test_torchs_layers_compute_the_same_and_every_parameter_gets_a_gradient(
    reader, model
):
    tokens = texts()
    tokens[2, 4:] = 0
    ours = make(model, 11, 3, 8, reader)
    theirs = nn.to_torch(ours)
    assert_close(theirs(tokens), ours(tokens), rtol=1e-10, atol=1e-12)
    ours(tokens).square().sum().backward()
    for name, parameter in ours.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("reader", "seen"),
    [("none", {3}), ("cnn", {2, 3, 4}), ("lstm", set(range(7)))],
    ids=str,
)
def test_a_token_is_seen_as_far_as_the_reader_reaches(reader, seen):
    tokens = texts(1)
    changed = tokens.clone()
    changed[0, 3] = tokens[0, 3] % 10 + 1
    model = make(Tagger, 11, 5, 8, reader)
    difference = (model(changed) - model(tokens)).abs().amax((0, 2))
    # Through an LSTM far tokens change little, but they do.
    assert set((difference > 1e-9).nonzero().flatten().tolist()) == seen


def test_order_matters_to_all_but_the_bag():
    tokens = texts(1)
    for reader in READERS:
        model = make(TextClassifier, 11, 3, 8, reader)
        same = torch.allclose(model(tokens), model(tokens.flip(1)), atol=1e-9)
        assert same == (reader == "none"), reader


def test_pools_are_the_mean_and_the_largest_over_real_tokens():
    tokens = torch.tensor([[4, 7, 0]])
    for pool in ("mean", "max"):
        model = make(TextClassifier, 11, 3, 8, "none", pool)
        both = model.encoder.embedding.weight[[4, 7]]
        pooled = both.mean(0) if pool == "mean" else both.amax(0)
        assert_close(model(tokens)[0], model.head(pooled))


@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_is_the_best_of_all_paths(seed):
    draws = generator(seed)
    scores = torch.randn(5, 3, generator=draws)
    transitions = torch.randn(3, 3, generator=draws)
    transitions[0, 2] = -math.inf
    start = torch.randn(3, generator=draws)

    def total(path):
        steps = scores[range(5), path].sum() + start[path[0]]
        return steps + sum(transitions[i, j] for i, j in itertools.pairwise(path))

    everything = itertools.product(range(3), repeat=5)
    assert best_path(scores, transitions, start) == list(max(everything, key=total))
    free = best_path(scores, torch.zeros(3, 3))
    assert free == scores.argmax(1).tolist()


def test_bio_forbids_an_inside_without_its_beginning():
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    transitions, start = bio_transitions(tags)
    allowed = {
        (a, b)
        for (i, a), (j, b) in itertools.product(enumerate(tags), repeat=2)
        if transitions[i, j] == 0
    }
    forbidden = {
        ("O", "I-PER"), ("O", "I-LOC"), ("B-PER", "I-LOC"), ("I-PER", "I-LOC"),
        ("B-LOC", "I-PER"), ("I-LOC", "I-PER"),
    }  # fmt: skip
    assert set(itertools.product(tags, tags)) - allowed == forbidden
    assert start.tolist() == [0, 0, -math.inf, 0, -math.inf]
    scores = torch.tensor([[0.0, 1, 2, 0, 0], [0.0, 0, 0, 0, 3]])
    assert best_path(scores, transitions, start) == [3, 4]


def test_wrong_input_is_refused_in_words():
    with pytest.raises(ValueError, match="multiple of 4, got 6"):
        TokenEncoder(11, 6)
    with pytest.raises(ValueError, match="odd and positive, got 4"):
        TokenEncoder(11, 8, "cnn", 4)
    with pytest.raises(ValueError, match="none, cnn, lstm or transformer, got 'gru'"):
        TokenEncoder(11, 8, "gru")
    with pytest.raises(ValueError, match="mean or max, got 'sum'"):
        TextClassifier(11, 3, 8, "cnn", "sum")
    model = Tagger(11, 5, 8)
    with pytest.raises(ValueError, match=r"\(batch, time\)"):
        model(torch.ones(3, dtype=torch.int64))
    for bad in ([[1, 0, 2]], [[0, 0]]):
        with pytest.raises(ValueError, match=r"padding \(0\) only at its end"):
            model(torch.tensor(bad))
    with pytest.raises(ValueError, match="got 'X'"):
        bio_transitions(["O", "X"])
    with pytest.raises(ValueError, match=r"\(time, tags\)"):
        best_path(torch.zeros(2, 3), torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        best_path(torch.zeros(2, 3), torch.zeros(3, 3), torch.zeros(2))
    with pytest.raises(ValueError, match="forbidden"):
        best_path(torch.zeros(2, 3), torch.full((3, 3), -math.inf))
