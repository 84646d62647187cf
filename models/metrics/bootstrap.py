"""The uncertainty of a figure: a bootstrap that draws customers, not rows, since a customer's rows are one story."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Metric = Callable[[Floats], float]  # row weights -> the figure


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and its percentile interval; `share_positive` is the share of draws above 0 (for a difference)."""

    value: float
    low: float
    high: float
    share_positive: float


def by_customer(
    metric: Metric, customers: ArrayLike, *, draws: int = 300, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Return the percentile interval of `metric`, a function of row weights, by drawing customers with replacement.

    customers : one id a row. Each draw gives every row of a customer the number of times the customer was drawn.
    Draws in which the metric is not defined (NaN: no default drawn) are left out.
    """
    return intervals_by_customer({"": metric}, customers, draws=draws, confidence=confidence, seed=seed)[""]


def intervals_by_customer(
    figures: Mapping[str, Metric], customers: ArrayLike, *, draws: int = 300, confidence: float = 0.95, seed: int = 0
) -> dict[str, Interval]:
    """Return the interval of each of several figures, as `by_customer` does, all on the same draws of customers."""
    code, names = pd.factorize(np.asarray(customers).astype(object), sort=True)
    rng = np.random.default_rng(seed)
    values = {name: np.empty(draws) for name in figures}
    for i in range(draws):
        times = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names)).astype(np.float64)
        weight = times[code]
        for name, metric in figures.items():
            values[name][i] = metric(weight)
    whole = np.ones(len(code))
    return {name: _interval(values[name], float(metric(whole)), confidence) for name, metric in figures.items()}


def _interval(values: Floats, value: float, confidence: float) -> Interval:
    values = values[~np.isnan(values)]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail]) if len(values) else (np.nan, np.nan)
    share = float(np.mean(values > 0.0)) if len(values) else float("nan")
    return Interval(value=value, low=float(low), high=float(high), share_positive=share)


def paired_by_customer(
    first: Metric, second: Metric, customers: ArrayLike, *, draws: int = 300, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Return the interval of first − second with both figures taken on the same draws of customers."""
    return by_customer(lambda w: first(w) - second(w), customers, draws=draws, confidence=confidence, seed=seed)
