"""Working days: the next day that is neither a weekend nor a public holiday of a country."""

from __future__ import annotations

from functools import cache

import holidays
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Dates = NDArray[np.datetime64]
WEEKMASK = {
    "AE": "1111100",
    "SA": "1111001",
    "IL": "1111001",
    "EG": "1111001",
    "JO": "1111001",
    "KW": "1111001",
    "QA": "1111001",
    "BH": "1111001",
    "OM": "1111001",
}
MONDAY_TO_FRIDAY = "1111100"


@cache
def _holidays(country: str, year: int) -> tuple[np.datetime64, ...]:
    if country not in holidays.list_supported_countries():
        return ()
    return tuple(np.datetime64(d, "D") for d in sorted(holidays.country_holidays(country, years=year)))


def next_working_days(days: Dates, countries: pd.Series) -> Dates:
    """Each day, or the first working day after it in the item's country.

    countries : ISO 3166 alpha-2 codes; where one is missing or unknown to the calendar, weekends alone are skipped.
    """
    asked = np.asarray(days).astype("datetime64[D]")
    out = np.empty_like(asked)
    names = countries.astype(object).where(countries.notna(), "").to_numpy(dtype=str)
    for country in np.unique(names):
        rows = names == country
        years = asked[rows].astype("datetime64[Y]").astype(int) + 1970
        closed = [d for year in range(int(years.min()), int(years.max()) + 2) for d in _holidays(str(country), year)]
        calendar = np.busdaycalendar(weekmask=WEEKMASK.get(str(country), MONDAY_TO_FRIDAY), holidays=closed)
        out[rows] = np.busday_offset(asked[rows], 0, roll="forward", busdaycal=calendar)
    return out.astype("datetime64[s]")
