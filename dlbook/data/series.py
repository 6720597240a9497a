"""Measurements at equal distances in time."""

import csv
from dataclasses import dataclass

import torch
from torch import Tensor

from dlbook.data.download import fetch

_UNITS = {
    "airline-passengers": "thousand passengers a month",
    "daily-min-temperatures": "°C",
    "monthly-sunspots": "monthly mean of the daily sunspot number",
}


@dataclass(frozen=True)
class TimeSeries:
    """One number after another, and when each was measured.

    Attributes:
        values: ``(time,)``, float32, in ``unit``.
        dates: ISO date of each value: ``1949-01`` is a month, ``1981-01-01`` a day.
        unit: What the numbers count or measure.
    """

    values: Tensor
    dates: tuple[str, ...]
    unit: str


def time_series(name: str) -> TimeSeries:
    """Load one of three classic series.

    - ``airline-passengers``: 144 months from 1949, on international flights. Box &
      Jenkins (1976), Time Series Analysis, series G. It grows, and its seasons with it.
    - ``daily-min-temperatures``: 3,650 days from 1981 in Melbourne; Bureau of
      Meteorology. The last day of each leap year is missing.
    - ``monthly-sunspots``: 2,820 months from 1749; SILSO, in the version of Andrews &
      Herzberg (1985), Data. A cycle of about eleven years.

    Args:
        name: One of these.

    Returns:
        The series, from the earliest value to the latest.

    Raises:
        ValueError: If the name is unknown.
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    if name not in _UNITS:
        raise ValueError(
            f"unknown series {name!r}; expected one of: {', '.join(_UNITS)}"
        )
    text = fetch("timeseries", f"{name}.csv").read_text(encoding="utf-8")
    _, *rows = csv.reader(text.splitlines())  # after the names of the columns
    values = torch.tensor([float(value) for _, value in rows])
    return TimeSeries(values, tuple(date for date, _ in rows), _UNITS[name])
