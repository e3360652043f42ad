"""The flight data is what the issue says it is."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.tour import flights


@pytest.fixture(scope="module")
def year() -> flights.Flights:
    return flights.load()


def test_counts_are_those_of_the_published_data(year: flights.Flights) -> None:
    winter = year.between(date(2013, 1, 1), date(2013, 3, 1))

    assert len(year) == 327_346
    assert len(winter) == 50_009
    assert winter.late.mean() == pytest.approx(0.2283, abs=1e-4)
    july = year.between(date(2013, 7, 1), date(2013, 8, 1))
    assert july.late.mean() == pytest.approx(0.315, abs=1e-3)


def test_nothing_is_a_feature_that_is_known_only_after_departure(year: flights.Flights) -> None:
    assert list(year.features.columns) == list(flights.FEATURES)
    assert not {"dep_delay", "dep_time", "arr_time", "arr_delay", "air_time", "month"} & set(year.features.columns)


def test_flights_are_in_order_and_outcomes_come_hours_later(year: flights.Flights) -> None:
    assert (np.diff(year.departure.astype("int64")) >= 0).all()
    assert (np.diff(year.day.astype("int64")) >= 0).all()
    hours = (year.arrival - year.departure).astype("int64") / 3600
    assert hours.min() > 0
    assert 2 < np.median(hours) < 5


def test_ids_are_unique_and_can_be_sent_in_a_header(year: flights.Flights) -> None:
    assert len(set(year.ids.tolist())) == len(year)
    assert all(c.isalnum() or c in "._-" for c in "".join(year.ids[:5000]))
    assert max(map(len, year.ids)) <= 64


def test_weekday_and_weather_are_those_of_the_flight(year: flights.Flights) -> None:
    first = year.slice(0, 1)

    assert first.day[0] == np.datetime64("2013-01-01")  # a Tuesday
    row = first.features.iloc[0]
    assert (row["weekday"], row["carrier"], row["origin"], row["dest"], row["hour"]) == ("Tue", "UA", "EWR", "IAH", 5)
    assert row["temp"] == pytest.approx(39.02, abs=0.01)
    assert row["plane_age"] == 14  # N14228 was built in 1999


def test_numbers_may_be_unknown_and_categories_never_are(year: flights.Flights) -> None:
    assert not year.features[list(flights.CATEGORIES)].isna().any().any()
    assert 0.1 < year.features["seats"].isna().mean() < 0.2


def test_damaged_data_is_one_clear_sentence(tmp_path: Path) -> None:
    for file in flights.data_folder().iterdir():
        shutil.copy(file, tmp_path)
    (tmp_path / "planes.csv").write_text("tailnum,built\nN1,1999\n")

    with pytest.raises(InvalidInput, match="The flight data can't be read"):
        flights.load(tmp_path)
