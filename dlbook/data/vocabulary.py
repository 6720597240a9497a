"""Number the tokens of a text, and find them again by their numbers."""

from collections import Counter
from collections.abc import Iterable


class Vocabulary:
    """A list of distinct tokens: each stands for its place in the list.

    Args:
        tokens: The tokens, distinct, in the order of their numbers.
        unknown: The one of them that stands for every token not in the list; without
            it, such a token is an error.

    Attributes:
        tokens: All tokens; number i stands for ``tokens[i]``.
        unknown: As above.

    Raises:
        ValueError: If a token is there twice, or ``unknown`` is not among them.
    """

    def __init__(self, tokens: Iterable[str], unknown: str | None = None) -> None:
        self.tokens = tuple(tokens)
        self.unknown = unknown
        self._numbers = {token: number for number, token in enumerate(self.tokens)}
        if len(self._numbers) < len(self.tokens):
            twice = sorted(t for t, n in Counter(self.tokens).items() if n > 1)
            raise ValueError(f"tokens must be distinct, got {twice} more than once")
        if unknown is not None and unknown not in self:
            raise ValueError(f"unknown={unknown!r} must be one of the tokens")

    @classmethod
    def count(
        cls,
        sentences: Iterable[Iterable[str]],
        special: Iterable[str] = (),
        unknown: str | None = None,
        at_least: int = 1,
    ) -> "Vocabulary":
        """Number the tokens that occur in sentences, the most frequent first.

        Of equally frequent tokens the alphabetically first comes first.

        Args:
            sentences: Each a sequence of tokens.
            special: Tokens that come before all others, say ``"<pad>"``; they need
                not occur.
            unknown: Comes right after those, unless it is one of them.
            at_least: How often a token must occur.

        Returns:
            The vocabulary of these sentences.

        Raises:
            ValueError: If ``at_least`` is below 1, or a special token is there twice.
        """
        if at_least < 1:
            raise ValueError(f"at_least must be 1 or more, got {at_least}")
        first = list(special)
        if unknown is not None and unknown not in first:
            first.append(unknown)
        counts = Counter(token for sentence in sentences for token in sentence)
        frequent = sorted(
            (token for token, n in counts.items() if n >= at_least),
            key=lambda token: (-counts[token], token),
        )
        rest = (token for token in frequent if token not in first)
        return cls([*first, *rest], unknown)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Give the numbers of tokens; a string is a sequence of its characters.

        Args:
            tokens: The tokens of a sentence.

        Returns:
            One number a token.

        Raises:
            ValueError: If a token is not in the vocabulary and it has no ``unknown``.
        """
        if self.unknown is not None:
            other = self._numbers[self.unknown]
            return [self._numbers.get(token, other) for token in tokens]
        try:
            return [self._numbers[token] for token in tokens]
        except KeyError as error:
            raise ValueError(
                f"{error.args[0]!r} is none of the {len(self)} tokens, and the "
                "vocabulary has no token for unknown ones"
            ) from None

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Give the tokens of numbers.

        Args:
            ids: Numbers, 0 … ``len(self) - 1``; a tensor ``(time,)`` will do.

        Returns:
            One token a number.

        Raises:
            ValueError: If a number is out of range.
        """
        return [self.tokens[number] for number in checked_ids(ids, len(self))]

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._numbers

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, unknown={self.unknown!r})"


def characters(text: str) -> Vocabulary:
    """Number the different characters of a text in the order of their code points.

    Args:
        text: Any text.

    Returns:
        A vocabulary whose tokens are single characters; it has no ``unknown``.
    """
    return Vocabulary(sorted(set(text)))


def checked_ids(ids: Iterable[int], size: int) -> list[int]:
    """Give token numbers as a list, each in range.

    Args:
        ids: Numbers; a tensor ``(time,)`` will do.
        size: How many tokens there are.

    Returns:
        The numbers as plain integers.

    Raises:
        ValueError: If one is not in 0 … ``size - 1``.
    """
    numbers = [int(number) for number in ids]
    for number in numbers:
        if not 0 <= number < size:
            raise ValueError(f"token numbers must lie in 0 … {size - 1}, got {number}")
    return numbers
