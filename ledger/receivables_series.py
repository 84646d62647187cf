"""Receivables figures over time, for the portfolio and for its parts: DSO, ADD, CEI, DBT, turnover, concentration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.buckets import bucket_numbers
from ledger.currency import CENTS, reporting_cents
from ledger.known import day, days, is_known, known_from, known_until
from ledger.ledger import TABLES, Ledger
from ledger.master import NOT_GIVEN, master_on
from ledger.settlement import CASH, Settlement, settle

COUNT_BACK_MONTHS = 36  # a balance older than the sales of so many months has no count-back DSO
PORTFOLIO = "portfolio"
DBT_DAYS = np.array([0.0, 15.0, 45.0, 75.0, 105.0])  # middle of each bucket, see the definitions
LARGEST = 10


def kpi_series(
    ledger: Ledger, as_of_days: Sequence[date], *, by: str = PORTFOLIO, days_in_period: int = 90,
    settlement: Settlement | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return receivables figures on several days, one row a group and day.

    Each row uses only what the books held at the end of its day, and is of the `days_in_period` days up to it.

    Parameters
    ----------
    ledger : the whole ledger. as_of_days : the days, ascending. by : portfolio, segment, country, industry or customer.

    Returns
    -------
    Frame with key, as_of, credit_sales (invoices less credit notes issued in the period), opening, closing, current,
    overdue (past due, disputed included) in the reporting currency; dso (by balance), dso_count_back, best_possible_dso,
    average_days_delinquent, days_beyond_terms_paid (allocations of the period, weighted by amount),
    days_beyond_terms_open in days; collection_effectiveness of 100; turnover; overdue_share; for the portfolio and
    segments hhi (of the customers' open balances, 0 to 1), ten_largest_share, largest_group_share. NaN: nothing to
    divide by.

    Raises
    ------
    LedgerError : amounts in several currencies without rates.
    """
    s = settle(ledger) if settlement is None else settlement
    book = _Book.of(ledger, s)
    parts = [_on(book, ledger, s, on, by, days_in_period) for on in as_of_days]
    return pd.concat(parts, ignore_index=True).sort_values(["key", "as_of"], kind="stable", ignore_index=True)


@dataclass(frozen=True, kw_only=True)
class _Book:
    """Documents as arrays: customer code (the owner), issue day, known days, signed cents of the reporting currency."""

    customer: NDArray[np.int32]
    issued: NDArray[np.int32]
    since: NDArray[np.int32]
    until: NDArray[np.int32]
    cents: NDArray[np.int64]

    @classmethod
    def of(cls, ledger: Ledger, s: Settlement) -> _Book:
        invoices = ledger.invoices
        cents = reporting_cents(invoices["amount"], invoices["currency"], invoices["issued_on"], ledger)
        sign = np.where((invoices["kind"] == "credit_note").to_numpy(), -1, 1)
        row, customer, since, until = s.owners.moved(
            s.owners.codes(invoices["customer_id"]), known_from(invoices, TABLES["invoices"]),
            known_until(invoices, TABLES["invoices"]),
        )  # fmt: skip
        issued = days(invoices["issued_on"])
        return cls(customer=customer, issued=issued[row], since=since, until=until, cents=(cents * sign)[row])


def _on(book: _Book, ledger: Ledger, s: Settlement, on: date, by: str, days_in_period: int) -> pd.DataFrame:
    """The figures of one day, one row a group that has a balance or sales."""
    at, before = day(on), day(on) - days_in_period
    group, names, whole = _groups(ledger, s, on, by)
    count = len(names)

    def by_group(customer: NDArray[np.int32], cents: NDArray[np.int64]) -> NDArray[np.int64]:
        total = np.zeros(count, dtype=np.int64)
        np.add.at(total, group[customer], cents)
        return total

    opening = by_group(*_open(s, before)[:2])
    customer, cents, past_due = _open(s, at)
    closing = by_group(customer, cents)
    bucket = bucket_numbers(past_due)
    current = by_group(customer[bucket == 0], cents[bucket == 0])
    weighted = np.zeros(count)
    np.add.at(weighted, group[customer], cents * DBT_DAYS[bucket])
    known = is_known(book.since, book.until, at)
    in_period = known & (book.issued > before) & (book.issued <= at)
    sales = by_group(book.customer[in_period], book.cents[in_period])
    late, allocated = _paid_late(s, at, before, group, count)
    frame = pd.DataFrame({
        "key": names, "as_of": pd.Timestamp(on), "credit_sales": sales / CENTS, "opening": opening / CENTS,
        "closing": closing / CENTS, "current": current / CENTS, "overdue": (closing - current) / CENTS,
        "dso": _over(closing * days_in_period, sales), "dso_count_back": _count_back(book, known, at, closing, group, count),
        "best_possible_dso": _over(current * days_in_period, sales),
        "average_days_delinquent": _over((closing - current) * days_in_period, sales),
        "collection_effectiveness": _over(100 * (opening + sales - closing), opening + sales - current),
        "days_beyond_terms_paid": _over(late, allocated), "days_beyond_terms_open": _over(weighted, closing),
        "turnover": _over(2 * sales, opening + closing), "overdue_share": _over(closing - current, closing),
    })  # fmt: skip
    if by != "customer":
        frame = frame.assign(**_concentration(customer, cents, group, count, whole))
    return frame[(frame[["credit_sales", "opening", "closing"]] != 0).any(axis=1)]


def _groups(ledger: Ledger, s: Settlement, on: date, by: str) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
    """Each customer's group code, the groups' names, and each customer's group of companies as a code."""
    ids = pd.Series(s.owners.ids.astype(object))
    master = master_on(ledger, on)
    companies = pd.factorize(ids.map(master["group_id"]).fillna(ids))[0].astype(np.int64)
    if by == PORTFOLIO:
        return np.zeros(len(ids), dtype=np.int64), [PORTFOLIO], companies
    if by == "customer":
        return np.arange(len(ids)), [str(i) for i in ids], companies
    codes, names = pd.factorize(ids.map(master[by]).astype(object).fillna(NOT_GIVEN), sort=True)
    return codes.astype(np.int64), [str(n) for n in names], companies


def _open(s: Settlement, at: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the customer, cents and days past due of each item open at the end of day `at`."""
    entries, version = s.open_on(at)
    past_due = np.maximum(at - s.due_on[entries], 0).astype(np.int64)
    return s.customer[entries], s.open_cents[version], past_due


def _paid_late(
    s: Settlement, at: int, before: int, group: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Per group: cents times days late of the period's allocations of cash, and the cents allocated."""
    on = s.allocation_on
    place = np.flatnonzero(
        (s.allocation_kind == CASH) & (on > before) & (on <= at) & (s.allocation_known_from <= at)
        & (s.allocation_known_until > at) & (s.allocation_cents > 0)
    )  # fmt: skip
    entry = np.searchsorted(s.allocation_start, place, side="right") - 1
    counts = is_known(s.known_from[entry], s.known_until[entry], at)
    place, entry = place[counts], entry[counts]
    days_late = np.maximum(s.allocation_on[place] - s.due_on[entry], 0).astype(np.float64)
    late, allocated = np.zeros(count), np.zeros(count, dtype=np.int64)
    np.add.at(late, group[s.customer[entry]], days_late * s.allocation_cents[place])
    np.add.at(allocated, group[s.customer[entry]], s.allocation_cents[place])
    return late, allocated


def _count_back(
    book: _Book, known: NDArray[np.bool_], at: int, closing: NDArray[np.int64], group: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """DSO by count-back: whole months of sales, latest first, are taken off the balance; the last one by its share.

    A month with sales of 0 or less adds its days and takes nothing off. NaN where the sales of COUNT_BACK_MONTHS do not
    reach the balance.
    """
    ends = [at]
    for _ in range(COUNT_BACK_MONTHS):
        first = np.datetime64(ends[-1], "D").astype("datetime64[M]").astype("datetime64[D]")
        ends.append(int(first.astype(np.int64)) - 1)
    edges = np.array(ends)
    issued = book.issued[known].astype(np.int64)
    month = np.searchsorted(-edges, -issued, side="right") - 1  # 0: the month of `at`
    within = (issued <= at) & (month < COUNT_BACK_MONTHS)
    sales = np.zeros((COUNT_BACK_MONTHS, count), dtype=np.int64)
    np.add.at(sales, (month[within], group[book.customer[known]][within]), book.cents[known][within])
    left, found = closing.astype(np.float64), np.zeros(count)
    for number in range(COUNT_BACK_MONTHS):
        length = float(edges[number] - edges[number + 1])
        sold = np.maximum(sales[number], 0).astype(np.float64)
        part = np.divide(left, sold, out=np.ones(count), where=sold > 0).clip(0.0, 1.0)
        found += np.where(left > 0, part * length, 0.0)
        left = np.maximum(left - sold, 0.0)
    found[left > 0] = np.nan
    return found


def _concentration(
    customer: NDArray[np.int32], cents: NDArray[np.int64], group: NDArray[np.int64], count: int,
    companies: NDArray[np.int64],
) -> dict[str, list[float]]:  # fmt: skip
    """Per group: Herfindahl index of the customers' balances, share of the ten largest, share of the largest company group."""
    found: dict[str, list[float]] = {"hhi": [], "ten_largest_share": [], "largest_group_share": []}
    of_item = group[customer]
    for code in range(count):
        own = of_item == code
        balances = pd.Series(cents[own]).groupby(customer[own]).sum()
        by_company = pd.Series(cents[own]).groupby(companies[customer[own]]).sum()
        total = float(balances.sum())
        shares = np.sort((balances / total).to_numpy())[::-1] if total > 0 else None
        found["hhi"].append(float((shares**2).sum()) if shares is not None else np.nan)
        found["ten_largest_share"].append(float(shares[:LARGEST].sum()) if shares is not None else np.nan)
        found["largest_group_share"].append(float(by_company.max() / total) if total > 0 else np.nan)
    return found


def _over(amount: NDArray[np.int64] | NDArray[np.float64], by: NDArray[np.int64]) -> NDArray[np.float64]:
    """amount / by, NaN where `by` is not above 0."""
    found: NDArray[np.float64] = np.divide(
        amount.astype(np.float64), by, out=np.full(len(amount), np.nan), where=by > 0
    )
    return found
