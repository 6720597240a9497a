"""Tables of numbers as shades."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes

from dlbook.plotting.theme import as_array


def heat_map(
    values: torch.Tensor | np.ndarray,
    ax: Axes,
    columns: Sequence[str],
    rows: Sequence[str],
    limits: tuple[float, float] = (0.0, 1.0),
) -> Axes:
    """Shade every number of a table, dark for large: which token looks at which.

    Args:
        values: ``(rows, columns)``.
        ax: Where to draw.
        columns: A text under each column; upright if all are short.
        rows: A text beside each row.
        limits: The numbers drawn white and darkest.

    Returns:
        ``ax``.

    Raises:
        ValueError: If ``values`` has another shape than the texts ask for.
    """
    table = as_array(values)
    if table.shape != (len(rows), len(columns)):
        raise ValueError(
            f"{len(rows)} row and {len(columns)} column texts need values of shape "
            f"{(len(rows), len(columns))}, got {table.shape}"
        )
    ax.imshow(table, cmap="Blues", vmin=limits[0], vmax=limits[1], aspect="auto")
    turned = 0 if max(map(len, columns), default=0) <= 3 else 90
    ax.set_xticks(range(len(columns)), columns, rotation=turned)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.grid(False)
    return ax
