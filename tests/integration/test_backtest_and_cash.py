"""`tradecredit backtest` and `report cash` from the command line, on a small sample ledger."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from cli.main import commands
from features.engine.histories import prepare
from ledger.errors import InputError
from ledger.open_items import open_items_on
from models import registry
from tests.drawn import ledger as drawn_ledger
from tests.served import small
from training.delay import fit as delay_fit
from training.evaluation import backtest
from training.evaluation.cash_backtest import actual_inflow, cash_backtest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("book") / "ledger"
    small().ledger.write(place)
    return place


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(delay_fit.train, "__kwdefaults__", {**delay_fit.train.__kwdefaults__, "trees": 8, "members": 1})


def run(*words: str) -> Result:
    return CliRunner().invoke(commands, list(words), catch_exceptions=True)


def test_backtest_writes_predictions_beside_what_came(folder: Path, tmp_path: Path) -> None:
    last = small().ledger.last_known_on
    first = pd.Timestamp(last) - pd.DateOffset(months=5) + pd.Timedelta(days=1)
    to = first + pd.DateOffset(months=4) - pd.Timedelta(days=1)
    words = [
        "--from",
        str(first.date()),
        "--to",
        str(to.date()),
        "--step",
        "2M",
        "--model",
        "delay",
        "--out",
        str(tmp_path),
    ]
    result = run("backtest", str(folder), *words)
    assert result.exit_code == 0, result.output
    found = pd.read_parquet(tmp_path / "invoices.parquet")
    for column in (
        "invoice_id",
        "customer_id",
        "scored_on",
        "origin",
        "p_late_1",
        "p_late_90",
        "days_late_p50",
        "days_late_mean",
        "days_late",
    ):
        assert column in found
    assert not found.duplicated(["invoice_id", "number"]).any()  # one row an item: an invoice, or an instalment
    assert (found["scored_on"] == found["issued_on"] - pd.Timedelta(days=1)).all()
    assert (found["origin"] <= found["scored_on"]).all()
    assert found["origin"].nunique() == 2
    assert found.loc[found["is_censored"], "days_late"].isna().all()
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["delay"]["known_outcome"]["baseline_customer_median_mae_days"] > 0
    assert len(figures["delay"]["windows"]) == 2
    store = registry.client(settings := registry.Settings.from_environment())
    experiment = store.get_experiment_by_name(settings.experiment("backtest"))
    (logged,) = store.search_runs([experiment.experiment_id], "tags.`tradecredit.kind` = 'backtest'")
    assert logged.data.params["ledger_fingerprint"] == small().ledger.fingerprint
    assert logged.data.metrics["delay.mature.mae_days"] == figures["delay"]["mature"]["mae_days"]
    origins = store.search_runs(
        [experiment.experiment_id],
        f"tags.mlflow.parentRunId = '{logged.info.run_id}'",
        order_by=["attributes.start_time"],
    )
    windows = figures["delay"]["windows"]
    assert [o.info.run_name for o in origins] == [f"origin {w['origin']} {w['from']} {w['to']}" for w in windows]
    # a window whose items are not mature yet has no such figure
    assert [o.data.metrics.get("delay.mature.mae_days") for o in origins] == [
        w["mature"].get("mae_days") for w in windows
    ]
    assert "invoices.parquet" in {file.path for file in store.list_artifacts(logged.info.run_id)}
    for rule in ("always on the day", "customer's mean", "customer's median", "customer's late rate", "Kaplan-Meier"):
        assert rule in result.output


def test_windows_cover_every_day_once() -> None:
    found = backtest.windows(pd.Timestamp("2024-01-15"), pd.Timestamp("2024-06-30"), 2)
    assert [str(w.first.date()) for w in found] == ["2024-01-15", "2024-03-15", "2024-05-15"]
    assert [str(w.last.date()) for w in found] == ["2024-03-14", "2024-05-14", "2024-06-30"]
    assert all(w.first - w.origin == pd.Timedelta(days=1) for w in found)


@pytest.mark.parametrize(("words", "what"), [
    (("--from", "2030-01-01", "--to", "2030-06-30"), "after the ledger's last known day"),
    (("--from", "2024-06-30", "--to", "2024-01-01"), "swap them"),
    (("--from", "01/02/2024", "--to", "2024-06-30"), "--from must be a date"),
    (("--from", "2024-01-01", "--to", "2024-06-30", "--step", "fast"), "--step must be"),
])  # fmt: skip
def test_wrong_words_are_answered_in_one_line(folder: Path, tmp_path: Path, words: tuple[str, ...], what: str) -> None:
    result = run("backtest", str(folder), *words, "--out", str(tmp_path))
    assert isinstance(result.exception, InputError)
    assert what in str(result.exception)
    assert "\n" not in str(result.exception)


def test_cash_report_adds_up(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "cash.csv"
    result = run(
        "report", "cash", str(folder), "--fit", "--periods", "5", "--paths", "200", "--out", str(out), "--json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.output[result.output.index("{") :])
    expected = sum(p["expected"] for p in found["tables"]["periods"])
    assert expected + found["expected_later_or_never"] == pytest.approx(found["open_amount"], abs=0.1)
    prepared = prepare(small().ledger)
    assert found["open_amount"] == pytest.approx(
        open_items_on(prepared.ledger, prepared.settlement, small().ledger.last_known_on)["open_amount"].sum(), abs=0.01
    )
    for period in found["tables"]["periods"]:
        assert 0 <= period["low"] <= period["high"]
        assert period["new_invoices"] >= 0
    assert len(pd.read_csv(out)) == 5


def test_cash_report_without_a_champion_says_what_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = run("report", "cash", str(folder))
    assert isinstance(result.exception, InputError)
    assert "promote" in str(result.exception)


def test_actual_inflow_by_hand() -> None:
    prepared = drawn_ledger(
        invoices="""
            invoice_id | issued_on  | due_on     | amount
            a          | 2024-05-01 | 2024-06-01 | 100
            b          | 2024-05-01 | 2024-06-01 | 100
            c          | 2024-05-01 | 2024-06-01 | 100
        """,
        payments="""
            invoice_id | paid_on    | booked_on  | amount | kind
            a          | 2024-06-10 | 2024-06-10 | 40     | payment
            a          | 2024-06-20 | 2024-06-20 | 90     | payment
            b          | 2024-05-30 | 2024-06-05 | 100    | payment
            c          | 2024-06-12 | 2024-06-12 | 100    | payment
            c          | 2024-06-13 | 2024-06-13 | 100    | reversal
        """,
    )
    day = pd.Timestamp("2024-05-31")
    items = open_items_on(prepare(prepared).ledger, prepare(prepared).settlement, day)
    assert len(items) == 3  # b was paid but not booked yet
    # week 1: b's late booking; week 2: 40 of a, c and its reversal; week 3: the 60 left of a, not the 30 too much
    assert actual_inflow(prepared, items, day, np.array([7, 14, 21])).tolist() == [100.0, 40.0, 60.0]


def test_cash_backtest_runs_over_rolling_days() -> None:
    last = pd.Timestamp(small().ledger.last_known_on)
    found = cash_backtest(small().ledger, last - pd.Timedelta(days=75), last, weeks=4)
    assert set(found.rows["week"]) == {1, 2, 3, 4}
    assert found.rows["as_of"].nunique() >= 2
    assert (found.rows["actual"] >= 0).all()
    assert found.figures["wape_expected"] > 0
