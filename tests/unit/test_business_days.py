"""Working days by country and currency."""

import numpy as np
import pandas as pd

from models.delay.business_days import next_working_days


def moved(day: str, country: str | None, currency: str | None = None) -> str:
    codes = (pd.Series([code], dtype=object) for code in (country, currency))
    found = next_working_days(np.array([day], dtype="datetime64[D]"), *codes)
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


def test_closing_days_of_the_payment_system() -> None:
    assert moved("2019-11-11", None, "USD") == "2019-11-12"  # Veterans Day: the Federal Reserve is closed
    assert moved("2019-11-11", "DE", "EUR") == "2019-11-11"
    assert moved("2020-02-24", "BR", "BRL") == "2020-02-26"  # Carnival, no public holiday in law
    assert moved("2024-04-01", "US", "EUR") == "2024-04-02"  # Easter Monday, by TARGET


def test_each_day_has_its_own_calendar() -> None:
    days = np.array(["2019-11-11", "2019-11-11", "2019-11-09"], dtype="datetime64[D]")
    found = next_working_days(days, pd.Series(["US", "DE", None]), pd.Series(["USD", "EUR", "XXX"]))
    assert found.astype("datetime64[D]").astype(str).tolist() == ["2019-11-12", "2019-11-11", "2019-11-11"]
