"""Sentences of Tatoeba in three parts, how translations are scored, and two baselines.

The baselines learn no weights: one remembers whole sentences, one replaces words.
"""

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sacrebleu
import torch
from sklearn.feature_extraction.text import CountVectorizer

from dlbook import data
from dlbook.recipes.recipe import Peer

Sentences = dict[str, list[str]]
"""English sentences, each with all its French translations."""

NUM_TEST, NUM_VALIDATION = 2000, 1000


@dataclass(frozen=True)
class Corpus:
    """The three parts; no English sentence is in two of them.

    Attributes:
        train: To learn from.
        validation: To choose by.
        test: To be judged by.
    """

    train: Sentences
    validation: Sentences
    test: Sentences


def split(pairs: Sequence[tuple[str, str]]) -> Corpus:
    """Split pairs by their English sentence.

    Args:
        pairs: English and French.

    Returns:
        The parts, always the same.
    """
    sentences: Sentences = defaultdict(list)
    for english, french in pairs:
        sentences[english].append(re.sub(r"\s+", " ", french))
    order = sorted(sentences)
    random.Random(0).shuffle(order)
    cuts = (order[:NUM_TEST], order[NUM_TEST : NUM_TEST + NUM_VALIDATION])
    test, validation, train = (
        {english: sentences[english] for english in part}
        for part in (*cuts, order[NUM_TEST + NUM_VALIDATION :])
    )
    return Corpus(train, validation, test)


def bleu(outputs: Sequence[str], answers: Sequence[Sequence[str]]) -> float:
    """Score translations against one or more answers each.

    Args:
        outputs: One a sentence.
        answers: Right translations of each sentence.

    Returns:
        BLEU, 0 … 100.
    """
    longest = max(len(known) for known in answers)
    columns: Any = [  # its types do not know that some may be missing
        [known[i] if i < len(known) else None for known in answers]
        for i in range(longest)
    ]
    return float(sacrebleu.corpus_bleu(list(outputs), columns).score)


def nearest(train: Sentences, asked: Sequence[str]) -> list[str]:
    """Translate by memory: what was said for the most similar known sentence.

    Args:
        train: The memory.
        asked: English.

    Returns:
        The first translation of the sentence with the most words in common, as a share
        of the words of both.
    """
    known = list(train)
    counter = _word_counter().fit([*known, *asked])
    memory, question = counter.transform(known), counter.transform(asked)
    sizes = memory.sum(1).A1 if hasattr(memory.sum(1), "A1") else memory.sum(1)
    answers = []
    for row in question:
        shared = (memory @ row.T).toarray()[:, 0]
        share = shared / (sizes + row.sum() - shared)
        answers.append(train[known[int(share.argmax())]][0])
    return answers


def word_by_word(train: Sentences, asked: Sequence[str]) -> list[str]:
    """Translate each word by the one that most often stands where it stands.

    Args:
        train: To count in.
        asked: English.

    Returns:
        For each English word, in its place, the French word f with the largest share
        2 n(e, f) / (n(e) + n(f)), where n counts sentences (Dice's coefficient);
        unknown words as they are.
    """
    known = list(train)
    english, french = _word_counter(), _word_counter()
    sources = english.fit_transform(known)
    targets = french.fit_transform([train[sentence][0] for sentence in known])
    together = (sources.T @ targets).tocsr()
    number_e, number_f = (
        torch.as_tensor(counts.sum(0)).flatten() for counts in (sources, targets)
    )
    words, place = french.get_feature_names_out(), english.vocabulary_
    cut = english.build_analyzer()
    best: dict[str, str] = {}
    for word in {word for sentence in asked for word in cut(sentence)}:
        row = together[place[word]] if word in place else None
        if row is None or not row.nnz:
            best[word] = word
            continue
        places = torch.as_tensor(row.indices).long()
        dice = torch.as_tensor(row.data) / (number_e[place[word]] + number_f[places])
        best[word] = str(words[places[dice.argmax()]])
    rows = (" ".join(best[word] for word in cut(sentence)) for sentence in asked)
    return [re.sub(r" (?=[.,])", "", row) for row in rows]


def baselines() -> list[Peer]:
    """Measure two translators that learn no weights, on the same test sentences.

    Returns:
        One peer each.
    """
    corpus = split(data.tatoeba())
    asked, answers = list(corpus.test), list(corpus.test.values())
    return [
        Peer(
            "the most similar known sentence's translation",
            (bleu(nearest(corpus.train, asked), answers),),
            "computed here, on the same test sentences",
        ),
        Peer(
            "word by word, the most associated French word",
            (bleu(word_by_word(corpus.train, asked), answers),),
            "computed here, on the same test sentences",
        ),
    ]


def _word_counter() -> CountVectorizer:
    return CountVectorizer(
        binary=True, lowercase=False, token_pattern=r"[\w'’-]+|[^\w\s]"
    )
