"""Forms of a delay model in one harness, the same inputs, items and days: python -m benchmarks.delay_candidates
[SPLIT …]

SPLIT is one of benchmarks.delay_real, or a quarter as NAME:FIRST-DAY (datarisk and highradius where none is named).
Asked on the day before issue. Every form is fitted on what was known before the split and answers P(at least 5 days late)
and the 10, 50 and 90 % quantiles of days late; none is recalibrated, so that forms are compared and nothing else. Needs
the bench extra (lifelines) and ../shared/data.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.delay_levels import split_of
from benchmarks.delay_real import SHARED, imported
from cli.output import table
from features.catalogue.habit import STEPS as HABIT_STEPS
from features.engine.histories import build_items
from features.engine.prepared import prepare
from models import metrics
from models.delay.payment_steps import INPUTS, asked_day, days_moved, habit_curve, pooled_habit
from training.delay.evaluation import BASELINE_INPUTS
from training.delay.fit import COLUMNS, train
from training.delay.samples import Asked, outcomes, questions

Floats = NDArray[np.float64]
Answer = tuple[Floats, Floats, Floats, Floats]  # P(at least 5 days late), quantiles 10, 50, 90

LEVELS = (0.1, 0.5, 0.9)
ENDS = np.array([-16, -6, -1, 0, 1, 2, 4, 7, 10, 15, 29, 59, 120])
SMALL = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 60,
    "lambda_l2": 10.0,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "verbose": -1,
    "num_threads": 1,
    "seed": 1,
}
COX_INPUTS = [
    "late_share_12m",
    "late_5_share_12m",
    "days_late_median_12m",
    "early_share_12m",
    "on_day_share_12m",
    "item_terms_days",
    "item_amount",
    "item_amount_to_median",
    "overdue_share",
    "invoices_12m",
]


def of_cdf(cdf: Floats, ends: NDArray[np.int64]) -> Answer:
    """Answers read from F at `ends`, which grow and reach 1 at the last."""
    cdf = np.maximum.accumulate(np.clip(cdf, 0.0, 1.0), axis=1)
    cdf[:, -1] = 1.0
    late = 1.0 - cdf[:, np.searchsorted(ends, 4)]
    return late, *(ends[(cdf < level).sum(axis=1).clip(0, len(ends) - 1)].astype(float) for level in LEVELS)


def pooled(prepared, past: Asked, X: pd.DataFrame, X_past: pd.DataFrame, *, alone: bool = False) -> Answer:  # type: ignore[no-untyped-def]
    """Ours, which counts from the usual due date by itself; `alone` without the late question."""
    stated = replace(past, ended=past.ended - days_moved(X_past))
    model = train(prepared, questions(stated, 1), seed=1, explain=False)
    curves = (replace(model, late_question=None) if alone else model).curves(X).moved(-days_moved(X))
    return curves.at_least(5), *(curves.quantile(level) for level in LEVELS)


def ordinal(prepared, past: Asked, X: pd.DataFrame, X_past: pd.DataFrame) -> Answer:  # type: ignore[no-untyped-def]
    """One boosting of P(paid by day k | k), k an input, rows weighted by the inverse probability of not being
    censored.
    """
    inputs = list(COLUMNS)
    matrix, y, weight = [], [], []
    since = past.ended - asked_day(X_past)
    for end in ENDS[:-1]:
        horizon = end - asked_day(X_past)
        g = metrics.ipcw_weights(since.astype(float), past.is_paid, float(np.median(horizon)))[1]
        known = past.is_paid | (past.ended >= end)
        rows = known & (horizon > 0)
        matrix.append(np.column_stack([X_past[inputs].to_numpy(np.float64)[rows], np.full(rows.sum(), end)]))
        y.append((past.is_paid & (past.ended <= end))[rows])
        weight.append(np.clip(np.where(g > 0, g, 1.0), 1.0, 5.0)[rows])
    data = lgb.Dataset(np.vstack(matrix), np.concatenate(y).astype(float), weight=np.concatenate(weight))
    booster = lgb.train({**SMALL, "objective": "binary", "min_data_in_leaf": 600, "num_leaves": 31}, data, 200)
    x = X[inputs].to_numpy(np.float64)
    return of_cdf(np.column_stack([booster.predict(np.column_stack([x, np.full(len(x), end)])) for end in ENDS]), ENDS)


def quantiles(prepared, past: Asked, X: pd.DataFrame, X_past: pd.DataFrame) -> Answer:  # type: ignore[no-untyped-def]
    """Three quantile boostings on paid items, sorted, then conformalised on the last fifth (split conformal, CQR);
    P(late) from a boosting of its own, so it need not agree with them."""
    inputs = list(COLUMNS)
    order = np.argsort(past.items["as_of"].to_numpy(), kind="stable")
    order = order[past.is_paid[order]]
    fit, hold = order[: int(0.8 * len(order))], order[int(0.8 * len(order)) :]
    data = X_past[inputs].to_numpy(np.float64)
    late = np.clip(past.ended, -60, 120).astype(float)
    boosters = [
        lgb.train({**SMALL, "objective": "quantile", "alpha": level}, lgb.Dataset(data[fit], late[fit]), 200)
        for level in LEVELS
    ]
    held = np.sort(np.column_stack([b.predict(data[hold]) for b in boosters]), axis=1)
    widen = np.quantile(np.maximum(held[:, 0] - late[hold], late[hold] - held[:, 2]), 0.8)
    found = np.sort(np.column_stack([b.predict(X[inputs].to_numpy(np.float64)) for b in boosters]), axis=1)
    return (
        binary(prepared, past, X, X_past)[0],
        np.round(found[:, 0] - widen),
        np.round(found[:, 1]),
        np.round(found[:, 2] + widen),
    )


def binary(prepared, past: Asked, X: pd.DataFrame, X_past: pd.DataFrame) -> Answer:  # type: ignore[no-untyped-def]
    """One boosting of 'at least 5 days late' alone; no distribution."""
    known = past.is_paid | (past.ended >= 5)
    data = lgb.Dataset(X_past[list(COLUMNS)].to_numpy(np.float64)[known], (past.ended >= 5).astype(float)[known])
    p = lgb.train({**SMALL, "objective": "binary", "learning_rate": 0.03}, data, 300).predict(
        X[list(COLUMNS)].to_numpy(np.float64)
    )
    return np.asarray(p), *(np.full(len(X), np.nan) for _ in LEVELS)


def cox(prepared, past: Asked, X: pd.DataFrame, X_past: pd.DataFrame) -> Answer:  # type: ignore[no-untyped-def]
    """Cox's proportional hazards on ten inputs, time from 30 days before the due date (lifelines, penalised)."""
    from lifelines import CoxPHFitter

    # an input that never varies in this ledger (fixed terms, say) has no coefficient
    inputs = [name for name in COX_INPUTS if X_past[name].std() > 1e-9]
    middle, scale = X_past[inputs].median(), X_past[inputs].std()

    def scaled(frame: pd.DataFrame) -> pd.DataFrame:
        return ((frame[inputs].fillna(middle) - middle) / scale).clip(-5, 5).reset_index(drop=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifelines warns of nearly collinear inputs; the penalty is there for that
        model = CoxPHFitter(penalizer=0.1)
        model.fit(scaled(X_past).assign(t=np.clip(past.ended, -30, 120) + 31.0, paid=past.is_paid), "t", "paid")
        unpaid = model.predict_survival_function(scaled(X), times=(ENDS + 31.0).clip(1)).T.to_numpy()
    return of_cdf(1.0 - unpaid, ENDS)


def own_distribution(prepared, past: Asked, X: pd.DataFrame, X_past: pd.DataFrame) -> Answer:  # type: ignore[no-untyped-def]
    """The customer's own curve, drawn towards everybody's where it has little history."""
    return of_cdf(
        np.column_stack([1.0 - habit_curve(X, pooled_habit(X_past))[:, 1:], np.ones(len(X))]),
        np.array([*HABIT_STEPS, 120]),
    )


def kaplan_meier(prepared, past: Asked, X: pd.DataFrame, X_past: pd.DataFrame) -> Answer:  # type: ignore[no-untyped-def]
    """Everybody's curve."""
    curve = 1.0 - np.cumprod(1.0 - pooled_habit(X_past))
    return of_cdf(np.tile([*curve, 1.0], (len(X), 1)), np.array([*HABIT_STEPS, 120]))


FORMS: dict[str, Callable[..., Answer]] = {
    "hazards and late question, pooled (ours)": pooled,
    "discrete-time hazards alone": partial(pooled, alone=True),
    "ordinal thresholds, IPCW": ordinal,
    "quantiles, conformalised": quantiles,
    "boosting of >= 5 alone": binary,
    "Cox, ten inputs": cox,
    "customer's own curve": own_distribution,
    "Kaplan-Meier": kaplan_meier,
}


def run(name: str) -> None:
    fmt, source, first, last = split_of(name)
    ledger = imported(fmt, source)
    prepared = prepare(ledger)
    past, truth = (
        outcomes(ledger, pd.Timestamp(first) - pd.Timedelta(days=1)),
        outcomes(ledger, pd.Timestamp(ledger.last_known_on)),
    )
    asked = truth.only(truth.items["issued_on"].between(pd.Timestamp(first), pd.Timestamp(last)).to_numpy())
    inputs = list(dict.fromkeys((*COLUMNS, *INPUTS, *BASELINE_INPUTS)))
    X, X_past = build_items(prepared, asked.items, inputs), build_items(prepared, past.items, inputs)
    # every form counts from the usual due date where the stated one is implausible
    past, asked = (replace(of, ended=of.ended + days_moved(x)) for of, x in ((past, X_past), (asked, X)))
    known, paid = asked.is_paid | (asked.ended >= 5), asked.is_paid
    y, late = (asked.ended >= 5).astype(float)[known], asked.ended[paid].astype(float)
    rows = []
    for form, fitted in FORMS.items():
        begun = time.perf_counter()
        p, low, middle, high = fitted(prepared, past, X, X_past)
        seconds = time.perf_counter() - begun
        row = [
            form,
            f"{metrics.auc(y, p[known]):.3f}",
            f"{metrics.average_precision(y, p[known]):.3f}",
            f"{metrics.brier(y, p[known]):.4f}",
        ]
        if np.isnan(middle).all():
            row += ["", "", "", ""]
        else:
            loss = np.mean(
                [metrics.pinball(late, q[paid], level) for q, level in zip((low, middle, high), LEVELS, strict=True)]
            )
            error = np.abs(middle[paid] - late)
            row += [
                f"{error.mean():.3f}",
                f"{(error <= 3).mean():.3f}",
                f"{loss:.3f}",
                f"{metrics.coverage(late, low[paid], high[paid]):.3f}",
            ]
        rows.append((*row, seconds))
    base = rows[0][-1]
    print(f"\n{name}: known before {first}, asked {first} to {last}\n")
    print(
        table(
            [(*row[:-1], f"{row[-1] / base:.1f}") for row in rows],
            ("", "AUC >=5", "AP >=5", "Brier", "MAE", "within 3", "pinball", "cover 80", "time / ours"),
        ),
        flush=True,
    )


if __name__ == "__main__":
    if not SHARED.exists():
        sys.exit("skipped: ../shared/data is not there.")
    for asked_for in sys.argv[1:] or ["datarisk", "highradius"]:
        run(asked_for)
