"""Byte pairs against their definition and the ``tokenizers`` library."""

import json
import os
import re
from collections import Counter
from itertools import pairwise

import pytest
import tokenizers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import BpeTrainer

from dlbook import data

needs_data = pytest.mark.skipif(
    not os.environ.get("DLBOOK_DATA"), reason="DLBOOK_DATA is not set"
)
WORD = r" ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
TRAINED = data.BytePairVocabulary.train(data.english_text()[:20_000], 400)
FEW_LETTERS = st.text("ab", min_size=1, max_size=12)


def library(parts, size, pattern=None):
    """A tokenizer of the library whose characters are bytes, read as Latin-1."""
    tokenizer = tokenizers.Tokenizer(BPE())
    if pattern:
        tokenizer.pre_tokenizer = Split(tokenizers.Regex(pattern), "isolated")
    alphabet = [chr(byte) for byte in range(256)]
    trainer = BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(map(as_latin, parts), trainer)
    return tokenizer


def as_latin(text):
    return text.encode().decode("latin-1")


def merges_of(tokenizer):
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return tuple(tuple(part.encode("latin-1") for part in pair) for pair in merges)


def test_merges_and_numbers_equal_the_librarys_which_splits_the_text_itself():
    text = data.english_text()
    ours, theirs = (
        data.BytePairVocabulary.train(text, 600),
        library([text], 600, WORD),
    )
    assert ours.merges == merges_of(theirs)
    assert ours.encode(text[:50_000]) == theirs.encode(text[:50_000]).ids


def test_merges_equal_the_librarys_on_text_that_is_not_ascii():
    pairs = data.number_words("english", "chinese", 900, 0, digits=(1, 9)).train
    text = "\n".join(f"{english}: {chinese}…" for english, chinese in pairs)
    ours = data.BytePairVocabulary.train(text, 330)
    assert ours.merges == merges_of(library(re.findall(WORD, text), 330))
    assert any(max(left + right) > 127 for left, right in ours.merges)


@needs_data
def test_merges_equal_the_librarys_on_shakespeare():
    text = data.tiny_shakespeare()
    ours = data.BytePairVocabulary.train(text, 1000)
    assert ours.merges == merges_of(library([text], 1000, WORD))
    assert ours.decode(ours.encode(text)) == text


@settings(max_examples=100, deadline=None)
@given(st.lists(FEW_LETTERS, min_size=1, max_size=12))
def test_every_merge_is_the_most_frequent_pair_and_of_equals_the_smallest(words):
    text = " ".join(words)
    ours = vocabulary_of_all_pairs(text)
    corpus = [[bytes([byte]) for byte in word.encode()] for word in split(text)]
    numbers = {token: number for number, token in enumerate(ours.tokens)}
    for merge in ours.merges:
        counts = Counter(pair for word in corpus for pair in pairwise(word))
        best = min(counts, key=lambda p: (-counts[p], numbers[p[0]], numbers[p[1]]))
        assert merge == best
        corpus = [join(word, best) for word in corpus]
    assert all(len(word) == 1 for word in corpus)
    assert ours.merges == merges_of(library(split(text), len(ours)))
    assert ours.encode(text) == [numbers[word[0]] for word in corpus]


def split(text):
    return re.findall(WORD, text)


def vocabulary_of_all_pairs(text):
    """Learn until no pair is left; the error says when that is."""
    with pytest.raises(ValueError, match="no pair left to merge") as caught:
        data.BytePairVocabulary.train(text, 10_000)
    size = int(re.search(r"after (\d+) tokens", str(caught.value))[1])
    return data.BytePairVocabulary.train(text, size)


def join(word, pair):
    """Replace a pair by its concatenation, from the left: naively."""
    joined, rest = [], list(word)
    while rest:
        if tuple(rest[:2]) == pair:
            joined.append(rest.pop(0) + rest.pop(0))
        else:
            joined.append(rest.pop(0))
    return joined


@settings(max_examples=200)
@given(st.text())
def test_any_text_survives_encoding_and_decoding(text):
    ids = TRAINED.encode(text)
    assert TRAINED.decode(ids) == text
    assert len(ids) <= len(text.encode())
    assert all(0 <= number < 400 for number in ids)


def test_the_textbook_example_learns_low_before_lowest():
    words = "low " * 5 + "lower " * 2 + "newest " * 6 + "widest " * 3
    ours = data.BytePairVocabulary.train(words, 258)
    # e-s and s-t both occur nine times; e is the smaller number.
    assert ours.merges == ((b"e", b"s"), (b"es", b"t"))
    assert ours.encode("est") == [257]
    assert ours.encode("es") == [256]


def test_no_token_reaches_from_one_word_into_the_next():
    ours = vocabulary_of_all_pairs("of the\nof the\n\n  of the 12x_y!? " * 9)
    assert {b"of", b" of", b" the", b" 12", b"\n\n "} <= set(ours.tokens)
    for token in ours.tokens[256:]:
        assert re.fullmatch(WORD, token.decode())


def test_a_vocabulary_is_made_again_from_its_merges():
    again = data.BytePairVocabulary(TRAINED.merges)
    text = "The evaluation of an expression\n\tyields 42 ∀ values."
    assert again.tokens == TRAINED.tokens
    assert len(again) == 400
    assert again.encode(text) == TRAINED.encode(text)
    assert len(again.encode(text)) < len(text)


def test_bytes_that_are_no_text_become_the_replacement_character():
    assert TRAINED.decode(torch.tensor([ord("a"), 0xE4, ord("b")])) == "a\ufffdb"


def test_learning_nothing_leaves_the_bytes():
    ours = data.BytePairVocabulary.train("", 256)
    assert ours.encode("né") == [110, 195, 169]
    assert ours.tokens[169] == b"\xa9"


def test_impossible_requests_are_refused_in_words():
    with pytest.raises(ValueError, match="at least 256, one a byte, got 255"):
        data.BytePairVocabulary.train("text", 255)
    with pytest.raises(ValueError, match="after 257 tokens, expected a size of 260"):
        data.BytePairVocabulary.train("ab", 260)
    with pytest.raises(ValueError, match="b'bc' is no token yet"):
        data.BytePairVocabulary([(b"a", b"bc"), (b"b", b"c")])
    with pytest.raises(ValueError, match="b'abc' is a token before"):
        data.BytePairVocabulary(
            [(b"a", b"b"), (b"ab", b"c"), (b"b", b"c"), (b"a", b"bc")]
        )
    with pytest.raises(ValueError, match=r"0 … 399, got 400"):
        TRAINED.decode([400])
    with pytest.raises(UnicodeEncodeError):
        TRAINED.encode("\ud800")
