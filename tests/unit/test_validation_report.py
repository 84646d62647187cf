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
    from training.lifecycle.validation_figures import DEFAULT, DELAY

    assert {h.artifact for part in (*DEFAULT.values(), *DELAY.values()) for h in part} == {"evidence/rows.parquet"}


def test_derivation_of_a_delay_figure(tmp_path: Path) -> None:
    from training.lifecycle.validation_figures import figures

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
