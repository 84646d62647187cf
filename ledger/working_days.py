"""Working days: those that are neither weekend, nor public holiday of the customer's country, nor closing day of the payment
system of the money's currency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import holidays
import numpy as np
from dateutil.easter import easter
from numpy.typing import NDArray

Days = NDArray[np.int64]  # days since 1970-01-01

SATURDAY_AND_SUNDAY = (5, 6)  # of weekdays from Monday, 0
# the calendar on which money of a currency is settled: the Federal Reserve, TARGET, the London exchange (bank holidays)
PAYMENT_SYSTEMS = {"USD": "XFED", "EUR": "XECB", "GBP": "XLON"}
# Brazil's banks shut on national holidays, on Monday and Tuesday of Carnival and on Corpus Christi (ANBIMA's calendar)
BRAZILIAN, BRAZIL = "BRL", "BR"
DAYS_AFTER_EASTER = (-48, -47, 60)
LONGEST_CLOSURE = 30  # days, weekends included; longer than any that the calendars hold


@cache
def _holidays(country: str, currency: str, year: int) -> frozenset[int]:
    """Days of a year on which a country is on holiday or a currency's payment system is closed; of unknown ones, none."""
    found: set[int] = set()
    if currency == BRAZILIAN:
        found |= {_number(easter(year)) + days for days in DAYS_AFTER_EASTER}
    if currency in PAYMENT_SYSTEMS:
        found |= {_number(day) for day in holidays.financial_holidays(PAYMENT_SYSTEMS[currency], years=year)}
    for name in {country, BRAZIL if currency == BRAZILIAN else country}:
        if name in holidays.list_supported_countries():
            found |= {_number(day) for day in holidays.country_holidays(name, years=year)}
    return frozenset(found)


@cache
def _weekend(country: str) -> tuple[int, ...]:
    if country not in holidays.list_supported_countries():
        return SATURDAY_AND_SUNDAY
    return tuple(sorted(holidays.country_holidays(country).weekend))


def _number(day: object) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))  # type: ignore[call-overload]


def is_closed(country: str, currency: str, first: int, last: int) -> NDArray[np.bool_]:
    """Of each day from `first` to `last` whether it is no working day. country, currency : ISO codes; '' where not given."""
    days = np.arange(first, last + 1)
    closed = np.isin((days + 3) % 7, _weekend(country))  # 1970-01-01 was a Thursday
    years = days[[0, -1]].astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970
    for year in range(int(years[0]), int(years[1]) + 1):
        for day in _holidays(country, currency, year):
            if first <= day <= last:
                closed[day - first] = True
    return closed


def _by_calendar(
    countries: Iterable[str], currencies: Iterable[str], days: Days, before: int, after: int
) -> Iterator[tuple[NDArray[np.int64], Days, NDArray[np.bool_]]]:
    """Of each calendar in use: its rows, where each row's day lies in it, and whether each of its days is closed. It reaches
    `before` days before the first of its days and `after` days past the last."""
    names = np.char.add(np.char.add(np.array(list(countries), dtype=str), "|"), np.array(list(currencies), dtype=str))
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        country, currency = str(name).split("|")
        first, last = int(days[rows].min()) - before, int(days[rows].max()) + after
        yield rows, days[rows] - first, is_closed(country, currency, first, last)


def without_own_system(countries: Iterable[str], currencies: Iterable[str]) -> NDArray[np.object_]:
    """The countries whose holidays decide when money moves: '' where the currency has a payment system of its own here."""
    known = {*PAYMENT_SYSTEMS, BRAZILIAN}
    return np.array(["" if c in known else n for n, c in zip(countries, currencies, strict=True)], dtype=object)


def days_to_working_day(countries: Iterable[str], currencies: Iterable[str], days: Days) -> Days:
    """Return days from each day to the next working day; 0 on one. country, currency : of each day, '' where not given."""
    found = np.zeros(len(days), dtype=np.int64)
    for rows, place, closed in _by_calendar(countries, currencies, days, 0, LONGEST_CLOSURE):
        open_days = np.flatnonzero(~closed)
        found[rows] = open_days[np.searchsorted(open_days, place)] - place
    return found


def closed_days_near(countries: Iterable[str], currencies: Iterable[str], days: Days, before: int, after: int) -> Days:
    """Which of the days around each day are closed, as bits: bit k stands for the day `before` days earlier plus k, and the
    last, bit before + after, for the day `after` days later."""
    found = np.zeros(len(days), dtype=np.int64)
    for rows, place, closed in _by_calendar(countries, currencies, days, before, after):
        for k in range(before + after + 1):
            found[rows] |= closed[place - before + k].astype(np.int64) << k
    return found
