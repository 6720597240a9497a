"""Text to read, to imitate, to translate and to label."""

from collections.abc import Iterator
from dataclasses import dataclass
from pydoc_data.topics import topics
from zipfile import ZipFile

from dlbook.data.download import fetch
from dlbook.data.translation import TextPair

Tagged = tuple[list[str], list[str]]
"""The tokens of a sentence, and a tag for each."""

_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "*": ""}
)


def english_text() -> str:
    """Load English prose that every Python carries: the help on its language.

    The texts behind ``help("…")``, from the standard library's ``pydoc_data.topics``:
    their paragraphs of at least nine tenths letters and spaces that begin with a
    capital and end as a sentence does. Each is one line, none occurs twice, and
    typographic quotes and dashes become ASCII. The text differs a little between
    versions of Python; it has some 200,000 characters.

    Returns:
        One paragraph a line.
    """
    paragraphs: dict[str, None] = {}  # a set that keeps the order
    for topic in sorted(topics):
        for paragraph in topics[topic].split("\n\n"):
            line = " ".join(paragraph.translate(_PLAIN).split())
            if _is_prose(line):
                paragraphs[line] = None
    return "\n".join(paragraphs)


def _is_prose(line: str) -> bool:
    wordy = sum(sign.isalpha() or sign == " " for sign in line) >= 0.9 * len(line)
    ends = line.endswith((".", ":", "?", "!"))
    return line[:1].isupper() and ends and wordy and line.isascii()


def tiny_shakespeare() -> str:
    """Load Tiny Shakespeare, 1,115,394 characters of Shakespeare's plays.

    Karpathy (2015), The Unreasonable Effectiveness of Recurrent Neural Networks;
    40,000 lines, 65 different characters.

    Returns:
        The whole text.

    Raises:
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    return fetch("tinyshakespeare", "input.txt").read_bytes().decode()


def time_machine() -> str:
    """Load The Time Machine by H. G. Wells (1895), 178,887 characters.

    Returns:
        The whole text; each paragraph is a line, with an empty one after it.

    Raises:
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    return fetch("timemachine", "timemachine.txt").read_bytes().decode()


def tatoeba() -> list[TextPair]:
    """Load 142,787 English sentences with a French translation each.

    By the volunteers of tatoeba.org, as www.manythings.org/anki packed them in 2017;
    CC BY 2.0. The shortest come first, and a sentence comes once for each of its
    translations: keep equal sentences in one part when you split the pairs.

    Returns:
        Pairs (English, French).

    Raises:
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    with ZipFile(fetch("fra-eng", "fra-eng.zip")) as archive:
        text = archive.read("fra.txt").decode()
    pairs = []
    for line in _lines(text):
        english, french = line.split("\t")
        pairs.append((english, french))
    return pairs


def labelled_sentences() -> list[tuple[str, int]]:
    """Load 3,000 sentences of reviews: 1 praises, 0 complains.

    Kotzias et al. (2015), From group to individual labels using deep features; UCI,
    CC BY 4.0. First 1,000 each on telephones (Amazon), then on films (IMDb), then on
    restaurants (Yelp), half of them positive. Some sentences occur twice. Blanks at
    both ends are removed, since they would tell the source.

    Returns:
        Pairs (sentence, label).

    Raises:
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    sentences = []
    for site in ("amazon_cells", "imdb", "yelp"):
        path = fetch("sentiment-labelled-sentences", f"{site}_labelled.txt")
        for line in _lines(path.read_bytes().decode()):
            sentence, label = line.split("\t")
            sentences.append((sentence.strip(), int(label)))
    return sentences


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences with a tag a token, in the parts that were published.

    Attributes:
        train: Pairs (tokens, tags).
        validation: The same.
        test: The same.
    """

    train: list[Tagged]
    validation: list[Tagged]
    test: list[Tagged]


def wnut17() -> TaggedSentences:
    """Load tweets and comments whose names are tagged, many of them seen nowhere else.

    Derczynski et al. (2017), Results of the WNUT2017 shared task on novel and emerging
    entity recognition; CC BY 4.0. Tags are ``O``, or ``B-`` (a name's first token) or
    ``I-`` (a later one) with ``corporation``, ``creative-work``, ``group``,
    ``location``, ``person`` or ``product``.

    Returns:
        3,394 sentences to train on, 1,009 to validate, 1,287 to test.

    Raises:
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    files = ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated")
    train, validation, test = (
        list(_tagged(fetch("wnut17", file).read_bytes().decode())) for file in files
    )
    return TaggedSentences(train, validation, test)


def _tagged(text: str) -> Iterator[Tagged]:
    """Read one token and its tag a line; an empty line ends a sentence."""
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.strip():
            token, tag = line.split("\t")
            tokens.append(token)
            tags.append(tag)
        elif tokens:
            yield tokens, tags
            tokens, tags = [], []


def _lines(text: str) -> list[str]:
    """Split at newlines only; ``splitlines`` would also split at other characters."""
    return text.removesuffix("\n").split("\n")
