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
from dlbook.data.canvas import tight_boxes
from dlbook.data.download import (
    DATASETS,
    DataError,
    Dataset,
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
from dlbook.data.scenes import Scenes, scenes
from dlbook.data.splits import Pair, split
from dlbook.data.synthetic import moons, regression
from dlbook.data.tables import (
    LabelledTable,
    Standardizer,
    breast_cancer,
    diabetes,
    wine,
)
from dlbook.data.text import tiny_shakespeare

__all__ = [
    "DATASETS",
    "DataError",
    "Dataset",
    "FileStatus",
    "LabelledImages",
    "LabelledTable",
    "Pair",
    "Scenes",
    "Standardizer",
    "breast_cancer",
    "cutout",
    "diabetes",
    "digits",
    "fashion_mnist",
    "fetch",
    "mixup",
    "mnist",
    "moons",
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
    "tight_boxes",
    "tiny_shakespeare",
    "verify",
    "wine",
]
