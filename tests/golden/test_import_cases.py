"""Sixteen small exports as people have them, each with the values that a reader can redo; a folder a case in import_cases/."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from cli.main import commands
from importing.engine.run import Options, import_files
from importing.formats import format_named
from importing.formats.table import read_mapping
from importing.guess.proposal import proposal
from ledger.accounts import accounts
from ledger.errors import InputError
from ledger.known import day
from ledger.ledger import read_ledger
from ledger.receivables import ageing
from ledger.settlement import settle

CASES = Path(__file__).parent / "import_cases"
KNOWN_ON = date(2026, 1, 31)


def case(number: str) -> Path:
    return next(CASES.glob(f"{number}-*"))


def load(number: str, format_name: str, out: Path, mapping: str | None = None, **options: Any) -> dict[str, Any]:
    folder = case(number)
    fmt = read_mapping(folder / mapping) if mapping else format_named(format_name)
    files = [path for path in sorted(folder.iterdir()) if path.suffix != ".toml"]
    return import_files(fmt, files, out, Options(known_on=KNOWN_ON, **options))


def totals(report: dict[str, Any], currency: str) -> dict[str, str]:
    return {t["measure"]: t["after"] for t in report["totals"] if t["currency"] == currency}


def aged(folder: Path) -> dict[str, pd.Series]:
    ledger = read_ledger(folder)
    return {row["currency"]: row for _, row in ageing(ledger, ledger.last_known_on).iterrows()}


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(commands, list(arguments))
    is_mistake = isinstance(found.exception, InputError)  # which cli.main prints, and ends with 2
    return 2 if is_mistake else found.exit_code, found.output


def guessed(number: str, out: Path, tmp_path: Path, change: Callable[[str], str] = str) -> dict[str, Any]:
    """The import of a case through the mapping that --guess proposes for it."""
    mapping = tmp_path / "guessed.toml"
    mapping.write_text(change(proposal(case(number))), encoding="utf-8")
    return import_files(read_mapping(mapping), [case(number)], out, Options(known_on=KNOWN_ON, currency="EUR"))


def test_01_a_paid_amount_without_a_day_is_named_and_in_the_totals(tmp_path: Path) -> None:
    report = load("01", "table", tmp_path / "l", "m.toml")
    assert totals(report, "USD")["open"] == "179.45"  # 600 - 100 - 200 - 120.55
    assert any("320.55 USD" in item["what"] for item in report["inferred"])
    assert aged(tmp_path / "l")["USD"]["open"] == 179.45
    state = settle(read_ledger(tmp_path / "l")).at(KNOWN_ON).set_index("invoice_id")
    assert state["closed_kind"].to_dict() == {"I1": "paid", "I2": "undated", "I3": "open"}
    assert pd.isna(state.loc["I2", "days_late"])  # no day of payment, no days late


def test_02_the_guess_takes_the_amount_that_agrees_with_what_was_paid(tmp_path: Path) -> None:
    text = proposal(case("02"))
    assert 'columns.amount = "total_inc_gst"' in text
    assert "open         " in text
    report = guessed("02", tmp_path / "l", tmp_path)
    assert totals(report, "EUR")["open"] == "2020383.24"
    assert report["settlement"][0]["overpaid"] == "0.00"


def test_04_erpnext_what_was_paid_at_the_counter_is_paid(tmp_path: Path) -> None:
    report = load("04", "erpnext", tmp_path / "l")
    assert (totals(report, "EUR")["open"], totals(report, "EUR")["paid"]) == ("900.00", "100.00")


def test_05_erpnext_a_payment_in_the_accounts_currency_settles_by_the_invoices_own_rate(tmp_path: Path) -> None:
    report = load("05", "erpnext", tmp_path / "l")
    assert totals(report, "EUR") == {
        "invoiced": "300.00",
        "credited": "0.00",
        "paid": "300.00",
        "unapplied": "0.00",
        "open": "0.00",
    }
    assert report["settlement"][0]["paid"] == 1


def test_07_sap_terms_without_days_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="T052"):
        load("07", "sap", tmp_path / "l")
    assert not (tmp_path / "l" / "invoices.parquet").exists()
    (tmp_path / "T052.csv").write_text(
        "ZTERM,ZTAG1,ZTAG2,ZTAG3\nN060,60,0,0\nN030,30,0,0\nN014,14,0,0\n2/10N30,10,30,0\n"
    )
    report = import_files(
        format_named("sap"),
        [case("07") / "BSID2.csv", tmp_path / "T052.csv"],
        tmp_path / "l",
        Options(known_on=KNOWN_ON),
    )
    assert report["rows"]["quarantined"] == 0
    due = read_ledger(tmp_path / "l").invoices.set_index("customer_id")["due_on"]
    assert due["C00003"] == pd.Timestamp("2024-05-11")  # 12 March and 60 days


def test_08_sap_an_acceptance_draft_stays_exposure_until_it_matures(tmp_path: Path) -> None:
    report = load("08", "sap", tmp_path / "l")
    assert totals(report, "CNY")["bills"] == "10000.00"
    book = read_ledger(tmp_path / "l")
    settlement = settle(book)

    def exposure(on: str) -> tuple[float, float, float]:
        row = accounts(settlement, ["C1"], day(on)).customers.loc["C1"]
        return row["balance"], row["bills"], row["exposure"]

    assert exposure("2024-02-04") == (10_000, 0, 10_000)
    assert exposure("2024-02-05") == (0, 10_000, 10_000)
    assert exposure("2024-08-04") == (0, 10_000, 10_000)
    assert exposure("2024-08-05") == (0, 0, 0)


def test_09_gb18030_is_read_and_mapped(tmp_path: Path) -> None:
    text = proposal(case("09"))
    for column, header in (
        ("invoice_id", "单据号"), ("customer_id", "客户编码"), ("issued_on", "单据日期"), ("due_on", "到期日"), ("amount", "本币金额"),
        ("currency", "币种"), ("paid_on", "收款日期"), ("amount", "收款金额"), ("name", "客户名称"),
    ):  # fmt: skip
        assert f'columns.{column} = "{header}"' in text
    assert 'open_amount = "余额"' in text
    report = guessed("09", tmp_path / "l", tmp_path)
    assert report["files"][0]["encoding"] == "gb18030"
    assert totals(report, "CNY")["open"] == "37700.00"  # 0 + 2,000 + 1,000 - 300 + 35,000
    assert sorted(read_ledger(tmp_path / "l").customers["name"]) == ["丙公司", "乙公司", "甲公司"]


def test_10_chinese_cells(tmp_path: Path) -> None:
    report = load("10", "table", tmp_path / "l", "m.toml")
    assert report["rows"] == {"read": 5, "accepted": 5, "quarantined": 0}
    amounts = read_ledger(tmp_path / "l").invoices.set_index("invoice_id")["amount"]
    assert amounts.to_dict() == {
        "XS2024-0001": 1234.5, "XS2024-0002": 2000.0, "XS2024-0003": 1500.5, "XS2024-0004": 300.0, "XS2024-0005": 35_000.0,
    }  # fmt: skip


def test_11_only_currencies_of_iso_4217(tmp_path: Path) -> None:
    report = load("11", "table", tmp_path / "l")
    invoices = read_ledger(tmp_path / "l").invoices.set_index("invoice_id")["currency"]
    assert invoices.to_dict() == {"I2": "CNY", "I4": "EUR", "I5": "EUR", "I6": "EUR", "F": "EUR"}
    assert report["rows"]["quarantined"] == 3  # ABC, XXX and $, which is the sign of several
    assert "currency 'RMB' read as CNY" in [item["what"] for item in report["inferred"]]


def test_12_ageing_on_a_month_end_after_the_last_booking(tmp_path: Path) -> None:
    load("12", "table", tmp_path / "l")
    code, output = run("report", "ageing", str(tmp_path / "l"), "--as-of", "2024-05-31", "--json")
    assert code == 0
    report = json.loads(output)
    assert report["known_to"] == "2024-05-28"
    assert aged_on(tmp_path / "l", "2024-05-31") == (60.0, 6)
    assert run("report", "ageing", str(tmp_path / "l"), "--as-of", "2024-07-13")[0] == 2  # 46 days after


def aged_on(folder: Path, on: str) -> tuple[float, int]:
    row = settle(read_ledger(folder)).at(on).iloc[0]
    return row["document_open_cents"] / 100, row["days_past_due"]


def test_13_xeros_own_export(tmp_path: Path) -> None:
    report = load("13", "xero", tmp_path / "l")
    row = aged(tmp_path / "l")["GBP"]
    assert (row["open"], row["unapplied"]) == (70.0, 12.0)
    kinds = read_ledger(tmp_path / "l").invoices["kind"].value_counts().to_dict()
    assert kinds == {"invoice": 2, "credit_note": 1}
    assert report["rows"]["quarantined"] == 0
    assert any("day the export does not tell" in i["what"] and "110.00 GBP" in i["what"] for i in report["inferred"])


def test_14_quickbooks_ageing_detail_by_the_open_balance(tmp_path: Path) -> None:
    report = load("14", "quickbooks", tmp_path / "l")
    row = aged(tmp_path / "l")["USD"]
    assert (row["open"], row["unapplied"], row["net"]) == (650.0, 50.0, 600.0)  # 400 + 250, less 50
    assert {t["measure"]: t["before"] for t in report["totals"]}["invoiced"] == "1250.00"
    assert report["left_out"][0]["rows"] == 5  # titles, subtotals and the total


def test_15_two_digit_years(tmp_path: Path) -> None:
    report = load("15", "table", tmp_path / "l", "m.toml")
    assert read_ledger(tmp_path / "l").invoices["issued_on"].dt.strftime("%F").tolist() == ["2024-01-05", "2024-01-15"]
    assert any("1970 to 2069" in item["what"] and item["rows"] == 4 for item in report["inferred"])


def test_18_the_timeline_of_a_credit_note(tmp_path: Path) -> None:
    load("18", "table", tmp_path / "l")
    code, output = run("timeline", str(tmp_path / "l"), "C1", "--json")
    assert code == 0
    (row,) = json.loads(output)
    assert (row["what"], row["amount"], row["state"]) == ("credit note", -30.0, "unapplied")
    assert row["open_amount"] == -30.0


def test_19_a_folder_whose_payments_have_no_customer(tmp_path: Path) -> None:
    report = guessed("19", tmp_path / "l", tmp_path)
    assert (totals(report, "EUR")["paid"], totals(report, "EUR")["open"]) == ("100.00", "0.00")
    assert read_ledger(tmp_path / "l").payments["customer_id"].tolist() == ["C1"]


def test_21_minor_units_by_currency(tmp_path: Path) -> None:
    report = load("21", "table", tmp_path / "l")
    assert totals(report, "JPY") == {
        "invoiced": "100000",
        "credited": "0",
        "paid": "100000",
        "unapplied": "0",
        "open": "0",
    }
    assert totals(report, "KWD")["invoiced"] == "10.125"
    assert totals(report, "KWD")["open"] == "0.000"  # as every report has it
    assert totals(report, "KWD")["within_tolerance"] == "0.005"
    settled = {row["currency"]: row for row in report["settlement"]}
    assert settled["KWD"]["paid"] == 1  # 0.005 is within the tolerance of 0.01
    assert settled["KWD"]["within_tolerance"] == "0.005"
    for row in aged(tmp_path / "l").values():
        assert (row["open"], row["overpaid"], row["net"]) == (0, 0, 0)


def test_every_case_is_tested() -> None:
    numbers = {path.name[:2] for path in CASES.iterdir()}
    named = {name.split("_")[1] for name in globals() if name.startswith("test_") and name[5:7].isdigit()}
    assert numbers == named
