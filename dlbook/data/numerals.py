"""Write whole numbers in English words and in Chinese numerals."""

_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
    "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_THOUSANDS = ["", " thousand", " million", " billion"]
_DIGITS = "零一二三四五六七八九"
_PLACES = ["", "十", "百", "千"]
_MYRIADS = ["", "万", "亿"]
LARGEST = 10**12 - 1  # three Chinese groups of four digits, four English ones of three


def english_words(number: int) -> str:
    """Write a number in English words.

    American style: no "and", a hyphen in twenty-one, no commas.

    Args:
        number: 0 … 10¹² - 1.

    Returns:
        For 1,021 ``"one thousand twenty-one"``.

    Raises:
        ValueError: If the number is out of range.
    """
    groups = _groups(number, 1000)
    words = [
        _english_hundreds(group) + _THOUSANDS[place]
        for place, group in reversed(list(enumerate(groups)))
        if group
    ]
    return " ".join(words) or _SMALL[0]


def _english_hundreds(number: int) -> str:
    words = []
    if number >= 100:
        words += [_SMALL[number // 100], "hundred"]
        number %= 100
    if number >= 20:
        ten = _TENS[number // 10 - 2]
        words.append(f"{ten}-{_SMALL[number % 10]}" if number % 10 else ten)
    elif number:
        words.append(_SMALL[number])
    return " ".join(words)


def chinese_numerals(number: int) -> str:
    """Write a number in Chinese numerals.

    Digits stand in groups of four, for units of 1, 万 (10⁴) and 亿 (10⁸). Zeros at the
    end of a group are not written; one or more zeros elsewhere, a whole group of them
    too, become a single 零 if a digit other than 0 follows. A leading 一十 is written
    十; 二 stands everywhere, never 两.

    Args:
        number: 0 … 10¹² - 1.

    Returns:
        For 10,021 ``"一万零二十一"``.

    Raises:
        ValueError: If the number is out of range.
    """
    written, gap = "", False
    for place, group in reversed(list(enumerate(_groups(number, 10_000)))):
        if group:
            zero = written and (gap or group < 1000)
            written += "零" * bool(zero) + _chinese_thousands(group) + _MYRIADS[place]
        gap = not group
    if not written:
        return _DIGITS[0]
    return written[1:] if written.startswith("一十") else written


def _chinese_thousands(number: int) -> str:
    written, gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            zero = "零" if gap and written else ""
            written += zero + _DIGITS[digit] + _PLACES[place]
        gap = not digit
    return written


def _groups(number: int, base: int) -> list[int]:
    """Cut a number into its digits of a large base, the last first."""
    if not 0 <= number <= LARGEST:
        raise ValueError(f"numbers must lie in 0 … {LARGEST}, got {number}")
    groups = []
    while number:
        number, group = divmod(number, base)
        groups.append(group)
    return groups
