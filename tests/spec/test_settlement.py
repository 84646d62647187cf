"""What settles an invoice, since when, and how: drawn, and read from the state on a day."""

from __future__ import annotations

import pandas as pd
import pytest

from ledger.bills import bills_outstanding
from ledger.errors import InputError
from ledger.known import known_on
from ledger.ledger import LedgerError
from ledger.settlement import settle
from ledger.timeline import timeline
from tests.books import odd_ledger
from tests.drawn import ledger

ONE = "invoice_id | issued_on | due_on | amount\n a | 2024-01-02 | 2024-02-01 | 100"


def state(as_of: str, invoices: str = ONE, **tables: str) -> pd.Series:
    frame = settle(ledger(invoices=invoices, **tables)).at(as_of)
    return frame[frame["invoice_id"] == "a"].iloc[0]


@pytest.mark.parametrize(("payments", "kind", "settled_on", "open_cents"), [
    ("a | 2024-02-11 | 100.00 | payment", "paid", "2024-02-11", 0),
    ("a | 2024-02-11 | 99.99  | payment", "paid", "2024-02-11", 0),        # within the tolerance of 0.01
    ("a | 2024-02-11 | 99.98  | payment", "open", None, 2),
    ("a | 2024-02-11 | 120.00 | payment", "paid", "2024-02-11", 0),        # overpaid: 20 of excess
    ("a | 2024-02-11 | 60 | payment \n a | 2024-02-20 | 40 | netting", "paid", "2024-02-20", 0),
    ("a | 2024-02-11 | 100 | payment \n a | 2024-02-15 | 100 | reversal", "open", None, 10000),
    ("a | 2024-02-11 | 100 | payment \n a | 2024-02-15 | 100 | reversal \n a | 2024-03-01 | 100 | payment", "paid", "2024-03-01", 0),
    ("a | 2024-02-11 | 120 | payment \n a | 2024-02-15 | 20 | refund", "paid", "2024-02-11", 0),
    ("a | 2024-02-11 | 100 | factoring", "factored", None, 0),
    # 980 paid on day 9 of 30 with a discount of 20 (2 % in 10 days): settled that day, and nothing stays open
    ("a | 2024-01-11 | 98 | payment \n a | 2024-01-11 | 2 | discount", "paid", "2024-01-11", 0),
    ("a | 2024-01-11 | 98 | payment", "open", None, 200),
    ("a | 2024-02-11 | 99 | payment \n a | 2024-02-11 | 1 | exchange_difference", "paid", "2024-02-11", 0),
    ("a | 2024-02-05 | 100 | bill", "paid", "2024-02-05", 0),
])  # fmt: skip
def test_payments(payments: str, kind: str, settled_on: str | None, open_cents: int) -> None:
    found = state("2024-06-30", payments=f"invoice_id | paid_on | amount | kind\n {payments}")
    assert found["closed_kind"] == kind
    assert found["open_cents"] == open_cents
    assert found["settled_on"] == pd.Timestamp(settled_on) if settled_on else pd.isna(found["settled_on"])
    assert pd.isna(found["days_late"]) == (kind != "paid")


BILL = "invoice_id | paid_on | amount | kind | matures_on\n a | 2024-02-05 | 100 | bill | 2024-08-05"


@pytest.mark.parametrize(
    ("as_of", "more", "cents"),
    [
        ("2024-02-04", "", []),  # not given yet
        ("2024-08-04", "", [10000]),
        ("2024-08-05", "", []),  # matured
        ("2024-07-01", "\n a | 2024-06-30 | 100 | reversal |", []),  # dishonoured: the invoice is open again
    ],
)
def test_a_bill_stays_exposure_until_it_matures(as_of: str, more: str, cents: list[int]) -> None:
    book = ledger(invoices=ONE, payments=BILL + more)
    assert bills_outstanding(book, as_of)["cents"].tolist() == cents
    assert (settle(book).at(as_of)["closed_kind"].iloc[0] == "open") == (as_of < "2024-02-05" or bool(more))


def test_instalments_and_orders_are_tables_of_the_ledger() -> None:
    plan = "invoice_id | number | due_on | amount\n a | 1 | 2024-01-31 | 50\n a | 2 | 2024-03-01 | 50"
    orders = (
        "customer_id | ordered_on | deliver_on | amount | currency | status\n acme | 2024-01-05 | | 70 | EUR | open"
    )
    book = ledger(invoices=ONE, instalments=plan, orders=orders)
    assert book["instalments"]["amount"].tolist() == [50, 50]
    assert book["orders"]["booked_on"].tolist() == [pd.Timestamp("2024-01-05")]
    with pytest.raises(LedgerError, match=r"instalments\.invoice_id must stand in invoices"):
        ledger(invoices=ONE, instalments=plan.replace("a |", "b |"))


def test_a_credit_note_in_full_is_not_payment() -> None:
    invoices = (
        ONE.replace("amount", "amount | kind | applies_to").replace("100", "100 | invoice |")
        + "\n n | 2024-03-01 | 2024-03-01 | 100 | credit_note | a"
    )
    found = state("2024-06-30", invoices)
    assert found["closed_kind"] == "credited"
    assert pd.isna(found["settled_on"])
    assert found["closed_on"] == pd.Timestamp("2024-03-01")
    with_payment = state(
        "2024-06-30",
        invoices.replace("03-01 | 100 |", "03-01 | 40 |"),
        payments="invoice_id | paid_on | amount\n a | 2024-02-11 | 60",
    )
    assert with_payment["closed_kind"] == "paid"
    assert with_payment["days_late"] == 29


@pytest.mark.parametrize(
    ("amount", "kind", "open_cents"), [("", "written_off", 0), ("40", "written_off", 0), ("30", "open", 1000)]
)
def test_a_write_off_closes_what_is_left(amount: str, kind: str, open_cents: int) -> None:
    found = state("2024-12-31", payments="invoice_id | paid_on | amount\n a | 2024-02-11 | 60",
                  events=f"invoice_id | occurred_on | kind | amount\n a | 2024-09-01 | write_off | {amount}")  # fmt: skip
    assert found["closed_kind"] == kind
    assert found["open_cents"] == open_cents
    assert pd.isna(found["days_late"])


def test_a_corrected_payment_leaves_what_was_known_before() -> None:
    payments = """
        payment_id | invoice_id | paid_on    | booked_on  | superseded_on | amount
        p          | a          | 2024-02-11 | 2024-02-11 | 2024-03-10    | 100
        p          | a          | 2024-02-11 | 2024-03-10 |               | 10
    """
    assert state("2024-03-09", payments=payments)["closed_kind"] == "paid"
    assert state("2024-03-10", payments=payments)["open_cents"] == 9000


def test_money_without_an_invoice_is_unapplied_until_the_books_hold_the_invoice() -> None:
    late = "invoice_id | issued_on | due_on | amount | booked_on\n a | 2024-01-02 | 2024-02-01 | 100 | 2024-03-01"
    prepared = settle(
        ledger(invoices=late, payments="invoice_id | paid_on | amount\n a | 2024-02-11 | 100\n | 2024-02-12 | 7")
    )
    assert prepared.unapplied_at("2024-02-29")["unapplied_cents"].sum() == 10700
    assert prepared.unapplied_at("2024-03-01")["unapplied_cents"].sum() == 700
    assert prepared.at("2024-03-01")["closed_kind"].tolist() == ["paid"]


@pytest.mark.parametrize("as_of", ["2022-12-31", "2023-08-15", "2024-12-31"])
def test_the_books_reconcile_to_the_cent(as_of: str) -> None:
    """Invoiced less all money that counted = open less excess less unapplied, per currency, whatever happened."""
    known = known_on(odd_ledger(), as_of)
    settlement = settle(odd_ledger())
    state, loose = settlement.at(as_of), settlement.unapplied_at(as_of)
    state["currency"] = odd_ledger().invoices["currency"].to_numpy()[state["row"]]
    sign = known.payments["kind"].isin(["reversal", "refund"]).map({True: -1, False: 1})
    note = known.invoices["kind"].eq("credit_note").map({True: -1, False: 1})
    for currency in ("EUR", "USD"):
        invoiced = (known.invoices["amount"] * note)[known.invoices["currency"] == currency].sum()
        paid = (known.payments["amount"] * sign)[known.payments["currency"] == currency].sum()
        own = state[state["currency"] == currency]
        written = own["document_written_off_cents"].sum()
        left = own["document_open_cents"].sum() - own["document_excess_cents"].sum()
        unapplied = loose.loc[loose["currency"] == currency, "document_unapplied_cents"].sum()
        assert round(100 * (invoiced - paid)) == left + written - unapplied


def test_a_timeline_reads_what_was_known_when() -> None:
    lines = timeline(
        ledger(invoices=ONE, payments="invoice_id | paid_on | booked_on | amount\n a | 2024-02-11 | 2024-02-20 | 100"),
        "a",
    )
    assert lines["what"].tolist() == ["issued", "payment"]
    assert lines["open_amount"].tolist() == [100.0, 0.0]
    assert lines["known_on"].dt.strftime("%m-%d").tolist() == ["01-02", "02-20"]
    with pytest.raises(InputError, match="document 'z' is not in the ledger"):
        timeline(ledger(invoices=ONE), "z")


def test_mergers_in_a_circle_are_refused() -> None:
    events = "customer_id | occurred_on | kind | detail\n acme | 2024-01-05 | merged_into | bolt\n bolt | 2024-01-06 | merged_into | acme"
    with pytest.raises(LedgerError, match="circle"):
        settle(ledger(invoices=ONE, events=events))
