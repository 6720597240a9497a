"""Figures of the book: every function draws on an Axes and returns it.

One light, opaque style that sits well on a light and on a dark page, in the
colour-blind-safe colours of Okabe and Ito (2008), "Color Universal Design".
"""

from dlbook.plotting.images import (
    boxes,
    feature_maps,
    image_grid,
    kernels,
    segmentation,
)
from dlbook.plotting.lines import (
    confusion_matrix,
    contours,
    curves,
    decision_regions,
    history,
    path,
)
from dlbook.plotting.tables import heat_map
from dlbook.plotting.theme import COLORS, LINE_STYLES, as_array, style

__all__ = [
    "COLORS",
    "LINE_STYLES",
    "as_array",
    "boxes",
    "confusion_matrix",
    "contours",
    "curves",
    "decision_regions",
    "feature_maps",
    "heat_map",
    "history",
    "image_grid",
    "kernels",
    "path",
    "segmentation",
    "style",
]
