"""The ageing equals an independent SQL over a ledger physically cut at the day, to the cent."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from ledger.ageing import GROUPINGS, OpenBook, ageing_by
from ledger.currency import reporting_currency
from ledger.ledger import Ledger
from tests.ageing_sql import AMOUNTS, ageing_sql, cut_book
from tests.books import odd_ledger
from tests.drawn import ledger as drawn_ledger

FIRST = date(2022, 2, 1)


def varied(seed: int) -> Ledger:
    """A random ledger with segments, instalments, bills (some dishonoured), discounts and exchange differences."""
    book, rng = odd_ledger(seed, 120), np.random.default_rng(seed)
    tables = dict(book.tables)
    customers = tables["customers"].copy()
    customers["segment"] = rng.choice(["small", "large", None], len(customers))
    tables["customers"] = customers
    payments = tables["payments"].copy()
    kinds = rng.choice(["", "bill", "discount", "exchange_difference"], len(payments), p=[0.7, 0.16, 0.07, 0.07])
    changed = (payments["kind"] == "payment").to_numpy() & (kinds != "") & payments["invoice_id"].notna().to_numpy()
    payments.loc[changed, "kind"] = kinds[changed]
    matures = payments["paid_on"] + pd.to_timedelta(rng.integers(10, 200, len(payments)), unit="D")
    payments["matures_on"] = matures.where((payments["kind"] == "bill") & (rng.random(len(payments)) < 0.9))
    returned = payments[payments["kind"] == "bill"].iloc[::4].copy()
    on = returned["paid_on"] + pd.Timedelta(days=60)
    returned = returned.assign(
        payment_id=[f"r{k}" for k in range(len(returned))], kind="reversal", paid_on=on, booked_on=on, matures_on=pd.NaT
    )
    tables["payments"] = pd.concat([payments, returned], ignore_index=True)
    tables["instalments"] = _instalments(tables["invoices"], rng)
    frames = {name: frame for name, frame in tables.items() if len(frame)}
    return Ledger.from_frames(**{n: _text(f) for n, f in frames.items()})


def _instalments(invoices: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    plain = invoices[(invoices["kind"] == "invoice") & ~invoices["invoice_id"].duplicated(keep=False)]
    some, rows = plain.iloc[::3], []
    for invoice in some.itertuples():
        count = int(rng.integers(2, 5))
        cents = round(invoice.amount * 100)
        if cents < 10 * count:
            continue
        cuts = np.sort(rng.choice(np.arange(1, cents), count - 1, replace=False))
        for number, part in enumerate(np.diff([0, *cuts, cents]), start=1):
            due = invoice.issued_on + pd.Timedelta(days=30 * number)
            rows.append((invoice.invoice_id, number, due, part / 100))
    return pd.DataFrame(rows, columns=["invoice_id", "number", "due_on", "amount"])


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).map(lambda value: None if pd.isna(value) else str(value)).astype("str")


def differing(seed: int, count_days: int) -> list[tuple[object, ...]]:
    """Every (day, grouping, unit) in which the two ageings differ."""
    book, rng = varied(seed), np.random.default_rng(seed)
    reporting = reporting_currency(book)
    assert reporting is not None
    different: list[tuple[object, ...]] = []
    for _ in range(count_days):
        on = FIRST + timedelta(days=int(rng.integers(0, 1000)))
        cut, held = cut_book(book, on, reporting), OpenBook.of(book, on)
        for by in GROUPINGS:
            for unit in (None, reporting):
                ours = held.aged(by, in_reporting=unit is not None).rows.set_index(["key", "currency"])[AMOUNTS]
                ours = (ours * 100).round().astype("int64").sort_index()
                theirs = ageing_sql(cut, on, by, unit)
                if not (ours.index.equals(theirs.index) and (ours.to_numpy() == theirs.to_numpy()).all()):
                    different.append((on, by, unit))
        cut.close()
    return different


def test_random_ledgers_hold_what_is_to_be_proven() -> None:
    book = varied(1)
    assert len(book["instalments"]) > 50
    kinds = set(book.payments["kind"])
    assert {"bill", "discount", "exchange_difference", "reversal", "refund", "factoring"} <= kinds
    rows = ageing_by(book, date(2023, 6, 30), "customer").rows
    assert (rows[["disputed", "unapplied", "overpaid", "bills", "current", "over_90"]].abs().sum() > 0).all()


@pytest.mark.parametrize("seed", range(1, 21))
def test_ageing_is_the_sql_s_to_the_cent(seed: int) -> None:
    assert differing(seed, 1) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(21, 221))
def test_ageing_is_the_sql_s_to_the_cent_on_200_ledgers(seed: int) -> None:
    assert differing(seed, 5) == []


def test_the_fixture_of_the_definitions_for_instalments() -> None:
    book = drawn_ledger(
        invoices="""
            invoice_id | issued_on  | due_on     | amount
            a          | 2024-01-01 | 2024-03-31 | 300
        """,
        instalments="""
            invoice_id | number | due_on     | amount
            a          | 1      | 2024-01-31 | 100
            a          | 2      | 2024-03-01 | 100
            a          | 3      | 2024-03-31 | 100
        """,
    )
    aged = ageing_by(book, date(2024, 3, 15), "customer")
    (row,) = aged.rows.to_dict("records")
    assert (row["current"], row["1_30"], row["31_60"], row["open"]) == (100.0, 100.0, 100.0, 300.0)
    assert list(aged.items["days_past_due"]) == [44, 14, 0]


def test_the_fixture_of_the_definitions_for_bills() -> None:
    book = drawn_ledger(
        invoices="""
            invoice_id | issued_on  | due_on     | amount
            a          | 2024-01-05 | 2024-02-05 | 10000
        """,
        payments="""
            invoice_id | paid_on    | amount | kind | matures_on
            a          | 2024-02-05 | 10000  | bill | 2024-08-05
        """,
        events="""
            invoice_id | occurred_on | kind    | amount
                       | 2024-09-01  | dunning |
        """,
    )
    (row,) = ageing_by(book, date(2024, 8, 4), "customer").rows.to_dict("records")
    assert (row["open"], row["bills"]) == (0.0, 10000.0)
    assert len(ageing_by(book, date(2024, 8, 5), "customer").rows) == 0
