"""Three classic time series."""

import os

import pytest
import torch

from dlbook import data

needs_data = pytest.mark.skipif(
    not os.environ.get("DLBOOK_DATA"), reason="DLBOOK_DATA is not set"
)


@needs_data
@pytest.mark.parametrize(
    ("name", "length", "first", "last"),
    [
        ("airline-passengers", 144, ("1949-01", 112), ("1960-12", 432)),
        ("daily-min-temperatures", 3650, ("1981-01-01", 20.7), ("1990-12-31", 13.0)),
        ("monthly-sunspots", 2820, ("1749-01", 58.0), ("1983-12", 33.4)),
    ],
)
def test_a_series_is_whole_and_in_order(name, length, first, last):
    series = data.time_series(name)
    assert series.values.shape == (length,)
    assert series.values.dtype == torch.float32
    assert series.values.isfinite().all()
    assert len(series.dates) == length
    assert list(series.dates) == sorted(set(series.dates))
    for place, (date, value) in ((0, first), (-1, last)):
        assert series.dates[place] == date
        assert series.values[place].item() == pytest.approx(value)
    assert series.unit


def test_an_unknown_series_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"'stocks'.*airline-passengers, daily-min"):
        data.time_series("stocks")
