"""A day moved to a working day of the customer's country and of the currency's payment system."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.working_days import days_to_working_day

Dates = NDArray[np.datetime64]


def next_working_days(days: Dates, countries: pd.Series, currencies: pd.Series) -> Dates:
    """Return each day, or the first working day after it.

    countries, currencies : ISO codes of each day; where one is missing or unknown to the calendar, only the other's days
    and weekends are skipped.
    """
    asked = np.asarray(days).astype("datetime64[D]").astype(np.int64)
    wait = days_to_working_day(_codes(countries), _codes(currencies), asked)
    return (asked + wait).astype("datetime64[D]").astype("datetime64[s]")


def _codes(names: pd.Series) -> NDArray[np.str_]:
    return names.astype(object).where(names.notna(), "").to_numpy(dtype=str)
