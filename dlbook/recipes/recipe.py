"""What a full-size experiment is, and the record it leaves."""

import hashlib
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from dlbook import runtime
from dlbook.training import Checkpoint
from dlbook.training.statefile import replace_file


@dataclass(frozen=True)
class Outcome:
    """What one seed of a recipe reached.

    Attributes:
        seed: Of the initial weights, the order of the samples and all else random.
        value: The recipe's metric on the test set, after the last epoch.
        training_value: The same in the last epoch, on training batches as they were
            learned.
        seconds: For training and evaluating, interruptions not counted.
    """

    seed: int
    value: float
    training_value: float
    seconds: float


@dataclass(frozen=True)
class Peer:
    """What another method or book reaches on the same test set.

    Attributes:
        name: Of the method or book.
        values: One number a run, of the recipe's metric.
        source: Where the numbers come from.
    """

    name: str
    values: tuple[float, ...]
    source: str


@dataclass(frozen=True)
class Recipe:
    """A full-size experiment that can be repeated from its name alone.

    Attributes:
        name: What it is called on the command line.
        summary: One line about it.
        config: Everything that decides about its result, except the seed.
        train: Trains with a seed, a checkpoint or None, and a progress bar or none.
        seeds: How many seeds to run if nothing else is said.
        peers: Gives what the result is to be compared with.
        metric: What is measured, with its unit.
    """

    name: str
    summary: str
    config: Mapping[str, Any]
    train: Callable[[int, Checkpoint | None, bool], Outcome]
    seeds: int
    peers: Callable[[], list[Peer]]
    metric: str = "test accuracy"


def checkpoint_path(recipe: Recipe, folder: Path, seed: int) -> Path:
    """Name the checkpoint of one seed of a recipe."""
    return folder / f"{recipe.name}-seed-{seed}.safetensors"


def write_results(
    path: Path,
    recipe: Recipe,
    outcomes: Sequence[Outcome],
    peers: Sequence[Peer],
    command: str,
    version: Mapping[str, Any],
) -> dict[str, Any]:
    """Write down what a recipe reached: how, with what code, and on which machine.

    Args:
        path: The JSON file, which is replaced as a whole.
        recipe: What was run.
        outcomes: One a seed.
        peers: What they are compared with.
        command: How it was run.
        version: From :func:`code_version`, before it was run.

    Returns:
        What was written.
    """
    values = [outcome.value for outcome in outcomes]
    results = {
        "recipe": recipe.name,
        "summary": recipe.summary,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        **version,
        "machine": machine(),
        "config": dict(recipe.config),
        "config_sha256": config_hash(recipe.config),
        "metric": recipe.metric,
        "mean": statistics.mean(values),
        "min": min(values),
        "max": max(values),
        "seconds": statistics.mean(outcome.seconds for outcome in outcomes),
        "seeds": [asdict(outcome) for outcome in outcomes],
        "peers": [asdict(peer) for peer in peers],
    }
    text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
    replace_file(path, text.encode())
    return results


def config_hash(config: Mapping[str, Any]) -> str:
    """Hash a configuration: SHA-256 of its JSON with sorted keys."""
    return hashlib.sha256(json.dumps(dict(config), sort_keys=True).encode()).hexdigest()


def code_version() -> dict[str, Any]:
    """Name the commit, and whether the package was changed since; None without git."""
    folder = Path(runtime.__file__).parent  # the package's
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return {
        "commit": commit,
        "uncommitted_changes": None if commit is None else changes != "",
    }


def machine() -> dict[str, Any]:
    """Describe the machine as far as it decides about results and times."""
    device = runtime.device()
    on_gpu = device.type == "cuda"
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if on_gpu else device.type,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()
