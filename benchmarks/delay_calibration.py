"""Calibration of the delay model on real ledgers, and the choices behind it: `python -m benchmarks.delay_calibration [SET …]`.

SET is datarisk, datarisk_covid or highradius (the evaluated windows), or `choose`. For a window: P(at least 5 days late)
before and after the threshold's calibration with plain boosting, AUC by customers' size, by the weight of the customer's paid items, and how often
outcomes fall into the shortest interval of whole days with 80 % predicted chance. `choose` prints what rolling origins
choose whose windows end before every evaluated window: the half-life of levels, what the calibration is fitted on, its
half-life, and the share of the question's own opinion in the pool. The rule: the least mean log loss; of the variants within
one standard error of it (over the windows) the one nearest to what is served. Reads ../shared/data where it is there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.delay_plain import plain_boosting
from benchmarks.delay_real import DAY, HEADER, SHARED, SPLITS, imported, line
from cli.output import table
from features.engine.histories import build_items
from features.engine.prepared import prepare
from models import metrics
from models.delay.conformal import Levels
from models.delay.late_threshold import DAYS_LATE
from training.delay.evaluation import BASELINE_INPUTS, Scored, evaluate, shortest_interval_figures
from training.delay.fit import LEVELS_HALF_LIFE, Recipe, fit_recipe, levels_of, recalibrated
from training.delay.late_calibration import fit_late_calibration, thickness_table
from training.delay.samples import outcomes

EARLY = {
    "datarisk to April": ("datarisk", "datarisk", "2019-02-01", "2019-04-30"),
    "datarisk to July": ("datarisk", "datarisk", "2019-05-01", "2019-07-31"),
    "highradius to September": ("highradius", "highradius/invoices.csv", "2019-06-20", "2019-09-26"),
}
HALF_LIVES = (90.0, 180.0, 365.0)
SOURCES = ("customers left out", "later items", "both")
SERVED = (LEVELS_HALF_LIFE, "both", LEVELS_HALF_LIFE)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A window's recipe, its answers with unit levels on known outcomes, and plain boosting's chances."""

    recipe: Recipe
    scored: Scored
    plain: np.ndarray


def asked(fmt: str, source: str, first: str, last: str) -> Asked:
    """Fit on what was known before `first`, and answer the items issued from `first` to `last`."""
    ledger = imported(fmt, source)
    prepared, truth = prepare(ledger), outcomes(ledger, pd.Timestamp(ledger.last_known_on), begun_only=False)
    recipe = fit_recipe(ledger, prepared, pd.Timestamp(first) - DAY, 1, explain=False)
    items = truth.only(truth.items["issued_on"].between(pd.Timestamp(first), pd.Timestamp(last)).to_numpy())
    raw = recipe.model.before_recalibration()
    X = build_items(prepared, items.items, list(dict.fromkeys((*raw.needed, *BASELINE_INPUTS))))
    scored = Scored.of(items, X, raw)
    begun = scored.ended > scored.curves.asked
    plain = plain_boosting(prepared, outcomes(ledger, pd.Timestamp(first) - DAY), items.items)
    return Asked(recipe=recipe, scored=scored.only(begun), plain=plain.late[begun])


def known_late(scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows whose answer is known, whether those are at least DAYS_LATE days late)."""
    known = scored.is_paid | (scored.ended >= DAYS_LATE)
    return known, (scored.ended >= DAYS_LATE)[known].astype(np.float64)


def run(name: str) -> None:
    """Print the tables of one evaluated window."""
    found = asked(*SPLITS[name])
    known, late = known_late(found.scored)
    uncalibrated = replace(found.recipe.model, late_calibration=None)
    before, after = (recalibrated(found.scored, model) for model in (uncalibrated, found.recipe.model))
    chances = {
        "before": before.curves.at_least(DAYS_LATE)[known], "after": after.curves.at_least(DAYS_LATE)[known],
        "plain boosting": found.plain[known],
    }  # fmt: skip
    print(
        f"\n{name}: P(at least {DAYS_LATE} days late), {len(late):,} known outcomes, {100 * late.mean():.2f} % late\n"
    )
    rows = [
        [which, f"{metrics.ece(late, p):.4f}", f"{metrics.brier(late, p):.4f}", f"{log_loss(late, p):.4f}",
         f"{metrics.auc(late, p):.4f}", f"{100 * p.mean():.2f} %",
         *(f"{100 * p[part].mean():.1f} / {100 * late[part].mean():.1f}" for part in (tenths(p)[0], tenths(p)[1]))]
        for which, p in chances.items()
    ]  # fmt: skip
    print(table(rows, ["", "ECE", "Brier", "log loss", "AUC", "mean", "lower 8 tenths %", "top tenth %"]))
    print("\nall figures of benchmarks.delay_real, before and after\n")
    rows = [line(which, evaluate(scored, intervals=False)) for which, scored in (("before", before), ("after", after))]
    print(table(rows, HEADER))
    print("\nAUC by customers' size, with the 95 % interval of the difference over customers\n")
    rows = [
        [
            part,
            *auc_cells(late, chances["after"], chances["plain boosting"], found.scored.customers[known], which[known]),
        ]
        for part, which in interval_parts(found.scored).items()
    ]
    print(table(rows, ["", "items", "model", "plain boosting", "difference"]))
    frames = [thickness_table(scored, which) for which, scored in (("before", before), ("after", after))]
    both = pd.concat(frames)
    rows = [
        [row["population"], row["paid_items"], f"{row['items']:,}", f"{100 * row['predicted']:.1f} %",
         f"{100 * row['observed']:.1f} %"] for row in both.to_dict("records")
    ]  # fmt: skip
    print("\nby the weight of the customer's paid items (predicted and observed)\n")
    print(table(rows, ["", "paid items", "items", "predicted", "observed"]))
    print("\nthe shortest interval of whole days with at least 80 % predicted chance\n")
    rows = [[part, *interval_cells(after.only(which))] for part, which in interval_parts(after).items()]
    print(table(rows, ["", "items", "printed chance", "outcomes inside", "days"]), flush=True)


def tenths(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows of the lowest eight tenths, rows of the top tenth) of a prediction."""
    order = np.argsort(p, kind="stable")
    return order[: int(0.8 * len(p))], order[int(0.9 * len(p)) :]


def auc_cells(
    late: np.ndarray, model: np.ndarray, plain: np.ndarray, customers: np.ndarray, which: np.ndarray
) -> list[str]:
    """Return the cells of one row: items, AUC of both, and the interval of their difference over customers."""
    late, model, plain, customers = late[which], model[which], plain[which], customers[which]
    random, names = np.random.default_rng(0), np.unique(customers)
    rows_of = {name: np.flatnonzero(customers == name) for name in names}
    drawn = []
    for _ in range(300):
        rows = np.concatenate([rows_of[name] for name in random.choice(names, len(names))])
        if 0.0 < late[rows].mean() < 1.0:
            drawn.append(metrics.auc(late[rows], model[rows]) - metrics.auc(late[rows], plain[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return [
        f"{len(late):,}", f"{metrics.auc(late, model):.3f}", f"{metrics.auc(late, plain):.3f}",
        f"{low:+.3f} to {high:+.3f}",
    ]  # fmt: skip


def log_loss(late: np.ndarray, p: np.ndarray) -> float:
    """Return the mean log loss, chances kept within [1e-6, 1 - 1e-6]."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.mean(late * np.log(p) + (1 - late) * np.log1p(-p)))


def interval_parts(scored: Scored) -> dict[str, np.ndarray]:
    """Return the parts of 500 or more items for which the interval is held to the outcomes."""
    size = pd.Series(scored.customers).value_counts()
    large = np.isin(scored.customers, size.index[:10].to_numpy(dtype=object))
    parts = {"all": np.ones(len(large), dtype=bool), "ten largest customers": large, "all others": ~large}
    return {name: which for name, which in parts.items() if which.sum() >= 500}


def interval_cells(scored: Scored) -> list[str]:
    """Return the cells of one row: items, mean printed chance, share of outcomes inside, mean days."""
    figures = shortest_interval_figures(scored)
    return [
        f"{len(scored.ended):,}", f"{100 * figures['shortest_interval_probability']:.1f} %",
        f"{100 * figures['shortest_interval_coverage']:.1f} %", f"{figures['shortest_interval_days']:.1f}",
    ]  # fmt: skip


def choose() -> None:
    """Print each variant's log loss in the early windows, the best one, and the one chosen by the rule."""
    windows = {name: asked(*where) for name, where in EARLY.items()}
    variants = list(product(HALF_LIVES, SOURCES, HALF_LIVES))
    losses = np.array([[loss_of(window, *variant) for window in windows.values()] for variant in variants])
    none = [loss_of(window, LEVELS_HALF_LIFE, None, LEVELS_HALF_LIFE) for window in windows.values()]
    means = losses.mean(axis=1)
    best = int(means.argmin())
    gap = losses - losses[best]
    error = gap.std(axis=1, ddof=1) / np.sqrt(losses.shape[1])
    within = gap.mean(axis=1) <= np.maximum(error, 1e-12)
    served = variants.index(SERVED)
    chosen = served if within[served] else best
    rows = [["no calibration, levels' half-life 180", *(f"{x:.5f}" for x in none), f"{np.mean(none):.5f}", ""]]
    shown = [*np.argsort(means)[:6], served]
    rows += [
        [f"levels {v[0]:.0f} days, calibration on {v[1]}, {v[2]:.0f} days", *(f"{x:.5f}" for x in losses[k]),
         f"{means[k]:.5f}", " ".join(w for w, yes in (("best", k == best), ("chosen", k == chosen)) if yes)]
        for k in dict.fromkeys(shown) for v in [variants[k]]
    ]  # fmt: skip
    print("\nlog loss of P(at least 5 days late) in windows that end before every evaluated window\n")
    print(table(rows, ["", *windows, "mean", ""]))
    print(f"\n{int(within.sum())} of {len(variants)} variants are within one standard error of the best.", flush=True)


def loss_of(window: Asked, levels_days: float, source: str | None, calibration_days: float) -> float:
    """Return a variant's log loss in a window."""
    recipe = window.recipe
    unseen = recipe.left_out.scored if recipe.left_out is not None else None
    levels = levels_of(unseen, levels_days) if unseen is not None else Levels()
    parts: Sequence[Scored | None] = {
        None: (), "customers left out": (unseen,), "later items": (recipe.scored,), "both": (unseen, recipe.scored)
    }[source]  # fmt: skip
    used = [part for part in parts if part is not None]
    calibration = fit_late_calibration(used, levels, calibration_days) if used else None
    model = replace(recipe.model, levels=levels, late_calibration=calibration)
    known, late = known_late(window.scored)
    return log_loss(late, recalibrated(window.scored, model).curves.at_least(DAYS_LATE)[known])


if __name__ == "__main__":
    if not SHARED.exists():
        sys.exit("skipped: ../shared/data is not there.")
    for wanted in sys.argv[1:] or [*SPLITS, "choose"]:
        choose() if wanted == "choose" else run(wanted)
