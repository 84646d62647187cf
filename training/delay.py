"""Fitting the delay model: which items are asked about on which days, what came of them, and how good the answers are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.book import Book, prepare
from features.errors import InputError
from features.history import build_items
from features.known import known_on
from features.ledger import Ledger
from models.conformal import Levels, fit_levels
from models.delay import DelayModel, step_matrix
from models.delay_explanation import mean_margins
from models.metrics import calibration_table
from models.payment_curve import Curves
from models.payment_steps import INPUTS, STEP_COLUMNS, asked_day, pooled_habit, steps_after, steps_seen
from training.delay_evaluation import MATURE_DAYS, Scored, evaluate
from training.labels import delay_labels
from training.result import Fitted

Floats = NDArray[np.float64]

PARAMETERS: dict[str, Any] = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 31, "max_depth": 6, "min_data_in_leaf": 600, "min_sum_hessian_in_leaf": 10.0,
    "lambda_l2": 10.0, "feature_fraction": 0.4, "bagging_fraction": 0.7, "bagging_freq": 1, "verbose": -1, "num_threads": 1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
TREES = 150
MEMBERS = 2
MOST_ITEMS = 30_000  # items asked about on their issue date; above it a part drawn by lot
LATER_SHARE = 0.3  # of these, asked about a second time on a later day
LEVELS_HALF_LIFE = 45.0  # days
REFERENCE_ITEMS = 48  # whose average is the base of explanations
FEWEST_PAID = 200
BASELINE_COLUMNS = ("late_5_share_12m", "days_late_mean_24m", "days_late_median_24m")


# the inputs that carried the gain on the sample and on two real ledgers (benchmarks/delay_inputs.py); more of the
# catalogue added time and no accuracy
COLUMNS = (
    "late_share_1m", "late_share_3m", "late_share_6m", "late_share_12m", "late_share_24m", "late_5_share_1m", "late_5_share_3m",
    "late_5_share_12m", "late_30_share_12m", "late_amount_share_12m", "late_amount_share_24m", "early_share_3m", "early_share_12m",
    "early_share_24m", "on_day_share_12m", "days_past_due_mean_1m", "days_past_due_mean_3m", "days_past_due_mean_12m",
    "days_past_due_weighted_3m", "days_past_due_weighted_6m", "days_past_due_weighted_12m", "days_late_median_3m",
    "days_late_median_12m", "days_late_median_24m", "days_late_spread_6m", "days_late_spread_12m", "days_late_spread_24m",
    "dbt_paid_6m", "dbt_paid_24m", "days_late_settled_mean_1m", "days_late_settled_mean_3m", "days_late_settled_mean_12m",
    "days_late_last_settled", "days_late_last_due", "days_since_late_5", "late_streak", "month_end_payment_share_12m",
    "payment_weekdays_12m", "payment_days_of_month_12m", "payment_days_3m", "payment_median_12m", "open_items", "overdue_items",
    "overdue_share", "days_past_due_oldest", "open_largest_share", "credit_limit", "invoices_1m", "invoices_12m", "invoices_due_12m",
    "invoices_ever", "invoices_per_month", "days_since_first_invoice", "amount_max_12m", "terms_days_mean_3m", "terms_days_mean_12m",
    "habit_weight", "item_amount", "item_open_amount", "item_amount_to_median", "item_amount_to_max", "item_amount_to_sales_3m",
    "item_terms_days", "item_terms_to_habit", "item_due_weekday", "item_due_day_of_month", "item_due_days_to_working_day",
    "item_days_open", "item_paid_share", "item_is_disputed", "item_open_beside",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Questions with their outcomes. items : frame (invoice_id, customer_id, issued_on, due_on, amount, currency, as_of).
    ended : days late when paid or when last observed. is_paid : paid, as far as observed. seen_until : the last day whose
    payments are known.
    """

    items: pd.DataFrame
    ended: NDArray[np.int64]
    is_paid: NDArray[np.bool_]
    seen_until: pd.Timestamp

    def only(self, rows: NDArray[Any]) -> Asked:
        items = self.items.iloc[rows] if rows.dtype != bool else self.items[rows]
        return replace(self, items=items.reset_index(drop=True), ended=self.ended[rows], is_paid=self.is_paid[rows])


def booking_delay(ledger: Ledger, as_of: pd.Timestamp, share: float = 0.98) -> int:
    """Days within which `share` of the payments of the last year before as_of were booked; payments of so many days
    are not all known yet, so that an item cannot be called unpaid on them."""
    paid = ledger.payments
    recent = paid[(paid["paid_on"] > as_of - pd.Timedelta(days=365)) & (paid["booked_on"] <= as_of)]
    if recent.empty:
        return 0
    return int(np.ceil(np.quantile((recent["booked_on"] - recent["paid_on"]).dt.days, share)))


def outcomes(ledger: Ledger, until: pd.Timestamp) -> Asked:
    """Every invoice known on `until`, asked about on the day before its issue, with what was known of it on `until`.

    The last days, on which payments may still be unbooked, do not count as observed.
    """
    seen = pd.Timestamp(until) - pd.Timedelta(days=booking_delay(ledger, pd.Timestamp(until)))
    known = known_on(ledger, until)
    items = known.invoices[known.invoices["kind"] == "invoice"]
    items = items[["invoice_id", "customer_id", "issued_on", "due_on", "amount", "currency"]].reset_index(drop=True)
    labels = delay_labels(ledger, items, until=until)
    closed = np.minimum(labels["observed_until"].to_numpy(), np.datetime64(seen, "s")).astype("datetime64[D]")
    due = items["due_on"].to_numpy().astype("datetime64[D]")
    is_paid = ~labels["is_censored"].to_numpy() & (labels["settled_on"].to_numpy() <= np.datetime64(seen, "s"))
    items["as_of"] = items["issued_on"] - pd.Timedelta(days=1)
    asked = Asked(items=items, ended=(closed - due).astype(np.int64), is_paid=is_paid, seen_until=seen)
    begun = items["as_of"].to_numpy().astype("datetime64[D]") < closed
    return asked.only(begun)


def asked_later(asked: Asked, rng: np.random.Generator) -> Asked:
    """The same items asked on a day drawn from those on which they were seen open after their issue."""
    due = asked.items["due_on"].to_numpy().astype("datetime64[D]")
    issued = asked.items["issued_on"].to_numpy().astype("datetime64[D]")
    open_days = asked.ended - (issued - due).astype(np.int64)
    kept = open_days >= 1
    part = asked.only(kept)
    wait = np.floor(rng.random(len(part.items)) * open_days[kept]).astype(np.int64)
    part.items["as_of"] = (issued[kept] + wait).astype("datetime64[s]")
    return part


def together(first: Asked, second: Asked) -> Asked:
    return replace(first, items=pd.concat([first.items, second.items], ignore_index=True),
                   ended=np.concatenate([first.ended, second.ended]), is_paid=np.concatenate([first.is_paid, second.is_paid]))  # fmt: skip


def train(book: Book, asked: Asked, *, seed: int, columns: tuple[str, ...] = COLUMNS, facts: dict[str, Any] | None = None,
          parameters: dict[str, Any] | None = None, trees: int = TREES, members: int = MEMBERS, explain: bool = True) -> DelayModel:  # fmt: skip
    """A model with unit levels, fitted on the steps that were seen of these questions."""
    if int(asked.is_paid.sum()) < FEWEST_PAID:
        raise InputError(f"the delay model needs at least {FEWEST_PAID} paid invoices known on as_of; there are {int(asked.is_paid.sum())}.")
    X = build_items(book, asked.items, list(dict.fromkeys((*columns, *INPUTS))))
    pooled = pooled_habit(X)
    steps, paid = steps_seen(asked_day(X), asked.ended, asked.is_paid)
    matrix = step_matrix(X, steps, columns, pooled)
    names = [*columns, *STEP_COLUMNS]
    chosen_parameters = {**PARAMETERS, **(parameters or {})}
    rows = lgb.Dataset(matrix, paid, feature_name=names, params=chosen_parameters).construct()

    def member(number: int) -> lgb.Booster:
        return lgb.train({**chosen_parameters, "seed": seed * 100 + number}, rows, trees)

    # one thread a booster: the same trees on any machine, and the bag uses as many cores as it has members
    with ThreadPoolExecutor(max_workers=members) as pool:
        boosters = list(pool.map(member, range(members)))
    chosen = np.random.default_rng(seed).permutation(len(X))[:REFERENCE_ITEMS]
    reference = X.iloc[chosen] if explain else X.iloc[chosen[:2]]
    of_reference = steps_after(asked_day(reference))
    margins = mean_margins(tuple(boosters), step_matrix(reference, of_reference, columns, pooled), of_reference, columns)
    return DelayModel(columns=columns, members=tuple(boosters), pooled_habit=pooled, levels=Levels(), margins=margins, facts=facts or {})


def fit(ledger: Ledger, *, as_of: date, seed: int = 1) -> Fitted:
    """Fit on what the ledger knew on `as_of`, and judge the same recipe on the last days before it.

    A first model is fitted on what was known HELD_OUT days before as_of and asked about the invoices issued since; its
    figures are the metrics, its places of outcomes the levels of the model handed over, which is fitted on all.
    Raises InputError where too few invoices were paid by then.
    """
    at = pd.Timestamp(as_of)
    book = prepare(ledger)
    now = outcomes(ledger, at)
    if not len(now.items):
        raise InputError(f"no invoice is known on {at.date()}: nothing to learn delays from.")
    held_from = at - pd.Timedelta(days=held_out_days(now))
    judged = judge(ledger, book, now, held_from, seed)
    facts = {"as_of": at.date().isoformat(), "seed": seed, "items": len(now.items), "paid": int(now.is_paid.sum()),
             "held_out_from": held_from.date().isoformat(), "booking_delay_days": booking_delay(ledger, at)}  # fmt: skip
    model = train(book, questions(now, seed), seed=seed, facts=facts)
    model = replace(model, levels=judged.levels)
    parameters = {**PARAMETERS, "trees": TREES, "members": MEMBERS, "most_items": MOST_ITEMS, "columns": len(model.columns), **facts}
    example = build_items(book, now.items.iloc[-5:], list(model.needed))
    return Fitted(model=model, parameters=parameters, metrics=judged.figures, example=example, tables=judged.tables | {"importance": importance(model)})


def held_out_days(now: Asked) -> int:
    """Days held out: three quarters of the invoices issued in them can fall due and be 90 days past due."""
    terms = (now.items["due_on"] - now.items["issued_on"]).dt.days
    return int(np.clip(terms.quantile(0.75) + 90, 120, 240))


def questions(asked: Asked, seed: int) -> Asked:
    """What a model is trained on: issue-date questions, a part of the items drawn by lot where there are very many, and
    a second, later question about some of them."""
    rng = np.random.default_rng(seed)
    if len(asked.items) > MOST_ITEMS:
        asked = asked.only(np.sort(rng.permutation(len(asked.items))[:MOST_ITEMS]))
    later = asked_later(asked, rng)
    return together(asked, later.only(rng.random(len(later.items)) < LATER_SHARE))


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What held-out days say: figures, tables, and the levels that the last outcomes give."""

    figures: dict[str, float]
    tables: dict[str, pd.DataFrame]
    levels: Levels


def judge(ledger: Ledger, book: Book, now: Asked, held_from: pd.Timestamp, seed: int) -> Judged:
    """Fit on what was known on `held_from`, ask about what was issued after it, compare with what is known now."""
    past = outcomes(ledger, held_from)
    if int(past.is_paid.sum()) < FEWEST_PAID:
        return Judged(figures={}, tables={}, levels=Levels())
    first = train(book, questions(past, seed), seed=seed, members=1, explain=False)
    asked = now.only((now.items["as_of"] >= held_from).to_numpy())
    if not len(asked.items):
        return Judged(figures={}, tables={}, levels=Levels())
    X = build_items(book, asked.items, list(dict.fromkeys((*first.needed, *BASELINE_COLUMNS))))
    curves = first.curves(X)
    scored = Scored(X=X, curves=curves, ended=asked.ended, is_paid=asked.is_paid,
                    customers=asked.items["customer_id"].to_numpy(dtype=object), pooled_habit=first.pooled_habit)  # fmt: skip
    seen = pd.Timestamp(now.seen_until)
    mature = ((seen - asked.items["due_on"]).dt.days >= MATURE_DAYS).to_numpy()
    figures = evaluate(scored.only(mature))
    return Judged(figures=figures, tables={"lateness_by_decile": deciles(scored.only(mature))}, levels=recent_levels(asked, curves, seen))


def recent_levels(asked: Asked, curves: Curves, seen: pd.Timestamp) -> Levels:
    """The levels that outcomes asked about in the last months give; an outcome's weight halves every LEVELS_HALF_LIFE days."""
    age = (seen - asked.items["as_of"]).dt.days.to_numpy()
    weight = 0.5 ** (np.maximum(age, 0) / LEVELS_HALF_LIFE)
    low, high = curves.place(asked.ended, before=True), curves.place(asked.ended)
    return fit_levels(np.where(asked.is_paid, low, high), high, asked.is_paid, weight)


def deciles(scored: Scored) -> pd.DataFrame:
    """Predicted and actual shares at least 5 and 30 days late, by tenths of the prediction."""
    parts = []
    for k in (5, 30):
        if len(scored.ended):
            table = calibration_table((scored.ended >= k).astype(np.float64), scored.curves.at_least(k), bins=10)
            parts.append(table.assign(late_days=k))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def importance(model: DelayModel) -> pd.DataFrame:
    """Gain of each input of the boosters, mean over the bag, largest first."""
    gain = np.mean([b.feature_importance("gain") for b in model.members], axis=0)
    names = [*model.columns, *STEP_COLUMNS]
    return pd.DataFrame({"input": names, "gain": gain}).sort_values("gain", ascending=False, ignore_index=True)
