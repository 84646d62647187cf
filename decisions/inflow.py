"""Expected cash by week or month: what the open book brings in, how sure that is, and what plain rules would say.

The band comes from simulation: each item's payment day is drawn from its own curve, with a shock that all items
share, one that a customer's items share, and one of its own (a Gaussian copula), since payments do not come
independently.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from ledger.errors import InputError
from models.delay.payment_curve import Curves

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BAND = (0.1, 0.9)
MOST_SHARED = 0.95  # of the variance of a score, by all items and by a customer's together
COMMON_SHARES = (0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
WIDENING_PATHS = 400
THREADS = 2
ITEMS_AT_ONCE = 4096  # of one share of work: their thresholds stay in the processor's cache
NORMAL = ndtri((np.arange(2**16) + 0.5) / 2**16).astype(np.float32)  # a draw is a place in this table


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """How much of the variance of an item's normal score it shares with all items, and with its customer's others."""

    common: float
    customer: float

    def __post_init__(self) -> None:
        if not (self.common >= 0 and self.customer >= 0 and self.common + self.customer < 1):
            raise InputError(
                f"The shares of a Dependence must be 0 or above and add up to less than 1. "
                f"Got {self.common} and {self.customer} instead."
            )


def week_ends(as_of: pd.Timestamp, weeks: int) -> tuple[Ints, list[str]]:
    """(days from as_of to the end of each of the next `weeks` stretches of 7 days, their last days as text)."""
    ends = np.arange(1, weeks + 1, dtype=np.int64) * 7
    return ends, [str((as_of + pd.Timedelta(days=int(d))).date()) for d in ends]


def month_ends_after(as_of: pd.Timestamp, months: int) -> tuple[Ints, list[str]]:
    """The same for the next `months` calendar month ends after as_of."""
    ends = pd.date_range(as_of + pd.Timedelta(days=1), periods=months, freq="ME")
    return (ends - as_of).days.to_numpy().astype(np.int64), [str(d.date()) for d in ends]


def paid_by(curves: Curves, ends: Ints) -> Floats:
    """(items, periods): P(paid by so many days after the question), ascending."""
    return np.column_stack([1.0 - curves.unpaid_on(curves.asked + end) for end in ends])


def expected_inflow(open_amount: ArrayLike, paid: Floats) -> Floats:
    """Σ open amount · P(paid in the period), one value a period."""
    return np.asarray(open_amount, dtype=np.float64) @ np.diff(paid, axis=1, prepend=0.0)


def inflow_on(open_amount: ArrayLike, days_from_now: ArrayLike, ends: Ints) -> Floats:
    """The inflow of each period when each item is paid on one day; a day past counts as tomorrow (the first period)."""
    period = np.searchsorted(ends, np.maximum(np.asarray(days_from_now, dtype=np.float64), 1.0), side="left")
    inflow = np.bincount(period, weights=np.asarray(open_amount, dtype=np.float64), minlength=len(ends) + 1)
    return inflow[: len(ends)].astype(np.float64)


def simulated_inflow(
    open_amount: ArrayLike,
    paid: Floats,
    customers: ArrayLike,
    dependence: Dependence,
    *,
    paths: int = 1000,
    seed: int = 0,
) -> Floats:
    """(paths, periods): the inflow of each period on each path; the same for a seed on any machine and number of
    threads.

    Amounts are summed in whole cents. An item's score is √common·C + √customer·K + √rest·E; it is paid in the period
    into whose share of its distribution the score falls. Every draw is a hash of (seed, path, what it belongs to).
    """
    cents = np.rint(np.asarray(open_amount, dtype=np.float64) * 100.0).astype(np.int64)
    code = pd.factorize(np.asarray(customers, dtype=object))[0].astype(np.int64)
    bounds = ndtri(np.clip(paid, 0.0, 1.0)).astype(np.float32)
    shares = np.sqrt([dependence.common, dependence.customer, 1.0 - dependence.common - dependence.customer]).astype(
        np.float32
    )
    edges = list(range(0, len(cents), max(ITEMS_AT_ONCE, -(-len(cents) // (4 * THREADS))))) or [0]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        parts = pool.map(
            lambda a: _simulate(
                bounds[a[0] : a[1]], cents[a[0] : a[1]], code[a[0] : a[1]], a[0], shares, paths, seed, NORMAL
            ),
            zip(edges, [*edges[1:], len(cents)], strict=True),
        )
        return np.sum(list(parts), axis=0) / 100.0


def item_inflow(
    open_amount: ArrayLike, paid: Floats, customers: ArrayLike, dependence: Dependence, row: int, *, paths: int = 1000,
    seed: int = 0,
) -> Floats:  # fmt: skip
    """Return (paths, periods): what item `row` contributes to each path of `simulated_inflow` with the same arguments."""
    cents = np.rint(np.asarray(open_amount, dtype=np.float64) * 100.0).astype(np.int64)[row : row + 1]
    code = pd.factorize(np.asarray(customers, dtype=object))[0].astype(np.int64)[row : row + 1]
    bounds = ndtri(np.clip(paid[row : row + 1], 0.0, 1.0)).astype(np.float32)
    own = 1.0 - dependence.common - dependence.customer
    shares = np.sqrt([dependence.common, dependence.customer, own]).astype(np.float32)
    return np.asarray(_simulate(bounds, cents, code, row, shares, paths, seed, NORMAL) / 100.0)


@njit(cache=True)
def _mixed(x):  # type: ignore[no-untyped-def]
    """64 bits that look drawn by lot from any 64 bits (SplitMix64; Steele et al. 2014)."""
    x = np.uint64(x) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def _simulate(bounds, cents, code, offset, shares, paths, seed, normal):  # type: ignore[no-untyped-def]
    n, periods = bounds.shape
    out = np.zeros((paths, periods), dtype=np.int64)
    low = np.uint64(0xFFFF)
    for block in range(0, n, 2048):
        stop = min(n, block + 2048)
        for path in range(paths):
            key = _mixed(np.uint64(seed) * np.uint64(1_000_003) + np.uint64(path))
            common = shares[0] * normal[key & low]
            last, shift = np.int64(-1), common
            bits, left = np.uint64(0), 0
            for i in range(block, stop):
                if code[i] != last:
                    last = code[i]
                    shift = (
                        common
                        + shares[1] * normal[_mixed(key ^ (np.uint64(last) * np.uint64(0xD1B54A32D192ED03))) & low]
                    )
                place = offset + i
                if left == 0 or place % 4 == 0:
                    bits = _mixed(key + np.uint64(place // 4) * np.uint64(0x8CB92BA72F3D8DD7)) >> np.uint64(
                        16 * (place % 4)
                    )
                    left = 1
                score = shift + shares[2] * normal[bits & low]
                bits = bits >> np.uint64(16)
                for period in range(periods):
                    if score <= bounds[i, period]:
                        out[path, period] += cents[i]
                        break
    return out


def band(paths: Floats) -> tuple[Floats, Floats]:
    """The 80 % band of each period: the 10 % and 90 % quantiles over paths."""
    low, high = np.quantile(paths, BAND, axis=0)
    return low, high


def fitted_dependence(
    score: Floats, customers: ArrayLike, cohort: ArrayLike, amount: ArrayLike | None = None
) -> Dependence:
    """The shares that pairs of items show: mean product of normal scores over pairs of different customers in one
    cohort (common), and over pairs of one customer in one cohort, less that (customer). Not below 0; together at most
    0.9.

    score : normal scores of outcomes' places in their predicted distributions. cohort : e.g. the week in which items
    fell due. Scores are not centred: a drift of the whole cohort is a common shock. amount : a pair weighs by the
    product of its amounts, as it does in the variance of a sum of them; None: all pairs weigh the same.
    """
    weight = np.ones(len(score)) if amount is None else np.asarray(amount, dtype=np.float64)
    frame = pd.DataFrame({"cohort": np.asarray(cohort), "customer": np.asarray(customers, dtype=object)})
    frame["s"], frame["n"] = weight * score, weight
    frame["q"], frame["nq"] = frame["s"] ** 2, frame["n"] ** 2
    own = frame.groupby(["cohort", "customer"], sort=False)[["s", "q", "n", "nq"]].sum().reset_index()
    pairs_own = float((own["n"] ** 2 - own["nq"]).sum())
    product_own = float((own["s"] ** 2 - own["q"]).sum())
    own["ss"], own["nn"] = own["s"] ** 2, own["n"] ** 2
    whole = own.groupby("cohort", sort=False)[["s", "ss", "n", "nn"]].sum()
    pairs_other = float((whole["n"] ** 2 - whole["nn"]).sum())
    product_other = float((whole["s"] ** 2 - whole["ss"]).sum())
    common = max(product_other / pairs_other, 0.0) if pairs_other > 0 else 0.0
    customer = max(product_own / pairs_own - common, 0.0) if pairs_own > 0 else 0.0
    scale = min(1.0, 0.9 / max(common + customer, 1e-12))
    return Dependence(common=common * scale, customer=customer * scale)


@dataclass(frozen=True, kw_only=True)
class PastForecast:
    """A forecast whose periods are over. amount, paid, customers : of its items, as `simulated_inflow` takes them.
    actual : what came in each period."""

    amount: Floats
    paid: Floats
    customers: NDArray[np.object_]
    actual: Floats


def widened(found: Dependence, past: Sequence[PastForecast], *, seed: int = 0) -> Dependence:
    """`found` with the common share, not below its own, under which what came in the periods of past forecasts lay as far from
    what was expected as the paths do: the mean square of the inflows' normal scores among their paths is 1. Read between the
    COMMON_SHARES on both sides of that; their largest where none is wide enough.

    Pairs of items alone understate what they share: where most of a distribution lies on one day, the place drawn
    within that day hides it.
    """
    below: tuple[float, float] | None = None
    for common in sorted({found.common, *(c for c in COMMON_SHARES if c > found.common)}):
        tried = Dependence(common=common, customer=min(found.customer, MOST_SHARED - common))
        scores = np.concatenate([_score_of_inflow(p, tried, seed + place) for place, p in enumerate(past)])
        spread = float(np.mean(scores**2))
        if spread <= 1.0:
            break
        below = (common, spread)
    if below is None or spread > 1.0:
        return tried
    share = below[0] + (common - below[0]) * (below[1] - 1.0) / (below[1] - spread)
    return Dependence(common=share, customer=min(found.customer, MOST_SHARED - share))


def _score_of_inflow(past: PastForecast, dependence: Dependence, seed: int) -> Floats:
    """The normal score of each period's inflow by its rank among the paths."""
    paths = simulated_inflow(past.amount, past.paid, past.customers, dependence, paths=WIDENING_PATHS, seed=seed)
    rank = np.sum(paths < past.actual, axis=0) + 0.5 * np.sum(paths == past.actual, axis=0)
    return np.asarray(ndtri((rank + 0.5) / (WIDENING_PATHS + 1)), dtype=np.float64)


def normal_scores(place: Floats) -> Floats:
    """Normal scores of places in (0, 1), held within ±4."""
    return np.clip(ndtri(np.clip(place, 0.0, 1.0)), -4.0, 4.0)
