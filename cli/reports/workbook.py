"""A report as a workbook: a sheet about it, then one sheet a table with formats, sums, a frozen head and filters."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from decisions.report import (
    DATE,
    DAYS,
    FLAG,
    INTEGER,
    MONEY,
    NUMBER,
    RATIO,
    SHARE,
    Chart,
    Report,
    Table,
    column_sum,
    plain,
)

FORMATS = {
    MONEY: "#,##0.00", NUMBER: "#,##0.00", RATIO: "0.0000", INTEGER: "#,##0", SHARE: "0.00%", DAYS: "#,##0.0", DATE: "yyyy-mm-dd",
}  # fmt: skip
WIDEST = 60
MOST_ROWS = 1_048_570  # what a sheet holds, less the head and the sums


def write_workbook(report: Report, out: Path) -> None:
    """Write the report to `out`. Raises ValueError for a table that a sheet cannot hold."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(out), {"constant_memory": False, "strings_to_formulas": False}) as book:
        formats: dict[str, Any] = {kind: book.add_format({"num_format": f}) for kind, f in FORMATS.items()}
        formats |= {
            "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
            "title": book.add_format({"bold": True, "font_size": 14}),
            "wrapped": book.add_format({"text_wrap": True, "valign": "top"}), "bold": book.add_format({"bold": True}),
        }  # fmt: skip
        formats |= {
            f"sum {kind}": book.add_format({"num_format": f, "bold": True, "top": 1}) for kind, f in FORMATS.items()
        }
        names: set[str] = {"about"}
        about = book.add_worksheet("about")
        for table in report.tables:
            _write_table(book.add_worksheet(_sheet_name(table.name, names)), table, formats)
        if report.charts:
            _write_charts(book, report.charts, formats)
        _write_about(about, report, formats)


def _sheet_name(name: str, used: set[str]) -> str:
    """Return a name that a workbook takes: at most 31 characters, none of []:*?/\\, not used before."""
    base = re.sub(r"[\[\]:*?/\\]", " ", name)[:28]
    found, number = base, 2
    while found.casefold() in used:
        found, number = f"{base} {number}", number + 1
    used.add(found.casefold())
    return found


def _write_about(sheet: Any, report: Report, formats: dict[str, Any]) -> None:
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 100)
    sheet.write_string(0, 0, report.title, formats["title"])
    lines: list[tuple[str, str]] = [
        ("as of", report.as_of.isoformat()), ("ledger known to", report.known_to.isoformat()),
        ("currency", report.currency or "see the tables"), ("command", report.command),
        *((name.replace("_", " "), str(plain(value))) for name, value in report.facts.items()),
        *(("attention", warning) for warning in report.warnings),
        *((f"sheet {t.name}", " ".join(part for part in (t.title, t.note) if part)) for t in report.tables),
        *(("note", note) for note in report.notes),
    ]  # fmt: skip
    for row, (name, value) in enumerate(lines, start=2):
        sheet.write_string(row, 0, name, formats["bold"])
        sheet.write_string(row, 1, value, formats["wrapped"])


def _write_table(sheet: Any, table: Table, formats: dict[str, Any]) -> None:
    """Head in the first row, then the rows, then sums over what the filter leaves (SUBTOTAL 109)."""
    from xlsxwriter.utility import xl_col_to_name

    rows = len(table.frame)
    if rows > MOST_ROWS:
        raise ValueError(f"{table.name}: {rows:,} rows do not fit a sheet of {MOST_ROWS:,}; write .csv instead.")
    line = table.total_line() or {}
    columns = table.columns_for("files")
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.label, formats["head"])
        cell = formats.get(column.kind)
        values = [plain(v, column.kind) for v in table.frame[column.name]]
        for row, value in enumerate(values, start=1):
            if value is None:
                continue
            if column.kind == DATE:
                sheet.write_datetime(row, place, _midnight(value), cell)
            elif column.kind == FLAG:
                sheet.write_boolean(row, place, value)
            elif column.kind in FORMATS:
                sheet.write_number(row, place, value, cell)
            else:
                sheet.write_string(row, place, str(value))
        longest = max([len(str(v)) for v in values[:500]] + [len(column.label) // 2 + 2, 8])
        sheet.set_column(place, place, min(longest + 3, WIDEST))
        bottom = formats.get(f"sum {column.kind}", formats["bold"])
        if rows and column.is_summed and column.name not in table.totals:
            letter = xl_col_to_name(place)
            total = column_sum(table.frame[column.name], column.kind)
            sheet.write_formula(rows + 1, place, f"=SUBTOTAL(109,{letter}2:{letter}{rows + 1})", bottom, total)
        elif rows and column.name in line and line[column.name] is not None:
            sheet.write(rows + 1, place, plain(line[column.name], column.kind), bottom)
        elif rows and place == 0 and line:
            sheet.write_string(rows + 1, 0, "total", bottom)
    sheet.freeze_panes(1, 1)
    if rows:
        sheet.autofilter(0, 0, rows, len(columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _midnight(iso: str) -> Any:
    from datetime import datetime, time

    return datetime.combine(date.fromisoformat(iso), time.min)


def _write_charts(book: Any, charts: Any, formats: dict[str, Any]) -> None:
    """One sheet with every chart's numbers and the chart drawn by the spreadsheet itself."""
    sheet, row = book.add_worksheet("charts"), 0
    for chart in charts:
        row = _write_chart(book, sheet, chart, row, formats)


def _write_chart(book: Any, sheet: Any, chart: Chart, row: int, formats: dict[str, Any]) -> int:
    kinds = {"line": {"type": "line"}, "bars": {"type": "column"}, "stacked": {"type": "column", "subtype": "stacked"}}
    drawing = book.add_chart(kinds[chart.kind])
    sheet.write_string(row, 0, chart.title, formats["bold"])
    head, last = row + 1, row + 1 + len(chart.categories)
    for k, category in enumerate(chart.categories, start=1):
        sheet.write_string(head + k, 0, str(category))
    for place, (name, values) in enumerate(chart.series.items(), start=1):
        sheet.write_string(head, place, name, formats["head"])
        for k, value in enumerate(values, start=1):
            if plain(value) is not None:
                sheet.write_number(head + k, place, plain(value))
        drawing.add_series({
            "name": ["charts", head, place], "categories": ["charts", head + 1, 0, last, 0],
            "values": ["charts", head + 1, place, last, place],
        })  # fmt: skip
    drawing.set_title({"name": chart.title, "name_font": {"size": 11}})
    drawing.set_size({"width": 640, "height": 300})
    sheet.insert_chart(row, len(chart.series) + 2, drawing)
    return row + max(len(chart.categories) + 4, 18)
