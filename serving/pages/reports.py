"""The page of the month's-end reports: one report of the served ledger on a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from decisions.chinese import MONTHLY, in_chinese
from decisions.report import Report
from serving.pages.layout import Session, render
from serving.pages.texts import N_
from serving.reports.html import body
from serving.translations import translate

TITLES: Mapping[str, str] = {
    "ageing": N_("Ageing"), "kpi": N_("Receivables figures"), "provisions": N_("Loss allowance"), "cover": N_("Credit insurance"),
    "committee": N_("Committee report"),
}  # fmt: skip


ROWS_BY: Mapping[str, str] = {
    "customer": N_("customer"), "group": N_("group"), "country": N_("country"), "segment": N_("segment"),
    "industry": N_("industry"), "currency": N_("currency"), "portfolio": N_("whole portfolio"),
}  # fmt: skip


def reports_page(
    report: Report,
    *,
    name: str,
    as_of: date,
    by: str,
    bys: Sequence[str],
    last_day: date,
    language: str,
    session: Session,
) -> str:
    """Return the page of one report with the choice of report, day and rows."""
    t = translate(language)
    shown = in_chinese(report, MONTHLY) if language == "zh" else report
    choices = [(key, t.text(title)) for key, title in TITLES.items()]
    return render(
        "reports.html", language=language, here="reports", path="/reports", session=session,
        query={"name": name, "as_of": as_of.isoformat(), "by": by}, title=t.text(TITLES[name]), choices=choices, name=name,
        as_of=as_of.isoformat(), by=by, bys=bys, last_day=last_day.isoformat(), body=body(shown, language),
        by_words={key: t.text(text) for key, text in ROWS_BY.items()},
    )  # fmt: skip
