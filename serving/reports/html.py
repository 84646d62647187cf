"""A report as HTML: `body` is what a page of the workbench holds, `page` one file that needs nothing else."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from decisions.report import DATE, NUMERIC, Report, Table, shown
from serving.reports.charts import svg

FOLDER = Path(__file__).parent
MOST_ROWS = 2_000  # rows of one table on a page; CSV and XLSX hold all of them
OPEN_ROWS = 40  # a longer table is folded away behind its title


def page(report: Report) -> str:
    """Return the report as one HTML file: style inside, no script, nothing loaded from elsewhere, every value escaped."""
    style = Markup((FOLDER / "report.css").read_text(encoding="utf-8"))
    return _environment().get_template("page.html").render(**_values(report), style=style)


def body(report: Report) -> Markup:
    """Return the report's heading, tables, charts and notes for a page that brings its own style."""
    return Markup(_environment().get_template("body.html").render(**_values(report)))


def _values(report: Report) -> dict[str, Any]:
    return {"report": report, "charts": [(chart, svg(chart)) for chart in report.charts], "most": MOST_ROWS}


def _cells(table: Table) -> list[list[tuple[str, str]]]:
    """The rows that a page shows: (class, text) a cell."""
    kinds = [c.kind for c in table.columns_for("people")]
    frame = table.frame[[c.name for c in table.columns_for("people")]].head(MOST_ROWS)
    return [
        [(_class(kind), shown(value, kind)) for value, kind in zip(row, kinds, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]


def _total(table: Table) -> list[str] | None:
    line = table.total_line()
    if line is None or not len(table.frame):
        return None
    cells = [shown(line[c.name], c.kind) if c.name in line else "" for c in table.columns_for("people")]
    if not cells[0]:
        cells[0] = "total"
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
        "total": _total,
        "number_class": _class,
    }
    environment.globals["OPEN_ROWS"] = OPEN_ROWS
    return environment
