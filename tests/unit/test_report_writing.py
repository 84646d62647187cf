"""One report, five forms: every form holds the same numbers and sums."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from cli.reports.writing import command_line, on_terminal, write
from decisions.report import Chart, Column, Report, Table, count, money, share, text
from ledger.errors import InputError

FRAME = pd.DataFrame({
    "customer": ["acme <b>", "=2+3", "bolt"], "due": pd.to_datetime(["2024-05-01", None, "2024-06-30"]),
    "open": [0.1, 0.2, float("nan")], "items": [1, 2, 3], "late": [0.125, 1.0, float("nan")], "disputed": [True, False, False],
})  # fmt: skip
REPORT = Report(
    name="trial", title="A trial", as_of=date(2024, 6, 30), known_to=date(2024, 7, 2), command="tradecredit report trial",
    currency="EUR", facts={"rows": 3}, warnings=["one rate is old"], notes=["a note"],
    tables=[Table(
        name="book", title="The book", frame=FRAME, columns=[
            text("customer", "customer"), Column(name="due", label="due", kind="date"), money("open", "open"),
            count("items", "items"), share("late", "late"), Column(name="disputed", label="disputed", kind="flag"),
        ],
    )],
    charts=[
        Chart(name=kind, title=f"Open by month & {kind}", kind=kind, categories=["Jan", "Feb"],
              series={"a": [1.0, None], "b": [2.0, -1.0]}) for kind in ("line", "bars", "stacked")
    ],
)  # fmt: skip


def test_the_terminal_shows_rows_sums_and_missing_values() -> None:
    lines = on_terminal(REPORT).splitlines()
    assert lines[0] == "A trial, as of 2024-06-30, in EUR"
    (last,) = [line for line in lines if line.startswith("total")]
    assert last.split() == ["total", "0.30", "6"]  # 0.1 + 0.2 is 0.3 exactly: sums are of whole cents
    assert any(line.startswith("bolt") and line.count("–") == 2 for line in lines)


def test_json_has_plain_values_and_the_sums(tmp_path: Path) -> None:
    (path,) = write(REPORT, tmp_path / "trial.json")
    found = json.loads(path.read_text())
    assert found["tables"]["book"][1] == {
        "customer": "=2+3", "due": None, "open": 0.2, "items": 2, "late": 1.0, "disputed": False,
    }  # fmt: skip
    assert found["totals"]["book"] == {"open": 0.3, "items": 6}
    assert (found["as_of"], found["rows"], found["command"]) == ("2024-06-30", 3, "tradecredit report trial")


def test_csv_holds_rows_only_and_no_formula(tmp_path: Path) -> None:
    (path,) = write(REPORT, tmp_path / "trial.csv")
    lines = path.read_text().splitlines()
    assert lines[:3] == [
        "customer,due,open,items,late,disputed",
        "acme <b>,2024-05-01,0.1,1,0.125,True",
        "'=2+3,,0.2,2,1.0,False",
    ]
    assert len(lines) == 4


def test_the_workbook_has_formats_sums_a_frozen_head_and_a_filter(tmp_path: Path) -> None:
    (path,) = write(REPORT, tmp_path / "trial.xlsx")
    sheet = openpyxl.load_workbook(path, data_only=True)["book"]
    assert sheet["A3"].value == "=2+3"
    assert sheet["A3"].data_type == "s"
    assert (sheet["C5"].value, sheet["D5"].value, sheet["A5"].value) == (0.3, 6, "total")
    assert (sheet["C2"].number_format, sheet["B2"].number_format, sheet["E2"].number_format) == (
        "#,##0.00", "yyyy-mm-dd", "0.00%",
    )  # fmt: skip
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:F4")
    book = openpyxl.load_workbook(path)
    assert book["book"]["C5"].value == "=SUBTOTAL(109,C2:C4)"
    assert book.sheetnames == ["about", "book", "charts"]
    about = {row[0].value: row[1].value for row in book["about"].iter_rows(min_row=3)}
    assert about["command"] == "tradecredit report trial"
    assert about["attention"] == "one rate is old"


def test_html_escapes_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    (path,) = write(REPORT, tmp_path / "trial.html")
    html = path.read_text()
    assert "acme &lt;b&gt;" in html
    assert "acme <b>" not in html
    assert "<script" not in html
    assert "src=" not in html
    assert "href=" not in html
    assert html.count('role="img"') == 3
    assert "<title>b, Feb: -1.00</title>" in html


def test_a_report_without_rows_is_written_in_every_form(tmp_path: Path) -> None:
    from dataclasses import replace

    empty = replace(REPORT, tables=[replace(REPORT.tables[0], frame=FRAME.iloc[:0])])
    for suffix in ("csv", "xlsx", "html", "json"):
        write(empty, tmp_path / f"empty.{suffix}")
    assert "no rows" in on_terminal(empty)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--out must end in \.csv"):
        write(REPORT, tmp_path / "trial.pdf")


def test_the_command_line_quotes_and_leaves_out_what_is_not_given() -> None:
    found = command_line("report", "ageing", "my book", as_of=date(2024, 6, 30), items=True, only=None, to=("a", "b"))
    assert found == "tradecredit report ageing 'my book' --as-of 2024-06-30 --items --to a --to b"
