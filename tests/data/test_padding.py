"""Batches of sequences of different lengths."""

from itertools import pairwise

import pytest
import torch

from dlbook import data


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_sequences_are_filled_up_at_their_ends():
    batch, lengths = data.pad([[5, 6, 7], torch.tensor([8]), [], [9, 4]], value=-1)
    expected = [[5, 6, 7], [8, -1, -1], [-1, -1, -1], [9, 4, -1]]
    assert batch.tolist() == expected
    assert lengths.tolist() == [3, 1, 0, 2]
    assert batch.dtype == lengths.dtype == torch.int64


def test_small_integers_become_int64():
    batch, _ = data.pad([torch.tensor([1, 2], dtype=torch.uint8), [300]], value=0)
    assert batch.dtype == torch.int64
    assert batch.tolist() == [[1, 2], [300, 0]]


def test_what_cannot_be_padded_is_refused_in_words():
    with pytest.raises(ValueError, match="at least one sequence, got none"):
        data.pad([], 0)
    with pytest.raises(ValueError, match=r"sequence 1 must have .* got \(1, 2\)"):
        data.pad([[1], [[2, 3]]], 0)
    with pytest.raises(TypeError, match=r"sequence 1 must hold integers, got .*float"):
        data.pad([[1], [0.5]], 0)


def test_every_sequence_is_in_one_batch_with_its_neighbours_in_length():
    lengths = torch.randint(1, 30, (103,), generator=generator(1))
    batches = data.buckets(lengths, 10, generator())
    assert sorted(map(len, batches)) == [3, *[10] * 10]
    assert torch.cat(batches).sort().values.equal(torch.arange(103))
    spans = sorted((lengths[b].min().item(), lengths[b].max().item()) for b in batches)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert len(min(batches, key=len)) == 3
    assert lengths[min(batches, key=len)].max() == lengths.max()


def test_the_order_of_batches_and_within_a_length_is_the_generators():
    lengths = [3] * 50 + [9] * 50
    first, again, other = (data.buckets(lengths, 10, generator(s)) for s in (0, 0, 1))
    assert all(map(torch.equal, first, again))
    made = [{frozenset(batch.tolist()) for batch in deal} for deal in (first, other)]
    assert made[0].isdisjoint(made[1])  # not the same batches in another order
    shown = [int(batch.min() >= 50) for batch in first]
    assert sorted(shown) == [0] * 5 + [1] * 5
    assert shown != sorted(shown)


def test_no_sequences_make_no_batch():
    assert data.buckets([], 4, generator()) == []


def test_impossible_batches_are_refused_in_words():
    with pytest.raises(ValueError, match="batch_size must be positive, got 0"):
        data.buckets([1, 2], 0, generator())
    with pytest.raises(ValueError, match=r"shape \(n,\), got \(1, 2\)"):
        data.buckets([[1, 2]], 1, generator())
