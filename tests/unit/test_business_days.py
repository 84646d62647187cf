"""Working days by country."""

import numpy as np
import pandas as pd

from models.business_days import next_working_days


def moved(day: str, country: str | None) -> str:
    found = next_working_days(np.array([day], dtype="datetime64[D]"), pd.Series([country], dtype=object))
    return str(found[0].astype("datetime64[D]"))


def test_weekends_and_holidays() -> None:
    assert moved("2024-05-08", "DE") == "2024-05-08"
    assert moved("2024-05-09", "DE") == "2024-05-10"  # Ascension day
    assert moved("2024-05-09", "US") == "2024-05-09"
    assert moved("2024-12-25", "DE") == "2024-12-27"  # two holidays
    assert moved("2024-12-28", None) == "2024-12-30"  # a Saturday, country not given
    assert moved("2024-12-28", "XX") == "2024-12-30"  # no calendar of that code
    assert moved("2023-12-30", "DE") == "2024-01-02"  # over the turn of the year
    assert moved("2024-05-10", "AE") == "2024-05-10"  # a Friday, a working day there since 2022
    assert moved("2024-05-10", "SA") == "2024-05-12"  # a Friday, weekend there
