"""Fetch the classic data sets, checked by SHA-256 wherever they come from.

A file is looked up in the folder ``$DLBOOK_DATA``, then in the user's cache, then
on the network. In the first two a data set is a folder that holds the published
files under their own names, say ``fashion-mnist/train-images-idx3-ubyte.gz``.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pooch

CACHE = Path(pooch.os_cache("dlbook"))


class DataError(OSError):
    """A data file is missing, cannot be downloaded, or is not the published one."""


@dataclass(frozen=True)
class Dataset:
    """A published data set: where its files are and how to know them.

    Attributes:
        title: Its name in prose.
        source: Who made it.
        licence: What it may be used for.
        address: Where the files lie; an address ends in ``/`` and the file's name.
        files: SHA-256 of every file, by its published name.
    """

    title: str
    source: str
    licence: str
    address: str
    files: dict[str, str]


@dataclass(frozen=True)
class FileStatus:
    """What :func:`verify` found of one file on this machine.

    Attributes:
        dataset: Name of the data set.
        file: Name of the file.
        path: Where it lies; where it belongs if it is missing.
        state: ``"verified"``, ``"missing"`` or ``"wrong"`` (its SHA-256 differs).
    """

    dataset: str
    file: str
    path: Path
    state: Literal["verified", "missing", "wrong"]


DATASETS = {
    "fashion-mnist": Dataset(
        title="Fashion-MNIST",
        source="Xiao, Rasul & Vollgraf (2017), Zalando Research",
        licence="MIT",
        address="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        files={
            "train-images-idx3-ubyte.gz": (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            "train-labels-idx1-ubyte.gz": (
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
            ),
        },
    ),
    "mnist": Dataset(
        title="MNIST",
        source="LeCun, Cortes & Burges (1998)",
        licence="CC BY-SA 3.0",
        address="https://ossci-datasets.s3.amazonaws.com/mnist",
        files={
            "train-images-idx3-ubyte.gz": (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
            ),
            "train-labels-idx1-ubyte.gz": (
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
            ),
        },
    ),
    "tinyshakespeare": Dataset(
        title="Tiny Shakespeare",
        source="Karpathy (2015), from the plays of William Shakespeare",
        licence="public domain",
        address=(
            "https://raw.githubusercontent.com/karpathy/char-rnn/"
            "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare"
        ),
        files={
            "input.txt": (
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
            ),
        },
    ),
}
"""The data sets that :func:`~dlbook.data.fetch` knows, by name.

:meta hide-value:
"""


def fetch(dataset: str, file: str) -> Path:
    """Give the path of one file of a data set, downloading it if need be.

    A wrong file in ``$DLBOOK_DATA`` is the user's and is never touched; a wrong file
    in the cache is replaced. A download gets its name only once it is complete and
    right, so that two processes may fetch the same file at the same time.

    Args:
        dataset: A name in :data:`~dlbook.data.download.DATASETS`.
        file: The name of one of its files.

    Returns:
        Path of a file whose SHA-256 is the published one.

    Raises:
        ValueError: If the data set or the file is unknown.
        DataError: If a file in ``$DLBOOK_DATA`` is wrong, or if there is no right
            copy and none can be downloaded.
    """
    published = _published(dataset, file)
    if (own := _in_data_folder(dataset, file)) is not None:
        _check_own_file(own, published)
        return own
    address = f"{DATASETS[dataset].address}/{file}"
    try:
        path = pooch.retrieve(address, published, fname=file, path=CACHE / dataset)
    except (OSError, ValueError) as error:  # pooch: no connection; wrong content
        raise DataError(
            f"cannot download {dataset}/{file}: {error}\n"
            f"Get {address} by other means and put it at "
            f"{CACHE / dataset / file}, or set DLBOOK_DATA to a folder that holds "
            f"{dataset}/{file}"
        ) from error
    return Path(path)


def verify(dataset: str) -> list[FileStatus]:
    """Compare the local files of a data set with what was published.

    Reads ``$DLBOOK_DATA`` and the cache, never the network, and changes nothing.

    Args:
        dataset: A name in :data:`~dlbook.data.download.DATASETS`.

    Returns:
        One status a file.

    Raises:
        ValueError: If the data set is unknown.
        DataError: If ``$DLBOOK_DATA`` is not a folder.
    """
    return list(_statuses(dataset))


def _statuses(dataset: str) -> Iterator[FileStatus]:
    for file, published in _known(dataset).files.items():
        path = _in_data_folder(dataset, file) or CACHE / dataset / file
        if not path.exists():
            yield FileStatus(dataset, file, path, "missing")
        elif pooch.file_hash(str(path)) == published:
            yield FileStatus(dataset, file, path, "verified")
        else:
            yield FileStatus(dataset, file, path, "wrong")


def _known(dataset: str) -> Dataset:
    if dataset not in DATASETS:
        raise ValueError(
            f"unknown data set {dataset!r}; expected one of: {', '.join(DATASETS)}"
        )
    return DATASETS[dataset]


def _published(dataset: str, file: str) -> str:
    files = _known(dataset).files
    if file not in files:
        raise ValueError(
            f"{dataset} has no file {file!r}; expected one of: {', '.join(files)}"
        )
    return files[file]


def _in_data_folder(dataset: str, file: str) -> Path | None:
    """Path of the user's own copy of a file in ``$DLBOOK_DATA``, if there is one."""
    folder = os.environ.get("DLBOOK_DATA")
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise DataError(f"DLBOOK_DATA={folder!r} is not a folder; correct or unset it")
    path = Path(folder) / dataset / file
    return path if path.exists() else None


def _check_own_file(path: Path, published: str) -> None:
    actual = pooch.file_hash(str(path))
    if actual != published:
        raise DataError(
            f"{path} is not the published file: its SHA-256 is {actual}, "
            f"expected {published}; replace or remove it"
        )
