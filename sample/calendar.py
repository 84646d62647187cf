"""The days of the sample ledger: months, business days, and the days on which customers run their payments.

Days are int64 days since 1970-01-01. Business days leave out weekends and the closing days of the TARGET payment
system (1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December), whatever the customer's country.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]

LAST_MONTH = np.datetime64("2024-12", "M")  # fixed: a sample does not depend on the day on which it is made
MARGIN_BEFORE, MARGIN_AFTER = 500, 1500  # days around the ledger on which the calendar still answers
DAYS_IN_MONTH = 365.25 / 12

# Payment runs: 0 any business day, 1-5 weekly on Monday-Friday, 6 on the 15th and the last day, 7 on the last day.
RUN_TYPES = 8


def easter_sundays(years: range) -> list[str]:
    """Gregorian Easter as ISO dates (Meeus, Jones, Butcher)."""
    found = []
    for year in years:
        a, b, c = year % 19, year // 100, year % 100
        h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
        k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
        m = (a + 11 * h + 22 * k) // 451
        month, day = divmod(h + k - 7 * m + 114, 31)
        found.append(f"{year:04d}-{month:02d}-{day + 1:02d}")
    return found


def _business_days(first: int, count: int) -> NDArray[np.bool_]:
    years = range(1970 + first // 366, 1970 + (first + count) // 365 + 2)
    fixed = [f"{year}-{day}" for year in years for day in ("01-01", "05-01", "12-25", "12-26")]
    easter = np.array(easter_sundays(years), "datetime64[D]")
    closed = np.concatenate([np.array(fixed, "datetime64[D]"), easter - 2, easter + 1])
    return np.is_busday(np.arange(first, first + count).astype("datetime64[D]"), holidays=closed)


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Look-up tables over the days from `origin` on.

    first_day, last_day : the ledger's first and last day. month_start : first day of each of the ledger's months and
    of the months after them, until the calendar ends. previous_run, next_run : (RUN_TYPES, days) the run on or
    before, on or after each day; type 0 is thereby the previous and next business day. business : (months, 23) the
    business days of each month of the ledger, `business_count` of them.
    """

    origin: int
    first_day: int
    last_day: int
    months: int
    month_start: Days
    previous_run: Days
    next_run: Days
    business: Days
    business_count: Days

    def month_of(self, days: Days) -> Days:
        """The ledger's month that each day lies in: 0 for the first; the margin before counts as 0."""
        return np.maximum(np.searchsorted(self.month_start, days, side="right") - 1, 0)

    def run_on_or_after(self, days: Days, run_type: Days | int) -> Days:
        return self.next_run[run_type, np.clip(days - self.origin, 0, self.next_run.shape[1] - 1)]

    def run_on_or_before(self, days: Days, run_type: Days | int) -> Days:
        return self.previous_run[run_type, np.clip(days - self.origin, 0, self.previous_run.shape[1] - 1)]

    def month_ends(self) -> Days:
        """The last day of each of the ledger's months."""
        return self.month_start[1 : self.months + 1] - 1


def calendar(months: int) -> Calendar:
    """The calendar of a ledger of so many months that ends with 2024-12-31."""
    starts = (
        np.arange(LAST_MONTH - months + 1, LAST_MONTH + 2 + MARGIN_AFTER // 31).astype("datetime64[D]").astype(np.int64)
    )
    first, last = int(starts[0]), int(starts[months]) - 1
    origin, count = first - MARGIN_BEFORE, last - first + MARGIN_BEFORE + MARGIN_AFTER
    is_open = _business_days(origin, count)
    all_days = np.arange(origin, origin + count)
    before = np.maximum.accumulate(np.where(is_open, all_days, origin))
    weekday = (all_days + 3) % 7  # 1970-01-01 was a Thursday
    dates = all_days.astype("datetime64[D]")
    day_of_month = (dates - dates.astype("datetime64[M]")).astype(int) + 1
    is_month_end = np.append(day_of_month[1:] == 1, False)
    nominal = [is_open, *(weekday == d for d in range(5)), is_month_end | (day_of_month == 15), is_month_end]
    previous, following = np.empty((RUN_TYPES, count), np.int64), np.empty((RUN_TYPES, count), np.int64)
    for run_type, marked in enumerate(nominal):
        is_run = np.zeros(count, bool)
        is_run[before[marked] - origin] = True  # a run on a closed day is moved to the business day before
        previous[run_type] = np.maximum.accumulate(np.where(is_run, all_days, origin))
        following[run_type] = np.minimum.accumulate(np.where(is_run, all_days, origin + count)[::-1])[::-1]
    business = np.zeros((months, 23), np.int64)
    business_count = np.zeros(months, np.int64)
    for month in range(months):
        found = all_days[(all_days >= starts[month]) & (all_days < starts[month + 1]) & is_open]
        business[month, : len(found)], business_count[month] = found, len(found)
    return Calendar(
        origin=origin, first_day=first, last_day=last, months=months, month_start=starts, previous_run=previous,
        next_run=following, business=business, business_count=business_count,
    )  # fmt: skip
