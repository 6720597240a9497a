"""What the benchmarks share."""

import time
from collections.abc import Iterable

import torch


def chosen_names(names: Iterable[str], only: str | None) -> list[str]:
    """Choose rows by a part of their name.

    Args:
        names: Of all rows.
        only: Choose only names that contain this, in any case; None chooses all.

    Returns:
        The names chosen, in their order.

    Raises:
        ValueError: If no name contains ``only``; all names are listed.
    """
    names = list(names)
    chosen = [name for name in names if only is None or only.lower() in name.lower()]
    if not chosen:
        raise ValueError(
            f"no benchmark is named {only!r}; there are: {', '.join(names)}"
        )
    return chosen


def now(device: torch.device) -> float:
    """Read the clock once the device has finished what it was given.

    Args:
        device: Where the work is done.

    Returns:
        Seconds, from an arbitrary moment on.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()
