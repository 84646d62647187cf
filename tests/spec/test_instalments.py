"""The item is the unit: 300 in 3 × 100 due 31 January, 1 March, 31 March, drawn, and read everywhere."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from decisions.action_effects import acted_rows, actions_of, item_states
from decisions.promises import promises_on
from features.engine.histories import build, build_items
from importing.engine.run import Options, import_files
from importing.formats import format_named
from ledger.accounts import accounts, usual_invoices
from ledger.default_status import PRIMARY, default_spells
from ledger.errors import InputError
from ledger.known import day
from ledger.ledger import Ledger, read_ledger
from ledger.loss_history import loss_history
from ledger.open_items import open_items_on
from ledger.receivables_series import kpi_series
from ledger.settlement import Settlement, settle
from ledger.timeline import timeline
from tests.drawn import ledger
from training.labels import delay_labels

INVOICE = """
    invoice_id | issued_on  | due_on     | amount
    a          | 2024-01-01 | 2024-03-31 | 300
"""
PLAN = """
    invoice_id | number | due_on     | amount
    a          | 1      | 2024-01-31 | 100
    a          | 2      | 2024-03-01 | 100
    a          | 3      | 2024-03-31 | 100
"""
HALF = "invoice_id | paid_on | amount\n a | 2024-02-10 | 150"


def book(**tables: str) -> Ledger:
    return ledger(**{"invoices": INVOICE, "instalments": PLAN, **tables})


def items(as_of: str, **tables: str) -> pd.DataFrame:
    frame = settle(book(**tables)).at(as_of).set_index("number")
    return frame.assign(open=frame["document_open_cents"] / 100)


def test_nothing_paid() -> None:
    found = items("2024-03-15")
    assert found["open"].tolist() == [100, 100, 100]
    assert found["days_past_due"].tolist() == [44, 14, 0]


def test_150_paid_settles_the_first_ten_days_late_and_half_of_the_second() -> None:
    found = items("2024-03-15", payments=HALF)
    assert found["closed_kind"].tolist() == ["paid", "open", "open"]
    assert found["open"].tolist() == [0, 50, 100]
    assert found.loc[1, "settled_on"] == pd.Timestamp("2024-02-10")
    assert found.loc[1, "days_late"] == 10  # 31 January to 10 February
    assert found["days_past_due"].tolist() == [-1, 14, 0]


@pytest.mark.parametrize(("payments", "settled"), [
    ("a | 2024-02-10 | 300 | payment", ["2024-02-10"] * 3),  # all at once
    ("a | 2024-01-20 | 100 | payment \n a | 2024-03-01 | 100 | payment \n a | 2024-04-05 | 100 | payment", ["2024-01-20", "2024-03-01", "2024-04-05"]),
    # 250 paid, 100 of it taken back: the half third and half of the second are open again
    ("a | 2024-02-10 | 250 | payment \n a | 2024-02-20 | 100 | reversal", ["2024-02-10", None, None]),
    ("a | 2024-01-09 | 98 | payment \n a | 2024-01-09 | 2 | discount", ["2024-01-09", None, None]),
    ("a | 2024-02-10 | 350 | payment", ["2024-02-10"] * 3),  # 50 too much
    ("a | 2024-02-10 | 99.99 | payment", ["2024-02-10", None, None]),  # within the tolerance of 0.01
    ("a | 2024-02-10 | 99.98 | payment", [None, None, None]),
])  # fmt: skip
def test_payments_fill_the_oldest_first(payments: str, settled: list[str | None]) -> None:
    found = items("2024-12-31", payments=f"invoice_id | paid_on | amount | kind\n {payments}")
    shown = [None if pd.isna(on) else str(on.date()) for on in found["settled_on"]]
    assert shown == settled


def test_what_is_overpaid_stands_with_the_last() -> None:
    found = items("2024-12-31", payments="invoice_id | paid_on | amount\n a | 2024-02-10 | 350")
    assert found["document_excess_cents"].tolist() == [0, 0, 5000]


def test_a_write_off_without_an_amount_takes_all_that_is_left_of_each() -> None:
    events = "customer_id | invoice_id | occurred_on | kind\n acme | a | 2024-06-30 | write_off"
    found = items("2024-06-30", payments=HALF, events=events)
    assert found["closed_kind"].tolist() == ["paid", "written_off", "written_off"]
    assert found["document_written_off_cents"].tolist() == [0, 5000, 10000]


def test_a_credit_note_and_a_dispute_reach_every_instalment() -> None:
    notes = INVOICE.replace("amount", "amount | kind | applies_to").replace("300", "300 | invoice |") + (
        "    n          | 2024-02-01 | 2024-02-01 | 150 | credit_note | a\n"
    )
    events = "customer_id | invoice_id | occurred_on | kind\n acme | a | 2024-02-15 | dispute_opened"
    found = items("2024-03-15", invoices=notes, events=events)
    assert found["closed_kind"].tolist() == ["credited", "open", "open"]
    assert found["open"].tolist() == [0, 50, 100]
    assert found["is_disputed"].all()


def test_a_plan_counts_from_the_day_on_which_the_books_hold_it() -> None:
    late = PLAN.replace("amount", "amount | booked_on").replace("| 100\n", "| 100 | 2024-02-05\n")
    before, after = items("2024-02-04", instalments=late), items("2024-02-05", instalments=late)
    assert before.index.tolist() == [0]
    assert before["days_past_due"].tolist() == [0]  # due 31 March as a whole
    assert after["days_past_due"].tolist() == [5, 0, 0]


def test_a_corrected_instalment() -> None:
    """On 10 February the books move the first instalment to 29 February."""
    plan = """
        invoice_id | number | due_on     | amount | booked_on  | superseded_on
        a          | 1      | 2024-01-31 | 100    | 2024-01-01 | 2024-02-10
        a          | 1      | 2024-02-29 | 100    | 2024-02-10 |
        a          | 2      | 2024-03-01 | 200    | 2024-01-01 |
    """
    assert items("2024-02-09", instalments=plan)["days_past_due"].tolist() == [9, 0]
    assert items("2024-02-10", instalments=plan)["days_past_due"].tolist() == [0, 0]
    assert items("2024-03-15", instalments=plan)["days_past_due"].tolist() == [15, 14]


def test_a_payment_booked_late_that_came_first_moves_the_others() -> None:
    """100 of 20 February is known that day and fills the first; 100 of 25 January, booked on 1 March, takes its place."""
    payments = """
        invoice_id | paid_on    | amount | booked_on
        a          | 2024-02-20 | 100    | 2024-02-20
        a          | 2024-01-25 | 100    | 2024-03-01
    """
    before, after = items("2024-02-29", payments=payments), items("2024-03-01", payments=payments)
    assert before["days_late"].tolist()[:1] == [20]
    assert [str(on.date()) for on in after["settled_on"][:2]] == ["2024-01-25", "2024-02-20"]
    assert after["days_late"].tolist()[:2] == [-6, -10]


def test_a_merger_moves_every_instalment() -> None:
    events = "customer_id | invoice_id | occurred_on | kind | detail\n acme | | 2024-02-15 | merged_into | b"
    found = settle(ledger(invoices=INVOICE, instalments=PLAN, events=events, customers="customer_id\n acme \n b")).at(
        "2024-03-15"
    )
    assert found["customer_id"].tolist() == ["b"] * 3
    assert found["days_past_due"].tolist() == [44, 14, 0]


def test_accounts_count_items_past_due_and_one_invoice() -> None:
    s = settle(book())
    account = accounts(s, ["acme"], day("2024-03-15"))
    assert account.items["item_id"].tolist() == ["a#1", "a#2", "a#3"]
    assert account.items["amount"].tolist() == [100.0, 100.0, 100.0]
    (customer,) = account.customers.to_dict("records")
    assert (customer["overdue"], customer["balance"], customer["days_past_due"]) == (200.0, 300.0, 44)
    assert (customer["ageing_current"], customer["ageing_1_30"], customer["ageing_31_60"]) == (100.0, 100.0, 100.0)
    assert customer["invoices"] == 1
    usual = usual_invoices(s, ["acme"], day("2024-03-15")).iloc[0]
    assert (usual["amount"], usual["terms_days"]) == (100.0, 60.0)  # the items': 30, 60 and 90 days


def test_open_items_and_their_inputs() -> None:
    held = book()
    found = open_items_on(held, settle(held), "2024-03-15")
    assert found[["item_id", "invoice_id", "number"]].to_numpy().tolist() == [
        ["a#1", "a", 1],
        ["a#2", "a", 2],
        ["a#3", "a", 3],
    ]
    assert found["amount"].tolist() == [100.0] * 3
    X = build_items(held, found, ["item_open_amount", "item_days_past_due", "item_terms_days"])
    assert X.to_numpy().tolist() == [[100, 44, 30], [100, 14, 60], [100, 0, 90]]
    by_due_day = build_items(held, found.drop(columns="number"), list(X))
    assert by_due_day.to_numpy().tolist() == X.to_numpy().tolist()


@pytest.mark.parametrize(("name", "expected"), [
    ("overdue_amount", 200.0), ("days_past_due_max_12m", 44.0), ("open_amount", 300.0),
])  # fmt: skip
def test_features(name: str, expected: float) -> None:
    asked = pd.DataFrame({"customer_id": ["acme"], "as_of": [pd.Timestamp("2024-03-15")]})
    assert build(book(), asked, [name]).iloc[0, 0] == expected


def test_default_counts_91_days_from_each_instalment_s_own_due_day() -> None:
    """3 × 1,000: the first is 91 days past due on 1 May (31 January + 91 days); by the invoice's own day it were 30 June."""
    held = book(invoices=INVOICE.replace("300", "3000"), instalments=PLAN.replace("| 100\n", "| 1000\n"))
    spells = default_spells(held, PRIMARY, until="2024-12-31")
    assert [str(on.date()) for on in spells["entered_on"]] == ["2024-05-01"]


def test_labels_are_per_instalment() -> None:
    held = book(payments=HALF + "\n a | 2024-03-11 | 50")
    asked = pd.DataFrame({"invoice_id": ["a"] * 3, "number": [1, 2, 3]})
    found = delay_labels(held, asked, until="2024-06-30")
    assert found["days_late"].tolist()[:2] == [10.0, 10.0]  # 31 January to 10 February, 1 to 11 March
    assert found["is_censored"].tolist() == [False, False, True]
    with pytest.raises(InputError, match="one an instalment, named by `number`"):
        delay_labels(held, asked[["invoice_id"]], until="2024-06-30")


def test_days_beyond_terms_are_weighed_by_instalment() -> None:
    """150 on 10 February: 100 for an item 10 days late, 50 for one 20 days early: 100 · 10 / 150."""
    held = book(payments=HALF)
    found = kpi_series(held, [pd.Timestamp("2024-03-15").date()], by="portfolio", days_in_period=90)
    assert found["days_beyond_terms_paid"].iloc[0] == pytest.approx(1000 / 150)
    # open: 50 in 1–30 days (15), 100 current: 50 · 15 / 150
    assert found["days_beyond_terms_open"].iloc[0] == pytest.approx(5.0)


def test_an_invoice_in_foreign_money_carries_its_own_rate_to_its_instalments() -> None:
    held = book(
        invoices=INVOICE.replace("amount", "amount | currency").replace("300", "300 | USD"),
        exchange_rates="currency | observed_on | rate\n USD | 2023-12-31 | 0.9",
    )
    settlement: Settlement = settle(held)
    assert settlement.at("2024-03-15")["open_cents"].tolist() == [9000, 9000, 9000]


def test_a_timeline_of_the_invoice_and_of_one_instalment() -> None:
    held = book(payments=HALF + "\n a | 2024-04-02 | 150")
    whole, second = timeline(held, "a"), timeline(held, "a#2")
    assert whole["what"].tolist() == ["issued", "instalment", "instalment", "instalment", "payment", "payment"]
    assert whole["detail"].tolist()[1] == "due 2024-01-31, 100.00"
    assert whole["open_amount"].tolist() == [300, 300, 300, 300, 150, 0]
    assert whole["state"].tolist()[-2:] == ["open", "paid"]
    assert whole["settled_on"].iloc[-1] == pd.Timestamp("2024-04-02")  # when the last instalment is
    assert second["open_amount"].tolist() == [100, 100, 100, 100, 50, 0]
    assert timeline(held, "a#1")["settled_on"].iloc[-1] == pd.Timestamp("2024-02-10")
    with pytest.raises(InputError, match="is not in the ledger"):
        timeline(held, "a#4")


def test_an_erpnext_payment_schedule_end_to_end(tmp_path: Path) -> None:
    """The fixture as ERPNext exports it, 150 paid on 10 February: imported, read and answered per instalment."""
    files = {
        "sales_invoice": "name,customer,customer_name,posting_date,due_date,grand_total,outstanding_amount,currency,is_return,docstatus\n"
        "SI-1,C-1,Acme,2024-01-01,2024-03-31,300,150,INR,0,1\n",
        "payment_ledger_entry": "name,voucher_type,voucher_no,against_voucher_type,against_voucher_no,party,posting_date,"
        "amount_in_account_currency,account_currency,delinked\n"
        "p1,Sales Invoice,SI-1,Sales Invoice,SI-1,C-1,2024-01-01,300,INR,0\n"
        "p2,Payment Entry,PE-1,Sales Invoice,SI-1,C-1,2024-02-10,-150,INR,0\n",
        "payment_schedule": "parent,payment_term,invoice_portion,due_date,payment_amount\n"
        "SI-1,1st,33.33,2024-01-31,100\nSI-1,2nd,33.33,2024-03-01,100\nSI-1,3rd,33.34,2024-03-31,100\n",
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
    out = tmp_path / "ledger"
    report = import_files(
        format_named("erpnext"), sorted(tmp_path.glob("*.csv")), out, Options(known_on=date(2024, 3, 15))
    )
    assert [f["quarantined"] for f in report["files"]] == [0, 0, 0]
    held = read_ledger(out)
    state = settle(held).at("2024-03-15").set_index("number")
    assert state["document_open_cents"].tolist() == [0, 5000, 10000]
    assert state.loc[1, "days_late"] == 10
    assert state["days_past_due"].tolist() == [-1, 14, 0]
    assert accounts(settle(held), ["C-1"], day("2024-03-15")).customers["overdue"].tolist() == [50.0]


def test_a_promise_is_kept_when_what_was_due_is_paid() -> None:
    """Made on 5 February, when only the first 100 were due: 150 on 10 February keep it; a promise of 5 March waits for 200."""
    events = """
        customer_id | invoice_id | occurred_on | kind            | detail
        acme        | a          | 2024-02-05  | promise_to_pay  | 2024-02-12
        acme        | a          | 2024-03-05  | promise_to_pay  | 2024-03-12
    """
    held = book(payments=HALF, events=events)
    found = promises_on(held, settle(held), pd.Timestamp("2024-03-15"))
    assert found["status"].tolist() == ["kept", "broken"]


def test_a_reminder_is_about_the_instalment_due_first_that_was_open() -> None:
    """On 5 February the first is open, on 15 March it is paid and the second is meant."""
    events = """
        customer_id | invoice_id | occurred_on | kind    | detail
        acme        | a          | 2024-02-05  | dunning | 1
        acme        | a          | 2024-03-15  | dunning | 2
    """
    held, on = book(payments=HALF, events=events), pd.Timestamp("2024-03-20")
    states = item_states(held, settle(held), on)
    rows = acted_rows(states, actions_of(held, on))
    assert states["number"].to_numpy()[rows].tolist() == [1, 2]


def test_what_a_recovery_brings_back_fills_the_oldest_loss_first() -> None:
    """All 300 are written off on 30 June; 120 come back: 100 of the first and 20 of the second, so 180 are lost."""
    events = """
        customer_id | invoice_id | occurred_on | kind      | amount
        acme        | a          | 2024-06-30  | write_off |
        acme        | a          | 2024-09-30  | recovery  | 120
    """
    held = book(events=events)
    segments = pd.Series({"acme": "all"})
    found = loss_history(held, settle(held), date(2025, 12, 31), segments, months=36, outcome_days=365)
    assert found.entered.loc["all", "current"] == 30000
    assert found.lost.loc["all", "current"] == 18000
    assert (found.items["all"], found.lost_items["all"]) == (3, 2)
