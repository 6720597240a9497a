"""Where and how computations run: seeds, devices, generators, evaluation mode."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Make a run repeatable on one machine.

    Seeds Python's, NumPy's and torch's generators (CUDA's too), and asks torch for
    deterministic algorithms where it has them. Equal seeds give equal numbers for
    the same machine, thread count and library versions; not across machines.

    Args:
        seed: A whole number from 0 to 2**32 - 1 (NumPy's range).

    Raises:
        TypeError: If ``seed`` is not an integer.
        ValueError: If ``seed`` is out of range.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be an integer, not {type(seed).__name__}: {seed!r}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must lie in 0 … 2**32 - 1, got {seed}")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    random.seed(int(seed))
    np.random.seed(int(seed))
    torch.manual_seed(int(seed))
    torch.use_deterministic_algorithms(True, warn_only=True)


def device() -> torch.device:
    """Choose where tensors live: CUDA if there is one, else Apple's MPS, else the CPU.

    The environment variable ``DLBOOK_DEVICE`` (``cpu``, ``cuda``, ``cuda:1``, ``mps``)
    overrides the choice. Of several processes that torchrun starts each takes a CUDA
    device of its own.

    Returns:
        A device that this machine has.

    Raises:
        ValueError: If ``DLBOOK_DEVICE`` names no device, or one that is not here.
    """
    wanted = os.environ.get("DLBOOK_DEVICE", "").strip()
    available = _available_devices()
    if not wanted:
        own = f"cuda:{os.environ.get('LOCAL_RANK')}"
        return torch.device(own if own in available else available[0])
    try:
        chosen = torch.device(wanted)
    except RuntimeError:
        chosen = None
    if chosen is None or str(chosen) not in available:
        raise ValueError(
            f"DLBOOK_DEVICE={wanted!r} is not a device of this machine; "
            f"expected one of: {', '.join(available)}"
        )
    return chosen


def generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Make a random generator of its own, untouched by any other code's draws.

    Args:
        seed: Start of the sequence.
        device: Where the drawn tensors will live.

    Returns:
        A freshly seeded generator.
    """
    return torch.Generator(device=device).manual_seed(seed)


@contextmanager
def evaluation_mode(model: torch.nn.Module) -> Iterator[None]:
    """Use a model in evaluation mode and without gradients, and leave no trace.

    Args:
        model: The mode of each of its parts is put back at the end, also of those that
            were in another mode than the whole, and after an error.

    Yields:
        Nothing.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, was_training in modes.items():
            module.training = was_training


def _available_devices() -> list[str]:
    names = []
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names += ["mps"]
    return [*names, "cpu"]
