"""The headline of a run: some twenty metrics and a table of them; everything else is in the run's tables."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from models import metrics
from training.result import Fitted

Metrics = Mapping[str, float]

HEADLINE: dict[str, tuple[str, ...]] = {
    "default": (
        "auc", "auc_low", "auc_high", "gini", "ks", "average_precision", "brier", "log_loss", "ece", "calibration_slope",
        "pd_mean", "default_rate", "grades_failing_jeffreys", "thin_auc", "snapshots", "defaulters",
        "baseline_days_past_due_auc", "gini_above_HistGradientBoosting", "gini_above_logistic_scorecard",
        "gini_share_of_truth",
    ),
    "delay": (
        "auc_late_5", "auc_late_5_low", "auc_late_5_high", "brier_late_5", "rate_late_5", "predicted_late_5", "auc_late_30",
        "mae_days", "mae_days_low", "mae_days_high", "within_3_days_of_likely_share", "pinball_mean", "crps_days",
        "coverage_80_levels", "interval_days", "items", "customers", "baseline_customer_median_mae_days",
        "baseline_customer_late_rate_auc_late_5", "baseline_customer_distribution_crps_days",
    ),
}  # fmt: skip
ROWS: dict[str, tuple[tuple[str, str], ...]] = {
    "default": (
        ("AUC", "auc"), ("Gini", "gini"), ("KS", "ks"), ("Brier score", "brier"), ("log loss", "log_loss"),
        ("calibration slope", "calibration_slope"), ("mean PD", "pd_mean"), ("observed default rate", "default_rate"),
        ("AUC of days past due", "baseline_days_past_due_auc"), ("defaulters evaluated on", "defaulters"),
    ),
    "delay": (
        ("AUC, 5 or more days late", "auc_late_5"), ("Brier score, 5 or more days late", "brier_late_5"),
        ("mean absolute error, days", "mae_days"), ("CRPS, days", "crps_days"),
        ("coverage of the 80 % interval, by level", "coverage_80_levels"),
        ("mean absolute error of the customer's median, days", "baseline_customer_median_mae_days"),
        ("items evaluated on", "items"),
    ),
}  # fmt: skip
DRAWS = 200


def all_metrics(kind: str, fitted: Fitted) -> dict[str, float]:
    """Return the metrics of a fit with those that follow from its evidence: calibration slope, gain on challengers."""
    found = {name: float(value) for name, value in fitted.metrics.items()}
    rows = fitted.evidence.get("rows")
    if kind != "default" or rows is None or rows.empty:
        return found
    y, p = rows["y"].to_numpy(), rows["pd"].to_numpy()
    found["calibration_slope"], found["calibration_intercept"] = metrics.log_odds_slope(y, p)
    for name in fitted.challengers:
        gain = gini_above(rows, f"challenger {name}")
        key = name.replace(" ", "_")
        found[f"gini_above_{key}"] = gain.value
        found[f"gini_above_{key}_low"], found[f"gini_above_{key}_high"] = gain.low, gain.high
    return found


def gini_above(rows: pd.DataFrame, column: str) -> metrics.Interval:
    """Return how much the model's Gini is above that of another score column, by paired bootstrap over customers."""
    y, own, other = rows["y"].to_numpy(), rows["log_odds"].to_numpy(), rows[column].to_numpy()
    return metrics.paired_by_customer(
        lambda w: metrics.gini(y, own, w), lambda w: metrics.gini(y, other, w), rows["customer_id"], draws=DRAWS
    )


def headline(kind: str, found: Metrics) -> dict[str, float]:
    """Return the headline metrics that there are, in their order."""
    return {name: found[name] for name in HEADLINE[kind] if name in found}


def description(kind: str, found: Metrics, facts: Mapping[str, str]) -> str:
    """Return the run's description in Markdown: what it is, and the headline table with intervals.

    facts : name -> text, printed above the table.
    """
    lines = [f"**{kind} model**, " + ", ".join(f"{name} {text}" for name, text in facts.items()), ""]
    lines += ["| out of time | value | 95 % interval |", "|---|---|---|"]
    for title, name in ROWS[kind]:
        if name in found:
            low, high = found.get(f"{name}_low"), found.get(f"{name}_high")
            interval = "" if low is None or high is None else f"{_shown(low)} to {_shown(high)}"
            lines.append(f"| {title} | {_shown(found[name])} | {interval} |")
    lines += ["", "All metrics: `metrics.json`; tables: `tables/`; the evaluated rows: `evidence/rows.parquet`."]
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 10 else f"{value:.4f}"
