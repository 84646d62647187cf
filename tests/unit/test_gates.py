"""Gates: each one passes what is right and refuses what is spoilt in just its way, with the figures in its sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from ledger.errors import InputError
from training.lifecycle.gates import Candidate, Report, run_gates
from training.lifecycle.gates_file import BUNDLED, read_gates

GATES = read_gates()
ROWS = 2_000


class Linear:
    """A model whose margin is a weighted sum: contributions add up, directions are those of the weights."""

    needed = ("a", "b")

    def __init__(self, a: float = 1.0, b: float = 0.5, miss: float = 0.0) -> None:
        self.weights, self.miss = np.array([a, b]), miss

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        margin = X[["a", "b"]].to_numpy() @ self.weights - 3.0
        return pd.DataFrame({"pd_12m": expit(margin), "margin": margin})

    def contributions(self, X: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        return -3.0 + self.miss, X[["a", "b"]] * self.weights


def candidate(model: Linear | None = None, seed: int = 0, **changes) -> Candidate:
    """A candidate whose outcomes are drawn from its own PDs: right in every way."""
    rng = np.random.default_rng(seed)
    model = model or Linear()
    matrix = pd.DataFrame({"a": rng.normal(size=ROWS), "b": rng.normal(size=ROWS)})
    z = Linear().predict(matrix)["margin"].to_numpy()
    own = model.predict(matrix)["margin"].to_numpy()
    rows = pd.DataFrame({
        "customer_id": [f"c{i // 4}" for i in range(ROWS)], "as_of": pd.Timestamp("2024-01-31"), "month": 0,
        "y": (rng.random(ROWS) < expit(z)).astype(float), "log_odds": own, "pd": expit(own), "country": "DE",
        "industry": np.where(np.arange(ROWS) % 2 == 0, "food", "steel"),
    })  # fmt: skip
    rows["as_of"] += pd.to_timedelta(np.arange(ROWS) % 4, unit="D")
    made = Candidate(
        name="version 2", kind="default", model=model, rows=rows, matrix=matrix, directions={"a": 1, "b": 1},
        as_of=pd.Timestamp("2024-12-31"), policy="primary 1",
    )  # fmt: skip
    return replace(made, **changes)


def scored(of: Candidate, pds: np.ndarray) -> Candidate:
    return replace(of, rows=of.rows.assign(pd=pds, log_odds=logit(pds)))


def refusing(report: Report) -> set[str]:
    return {check.gate for check in report.checks if not check.is_passed}


CHAMPION = candidate()


def test_an_honest_candidate_passes_every_gate_alone_and_against_the_champion() -> None:
    for champion in (None, CHAMPION):
        report = run_gates(candidate(), champion, GATES)
        assert refusing(report) == set(), report.reasons
    assert report.to_json()["is_passed"] is True


@pytest.mark.parametrize(
    ("spoilt", "gate"),
    [
        (lambda c: scored(c, 1 - c.rows["pd"].to_numpy()), "discrimination"),
        (lambda c: scored(c, np.minimum(1.5 * c.rows["pd"].to_numpy(), 0.99)), "score stability: level"),
        (lambda c: scored(c, np.minimum(3.0 * c.rows["pd"].to_numpy(), 0.99)), "calibration level"),
        (lambda c: scored(c, expit(3.0 * (c.rows["log_odds"] + 3.0) - 4.5)), "calibration slope"),
        (lambda c: replace(c, matrix=c.matrix.assign(b=0.0)), "inputs"),
        (lambda c: replace(c, model=Linear(b=-0.5)), "monotonicity"),
        (lambda c: replace(c, model=Linear(miss=1e-3)), "additivity"),
        (lambda c: replace(c, rows=c.rows.iloc[:100]), "evidence"),
        (lambda c: replace(c, rows=c.rows.assign(y=0.0)), "evidence"),
    ],
)
def test_each_way_of_being_wrong_is_refused_by_its_gate(spoilt, gate) -> None:
    assert gate in refusing(run_gates(spoilt(candidate()), CHAMPION, GATES))


def test_one_industry_spoilt_is_refused_and_named() -> None:
    of = candidate()
    pds = of.rows["pd"].to_numpy().copy()
    steel = np.flatnonzero(of.rows["industry"] == "steel")
    pds[steel] = pds[np.random.default_rng(1).permutation(steel)]
    report = run_gates(scored(of, pds), CHAMPION, GATES)
    assert {"segments: log loss", "segments: scores"} <= refusing(report)
    for gate, said in (("segments: log loss", "log loss +"), ("segments: scores", "rank correlation ")):
        reason = next(r for r in report.reasons if r.startswith(gate))
        assert f"industry steel: {said}" in reason
        assert "industry food" not in reason


def test_scores_that_jump_from_month_to_month_in_one_industry_are_refused() -> None:
    of = candidate()
    rng = np.random.default_rng(2)
    per_customer = rng.normal(size=ROWS // 4)[np.arange(ROWS) // 4] - 3.0
    rows = of.rows.assign(
        month=np.arange(ROWS) % 4, log_odds=per_customer, industry=np.where(np.arange(ROWS) // 4 % 2, "food", "steel")
    )
    steady = run_gates(replace(of, rows=rows), None, GATES)
    assert "score stability: months" not in refusing(steady)
    steel = np.flatnonzero(rows["industry"] == "steel")
    rows.loc[steel, "log_odds"] = rows["log_odds"].to_numpy()[rng.permutation(steel)]
    report = run_gates(replace(of, rows=rows), None, GATES)
    assert "industry steel" in next(r for r in report.reasons if r.startswith("score stability: months"))
    assert "industry food" not in str(report.reasons)


def test_outcomes_that_differ_from_the_champions_run_are_refused() -> None:
    of = candidate()
    turned = of.rows["y"].where(np.arange(ROWS) % 20 > 0, 1 - of.rows["y"])
    assert "same outcomes" in refusing(run_gates(replace(of, rows=of.rows.assign(y=turned)), CHAMPION, GATES))


def test_a_gates_file_with_a_typo_is_named_with_the_setting(tmp_path: Path) -> None:
    text = BUNDLED.read_text()
    for content, said in (
        (
            text.replace("auc_at_least", "auc_at_lest"),
            r"default\.auc_at_least: field required; default\.auc_at_lest: extra",
        ),
        (
            text.replace("auc_at_least = 0.60", "auc_at_least = 1.60"),
            r"default\.auc_at_least: input should be less than",
        ),
        (text.replace("[delay]", "[delay"), "not TOML"),
    ):
        path = tmp_path / "gates.toml"
        path.write_text(content)
        with pytest.raises(InputError, match=said):
            read_gates(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_gates(tmp_path / "none.toml")
