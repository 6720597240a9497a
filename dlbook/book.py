"""What a chapter needs to speak to its reader: the source, and checked numbers."""

import html
import inspect
import json
import math
import statistics
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.display import Markdown, display

RESULTS = Path(__file__).resolve().parents[1] / "results"
"""Where the recipes' results lie, beside the package."""


def show_source(obj: Callable[..., Any] | type) -> None:
    """Show the very source of something the chapter imports, highlighted.

    Args:
        obj: A function or class of ``dlbook``.

    Raises:
        TypeError: If ``obj`` has no Python source of its own.
    """
    try:
        source = inspect.getsource(obj)
        file = Path(inspect.getsourcefile(inspect.unwrap(obj)) or "")
    except (TypeError, OSError) as error:
        raise TypeError(
            f"show_source expects a function or class, got {obj!r}"
        ) from error
    package = Path(__file__).parent
    where = file.name
    if file.is_relative_to(package):
        where = file.relative_to(package.parent).as_posix()
    display(Markdown(f"From `{where}`:\n\n````python\n{textwrap.dedent(source)}\n````"))


def record(
    name: str,
    value: Any,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    near: tuple[float, float] | None = None,
    unit: str = "",
    peer: str | None = None,
) -> None:
    """State a number: check it, show it, lend it to the prose, enter it in the ledger.

    With a bound the number is *asserted* and the cell fails when the bound breaks.
    Without one it is *measured* (a time, a size, a ratio) and needs a unit.

    The displayed output carries the value for ``{glue:text}`` and the ledger row in its
    metadata, so this writes no file and needs no Sphinx.

    Args:
        name: What was measured; each name once in a chapter.
        value: A finite number, or a tensor or array that holds just one.
        at_least: Smallest value that keeps the claim.
        at_most: Largest value that keeps the claim.
        near: ``(expected, tolerance)``: the claim holds for ``expected ± tolerance``.
        unit: Unit of ``value``: ``"s"``, ``"MB"``, ``"×"``; empty for fractions.
        peer: What somebody else reached on the same work, with the source.

    Raises:
        AssertionError: If the value breaks a bound.
        TypeError: If the value is no number.
        ValueError: If the value is not finite, or has neither a bound nor a unit, or
            if the tolerance of ``near`` is negative.
    """
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, (int, float)):
        raise TypeError(f"{name!r} must be a number, got {value!r}")
    number = int(value) if isinstance(value, int) else float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name!r} must be a finite number, got {number}")
    bounds = _bounds(at_least, at_most, near)
    if not bounds and not unit:
        raise ValueError(
            f"{name!r} needs a bound (at_least, at_most or near), or, if it is only "
            "measured, a unit"
        )
    broken = [text for text, holds in bounds if not holds(number)]
    if broken:
        raise AssertionError(
            f"{name!r} is {number:.6g}{_unit(unit)}, expected {' and '.join(broken)}"
        )
    row = {
        "name": name,
        "value": number,
        "unit": unit,
        "kind": "asserted" if bounds else "measured",
        "bound": " and ".join(text for text, _ in bounds),
        "note": "" if bounds else "measured here",
        "peer": peer or "",
    }
    _display_row(row)


def show_result(recipe: str) -> None:
    """Show what a full-size recipe reached, with its command and its machine.

    The numbers are read from ``results/<recipe>.json``, which
    ``python -m dlbook train`` wrote; nothing is trained here.

    Args:
        recipe: The recipe's name.

    Raises:
        FileNotFoundError: If no such result lies beside the package.
    """
    path = RESULTS / f"{recipe}.json"
    if not path.exists():
        known = sorted(found.stem for found in RESULTS.glob("*.json"))
        raise FileNotFoundError(f"no result {path.name} in {RESULTS}, only {known}")
    result = json.loads(path.read_text(encoding="utf-8"))
    machine, seeds = result["machine"], len(result["seeds"])
    lines = [f"{result['metric']} | seeds | seconds a run", "--- | --- | ---"]
    lines.append(
        f"**{result['mean']:.4f}** ({result['min']:.4f} to {result['max']:.4f}) | "
        f"{seeds} | {result['seconds']:.0f}"
    )
    where = f"{machine['cpu']}, {machine['threads']} threads, {machine['device']}"
    note = (
        f"`{result['command']}` on {where}, torch {machine['torch']}, {result['date']}"
    )
    display(Markdown("\n".join(f"| {line} |" for line in lines) + f"\n\n{note}"))
    peers = "; ".join(
        f"{peer['name']} {statistics.mean(peer['values']):.3f}"
        for peer in result["peers"]
    )
    row = {
        "name": f"{recipe}, {result['metric']}",
        "value": result["mean"],
        "unit": "",
        "kind": "recipe",
        "bound": "",
        "note": f"mean of {seeds} seeds, from results/{path.name}",
        "peer": peers,
    }
    _display_row(row)


def _bounds(at_least, at_most, near):
    bounds = []
    if at_least is not None:
        bounds.append((f"at least {at_least:.6g}", lambda number: number >= at_least))
    if at_most is not None:
        bounds.append((f"at most {at_most:.6g}", lambda number: number <= at_most))
    if near is not None:
        expected, tolerance = near
        if tolerance < 0:
            raise ValueError(f"the tolerance must not be negative, got {tolerance}")
        bounds.append(
            (
                f"{expected:.6g} ± {tolerance:.2g}",
                lambda number: abs(number - expected) <= tolerance,
            )
        )
    return bounds


def _unit(unit):
    return f" {unit}" if unit else ""


def _display_row(row):
    """Show one ledger row, as plain text and as HTML, with its metadata."""
    number, shown = f"{row['value']:.6g}", f"{row['value']:.4g}"
    if isinstance(row["value"], int):
        number, shown = str(row["value"]), f"{row['value']:,}"
    shown += _unit(row["unit"])
    note = f"checked: {row['bound']}" if row["bound"] else row["note"]
    if row["peer"]:
        note += f"; for comparison: {row['peer']}"
    line = (
        f'<div class="dlbook-record">{html.escape(row["name"])}: '
        f"<strong>{html.escape(shown)}</strong> "
        f"<small>({html.escape(note)})</small></div>"
    )
    display(
        {"text/plain": number, "text/html": line},
        raw=True,
        metadata={
            "scrapbook": {"name": row["name"], "mime_prefix": ""},
            "dlbook": row,
        },
    )
