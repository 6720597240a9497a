"""Files that hold a tree of tensors and plain values, written all or nothing.

Tensors are stored with safetensors, everything else as JSON in that file's metadata.
Loading runs no code from the file, unlike pickle.
"""

import glob
import hashlib
import json
import os
import uuid
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

_FORMAT = "dlbook-checkpoint-1"


class CheckpointError(ValueError):
    """A checkpoint is damaged, is no checkpoint, or belongs to another run."""


def save_state(path: str | Path, state: dict[str, Any]) -> None:
    """Write a tree of tensors and plain values to one file, all or nothing.

    A reader, or a run after a crash or a power cut, finds the old file or the new one,
    never a part. A tensor that occurs twice in the tree is stored once.

    Args:
        path: The file; its folder is made if need be.
        state: Nested dicts, lists and tuples of tensors, numbers, strings and None.

    Raises:
        TypeError: If the tree holds anything else.
    """
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_pack(state, tensors, {}))
    metadata = {"format": _FORMAT, "state": tree, "sha256": _digest(tree, tensors)}
    replace_file(path, safetensors.torch.save(tensors, metadata))


def load_state(path: str | Path) -> dict[str, Any]:
    """Read what :func:`save_state` wrote.

    Args:
        path: The file.

    Returns:
        A tree equal to the saved one, its tensors on the CPU with their former strides
        (channels-last ones are channels-last again), sharing no memory with each other.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it is damaged or is no checkpoint of this package.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise CheckpointError(
            f"{path} is damaged or no checkpoint: {error}; remove it to start anew"
        ) from error
    if metadata.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path} is no checkpoint of a training run: its format is "
            f"{metadata.get('format')!r}, expected {_FORMAT!r}"
        )
    tree = metadata.get("state", "")
    if _digest(tree, tensors) != metadata.get("sha256"):
        raise CheckpointError(
            f"{path} is damaged: its content does not match its SHA-256; "
            "remove it to start anew"
        )
    return _unpack(json.loads(tree), tensors)


def _pack(value: Any, tensors: dict[str, Tensor], names: dict[tuple, str]) -> Any:
    """Turn a tree into JSON values, moving its tensors to ``tensors``."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [_pack(item, tensors, names) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_pack(item, tensors, names) for item in value]}
    if isinstance(value, dict):  # JSON keys are strings, but ours may be integers
        pairs = [
            [_pack(key, tensors, names), _pack(item, tensors, names)]
            for key, item in value.items()
        ]
        return {"counter" if isinstance(value, Counter) else "dict": pairs}
    if isinstance(value, Tensor):
        return {"tensor": _store(value, tensors, names), "stride": _stride(value)}
    raise TypeError(
        f"a checkpoint holds tensors, numbers, strings, None, lists, tuples and dicts, "
        f"not {type(value).__name__}: {value!r}"
    )


def _store(value: Tensor, tensors: dict[str, Tensor], names: dict[tuple, str]) -> str:
    """Put a contiguous copy into ``tensors``, once for all that share memory."""
    key = (value.data_ptr(), value.device, value.dtype, value.shape, value.stride())
    if key not in names:
        names[key] = str(len(names))
        tensors[names[key]] = (
            value.detach().cpu().clone(memory_format=torch.contiguous_format)
        )
    return names[key]


def _stride(value: Tensor) -> list[int]:
    """Strides of a copy that keeps the order of the axes in memory."""
    return list(torch.empty_like(value, device="meta").stride())


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        stored = tensors[value["tensor"]]
        empty = torch.empty_strided(stored.shape, value["stride"], dtype=stored.dtype)
        return empty.copy_(stored)
    ((kind, items),) = value.items()
    unpacked = _unpack(items, tensors)
    if kind == "tuple":
        return tuple(unpacked)
    return Counter(dict(unpacked)) if kind == "counter" else dict(unpacked)


def _digest(tree: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(tree.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def replace_file(path: str | Path, content: bytes) -> None:
    """Write a file beside and move it into place: it is whole at any moment.

    Processes that write the same file do not get into each other's way: the last one
    wins. One that is killed leaves ``NAME.….tmp`` behind.

    Args:
        path: The file; its folder is made if need be.
        content: What it shall hold.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it gets its name
        os.replace(beside, path)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise


def remove_leftovers(path: str | Path) -> None:
    """Remove what killed calls of :func:`replace_file` have left beside a file.

    Args:
        path: The file, which no other process may be writing.
    """
    path = Path(path)
    for leftover in path.parent.glob(f"{glob.escape(path.name)}.{'?' * 32}.tmp"):
        leftover.unlink(missing_ok=True)
