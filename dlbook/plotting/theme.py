"""The look of all figures."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from cycler import cycler
from matplotlib_inline.backend_inline import set_matplotlib_formats

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":", "-", "--", "-.")


def style() -> None:
    """Set the book's figure style: SVG, white ground, colour-blind-safe cycle."""
    set_matplotlib_formats("svg")
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINE_STYLES),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "figure.figsize": (6.4, 3.6),
            "font.size": 11,
            "grid.alpha": 0.3,
            "image.cmap": "gray",
            "image.interpolation": "nearest",
            "legend.edgecolor": "none",
            "legend.framealpha": 0.85,
            "savefig.facecolor": "white",
            "svg.hashsalt": "dlbook",
        }
    )


def as_array(values) -> np.ndarray:
    """Bring a list of numbers or a tensor, from any device, to NumPy for drawing."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
    return np.asarray(values)
