"""Images: handwritten digits, clothes and two photographs, as plain tensors."""

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_image
from torch import Tensor

from dlbook.data.download import DataError, fetch
from dlbook.data.splits import Pair, split

_IDX_UBYTE = 0x08  # the type code of unsigned bytes; the classic sets use no other
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True)
class LabelledImages:
    """Images with a class each, split into a training and a test set.

    Attributes:
        train: Images ``(num_train, channels, height, width)``, float32 in [0, 1], and
            their classes ``(num_train,)``, int64.
        test: The same for the images kept aside.
        class_names: What each class number means.
    """

    train: Pair
    test: Pair
    class_names: tuple[str, ...]


def digits(seed: int = 0, test_fraction: float = 0.2) -> LabelledImages:
    """Load 1,797 handwritten digits of 8×8 pixels, which need no download.

    Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI; these are
    its test images, as scikit-learn ships them: forms filled in by 13 people, each
    pixel counting the ink in a 4×4 cell of the scan. Counts 0 … 16 become 0 … 1.
    Every class keeps its share in both parts. The same people wrote both, so a test
    score here says nothing about the hand of a stranger.

    Args:
        seed: Which images are kept aside.
        test_fraction: Share of the images in the test set, between 0 and 1.

    Returns:
        Images ``(n, 1, 8, 8)``; by default 1,437 to train on and 360 to test.

    Raises:
        ValueError: If ``test_fraction`` leaves either part without a class.
    """
    bunch = load_digits()
    inputs = torch.from_numpy(bunch.images / 16).float().unsqueeze(1)
    targets = torch.from_numpy(bunch.target).long()
    train, test = split((inputs, targets), test_fraction, seed=seed, stratify=True)
    return LabelledImages(train, test, tuple(str(digit) for digit in range(10)))


def mnist() -> LabelledImages:
    """Load MNIST: 70,000 handwritten digits of 28×28 pixels.

    LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document
    recognition, Proc. IEEE 86(11). The published split, whose writers are disjoint.

    Returns:
        Images ``(60000, 1, 28, 28)`` to train on, ``(10000, 1, 28, 28)`` to test.

    Raises:
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    return _classic("mnist", tuple(str(digit) for digit in range(10)))


def fashion_mnist() -> LabelledImages:
    """Load Fashion-MNIST: 70,000 articles of clothing of 28×28 pixels.

    Xiao, Rasul & Vollgraf (2017), arXiv:1708.07747; made to replace MNIST file by file
    and to be harder. The published split.

    Returns:
        Images ``(60000, 1, 28, 28)`` to train on, ``(10000, 1, 28, 28)`` to test.

    Raises:
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    return _classic("fashion-mnist", _CLOTHES)


def photograph(name: str = "china") -> Tensor:
    """Load a colour photograph to look at what a layer does to it.

    Shipped by scikit-learn, both CC BY 2.0: ``"china"`` (a pagoda) by Flickr's
    danielbuechele, ``"flower"`` (a blossom) by Flickr's vultilion.

    Args:
        name: ``"china"`` or ``"flower"``.

    Returns:
        ``(3, 427, 640)``, float32 in [0, 1]; channels red, green, blue.

    Raises:
        ValueError: If there is no such photograph.
    """
    if name not in ("china", "flower"):
        raise ValueError(f"unknown photograph {name!r}; expected 'china' or 'flower'")
    pixels = torch.from_numpy(load_sample_image(f"{name}.jpg").copy())
    return pixels.permute(2, 0, 1).contiguous().float() / 255


def read_idx(path: Path) -> Tensor:
    """Read a gzipped file of unsigned bytes in MNIST's own format, IDX.

    Two zero bytes, the type code, the number of axes; each axis's size as four bytes,
    most significant first; then the values in C order (LeCun's page on MNIST).

    Args:
        path: A file such as ``train-images-idx3-ubyte.gz``.

    Returns:
        uint8, in the file's shape.

    Raises:
        DataError: If the file is not gzipped IDX, or not as long as it says.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is no complete gzip file: {error}") from error
    if len(content) < 4 or content[:3] != bytes([0, 0, _IDX_UBYTE]):
        raise DataError(
            f"{path} is no IDX file of unsigned bytes: it starts with "
            f"{content[:3].hex(' ')!r}, expected '00 00 08'"
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise DataError(
            f"{path} is cut off: it ends within its header of {start} bytes, "
            f"after {len(content)}"
        )
    header, values = content[4:start], np.frombuffer(content[start:], dtype=np.uint8)
    shape = [int.from_bytes(header[i : i + 4]) for i in range(0, len(header), 4)]
    if values.size != math.prod(shape):
        raise DataError(
            f"{path} holds {values.size} values, expected {math.prod(shape)} "
            f"for its shape {shape}"
        )
    return torch.from_numpy(values.reshape(shape).copy())


def _classic(dataset: str, class_names: tuple[str, ...]) -> LabelledImages:
    return LabelledImages(
        _read_part(dataset, "train"), _read_part(dataset, "t10k"), class_names
    )


def _read_part(dataset: str, part: str) -> Pair:
    images = read_idx(fetch(dataset, f"{part}-images-idx3-ubyte.gz"))
    labels = read_idx(fetch(dataset, f"{part}-labels-idx1-ubyte.gz"))
    return images.unsqueeze(1).float() / 255, labels.long()
