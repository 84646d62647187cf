"""The rules that every import keeps: twice changes nothing, corrections keep the past, deltas add, errors help."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from cli.import_ import command
from importing.engine.run import Options, import_files
from importing.formats import format_named
from importing.formats.table import format_of, read_mapping
from ledger.errors import InputError
from ledger.known import known_on
from ledger.ledger import Ledger, read_ledger
from ledger.timeline import timeline

HEADER = "invoice,customer,issued,due,amount,currency,paid\n"
FIRST = HEADER + "a,acme,2024-01-02,2024-02-01,100.00,EUR,2024-02-05\nb,acme,2024-03-01,2024-03-31,250.50,EUR,\n"
MAPPING = {
    "invoices": {
        "columns": {
            "invoice_id": "invoice",
            "customer_id": "customer",
            "issued_on": "issued",
            "due_on": "due",
            "amount": "amount",
            "currency": "currency",
        }
    },
    "payments": {"same_rows_as": "invoices", "columns": {"paid_on": "paid"}},
}
FORMAT = format_of(MAPPING, "test")


def load(
    folder: Path, text: str | bytes, *, on: str = "2024-06-30", name: str = "export.csv", out: str = "ledger"
) -> dict[str, object]:
    source = folder / name
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_files(FORMAT, [source], folder / out, Options(known_on=date.fromisoformat(on)))


def ledger(folder: Path) -> Ledger:
    return read_ledger(folder / "ledger")


def test_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    before, parts = ledger(tmp_path).fingerprint, sorted(tmp_path.rglob("part-*"))
    report = load(tmp_path, FIRST)
    assert ledger(tmp_path).fingerprint == before
    assert sorted(tmp_path.rglob("part-*")) == parts
    assert report["tables"]["invoices"] == {"new": 0, "unchanged": 2, "corrected": 0, "withdrawn": 0}


def test_correction_supersedes_and_the_past_stays_as_it_was(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    before = {day: known_on(ledger(tmp_path), day).fingerprint for day in ("2024-02-10", "2024-06-29")}
    report = load(tmp_path, FIRST.replace("2024-02-05", "2024-02-25").replace("250.50", "205.50"), on="2024-06-30")
    assert report["tables"]["payments"] == {"new": 0, "unchanged": 0, "corrected": 1, "withdrawn": 0}
    after = ledger(tmp_path)
    assert {day: known_on(after, day).fingerprint for day in before} == before
    known = known_on(after, "2024-06-30")
    assert known.payments["paid_on"].dt.date.tolist() == [date(2024, 2, 25)]
    assert sorted(known.invoices["amount"]) == [100.0, 205.5]
    old = after.payments[after.payments["superseded_on"].notna()]
    assert old["paid_on"].dt.date.tolist() == [date(2024, 2, 5)]
    assert old["superseded_on"].dt.date.tolist() == [date(2024, 6, 30)]


def test_corrections_of_one_day_leave_one_current_row(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    for amount in ("205.50", "210.00", "205.50", "250.50"):
        load(tmp_path, FIRST.replace("250.50", amount))
        current = ledger(tmp_path).invoices.query("superseded_on.isna()")
        assert current.set_index("invoice_id").loc["b", "amount"] == float(amount)
    assert len(ledger(tmp_path).invoices) == 2 + 4


def test_payment_that_a_later_file_takes_back_is_withdrawn(tmp_path: Path) -> None:
    fmt = format_named("ibm")
    assert fmt.whole_invoices
    header = "countryCode,customerID,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,SettledDate\n"
    text = header + "391,c,1,1/2/2013,2/1/2013,10.00,{}\n"
    for settled, withdrawn in (("1/15/2013", 0), ("", 1)):
        (tmp_path / "ibm.csv").write_text(text.format(settled))
        report = import_files(fmt, [tmp_path / "ibm.csv"], tmp_path / "ibm", Options(known_on=date(2014, 1, 1)))
        assert report["tables"]["payments"]["withdrawn"] == withdrawn
    assert known_on(read_ledger(tmp_path / "ibm"), "2013-12-31").payments["payment_id"].tolist() == ["1:settled"]
    assert known_on(read_ledger(tmp_path / "ibm"), "2014-01-01").payments.empty


def test_unapplied_cash_that_is_split_later_is_counted_once(tmp_path: Path) -> None:
    header = "BUKRS,KUNNR,BELNR,GJAHR,BUZEI,BLART,SHKZG,WRBTR,WAERS,BLDAT,BUDAT,ZFBDT,ZBD1T,AUGDT,AUGBL\n"
    items = (
        "1,c,10,2024,1,RV,S,60,EUR,20240102,20240102,20240102,30,{0}\n"
        "1,c,11,2024,1,RV,S,40,EUR,20240102,20240102,20240102,30,{0}\n"
        "1,c,99,2024,1,DZ,H,110,EUR,20240210,20240210,20240210,0,{0}\n"
    )
    for day, clearing in (("2024-02-10", ","), ("2024-03-01", "20240301,99")):
        (tmp_path / "sap.csv").write_text(header + items.format(clearing))
        report = import_files(
            format_named("sap"), [tmp_path / "sap.csv"], tmp_path / "sap", Options(known_on=date.fromisoformat(day))
        )
        assert report["ledger_totals"]["EUR"]["paid"] == "110.00"
    assert known_on(read_ledger(tmp_path / "sap"), "2024-02-28").payments["invoice_id"].isna().all()
    now = known_on(read_ledger(tmp_path / "sap"), "2024-03-01").payments
    assert sorted(now["amount"]) == [10.0, 40.0, 60.0]


def test_delta_adds_a_part_and_leaves_the_rest_untouched(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    first = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in tmp_path.rglob("part-000001.parquet")}
    load(
        tmp_path,
        HEADER + "c,new,2024-06-01,2024-07-01,9.99,EUR,\nb,acme,2024-03-01,2024-03-31,250.50,EUR,2024-06-02\n",
        name="delta.csv",
    )
    whole = ledger(tmp_path)
    assert sorted(whole.invoices["invoice_id"]) == ["a", "b", "c"]
    assert sorted(whole.payments["payment_id"]) == ["a:paid", "b:paid"]
    assert {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in first} == first
    log = json.loads((tmp_path / "ledger" / "imports.json").read_text())
    assert [entry["files"][0]["file"] for entry in log] == ["export.csv", "delta.csv"]


def test_import_onto_a_ledger_that_no_import_wrote(tmp_path: Path) -> None:
    load(tmp_path, FIRST, out="other")
    read_ledger(tmp_path / "other").write(tmp_path / "ledger")
    assert (tmp_path / "ledger" / "invoices.parquet").is_file()
    load(tmp_path, FIRST.replace("250.50", "251.00") + "c,new,2024-06-01,2024-07-01,9.99,EUR,\n")
    current = ledger(tmp_path).invoices.query("superseded_on.isna()")
    assert sorted(current["amount"]) == [9.99, 100.0, 251.0]


def test_payment_of_an_unknown_invoice_stays_out_until_the_invoice_comes(tmp_path: Path) -> None:
    fmt = format_named("table")
    (tmp_path / "payments.csv").write_text(
        "payment_id,customer_id,invoice_id,paid_on,amount,currency,kind\np1,acme,a,2024-02-05,40,EUR,payment\np2,acme,,2024-02-06,5,EUR,payment\n"
    )
    (tmp_path / "invoices.csv").write_text(
        "invoice_id,customer_id,issued_on,due_on,amount,currency\na,acme,2024-01-02,2024-02-01,100,EUR\n"
    )
    options = Options(known_on=date(2024, 6, 30))
    report = import_files(fmt, [tmp_path / "payments.csv"], tmp_path / "ledger", options)
    assert [r["reason"] for r in report["reasons"]] == ["payments.invoice_id is not an invoice of the ledger"]
    (paid,) = [t for t in report["totals"] if t["measure"] == "paid"]
    assert (paid["before"], paid["after"], paid["because"][0]["amount"]) == ("45.00", "5.00", "40.00")
    import_files(fmt, [tmp_path / "invoices.csv"], tmp_path / "ledger", options)
    import_files(fmt, [tmp_path / "payments.csv"], tmp_path / "ledger", options)
    assert sorted(ledger(tmp_path).payments["payment_id"]) == ["p1", "p2"]
    assert timeline(ledger(tmp_path), "a")["open_amount"].tolist() == [100.0, 60.0]


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ('"1,234.56"', 1234.56),
        ('"12,50"', 12.5),
        ("$99.90", 99.9),
        ("1e2", 100.0),
        ('"1.234.567,89"', 1234567.89),
        ("100.250", 100.25),
    ],
)
def test_numbers_as_people_write_them(tmp_path: Path, value: str, amount: float) -> None:
    load(tmp_path, FIRST.replace("250.50", value))
    assert ledger(tmp_path).invoices.set_index("invoice_id").loc["b", "amount"] == amount


@pytest.mark.parametrize("value", ["0", "-5", "abc", '"(12.50)"', "nan", "inf", "1_000", "12.5.6", "--5"])
def test_amounts_that_are_none_go_to_quarantine_or_are_credit_notes(tmp_path: Path, value: str) -> None:
    report = load(tmp_path, FIRST.replace("250.50", value))
    kinds = ledger(tmp_path).invoices.set_index("invoice_id")["kind"]
    assert (kinds.get("b") == "credit_note") == (value in {"-5", '"(12.50)"'})
    assert report["rows"]["quarantined"] == int("b" not in kinds)


@pytest.mark.parametrize(
    "value",
    [
        "20240301",
        "20240301.0",
        "2024/03/01",
        "45352",
        "45352.0",
        "01.03.2024",
        "1 Mar 2024",
        "Mar 1, 2024",
        "2024-03-01T10:00:00",
    ],
)
def test_dates_as_systems_write_them(tmp_path: Path, value: str) -> None:
    load(tmp_path, FIRST.replace("2024-03-01", f'"{value}"'))
    assert ledger(tmp_path).invoices.set_index("invoice_id").loc["b", "issued_on"].date() == date(2024, 3, 1)


def dates_file(*days: str) -> str:
    return HEADER + "".join(f"i{n},acme,{day},2025-12-31,10.00,EUR,\n" for n, day in enumerate(days))


def test_day_first_is_inferred_from_the_column_and_counted(tmp_path: Path) -> None:
    report = load(tmp_path, dates_file("25/03/2024", "07/03/2024"))
    assert ledger(tmp_path).invoices["issued_on"].dt.date.tolist() == [date(2024, 3, 25), date(2024, 3, 7)]
    assert [(i["rows"], i["what"]) for i in report["inferred"] if "day first" in i["what"]] == [
        (1, "export.csv: issued read day first (1 values can be read in no other way)")
    ]


def test_a_delta_is_read_as_the_files_before_it(tmp_path: Path) -> None:
    for first, expected in (("25/03/2024", date(2024, 4, 3)), ("03/25/2024", date(2024, 3, 4))):
        out = first.replace("/", "-")
        load(tmp_path, dates_file(first), out=out)
        load(tmp_path, dates_file("2024-01-01", "03/04/2024"), name="delta.csv", out=out)
        assert read_ledger(tmp_path / out).invoices.set_index("invoice_id").loc["i1", "issued_on"].date() == expected


def test_a_column_that_contradicts_itself_leaves_its_doubtful_days_out(tmp_path: Path) -> None:
    report = load(tmp_path, dates_file("25/03/2024", "03/25/2024", "07/03/2024"))
    assert sorted(ledger(tmp_path).invoices["invoice_id"]) == ["i0", "i1"]
    assert report["rows"]["quarantined"] == 1


def test_row_keeps_all_its_reasons_line_and_text(tmp_path: Path) -> None:
    load(tmp_path, FIRST + '"c\nd",acme,2024-13-01,2024-02-01,-x,EVRO,\ne,,2024-02-01,2024-01-01,5,EUR,\n')
    rows = (
        duckdb.connect()
        .execute(
            "SELECT line, original, reasons FROM read_parquet(?) ORDER BY line",
            [str(tmp_path / "ledger" / "quarantine.parquet")],
        )
        .fetchall()
    )
    assert [(line, original) for line, original, _ in rows] == [
        (4, '"c\nd",acme,2024-13-01,2024-02-01,-x,EVRO,'),
        (6, "e,,2024-02-01,2024-01-01,5,EUR,"),
    ]
    assert [len(reasons) for _, _, reasons in rows] == [3, 2]


def test_customers_merge_and_keep_what_was_known_of_them(tmp_path: Path) -> None:
    options, fmt = Options(known_on=date(2024, 6, 30)), format_named("table")
    for text in (
        "customer_id,name,country,parent_id\nacme,Acme,DE,\n",
        "customer_id,name,country,parent_id\nacme,Acme AG,,holding\nholding,Holding,DE,\n",
    ):
        (tmp_path / "customers.csv").write_text(text)
        import_files(fmt, [tmp_path / "customers.csv"], tmp_path / "ledger", options)
    acme = ledger(tmp_path).customers.set_index("customer_id").loc["acme"]
    assert (acme["name"], acme["country"], acme["parent_id"]) == ("Acme AG", "DE", "holding")
    rows = ledger(tmp_path).tables["customers"].set_index("customer_id").loc["acme"]
    assert rows["name"].tolist() == ["Acme", "Acme AG"]  # what was known before stays
    assert rows["booked_on"].dt.strftime("%F").tolist()[1] == "2024-06-30"
    assert known_on(ledger(tmp_path), "2024-06-29").customers.set_index("customer_id").loc["acme", "name"] == "Acme"


def test_merger_is_an_event_valid_from_its_day(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    mapping = {
        "events": {
            "columns": {"event_id": "id", "customer_id": "old", "occurred_on": "day", "detail": "new"},
            "constants": {"kind": "merged_into"},
        }
    }
    (tmp_path / "mergers.csv").write_text("id,old,day,new\nm1,acme,2024-05-01,bigger\n")
    import_files(
        format_of(mapping, "test"), [tmp_path / "mergers.csv"], tmp_path / "ledger", Options(known_on=date(2024, 6, 30))
    )
    event = ledger(tmp_path).events.iloc[0]
    assert (event["kind"], event["detail"], event["occurred_on"].date()) == ("merged_into", "bigger", date(2024, 5, 1))
    assert sorted(ledger(tmp_path).customers["customer_id"]) == ["acme", "bigger"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (bytes(range(256)) * 8, "binary content"),
        (b"invoice;customer;issued;due;amuont;currency;paid\n", "missing amount (nearest found: amuont)"),
        (b"\x1f\x8b" + b"x" * 50, "a gzip archive"),
    ],
)
def test_unusable_file_is_refused_whole_with_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, content)
    assert says in str(refused.value)
    assert not (tmp_path / "ledger").exists()


def test_zip_is_refused_and_a_workbook_is_read(tmp_path: Path) -> None:
    import openpyxl

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export.csv", FIRST)
    with pytest.raises(InputError, match="zip archive; unpack it"):
        load(tmp_path, packed.getvalue())
    prepared = openpyxl.Workbook()
    for line in FIRST.splitlines():
        prepared.active.append([date.fromisoformat(v) if v.count("-") == 2 else v for v in line.split(",")])
    prepared.save(tmp_path / "export.xlsx")
    import_files(FORMAT, [tmp_path / "export.xlsx"], tmp_path / "ledger", Options(known_on=date(2024, 6, 30)))
    assert sorted(ledger(tmp_path).invoices["amount"]) == [100.0, 250.5]


def test_parquet_is_read(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(FIRST)
    duckdb.connect().execute(f"COPY (FROM '{tmp_path}/in.csv') TO '{tmp_path}/export.parquet' (FORMAT parquet)")
    import_files(FORMAT, [tmp_path / "export.parquet"], tmp_path / "ledger", Options(known_on=date(2024, 6, 30)))
    assert sorted(ledger(tmp_path).invoices["amount"]) == [100.0, 250.5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[invoice]\n", "is no table of the ledger"),
        ("[invoices\n", "not a TOML file"),
        ("", "the mapping is empty"),
        ('[invoices]\ncolumns.customer_id = "c"\n', "no column or constant for issued_on, amount"),
        ('[payments]\nsame_rows_as = "invoices"\ncolumns.paid_on = "p"\n', "which is no section"),
        ('[invoices]\ncolumns.price = "p"\n', "has price"),
    ],
)
def test_mapping_that_is_wrong_says_where(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mapping.toml").write_text(text)
    with pytest.raises(InputError) as refused:
        read_mapping(tmp_path / "mapping.toml")
    assert says in str(refused.value)


def test_command_guesses_imports_and_reports(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(FIRST)
    guessed = CliRunner().invoke(command, ["table", "--guess", str(tmp_path / "export.csv")], catch_exceptions=False)
    assert 'columns.invoice_id = "invoice"  # ' in guessed.output
    (tmp_path / "mapping.toml").write_text(guessed.output)
    done = CliRunner().invoke(
        command,
        [
            "table",
            str(tmp_path / "export.csv"),
            "--mapping",
            str(tmp_path / "mapping.toml"),
            "--out",
            str(tmp_path / "ledger"),
            "--json",
        ],
        catch_exceptions=False,
    )
    report = json.loads(done.output)
    assert report["rows"] == {"read": 2, "accepted": 2, "quarantined": 0}
    assert sorted(ledger(tmp_path).payments["amount"]) == [100.0]


def test_exchange_rates_come_through_a_mapping(tmp_path: Path) -> None:
    load(tmp_path, FIRST.replace("250.50,EUR", "250.50,USD"))
    (tmp_path / "rates.csv").write_text("cur;day;rate\nUSD;01.03.2024;0,92\nEUR;01.01.2024;1\n")
    mapping = {"exchange_rates": {"columns": {"currency": "cur", "observed_on": "day", "rate": "rate"}}}
    options = Options(known_on=date(2024, 6, 30))
    import_files(format_of(mapping, "test"), [tmp_path / "rates.csv"], tmp_path / "ledger", options)
    assert sorted(ledger(tmp_path)["exchange_rates"]["rate"]) == [0.92, 1.0]


def test_report_of_control_totals_names_each_difference(tmp_path: Path) -> None:
    report = load(
        tmp_path, FIRST + "c,acme,2024-05-01,2024-04-01,40.00,EUR,\nd,acme,2024-05-01,2024-06-01,2.50,EUR,x\n"
    )
    (invoiced,) = [t for t in report["totals"] if t["measure"] == "invoiced"]
    assert (invoiced["before"], invoiced["after"], invoiced["difference"]) == ("393.00", "350.50", "42.50")
    assert {(b["reason"], b["amount"], b["rows"]) for b in invoiced["because"]} == {
        ("invoices.due_on must be on or after issued_on", "40.00", 1),
        ("paid is not a date", "2.50", 1),
    }


# item | document type | amount | cleared by | the item it belongs to: 1,000 paid with 600, the rest of 400 with 250
FBL5N = """Customer Line Item Display

Account;Document Number;Line item;Fiscal Year;Document Type;Document Date;Posting Date;Net due date;\
Amount in doc. curr.;Document currency;Clearing date;Clearing Document;Invoice reference;\
Line Item in the Relevant Invoice
C1;18001;1;2024;RV;01/15/2024;01/15/2024;02/14/2024;1,000.00;USD;02/20/2024;14001;;
C1;14001;1;2024;DZ;02/20/2024;02/20/2024;02/20/2024;(1,000.00);USD;02/20/2024;14001;;
C1;14001;2;2024;DZ;02/20/2024;02/20/2024;02/20/2024;400.00;USD;03/20/2024;14002;18001;1
C1;14002;1;2024;DZ;03/20/2024;03/20/2024;03/20/2024;-400.00;USD;03/20/2024;14002;;
C1;14002;2;2024;DZ;03/20/2024;03/20/2024;03/20/2024;150.00;USD;;;14001;2
"""


def test_sap_list_with_signs_and_a_chain_of_residuals(tmp_path: Path) -> None:
    (tmp_path / "fbl5n.csv").write_text(FBL5N)
    options = Options(known_on=date(2024, 6, 30))
    import_files(format_named("sap"), [tmp_path / "fbl5n.csv"], tmp_path / "ledger", options)
    prepared = ledger(tmp_path)
    assert prepared.invoices["invoice_id"].tolist() == ["2024-18001-001"]
    assert sorted(prepared.payments["amount"]) == [250.0, 600.0]
    life = timeline(prepared, "2024-18001-001")
    assert life["what"].tolist() == ["issued", "payment", "residual", "payment", "residual"]
    assert life["open_amount"].tolist() == [1000.0, 400.0, 400.0, 150.0, 150.0]
    assert set(life["state"]) == {"open"}
    # the residual's own number, due date and amount can be read; what counts is the invoice's own due date
    assert life["detail"].iloc[4] == "residual item 2024-14002-002, due 2024-03-20, 150.00"
    assert life["detail"].iloc[0] == "due 2024-02-14"
