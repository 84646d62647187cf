"""Fitting the delay model on what a ledger knew on a day, and judging the same recipe on its last months."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.engine.histories import build_items
from features.engine.prepared import PreparedLedger, prepare
from ledger.errors import InputError
from ledger.ledger import Ledger
from models.delay.attribution import mean_margins
from models.delay.conformal import Levels, fit_levels
from models.delay.late_threshold import DAYS_LATE, WHY_DAYS_LATE
from models.delay.model import DelayModel, step_matrix
from models.delay.payment_steps import (
    INPUTS,
    STEP_COLUMNS,
    asked_day,
    days_moved,
    pooled_habit,
    steps_after,
    steps_seen,
)
from models.lineage import LearnedFrom
from models.metrics import calibration_table
from training.delay import late_threshold
from training.delay.dependence import dependence, widened_by_forecasts
from training.delay.evaluation import BASELINE_INPUTS, MATURE_DAYS, Scored, evaluate
from training.delay.evidence import evidence_rows, kept
from training.delay.late_calibration import fit_late_calibration, thickness_table
from training.delay.matrices import ItemMatrices
from training.delay.samples import MOST_ITEMS, Asked, booking_delay, outcomes, questions
from training.evaluation.plots import calibration_figure
from training.result import Fitted
from training.splits import customer_folds

PARAMETERS: dict[str, Any] = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 31, "max_depth": 6,
    "min_data_in_leaf": 600, "min_sum_hessian_in_leaf": 10.0, "lambda_l2": 10.0,
    "feature_fraction": 0.4, "bagging_fraction": 0.7, "bagging_freq": 1,
    "verbose": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True,
}  # fmt: skip
TREES = 150
MEMBERS = 2
LEVELS_HALF_LIFE = 180.0  # days: shorter ones are no better, and learn a break just as it ends (docs/decisions/012)
LEVELS_DAYS = 365  # whose questions give levels
FOLDS = 2  # groups of customers, each asked of a model that was fitted on the others
REFERENCE_ITEMS = 48  # whose average is the base of explanations
FEWEST_PAID = 200


# the inputs that carried the gain on the sample and on two splits of a real ledger; the rest of the catalogue added
# time and no accuracy there. Every run logs the gain of each (table `importance`).
COLUMNS = (
    "late_share_1m", "late_share_3m", "late_share_6m", "late_share_12m",
    "late_5_share_3m", "late_5_share_12m", "late_30_share_12m", "late_amount_share_24m",
    "early_share_3m", "early_share_12m", "early_share_24m", "on_day_share_12m",
    "days_past_due_mean_3m", "days_past_due_mean_12m", "days_past_due_weighted_3m", "days_past_due_weighted_6m",
    "days_late_median_3m", "days_late_median_12m", "days_late_median_24m",
    "days_late_spread_6m", "days_late_spread_12m", "days_late_spread_24m", "dbt_paid_6m", "dbt_paid_24m",
    "days_late_settled_mean_1m", "days_late_settled_mean_3m", "days_late_settled_mean_12m",
    "days_late_last_settled", "days_since_late_5",
    "month_end_payment_share_12m", "payment_days_of_month_12m", "payment_days_3m",
    "payment_median_12m", "open_items", "overdue_items", "overdue_share", "days_past_due_oldest",
    "open_largest_share", "credit_limit", "invoices_1m", "invoices_12m", "invoices_due_12m", "invoices_ever",
    "invoices_per_month", "days_since_first_invoice", "amount_max_12m", "terms_days_mean_3m", "terms_days_mean_12m",
    "habit_weight", "item_amount", "item_open_amount", "item_amount_to_median", "item_amount_to_max",
    "item_amount_to_sales_3m", "item_terms_days", "item_terms_to_habit", "item_due_weekday",
    "item_due_day_of_month", "item_due_days_to_working_day", "item_days_open", "item_paid_share",
    "item_is_disputed", "item_open_beside", "days_since_last_invoice",
    "similar_invoices", "similar_late_share", "similar_late_5_share", "similar_on_day_share", "similar_days_late_mean",
    "similar_terms_late_5_share", "similar_terms_days_late_mean", "similar_terms_last_days_late", "similar_amount_invoices",
    "similar_amount_late_share", "similar_amount_late_5_share", "similar_amount_days_late_mean", "similar_weekday_late_5_share",
    "similar_month_day_late_5_share", "similar_month_day_days_late_mean", "recent_late_5_share", "recent_days_late_mean",
    "last_3_days_late_mean", "last_5_days_late_max", "days_since_due_before",
    "days_since_last_due", "invoices_7d", "open_due_near", "days_after_last_due", "same_terms_late_5_share",
    "amount_to_late_5", "similar_terms_invoices", "similar_weekday_invoices", "days_since_payment",
)  # fmt: skip
ROW_COLUMNS = tuple(dict.fromkeys((*COLUMNS, *INPUTS, *BASELINE_INPUTS)))  # of every question's row, in a fit


def train(
    prepared: PreparedLedger, asked: Asked, *, seed: int, columns: tuple[str, ...] = COLUMNS, facts: dict[str, Any] | None = None,
    parameters: dict[str, Any] | None = None, trees: int = TREES, members: int = MEMBERS, explain: bool = True,
    matrix: pd.DataFrame | None = None,
) -> DelayModel:  # fmt: skip
    """Return a model with unit levels, fitted on the steps that were seen of these questions.

    matrix : the questions' rows of `build_items`, with at least `columns` and the inputs of steps; None: computed here.
    """
    if int(asked.is_paid.sum()) < FEWEST_PAID:
        raise InputError(
            f"the delay model needs at least {FEWEST_PAID} paid invoices known on as_of; "
            f"there are {int(asked.is_paid.sum())}."
        )
    fell_due = int((asked.items["due_on"] <= asked.seen_until).sum())
    if fell_due < FEWEST_PAID:
        raise InputError(
            f"the delay model needs at least {FEWEST_PAID} invoices that fell due by {asked.seen_until.date()}; there are "
            f"{fell_due:,}: those paid before their due date alone would make all others look late. Train on a later day."
        )
    X = build_items(prepared, asked.items, list(dict.fromkeys((*columns, *INPUTS)))) if matrix is None else matrix
    pooled = pooled_habit(X)
    steps, paid = steps_seen(asked_day(X), asked.ended + days_moved(X), asked.is_paid)
    names = [*columns, *STEP_COLUMNS]
    chosen_parameters = {**PARAMETERS, **(parameters or {})}
    rows = lgb.Dataset(
        step_matrix(X, steps, columns, pooled), paid, feature_name=names, params=chosen_parameters
    ).construct()

    def member(number: int) -> lgb.Booster:
        return lgb.train({**chosen_parameters, "seed": seed * 100 + number}, rows, trees)

    # one thread a booster: the same trees on any machine, and the bag uses as many cores as it has members
    with ThreadPoolExecutor(max_workers=members) as pool:
        boosters = list(pool.map(member, range(members)))
    chosen = np.random.default_rng(seed).permutation(len(X))[:REFERENCE_ITEMS]
    reference = X.iloc[chosen] if explain else X.iloc[chosen[:2]]
    of_reference = steps_after(asked_day(reference))
    margins = mean_margins(
        tuple(boosters), step_matrix(reference, of_reference, columns, pooled), of_reference, columns
    )
    return DelayModel(
        columns=columns,
        members=tuple(boosters),
        pooled_habit=pooled,
        levels=Levels(),
        margins=margins,
        late_question=late_threshold.fit_late_question(
            X, asked, columns, seed=seed, members=members, reference_items=REFERENCE_ITEMS if explain else 2
        ),
        facts=facts or {},
    )


@dataclass(frozen=True, kw_only=True)
class Asker:
    """A model with unit levels, and the days on which nothing asked of it was known when it was fitted: after `after`,
    up to `until`."""

    model: DelayModel
    after: pd.Timestamp
    until: pd.Timestamp


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """models : one for each of FOLDS groups of customers, fitted without it. scored : what each answered about its group."""

    models: tuple[DelayModel, ...]
    scored: Scored


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What was fitted for one day.

    model : fitted on all that was known, with levels. left_out : what gave the levels; None where too few invoices were
    paid. earlier : fitted on what was known some months before, and asked about what came since: its answers, `scored`,
    are out of sample in time; None where the ledger is too short. asked : every question known on the day, on the day
    before its issue.
    """

    model: DelayModel
    asked: Asked
    left_out: LeftOut | None
    earlier: Asker | None
    scored: Scored | None


class NoEvidence(InputError):
    """The ledger is too short to evaluate a delay model on items that it did not know."""


def fit(ledger: Ledger, *, as_of: date, seed: int = 1, without_evidence: bool = False) -> Fitted:
    """Fit on what the ledger knew on `as_of`, and judge the same recipe on the last months before it.

    A first model is fitted on what was known some months before as_of and asked about the invoices issued since. Its
    figures, on invoices that fell due long enough ago, are the metrics. The model handed over is fitted on all, with levels
    from customers left out.

    without_evidence : return the model also where nothing could be evaluated out of time; its parameters then say so.

    Raises InputError where too few invoices were paid or fell due by then, NoEvidence where nothing can be evaluated.
    """
    prepared = prepare(ledger)
    recipe = fit_recipe(ledger, prepared, pd.Timestamp(as_of), seed)
    model, figures, tables = recipe.model, {}, {"importance": importance(recipe.model)}
    now = recipe.asked
    plots: dict[str, Any] = {}
    evidence: dict[str, pd.DataFrame] = {}
    if recipe.scored is not None and recipe.earlier is not None:
        mature = recipe.scored.only(recipe.scored.observed_after_due >= MATURE_DAYS)
        figures, tables = evaluate(mature), tables | {"lateness_by_decile": deciles(mature)}
        plots = {f"calibration_late_{k}": plot for k, plot in lateness_plots(tables["lateness_by_decile"])}
        items = _in_days_of(now, recipe.earlier).items[recipe.scored.observed_after_due >= MATURE_DAYS]
        chosen = kept(len(items))
        part = mature.only(chosen)
        evidence = {
            "rows": evidence_rows(part, items[chosen]),
            "matrix": part.X[list(model.needed)].reset_index(drop=True),
        }
    if not figures and not without_evidence:
        raise NoEvidence(
            f"no invoice asked about after {model.facts['held_out_from']} has a known outcome on {as_of}: the delay model "
            "cannot be evaluated out of time. Use a longer ledger, or --without-evidence to register it all the same, with "
            "the tag without_evidence."
        )
    if recipe.left_out is not None:
        calibrated = recalibrated(recipe.left_out.scored, model)
        tables |= {"calibration_by_paid_items": pd.concat(
            [thickness_table(calibrated, "customers left out, recalibrated"),
             *([thickness_table(recipe.scored, "later items, as fitted")] if recipe.scored is not None else [])],
            ignore_index=True,
        )}  # fmt: skip
    parameters = {
        **({} if figures else {"without_evidence": True}),
        **PARAMETERS,
        **{f"late_question_{name}": value for name, value in late_threshold.PARAMETERS.items()},
        "trees": TREES,
        "late_question_days": DAYS_LATE,
        "late_question_reason": WHY_DAYS_LATE,
        "late_question_trees": late_threshold.TREES if model.late_question is not None else 0,
        "members": MEMBERS,
        "most_items": MOST_ITEMS,
        "columns": len(model.columns),
        **model.facts,
    }
    example = build_items(prepared, now.items.iloc[-5:], list(model.needed))
    return Fitted(
        model=model,
        parameters=parameters,
        metrics=figures,
        example=example,
        tables=tables,
        figures=plots,
        evidence=evidence,
    )


def fit_recipe(
    ledger: Ledger, prepared: PreparedLedger, at: pd.Timestamp, seed: int, *, explain: bool = True
) -> Recipe:
    """The model of a day with its levels, and the earlier model by which the recipe is judged."""
    now = outcomes(ledger, at, settlement=prepared.settlement)
    if not len(now.items):
        raise InputError(f"no invoice is known on {at.date()}: nothing to learn delays from.")
    held_from = at - pd.Timedelta(days=held_out_days(now))
    past = outcomes(ledger, held_from, settlement=prepared.settlement)
    asked, matrices = questions(now, seed), ItemMatrices(prepared, ROW_COLUMNS)
    matrix = matrices.of(asked.items)
    earlier = None
    if int(past.is_paid.sum()) >= FEWEST_PAID:
        asked_then = questions(past, seed)
        first = train(
            prepared,
            asked_then,
            seed=seed,
            members=1,
            explain=False,
            matrix=matrices.of(asked_then.items, is_kept=False),
        )
        earlier = Asker(model=first, after=held_from, until=at)
    facts = {
        "as_of": at.date().isoformat(), "seed": seed, "items": len(now.items), "paid": int(now.is_paid.sum()),
        "held_out_from": held_from.date().isoformat(), "booking_delay_days": booking_delay(ledger, at),
    }  # fmt: skip
    scored = answers(prepared, now, earlier, matrices) if earlier is not None else None
    unseen = left_out(prepared, asked, at, seed, matrix)
    if scored is not None and unseen is not None:
        shared = dependence(scored, seed)
        shared = widened_by_forecasts(shared, ledger, prepared, unseen.models, at, now.seen_until, seed)
        facts |= {"dependence_common": shared.common, "dependence_customer": shared.customer}
    model = train(prepared, asked, seed=seed, facts=facts, explain=explain, matrix=matrix)
    levels = levels_of(unseen.scored) if unseen is not None else Levels()
    learned_from = LearnedFrom.of(ledger, at)
    known = [part for part in (unseen.scored if unseen is not None else None, scored) if part is not None]
    calibration = fit_late_calibration(known, levels, LEVELS_HALF_LIFE) if known else None
    return Recipe(
        model=replace(model, levels=levels, late_calibration=calibration, learned_from=learned_from),
        asked=now,
        left_out=unseen,
        earlier=earlier,
        scored=scored,
    )


def left_out(
    prepared: PreparedLedger, asked: Asked, at: pd.Timestamp, seed: int, matrix: pd.DataFrame | None = None
) -> LeftOut | None:
    """Return what models fitted without a customer answer about its invoices of the last LEVELS_DAYS, asked before issue.

    matrix : the questions' rows with ROW_COLUMNS; None: computed here.

    They have learned from the same months as the model handed over, so that what those months changed is not counted
    again: an earlier model's miss would be. None where a group of customers has too few paid invoices to learn from.
    """
    fold = customer_folds(asked.items["customer_id"], FOLDS)
    day = asked.items["as_of"]
    recent = ((day < asked.items["issued_on"]) & (day > at - pd.Timedelta(days=LEVELS_DAYS))).to_numpy()
    if min(int(asked.is_paid[fold != group].sum()) for group in range(FOLDS)) < FEWEST_PAID:
        return None
    if matrix is None:
        matrix = build_items(prepared, asked.items, list(ROW_COLUMNS)).reset_index(drop=True)
    models = [
        train(prepared, asked.only(fold != g), seed=seed, members=1, explain=False, matrix=matrix[fold != g])
        for g in range(FOLDS)
    ]
    groups = [(fold == g) & recent for g in range(FOLDS)]
    parts = [
        Scored.of(asked.only(own), matrix[own], model) for own, model in zip(groups, models, strict=True) if own.any()
    ]
    return LeftOut(models=tuple(models), scored=Scored.together(parts)) if parts else None


def recalibrated(scored: Scored, model: DelayModel) -> Scored:
    """Return answers of models with unit levels as they are with a model's levels and calibration."""
    curves = model.levels.applied(scored.curves)
    if model.late_calibration is not None:
        curves = model.late_calibration.applied(curves, scored.X)
    return replace(scored, curves=curves)


def held_out_days(now: Asked) -> int:
    """Days held out: three quarters of the invoices issued in them can fall due and be 90 days past due."""
    terms = (now.items["due_on"] - now.items["issued_on"]).dt.days
    return int(np.clip(terms.quantile(0.75) + 90, 120, 240))


def answers(prepared: PreparedLedger, asked: Asked, asker: Asker, matrices: ItemMatrices | None = None) -> Scored:
    """Return what a model answers about the items asked in its days, together with what came.

    matrices : with ROW_COLUMNS, to reuse the rows that it keeps; None: all rows are computed here.
    """
    own = _in_days_of(asked, asker)
    if matrices is None:
        needed = list(dict.fromkeys((*asker.model.needed, *BASELINE_INPUTS)))
        return Scored.of(own, build_items(prepared, own.items, needed), asker.model)
    return Scored.of(own, matrices.of(own.items, is_kept=False), asker.model)


def _in_days_of(asked: Asked, asker: Asker) -> Asked:
    """The questions asked on the days of which a model knew nothing."""
    days = asked.items["as_of"]
    return asked.only(((days >= asker.after) & (days <= asker.until)).to_numpy())


def levels_of(scored: Scored | None, half_life: float = LEVELS_HALF_LIFE) -> Levels:
    """The levels that the last outcomes give: each outcome's place in what a model that did not know it had answered.
    Its weight halves every `half_life` days. Unit levels where there is no such answer.
    """
    if scored is None or not len(scored.ended):
        return Levels()
    high = scored.curves.place(scored.ended)
    low = np.where(scored.is_paid, scored.curves.place(scored.ended, before=True), high)
    return fit_levels(low, high, scored.is_paid, 0.5 ** (np.maximum(scored.age, 0) / half_life))


def deciles(scored: Scored) -> pd.DataFrame:
    """Predicted and actual shares at least 5 and 30 days late, by tenths of the prediction."""
    parts = []
    for k in (5, 30):
        if len(scored.ended):
            table = calibration_table((scored.ended >= k).astype(np.float64), scored.curves.at_least(k), bins=10)
            parts.append(table.assign(late_days=k))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def lateness_plots(by_decile: pd.DataFrame) -> list[tuple[int, Any]]:
    """(days, picture) of predicted against actual shares so many days late."""
    return [
        (int(str(days)), calibration_figure(part, predicted=f"P(≥ {days} days late)", observed="share that was"))
        for days, part in by_decile.groupby("late_days")
    ]


def importance(model: DelayModel) -> pd.DataFrame:
    """Gain of each input in the boosters of the steps, mean over the bag, largest first; beside it the gain in those of the
    late question, where there is one (NaN for what only a step has)."""
    gain = np.mean([b.feature_importance("gain") for b in model.members], axis=0)
    found = pd.DataFrame({"input": [*model.columns, *STEP_COLUMNS], "gain": gain})
    if (question := model.late_question) is not None:
        own = np.mean([b.feature_importance("gain") for b in question.members], axis=0)
        found["late_question_gain"] = found["input"].map(dict(zip(question.columns, own, strict=True)))
    return found.sort_values("gain", ascending=False, ignore_index=True)
