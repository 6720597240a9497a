"""Fetch the classic data sets, checked by SHA-256 wherever they come from.

A file is looked up in the folder ``$DLBOOK_DATA``, then in the user's cache, then
on the network. In the first two a data set is a folder that holds the published
files under their own names, say ``fashion-mnist/train-images-idx3-ubyte.gz``.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal
from zipfile import BadZipFile, ZipFile

import pooch

from dlbook.data.published import DATASETS, Dataset

CACHE = Path(pooch.os_cache("dlbook"))
# pooch: no connection; wrong content. An archive: cut off or damaged.
_FAILURES = (OSError, ValueError, BadZipFile, zlib.error)


class DataError(OSError):
    """A data file is missing, cannot be downloaded, or is not the published one."""


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


def fetch(dataset: str, file: str) -> Path:
    """Give the path of one file of a data set, downloading it if need be.

    A wrong file in ``$DLBOOK_DATA`` is the user's and is never touched; a wrong file
    in the cache is replaced. A download gets its name only once it is complete and
    right, so that two processes may fetch the same file at the same time.

    Args:
        dataset: A name in :data:`~dlbook.data.published.DATASETS`.
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
    address = DATASETS[dataset].address
    archived = address.endswith(".zip")
    try:
        path = pooch.retrieve(
            address if archived else f"{address}/{file}",
            published,
            fname=file,
            path=CACHE / dataset,
            downloader=partial(_unpack, file) if archived else None,
        )
    except _FAILURES as error:
        raise DataError(
            f"cannot download {dataset}/{file}: {error}\n"
            f"Get {f'{file} in {address}' if archived else f'{address}/{file}'} by "
            f"other means and put it at {CACHE / dataset / file}, or set DLBOOK_DATA "
            f"to a folder that holds {dataset}/{file}"
        ) from error
    return Path(path)


def _unpack(file: str, address: str, output: str, _: object) -> None:
    """Download a zip archive and write one of its files to ``output``."""
    with TemporaryFile() as archive:
        pooch.HTTPDownloader()(address, archive, None)
        with ZipFile(archive) as opened:
            names = [name for name in opened.namelist() if Path(name).name == file]
            if len(names) != 1:
                raise ValueError(f"{address} holds {len(names)} files {file}, not 1")
            Path(output).write_bytes(opened.read(names[0]))


def verify(dataset: str) -> list[FileStatus]:
    """Compare the local files of a data set with what was published.

    Reads ``$DLBOOK_DATA`` and the cache, never the network, and changes nothing.

    Args:
        dataset: A name in :data:`~dlbook.data.published.DATASETS`.

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
