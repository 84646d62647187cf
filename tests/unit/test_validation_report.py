"""The validation report: every figure is derived again from its artifact by scikit-learn and pandas, and by nothing of ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from features.catalogue import CATALOGUE
from features.engine.histories import build as histories
from features.engine.snapshots import active
from tests.served import small
from training.lifecycle import validation_sections
from training.lifecycle.gates import Candidate, run_gates
from training.lifecycle.gates_file import read_gates
from training.lifecycle.tracking import write_artifacts
from training.lifecycle.validation import Artifacts, Report
from training.lifecycle.validation_figures import DEFAULT, DELAY, figures
from training.result import Fitted

FACTS = {"model": "tradecredit-default version 1"}


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """The artifacts of a run of the small default model, with outcomes drawn from its PDs."""
    known = small()
    days = pd.date_range("2023-06-30", "2023-11-30", freq="ME")
    snapshots = active(known.prepared.prepared, list(days))
    matrix = histories(known.prepared.prepared, snapshots, list(known.default.needed)).reset_index(drop=True)
    predicted, rng = known.default.predict(matrix), np.random.default_rng(0)
    p = predicted["pd_12m"].to_numpy()
    rows = snapshots.assign(
        month=0, y=(rng.random(len(p)) < p).astype(float), log_odds=predicted["margin"].to_numpy(), pd=p,
        grade=predicted["grade"].to_numpy(), country="DE", industry="steel", rule_days_past_due=rng.random(len(p)),
        rule_dbt=rng.random(len(p)), is_thin=np.arange(len(p)) % 5 == 0,
    ).reset_index(drop=True)  # fmt: skip
    rows["challenger coin"] = rng.random(len(p))
    fitted = Fitted(
        model=known.default, parameters={}, metrics={"auc": 0.5}, example=matrix.head(),
        tables={"grades": pd.DataFrame({"grade": ["R01"], "count": [3]})}, evidence={"rows": rows, "matrix": matrix},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("run") / "artifacts"
    parameters = {"as_of": "2023-12-31", "ledger_fingerprint": "f" * 64, "policy": "primary", "policy_version": 1,
                  "horizon_months": 12}  # fmt: skip
    write_artifacts(folder, "default", fitted, {"auc": 0.5}, parameters, "small", known.ledger)
    return Artifacts(folder=folder, run_id="0123456789abcdef", facts=FACTS)


@pytest.fixture(scope="module")
def report(artifacts: Artifacts) -> Report:
    candidate = Candidate(
        name="version 1", kind="default", model=small().default, rows=artifacts.rows, matrix=artifacts.matrix,
        directions={c: int(CATALOGUE[c].risk) for c in artifacts.matrix}, as_of=pd.Timestamp("2023-12-31"),
    )  # fmt: skip
    return validation_sections.build(artifacts, candidate, run_gates(candidate, None, read_gates()))


def test_every_figure_is_derived_again_from_the_artifact_that_it_names(report: Report, artifacts: Artifacts) -> None:
    rows = pd.read_parquet(artifacts.folder / "evidence" / "rows.parquet")
    y, p, z = rows["y"], rows["pd"], rows["log_odds"]
    false, true, _ = sk.roc_curve(y, z, drop_intermediate=False)
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(p).to_frame(), y)
    bins = np.array_split(np.argsort(p.to_numpy(), kind="stable"), 10)
    again = {
        "snapshots": len(rows), "customers": rows["customer_id"].nunique(),
        "defaulters": rows[y == 1]["customer_id"].nunique(), "default rate": y.mean(),
        "customers with a thin file": rows["is_thin"].mean(), "AUC": sk.roc_auc_score(y, z),
        "Gini": 2 * sk.roc_auc_score(y, z) - 1, "KS": (true - false).max(),
        "average precision": sk.average_precision_score(y, z), "mean PD": p.mean(),
        "mean PD over default rate": p.mean() / y.mean(), "calibration slope": line.coef_[0, 0],
        "Brier score": sk.brier_score_loss(y, p), "log loss": sk.log_loss(y, p),
        "ECE": sum(len(b) / len(y) * abs(y.iloc[b].mean() - p.iloc[b].mean()) for b in bins),
        "AUC of days past due": sk.roc_auc_score(y, rows["rule_days_past_due"]),
        "AUC of days beyond terms, open": sk.roc_auc_score(y, rows["rule_dbt"]),
    }  # fmt: skip
    found = {f.name: f for f in report.figures()}
    bounds = {"AUC, lower bound", "AUC, upper bound"}
    assert set(found) == set(again) | bounds
    for name, value in again.items():
        assert found[name].artifact == "evidence/rows.parquet"
        # bins of equal mass cut rows of equal predictions in another order
        assert found[name].value == pytest.approx(value, rel=2e-2 if name == "ECE" else 1e-5), name
    assert found["AUC, lower bound"].value < again["AUC"] < found["AUC, upper bound"].value


def test_the_page_is_one_file_with_every_section_and_nothing_from_elsewhere(report: Report) -> None:
    html, content = report.to_html(), report.to_json()
    titles = [s["title"] for s in content["sections"]]
    assert titles == [
        "Purpose and use", "Data and its account", "Outcome definition", "Population", "Discrimination", "Calibration",
        "Stability over time", "Sensitivity", "Benchmark: rules, challengers, champion", "Explanations", "Limits",
        "Weaknesses found",
    ]  # fmt: skip
    assert all(title in html for title in [*titles, "Sign-off", "SR 26-2", "EBA/GL/2017/16"])
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert "<script" not in html
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_the_figures_of_both_kinds_of_model_are_derived_by_name() -> None:
    assert {h.artifact for part in (*DEFAULT.values(), *DELAY.values()) for h in part} == {"evidence/rows.parquet"}


def delay_rows(count: int = 240) -> pd.DataFrame:
    """Return evaluated items: paid and open ones, the open ones not all seen long enough for every threshold."""
    rng = np.random.default_rng(3)
    is_paid = rng.random(count) < 0.8
    p5 = rng.random(count)
    return pd.DataFrame({
        "customer_id": [f"c{k % 30}" for k in range(count)], "as_of": pd.date_range("2023-01-01", periods=count),
        "is_paid": is_paid, "ended": rng.integers(-3, 60, count).astype(float), "p_late_5": p5, "p_late_30": p5 * 0.5,
        "days_late_p50": rng.integers(0, 40, count).astype(float), "crps_days": np.where(is_paid, rng.random(count) * 9, np.nan),
        "place": np.where(is_paid, rng.random(count), np.nan), "rule_median_days": rng.integers(0, 30, count).astype(float),
        "rule_late_share": rng.random(count),
    })  # fmt: skip


def test_every_delay_figure_is_derived_again_from_its_artifact(tmp_path: Path) -> None:
    rows = delay_rows()
    (tmp_path / "evidence").mkdir()
    rows.to_parquet(tmp_path / "evidence" / "rows.parquet")
    (tmp_path / "run.json").write_text('{"kind": "delay"}')
    made = Artifacts(folder=tmp_path, run_id="r", facts={})
    paid = rows[rows["is_paid"]]
    # an open item's answer is known once it is open on that day
    known = {k: rows[rows["is_paid"] | (rows["ended"] >= k)] for k in (5, 30)}
    late = {k: (part["ended"] >= k).astype(float) for k, part in known.items()}
    again = {
        "items": 240, "customers": 30, "items seen paid": len(paid) / 240, "5 or more days late": late[5].mean(),
        "AUC, 5 or more days late": sk.roc_auc_score(late[5], known[5]["p_late_5"]),
        "AUC, 30 or more days late": sk.roc_auc_score(late[30], known[30]["p_late_30"]),
        "mean absolute error": sk.mean_absolute_error(paid["ended"], paid["days_late_p50"]),
        "CRPS": paid["crps_days"].sum() / len(paid), "predicted 5 or more days late": known[5]["p_late_5"].mean(),
        "predicted over observed, 5 days": known[5]["p_late_5"].sum() / late[5].sum(),
        "Brier score, 5 days": sk.brier_score_loss(late[5], known[5]["p_late_5"]),
        "coverage of the 80 % interval": paid["place"].between(0.1, 0.9).mean(),
        "mean absolute error of the customer's median": sk.mean_absolute_error(paid["ended"], paid["rule_median_days"]),
        "AUC of the customer's late share, 5 days": sk.roc_auc_score(late[5], known[5]["rule_late_share"]),
    }  # fmt: skip
    sections = ("population", "discrimination", "calibration", "benchmark")
    shown = {f.name: f for section in sections for f in figures(made, section)}
    assert len(known[5]) < len(rows)
    assert set(shown) == set(again) == {d.name for part in DELAY.values() for d in part}
    for name, value in again.items():
        assert shown[name].value == pytest.approx(value, rel=1e-9), name
    months = validation_sections.by_month(made).set_index("month")
    march = known[5]["as_of"].dt.to_period("M").astype(str) == "2023-03"
    assert list(months.loc["2023-03", ["rows", "predicted", "observed", "AUC"]]) == pytest.approx([
        31, known[5]["p_late_5"][march].mean(), late[5][march].mean(), sk.roc_auc_score(late[5][march], known[5]["p_late_5"][march]),
    ])  # fmt: skip


def test_the_figures_by_month_of_a_default_model_are_derived_again(artifacts: Artifacts) -> None:
    months = validation_sections.by_month(artifacts)
    rows = artifacts.rows
    assert len(months) == 6
    for line in months.itertuples():
        part = rows[rows["as_of"].dt.strftime("%Y-%m") == line.month]
        auc = sk.roc_auc_score(part["y"], part["pd"]) if part["y"].nunique() == 2 else np.nan
        assert list(line)[2:] == pytest.approx([len(part), part["pd"].mean(), part["y"].mean(), auc], nan_ok=True)


def test_the_sensitivity_of_an_input_is_predicted_again(artifacts: Artifacts) -> None:
    model = small().default
    table = validation_sections.sensitivity_table(
        Candidate(
            name="version 1",
            kind="default",
            model=model,
            rows=artifacts.rows,
            matrix=artifacts.matrix,
            directions={},
            as_of=pd.Timestamp("2023-12-31"),
        )
    )
    X = artifacts.matrix.iloc[:: max(1, len(artifacts.matrix) // 500)]
    first = table.iloc[0]
    for column, share in (("at 10 %", 0.1), ("at 90 %", 0.9)):
        moved = X.copy()
        moved[first["input"]] = np.nanquantile(artifacts.matrix[first["input"]], share)
        assert first[column] == pytest.approx(model.predict(moved)["pd_12m"].mean())
    assert first["as it is"] == pytest.approx(model.predict(X)["pd_12m"].mean())


def test_a_delay_figure_by_hand(tmp_path: Path) -> None:
    rows = pd.DataFrame({
        "customer_id": list("aabb"), "is_paid": [True, True, True, False], "ended": [0, 6, 40, 2],
        "p_late_5": [0.1, 0.6, 0.7, 0.4], "p_late_30": [0.0, 0.1, 0.5, 0.2], "days_late_p50": [1.0, 4.0, 30.0, 3.0],
        "crps_days": [1.0, 2.0, 3.0, np.nan], "place": [0.05, 0.5, 0.9, np.nan], "rule_median_days": [0.0, 0.0, 0.0, 0.0],
        "rule_late_share": [0.5, 0.5, 0.9, 0.1],
    })  # fmt: skip
    (tmp_path / "evidence").mkdir()
    rows.to_parquet(tmp_path / "evidence" / "rows.parquet")
    (tmp_path / "run.json").write_text('{"kind": "delay"}')
    made = Artifacts(folder=tmp_path, run_id="r", facts={})
    values = {
        f.name: f.value
        for part in ("population", "discrimination", "calibration", "benchmark")
        for f in figures(made, part)
    }
    assert values["mean absolute error"] == pytest.approx((1 + 2 + 10) / 3)
    assert values["5 or more days late"] == pytest.approx(2 / 3)  # the open item's answer is not known
    assert values["predicted over observed, 5 days"] == pytest.approx((0.1 + 0.6 + 0.7) / 2)
    assert values["coverage of the 80 % interval"] == pytest.approx(2 / 3)
    assert values["mean absolute error of the customer's median"] == pytest.approx((0 + 6 + 40) / 3)
    assert values["AUC, 5 or more days late"] == 1.0
