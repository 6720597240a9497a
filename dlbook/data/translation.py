"""Small tasks of translation whose every answer is known to be right."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from torch import Tensor

from dlbook.data.numerals import LARGEST, chinese_numerals, english_words
from dlbook.data.padding import pad
from dlbook.data.vocabulary import Vocabulary

TextPair = tuple[str, str]
"""A text and its translation."""

SPECIAL = ("<pad>", "<start>", "<end>")
"""Tokens that come first in a vocabulary for translation."""

PADDING, START, END = range(3)
"""Their numbers: what fills up a sentence, what starts it, and what ends it."""

_IGNORED = -100  # what cross-entropy leaves out by default

_SCRIPTS: dict[str, Callable[[int], str]] = {
    "digits": str,
    "english": english_words,
    "chinese": chinese_numerals,
}
_MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August",
    "September", "October", "November", "December",
]  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def teacher_forcing(
    pairs: Sequence[tuple[Sequence[str], Sequence[str]]],
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Write sentence pairs as a training set: each true token follows the true ones.

    At every step the decoder reads the target's tokens before, as they are in the data
    (Williams & Zipser, 1989), not as it would have written them.

    Args:
        pairs: Sources and targets; a string is a sequence of its characters.
        source_vocabulary: Begins with ``SPECIAL``.
        target_vocabulary: Likewise.

    Returns:
        Inputs and targets. The inputs are the sources ``(n, time_s)``, which end with
        ``<end>``, and the decoder's inputs ``(n, time_t)``, which begin with
        ``<start>``, both filled up with ``<pad>``. The targets ``(n, time_t)`` are one
        token ahead of those and end with ``<end>``, filled up with -100.

    Raises:
        ValueError: If there is no pair, a token is unknown, or a vocabulary does not
            begin with the special tokens.
    """
    for vocabulary in (source_vocabulary, target_vocabulary):
        if vocabulary.tokens[:3] != SPECIAL:
            raise ValueError(
                f"a vocabulary must begin with {SPECIAL}, got {vocabulary.tokens[:3]}"
            )
    sources = [[*source_vocabulary.encode(source), END] for source, _ in pairs]
    targets = [target_vocabulary.encode(target) for _, target in pairs]
    source, _ = pad(sources, PADDING)
    decoder_input, _ = pad([[START, *target] for target in targets], PADDING)
    target, _ = pad([[*target, END] for target in targets], _IGNORED)
    return (source, decoder_input), target


@dataclass(frozen=True)
class Translations:
    """Sentences with their translations; no two parts share a source or a target.

    Attributes:
        train: To learn from.
        test: As the training pairs, but others.
        beyond: Outside the range of the others: longer numbers, or later years. Empty
            where none were asked for.
    """

    train: list[TextPair]
    test: list[TextPair]
    beyond: list[TextPair]


def number_words(
    source: str,
    target: str,
    num_train: int,
    num_test: int,
    digits: tuple[int, int] = (1, 6),
    beyond: tuple[int, int] | None = None,
    seed: int = 0,
) -> Translations:
    """Draw numbers to translate from one way of writing them into another.

    Every number of digits is equally frequent, as far as there are so many numbers;
    of one number of digits, all numbers are equally likely. No number occurs twice.

    Args:
        source: ``"digits"``, ``"english"`` (words) or ``"chinese"`` (numerals).
        target: Another of these.
        num_train: Pairs to learn from.
        num_test: Pairs to test, and as many beyond, if any.
        digits: Fewest and most digits of numbers in the first two parts.
        beyond: The same of the third part; more digits than those. None: no such part.
        seed: Decides which numbers.

    Returns:
        The three parts, each in random order.

    Raises:
        ValueError: If a name is unknown, the two are the same, a range of digits is
            impossible, or there are not so many numbers.
    """
    for script in (source, target):
        if script not in _SCRIPTS:
            raise ValueError(f"{script!r} is none of: {', '.join(_SCRIPTS)}")
    if source == target:
        raise ValueError(f"source and target must differ, got {source!r} twice")
    _check_ranges("digits", digits, beyond, (1, len(str(LARGEST))))
    draw = random.Random(seed)

    def written(numbers: list[int]) -> list[TextPair]:
        return [(_SCRIPTS[source](n), _SCRIPTS[target](n)) for n in numbers]

    inside = written(_numbers(_total(num_train, num_test), digits, draw))
    outside = written(_numbers(num_test, beyond, draw)) if beyond else []
    return Translations(inside[:num_train], inside[num_train:], outside)


def _numbers(count: int, digits: tuple[int, int], draw: random.Random) -> list[int]:
    """Draw distinct numbers, as many of each number of digits as can be."""
    numbers: list[int] = []
    for length in range(digits[0], digits[1] + 1):
        smallest = 10 ** (length - 1) if length > 1 else 0
        choices = range(smallest, 10**length)
        share = -((len(numbers) - count) // (digits[1] + 1 - length))  # rounded up
        if length == digits[1] and share > len(choices):
            raise ValueError(
                f"there are only {len(numbers) + len(choices)} numbers of {digits[0]} "
                f"to {digits[1]} digits, got a wish for {count}"
            )
        numbers += draw.sample(choices, min(share, len(choices)))
    draw.shuffle(numbers)
    return numbers


def dates(
    num_train: int,
    num_test: int,
    years: tuple[int, int] = (1950, 2020),
    beyond: tuple[int, int] | None = None,
    seed: int = 0,
) -> Translations:
    """Draw dates as people write them, to be rewritten as ISO 8601 does.

    The source takes one of eleven forms at random: ``7 March 2009``, ``March 7, 2009``,
    ``7 Mar 2009``, ``Mar 7, 2009``, ``the 7th of March 2009``, ``March 7th, 2009``,
    ``Saturday, 7 March 2009``, ``Sat, Mar 7, 2009``, ``MARCH 7 2009``, ``7.3.2009``
    (day first, as in German), ``2009年3月7日``. Forms that leave the date open, such as
    ``3/7/2009``, are not among them. The target is ``2009-03-07``.

    Args:
        num_train: Pairs to learn from.
        num_test: Pairs to test, and as many beyond, if any.
        years: First and last year of the first two parts.
        beyond: The same of the third part; later years. None: no such part.
        seed: Decides which days and which forms.

    Returns:
        The three parts, each in random order; no day occurs twice.

    Raises:
        ValueError: If a range of years is impossible, or has too few days.
    """
    _check_ranges("years", years, beyond, (1000, 9999))
    draw = random.Random(seed)

    def written(days: list[date]) -> list[TextPair]:
        return [(draw.choice(_forms(day)), day.isoformat()) for day in days]

    inside = written(_days(_total(num_train, num_test), years, draw))
    outside = written(_days(num_test, beyond, draw)) if beyond else []
    return Translations(inside[:num_train], inside[num_train:], outside)


def _days(count: int, years: tuple[int, int], draw: random.Random) -> list[date]:
    first = date(years[0], 1, 1)
    available = (date(years[1], 12, 31) - first).days + 1
    if count > available:
        raise ValueError(
            f"the years {years[0]} to {years[1]} have {available} days, "
            f"got a wish for {count}"
        )
    return [first + timedelta(day) for day in draw.sample(range(available), count)]


def _forms(day: date) -> list[str]:
    number, year, month = day.day, day.year, _MONTHS[day.month - 1]
    weekday = _DAYS[day.weekday()]
    endings = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    ordinal = f"{number}{endings.get(number, 'th')}"
    return [
        f"{number} {month} {year}",
        f"{month} {number}, {year}",
        f"{number} {month[:3]} {year}",
        f"{month[:3]} {number}, {year}",
        f"the {ordinal} of {month} {year}",
        f"{month} {ordinal}, {year}",
        f"{weekday}, {number} {month} {year}",
        f"{weekday[:3]}, {month[:3]} {number}, {year}",
        f"{month.upper()} {number} {year}",
        f"{number}.{day.month}.{year}",
        f"{year}年{day.month}月{number}日",
    ]


def _check_ranges(
    name: str,
    inside: tuple[int, int],
    beyond: tuple[int, int] | None,
    limits: tuple[int, int],
) -> None:
    low, high = limits
    if not low <= inside[0] <= inside[1] <= high:
        raise ValueError(f"{name} must rise within {low} … {high}, got {inside}")
    if beyond is not None and not inside[1] < beyond[0] <= beyond[1] <= high:
        raise ValueError(
            f"beyond must rise within {inside[1] + 1} … {high}, got {beyond}"
        )


def _total(num_train: int, num_test: int) -> int:
    if num_train < 0 or num_test < 0:
        raise ValueError(
            f"num_train and num_test must not be negative, got {num_train}, {num_test}"
        )
    return num_train + num_test
