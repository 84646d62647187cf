"""Situations of a real book, drawn: bills, notes and payments that move, retention; on each day what the books knew on it."""

from __future__ import annotations

import pandas as pd
import pytest

from ledger.accounts import accounts
from ledger.ageing import ageing_by
from ledger.known import day
from ledger.ledger import Ledger
from ledger.settlement import settle
from tests.drawn import ledger

TWO = """
    invoice_id | issued_on  | due_on     | amount | kind        | applies_to | booked_on  | superseded_on
    a          | 2024-01-01 | 2024-01-31 | 100    | invoice     |            | 2024-01-01 |
    b          | 2024-01-15 | 2024-02-14 | 100    | invoice     |            | 2024-01-15 |
"""


def state(book: Ledger, invoice_id: str, as_of: str) -> pd.Series:
    frame = settle(book).at(as_of)
    return frame[frame["invoice_id"] == invoice_id].iloc[0]


def account(book: Ledger, as_of: str) -> pd.Series:
    return accounts(settle(book), ["acme"], day(as_of)).customers.iloc[0]


def unapplied(book: Ledger, as_of: str) -> int:
    return int(settle(book).unapplied_at(as_of)["document_unapplied_cents"].sum())


BILL = """
    invoice_id | paid_on    | amount | kind     | matures_on
    a          | 2024-02-05 | 10000  | bill     | 2024-08-05
"""
BOUNCED = BILL + "    a | 2024-08-05 | 10000 | reversal |\n"
DUE = "invoice_id | issued_on | due_on | amount\n a | 2024-01-01 | 2024-01-31 | 10000"


@pytest.mark.parametrize(("payments", "on", "aged", "bills", "days_past_due"), [
    (BILL, "2024-02-04", 10000, 0, 4),  # not given yet: 31 January to 4 February
    (BILL, "2024-02-05", 0, 10000, -1),  # given: left the ageing, still exposure, as a bill
    (BILL, "2024-08-04", 0, 10000, -1),
    (BILL, "2024-08-05", 0, 0, -1),  # matured
    (BOUNCED, "2024-08-05", 10000, 0, 187),  # dishonoured: open again, by its own due day: 31 January to 5 August
])  # fmt: skip
def test_a_bill_is_exposure_until_it_matures(
    payments: str, on: str, aged: float, bills: float, days_past_due: int
) -> None:
    book = ledger(invoices=DUE, payments=payments)
    rows = ageing_by(book, pd.Timestamp(on).date(), "customer").rows
    assert (rows["open"].sum(), rows["bills"].sum()) == (aged, bills)
    found = account(book, on)
    assert (found["balance"], found["bills"], found["exposure"]) == (aged, bills, aged + bills)
    assert state(book, "a", on)["days_past_due"] == days_past_due


def test_a_bill_settles_on_the_day_it_was_given() -> None:
    """It is a payment: 5 days late. Taken back when it is dishonoured, it has no days late any more."""
    assert state(ledger(invoices=DUE, payments=BILL), "a", "2024-08-05")["days_late"] == 5
    assert pd.isna(state(ledger(invoices=DUE, payments=BOUNCED), "a", "2024-08-05")["days_late"])
    assert state(ledger(invoices=DUE, payments=BOUNCED), "a", "2024-08-04")["days_late"] == 5


def test_a_bill_for_one_instalment_leaves_the_others_open() -> None:
    plan = """
        invoice_id | number | due_on     | amount
        a          | 1      | 2024-01-31 | 6000
        a          | 2      | 2024-03-31 | 4000
    """
    payments = BILL.replace("10000", "6000")
    items = settle(ledger(invoices=DUE, instalments=plan, payments=payments)).at("2024-04-10")
    assert items["document_open_cents"].tolist() == [0, 400_000]
    assert items["days_past_due"].tolist() == [-1, 10]


def test_an_early_payment_discount() -> None:
    payments = "invoice_id | paid_on | amount | kind\n a | 2024-01-10 | 980 | payment \n a | 2024-01-10 | 20 | discount"
    book = ledger(invoices=DUE.replace("10000", "1000"), payments=payments)
    found = state(book, "a", "2024-01-31")
    assert (found["closed_kind"], found["days_late"], found["document_written_off_cents"]) == ("paid", -21, 0)
    assert unapplied(book, "2024-01-31") == 0
    assert not found["is_disputed"]


@pytest.mark.parametrize(("paid", "method"), [(9_950, ""), (10_050, "gain")])
def test_an_exchange_difference_on_either_side_closes_without_cash_or_loss(paid: int, method: str) -> None:
    payments = f"""
        invoice_id | paid_on    | amount | kind                | method
        a          | 2024-02-05 | {paid} | payment             |
        a          | 2024-02-05 | 50     | exchange_difference | {method}
    """
    found = state(ledger(invoices=DUE, payments=payments), "a", "2024-02-05")
    assert (found["closed_kind"], found["days_late"]) == ("paid", 5)
    assert (found["document_open_cents"], found["document_excess_cents"], found["document_written_off_cents"]) == (
        0,
        0,
        0,
    )
    assert found["count_payments"] == 1  # the difference is no payment


def test_a_refund_of_a_credit_note_that_names_no_invoice() -> None:
    """30 of credit stand with the customer until 30 are paid back on 1 March."""
    invoices = TWO + "    n | 2024-02-01 | 2024-02-01 | 30 | credit_note | | 2024-02-01 |\n"
    payments = "invoice_id | paid_on | amount | kind\n | 2024-03-01 | 30 | refund"
    book = ledger(invoices=invoices, payments=payments)
    assert [unapplied(book, on) for on in ("2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01")] == [
        0,
        3000,
        3000,
        0,
    ]


def test_a_credit_note_moved_to_another_invoice() -> None:
    """The note of 1 February is moved from a to b on 20 February: each day shows what the books held on it."""
    invoices = TWO + (
        "    n | 2024-02-01 | 2024-02-01 | 100 | credit_note | a | 2024-02-01 | 2024-02-20\n"
        "    n | 2024-02-01 | 2024-02-01 | 100 | credit_note | b | 2024-02-20 |\n"
    )
    book = ledger(invoices=invoices)
    assert [state(book, "a", on)["closed_kind"] for on in ("2024-02-19", "2024-02-20")] == ["credited", "open"]
    assert [state(book, "b", on)["closed_kind"] for on in ("2024-02-19", "2024-02-20")] == ["open", "credited"]
    assert state(book, "a", "2024-02-20")["days_past_due"] == 20
    assert state(book, "b", "2024-02-20")["closed_on"] == pd.Timestamp(
        "2024-02-01"
    )  # its own day, not the day of the move


def test_a_payment_on_account_allocated_later() -> None:
    """100 come on 5 February without an invoice and are set against a on 10 March: unapplied until then, and from then on
    paid on the day on which the money came, 5 days late."""
    payments = """
        payment_id | invoice_id | paid_on    | amount | booked_on  | superseded_on
        p          |            | 2024-02-05 | 100    | 2024-02-05 | 2024-03-10
        p          | a          | 2024-02-05 | 100    | 2024-03-10 |
    """
    book = ledger(invoices=TWO, payments=payments)
    assert [unapplied(book, on) for on in ("2024-02-04", "2024-02-05", "2024-03-09", "2024-03-10")] == [
        0,
        10000,
        10000,
        0,
    ]
    before, after = state(book, "a", "2024-03-09"), state(book, "a", "2024-03-10")
    assert (before["closed_kind"], before["days_past_due"]) == ("open", 38)  # 31 January to 9 March
    assert (after["closed_kind"], after["settled_on"], after["days_late"]) == ("paid", pd.Timestamp("2024-02-05"), 5)
    assert account(book, "2024-03-09")["balance"] == 200  # what is unapplied stands apart
    assert account(book, "2024-03-10")["balance"] == 100


def test_retention_is_an_instalment_due_later() -> None:
    """1,000 less 5 % retention: 950 due on 31 January, 50 a year later; 950 paid in time leave nothing past due."""
    plan = """
        invoice_id | number | due_on     | amount
        a          | 1      | 2024-01-31 | 950
        a          | 2      | 2025-01-31 | 50
    """
    book = ledger(
        invoices=DUE.replace("10000", "1000"), instalments=plan,
        payments="invoice_id | paid_on | amount\n a | 2024-01-30 | 950",
    )  # fmt: skip
    items = settle(book).at("2024-12-31")
    assert items["closed_kind"].tolist() == ["paid", "open"]
    assert items["days_late"].tolist()[0] == -1
    found = account(book, "2024-12-31")
    assert (found["balance"], found["overdue"], found["days_past_due"]) == (50, 0, 0)
    assert account(book, "2025-02-10")["days_past_due"] == 10
