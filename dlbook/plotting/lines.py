"""Curves, planes and tables."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes

from dlbook.plotting.theme import COLORS, as_array
from dlbook.training import History


def curves(
    series: Mapping[str, Sequence[float] | torch.Tensor],
    ax: Axes,
    x: Sequence[float] | torch.Tensor | None = None,
    xlabel: str = "",
    ylabel: str = "",
) -> Axes:
    """Draw named lines over a common axis, told apart by colour and by dash.

    Args:
        series: Values of each line, by its name in the legend.
        ax: Where to draw.
        x: Positions shared by all lines; default 0, 1, 2, …
        xlabel: Label of the horizontal axis, with its unit.
        ylabel: Label of the vertical axis, with its unit.

    Returns:
        ``ax``.

    Raises:
        ValueError: If a line's length differs from that of ``x``.
    """
    for name, values in series.items():
        y = as_array(values)
        positions = np.arange(len(y)) if x is None else as_array(x)
        if len(positions) != len(y):
            raise ValueError(
                f"line {name!r} has {len(y)} values, but x has {len(positions)}"
            )
        ax.plot(positions, y, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(series) > 1:
        ax.legend()
    return ax


def history(history: History, ax: Axes) -> Axes:
    """Draw the loss of a training run by epoch, with the validation loss if it has one.

    Args:
        history: What `dlbook.training.fit` returned.
        ax: Where to draw.

    Returns:
        ``ax``.
    """
    epochs = range(1, len(history.train_loss) + 1)
    lines = {"training": history.train_loss}
    if history.validation_loss:
        lines["validation"] = history.validation_loss
    return curves(lines, ax, x=list(epochs), xlabel="epoch", ylabel="loss")


def confusion_matrix(
    counts: torch.Tensor | np.ndarray, ax: Axes, class_names: Sequence[str]
) -> Axes:
    """Draw how often each true class was taken for each predicted one.

    Args:
        counts: ``(classes, classes)``; row: true class, column: predicted class.
        ax: Where to draw.
        class_names: One name a class.

    Returns:
        ``ax``.

    Raises:
        ValueError: If ``counts`` has another shape.
    """
    table = as_array(counts)
    if table.shape != (len(class_names),) * 2:
        raise ValueError(
            f"{len(class_names)} class names need counts of shape "
            f"{(len(class_names),) * 2}, got {table.shape}"
        )
    mistakes = table - np.diag(np.diag(table))
    ax.imshow(mistakes, cmap="Oranges", vmax=max(1, 1.5 * mistakes.max()))
    for (row, column), count in np.ndenumerate(table):
        if count:
            weight = "bold" if row == column else "normal"
            ax.text(
                column,
                row,
                f"{count:.0f}",
                ha="center",
                va="center",
                weight=weight,
                size=9,
            )
    ax.set_xticks(range(len(class_names)), class_names)
    ax.set_yticks(range(len(class_names)), class_names)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.grid(False)
    return ax


def decision_regions(
    model: Callable[[torch.Tensor], torch.Tensor],
    inputs: torch.Tensor,
    labels: torch.Tensor,
    ax: Axes,
) -> Axes:
    """Colour the plane by the class a model predicts, and draw the points over it.

    Args:
        model: Maps ``(n, 2)`` to class scores ``(n, classes)``.
        inputs: ``(n, 2)``.
        labels: ``(n,)``, whole numbers from 0.
        ax: Where to draw.

    Returns:
        ``ax``.

    Raises:
        ValueError: If there are more classes than colours.
    """
    num_classes = int(labels.max()) + 1
    if num_classes > len(COLORS):
        raise ValueError(f"at most {len(COLORS)} classes, got {num_classes}")
    low, high = inputs.amin(0) - 0.3, inputs.amax(0) + 0.3
    xs = torch.linspace(float(low[0]), float(high[0]), 200)
    ys = torch.linspace(float(low[1]), float(high[1]), 200)
    plane = torch.cartesian_prod(xs, ys).to(inputs)
    with torch.no_grad():
        classes = model(plane).argmax(1).reshape(200, 200).T.cpu()
    ax.contourf(
        xs, ys, classes, levels=np.arange(num_classes + 1) - 0.5,
        colors=COLORS[:num_classes], alpha=0.25,
    )  # fmt: skip
    for label in range(num_classes):
        x, y = as_array(inputs[labels == label]).T
        ax.scatter(x, y, s=12, color=COLORS[label], label=f"class {label}")
    ax.set(xlabel="first input", ylabel="second input")
    ax.legend()
    return ax


def contours(
    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ax: Axes,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    levels: int | Sequence[float] = 20,
) -> Axes:
    """Draw the level lines of a function of two variables.

    Args:
        function: Maps two grids of one shape to the values on them.
        ax: Where to draw.
        xlim: Range of the first variable.
        ylim: Range of the second variable.
        levels: How many lines, or at which values.

    Returns:
        ``ax``.
    """
    xs, ys = torch.linspace(*xlim, 200), torch.linspace(*ylim, 200)
    grid_x, grid_y = torch.meshgrid(xs, ys, indexing="xy")
    values = function(grid_x, grid_y)
    ax.contour(grid_x, grid_y, values, levels=levels, cmap="viridis", linewidths=0.8)
    ax.grid(False)
    return ax


def path(points: torch.Tensor, ax: Axes, label: str | None = None) -> Axes:
    """Draw the way an optimizer went: a dot a step, a cross at the end.

    Args:
        points: ``(steps, 2)``.
        ax: Where to draw.
        label: Name in the legend.

    Returns:
        ``ax``.
    """
    x, y = as_array(points).T
    (line,) = ax.plot(x, y, marker=".", markersize=4, linewidth=1, label=label)
    ax.plot(x[-1], y[-1], marker="x", markersize=8, color=line.get_color())
    return ax
