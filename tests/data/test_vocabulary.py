"""Tokens and their numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlbook import data

SENTENCES = [["b", "a", "b"], ["c", "a", "<pad>"], ["b", "d"]]


def test_a_token_stands_for_its_place_in_the_list():
    vocabulary = data.Vocabulary(["the", "cat", "sat"])
    assert vocabulary.encode(["sat", "the", "sat"]) == [2, 0, 2]
    assert vocabulary.decode([1, 2]) == ["cat", "sat"]
    assert vocabulary.tokens == ("the", "cat", "sat")
    assert len(vocabulary) == 3
    assert "cat" in vocabulary
    assert "dog" not in vocabulary


def test_a_tensor_of_numbers_is_decoded_too():
    assert data.Vocabulary("xyz").decode(torch.tensor([2, 0])) == ["z", "x"]


def test_the_most_frequent_token_comes_first_and_equals_by_the_alphabet():
    vocabulary = data.Vocabulary.count(SENTENCES)
    assert vocabulary.tokens == ("b", "a", "<pad>", "c", "d")
    assert vocabulary.unknown is None


def test_special_tokens_come_first_then_the_unknown_one_and_none_twice():
    vocabulary = data.Vocabulary.count(SENTENCES, ["<pad>", "<end>"], "<unknown>", 2)
    assert vocabulary.tokens == ("<pad>", "<end>", "<unknown>", "b", "a")
    assert vocabulary.encode(["a", "c", "e", "<end>"]) == [4, 2, 2, 1]
    special = data.Vocabulary.count(SENTENCES, ["?", "<pad>"], "?")
    assert special.tokens == ("?", "<pad>", "b", "a", "c", "d")
    assert special.unknown == "?"


def test_characters_are_numbered_by_code_point():
    vocabulary = data.characters("to be or not to be\n")
    assert vocabulary.tokens == ("\n", " ", "b", "e", "n", "o", "r", "t")
    assert vocabulary.encode("to\n") == [7, 5, 0]


@given(st.text())
def test_any_text_survives_its_characters_numbers(text):
    vocabulary = data.characters(text)
    assert "".join(vocabulary.decode(vocabulary.encode(text))) == text


def test_an_unknown_token_is_an_error_without_a_token_for_it():
    with pytest.raises(ValueError, match="'z' is none of the 2 tokens"):
        data.characters("ab").encode("az")


@pytest.mark.parametrize("number", [-1, 3])
def test_a_number_out_of_range_is_refused(number):
    with pytest.raises(ValueError, match=rf"lie in 0 … 2, got {number}"):
        data.Vocabulary("abc").decode([0, number])


def test_impossible_vocabularies_are_refused_in_words():
    with pytest.raises(ValueError, match=r"distinct, got \['a', 'c'\] more than once"):
        data.Vocabulary(["c", "a", "b", "a", "c"])
    with pytest.raises(ValueError, match=r"unknown='\?' must be one of the tokens"):
        data.Vocabulary("ab", unknown="?")
    with pytest.raises(ValueError, match="at_least must be 1 or more, got 0"):
        data.Vocabulary.count(SENTENCES, at_least=0)
    with pytest.raises(ValueError, match="more than once"):
        data.Vocabulary.count(SENTENCES, ["<pad>", "<pad>"])
