"""Data sets as plain tensors.

A labelled set is a pair ``(inputs, targets)``. Digits, photographs, tables and
everything synthetic need no network; the classic sets come through :func:`fetch`.
"""

from dlbook.data.augment import (
    cutout,
    random_crop,
    random_flip,
    random_rotation,
    random_shift,
    rotate,
)
from dlbook.data.augment_pairs import mixup
from dlbook.data.byte_pairs import BytePairVocabulary
from dlbook.data.canvas import tight_boxes
from dlbook.data.download import (
    DataError,
    FileStatus,
    fetch,
    verify,
)
from dlbook.data.images import (
    LabelledImages,
    digits,
    fashion_mnist,
    mnist,
    photograph,
    read_idx,
)
from dlbook.data.numerals import chinese_numerals, english_words
from dlbook.data.padding import buckets, pad
from dlbook.data.published import DATASETS, Dataset
from dlbook.data.scenes import Scenes, scenes
from dlbook.data.series import TimeSeries, time_series
from dlbook.data.splits import Pair, split
from dlbook.data.synthetic import moons, regression
from dlbook.data.tables import (
    LabelledTable,
    Standardizer,
    breast_cancer,
    diabetes,
    wine,
)
from dlbook.data.text import (
    Tagged,
    TaggedSentences,
    english_text,
    labelled_sentences,
    tatoeba,
    time_machine,
    tiny_shakespeare,
    wnut17,
)
from dlbook.data.translation import (
    END,
    PADDING,
    SPECIAL,
    START,
    TextPair,
    Translations,
    dates,
    number_words,
    teacher_forcing,
)
from dlbook.data.vocabulary import Vocabulary, characters
from dlbook.data.windows import text_windows

__all__ = [
    "DATASETS",
    "END",
    "PADDING",
    "SPECIAL",
    "START",
    "BytePairVocabulary",
    "DataError",
    "Dataset",
    "FileStatus",
    "LabelledImages",
    "LabelledTable",
    "Pair",
    "Scenes",
    "Standardizer",
    "Tagged",
    "TaggedSentences",
    "TextPair",
    "TimeSeries",
    "Translations",
    "Vocabulary",
    "breast_cancer",
    "buckets",
    "characters",
    "chinese_numerals",
    "cutout",
    "dates",
    "diabetes",
    "digits",
    "english_text",
    "english_words",
    "fashion_mnist",
    "fetch",
    "labelled_sentences",
    "mixup",
    "mnist",
    "moons",
    "number_words",
    "pad",
    "photograph",
    "random_crop",
    "random_flip",
    "random_rotation",
    "random_shift",
    "read_idx",
    "regression",
    "rotate",
    "scenes",
    "split",
    "tatoeba",
    "teacher_forcing",
    "text_windows",
    "tight_boxes",
    "time_machine",
    "time_series",
    "tiny_shakespeare",
    "verify",
    "wine",
    "wnut17",
]
