"""A default model's figures on rows that it has not seen: order, level, grades, beside plain rules and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from ledger.errors import InputError
from models import metrics
from models.calibration import low_default_bound
from models.metrics.bootstrap import Metric
from models.rating_scale import MASTER_SCALE
from training.default.data import Histories, Outcomes
from training.evaluation.plots import calibration_figure

Floats = NDArray[np.float64]

PAST_DUE_RULE_DAYS = 30  # the plain rule: some item is more than 30 days past due today
FEW_SETTLED = 5  # a customer with fewer settled invoices has a thin file
JEFFREYS_LEVEL = 0.01
LOW_DEFAULT_CONFIDENCE = 0.75
DRAWS = 100


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Metrics by name, tables and figures, as `training.result.Fitted` takes them."""

    metrics: dict[str, float]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    evidence: pd.DataFrame = field(default_factory=pd.DataFrame)


def judge(
    data: Histories,
    seen: Outcomes,
    rows: NDArray[np.int64],
    log_odds: Floats,
    pds: Mapping[int, Floats],
    truth: pd.DataFrame | None,
    *,
    draws: int = DRAWS,
) -> Judged:
    """Judge `log_odds` and `pds` (one array a horizon, without floor) of `rows` of the histories.

    Every figure has its interval by bootstrap over customers. Rules beside it: the days past due of the oldest open
    item above 30 (a yes or no), and days beyond terms of open items (DBT). With `truth`, the Gini of the true PD on the
    same rows, and the model's share of it.
    """
    horizon = data.policy.horizon_months
    y, p, customer = seen.within(horizon)[rows], pds[horizon], data.customer[rows]
    if len(set(customer[y > 0])) < 2 or (y == 0).sum() < 2:
        raise InputError(
            f"only {len(set(customer[y > 0]))} customers defaulted in the {len(rows):,} snapshots left to judge the "
            "model on: use a longer ledger, or a policy with fewer days and a shorter horizon."
        )
    found = _with_intervals(_model_figures(y, p, log_odds), customer, draws)
    found |= _with_intervals(_rule_figures(data, rows, y), customer, draws)
    found |= {
        "snapshots": float(len(rows)), "customers": float(len(set(customer))), "default_snapshots": float(y.sum()),
        "defaulters": float(len(set(customer[y > 0]))), "default_rate": float(y.mean()), "pd_mean": float(p.mean()),
    }  # fmt: skip
    found |= _shorter_horizons(seen, rows, pds, horizon)
    found |= _thin_files(data, rows, y, log_odds)
    cohort = cohorts(data.month[rows], horizon)
    tables = {
        "calibration": metrics.calibration_table(y, p).reset_index(),
        "grades": grade_table(y[cohort], p[cohort]), "grades_all_months": grade_table(y, p),
    }  # fmt: skip
    found["grades_failing_jeffreys"] = float((tables["grades"]["is_failing"]).sum())
    if truth is not None:
        found |= _against_truth(data, rows, y, p, log_odds, truth, customer, draws)
        tables["truth_deciles"] = truth_deciles(p, true_pd(data, rows, truth))
    tables["segments"] = segment_table(data, rows, y, p)
    figure = calibration_figure(tables["calibration"], predicted="predicted PD", observed="observed default rate")
    return Judged(metrics=found, tables=tables, figures={"calibration": figure})


def _model_figures(y: Floats, p: Floats, log_odds: Floats) -> dict[str, Metric]:
    ranking = metrics.Ranking(y, log_odds)
    return {
        "auc": ranking.auc, "gini": ranking.gini, "ks": ranking.ks, "average_precision": ranking.average_precision,
        "brier": lambda w: metrics.brier(y, p, w),
        "log_loss": lambda w: metrics.log_loss(y, p, w),
        "ece": metrics.Reliability(y, p).ece,
    }  # fmt: skip


def rules(data: Histories, rows: NDArray[np.int64]) -> dict[str, Floats]:
    """The plain rules' scores, higher is riskier; a customer without open items has 0 days."""
    oldest = np.nan_to_num(data.book_column("days_past_due_oldest", rows))
    open_dbt = np.nan_to_num(data.book_column("dbt_open", rows))
    return {
        "past_due_30": (oldest > PAST_DUE_RULE_DAYS).astype(np.float64),
        "days_past_due": oldest,
        "dbt": open_dbt,
    }


def _rule_figures(data: Histories, rows: NDArray[np.int64], y: Floats) -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for name, scores in rules(data, rows).items():
        ranking = metrics.Ranking(y, scores)
        found |= {f"baseline_{name}_auc": ranking.auc, f"baseline_{name}_gini": ranking.gini}
    return found


def _with_intervals(figures: Mapping[str, Metric], customer: NDArray[np.object_], draws: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, interval in metrics.intervals_by_customer(figures, customer, draws=draws).items():
        found |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return found


def _shorter_horizons(
    seen: Outcomes, rows: NDArray[np.int64], pds: Mapping[int, Floats], horizon: int
) -> dict[str, float]:
    found: dict[str, float] = {}
    for months, p in pds.items():
        if months != horizon:
            y = seen.within(months)[rows]
            found |= {
                f"auc_{months}m": metrics.auc(y, p), f"brier_{months}m": metrics.brier(y, p),
                f"ece_{months}m": metrics.ece(y, p), f"default_rate_{months}m": float(y.mean()),
                f"pd_mean_{months}m": float(p.mean()),
            }  # fmt: skip
    return {name: value for name, value in found.items() if not np.isnan(value)}


def _thin_files(data: Histories, rows: NDArray[np.int64], y: Floats, log_odds: Floats) -> dict[str, float]:
    """The order among customers with few settled invoices, and how many such rows there are."""
    thin = np.nan_to_num(data.book_column("invoices_settled_ever", rows)) < FEW_SETTLED
    found = {"thin_snapshots": float(thin.sum()), "thin_default_snapshots": float(y[thin].sum())}
    if thin.any():
        found |= {"thin_pd_mean": float(expit(log_odds[thin]).mean()), "thin_default_rate": float(y[thin].mean())}
        auc = metrics.auc(y[thin], log_odds[thin])
        if not np.isnan(auc):
            found["thin_auc"] = auc
    return found


def true_pd(data: Histories, rows: NDArray[np.int64], truth: pd.DataFrame) -> Floats:
    """The generator's PD of each row; NaN where it has none (in default in truth, before the books knew)."""
    name = f"true_pd_{data.policy.horizon_months}m"
    if name not in truth.columns:
        raise InputError(f"truth has no column {name}; it has {', '.join(truth.columns)}.")
    known = truth.assign(
        customer_id=truth["customer_id"].astype("str"), as_of=pd.to_datetime(truth["as_of"]).astype("datetime64[s]")
    ).set_index(["customer_id", "as_of"])[name]
    asked = pd.MultiIndex.from_arrays(
        [
            data.snapshots["customer_id"].iloc[rows].astype("str"),
            data.snapshots["as_of"].iloc[rows].astype("datetime64[s]"),
        ]
    )
    return known.reindex(asked).to_numpy(dtype=np.float64)


def _against_truth(
    data: Histories, rows: NDArray[np.int64], y: Floats, p: Floats, log_odds: Floats, truth: pd.DataFrame,
    customer: NDArray[np.object_], draws: int,
) -> dict[str, float]:  # fmt: skip
    true = true_pd(data, rows, truth)
    has = ~np.isnan(true)
    y, p, z, true, customer = y[has], p[has], log_odds[has], true[has], customer[has]
    by_truth, by_model = metrics.Ranking(y, true), metrics.Ranking(y, z)
    # outcomes replaced by the true PD: the same question without the luck of the draw
    expected, best = metrics.Ranking(true, z), metrics.Ranking(true, true)
    figures: dict[str, Metric] = {
        "truth_auc": by_truth.auc,
        "truth_gini": by_truth.gini,
        "gini_share_of_truth": lambda w: by_model.gini(w) / by_truth.gini(w),
        "expected_gini_share_of_truth": lambda w: expected.gini(w) / best.gini(w),
    }
    slope, intercept = metrics.log_odds_slope(true, p)
    return {
        **_with_intervals(figures, customer, draws), "truth_pd_mean": float(true.mean()), "truth_slope": slope,
        "truth_intercept": intercept,
    }  # fmt: skip


def truth_deciles(p: Floats, true: Floats) -> pd.DataFrame:
    """Mean predicted against mean true PD in deciles of the prediction; rows without a true PD are left out.

    is_close: within 15 % or 0.2 points of the true mean.
    """
    has = ~np.isnan(true)
    table = metrics.calibration_table(true[has], p[has]).rename(columns={"observed": "true"}).reset_index()
    gap = (table["predicted"] - table["true"]).abs()
    return table.assign(gap=gap, is_close=(gap <= 0.15 * table["true"]) | (gap <= 0.002))


def grade_table(y: Floats, p: Floats) -> pd.DataFrame:
    """One row a grade that occurs: count, defaults, mean PD, observed rate, the PD that it is not above with confidence
    LOW_DEFAULT_CONFIDENCE (Pluto–Tasche: what a grade with few or no defaults still says), Jeffreys' p of the mean PD,
    is_failing.

    is_failing : below 1 % or above 99 % with at least 200 rows. The test takes rows as independent: give it those of
    `cohorts`; on every month's rows it is far stricter than its level.
    """
    grade = MASTER_SCALE.grade(p)
    lines = []
    for name in MASTER_SCALE.names:
        of = grade == name
        if of.any():
            count, defaults, mean = int(of.sum()), int(y[of].sum()), float(p[of].mean())
            test = metrics.jeffreys(mean, count, defaults)
            failing = count >= 200 and not JEFFREYS_LEVEL <= test <= 1.0 - JEFFREYS_LEVEL
            bound = low_default_bound(count, defaults, LOW_DEFAULT_CONFIDENCE)
            lines.append((name, count, defaults, mean, defaults / count, bound, test, failing))
    columns = ["grade", "count", "defaults", "pd_mean", "default_rate", "bound_75", "jeffreys_p", "is_failing"]
    return pd.DataFrame(lines, columns=columns)


def cohorts(month: NDArray[np.int64], horizon_months: int) -> NDArray[np.bool_]:
    """Rows at the first month and every `horizon_months` after it: each customer once a horizon, no outcome twice.

    Source: ECB, Instructions for reporting the validation results of internal models (2019), 2.5.3: customers at the
    beginning of the observation period, counted once.
    """
    return (month - month.min()) % horizon_months == 0


def segment_table(data: Histories, rows: NDArray[np.int64], y: Floats, p: Floats) -> pd.DataFrame:
    """Observed rate and mean PD by country and by industry, for the report on effects; neither is judged fair by it.

    bound_75 : the PD that the segment's customers, each once a horizon, are not above (Pluto–Tasche): what a segment
    with few defaults still says; NaN where no customer of it is in a cohort.
    """
    cohort = cohorts(data.month[rows], data.policy.horizon_months)
    customers = data.ledger.customers.set_index("customer_id")
    parts = []
    for segment in ("country", "industry"):
        value = customers[segment].reindex(data.customer[rows]).fillna("not given").to_numpy()
        frame = pd.DataFrame({"segment": segment, "value": value, "y": y, "p": p, "n": cohort, "d": cohort * y})
        part = frame.groupby(["segment", "value"], as_index=False).agg(
            count=("y", "size"), defaults=("y", "sum"), default_rate=("y", "mean"), pd_mean=("p", "mean"),
            customers=("n", "sum"), customers_defaulted=("d", "sum"),
        )  # fmt: skip
        part["bound_75"] = [
            low_default_bound(int(n), int(d), LOW_DEFAULT_CONFIDENCE) if n else float("nan")
            for n, d in zip(part["customers"], part["customers_defaulted"], strict=True)
        ]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
