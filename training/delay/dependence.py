"""How far payments come together: what pairs of items show, widened by how far past forecasts lay from what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.inflow import Dependence, PastForecast, fitted_dependence, normal_scores, paid_by, widened
from features.engine.histories import build_items
from features.engine.prepared import PreparedLedger
from ledger.currency import reporting_cents
from ledger.known import known_on
from ledger.ledger import Ledger
from ledger.open_items import open_items_on
from models.delay.model import DelayModel
from models.delay.payment_curve import levels_between
from training.delay.evaluation import MATURE_DAYS, Scored
from training.splits import customer_folds

WEEKS = 8  # of each past forecast
DAYS_BETWEEN = 14  # past forecasts
LAST_DAYS = 240  # before the fit, of past forecasts
DAYS_OF_HISTORY = 60  # that the ledger holds before the first of them
FEWEST_WEEKS = 16  # of all past forecasts together; below it the band is not widened
MOST_OPEN = 10_000  # open items of one past forecast; above it the items of some customers, drawn by lot


def dependence(scored: Scored, seed: int) -> Dependence:
    """How far items of one week and of one customer come early or late together, by their places in their curves.

    A place is drawn evenly within a day's mass; of an item not paid yet, above the last day observed. Pairs weigh by
    their amounts, since it is sums of amounts whose spread is asked for.
    """
    rng = np.random.default_rng(seed)
    mature = scored.only(scored.observed_after_due >= MATURE_DAYS)
    low = mature.curves.place(mature.ended, before=True)
    high = mature.curves.place(mature.ended)
    place = np.where(mature.is_paid, levels_between(low, high, rng), levels_between(high, np.ones(len(high)), rng))
    amount = mature.X["item_amount"].to_numpy(np.float64)
    return fitted_dependence(normal_scores(place), mature.customers, -mature.observed_after_due // 7, amount)


def widened_by_forecasts(
    found: Dependence, ledger: Ledger, prepared: PreparedLedger, models: Sequence[DelayModel], at: pd.Timestamp,
    seen_until: pd.Timestamp, seed: int,
) -> Dependence:  # fmt: skip
    """`found`, widened by forecasts of the open book on past days against what came of it as known on `at`, up to `seen_until`.

    models : one for each group of customers (`customer_folds`), fitted without it on all that was known on `at`. They have as
    much to learn from as the model handed over, or nearly; what one week had in common they cannot know.
    """
    known, past = known_on(ledger, at), []
    rng = np.random.default_rng(seed)
    begin = ledger.invoices["issued_on"].min() + pd.Timedelta(days=DAYS_OF_HISTORY)
    first = max(at - pd.Timedelta(days=LAST_DAYS), begin)
    for day in pd.date_range(first, seen_until - pd.Timedelta(days=7), freq=f"{DAYS_BETWEEN}D"):
        ends = np.arange(1, min(WEEKS, (seen_until - day).days // 7) + 1, dtype=np.int64) * 7
        items = _drawn(open_items_on(prepared.ledger, prepared.settlement, day), rng)
        if items.empty:
            continue
        past.append(
            PastForecast(
                amount=items["open_amount"].to_numpy(np.float64),
                paid=_paid_by(prepared, items, models, ends),
                customers=items["customer_id"].to_numpy(dtype=object),
                actual=actual_inflow(known, items, day, ends),
            )
        )
    return widened(found, past, seed=seed) if sum(len(p.actual) for p in past) >= FEWEST_WEEKS else found


def _paid_by(
    prepared: PreparedLedger, items: pd.DataFrame, models: Sequence[DelayModel], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(items, periods): P(paid by so many days after the question), each item by the model that has not seen its customer."""
    X, fold = build_items(prepared, items, list(models[0].needed)), customer_folds(items["customer_id"], len(models))
    found = np.empty((len(items), len(ends)))
    for group, model in enumerate(models):
        own = fold == group
        if own.any():
            found[own] = paid_by(model.curves(X[own]), ends)
    return found


def _drawn(items: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """All items, or those of customers drawn by lot until there are MOST_OPEN."""
    if len(items) <= MOST_OPEN:
        return items
    customers = rng.permutation(items["customer_id"].unique())
    count = items.groupby("customer_id").size().reindex(customers).cumsum().to_numpy()
    return items[items["customer_id"].isin(customers[: np.searchsorted(count, MOST_OPEN)])].reset_index(drop=True)


def actual_inflow(ledger: Ledger, items: pd.DataFrame, as_of: pd.Timestamp, ends: NDArray[Any]) -> NDArray[Any]:
    """What came in on these open items in each period, in the reporting currency: payments and nettings less reversals.

    A payment counts on its day; one made before as_of but booked after it counts on the day on which the books held it,
    since as_of could not know it. At most what was open counts of each item: an overpayment is no inflow of the book.
    """
    payments = ledger.payments[ledger.payments["superseded_on"].isna()]
    payments = payments[
        payments["invoice_id"].isin(items["invoice_id"]) & payments["kind"].isin(["payment", "netting", "reversal"])
    ]
    day = payments["paid_on"].where(payments["paid_on"] > as_of, payments["booked_on"])
    late = (day > as_of).to_numpy()
    payments, day = payments[late], day[late]
    cents = reporting_cents(payments["amount"], payments["currency"], payments["paid_on"], ledger) / 100.0
    cents = np.where(payments["kind"] == "reversal", -cents, cents)
    frame = pd.DataFrame(
        {"invoice_id": payments["invoice_id"].to_numpy(), "day": (day - as_of).dt.days.to_numpy(), "amount": cents}
    )
    frame = frame.sort_values("day", kind="stable")
    frame["so_far"] = frame.groupby("invoice_id")["amount"].cumsum()
    left = frame["invoice_id"].map(items.groupby("invoice_id")["open_amount"].sum())  # of all its open instalments
    taken = np.minimum(frame["so_far"], left) - np.minimum(frame["so_far"] - frame["amount"], left)
    period = np.searchsorted(ends, frame["day"].to_numpy(), side="left")
    return np.bincount(period, weights=taken, minlength=len(ends) + 1)[: len(ends)]
