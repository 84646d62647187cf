"""Ageing and receivables figures: the formulas of the definitions, redone by hand."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.report import command
from ledger.buckets import BUCKETS
from ledger.receivables import ageing, figures
from tests.books import odd_ledger
from tests.drawn import ledger

INVOICES = """
    invoice_id | customer_id | kind        | issued_on  | due_on     | amount | currency | applies_to
    a          | acme        | invoice     | 2024-01-01 | 2024-01-31 | 1000   | EUR      |
    b          | acme        | invoice     | 2024-04-10 | 2024-05-10 | 600    | EUR      |
    c          | bolt        | invoice     | 2024-06-01 | 2024-07-01 | 900    | EUR      |
    d          | bolt        | invoice     | 2024-05-01 | 2024-05-31 | 200    | EUR      |
    n          | bolt        | credit_note | 2024-06-10 | 2024-06-10 | 50     | EUR      | c
"""
PAYMENTS = """
    customer_id | invoice_id | paid_on    | booked_on  | amount
    acme        | a          | 2024-04-20 | 2024-04-20 | 700
    bolt        | d          | 2024-06-20 | 2024-07-02 | 200
    acme        |            | 2024-06-25 | 2024-06-25 | 40
    acme        | b          | 2024-07-03 | 2024-07-03 | 650
"""
BOOK = ledger(invoices=INVOICES, payments=PAYMENTS)
TO = date(2024, 6, 30)


def test_ageing_by_days_past_due_as_known_on_the_day() -> None:
    (row,) = ageing(BOOK, TO).to_dict("records")
    # a: 300 left, 151 days; b: 600, 51 days; d: 200, 30 days, its payment is booked in July; c: 900 - 50, not due
    assert row == {
        "currency": "EUR", "current": 850.0, "1_30": 200.0, "31_60": 600.0, "61_90": 0.0, "over_90": 300.0,
        "open": 1950.0, "unapplied": 40.0, "overpaid": 0.0, "net": 1910.0,
    }  # fmt: skip
    by_customer = ageing(BOOK, TO, by_customer=True).set_index("customer_id")
    assert by_customer["open"].to_dict() == {"acme": 900.0, "bolt": 1050.0}
    assert by_customer["unapplied"].to_dict() == {"acme": 40.0, "bolt": 0.0}
    later = ageing(BOOK, date(2024, 7, 3)).iloc[0]
    assert (later["overpaid"], later["open"]) == (50.0, 1150.0)


def test_figures_are_the_formulas() -> None:
    found = figures(BOOK, TO, 90)  # 2 April to 30 June
    assert (found.credit_sales, found.opening_receivables, found.closing_receivables) == (1650.0, 1000.0, 1950.0)
    assert found.closing_current == 850.0
    assert found.dso == pytest.approx(1950 / 1650 * 90)
    assert found.best_possible_dso == pytest.approx(850 / 1650 * 90)
    assert found.average_days_delinquent == pytest.approx((1950 - 850) / 1650 * 90)
    assert found.collection_effectiveness == pytest.approx(100 * (1000 + 1650 - 1950) / (1000 + 1650 - 850))
    assert found.receivables_turnover == pytest.approx(1650 / ((1000 + 1950) / 2))


def test_a_period_without_sales_has_no_dso() -> None:
    found = figures(BOOK, date(2024, 3, 31), 30)
    assert (found.dso, found.average_days_delinquent) == (None, None)
    assert found.receivables_turnover == 0.0
    assert figures(BOOK, date(2023, 12, 31), 30).receivables_turnover is None


@pytest.mark.parametrize("as_of", [date(2022, 12, 31), date(2023, 8, 15), date(2024, 12, 31)])
def test_customers_add_up_to_the_ledger_to_the_cent(as_of: date) -> None:
    whole = ageing(odd_ledger(), as_of).set_index("currency")
    parts = ageing(odd_ledger(), as_of, by_customer=True).drop(columns="customer_id").groupby("currency").sum()
    assert ((whole * 100).round().astype(int) == (parts * 100).round().astype(int)).all().all()
    buckets = whole[list(BUCKETS)].sum(axis="columns")
    assert ((buckets - whole["open"]).abs() < 0.005).all()


def test_the_commands_print_and_write(tmp_path: Path) -> None:
    BOOK.write(tmp_path / "ledger")
    run = CliRunner().invoke
    words = ["ageing", str(tmp_path / "ledger"), "--as-of", "2024-06-30"]
    printed = run(command, [*words, "--json"], catch_exceptions=False)
    assert json.loads(printed.output)["tables"]["ageing"][0]["over_90"] == 300.0
    shown = run(command, ["kpi", str(tmp_path / "ledger"), "--as-of", "2024-06-30"], catch_exceptions=False)
    assert any(line.startswith("DSO by balance") and line.endswith("106.4") for line in shown.output.splitlines())
    for suffix in ("csv", "xlsx", "html", "json"):
        out = tmp_path / f"ageing.{suffix}"
        run(command, [*words, "--out", str(out)], catch_exceptions=False)
        assert out.stat().st_size > 0
    assert "<script" not in (tmp_path / "ageing.html").read_text()
