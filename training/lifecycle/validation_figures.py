"""The figures of a validation report: each a name, an artifact, how it follows from it, and the function that does so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models import metrics
from training.lifecycle.validation import Artifacts, Derivation, Figure

ROWS = "evidence/rows.parquet"


@dataclass(frozen=True, kw_only=True)
class Derived:
    """How one figure is derived. unit : share, number, count or days."""

    name: str
    artifact: str
    words: str
    compute: Derivation
    unit: str = "number"


def _y(a: Artifacts) -> NDArray[np.float64]:
    return a.rows["y"].to_numpy()


def _late(a: Artifacts, days: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = (a.rows["is_paid"] | (a.rows["ended"] >= days)).to_numpy()
    return (a.rows["ended"].to_numpy()[known] >= days).astype(np.float64), a.rows[f"p_late_{days}"].to_numpy()[known]


def _paid(a: Artifacts) -> pd.DataFrame:
    return a.rows[a.rows["is_paid"]]


def _inside(a: Artifacts) -> float:
    place = _paid(a)["place"]
    return float(((place >= 0.1) & (place <= 0.9)).mean())


def _interval_of_auc(a: Artifacts, end: str) -> float:
    y, z = _y(a), a.rows["log_odds"].to_numpy()
    interval = metrics.by_customer(lambda w: metrics.auc(y, z, w), a.rows["customer_id"].astype(str), draws=100)
    return float(getattr(interval, end))


DEFAULT: dict[str, tuple[Derived, ...]] = {
    "population": (
        Derived(name="snapshots", artifact=ROWS, words="rows", compute=lambda a: float(len(a.rows)), unit="count"),
        Derived(name="customers", artifact=ROWS, words="distinct customer_id", compute=lambda a: float(a.rows["customer_id"].nunique()), unit="count"),
        Derived(name="defaulters", artifact=ROWS, words="distinct customer_id with y = 1", compute=lambda a: float(a.rows.loc[a.rows["y"] > 0, "customer_id"].nunique()), unit="count"),
        Derived(name="default rate", artifact=ROWS, words="mean of y", compute=lambda a: float(_y(a).mean()), unit="share"),
        Derived(name="customers with a thin file", artifact=ROWS, words="share of rows with is_thin", compute=lambda a: float(a.rows["is_thin"].mean()), unit="share"),
    ),
    "discrimination": (
        Derived(name="AUC", artifact=ROWS, words="AUC of log_odds for y", compute=lambda a: metrics.auc(_y(a), a.rows["log_odds"].to_numpy())),
        Derived(name="AUC, lower bound", artifact=ROWS, words="2.5 % quantile of 100 bootstrap draws of customers", compute=lambda a: _interval_of_auc(a, "low")),
        Derived(name="AUC, upper bound", artifact=ROWS, words="97.5 % quantile of 100 bootstrap draws of customers", compute=lambda a: _interval_of_auc(a, "high")),
        Derived(name="Gini", artifact=ROWS, words="2 · AUC − 1", compute=lambda a: metrics.gini(_y(a), a.rows["log_odds"].to_numpy())),
        Derived(name="KS", artifact=ROWS, words="largest distance between the scores' distributions by y", compute=lambda a: metrics.ks(_y(a), a.rows["log_odds"].to_numpy())),
        Derived(name="average precision", artifact=ROWS, words="average precision of log_odds for y", compute=lambda a: metrics.average_precision(_y(a), a.rows["log_odds"].to_numpy())),
    ),
    "calibration": (
        Derived(name="mean PD", artifact=ROWS, words="mean of pd", compute=lambda a: float(a.rows["pd"].mean()), unit="share"),
        Derived(name="mean PD over default rate", artifact=ROWS, words="mean of pd / mean of y", compute=lambda a: float(a.rows["pd"].mean() / _y(a).mean())),
        Derived(name="calibration slope", artifact=ROWS, words="slope of a logistic line of y on logit(pd)", compute=lambda a: metrics.log_odds_slope(_y(a), a.rows["pd"].to_numpy())[0]),
        Derived(name="Brier score", artifact=ROWS, words="mean of (pd − y)²", compute=lambda a: metrics.brier(_y(a), a.rows["pd"].to_numpy())),
        Derived(name="log loss", artifact=ROWS, words="mean of −(y ln pd + (1 − y) ln(1 − pd))", compute=lambda a: metrics.log_loss(_y(a), a.rows["pd"].to_numpy())),
        Derived(name="ECE", artifact=ROWS, words="expected calibration error, ten bins of equal mass", compute=lambda a: metrics.ece(_y(a), a.rows["pd"].to_numpy())),
    ),
    "benchmark": (
        Derived(name="AUC of days past due", artifact=ROWS, words="AUC of rule_days_past_due for y", compute=lambda a: metrics.auc(_y(a), a.rows["rule_days_past_due"].to_numpy())),
        Derived(name="AUC of days beyond terms, open", artifact=ROWS, words="AUC of rule_dbt for y", compute=lambda a: metrics.auc(_y(a), a.rows["rule_dbt"].to_numpy())),
    ),
}  # fmt: skip

DELAY: dict[str, tuple[Derived, ...]] = {
    "population": (
        Derived(name="items", artifact=ROWS, words="rows", compute=lambda a: float(len(a.rows)), unit="count"),
        Derived(name="customers", artifact=ROWS, words="distinct customer_id", compute=lambda a: float(a.rows["customer_id"].nunique()), unit="count"),
        Derived(name="items seen paid", artifact=ROWS, words="share of rows with is_paid", compute=lambda a: float(a.rows["is_paid"].mean()), unit="share"),
        Derived(name="5 or more days late", artifact=ROWS, words="share with ended ≥ 5, of items whose answer is known", compute=lambda a: float(_late(a, 5)[0].mean()), unit="share"),
    ),
    "discrimination": (
        Derived(name="AUC, 5 or more days late", artifact=ROWS, words="AUC of p_late_5", compute=lambda a: metrics.auc(*_late(a, 5))),
        Derived(name="AUC, 30 or more days late", artifact=ROWS, words="AUC of p_late_30", compute=lambda a: metrics.auc(*_late(a, 30))),
        Derived(name="mean absolute error", artifact=ROWS, words="mean of |days_late_p50 − ended| of paid items", compute=lambda a: float((_paid(a)["days_late_p50"] - _paid(a)["ended"]).abs().mean()), unit="days"),
        Derived(name="CRPS", artifact=ROWS, words="mean of crps_days of paid items", compute=lambda a: float(_paid(a)["crps_days"].mean()), unit="days"),
    ),
    "calibration": (
        Derived(name="predicted 5 or more days late", artifact=ROWS, words="mean of p_late_5", compute=lambda a: float(_late(a, 5)[1].mean()), unit="share"),
        Derived(name="predicted over observed, 5 days", artifact=ROWS, words="mean of p_late_5 / observed share", compute=lambda a: float(_late(a, 5)[1].mean() / _late(a, 5)[0].mean())),
        Derived(name="Brier score, 5 days", artifact=ROWS, words="mean of (p_late_5 − outcome)²", compute=lambda a: metrics.brier(*_late(a, 5))),
        Derived(name="coverage of the 80 % interval", artifact=ROWS, words="share of paid items with 0.1 ≤ place ≤ 0.9", compute=_inside, unit="share"),
    ),
    "benchmark": (
        Derived(name="mean absolute error of the customer's median", artifact=ROWS, words="mean of |rule_median_days − ended| of paid items", compute=lambda a: float((_paid(a)["rule_median_days"] - _paid(a)["ended"]).abs().mean()), unit="days"),
        Derived(name="AUC of the customer's late share, 5 days", artifact=ROWS, words="AUC of rule_late_share", compute=lambda a: metrics.auc(_late(a, 5)[0], a.rows["rule_late_share"].to_numpy()[(a.rows["is_paid"] | (a.rows["ended"] >= 5)).to_numpy()])),
    ),
}  # fmt: skip


def derived(kind: str, section: str) -> tuple[Derived, ...]:
    """Return how the figures of a section are derived."""
    return (DEFAULT if kind == "default" else DELAY).get(section, ())


def figures(artifacts: Artifacts, section: str) -> tuple[Figure, ...]:
    """Return the figures of a section, computed from the artifacts."""
    found = []
    for how in derived(artifacts.kind, section):
        value = how.compute(artifacts)
        found.append(
            Figure(
                name=how.name, value=value, shown=shown(value, how.unit), artifact=how.artifact, derivation=how.words
            )
        )
    return tuple(found)


def shown(value: float, unit: str) -> str:
    """Return a figure's text with its unit; "not known" for one that does not exist."""
    if not np.isfinite(value):
        return "not known"
    return {"share": f"{value:.2%}", "count": f"{value:,.0f}", "days": f"{value:.2f} days"}.get(unit, f"{value:.4f}")
