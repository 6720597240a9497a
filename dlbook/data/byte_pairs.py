"""Byte-pair encoding: learn which pieces of words deserve a number of their own."""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

from dlbook.data.vocabulary import checked_ids

_Pair = tuple[int, int]
# A word, a number or a run of signs, each with the space before it; other white space.
# The last white space before a word stays with the word. No character is left out.
_WORD = re.compile(r" ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


class BytePairVocabulary:
    """A vocabulary of byte sequences that writes any text in few numbers.

    Sennrich, Haddow & Birch (2016), §3.2, on bytes instead of characters as Radford et
    al. (2019), §2.2: the first 256 tokens are the single bytes, so that no text has an
    unknown token; each merge joins two tokens to the next. The text is first cut into
    words with the space before them, and no token reaches over such a cut.

    Make it by :meth:`train`, or again from its ``merges``.

    Args:
        merges: The two parts of every token after the first 256, in the order learnt.

    Attributes:
        merges: As above.
        tokens: The bytes of every token; token i < 256 is the byte i.

    Raises:
        ValueError: If a part is neither a byte nor the result of an earlier merge, or
            the result is a token already.
    """

    def __init__(self, merges: Iterable[tuple[bytes, bytes]]) -> None:
        self.merges = tuple(merges)
        tokens = [bytes([byte]) for byte in range(256)]
        numbers = {token: number for number, token in enumerate(tokens)}
        self._joined: dict[_Pair, int] = {}  # what a pair becomes, in the order learnt
        for left, right in self.merges:
            for part in (left, right):
                if part not in numbers:
                    raise ValueError(f"{part!r} is no token yet when it is merged")
            if left + right in numbers:
                raise ValueError(f"{left + right!r} is a token before it is merged")
            self._joined[numbers[left], numbers[right]] = len(tokens)
            numbers[left + right] = len(tokens)
            tokens.append(left + right)
        self.tokens = tuple(tokens)
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train(cls, text: str, size: int) -> "BytePairVocabulary":
        """Learn the merges of a text: again and again that of the most frequent pair.

        Of equally frequent pairs the one with the smaller first token is merged, then
        the one with the smaller second; tokens compare by their numbers. Pairs that
        overlap each count: ``aaa`` holds the pair of two ``a`` twice. The library
        ``tokenizers`` decides in the same way.

        Args:
            text: What to learn from.
            size: Number of tokens to end with, 256 or more.

        Returns:
            A vocabulary of ``size`` tokens, always the same for the same text.

        Raises:
            ValueError: If ``size`` is below 256, or the text has no pair left before.
        """
        if size < 256:
            raise ValueError(f"size must be at least 256, one a byte, got {size}")
        learner = _Learner(text)
        for _ in range(size - 256):
            learner.merge_most_frequent(size)
        parts = learner.tokens
        return cls((parts[left], parts[right]) for left, right in learner.merges)

    def encode(self, text: str) -> list[int]:
        """Write a text as token numbers.

        In every word, the pair that was learnt first is merged first.

        Args:
            text: Any text that UTF-8 can write.

        Returns:
            Token numbers, 0 … ``len(self) - 1``; at most one a byte.

        Raises:
            UnicodeEncodeError: If the text holds half of a surrogate pair.
        """
        ids: list[int] = []
        for word in _WORD.findall(text):
            if word not in self._cache:
                self._cache[word] = self._encode_word(word)
            ids += self._cache[word]
        return ids

    def _encode_word(self, word: str) -> list[int]:
        ids, joined = list(word.encode()), self._joined
        while len(ids) > 1:
            # A pair learnt earlier became a smaller number.
            pairs = pairwise(ids)
            first = min(pairs, key=lambda pair: joined.get(pair, len(self)))
            if first not in joined:
                break
            ids = _merged(ids, first, joined[first])
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Turn token numbers back into text.

        ``decode(encode(text)) == text`` for every text. A model may also write bytes
        that are no UTF-8; these become the replacement character U+FFFD.

        Args:
            ids: Token numbers; a tensor ``(time,)`` will do.

        Returns:
            The text.

        Raises:
            ValueError: If a number is not in 0 … ``len(self) - 1``.
        """
        numbers = checked_ids(ids, len(self))
        return b"".join(self.tokens[n] for n in numbers).decode(errors="replace")

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"BytePairVocabulary({len(self)} tokens)"


class _Learner:
    """The words of a text as tokens, and how often each pair of tokens occurs.

    A merge changes only the words that hold its pair; the counts follow word by word.
    """

    def __init__(self, text: str) -> None:
        counts = Counter(_WORD.findall(text))
        self.words = [list(word.encode()) for word in counts]
        self.repeats = list(counts.values())
        self.tokens = [bytes([byte]) for byte in range(256)]
        self.merges: list[_Pair] = []
        self.counts: Counter[_Pair] = Counter()
        self.found_in: defaultdict[_Pair, set[int]] = defaultdict(set)
        for which in range(len(self.words)):
            self._count(which, +1)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def merge_most_frequent(self, size: int) -> None:
        pair = self._most_frequent(size)
        token = len(self.tokens)
        self.tokens.append(self.tokens[pair[0]] + self.tokens[pair[1]])
        self.merges.append(pair)
        touched: set[_Pair] = set()
        for which in self.found_in.pop(pair):
            self._count(which, -1)
            self.words[which] = _merged(self.words[which], pair, token)
            touched |= self._count(which, +1)
        for changed in touched:
            if token in changed:  # no other pair can have become more frequent
                heapq.heappush(self.heap, (-self.counts[changed], changed))

    def _most_frequent(self, size: int) -> _Pair:
        """Take the top of the heap, whose entries may be out of date."""
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            actual = self.counts[pair]
            if actual == -count and actual > 0:
                return pair
            if 0 < actual < -count:
                heapq.heappush(self.heap, (-actual, pair))
        raise ValueError(
            f"the text has no pair left to merge after {len(self.tokens)} tokens, "
            f"expected a size of {size}"
        )

    def _count(self, which: int, sign: int) -> set[_Pair]:
        word = self.words[which]
        pairs = set()
        for pair in pairwise(word):
            self.counts[pair] += sign * self.repeats[which]
            pairs.add(pair)
            if sign > 0:
                self.found_in[pair].add(which)
        return pairs


def _merged(ids: list[int], pair: _Pair, token: int) -> list[int]:
    """Replace each occurrence of a pair, from the left."""
    merged: list[int] = []
    place = 0
    while place < len(ids):
        if tuple(ids[place : place + 2]) == pair:
            merged.append(token)
            place += 2
        else:
            merged.append(ids[place])
            place += 1
    return merged
