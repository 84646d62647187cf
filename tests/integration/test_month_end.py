"""The month's-end reports from the command line on a small sample ledger: they run in every form and agree with each other."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

from cli.report import command
from decisions.policy_files import BUNDLED
from ledger.ledger import read_ledger
from tests.drawn import ledger as drawn_ledger
from tests.served import small

DAY = "2023-09-30"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small ledger, with dated notices to an insurer among its events."""
    place = tmp_path_factory.mktemp("month") / "ledger"
    small().ledger.write(place)
    read_ledger(place)
    return place


@pytest.fixture(scope="module")
def policy(folder: Path) -> str:
    """The bundled provision policy for a short ledger: a loss counts as final after 95 days."""
    bundled = (BUNDLED / "provisions.toml").read_text()
    path = folder.parent / "short.toml"
    path.write_text(
        bundled.replace("outcome_days = 365", "outcome_days = 95").replace(
            "fewest_lost_items = 10", "fewest_lost_items = 1"
        )
    )
    return str(path)


def report(folder: Path, name: str, *words: str) -> dict[str, Any]:
    result = CliRunner().invoke(command, [name, str(folder), "--as-of", DAY, *words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output[result.output.index("{") :])
    return found


def test_ageing_sums_are_the_same_by_every_grouping(folder: Path) -> None:
    totals = [
        report(folder, "ageing", "--by", by, "--in", "reporting")["totals"]["ageing"]
        for by in ("customer", "group", "country", "segment", "industry", "currency")
    ]
    assert all(total == totals[0] for total in totals)
    assert totals[0]["open"] > 0


def test_drill_down_items_sum_to_their_row(folder: Path) -> None:
    row = report(folder, "ageing", "--by", "country", "--in", "reporting")["tables"]["ageing"][0]
    found = report(folder, "ageing", "--by", "country", "--in", "reporting", "--only", row["key"])
    assert found["totals"]["items"]["open"] == row["open"]
    assert {item["key"] for item in found["tables"]["items"]} == {row["key"]}


def test_kpi_segments_sum_to_the_portfolio(folder: Path) -> None:
    whole = report(folder, "kpi", "--months", "3")["tables"]["series"]
    parts = report(folder, "kpi", "--months", "3", "--by", "segment")["tables"]["series"]
    for month in whole:
        own = [p for p in parts if p["as_of"] == month["as_of"]]
        for name in ("closing", "credit_sales", "current"):
            assert sum(p[name] for p in own) == pytest.approx(month[name], abs=0.005)
        assert month["dso"] == pytest.approx(month["closing"] / month["credit_sales"] * 90)
        assert month["average_days_delinquent"] == pytest.approx(month["dso"] - month["best_possible_dso"])
        assert month["opening"] > 0


def test_the_allowance_is_of_the_open_balance_and_moves_to_the_cent(folder: Path, policy: str) -> None:
    found = report(folder, "provisions", "--scores", "none", "--since", "2023-06-30", "--policy", policy)
    ageing = report(folder, "ageing", "--in", "reporting")
    assert found["totals"]["matrix"]["open"] == ageing["totals"]["ageing"]["open"]
    lines = {line["name"]: round(line["amount"] * 100) for line in found["tables"]["movement"]}
    closing = lines.pop("closing")
    assert sum(lines.values()) == closing == round(found["totals"]["matrix"]["allowance"] * 100)
    rolled = {line["name"]: round(line["amount"] * 100) for line in found["tables"]["roll_forward"]}
    assert rolled.pop("closing") == sum(rolled.values()) == closing
    assert found["tables"]["lifetime"] == []
    assert closing > 0


def test_a_history_without_losses_is_said(folder: Path) -> None:
    found = report(folder, "provisions", "--scores", "none", "--since", "none")
    assert any("had a loss" in warning for warning in found["warnings"])


def test_collections_after_the_day_lower_the_allowance(folder: Path, policy: str) -> None:
    words = ("--scores", "none", "--since", "none", "--policy", policy, "--expedient")
    plain = report(folder, "provisions", *words)
    later = report(folder, "provisions", *words, "--collections-to", "2023-11-30")
    assert later["totals"]["matrix"]["allowance"] < plain["totals"]["matrix"]["allowance"]
    collected = later["totals"]["collections"]
    assert collected["open"] - collected["collected"] == pytest.approx(later["totals"]["matrix"]["open"], abs=0.005)
    refused = CliRunner().invoke(command, ["provisions", str(folder), "--as-of", DAY, "--collections-to", "2023-11-30"])
    assert "add --expedient" in str(refused.exception)


def test_cover_adds_up_and_notices_are_written(folder: Path, tmp_path: Path) -> None:
    found = report(folder, "cover", "--scores", "none", "--notices", str(tmp_path), "--within", "90")
    lines = {line["name"]: line["amount"] for line in found["tables"]["summary"]}
    assert lines["insured"] + lines["uninsured"] == pytest.approx(lines["exposure"], abs=0.005)
    assert lines["insured"] > 0
    assert found["totals"]["customers"]["open"] == pytest.approx(lines["open"], abs=0.005)
    notices = json.loads((tmp_path / "notices.json").read_text())
    lines_of_csv = (tmp_path / "notices.csv").read_text().splitlines()
    assert len(lines_of_csv) - 1 == sum(len(n["items"]) for n in notices)


@pytest.mark.parametrize(("name", "words"), [
    ("ageing", ("--by", "customer", "--items")), ("kpi", ("--months", "6")), ("provisions", ("--scores", "none")), ("cover", ("--scores", "none")),
])  # fmt: skip
def test_every_report_is_written_in_every_form_with_the_same_sums(
    folder: Path, tmp_path: Path, name: str, words: tuple[str, ...]
) -> None:
    expected = report(folder, name, *words)
    for suffix in ("html", "csv", "xlsx", "json"):
        out = tmp_path / f"{name}.{suffix}"
        result = CliRunner().invoke(
            command, [name, str(folder), "--as-of", DAY, *words, "--out", str(out)], catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
        assert "written:" in result.output
    book = openpyxl.load_workbook(tmp_path / f"{name}.xlsx", data_only=True)
    for table, totals in expected["totals"].items():
        rows = expected["tables"][table]
        if not rows:
            continue
        sheet = book[table]
        last = [cell.value for cell in sheet[len(rows) + 2]]
        numbers = [value for value in last if isinstance(value, int | float)]
        assert numbers == pytest.approx([value for value in totals.values() if value is not None])
    assert json.loads((tmp_path / f"{name}.json").read_text())["totals"] == expected["totals"]
    html = (tmp_path / f"{name}.html").read_text()
    assert "<script" not in html
    assert "NaN" not in html


def test_the_committee_s_report_agrees_with_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    scores = tmp_path / "scores.parquet"
    frame = small().scorer.brief(list(small().scorer.served.prepared.owners.ids), date.fromisoformat(DAY))
    frame.reset_index(names="customer_id").assign(as_of=DAY).to_parquet(scores)
    found = report(folder, "committee", "--scores", str(scores), "--scores-before", "none", "--scores-year-ago", "none")
    ageing = report(folder, "ageing", "--by", "segment", "--in", "reporting")
    assert found["totals"]["portfolio"]["open"] == ageing["totals"]["ageing"]["open"]
    kpi = report(folder, "kpi")["tables"]["figures"]
    now = {row["name"]: row["now"] for row in found["tables"]["changed"]}
    assert now["dso"] == pytest.approx(next(row["value"] for row in kpi if row["name"] == "dso"))
    graded = found["totals"]["grades"]
    assert graded["exposure"] == pytest.approx(found["totals"]["limit_use"]["exposure"], abs=0.01)
    assert any("no decisions" in warning for warning in found["warnings"])
    assert any("no champion" in warning for warning in found["warnings"])
    assert any("no monitor results" in warning for warning in found["warnings"])
    assert found["tables"]["monitor"] == []


def test_the_committee_s_report_holds_the_monitor_s_results_of_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ledger.errors import InputError

    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = {"as_of": "2023-08-31", "customers": 120, "alarms": ["payments no longer come"], "notes": ["terms moved"],
              "outcomes": [{"text": "default within 3 months: not known yet"}], "delay": {"text": "terms moved"}}  # fmt: skip
    path = tmp_path / "monitor.json"
    none = ("--scores", "none", "--scores-before", "none", "--scores-year-ago", "none", "--monitor", str(path))
    path.write_text(json.dumps(result))
    found = report(folder, "committee", *none)
    assert [(row["level"], row["text"]) for row in found["tables"]["monitor"]] == [
        ("summary", "1 alarms, 1 notes on 120 customers"), ("alarm", "payments no longer come"), ("note", "terms moved"),
        ("outcome", "default within 3 months: not known yet"),
    ]  # fmt: skip
    assert not any("no monitor results" in warning for warning in found["warnings"])
    for wrong, text in (
        ({**result, "as_of": "2023-12-31"}, "after the day of the report"),
        ({"rows": 3}, "not a result"),
    ):
        path.write_text(json.dumps(wrong))
        words = ["committee", str(folder), "--as-of", DAY, *none]
        refused = CliRunner().invoke(command, words)
        assert isinstance(refused.exception, InputError)
        assert text in str(refused.exception)


def test_migration_counts_moves_to_better_and_worse_grades() -> None:
    from decisions.customer_scores import CustomerScores
    from decisions.monthly.committee import migration

    def scores(grades: dict[str, str | None]) -> CustomerScores:
        frame = pd.DataFrame({"pd": 0.01, "grade": grades, "special": None})
        return CustomerScores.of(frame, "by hand")

    counts = migration(
        scores({"a": "R01", "b": "R02", "c": "R02"}),
        scores({"a": "R02", "b": "R01", "c": "R02", "d": "R01"}),
        ["R01", "R02"],
    )
    assert (
        counts.loc["R01", "R02"]
        == counts.loc["R02", "R01"]
        == counts.loc["R02", "R02"]
        == counts.loc["none", "R01"]
        == 1
    )
    assert counts.to_numpy().sum() == 4


@pytest.mark.parametrize("name", ["ageing", "kpi", "provisions", "cover"])
def test_a_ledger_of_the_three_required_tables_alone_is_enough(tmp_path: Path, name: str) -> None:
    drawn_ledger(
        invoices="""
            invoice_id | customer_id | issued_on  | due_on     | amount
            a          | acme        | 2023-01-02 | 2023-02-01 | 100
            b          | bolt        | 2023-08-01 | 2023-08-31 | 300
        """,
        payments="""
            invoice_id | paid_on    | amount
            a          | 2023-03-01 | 100
        """,
    ).write(tmp_path / "ledger")  # fmt: skip
    words = [
        name,
        str(tmp_path / "ledger"),
        "--as-of",
        "2023-08-31",
        *(["--scores", "none"] if name in ("provisions", "cover") else []),
    ]
    result = CliRunner().invoke(command, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "300" in result.output
