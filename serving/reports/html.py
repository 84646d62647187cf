"""A report as HTML: `body` is what a page of the workbench holds, `page` one file that needs nothing else."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from decisions.report import DATE, NUMERIC, Report, Table, fact, shown
from serving.reports.charts import NO_VALUE, SUMMARY, svg

FOLDER = Path(__file__).parent
MOST_ROWS = 2_000  # rows of one table on a page; CSV and XLSX hold all of them
OPEN_ROWS = 40  # a longer table is folded away behind its title


WORDS = {
    "en": {
        "about": "As of {as_of}, from what the books held at the end of that day (the ledger reaches {known_to}).",
        "currency": "Amounts in {currency}.", "no_rows": "No rows.", "rows": "{n} rows",
        "first": "The first {n} rows; the total is of all of them. CSV and XLSX hold every row.", "notes": "Notes",
        "again": "Printed again by", "total": "total", "summary": SUMMARY, "no_value": NO_VALUE,
    },
    "zh": {
        "about": "截至 {as_of}，依据账簿当日末的记录（账簿数据至 {known_to}）。", "currency": "金额单位：{currency}。", "no_rows": "无记录。",
        "rows": "{n} 行", "first": "仅显示前 {n} 行；合计含全部记录，CSV 与 XLSX 含所有行。", "notes": "说明", "again": "重新生成的命令：",
        "total": "合计", "summary": "最早 {}，最近 {}，最低 {}，最高 {}", "no_value": "无数值",
    },
}  # fmt: skip


def page(report: Report, language: str = "en") -> str:
    """Return the report as one HTML file: style inside, no script, nothing loaded from elsewhere, every value escaped.

    language : en or zh, of the page's own words; the report brings its own.
    """
    style = Markup((FOLDER / "report.css").read_text(encoding="utf-8"))
    return (
        _environment()
        .get_template("page.html")
        .render(**_values(report, language), style=style, lang="zh-Hans" if language == "zh" else language)
    )


def body(report: Report, language: str = "en") -> Markup:
    """Return the report's heading, tables, charts and notes for a page that brings its own style."""
    return Markup(_environment().get_template("body.html").render(**_values(report, language)))


def _values(report: Report, language: str) -> dict[str, Any]:
    return {
        "words": WORDS[language],
        "report": report,
        "charts": [
            (chart, svg(chart, WORDS[language]["summary"], WORDS[language]["no_value"])) for chart in report.charts
        ],
        "most": MOST_ROWS,
    }


def _cells(table: Table) -> list[list[tuple[str, str]]]:
    """The rows that a page shows: (class, text) a cell."""
    kinds = [c.kind for c in table.columns_for("people")]
    frame = table.frame[[c.name for c in table.columns_for("people")]].head(MOST_ROWS)
    return [
        [(_class(kind), shown(value, kind)) for value, kind in zip(row, kinds, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]


def _total(table: Table, total_word: str = "total") -> list[str] | None:
    line = table.total_line()
    if line is None or not len(table.frame):
        return None
    cells = [shown(line[c.name], c.kind) if c.name in line else "" for c in table.columns_for("people")]
    if not cells[0]:
        cells[0] = total_word
    return cells


def _class(kind: str) -> str:
    """The style of a cell: numbers to the right, days in one line."""
    return "n" if kind in NUMERIC else "d" if kind == DATE else "t"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cells": _cells,
        "fact": fact,
        "total": _total,
        "number_class": _class,
    }
    environment.globals["OPEN_ROWS"] = OPEN_ROWS
    return environment
