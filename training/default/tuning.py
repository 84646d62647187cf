"""Choose the default model's shape by Optuna in folds that respect time: learn on a day, be judged on later months.

A fold is a day: a bag is fitted on what was known then and scores the months after it, each customer by members that
never saw it, by outcomes mature on the data's day. No fold is random. The rounds on the default are not drawn: they are
stopped early, where the loss on later months no longer falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from ledger.errors import InputError
from models import metrics
from training.default.data import Histories
from training.default.ensembles import Bag, Shape
from training.default.fit import evaluation_origin, step_months
from training.default.stages import SHAPE, FittedBag, Options, fit_at, shape_on

if TYPE_CHECKING:
    import optuna

Floats = NDArray[np.float64]

FOLDS = 2  # days; each a step (half the horizon) before the next
MOST_ROUNDS, ROUNDS_STEP, PATIENCE = 120, 10, 2
FEWEST_DEFAULTERS = 5  # in the months of a fold


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A day, and the rows of the months after it that judge what was known then, with their outcomes."""

    origin: pd.Timestamp
    rows: NDArray[np.int64]
    y: Floats


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The best shape, its loss on later months (mean log loss over the folds) and every trial.

    trials : one row a trial: number, state, loss (NaN: pruned), rounds, and what was drawn.
    """

    shape: Shape
    loss: float
    trials: pd.DataFrame


def folds(data: Histories, count: int = FOLDS) -> list[Fold]:
    """The last `count` days with a step of mature months after them, earliest first.

    Raises InputError where no fold has defaulters enough to judge.
    """
    step, seen = step_months(data.policy), data.outcomes(data.as_of)
    usable, y = seen.usable(data.policy.horizon_months), seen.within(data.policy.horizon_months)
    found, last = [], evaluation_origin(data)
    for origin in (last - pd.offsets.MonthEnd(step * k) for k in range(count - 1, -1, -1)):
        end = origin + pd.offsets.MonthEnd(step)
        rows = np.flatnonzero(usable & (data.on > np.datetime64(origin, "D")) & (data.on <= np.datetime64(end, "D")))
        if len(set(data.customer[rows][y[rows] > 0])) >= FEWEST_DEFAULTERS:
            found.append(Fold(origin=origin, rows=rows, y=y[rows]))
    if not found:
        raise InputError(
            f"the shape cannot be tuned: no day before {last.date()} is followed by {FEWEST_DEFAULTERS} defaulters. "
            "Use a longer ledger, or train with the shape as it is."
        )
    return found


def tune(data: Histories, *, trials: int, seed: int = 1, options: Options | None = None) -> Tuned:
    """Draw `trials` shapes (a seeded TPE sampler), each judged in every fold unless the first prune it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    judged_on, chosen = folds(data), options or Options()
    study = optuna.create_study(
        direction="minimize", sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0),
    )  # fmt: skip
    served = shape_on(data, evaluation_origin(data), chosen)
    study.enqueue_trial(_as_drawn(served))  # what is served today has to be beaten
    study.optimize(lambda trial: _loss(data, judged_on, trial, chosen, seed), n_trials=trials)
    best = study.best_trial
    shape = replace(drawn(best.params), rounds=int(best.user_attrs["rounds"]), repeats=SHAPE.repeats)
    return Tuned(shape=shape, loss=float(study.best_value), trials=_table(study))


def drawn(params: dict[str, Any]) -> Shape:
    """The shape of a trial's draws, with the most rounds and a single folding."""
    return replace(SHAPE, **params, leaves=2 ** params["depth"], rounds=MOST_ROUNDS, repeats=1)


def _as_drawn(shape: Shape) -> dict[str, Any]:
    names = ("depth", "near_rounds", "learning_rate", "smallest_leaf", "l2", "feature_share")
    return {name: getattr(shape, name) for name in names}


def _loss(data: Histories, judged_on: Sequence[Fold], trial: optuna.Trial, options: Options, seed: int) -> float:
    """Mean over the folds of the log loss on later months, at the rounds at which that mean is least."""
    import optuna

    shape = drawn({
        "depth": trial.suggest_int("depth", 1, 4), "near_rounds": trial.suggest_int("near_rounds", 40, 200, step=20),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.2, log=True),
        "smallest_leaf": trial.suggest_int("smallest_leaf", 20, 200, step=20),
        "l2": trial.suggest_float("l2", 1.0, 100.0, log=True),
        "feature_share": trial.suggest_float("feature_share", 0.1, 0.5),
    })  # fmt: skip
    losses = []
    for number, fold in enumerate(judged_on):
        fitted = fit_at(data, fold.origin, shape, options, seed)
        losses.append(by_rounds(data, fold, fitted, shape))
        trial.report(float(np.min(np.mean(losses, axis=0))), number)
        if trial.should_prune():
            raise optuna.TrialPruned
    mean = np.mean(losses, axis=0)
    stop = stopped_at(mean)
    trial.set_user_attr("rounds", ROUNDS_STEP * stop)
    return float(mean[stop])


def by_rounds(data: Histories, fold: Fold, fitted: FittedBag, shape: Shape) -> Floats:
    """Log loss on a fold's months with 0, ROUNDS_STEP, … MOST_ROUNDS rounds on the default."""
    found = []
    for rounds in range(0, MOST_ROUNDS + 1, ROUNDS_STEP):
        bag = _cut(fitted.bag, shape.near_rounds + rounds)
        z = fitted.level + bag.margin_of_unseen(data.matrix[fold.rows], data.customer[fold.rows])
        found.append(metrics.log_loss(fold.y, expit(z)))
    return np.array(found)


def stopped_at(losses: Floats) -> int:
    """The place of the least loss before PATIENCE steps without a lower one: early stopping."""
    best = 0
    for place, loss in enumerate(losses):
        if loss < losses[best]:
            best = place
        elif place - best >= PATIENCE:
            break
    return best


def _cut(bag: Bag, rounds: int) -> Bag:
    """The bag with the first `rounds` trees of each member."""
    members = tuple(lgb.Booster(model_str=b.model_to_string(num_iteration=rounds)) for b in bag.members)
    return replace(bag, members=members)


def _table(study: optuna.Study) -> pd.DataFrame:
    lines = [
        {"number": t.number, "state": t.state.name.lower(), "loss": np.nan if t.value is None else t.value,
         "rounds": t.user_attrs.get("rounds"), **t.params}
        for t in study.trials
    ]  # fmt: skip
    return pd.DataFrame(lines)
