"""What later exports change: corrections of every dated table, rows taken back, complete exports, one import at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from features.engine.histories import build
from importing.engine.lock import only_one
from importing.engine.run import Options, import_files
from importing.formats import format_named
from importing.formats.table import format_of
from ledger.contract import TABLES
from ledger.errors import InputError
from ledger.known import known_on
from ledger.ledger import Ledger, read_ledger
from ledger.settlement import settle

BOOK = {
    "invoices.csv": "invoice_id,customer_id,issued_on,due_on,amount,currency\n"
    "a,acme,2024-01-02,2024-02-01,100,EUR\nb,acme,2024-03-01,2024-03-31,250.50,EUR\n",
    "payments.csv": "payment_id,customer_id,invoice_id,paid_on,amount,currency,kind\np1,acme,a,2024-02-05,100,EUR,payment\n",
    "customers.csv": "customer_id,name,country\nacme,Acme,DE\n",
}
# table -> a file, its mapping's columns, what the corrected file says instead
CORRECTED = {
    "events": ("id,who,day,what\ne1,acme,2024-02-20,dunning\n", "dunning", "promise_broken",
               {"event_id": "id", "customer_id": "who", "occurred_on": "day", "kind": "what"}),
    "credit_terms": ("who,day,limit\nacme,2024-01-01,5000\n", "5000", "900",
                     {"customer_id": "who", "effective_on": "day", "credit_limit": "limit"}),
    "ratings": ("who,by,day,value,scale\nacme,dnb,2024-01-15,80,paydex\n", "80", "40",
                {"customer_id": "who", "source": "by", "rated_on": "day", "value": "value", "scale": "scale"}),
    "attributes": ("who,name,day,value\nacme,monthly_revenue,2024-01-31,1000\n", "1000", "10",
                   {"customer_id": "who", "name": "name", "observed_on": "day", "value": "value"}),
    "macro": ("series,day,value\ngdp,2024-01-31,101.5\n", "101.5", "99.1",
              {"series": "series", "observed_on": "day", "value": "value"}),
}  # fmt: skip


def write(folder: Path, files: dict[str, str]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return [folder / name for name in files]


def load(folder: Path, name: str, files: dict[str, str], on: str, **options: Any) -> dict[str, Any]:
    sources = write(folder, files)
    return import_files(
        format_named(name), sources, folder / "ledger", Options(known_on=date.fromisoformat(on), **options)
    )


def history(ledger: Ledger, as_of: str) -> pd.DataFrame:
    return build(ledger, pd.DataFrame({"customer_id": ["acme"], "as_of": pd.Timestamp(as_of)}))


@pytest.mark.parametrize("table", CORRECTED)
def test_a_correction_of_any_dated_table_leaves_the_past_as_it_was_known(table: str, tmp_path: Path) -> None:
    text, old, new, columns = CORRECTED[table]
    fmt = format_of({table: {"columns": columns}}, "test")
    load(tmp_path, "table", BOOK, "2024-04-01")
    states = []
    for content in (text, text.replace(old, new), text.replace(old, new)):
        (source,) = write(tmp_path, {"facts.csv": content})
        report = import_files(fmt, [source], tmp_path / "ledger", Options(known_on=date(2024, 6, 30)))
        states.append((read_ledger(tmp_path / "ledger"), report["tables"][table]))
    (before, _), (after, change), (again, nothing) = states
    assert change == {"new": 0, "unchanged": 0, "corrected": 1, "withdrawn": 0}
    assert nothing == {"new": 0, "unchanged": 1, "corrected": 0, "withdrawn": 0}
    assert again.fingerprint == after.fingerprint
    assert len(after[table]) == 2
    for day in ("2024-02-29", "2024-06-29"):
        assert known_on(after, day).fingerprint == known_on(before, day).fingerprint
        assert_frame_equal(history(after, day), history(before, day), check_exact=True)
    assert known_on(after, "2024-06-30").fingerprint != known_on(before, "2024-06-30").fingerprint
    assert len(known_on(after, "2024-06-30")[table]) == 1


@pytest.mark.parametrize("table", ["credit_terms", "ratings", "attributes", "events"])
def test_a_correction_is_seen_from_its_day_on(table: str, tmp_path: Path) -> None:
    text, old, new, columns = CORRECTED[table]
    fmt = format_of({table: {"columns": columns}}, "test")
    load(tmp_path, "table", BOOK, "2024-04-01")
    for content in (text, text.replace(old, new)):
        (source,) = write(tmp_path, {"facts.csv": content})
        import_files(fmt, [source], tmp_path / "ledger", Options(known_on=date(2024, 6, 30)))
    ledger = read_ledger(tmp_path / "ledger")
    assert not history(ledger, "2024-06-29").equals(history(ledger, "2024-06-30"))


def test_every_table_with_a_known_day_keeps_what_was_superseded() -> None:
    assert {name for name, table in TABLES.items() if table.known} == {
        name for name, table in TABLES.items() if "superseded_on" in table.columns
    }


def test_exchange_rates_are_never_revalued(tmp_path: Path) -> None:
    load(tmp_path, "table", BOOK, "2024-04-01")
    fmt = format_of({"exchange_rates": {"columns": {"currency": "cur", "observed_on": "day", "rate": "rate"}}}, "test")
    rates = "cur,day,rate\nUSD,2024-01-31,0.92\nUSD,2024-03-31,0.93\n"
    for text in (
        rates,
        rates.replace("0.92", "0.99") + "USD,2024-02-28,0.80\nUSD,2024-04-30,0.94\nUSD,2023-12-31,0.91\n",
    ):
        (source,) = write(tmp_path, {"rates.csv": text})
        report = import_files(fmt, [source], tmp_path / "ledger", Options(known_on=date(2024, 6, 30)))
    kept = read_ledger(tmp_path / "ledger")["exchange_rates"]
    assert sorted(kept["rate"]) == [0.91, 0.92, 0.93, 0.94]
    assert report["rows"] == {"read": 5, "accepted": 3, "quarantined": 2}
    assert {r["reason"] for r in report["reasons"]} == {"exchange_rates.rate: history is never revalued"}


def test_a_rate_that_comes_after_the_amounts_of_its_days_does_not_revalue_them(tmp_path: Path) -> None:
    fmt = format_of({"exchange_rates": {"columns": {"currency": "cur", "observed_on": "day", "rate": "rate"}}}, "test")
    (first,) = write(tmp_path, {"rates.csv": "cur,day,rate\nUSD,2023-12-31,0.90\n"})
    import_files(fmt, [first], tmp_path / "ledger", Options(known_on=date(2024, 1, 1)))
    load(tmp_path, "table", {name: text.replace("EUR", "USD") for name, text in BOOK.items()}, "2024-04-01")
    before = settle(read_ledger(tmp_path / "ledger")).at("2024-04-30")  # the last amount is of 1 March
    (later,) = write(tmp_path, {"rates.csv": "cur,day,rate\nUSD,2024-03-01,0.80\nUSD,2024-03-02,0.70\n"})
    report = import_files(fmt, [later], tmp_path / "ledger", Options(known_on=date(2024, 6, 30)))
    assert report["rows"] == {"read": 2, "accepted": 1, "quarantined": 1}
    assert_frame_equal(settle(read_ledger(tmp_path / "ledger")).at("2024-04-30"), before, check_exact=True)


XERO = "ContactName,InvoiceNumber,Type,Status,Date,DueDate,FullyPaidOnDate,Total,AmountPaid,AmountCredited,AmountDue,CurrencyCode\n"
PAID = "PaymentID,InvoiceNumber,Date,Amount,CurrencyCode,Status\n"


def test_xero_payments_that_an_export_drops_or_deletes_are_withdrawn(tmp_path: Path) -> None:
    row = "Club,I1,ACCREC,{},2024-01-05,2024-02-04,{},100,{},0,{},NZD\n"
    first = {"invoices.csv": XERO + row.format("PAID", "2024-02-10", 100, 0),
             "payments.csv": PAID + "P1,I1,2024-02-01,60,NZD,AUTHORISED\nP2,I1,2024-02-10,40,NZD,AUTHORISED\n"}  # fmt: skip
    load(tmp_path, "xero", first, "2024-03-01")
    later = {"invoices.csv": XERO + row.format("AUTHORISED", "", 60, 40),
             "payments.csv": PAID + "P1,I1,2024-02-01,60,NZD,AUTHORISED\n"}  # fmt: skip
    report = load(tmp_path, "xero", later, "2024-04-01")
    assert report["tables"]["payments"]["withdrawn"] == 1
    assert report["settlement"][0]["open_amount"] == "40.00"
    ledger = read_ledger(tmp_path / "ledger")
    assert sorted(known_on(ledger, "2024-03-31").payments["payment_id"]) == ["P1", "P2"]
    assert known_on(ledger, "2024-04-01").payments["payment_id"].tolist() == ["P1"]
    deleted = {"payments.csv": PAID + "P1,I1,2024-02-01,60,NZD,DELETED\n", "invoices.csv": later["invoices.csv"]}
    assert load(tmp_path, "xero", deleted, "2024-05-01")["tables"]["payments"]["withdrawn"] == 1
    # a payments export that does not add up to AmountPaid is only a part of it, and takes nothing back
    apart = {"invoices.csv": XERO + row.format("PAID", "2024-02-10", 100, 0),
             "payments.csv": PAID + "P3,I1,2024-02-20,40,NZD,AUTHORISED\n"}  # fmt: skip
    load(tmp_path, "xero", first, "2024-06-01")
    assert load(tmp_path, "xero", apart, "2024-06-02")["tables"]["payments"]["withdrawn"] == 0


def test_an_invoice_that_was_voided_after_its_import_is_withdrawn(tmp_path: Path) -> None:
    row = "Club,I1,ACCREC,{},2024-01-05,2024-02-04,,100,0,0,100,NZD\n"
    load(tmp_path, "xero", {"invoices.csv": XERO + row.format("AUTHORISED")}, "2024-03-01")
    report = load(tmp_path, "xero", {"invoices.csv": XERO + row.format("VOIDED")}, "2024-04-01")
    assert (report["rows"]["quarantined"], report["tables"]["invoices"]["withdrawn"]) == (1, 1)
    assert known_on(read_ledger(tmp_path / "ledger"), "2024-04-01").invoices.empty
    assert len(known_on(read_ledger(tmp_path / "ledger"), "2024-03-31").invoices) == 1


ERPNEXT = {
    "sales_invoice.csv": "name,customer,posting_date,due_date,grand_total,currency,docstatus\n"
    "S1,acme,2024-01-02,2024-02-01,100,INR,1\n",
    "payment_ledger_entry.csv": "name,voucher_type,voucher_no,against_voucher_type,against_voucher_no,party,posting_date,"
    "amount_in_account_currency,account_currency,delinked,creation,modified\n"
    "x1,Payment Entry,P1,Sales Invoice,S1,acme,2024-02-10,-100,INR,{},2024-02-12,{}\n",
}


@pytest.mark.parametrize(("modified", "kind"), [("2024-03-18", "reversal"), ("", "withdrawn")])
def test_a_delinked_erpnext_row_is_taken_back_from_its_day(modified: str, kind: str, tmp_path: Path) -> None:
    def files(delinked: int, day: str) -> dict[str, str]:
        return {name: text.format(delinked, day) for name, text in ERPNEXT.items()}

    load(tmp_path, "erpnext", files(0, "2024-02-12"), "2024-03-01")
    report = load(tmp_path, "erpnext", files(1, modified), "2024-04-01")
    assert report["settlement"][0]["open_amount"] == "100.00"
    ledger = read_ledger(tmp_path / "ledger")
    assert len(known_on(ledger, "2024-03-17").payments) == 1
    now = known_on(ledger, "2024-04-01").payments
    assert (now["kind"].tolist() == ["payment", "reversal"]) == (kind == "reversal")
    assert report["tables"]["payments"]["withdrawn"] == (kind == "withdrawn")


def test_an_odoo_payment_whose_reconciliation_is_undone_becomes_unapplied_cash(tmp_path: Path) -> None:
    moves = (
        "name,move_type,state,partner_id,date,invoice_date,invoice_date_due,amount_total,currency_id,payment_id/payment_type,"
        "create_date\nI1,out_invoice,posted,acme,2024-01-10,2024-01-10,2024-02-09,100,EUR,,2024-01-10\n"
        "PBNK/1,entry,posted,acme,2024-02-12,,,100,EUR,inbound,2024-02-20\n"
        "PBNK/2,entry,posted,acme,2024-02-13,,,30,EUR,outbound,2024-02-20\n"
    )
    reconciles = "id,debit_move_id/move_id,credit_move_id/move_id,amount,max_date,create_date\n"
    one = reconciles + "11,I1,PBNK/1,100,2024-02-12,2024-02-20\n"
    load(tmp_path, "odoo", {"moves.csv": moves, "reconciles.csv": one}, "2024-03-01")
    report = load(tmp_path, "odoo", {"moves.csv": moves, "reconciles.csv": reconciles}, "2024-04-01")
    assert report["reasons"][0]["rows"] == 1  # money paid out is no customer's payment
    ledger = read_ledger(tmp_path / "ledger")
    for day, invoice in (("2024-03-31", ["I1"]), ("2024-04-01", [])):
        known = known_on(ledger, day).payments
        assert known["amount"].tolist() == [100.0]
        assert known["invoice_id"].dropna().tolist() == invoice


def test_what_a_complete_export_no_longer_has_is_withdrawn_and_a_partial_one_keeps_it(tmp_path: Path) -> None:
    load(tmp_path, "table", BOOK, "2024-04-01")
    xero = {"invoices.csv": XERO + "Club,X1,ACCREC,AUTHORISED,2024-01-05,2024-02-04,,100,0,0,100,EUR\n"}
    load(tmp_path / "x", "xero", xero, "2024-04-01")
    import_files(
        format_named("xero"), [tmp_path / "x" / "invoices.csv"], tmp_path / "ledger", Options(known_on=date(2024, 4, 2))
    )
    fewer = BOOK | {"invoices.csv": BOOK["invoices.csv"].rsplit("b,acme", 1)[0]}
    assert load(tmp_path, "table", fewer, "2024-05-01")["tables"]["invoices"]["withdrawn"] == 0
    report = load(tmp_path, "table", fewer, "2024-05-01", is_complete=True)
    assert report["tables"]["invoices"]["withdrawn"] == 1
    ledger = read_ledger(tmp_path / "ledger")
    assert sorted(known_on(ledger, "2024-04-30").invoices["invoice_id"]) == ["X1", "a", "b"]
    assert sorted(known_on(ledger, "2024-05-01").invoices["invoice_id"]) == ["X1", "a"]  # another format's row stays
    broken = fewer | {"invoices.csv": fewer["invoices.csv"].replace("100,EUR", "abc,EUR")}
    kept = load(tmp_path, "table", broken, "2024-06-01", is_complete=True)
    assert (kept["rows"]["quarantined"], kept["tables"]["invoices"]["withdrawn"]) == (1, 0)  # it is in the file


def test_two_imports_into_one_ledger_at_once_are_refused(tmp_path: Path) -> None:
    write(tmp_path, BOOK)
    holding = "import sys; from pathlib import Path; from importing.engine.lock import only_one\n"
    holding += f"with only_one(Path({str(tmp_path / 'ledger')!r})): print('held', flush=True); sys.stdin.read()"
    first = subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdin is not None
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    command = [sys.executable, "-m", "cli.main", "import", "table", *(str(tmp_path / name) for name in BOOK)]
    command += ["--out", str(tmp_path / "ledger"), "--json"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    first.communicate("")
    assert refused.returncode == 2
    assert "another import is writing into this ledger" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "ledger").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["rows"]["accepted"] == 4


def test_a_failed_import_leaves_the_ledger_as_it_was_and_its_number_is_not_used_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importing.engine import quarantine, run

    load(tmp_path, "table", BOOK, "2024-04-01")
    before = read_ledger(tmp_path / "ledger").fingerprint
    more = {"invoices.csv": BOOK["invoices.csv"] + "c,acme,2024-03-02,2024-04-01,5,EUR\n"}
    with monkeypatch.context() as broken:
        broken.setattr(run.ledger_writer, "publish", lambda parts: (_ for _ in ()).throw(OSError("the disk is full")))
        with pytest.raises(OSError, match="disk is full"):
            load(tmp_path, "table", more, "2024-05-01")
    assert read_ledger(tmp_path / "ledger").fingerprint == before
    with monkeypatch.context() as cut_off:  # after the parts are in place, before the log says so
        cut_off.setattr(quarantine, "write", lambda *_: (_ for _ in ()).throw(OSError("the power is gone")))
        with pytest.raises(OSError, match="power is gone"):
            load(tmp_path, "table", more, "2024-05-01")
    load(tmp_path, "table", {"invoices.csv": BOOK["invoices.csv"].replace("b,acme", "d,acme")}, "2024-05-02")
    assert sorted(read_ledger(tmp_path / "ledger").invoices["invoice_id"]) == ["a", "b", "c", "d"]


def test_the_lock_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "book").write_text("x")
    with pytest.raises(InputError, match="imports write a folder"), only_one(tmp_path / "book"):
        pass
