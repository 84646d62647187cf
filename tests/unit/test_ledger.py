"""The ledger's door: what is read, what is refused and in which words."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ledger.currency import reporting_cents, reporting_currency
from ledger.known import known_on
from ledger.ledger import Ledger, LedgerError, read_ledger

CUSTOMERS = pd.DataFrame({"customer_id": ["acme", "8274986328479596038"]})
INVOICES = pd.DataFrame({
    "invoice_id": ["a", "b"], "customer_id": ["acme", "8274986328479596038"], "kind": "invoice",
    "issued_on": ["2024-01-02", "2024-04-01"], "due_on": ["2024-02-01", "2024-05-01"], "amount": ["100", "300.10"],
    "currency": "EUR",
})  # fmt: skip
PAYMENTS = pd.DataFrame({
    "payment_id": ["p", "q"], "customer_id": ["acme", "8274986328479596038"], "invoice_id": ["a", None],
    "paid_on": ["2024-02-11", "2024-05-31"], "booked_on": ["2024-02-20", None], "amount": [100, 120], "currency": "EUR",
    "kind": "payment",
})  # fmt: skip
TABLES = {"customers": CUSTOMERS, "invoices": INVOICES, "payments": PAYMENTS}


def test_a_ledger_survives_writing_and_reading(tmp_path: Path) -> None:
    ledger = Ledger.from_frames(**TABLES)
    ledger.write(tmp_path / "parquet")
    for name, frame in ledger.tables.items():
        if len(frame):
            (tmp_path / "csv").mkdir(exist_ok=True)
            frame.to_csv(tmp_path / "csv" / f"{name}.csv", index=False)
    assert read_ledger(tmp_path / "parquet").fingerprint == ledger.fingerprint
    assert read_ledger(tmp_path / "csv").fingerprint == ledger.fingerprint
    assert read_ledger(tmp_path / "csv").customers["customer_id"].tolist() == ["acme", "8274986328479596038"]


def test_fingerprint_ignores_order_and_sees_every_cent() -> None:
    ledger = Ledger.from_frames(**TABLES)
    assert Ledger.from_frames(**{n: f.iloc[::-1] for n, f in TABLES.items()}).fingerprint == ledger.fingerprint
    cheaper = INVOICES.assign(amount=["100", "300.09"])
    assert Ledger.from_frames(**{**TABLES, "invoices": cheaper}).fingerprint != ledger.fingerprint


def test_part_of_a_ledger(tmp_path: Path) -> None:
    Ledger.from_frames(**TABLES).write(tmp_path)
    part = read_ledger(tmp_path, customers=["acme"])
    assert part.invoices["invoice_id"].tolist() == ["a"]
    assert part.payments["payment_id"].tolist() == ["p"]


def test_an_empty_booked_on_is_the_event_date() -> None:
    payments = Ledger.from_frames(**TABLES).payments.set_index("payment_id")
    assert payments.loc["q", "booked_on"] == pd.Timestamp("2024-05-31")


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("invoices", {"amount": ["-12", "0"]}, r"amount must be above 0; fails in 2 of 2 rows, e\.g\. a \('-12"),
        ("invoices", {"amount": ["12,50", "1"]}, r"amount: must be a number; fails in 1 of 2 rows, e\.g\. '12,50'"),
        ("invoices", {"amount": [float("inf"), 1.0]}, "amount must be above 0; fails in 1"),
        ("invoices", {"due_on": ["2024-01-01", "2024-05-01"]}, "due_on must be on or after issued_on"),
        ("invoices", {"issued_on": ["1900-01-01", "2024-04-01"]}, "issued_on must be a real day"),
        ("invoices", {"kind": "bill"}, "kind must be one of invoice, credit_note; fails in 2"),
        ("invoices", {"currency": "euro"}, "currency must be an ISO 4217 code"),
        ("invoices", {"invoice_id": "a"}, "invoice_id must be unique; 1 values stand more than once, e.g. 'a'"),
        ("invoices", {"customer_id": "nobody"}, "customer_id must stand in customers; fails in 2"),
        ("payments", {"invoice_id": ["z", None]}, "invoice_id must stand in invoices; fails in 1 of 2 rows, e.g. p"),
        ("payments", {"currency": "USD"}, "currency must be its invoice's; fails in 1"),
        ("payments", {"paid_on": ["11/02/2024", "2024-05-31"]}, "paid_on: must be a date; fails in 1 of 2"),
        ("payments", {"kind": None}, "kind must not be empty; fails in 2"),
    ],
)
def test_what_is_refused_and_how(table: str, change: dict[str, object], said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        Ledger.from_frames(**{**TABLES, table: TABLES[table].assign(**change)})


def test_missing_columns_tables_and_folders(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="columns due_on are missing; found invoice_id"):
        Ledger.from_frames(**{**TABLES, "invoices": INVOICES.drop(columns="due_on")})
    with pytest.raises(LedgerError, match="no such ledger"):
        read_ledger(tmp_path / "nowhere")
    CUSTOMERS.to_csv(tmp_path / "customers.csv", index=False)
    with pytest.raises(LedgerError, match="invoices, payments not found"):
        read_ledger(tmp_path)


def test_known_on_cuts_by_booking_and_brings_back_what_was_corrected_later() -> None:
    corrected = pd.concat([
        INVOICES.assign(superseded_on=["2024-03-01", None], booked_on=["2024-01-05", "2024-04-01"]),
        INVOICES.iloc[[0]].assign(amount="90", booked_on="2024-03-01", superseded_on=None),
    ])  # fmt: skip
    ledger = Ledger.from_frames(**{**TABLES, "invoices": corrected})
    assert known_on(ledger, "2024-01-04").invoices.empty  # issued, not yet booked
    before = known_on(ledger, "2024-02-29").invoices
    assert before["amount"].tolist() == [100.0]
    assert before["superseded_on"].isna().all()
    assert known_on(ledger, "2024-03-01").invoices["amount"].tolist() == [90.0]
    assert known_on(ledger, "2024-02-19").payments.empty  # paid on the 11th, booked on the 20th
    assert len(known_on(ledger, "2024-02-20").payments) == 1


def test_reporting_cents_use_the_rate_of_the_day() -> None:
    rates = pd.DataFrame({
        "currency": "USD", "observed_on": ["2024-01-01", "2024-03-01"], "rate": [0.5, 0.2],
    })  # fmt: skip
    dollars = {**TABLES, "invoices": INVOICES.assign(currency=["EUR", "USD"]), "exchange_rates": rates}
    ledger = Ledger.from_frames(**dollars)
    assert reporting_currency(ledger) == "EUR"
    invoices = ledger.invoices
    cents = reporting_cents(invoices["amount"], invoices["currency"], invoices["issued_on"], ledger)
    assert cents.tolist() == [10_000, 6_002]  # 300.10 · 0.2
    early = Ledger.from_frames(**{**dollars, "exchange_rates": rates.assign(observed_on=["2024-06-01", "2024-07-01"])})
    with pytest.raises(LedgerError, match="no USD rate on or before 2024-04-01"):
        reporting_cents(invoices["amount"], invoices["currency"], invoices["issued_on"], early)


def test_mixed_currencies_without_rates_are_refused() -> None:
    ledger = Ledger.from_frames(**{**TABLES, "invoices": INVOICES.assign(currency=["EUR", "USD"])})
    with pytest.raises(LedgerError, match="EUR, USD have no rate"):
        reporting_currency(ledger)
