"""Backtest: at each origin fit on what was known then, score what came after, set it beside what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from features.engine.histories import build, build_items
from features.engine.prepared import PreparedLedger, prepare
from features.engine.snapshots import active, month_ends
from ledger.default_status import PRIMARY
from ledger.errors import InputError
from ledger.ledger import Ledger
from models import metrics
from training.default import fit as default_fit
from training.delay.evaluation import BASELINE_INPUTS, MATURE_DAYS, Scored, baselines, evaluate
from training.delay.fit import fit_recipe
from training.delay.samples import Asked, outcomes
from training.labels import default_labels, delay_labels

DAY = pd.Timedelta(days=1)
Watch = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True, kw_only=True)
class Window:
    """One origin and the days scored with what was known on it: `first` is the day after, `last` is included."""

    origin: pd.Timestamp
    first: pd.Timestamp
    last: pd.Timestamp


@dataclass(frozen=True, kw_only=True)
class Backtested:
    """invoices, customers : the tables of the interface, with outcomes; empty for a model not asked for.
    figures : what metrics.json holds."""

    invoices: pd.DataFrame
    customers: pd.DataFrame
    figures: dict[str, Any] = field(default_factory=dict)


def windows(first: pd.Timestamp, last: pd.Timestamp, step_months: int) -> list[Window]:
    """Return windows of `step_months` from `first` on; the last one ends on `last`. The origin is the day before each."""
    if first > last:
        raise InputError(f"--from {first.date()} comes after --to {last.date()}: swap them.")
    starts = [first + pd.DateOffset(months=step_months * k) for k in range(1200)]
    starts = [s for s in starts if s <= last]
    ends = [*(s - DAY for s in starts[1:]), last]
    return [Window(origin=s - DAY, first=s, last=e) for s, e in zip(starts, ends, strict=True)]


def backtest(
    ledger: Ledger,
    first: pd.Timestamp,
    last: pd.Timestamp,
    *,
    step_months: int = 3,
    models: tuple[str, ...] = ("default", "delay"),
    seed: int = 1,
    watch: Watch = iter,
) -> Backtested:
    """Return both models on every window. Raises InputError where `last` lies after the ledger's last known day, or where the
    delay model cannot be fitted on the first origin; a default model that cannot be fitted is reported as such.
    """
    if last > pd.Timestamp(ledger.last_known_on):
        raise InputError(
            f"--to {last.date()} lies after the ledger's last known day, {ledger.last_known_on}: nothing to score."
        )
    prepared, planned = prepare(ledger), windows(first, last, step_months)
    truth = outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    invoices, customers, scored, skipped = [], [], [], []
    for window in watch(planned):
        if "delay" in models:
            frame, answered = delay_window(ledger, prepared, truth, window, seed)
            invoices.append(frame)
            scored.append((window, answered))
        if "default" in models:
            try:
                customers.append(default_window(ledger, prepared, window, seed))
            except InputError as mistake:
                skipped.append({"origin": window.origin.date().isoformat(), "why": str(mistake)})
    figures: dict[str, Any] = {
        "from": first.date().isoformat(),
        "to": last.date().isoformat(),
        "step_months": step_months,
        "seed": seed,
        "ledger_fingerprint": ledger.fingerprint,
        "last_known_on": ledger.last_known_on.isoformat(),
    }
    everyone = pd.concat(customers, ignore_index=True) if customers else pd.DataFrame()
    if scored:
        figures["delay"] = delay_figures(scored)
    if "default" in models:
        figures["default"] = default_figures(everyone) | ({"not_fitted": skipped} if skipped else {})
    return Backtested(
        invoices=pd.concat(invoices, ignore_index=True) if invoices else pd.DataFrame(),
        customers=everyone,
        figures=figures,
    )


def delay_window(
    ledger: Ledger, prepared: PreparedLedger, truth: Asked, window: Window, seed: int
) -> tuple[pd.DataFrame, list[Scored]]:
    """Return every item issued in the window, asked about on the day before with the model of the window's origin.

    An invoice paid before it was issued has no question and is not among them.
    """
    issued = truth.items["issued_on"]
    asked = truth.only(((issued >= window.first) & (issued <= window.last)).to_numpy())
    if not len(asked.items):
        return pd.DataFrame(), []
    model = fit_recipe(ledger, prepared, window.origin, seed, explain=False).model
    X = build_items(prepared, asked.items, list(dict.fromkeys((*model.needed, *BASELINE_INPUTS))))
    return _invoices(ledger, asked, X, model.predict(X), window), [Scored.of(asked, X, model)]


def _invoices(ledger: Ledger, asked: Asked, X: pd.DataFrame, predicted: pd.DataFrame, window: Window) -> pd.DataFrame:
    items = asked.items
    rule = baselines(X)
    labels = delay_labels(ledger, items)
    return pd.concat(
        [
            items[["invoice_id", "number", "customer_id"]].assign(scored_on=items["as_of"], origin=window.origin),
            predicted.reset_index(drop=True),
            items[["issued_on", "due_on", "amount", "currency"]],
            labels[["settled_on", "days_late", "closed_kind", "observed_until", "is_censored"]],
            pd.DataFrame({f"baseline_{name}": values for name, values in rule.items()}),
        ],
        axis=1,
    )


def delay_figures(scored: list[tuple[Window, list[Scored]]]) -> dict[str, Any]:
    """Return figures over all windows and of each: `known_outcome` over every invoice whose outcome is known (an early
    payment is known sooner than a late one: the last months flatter everybody), `mature` over those due MATURE_DAYS
    before the end.
    """
    found: dict[str, Any] = {"windows": []}
    whole = [part for _, parts in scored for part in parts]
    if not whole:
        return found
    for name, of in (("known_outcome", lambda s: s), ("mature", lambda s: s.only(s.observed_after_due >= MATURE_DAYS))):
        found[name] = evaluate(of(Scored.together(whole)))
    for window, parts in scored:
        if parts:
            days = {
                "origin": window.origin.date().isoformat(),
                "from": window.first.date().isoformat(),
                "to": window.last.date().isoformat(),
            }
            part = Scored.together(parts)
            found["windows"].append(
                days
                | {
                    "known_outcome": evaluate(part, intervals=False),
                    "mature": evaluate(part.only(part.observed_after_due >= MATURE_DAYS), intervals=False),
                }
            )
    return found


def default_window(ledger: Ledger, prepared: PreparedLedger, window: Window, seed: int) -> pd.DataFrame:
    """Return every active customer on the origin and on the month ends of the window, with what came of it."""
    model: Any = default_fit.fit(ledger, as_of=window.origin, seed=seed).model
    days = [window.origin, *month_ends(window.first, window.last)]
    snapshots = active(prepared, sorted({d.date() for d in days if d <= window.last}))
    X = build(prepared, snapshots, list(dict.fromkeys((*model.columns, "days_past_due_oldest"))))
    predicted = model.predict(X)
    horizon = model.horizon_months
    labels = default_labels(ledger, snapshots, model.policy)
    return snapshots.assign(
        origin=window.origin,
        pd=predicted[f"pd_{horizon}m"].to_numpy(),
        horizon_months=horizon,
        grade=predicted["grade"].to_numpy(),
        days_past_due=X["days_past_due_oldest"].to_numpy(),
        in_default=labels["in_default"].to_numpy(),
        default=labels[f"default_{horizon}m"].to_numpy(),
        default_on=labels["default_on"].to_numpy(),
        observed_until=labels["observed_until"].to_numpy(),
        policy=getattr(model.policy, "name", PRIMARY.name),
    )


def default_figures(customers: pd.DataFrame) -> dict[str, Any]:
    """Return AUC, Gini, KS and Brier over mature snapshots of customers not in default, with those of days past due.

    `windows` holds the same of each origin, in the order of the origins.
    """
    if customers.empty:
        return {"snapshots": 0}
    parts = [
        {"origin": origin.date().isoformat(), **_figures_of(customers[customers["origin"] == origin])}
        for origin in sorted(customers["origin"].unique())
    ]
    return {**_figures_of(customers), "windows": parts}


def _figures_of(customers: pd.DataFrame) -> dict[str, Any]:
    mature = customers[customers["default"].notna() & ~customers["in_default"]]
    y = mature["default"].astype(np.float64).to_numpy()
    found: dict[str, Any] = {"snapshots": len(customers), "mature_snapshots": len(mature), "defaults": int(y.sum())}
    if not 0 < y.sum() < len(y):
        return found
    p, rule = mature["pd"].to_numpy(), np.nan_to_num(mature["days_past_due"].to_numpy(np.float64))
    interval = metrics.by_customer(lambda w: metrics.auc(y, p, w), mature["customer_id"].to_numpy(dtype=object))
    return found | {
        "auc": interval.value,
        "auc_low": interval.low,
        "auc_high": interval.high,
        "gini": metrics.gini(y, p),
        "ks": metrics.ks(y, p),
        "brier": metrics.brier(y, p),
        "rate": float(y.mean()),
        "predicted": float(p.mean()),
        "baseline_days_past_due_auc": metrics.auc(y, rule),
        "baseline_over_30_days_past_due_auc": metrics.auc(y, (rule > 30).astype(np.float64)),
    }
