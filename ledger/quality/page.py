"""The quality report as one HTML file: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from ledger.quality.report import Quality


def tables(report: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the report's sections as tables for a person: (title, rows); sections without rows are left out."""
    shown = [("Tables", report["tables"])]
    if "coverage" in report:
        shown += [
            ("Coverage in time", report["coverage"]["spans"]),
            ("Stretches without invoices", report["coverage"]["gaps"]),
            ("Ageing and reconciliation", report["ageing"]),
            ("Booked late", report["late_bookings"]),
            ("Terms", [{k: v for k, v in report["terms"].items() if k != "usual"}]),
            ("Usual terms", report["terms"]["usual"]),
            (
                "Weekdays",
                [
                    {"table": name, **{day: f"{share:.1%}" for day, share in days.items()}}
                    for name, days in report["weekdays"].items()
                ],
            ),
            ("Alike but for the id", [report["duplicates"]]),
            ("Histories", [{k: v for k, v in report["histories"].items() if k != "no_history"}]),
            ("Customers without a history (the first of them)", report["histories"]["no_history"]),
        ]
    shown.append(("What the models will not be able to know", report["models_cannot_know"]))
    return [(title, rows) for title, rows in shown if rows]


def page(quality: Quality, name: str) -> str:
    """Return the report as HTML text, every value escaped."""
    report = quality.as_json()
    template = (Path(__file__).parent / "quality.html").read_text(encoding="utf-8")
    return (
        jinja2.Environment(autoescape=True)
        .from_string(template)
        .render(report=report, name=name, tables=tables(report))
    )
