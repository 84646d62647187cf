"""The pages of the steering reports: the collections worklist and the early warnings, as the commands print them."""

from __future__ import annotations

from decisions.report import Report
from serving.pages.layout import Session, render
from serving.reports.html import body


def steering_page(report: Report, *, here: str, path: str, language: str, session: Session) -> str:
    """Return a report as a page of the workbench; the report brings its own language."""
    return render(
        "steering.html",
        language=language,
        here=here,
        path=path,
        session=session,
        title=report.title,
        content=body(report, language),
    )
