"""One odd row never closes the book: quarantined at import, named in one refusal, or read without."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from cli.check import command
from cli.main import commands
from importing.engine.run import Options, import_files
from importing.formats import format_named
from ledger.currency import reporting_currency
from ledger.errors import InputError
from ledger.ledger import read_ledger
from ledger.odd_rows import OddRow

INVOICES = """invoice_id,customer_id,kind,issued_on,due_on,amount,currency
a,acme,invoice,2024-01-05,2024-02-04,100,EUR
b,acme,invoice,2024-01-10,2024-02-09,200,USD
c,acme,invoice,2024-03-01,2024-03-31,300,CHF
d,acme,invoice,2023-12-01,2023-12-31,400,USD
"""
RATES = "currency,observed_on,rate\nUSD,2024-01-01,0.9\nEUR,2024-01-01,1\nEUR,2024-02-01,1.1\n"
EVENTS = "event_id,customer_id,occurred_on,kind\ne1,acme,2024-02-01,dunning\ne2,ghost,2024-02-01,dunning\n"
TABLES = {
    "customers": "customer_id\nacme\n", "invoices": INVOICES, "exchange_rates": RATES, "events": EVENTS,
    "payments": "payment_id,customer_id,invoice_id,paid_on,amount,currency,kind\np,acme,a,2024-02-01,-5,EUR,payment\n",
}  # fmt: skip


def folder(path: Path) -> Path:
    path.mkdir()
    for name, text in TABLES.items():
        (path / f"{name}.csv").write_text(text)
    return path


def test_an_import_quarantines_each_with_its_reason(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    report = import_files(format_named("table"), [source], tmp_path / "ledger", Options(known_on=date(2024, 6, 30)))
    reasons = {r["reason"]: r["rows"] for r in report["reasons"]}
    assert reasons == {
        "exchange_rates.rate: a rate of the reporting currency is 1": 1,
        "invoices.currency: exchange_rates has no rate of it": 1,
        "invoices.issued_on: exchange_rates has no rate of its currency on or before it": 1,
        "events.customer_id is not a customer of the ledger": 1,
        "payments.amount must be above 0": 1,
    }
    book = read_ledger(tmp_path / "ledger")
    assert sorted(book.invoices["invoice_id"]) == ["a", "b"]
    assert reporting_currency(book) == "EUR"


def test_a_folder_of_others_is_refused_with_every_row_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        read_ledger(folder(tmp_path / "ledger"))
    assert "events.customer_id must stand in customers (e2)" in str(refusal.value)
    assert "payments.amount must be above 0 (p)" in str(refusal.value)


def test_or_read_without_them(tmp_path: Path) -> None:
    left_out: list[OddRow] = []
    book = read_ledger(folder(tmp_path / "ledger"), left_out=left_out)
    assert {(row.table, row.key) for row in left_out} == {
        ("events", "e2"), ("payments", "p"), ("invoices", "c"), ("invoices", "d"), ("exchange_rates", "EUR 2024-02-01"),
    }  # fmt: skip
    assert reporting_currency(book) == "EUR"
    assert book.invoices["amount"].tolist() == [100.0, 200.0]


def test_the_command_says_how_many(tmp_path: Path) -> None:
    path = folder(tmp_path / "ledger")
    refused = CliRunner().invoke(command, [str(path)])
    assert isinstance(refused.exception, InputError)
    done = CliRunner().invoke(command, [str(path), "--quarantine"])
    assert done.exit_code == 0
    assert "read without 5 rows" in done.stderr


def test_a_value_of_another_type_is_left_out_too(tmp_path: Path) -> None:
    path = folder(tmp_path / "ledger")
    (path / "invoices.csv").write_text(INVOICES + "x,acme,invoice,someday,2024-03-31,5,EUR\n")
    left_out: list[OddRow] = []
    book = read_ledger(path, left_out=left_out)
    assert any(row.key == "someday" for row in left_out)
    assert "x" not in set(book.invoices["invoice_id"])


def test_one_cent_within_the_tolerance_stands_in_no_report(tmp_path: Path) -> None:
    from ledger.ledger import Ledger
    from ledger.quality.report import quality
    from ledger.receivables import ageing

    book = Ledger.from_frames(
        customers=pd.DataFrame({"customer_id": ["acme"]}),
        invoices=pd.DataFrame({
            "invoice_id": ["a"], "customer_id": ["acme"], "kind": ["invoice"], "issued_on": ["2024-01-05"], "due_on": ["2024-02-04"],
            "amount": [1859.90], "currency": ["EUR"],
        }),
        payments=pd.DataFrame(columns=["payment_id", "customer_id", "invoice_id", "paid_on", "amount", "currency", "kind"], dtype="object"),
        events=pd.DataFrame({
            "event_id": ["w"], "customer_id": ["acme"], "invoice_id": ["a"], "occurred_on": ["2024-06-01"], "kind": ["write_off"],
            "amount": [1859.89],
        }),
    )  # fmt: skip
    assert quality(book).is_sound
    row = ageing(book, "2024-06-01").iloc[0]
    assert (row["open"], row["overpaid"], row["net"]) == (0, 0, 0)


@pytest.mark.parametrize(("name", "more"), [
    ("timeline", ("a",)), ("train", ("--model", "delay")), ("score", ("--as-of", "latest", "--out", "scores.csv")),
])  # fmt: skip
def test_commands_read_without_odd_rows_where_asked(
    name: str, more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each does with the ledger then is its own; here it must be read, with the rows left out counted and named."""
    path = folder(tmp_path / "ledger")
    monkeypatch.setattr("models.registry.load", lambda *_: None)
    monkeypatch.setattr("decisions.scorer.Scorer.of", stopped)
    monkeypatch.setattr("models.registry.client", stopped)
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(commands, [name, str(path), *more])
    assert isinstance(refused.exception, InputError)
    assert "payments.amount must be above 0 (p)" in str(refused.exception)
    done = CliRunner().invoke(commands, [name, str(path), *more, "--quarantine"])
    assert "read without 5 rows" in done.stderr
    assert not isinstance(done.exception, InputError)


class Stopped(Exception):
    """Raised where the ledger has been read, which is all that the test asks of the command."""


def stopped(*_: object) -> None:
    raise Stopped
