"""The text that Python carries, and the published sets where a copy is to be had."""

import os
import re
from collections import Counter

import pytest

from dlbook import data
from dlbook.data import text as module

needs_data = pytest.mark.skipif(
    not os.environ.get("DLBOOK_DATA"), reason="DLBOOK_DATA is not set"
)


def test_english_text_is_a_long_text_of_whole_sentences_in_ascii():
    text = data.english_text()
    lines = text.split("\n")
    assert 100_000 < len(text) < 600_000
    assert text.isascii()
    assert len(set(lines)) == len(lines)
    for line in lines:
        assert line[0].isupper()
        assert line[-1] in ".:?!"
        assert line == " ".join(line.split())
    words = Counter(text.lower().split())
    assert words.most_common(1)[0][0] == "the"
    assert sum(sign.isalpha() or sign.isspace() for sign in text) > 0.93 * len(text)


def test_english_text_keeps_prose_and_drops_titles_grammar_and_code(monkeypatch):
    topics = {
        "b": "Title\n*****\n\nThis “line” is only the first\n   and it *goes* on – so "
        "it’s a long paragraph and may stay…\n\n"
        "   stmt ::= 'if' expr\n\nx = f(1)[0].",
        "a": "Earlier by the alphabet.\n\nlower case does not begin a sentence.\n\n"
        "    Indented it is kept:\n\nFf{}[]()<>(){}.\n\nNot ASCII: °ß kept out.",
        "c": "Earlier by the alphabet.",
    }
    monkeypatch.setattr(module, "topics", topics)
    assert data.english_text().split("\n") == [
        "Earlier by the alphabet.",
        "Indented it is kept:",
        'This "line" is only the first and it goes on - so it\'s a long paragraph and '
        "may stay...",
    ]


@needs_data
def test_the_time_machine_is_whole():
    text = data.time_machine()
    assert len(text) == 178_887
    assert text.startswith("The Time Machine, by H. G. Wells [1898]\n")
    assert text.endswith("tenderness still lived on in the heart of man.\n")
    # d2l's preprocessing (letters only, lower case) leaves as many as in its own copy.
    assert len(re.sub("[^A-Za-z]+", " ", text)) == 173_428


@needs_data
def test_tatoeba_pairs_english_with_french():
    pairs = data.tatoeba()
    assert len(pairs) == 142_787
    assert pairs[:2] == [("Go.", "Va !"), ("Run!", "Cours\u202f!")]
    english, french = zip(*pairs, strict=True)
    assert sum("é" in sentence for sentence in french) > 40_000
    assert sum("é" in sentence for sentence in english) < 200
    assert all(len(one) and len(other) for one, other in pairs)


@needs_data
def test_labelled_sentences_are_half_positive_from_each_source():
    pairs = data.labelled_sentences()
    assert len(pairs) == 3000
    for start in (0, 1000, 2000):
        labels = [label for _, label in pairs[start : start + 1000]]
        assert Counter(labels) == {0: 500, 1: 500}
    assert pairs[1] == ("Good case, Excellent value.", 1)
    assert pairs[2000] == ("Wow... Loved this place.", 1)
    assert pairs[1000][0].startswith("A very, very, very slow-moving, aimless movie")
    assert pairs[1000][1] == 0
    assert all(sentence == sentence.strip() != "" for sentence, _ in pairs)
    assert sum("\x85" in sentence for sentence, _ in pairs) > 0


@needs_data
def test_wnut17_has_its_published_sizes_and_proper_tags():
    tagged = data.wnut17()
    sizes = {
        "train": (3394, 62_730),
        "validation": (1009, 15_733),
        "test": (1287, 23_394),
    }
    kinds = {"corporation", "creative-work", "group", "location", "person", "product"}
    for part, (sentences, tokens) in sizes.items():
        pairs = getattr(tagged, part)
        assert len(pairs) == sentences
        assert sum(len(words) for words, _ in pairs) == tokens
        assert all(len(words) == len(tags) > 0 for words, tags in pairs)
        found = {tag for _, tags in pairs for tag in tags}
        assert found == {"O"} | {f"{b}-{kind}" for b in "BI" for kind in kinds}
    words, tags = tagged.train[0]
    assert words[:3] == ["@paulwalk", "It", "'s"]
    place = words.index("Empire")
    assert words[place : place + 3] == ["Empire", "State", "Building"]
    assert tags[place : place + 3] == ["B-location", "I-location", "I-location"]
    assert tags[place + 3] == "O"


def test_a_tagged_text_needs_no_empty_line_at_its_end():
    assert list(module._tagged("\t\na\tO\nb\x85\tB-x\n\n\t\nc\tI-x")) == [
        (["a", "b\x85"], ["O", "B-x"]),
        (["c"], ["I-x"]),
    ]
