"""Cash forecasts against the cash that came: rolling days, each with a model that knew only what was known then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from decisions.cash_forecast import forecast
from decisions.inflow import week_ends
from features.engine.prepared import prepare
from ledger.ledger import Ledger
from ledger.open_items import open_items_on
from training.delay.dependence import actual_inflow
from training.delay.fit import fit_recipe

FORECASTS = ("expected", "due_date", "customer_mean")


@dataclass(frozen=True, kw_only=True)
class CashBacktest:
    """rows : one row a forecast day and week: as_of, week, actual, expected, low, high, due_date, customer_mean.
    figures : WAPE of each forecast (Σ|actual − forecast| / Σ actual), coverage of the band."""

    rows: pd.DataFrame
    figures: dict[str, float]


def cash_backtest(
    ledger: Ledger,
    first: pd.Timestamp,
    last: pd.Timestamp,
    *,
    weeks: int = 8,
    refit_months: int = 3,
    seed: int = 1,
    watch: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> CashBacktest:
    """Return forecasts of `weeks` weeks on every second Sunday from `first` to `last`; the model is fitted again every
    `refit_months`."""
    prepared = prepare(ledger)
    days = list(pd.date_range(first, last - pd.Timedelta(days=7 * weeks), freq="2W-SUN"))
    model, fitted_on, parts = None, None, []
    for day in watch(days):
        if model is None or fitted_on is None or day >= fitted_on + pd.DateOffset(months=refit_months):
            model, fitted_on = fit_recipe(ledger, prepared, day, seed, explain=False).model, day
        ends, names = week_ends(day, weeks)
        found = forecast(prepared, model, day, ends, seed=seed, with_new=False)
        actual = actual_inflow(ledger, open_items_on(prepared.ledger, prepared.settlement, day), day, ends)
        parts.append(found.periods.assign(as_of=day, week=np.arange(1, weeks + 1), ends_on=names, actual=actual))
    rows = pd.concat(parts, ignore_index=True)
    return CashBacktest(rows=rows, figures=cash_figures(rows))


def cash_figures(rows: pd.DataFrame) -> dict[str, float]:
    """Return WAPE and bias of each forecast over all weeks, WAPE's gain on the plain rules, coverage of the 80 % band."""
    total = float(rows["actual"].sum())
    wape = {name: float((rows["actual"] - rows[name]).abs().sum() / total) for name in FORECASTS}
    return {f"wape_{name}": value for name, value in wape.items()} | {
        "gain_on_due_date": 1 - wape["expected"] / wape["due_date"],
        "gain_on_customer_mean": 1 - wape["expected"] / wape["customer_mean"],
        "band_coverage": float(((rows["actual"] >= rows["low"]) & (rows["actual"] <= rows["high"])).mean()),
        "bias": float(rows["expected"].sum() / total - 1),
        "forecast_weeks": float(len(rows)),
    }
