"""The quality report: it reconciles, it finds what is doubtful, and it says what a model cannot know."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from cli.check import command as check
from cli.timeline import command as timeline
from ledger.ledger import Ledger
from ledger.quality.page import page
from ledger.quality.report import quality

INVOICES = pd.DataFrame(
    {
        "invoice_id": ["a", "b", "c", "cn"],
        "customer_id": "acme",
        "kind": ["invoice", "invoice", "invoice", "credit_note"],
        "issued_on": ["2024-01-02", "2024-01-02", "2024-03-01", "2024-03-05"],
        "due_on": ["2024-02-01", "2024-02-01", "2024-12-31", "2024-03-05"],
        "amount": [100.0, 100.0, 250.0, 50.0],
        "currency": "EUR",
        "applies_to": [None, None, None, "c"],
    }
)
PAYMENTS = pd.DataFrame(
    {
        "payment_id": ["p1", "p2", "p3"],
        "customer_id": "acme",
        "invoice_id": ["a", "b", None],
        "paid_on": ["2024-02-05", "2024-02-10", "2024-04-01"],
        "amount": [100.0, 30.0, 7.0],
        "currency": "EUR",
        "kind": "payment",
        "booked_on": ["2024-02-05", "2024-02-28", "2024-04-01"],
    }
)


def prepared(**changes: pd.DataFrame) -> Ledger:
    customers = pd.DataFrame({"customer_id": ["acme", "new"], "country": ["DE", "FR"]})
    return Ledger.from_frames(**{"customers": customers, "invoices": INVOICES, "payments": PAYMENTS} | changes)


def test_ageing_reconciles_with_the_rows() -> None:
    (ageing,) = quality(prepared()).sections["ageing"]
    # b: 100 - 30, due 60 days before the last known day; c: 250 - 50, not due
    assert {k: ageing[k] for k in ("current", "31_60", "open", "unapplied", "difference")} == {
        "current": 200.0,
        "31_60": 70.0,
        "open": 270.0,
        "unapplied": 7.0,
        "difference": 0.0,
    }


@pytest.mark.parametrize(
    "words",
    [
        "2 invoices in 1 groups are alike but for the id (e.g. a)",
        "1 of 3 invoices have terms of more than 180 days",
        "payments: 33.3% booked more than 5 days after the event, at most 18 days",
        "1 of 2 customers have no invoice",
        "no credit limits or insurance cover",
        "stretches of more than 21 days without an invoice: 1, the longest 59 days after 2024-01-02",
    ],
)
def test_findings_say_what_was_found(words: str) -> None:
    assert words in [f.what for f in quality(prepared()).findings]


def test_currencies_without_rates_are_a_problem() -> None:
    mixed = INVOICES.assign(currency=["EUR", "EUR", "USD", "USD"])
    found = quality(prepared(invoices=mixed))
    assert not found.is_sound
    assert [f.what for f in found.findings if f.level == "problem"] == ["amounts in 2 currencies and no exchange_rates"]


def test_write_offs_and_overpayments_reconcile() -> None:
    events = pd.DataFrame(
        {
            "event_id": ["w"],
            "customer_id": "acme",
            "invoice_id": ["b"],
            "occurred_on": ["2024-03-31"],
            "kind": "write_off",
        }
    )
    (ageing,) = quality(prepared(events=events, payments=PAYMENTS.assign(amount=[130.0, 30.0, 7.0]))).sections["ageing"]
    assert (ageing["written_off"], ageing["overpaid"], ageing["open"], ageing["difference"]) == (70.0, 30.0, 200.0, 0.0)


def test_page_escapes_and_loads_nothing() -> None:
    text = page(quality(prepared()), "<b>ledger</b>")
    assert "&lt;b&gt;ledger" in text
    assert "http" not in text
    assert "<script" not in text


def test_commands_answer(tmp_path: Path) -> None:
    prepared().write(tmp_path / "ledger")
    done = CliRunner().invoke(check, [str(tmp_path / "ledger"), "--json", "--html", str(tmp_path / "report.html")])
    assert (done.exit_code, json.loads(done.output)["is_sound"]) == (0, True)
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    life = CliRunner().invoke(timeline, [str(tmp_path / "ledger"), "b", "--json"], catch_exceptions=False)
    assert [row["open_amount"] for row in json.loads(life.output)] == [100.0, 70.0]
    mixed = prepared(invoices=INVOICES.assign(currency=["EUR", "EUR", "USD", "USD"]))
    mixed.write(tmp_path / "mixed")
    assert CliRunner().invoke(check, [str(tmp_path / "mixed")]).exit_code == 1
