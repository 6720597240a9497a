"""Windows of a text, and the tokens that follow."""

import pytest
import torch

from dlbook import data


def test_the_targets_are_the_tokens_after_the_inputs():
    inputs, targets = data.text_windows(list(range(10)), length=4, stride=3)
    assert inputs.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6]]
    assert targets.tolist() == [[1, 2, 3, 4], [4, 5, 6, 7]]
    assert inputs.dtype == targets.dtype == torch.int64


@pytest.mark.parametrize("time", [4, 5, 8, 9, 20])
@pytest.mark.parametrize(("length", "stride"), [(3, 1), (3, 2), (3, 3), (2, 5)])
def test_there_are_as_many_windows_as_fit(time, length, stride):
    text = torch.arange(time) * 10
    inputs, targets = data.text_windows(text, length, stride)
    starts = [s for s in range(0, time, stride) if s + length < time]
    assert inputs.tolist() == [text[s : s + length].tolist() for s in starts]
    assert targets.tolist() == [text[s + 1 : s + 1 + length].tolist() for s in starts]
    assert len(inputs) == (time - 1 - length) // stride + 1


def test_windows_of_a_tensor_take_no_memory_of_their_own():
    text = torch.arange(1000)
    inputs, targets = data.text_windows(text, 100, 1)
    assert inputs.data_ptr() == text.data_ptr()
    assert targets.untyped_storage().data_ptr() == text.untyped_storage().data_ptr()


@pytest.mark.parametrize(
    ("ids", "length", "stride", "words"),
    [
        ([[1, 2], [3, 4]], 1, 1, r"shape \(time,\), got \(2, 2\)"),
        ([1, 2, 3], 0, 1, "length must be positive, got 0"),
        ([1, 2, 3], 1, 0, "stride must be positive, got 0"),
        ([1, 2, 3], 3, 1, "at least 4, got 3"),
    ],
)
def test_impossible_windows_are_refused_in_words(ids, length, stride, words):
    with pytest.raises(ValueError, match=words):
        data.text_windows(ids, length, stride)
