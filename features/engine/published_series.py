"""Published series: the last value of each as published by a day, and how it compares with a year before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledger.contract import TABLES
from ledger.known import Days, days, is_known, known_from, known_until
from ledger.ledger import Ledger

A_YEAR_BEFORE = 360  # observations at month ends: twelve months before lies within 365 or 366 days


@dataclass(frozen=True, kw_only=True)
class Series:
    """One series of one country ('' for all): observation days in order, the days they were known from and until, values."""

    observed_on: Days
    known_from: Days
    known_until: Days
    value: NDArray[np.float64]

    def at(self, requested: Days) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (the last value, its change against the last one at least 360 days older) as known on each day; NaN
        where none.
        """
        distinct, place = np.unique(requested, return_inverse=True)
        value, change = np.full(len(distinct), np.nan), np.full(len(distinct), np.nan)
        for i, at in enumerate(distinct):
            known = np.flatnonzero(is_known(self.known_from, self.known_until, at))
            if len(known):
                last = known[-1]
                value[i] = self.value[last]
                before = known[self.observed_on[known] <= self.observed_on[last] - A_YEAR_BEFORE]
                if len(before) and self.value[before[-1]] != 0:
                    change[i] = self.value[last] / self.value[before[-1]] - 1
        return value[place], change[place]


def published(ledger: Ledger) -> Mapping[tuple[str, str], Series]:
    """Return (series, country or '') -> the series."""
    if not len(ledger["macro"]):
        return {}
    table = (
        ledger["macro"]
        .assign(known=known_from(ledger["macro"], TABLES["macro"]), until=known_until(ledger["macro"], TABLES["macro"]))
        .sort_values("observed_on", kind="stable")
    )
    return {
        (str(series), str(country)): Series(
            observed_on=days(part["observed_on"]),
            known_from=part["known"].to_numpy(np.int32),
            known_until=part["until"].to_numpy(np.int32),
            value=part["value"].to_numpy(np.float64),
        )
        for (series, country), part in table.assign(country=table["country"].fillna("")).groupby(
            ["series", "country"], sort=True
        )
    }
