"""Bad input, case by case: everything that ledger.md and the issue name is handled or in quarantine with its reason."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from importing.engine.run import Options, import_files
from importing.formats.table import format_of
from ledger.errors import InputError
from ledger.known import known_on
from ledger.ledger import Ledger, read_ledger

HEADER = "invoice,customer,issued,due,amount,currency,paid\n"
A = "a,acme,2024-01-02,2024-02-01,100.00,EUR,2024-02-05\n"
B = "b,acme,2024-03-01,2024-03-31,250.50,EUR,\n"
FORMAT = format_of(
    {
        "invoices": {"columns": {"invoice_id": "invoice", "customer_id": "customer", "issued_on": "issued", "due_on": "due",
                                 "amount": "amount", "currency": "currency"}},
        "payments": {"same_rows_as": "invoices", "columns": {"paid_on": "paid"}},
    },
    "test",
)  # fmt: skip
SPLIT = format_of(
    {
        "invoices": {"columns": {c: c for c in ("invoice_id", "customer_id", "kind", "issued_on", "due_on", "amount",
                                               "currency", "applies_to")}},
        "payments": {"columns": {c: c for c in ("payment_id", "customer_id", "invoice_id", "paid_on", "amount", "currency",
                                               "kind")}},
    },
    "test",
)  # fmt: skip


def load(folder: Path, content: str | bytes, name: str = "export.csv") -> dict[str, Any]:
    source = folder / name
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_files(FORMAT, [source], folder / "ledger", Options(known_on=date(2024, 6, 30)))


def ids(folder: Path) -> list[str]:
    return sorted(read_ledger(folder / "ledger").invoices["invoice_id"])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("c,acme,2024-05-01,2024-04-01,40.00,EUR,\n", "invoices.due_on must be on or after issued_on"),
        ("c,acme,2024-05-01,2024-06-01,0,EUR,\n", "invoices.amount must be above 0"),
        ("c,acme,2024-05-01,2024-06-01,nan,EUR,\n", "amount is empty"),
        ("c,acme,2024-05-01,2024-06-01,twelve,EUR,\n", "amount is not a number"),
        ("c,acme,1900-01-01,2024-06-01,5,EUR,\n", "issued is empty"),
        ("c,acme,9999-12-31,9999-12-31,5,EUR,\n", "issued is empty"),
        ("c,acme,2024-13-01,2024-06-01,5,EUR,\n", "issued is not a date"),
        ("c,acme,2024-05-01,2024-06-01,5,EVRO,\n", "invoices.currency must be an ISO 4217 code, e.g. EUR"),
        (",acme,2024-05-01,2024-06-01,5,EUR,\n", "invoice is empty"),
        ("c,acme,2024-05-01,2024-06-01,5\n", "the line has fewer values than the header's 7"),
        ("c,acme,2024-05-01,2024-06-01,5,EUR,,x,y\n", "the line has more values than the header's 7"),
        (A, "invoices.invoice_id stands in the file already with the same content"),
        (HEADER, "the header is repeated here"),
        ("Total,,,,350.50,,\n", "a totals row or a remainder: it names nobody and nothing"),
        (",,,,350.50,,\n", "a totals row or a remainder: it names nobody and nothing"),
    ],
)
def test_a_bad_row_is_in_quarantine_with_its_reason_and_the_rest_is_taken(
    row: str, reason: str, tmp_path: Path
) -> None:
    report = load(tmp_path, HEADER + A + row + B)
    assert ids(tmp_path) == ["a", "b"]
    assert report["rows"] == {"read": 3, "accepted": 2, "quarantined": 1}
    assert reason in [r["reason"] for r in report["reasons"]]
    kept = duckdb.connect().execute(
        "SELECT line, original FROM read_parquet(?)", [str(tmp_path / "ledger/quarantine.parquet")]
    )
    assert kept.fetchall() == [(3, row.rstrip("\n"))]


def test_one_id_with_different_content_is_left_out_both_times(tmp_path: Path) -> None:
    report = load(tmp_path, HEADER + A + B + A.replace("100.00", "101.00"))
    assert ids(tmp_path) == ["b"]
    assert [(r["rows"], r["reason"]) for r in report["reasons"]] == [
        (2, "invoices.invoice_id stands more than once with different content")
    ]


def test_a_payment_before_its_invoice_is_taken_and_noticed(tmp_path: Path) -> None:
    report = load(tmp_path, HEADER + A.replace("2024-02-05", "2023-12-20") + B)
    assert [n["rows"] for n in report["noticed"] if "before the issue date" in n["what"]] == [1]
    assert report["rows"]["quarantined"] == 0


@pytest.mark.parametrize(
    ("text", "amount", "kind"),
    [
        ('"1,234.56"', 1234.56, "invoice"), ('"1.234,56"', 1234.56, "invoice"), ('"12,50"', 12.5, "invoice"),
        ("1 234.56", 1234.56, "invoice"), ("1'234.56", 1234.56, "invoice"), ('"1,234,567.89"', 1234567.89, "invoice"),
        ("(12.50)", 12.5, "credit_note"), ("-12.50", 12.5, "credit_note"), ("12.50-", 12.5, "credit_note"),
        ('"(1,234.56)"', 1234.56, "credit_note"), ("$ 99.90", 99.9, "invoice"),
    ],
)  # fmt: skip
def test_numbers_with_separators_and_brackets(text: str, amount: float, kind: str, tmp_path: Path) -> None:
    load(tmp_path, HEADER + A + B.replace("250.50", text))
    found = read_ledger(tmp_path / "ledger").invoices.set_index("invoice_id").loc["b"]
    assert (found["amount"], found["kind"]) == (amount, kind)


@pytest.mark.parametrize(
    "text", ["20240301", "20240301.0", "01/03/2024", "45352", "45352.0", "1.3.2024", "01-Mar-2024"]
)
def test_dates_in_the_forms_of_spreadsheets(text: str, tmp_path: Path) -> None:
    load(tmp_path, HEADER + A + B.replace("2024-03-01", text) + "d,acme,25/03/2024,2024-04-30,1,EUR,\n")
    found = read_ledger(tmp_path / "ledger").invoices.set_index("invoice_id").loc["b", "issued_on"]
    assert found.date() == date(2024, 3, 1)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"\xef\xbb\xbf" + (HEADER + A + B).encode(), "utf-8"),
        ((HEADER + A + B).replace("acme", "Müller").encode("cp1252"), "cp1252"),
        ((HEADER + A + B).replace("acme", "Müller").encode("utf-16"), "utf-16"),
        ((HEADER + A).replace("acme", "Müller").encode() + B.replace("acme", "Müller").encode("latin-1"), "cp1252"),
        ((HEADER + A + B).replace("\n", "\r\n").encode(), "utf-8"),
        ((HEADER + A + B).replace("\n", "\r").encode(), "utf-8"),
        ((HEADER + A + B).replace(",", ";").encode(), "utf-8"),
        ((HEADER + A + B).replace(",", "\t").encode(), "utf-8"),
        ((HEADER + A + B).replace("acme", '"ac\nme"').encode(), "utf-8"),
        (("Open items\n\n" + HEADER + A + "\n" + B).encode(), "utf-8"),
    ],
    ids=[
        "BOM",
        "CP1252",
        "UTF-16",
        "two encodings",
        "CRLF",
        "CR",
        "semicolon",
        "tab",
        "quoted newline",
        "titles, blanks",
    ],
)
def test_encodings_separators_and_newlines_change_nothing(content: bytes, encoding: str, tmp_path: Path) -> None:
    report = load(tmp_path, content)
    assert report["files"][0]["encoding"] == encoding
    assert report["rows"] == {"read": 2, "accepted": 2, "quarantined": 0}
    assert len(read_ledger(tmp_path / "ledger").customers) == 1  # the name is the same in both rows, whatever wrote it
    assert sorted(read_ledger(tmp_path / "ledger").invoices["amount"]) == [100.0, 250.5]


def test_three_hundred_columns(tmp_path: Path) -> None:
    more = "," + ",".join(f"extra{i}" for i in range(300))
    wide = "".join(line + more + "\n" for line in (HEADER + A + B).splitlines())
    report = load(tmp_path, wide)
    assert (ids(tmp_path), len(report["files"][0]["columns_not_used"])) == (["a", "b"], 300)


def test_a_truncated_file_keeps_its_whole_rows_and_says_that_the_last_may_be_short(tmp_path: Path) -> None:
    report = load(tmp_path, (HEADER + A + B)[:-20])
    assert ids(tmp_path) == ["a"]
    assert report["rows"] == {"read": 2, "accepted": 1, "quarantined": 1}
    assert "if the file was cut" in report["files"][0]["notes"][0]


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export.csv", HEADER + A)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("export.csv", b"", "the file is empty"),
        ("export.csv", bytes(range(256)) * 8, "binary content"),
        ("export.csv", zipped(), "a zip archive; unpack it"),
        ("export.csv", b"\x1f\x8b" + b"x" * 50, "a gzip archive"),
        ("export.xlsx", zipped(), "not a readable Excel workbook"),
        ("export.xls", b"\xd0\xcf\x11\xe0" + b"x" * 50, "an old Excel workbook"),
        ("export.parquet", b"PAR1" + b"x" * 50, "not a readable Parquet file"),
        ("export.csv", (HEADER.replace("amount", "amuont") + A).encode(), "missing amount (nearest found: amuont)"),
        ("export.csv", A.encode(), "the header cannot be mapped"),
    ],
)
def test_a_file_that_is_no_table_is_refused_whole(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, content, name)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "ledger").exists()


def test_an_import_that_would_make_an_empty_ledger_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows below the header"):
        load(tmp_path, HEADER)
    with pytest.raises(InputError, match=r"none of the 1 rows can be taken.*is not a date"):
        load(tmp_path, HEADER + "a,acme,someday,2024-06-01,5,EUR,\n")
    assert not (tmp_path / "ledger" / "invoices.parquet").exists()


INVOICES = "invoice_id,customer_id,kind,issued_on,due_on,amount,currency,applies_to\na,acme,invoice,2024-01-02,2024-02-01,100,EUR,\n"
PAYMENTS = "payment_id,customer_id,invoice_id,paid_on,amount,currency,kind\n"


def split(folder: Path, payments: str, invoices: str = INVOICES) -> tuple[dict[str, Any], Ledger]:
    (folder / "invoices.csv").write_text(invoices)
    (folder / "payments.csv").write_text(PAYMENTS + payments)
    files = [folder / "invoices.csv", folder / "payments.csv"]
    return import_files(SPLIT, files, folder / "ledger", Options(known_on=date(2024, 6, 30))), read_ledger(
        folder / "ledger"
    )


@pytest.mark.parametrize(
    ("payments", "state", "left", "over"),
    [
        ("p,acme,a,2024-02-05,40,EUR,payment\nq,acme,a,2024-02-09,60,EUR,payment\n", "paid", "0.00", "0.00"),
        ("p,acme,a,2024-02-05,40,EUR,payment\n", "open", "60.00", "0.00"),
        ("p,acme,a,2024-02-05,130,EUR,payment\n", "paid", "0.00", "30.00"),
        ("p,acme,a,2024-02-05,100,EUR,payment\nr,acme,a,2024-02-09,100,EUR,reversal\n", "open", "100.00", "0.00"),
        ("p,acme,a,2024-02-05,100,EUR,netting\n", "paid", "0.00", "0.00"),
        ("p,acme,a,2024-02-05,100,EUR,factoring\n", "factored", "0.00", "0.00"),
    ],
)
def test_partial_over_and_reversed_payments(payments: str, state: str, left: str, over: str, tmp_path: Path) -> None:
    report, _ = split(tmp_path, payments)
    (settled,) = report["settlement"]
    assert (settled[state], settled["open_amount"], settled["overpaid"]) == (1, left, over)
    words = "invoices paid more than their amount (the excess stays visible as an overpayment)"
    assert (words in [n["what"] for n in report["noticed"]]) == (over != "0.00")


def test_a_payment_to_an_unknown_invoice_or_in_another_currency_stays_out(tmp_path: Path) -> None:
    report, prepared = split(tmp_path, "p,acme,z,2024-02-05,40,EUR,payment\nq,acme,a,2024-02-05,40,USD,payment\n")
    assert {r["reason"] for r in report["reasons"]} == {
        "payments.invoice_id is not an invoice of the ledger", "payments.currency must be its invoice's EUR",
    }  # fmt: skip
    assert prepared.payments.empty


def test_a_credit_note_larger_than_its_invoice_closes_it_and_is_noticed(tmp_path: Path) -> None:
    report, _ = split(tmp_path, "", INVOICES + "n,acme,credit_note,2024-03-01,2024-03-01,120,EUR,a\n")
    (settled,) = report["settlement"]
    assert (settled["credited"], settled["overpaid"], settled["paid"]) == (1, "20.00", 0)
    assert "credit notes larger than their invoice" in [n["what"] for n in report["noticed"]]


def test_one_bad_row_in_a_hundred_thousand_stops_nothing(tmp_path: Path) -> None:
    rows = "".join(f"i{n},c{n % 50},2024-01-02,2024-02-01,{n % 97 + 1}.25,EUR,\n" for n in range(100_000))
    report = load(tmp_path, HEADER + rows + "x,c1,never,2024-02-01,5,EUR,\n")
    assert report["rows"] == {"read": 100_001, "accepted": 100_000, "quarantined": 1}
    assert json.loads((tmp_path / "ledger/import_report.json").read_text())["settlement"][0]["open"] == 100_000
    assert len(known_on(read_ledger(tmp_path / "ledger"), "2024-01-01").invoices) == 0


def test_line_numbers_hold_in_a_file_of_several_read_buffers(tmp_path: Path) -> None:
    """Read with several threads, DuckDB 2.0 put the parts of such a file in another order, the header amid the rows."""
    note = "x" * 60
    rows = [f"i{n},c{n % 50},2024-01-02,2024-02-01,{n % 97 + 1}.25,EUR,,{note}\n" for n in range(400_000)]
    rows[250_000] = f"bad,c1,never,2024-02-01,5,EUR,,{note}\n"
    content = HEADER.replace("\n", ",note\n") + "".join(rows)
    assert len(content) > 32_000_000
    report = load(tmp_path, content)
    assert report["rows"] == {"read": 400_000, "accepted": 399_999, "quarantined": 1}
    kept = duckdb.connect().execute(
        "SELECT line, original FROM read_parquet(?)", [str(tmp_path / "ledger/quarantine.parquet")]
    )
    assert kept.fetchall() == [(250_002, rows[250_000].rstrip("\n"))]
