"""The workbench's page of reports: every report of the served ledger, in both languages, without a script of its own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from decisions.chinese import MONTHLY, in_chinese
from models.settings import Settings
from serving.month_end import REPORTS, Asked, bys, month_end_report
from serving.pages.layout import Session
from serving.pages.reports import TITLES, reports_page
from tests.served import champions

DAY = date(2023, 9, 30)


def test_every_report_has_a_title_on_the_page() -> None:
    assert set(TITLES) == set(REPORTS)


@pytest.mark.parametrize("name", list(REPORTS))
def test_the_page_holds_the_report(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    report = month_end_report(champions(), Settings.from_environment(), Asked(name=name, as_of=DAY))
    for language in ("en", "zh"):
        html = reports_page(
            report,
            name=name,
            as_of=DAY,
            by="",
            bys=bys(name),
            last_day=date(2023, 12, 31),
            language=language,
            session=Session(),
        )
        shown = in_chinese(report, MONTHLY) if language == "zh" else report
        assert shown.title in html
        assert (shown.title == report.title) == (language == "en")
        assert html.count("<script") == 1  # the workbench's own, for its keys
        for table in report.tables:
            assert f'id="{table.name}"' in html
