"""The plots of a run: order, calibration, grades, distributions and explanations; drawn to be readable in grey.

Each function takes the run's evidence and returns a matplotlib Figure; nothing is read from a file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models import metrics
from models.metrics.rates import jeffreys_upper
from models.rating_scale import MASTER_SCALE
from training.evaluation.plots import calibration_figure
from training.result import Fitted

Floats = NDArray[np.float64]

STYLES = (("black", "-"), ("black", "--"), ("0.45", "-."), ("0.45", ":"), ("0.7", "-"))
EXPLAINED_ROWS = 300
THRESHOLDS = (1, 5, 30)


def figures(kind: str, fitted: Fitted) -> dict[str, Figure]:
    """Return name -> figure for a fit of this kind; {} where it was evaluated on nothing."""
    rows = fitted.evidence.get("rows")
    if rows is None or rows.empty:
        return {}
    return (_default if kind == "default" else _delay)(fitted, rows)


def _default(fitted: Fitted, rows: pd.DataFrame) -> dict[str, Figure]:
    scores = default_scores(rows)
    return {
        "roc": roc(rows["y"].to_numpy(), scores),
        "cap": cap(rows["y"].to_numpy(), scores),
        "calibration_by_grade": calibration_by_grade(rows),
        "score_by_outcome": score_by_outcome(rows),
        "default_rate_by_grade": default_rate_by_grade(rows),
        "pd_against_days_past_due": pd_against_days_past_due(rows),
        **shap_figures(fitted),
    }


def default_scores(rows: pd.DataFrame) -> dict[str, Floats]:
    """Return name -> score (higher is riskier) of the model, its challengers and the plain rules."""
    challengers = {
        c.removeprefix("challenger "): rows[c].to_numpy() for c in map(str, rows.columns) if c.startswith("challenger ")
    }
    return {
        "model": rows["log_odds"].to_numpy(), **challengers, "days past due": rows["rule_days_past_due"].to_numpy(),
        "DBT of open items": rows["rule_dbt"].to_numpy(),
    }  # fmt: skip


def _delay(fitted: Fitted, rows: pd.DataFrame) -> dict[str, Figure]:
    return {
        "reliability_by_threshold": reliability(rows),
        "pit": pit(rows),
        "error_by_lateness": error_by_lateness(rows),
        "roc_late_5": roc_of_lateness(rows),
        "coverage_by_month": coverage_by_month(rows),
        **shap_figures(fitted),
    }


def _axes(title: str, x: str, y: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure, axes


def roc(y: Floats, scores: dict[str, Floats]) -> Figure:
    """Return the ROC curves of several scores of the same rows."""
    from sklearn.metrics import roc_curve

    figure, axes = _axes(
        "ROC: model, challengers, plain rules", "share of good rows flagged", "share of bad rows flagged"
    )
    for (name, score), (color, line) in zip(scores.items(), STYLES, strict=False):
        false, true, _ = roc_curve(y, score)
        axes.plot(false, true, color=color, linestyle=line, label=f"{name}: AUC {metrics.auc(y, score):.3f}")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def cap(y: Floats, scores: dict[str, Floats]) -> Figure:
    """Return the cumulative accuracy profiles of several scores of the same rows."""
    figure, axes = _axes("CAP: share of defaults found", "share of rows, riskiest first", "share of defaults")
    share = np.arange(1, len(y) + 1) / len(y)
    for (name, score), (color, line) in zip(scores.items(), STYLES, strict=False):
        found = np.cumsum(y[np.argsort(-score, kind="stable")]) / y.sum()
        axes.plot(share, found, color=color, linestyle=line, label=f"{name}: Gini {metrics.gini(y, score):.3f}")
    axes.plot([0, y.mean(), 1], [0, 1, 1], color="0.85", linewidth=1, label="perfect")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def by_grade(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per grade that occurs: count, defaults, pd_mean, default_rate, low and high (Jeffreys, 90 %)."""
    table = rows.groupby("grade", observed=True).agg(count=("y", "size"), defaults=("y", "sum"), pd_mean=("pd", "mean"))
    table = table.reindex([g for g in MASTER_SCALE.names if g in table.index])
    table["default_rate"] = table["defaults"] / table["count"]
    bounds = [(int(n), int(d)) for n, d in zip(table["count"], table["defaults"], strict=True)]
    table["low"] = [1.0 - jeffreys_upper(n, n - d, 0.95) for n, d in bounds]
    table["high"] = [jeffreys_upper(n, d, 0.95) for n, d in bounds]
    return table


def calibration_by_grade(rows: pd.DataFrame) -> Figure:
    """Return predicted against observed default rates by grade."""
    table = by_grade(rows).reset_index().rename(columns={"pd_mean": "predicted", "default_rate": "observed"})
    return calibration_figure(
        table, predicted="mean PD of the grade", observed="observed default rate", title="Calibration by grade"
    )


def default_rate_by_grade(rows: pd.DataFrame) -> Figure:
    """Return observed default rates by grade with 90 % Jeffreys intervals, the mean PD as a line."""
    table = by_grade(rows)
    figure, axes = _axes("Default rate by grade, 90 % intervals", "grade", "rate")
    place = np.arange(len(table))
    rate = table["default_rate"]
    axes.errorbar(
        place, rate, yerr=[(rate - table["low"]).clip(lower=0), (table["high"] - rate).clip(lower=0)], fmt="o", color="black", capsize=3,
        label="observed",
    )  # fmt: skip
    axes.plot(place, table["pd_mean"], color="0.5", linestyle="--", marker="x", label="mean PD")
    axes.set_xticks(place, [f"{g}\n{n}" for g, n in zip(table.index, table["count"], strict=True)], fontsize=8)
    axes.set_yscale("symlog", linthresh=0.001)
    axes.legend(fontsize=8)
    return figure


def score_by_outcome(rows: pd.DataFrame) -> Figure:
    """Return the distribution of the log-odds by outcome."""
    figure, axes = _axes("Score distribution by outcome", "log-odds of default", "density")
    bins = np.linspace(rows["log_odds"].min(), rows["log_odds"].max(), 31)
    for value, name, style in (
        (0, "no default", {"color": "0.75"}),
        (1, "default", {"color": "black", "histtype": "step", "linewidth": 1.5}),
    ):
        of = rows.loc[rows["y"] == value, "log_odds"]
        if len(of):
            axes.hist(of, bins=bins, density=True, label=f"{name} ({len(of):,})", **style)
    axes.legend(fontsize=8)
    return figure


def pd_against_days_past_due(rows: pd.DataFrame) -> Figure:
    """Return the PD against the days past due of the customer's oldest open item; defaults are crosses."""
    figure, axes = _axes("PD against days past due", "days past due of the oldest open item (+1)", "PD")
    for value, style in ((0, {"marker": ".", "color": "0.7", "s": 6}), (1, {"marker": "x", "color": "black", "s": 16})):
        part = rows[rows["y"] == value]
        axes.scatter(part["rule_days_past_due"] + 1, part["pd"], label="default" if value else "no default", **style)
    axes.set(xscale="log", yscale="log")
    axes.legend(fontsize=8)
    return figure


def reliability(rows: pd.DataFrame) -> Figure:
    """Return predicted against observed shares at least 1, 5 and 30 days late, by tenths of the prediction."""
    figure, axes = _axes("Reliability by threshold", "predicted share", "observed share")
    for k, (color, line), marker in zip(THRESHOLDS, STYLES, "osx", strict=False):
        y, p = late(rows, k)
        if 0 < y.sum() < len(y):
            table = metrics.calibration_table(y, p)
            axes.plot(
                table["predicted"],
                table["observed"],
                marker=marker,
                color=color,
                linestyle=line,
                label=f"≥ {k} days late",
            )
    axes.plot([0, 1], [0, 1], color="0.85", linewidth=1)
    axes.legend(fontsize=8)
    return figure


def late(rows: pd.DataFrame, days: int) -> tuple[Floats, Floats]:
    """Return (outcome, prediction) of being at least so many days late, over items whose answer is known."""
    known = (rows["is_paid"] | (rows["ended"] >= days)).to_numpy()
    return (rows["ended"].to_numpy()[known] >= days).astype(np.float64), rows[f"p_late_{days}"].to_numpy()[known]


def roc_of_lateness(rows: pd.DataFrame) -> Figure:
    """Return the ROC of 'at least 5 days late', with the customer's own share of late invoices."""
    y, p = late(rows, 5)
    known = (rows["is_paid"] | (rows["ended"] >= 5)).to_numpy()
    return roc(y, {"model": p, "customer's late share": rows["rule_late_share"].to_numpy()[known]})


def pit(rows: pd.DataFrame) -> Figure:
    """Return the histogram of outcomes' places in their own distributions: flat where the distributions are right."""
    figure, axes = _axes(
        "Probability integral transform of paid items", "place in the predicted distribution", "share of items"
    )
    place = rows["place"].dropna()
    axes.hist(
        place,
        bins=10,
        range=(0, 1),
        weights=np.full(len(place), 1 / max(len(place), 1)),
        color="0.75",
        edgecolor="black",
    )
    axes.axhline(0.1, color="black", linestyle="--", linewidth=1)
    return figure


def error_by_lateness(rows: pd.DataFrame) -> Figure:
    """Return the mean absolute error in days by how late the item was paid, the customer's median for comparison."""
    paid = rows[rows["is_paid"]]
    bins = pd.cut(
        paid["ended"],
        [-np.inf, -1, 0, 5, 15, 30, 60, np.inf],
        labels=["early", "on day", "1-5", "6-15", "16-30", "31-60", "> 60"],
    )
    model = (paid["days_late_p50"] - paid["ended"]).abs().groupby(bins, observed=False).mean()
    rule = (paid["rule_median_days"] - paid["ended"]).abs().groupby(bins, observed=False).mean()
    figure, axes = _axes("Mean absolute error by lateness", "days late when paid (items)", "days")
    place = np.arange(len(model))
    axes.bar(place - 0.2, model, 0.4, color="black", label="model's median")
    axes.bar(place + 0.2, rule, 0.4, color="0.75", label="customer's median")
    counts = bins.value_counts().reindex(model.index)
    axes.set_xticks(place, [f"{name}\n{n}" for name, n in counts.items()], fontsize=8)
    axes.legend(fontsize=8)
    return figure


def coverage_by_month(rows: pd.DataFrame) -> Figure:
    """Return the coverage of the 80 % interval by the month in which the item was asked about."""
    paid = rows[rows["is_paid"]]
    inside = ((paid["place"] >= 0.1) & (paid["place"] <= 0.9)).groupby(paid["as_of"].dt.to_period("M")).mean()
    figure, axes = _axes("Coverage of the 80 % interval by month", "month of the question", "share inside")
    axes.plot(np.arange(len(inside)), inside, marker="o", color="black")
    axes.axhline(0.8, color="0.5", linestyle="--", linewidth=1)
    axes.set_xticks(np.arange(len(inside)), [str(month) for month in inside.index], rotation=45, fontsize=8)
    axes.set_ylim(0, 1)
    return figure


def shap_figures(fitted: Fitted) -> dict[str, Figure]:
    """Return shap's own summary, bar and dependence plots of the model's contributions on some evaluated rows."""
    matrix = fitted.evidence["matrix"].iloc[:: max(1, len(fitted.evidence["matrix"]) // EXPLAINED_ROWS)]
    import matplotlib as mpl

    shown_by = mpl.get_backend()
    mpl.use("Agg")  # shap draws through pyplot
    import matplotlib.pyplot as plt
    import shap

    base, parts = fitted.model.contributions(matrix)
    values = parts.to_numpy(dtype=np.float64)
    explanation = shap.Explanation(
        values=values, base_values=np.broadcast_to(np.asarray(base, dtype=np.float64), (len(values),)),
        data=matrix[list(parts.columns)].to_numpy(dtype=np.float64), feature_names=list(parts.columns),
    )  # fmt: skip
    first = str(parts.columns[int(np.argmax(np.abs(values).mean(axis=0)))])
    found = {}
    for name, draw in (
        (
            "shap_summary",
            lambda: shap.plots.beeswarm(explanation, max_display=12, show=False, color=plt.get_cmap("cividis")),
        ),
        ("shap_bar", lambda: shap.plots.bar(explanation, max_display=12, show=False)),
        ("shap_dependence", lambda: shap.plots.scatter(explanation[:, first], show=False, color="black")),
    ):
        plt.figure()
        draw()
        figure = plt.gcf()
        figure.set_size_inches(8, 5)
        figure.tight_layout()
        found[name] = figure
        plt.close(figure)
    mpl.use(shown_by)  # a notebook goes on showing its own plots
    return found
