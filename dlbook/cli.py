"""The command line: ``python -m dlbook``."""

import importlib.metadata
import os
import platform
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from dlbook import __version__, runtime
from dlbook.data import DATASETS, download, fetch, verify

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="The companion of the book: check the machine, get data, measure, train.",
)
data_app = typer.Typer(no_args_is_help=True, help="The classic data sets.")
app.add_typer(data_app, name="data")

SAVE_EVERY = 100  # steps, besides the end of every epoch
Datasets = Annotated[list[str] | None, typer.Argument(help="Default: all.")]


@app.command()
def doctor() -> None:
    """Show versions, device, memory, and which data is here."""
    table = _table("", "")
    for name, value in _facts().items():
        table.add_row(name, value)
    for dataset in DATASETS:
        table.add_row(dataset, _or_error(_found, dataset))
    _console().print(table)


@data_app.command("list")
def list_data() -> None:
    """List the data sets, their licences, and whether they are here."""
    with _errors_in_words():
        table = _table("name", "data set", "licence", "here")
        for name, dataset in DATASETS.items():
            table.add_row(name, dataset.title, dataset.licence, _found(name))
        _console().print(table)


@data_app.command("fetch")
def fetch_data(datasets: Datasets = None) -> None:
    """Download what is missing; everything is checked by its SHA-256."""
    with _errors_in_words():
        for dataset, file in _files(datasets):
            typer.echo(fetch(dataset, file))


@data_app.command("verify")
def verify_data(datasets: Datasets = None) -> None:
    """Compare local files with their published SHA-256, without the network."""
    with _errors_in_words():
        statuses = [status for name in datasets or DATASETS for status in verify(name)]
        for status in statuses:
            typer.echo(f"{status.state:8}  {status.path}")
        if any(status.state == "wrong" for status in statuses):
            raise typer.Exit(1)


@app.command()
def bench() -> None:
    """Measure layers, networks, optimizers and schedules against torch's."""
    from dlbook.bench import run_benchmarks, run_step_benchmarks

    table = _table(
        "layer", "input", "error", "forward", "backward", "ours, ms", "torch, ms"
    )
    with _errors_in_words(), Live(table, console=_console()):
        for row in run_benchmarks():
            table.add_row(
                row.name,
                "×".join(map(str, row.shape)),
                f"{row.error:.0e}",
                f"{row.forward_ratio:.2f}",
                f"{row.backward_ratio:.2f}",
                f"{row.ours_ms:.2f}",
                f"{row.torch_ms:.2f}",
            )
    typer.echo()
    steps = _table("step of", "numbers", "error", "ratio", "ours, ms", "torch, ms")
    with _errors_in_words(), Live(steps, console=_console()):
        for step in run_step_benchmarks():
            steps.add_row(
                step.name,
                f"{step.numbers:,}",
                f"{step.error:.0e}",
                f"{step.ratio:.2f}",
                f"{step.ours_ms:.3f}",
                f"{step.torch_ms:.3f}",
            )
    typer.echo()


def _results_file(path: Path | None) -> Path | None:
    """Refuse, before hours of training, a file that could not be written then."""
    if path is None:
        return None
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder, not a file")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"the folder {path.parent} cannot be written to")
    return path


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Its name; a wrong one lists them.")],
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How many: 0, 1, 2 …")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder in which to save the run.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from there.")] = False,
    results: Annotated[
        Path | None,
        typer.Option(help="JSON file for the results.", callback=_results_file),
    ] = None,
) -> None:
    """Run a full-size experiment, one seed after the other.

    Several processes share each run if torchrun starts them: torchrun --nproc-per-node
    N -m dlbook train RECIPE.
    """
    from dlbook.recipes import RECIPES, code_version, write_results
    from dlbook.training.parallel import processes

    if recipe not in RECIPES:
        raise typer.BadParameter(f"{recipe!r} is none of: {', '.join(RECIPES)}")
    chosen = RECIPES[recipe]
    seeds = seeds or chosen.seeds
    command = ["python", "-m", "dlbook", "train", recipe, "--seeds", str(seeds)]
    command += ["--results", str(results)] if results else []
    with (
        _errors_in_words(),
        _interrupted_in_words(command, checkpoint),
        processes() as number,
        _silenced(number > 0),
    ):
        version = code_version()
        outcomes = list(_outcomes(chosen, seeds, checkpoint, resume))
        if number > 0:
            return
        peers = chosen.peers()
        _print_comparison(chosen, outcomes, peers)
        if results:
            line = shlex.join(command)
            write_results(results, chosen, outcomes, peers, line, version)


@contextmanager
def _silenced(silent: bool) -> Iterator[None]:
    """Print nothing, where another process prints the same."""
    with ExitStack() as stack:
        if silent:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
        yield


def _outcomes(
    recipe: Any, seeds: int, folder: Path | None, resume: bool
) -> Iterator[Any]:
    """Train with one seed after the other, telling what each reached."""
    from dlbook.recipes import checkpoint_path, config_hash
    from dlbook.training import Checkpoint

    paths = [folder and checkpoint_path(recipe, folder, s) for s in range(seeds)]
    if resume and not folder:
        raise typer.BadParameter("--resume needs --checkpoint, the run's folder")
    for path in paths:
        if path and path.exists() and not resume:
            raise typer.BadParameter(
                f"{path} exists: add --resume to go on, or choose another folder"
            )
    if resume and not any(path and path.exists() for path in paths):
        typer.echo(f"nothing to resume in {folder}, starting anew")
    experiment = f"{recipe.name} {config_hash(recipe.config)}"
    for seed, path in enumerate(paths):
        checkpoint = path and Checkpoint(path, SAVE_EVERY, resume, experiment)
        outcome = recipe.train(seed, checkpoint, True)
        typer.echo(
            f"seed {seed}: {recipe.metric} {outcome.value:.4f}, {outcome.seconds:.1f} s"
        )
        yield outcome


def _print_comparison(recipe: Any, outcomes: list[Any], peers: list[Any]) -> None:
    table = _table(recipe.metric, "mean", "min", "max")
    rows = {recipe.name: [outcome.value for outcome in outcomes]}
    rows |= {peer.name: peer.values for peer in peers}
    for name, values in rows.items():
        numbers = (sum(values) / len(values), min(values), max(values))
        table.add_row(name, *(f"{number:.4f}" for number in numbers))
    _console().print(table)


def _facts() -> dict[str, str]:
    versions = ("torch", "numpy", "scikit-learn", "matplotlib", "safetensors", "pooch")
    return {
        "dlbook": __version__,
        "python": f"{platform.python_version()} on {platform.system()}",
        **{name: importlib.metadata.version(name) for name in versions},
        "device": _or_error(lambda: str(runtime.device())),
        "threads": f"{torch.get_num_threads()} of {os.cpu_count()} cores",
        "memory": _memory(),
        "DLBOOK_DATA": os.environ.get("DLBOOK_DATA") or "not set",
        "data cache": str(download.CACHE),
    }


def _or_error(fact: Callable[..., str], *arguments: str) -> str:
    """Give a fact about this machine, or why it is not to be had."""
    try:
        return fact(*arguments)
    except (ValueError, OSError) as error:
        return f"error: {error}"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no such call on Windows
        return "unknown"
    return f"{size / 2**30:.1f} GiB"


def _found(dataset: str) -> str:
    """Tell in a word or two whether a data set is on this machine."""
    statuses = verify(dataset)
    states = {status.state for status in statuses}
    if "wrong" in states:
        return "damaged (see data verify)"
    if states == {"verified"}:
        return f"yes, {statuses[0].path.parent}"
    return "no" if states == {"missing"} else "in part"


def _files(datasets: list[str] | None) -> list[tuple[str, str]]:
    unknown = [name for name in datasets or [] if name not in DATASETS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of: {', '.join(DATASETS)}")
    return [
        (name, file) for name in datasets or DATASETS for file in DATASETS[name].files
    ]


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """Show what the package refuses as one message instead of a traceback."""
    try:
        yield
    except (ValueError, OSError, FloatingPointError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@contextmanager
def _interrupted_in_words(command: list[str], folder: Path | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        message = "interrupted; nothing was saved (--checkpoint FOLDER saves the run)"
        if folder:
            resumed = shlex.join([*command, "--checkpoint", str(folder), "--resume"])
            message = f"interrupted; go on with: {resumed}"
        typer.echo(f"\n{message}", err=True)
        raise typer.Exit(130) from None


def _console() -> Console:
    return Console(soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, show_header=any(columns), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table
