"""Numbers and dates, read back by parsers that share no code with their writers."""

import re
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlbook import data

NUMBERS = st.one_of(
    st.integers(0, 10**12 - 1),
    st.integers(0, 12).flatmap(lambda digits: st.integers(0, 10**digits - 1)),
    st.text("015", min_size=1, max_size=12).map(int),
)
ENGLISH = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
    "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}


def read_english(text):
    total = group = 0
    for word in re.split("[ -]", text):
        if word in SCALES:
            total, group = total + group * SCALES[word], 0
        elif word == "hundred":
            group *= 100
        else:
            group += ENGLISH[word]
    return total + group


def read_chinese(text):
    """Split at the largest unit: what is before it counts so often."""
    for unit, value in zip("亿万千百十", (10**8, 10**4, 1000, 100, 10), strict=True):
        before, found, after = text.partition(unit)
        if found:
            return (read_chinese(before) or 1) * value + read_chinese(after)
    return int("0" + "".join(str("零一二三四五六七八九".index(c)) for c in text))


@given(NUMBERS)
def test_a_number_survives_english_and_chinese(number):
    assert read_english(data.english_words(number)) == number
    assert read_chinese(data.chinese_numerals(number)) == number


@given(NUMBERS)
def test_chinese_zeros_stand_alone_and_only_between_digits(number):
    written = data.chinese_numerals(number)
    if number:
        assert not re.search("零零|零$|^零|零[十百千万亿]", written)
        assert not written.startswith("一十")
    # A digit follows zeros in its group, or comes first of a group after zeros.
    digits = f"{number:012d}"
    groups = [digits[:4], digits[4:8], digits[8:]]
    kept = "|".join(group.rstrip("0") if group != "0000" else "0" for group in groups)
    zeros = re.findall("0+", re.sub(r"[|0]+$|^[|0]+", "", kept).replace("|", ""))
    assert written.count("零") == (len(zeros) if number else 1)


@pytest.mark.parametrize(
    ("number", "english", "chinese"),
    [
        (0, "zero", "零"),
        (2, "two", "二"),
        (10, "ten", "十"),
        (13, "thirteen", "十三"),
        (20, "twenty", "二十"),
        (105, "one hundred five", "一百零五"),
        (110, "one hundred ten", "一百一十"),
        (219, "two hundred nineteen", "二百一十九"),
        (1_000, "one thousand", "一千"),
        (1_001, "one thousand one", "一千零一"),
        (1_010, "one thousand ten", "一千零一十"),
        (1_100, "one thousand one hundred", "一千一百"),
        (10_000, "ten thousand", "一万"),
        (10_021, "ten thousand twenty-one", "一万零二十一"),
        (100_000, "one hundred thousand", "十万"),
        (110_000, "one hundred ten thousand", "十一万"),
        (102_000, "one hundred two thousand", "十万二千"),
        (1_000_001, "one million one", "一百万零一"),
        (10_500_000, "ten million five hundred thousand", "一千零五十万"),
        (100_001_000, "one hundred million one thousand", "一亿零一千"),
        (100_100_000, "one hundred million one hundred thousand", "一亿零一十万"),
        (1_000_000_000, "one billion", "十亿"),
        (
            987_654_321,
            "nine hundred eighty-seven million six hundred fifty-four thousand "
            "three hundred twenty-one",
            "九亿八千七百六十五万四千三百二十一",
        ),
    ],
)
def test_known_numbers_are_written_as_they_should(number, english, chinese):
    assert data.english_words(number) == english
    assert data.chinese_numerals(number) == chinese


@pytest.mark.parametrize("write", [data.english_words, data.chinese_numerals])
@pytest.mark.parametrize("number", [-1, 10**12])
def test_numbers_out_of_range_are_refused(write, number):
    with pytest.raises(ValueError, match=f"0 … 999999999999, got {number}"):
        write(number)


def read_digits(text):
    assert text == str(int(text))
    return int(text)


READERS = {"digits": read_digits, "english": read_english, "chinese": read_chinese}
DIRECTIONS = [(s, t) for s in READERS for t in READERS if s != t]


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_every_pair_writes_one_number_in_both_ways(source, target):
    task = data.number_words(source, target, 200, 50, (1, 6), beyond=(7, 9), seed=2)
    parts = task.train, task.test, task.beyond
    assert [len(part) for part in parts] == [200, 50, 50]
    for part, (fewest, most) in zip(parts, ((1, 6), (1, 6), (7, 9)), strict=True):
        for before, after in part:
            number = READERS[source](before)
            assert READERS[target](after) == number
            assert fewest <= len(str(number)) <= most


def parts_share_nothing(task):
    parts = [task.train, task.test, task.beyond]
    for side in (0, 1):
        texts = [pair[side] for part in parts for pair in part]
        assert len(set(texts)) == len(texts)
    return True


def test_no_number_is_in_two_parts_even_when_all_are_used():
    task = data.number_words("english", "digits", 900, 100, (1, 3), beyond=(4, 4))
    assert parts_share_nothing(task)
    numbers = sorted(int(target) for _, target in task.train + task.test)
    assert numbers == list(range(1000))


def test_all_lengths_of_numbers_are_about_equally_frequent_in_both_parts():
    task = data.number_words("digits", "english", 3000, 1000, digits=(2, 6))
    lengths = Counter(len(source) for source, _ in task.train + task.test)
    assert lengths[2] == 90  # all there are
    assert lengths[3] == 900
    assert [lengths[n] for n in (4, 5, 6)] == [1004, 1003, 1003]
    for part in (task.train, task.test):
        share = Counter(len(source) for source, _ in part)[6] / len(part)
        assert share == pytest.approx(1003 / 4000, abs=0.06)


def draw_numbers(seed):
    return data.number_words("chinese", "digits", 30, 10, beyond=(7, 8), seed=seed)


def draw_dates(seed):
    return data.dates(30, 10, beyond=(2030, 2039), seed=seed)


@pytest.mark.parametrize("draw", [draw_numbers, draw_dates])
def test_the_seed_decides_every_part(draw):
    assert draw(3) == draw(3)
    for part in ("train", "test", "beyond"):
        assert getattr(draw(3), part) != getattr(draw(4), part)


FORMS = (
    "%d %B %Y", "%B %d, %Y", "%d %b %Y", "%b %d, %Y", "the %d of %B %Y", "%A, %d %B %Y",
    "%a, %b %d, %Y", "%B %d %Y", "%d.%m.%Y", "%Y年%m月%d日",
)  # fmt: skip


def read_date(text):
    """Read a date by every form that fits; return the date and how it was written."""
    plain = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", text)
    found = {}
    for form in FORMS:
        try:
            found[form] = datetime.strptime(plain, form).date()
        except ValueError:
            continue
    days = set(found.values())
    assert len(days) == 1, f"{text!r} may be {sorted(days)}"
    (day,) = days
    names = re.findall("(?i)[a-z]+day|sun|mon|tue|wed|thu|fri|sat", text)
    assert all(day.strftime("%A").lower().startswith(n.lower()) for n in names)
    form = (
        next(iter(found))
        + " th" * (plain != text)
        + " A" * bool(re.search("[A-Z]{3}", text))
    )
    return day, form


def test_every_date_has_one_reading_which_is_the_target():
    task = data.dates(3000, 500, years=(1950, 2020), beyond=(2021, 2049))
    forms = Counter()
    for part, (first, last) in (
        (task.train, (1950, 2020)),
        (task.test, (1950, 2020)),
        (task.beyond, (2021, 2049)),
    ):
        for source, target in part:
            day, form = read_date(source)
            assert day.isoformat() == target
            assert first <= day.year <= last
            forms[form] += 1
    assert parts_share_nothing(task)
    assert [len(part) for part in (task.train, task.test, task.beyond)] == [
        3000, 500, 500,
    ]  # fmt: skip


def test_all_eleven_forms_are_about_equally_frequent():
    task = data.dates(3000, 0)
    forms = Counter(
        re.sub(r"\d+", "0", re.sub("[A-Z][A-Z]{2,}", "UPPER", source))
        for source, _ in task.train
    )
    shapes = Counter()
    for form, count in forms.items():
        shape = re.sub("0(st|nd|rd|th)", "0th", form)
        shape = re.sub("[A-Z][a-z]+day", "Weekday", shape)
        shape = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun),", "Day,", shape)
        month = "January February March April May June July August September October"
        for name in [*month.split(), "November", "December"]:
            shape = re.sub(rf"\b({name}|{name[:3]})\b", "M", shape)
        shapes[shape] += count
    # The long and the short name of a month are one shape here.
    assert sorted(shapes) == sorted(
        ["0 M 0", "M 0, 0", "the 0th of M 0", "M 0th, 0", "Weekday, 0 M 0",
         "Day, M 0, 0", "UPPER 0 0", "0.0.0", "0年0月0日"]
    )  # fmt: skip
    for shape, count in shapes.items():
        expected = 3000 / 11 * (2 if shape in ("0 M 0", "M 0, 0") else 1)
        assert count == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize(
    ("day", "ordinal"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"),
     (13, "13th"), (21, "21st"), (22, "22nd"), (23, "23rd"), (30, "30th"),
     (31, "31st")],
)  # fmt: skip
def test_days_have_their_ordinals(day, ordinal):
    pairs = data.dates(366 * 20, 0, years=(2000, 2020)).train
    found = {
        match[0]
        for source, target in pairs
        if target.endswith(f"-{day:02d}")
        and (match := re.search(r"\b\d+(st|nd|rd|th)", source))
    }
    assert found == {ordinal}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: data.number_words("roman", "digits", 1, 1), "'roman' is none of: dig"),
        (lambda: data.number_words("digits", "digits", 1, 1), "got 'digits' twice"),
        (lambda: data.number_words("digits", "english", 9, 2, (1, 1)), "only 10 num"),
        (lambda: data.number_words("digits", "english", 9, 2, (0, 1)), r"got \(0, 1\)"),
        (lambda: data.number_words("digits", "english", 9, 2, (5, 4)), r"got \(5, 4\)"),
        (
            lambda: data.number_words("digits", "english", 9, 2, (1, 13)),
            "within 1 … 12",
        ),
        (
            lambda: data.number_words("digits", "english", 9, 2, (1, 6), (6, 9)),
            r"beyond must rise within 7 … 12, got \(6, 9\)",
        ),
        (lambda: data.number_words("digits", "english", -1, 2), "negative, got -1, 2"),
        (lambda: data.dates(300, 66, (2019, 2019)), "365 days, got a wish for 366"),
        (lambda: data.dates(1, 1, (2020, 2019)), r"years must rise .* \(2020, 2019\)"),
        (lambda: data.dates(1, 1, (2000, 2019), (2019, 2020)), "beyond must rise"),
        (lambda: data.dates(1, -1), "negative, got 1, -1"),
    ],
)
def test_impossible_tasks_are_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def letters(pairs):
    return [
        data.Vocabulary.count([pair[side] for pair in pairs], special=data.SPECIAL)
        for side in (0, 1)
    ]


def test_a_decoder_reads_what_came_before_the_token_it_has_to_write():
    pairs = [("ab", "xyz"), ("b", "x")]
    source, target = letters(pairs)
    (read, decoder_input), wanted = data.teacher_forcing(pairs, source, target)
    pad, start, end = data.PADDING, data.START, data.END
    a, b = source.encode("ab")
    x, y, z = target.encode("xyz")
    assert read.tolist() == [[a, b, end], [b, end, pad]]
    assert decoder_input.tolist() == [[start, x, y, z], [start, x, pad, pad]]
    assert wanted.tolist() == [[x, y, z, end], [x, end, -100, -100]]


def test_sentences_may_be_lists_of_words():
    pairs = [(["two", "words"], ["zwei", "Wörter"])]
    vocabularies = letters(pairs)
    (read, _), _ = data.teacher_forcing(pairs, *vocabularies)
    assert vocabularies[0].decode(read[0]) == ["two", "words", "<end>"]


def test_a_vocabulary_without_special_tokens_is_refused():
    pairs = [("ab", "xyz")]
    with pytest.raises(ValueError, match=r"must begin with .*got \('a', 'b'\)"):
        data.teacher_forcing(pairs, data.characters("ab"), letters(pairs)[1])
