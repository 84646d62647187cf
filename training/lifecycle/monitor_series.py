"""Monthly series of a ledger and of a champion's scores, kept customer by customer so that customers can be resampled.

Every value of a month uses only rows booked by the end of that month, so the series of past months are what was seen then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.histories import build
from features.engine.prepared import PreparedLedger
from features.engine.snapshots import active
from ledger.known import known_on
from ledger.ledger import Ledger
from ledger.rating_scales import risk_of_ratings
from training.delay.samples import items_known
from training.labels import delay_labels

Floats = NDArray[np.float64]

FEED, DATA, BEHAVIOUR, SCORES = "feed", "data", "behaviour", "scores"
FAMILIES = (FEED, DATA, BEHAVIOUR, SCORES)  # causes come before what follows from them
LATE_30_LAG, LATE_5_LAG = 45, 20  # days after the month of the due date by which payments are booked
INDUSTRY_ITEMS = 20  # items a month on average below which an industry has no series of its own


@dataclass(frozen=True, kw_only=True)
class Series:
    """A monthly series: scale(Σ numerator / Σ denominator) over customers.

    numerator, denominator : (customers, months), the newest month last. scale : "log" or "share" (as it is).
    least_effect : the smallest change, on that scale, that may be called an alarm. cause : what an alarm of it most likely
    means, in words.
    """

    name: str
    title: str
    family: str
    numerator: Floats
    denominator: Floats
    scale: str
    least_effect: float
    cause: str

    def values(self, weights: Floats | None = None) -> Floats:
        """Return the series under customer weights: (months,) without, (draws, months) with weights (draws, customers)."""
        w = np.ones((1, len(self.numerator))) if weights is None else weights
        top, bottom = w @ self.numerator, w @ self.denominator
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (top + 0.5) / (bottom + 0.5) if self.scale == "log" else top / bottom
            found = np.log(ratio) if self.scale == "log" else ratio
        found = np.where(bottom > 0, found, np.nan)
        return np.asarray(found[0] if weights is None else found)


@dataclass(frozen=True, kw_only=True)
class Months:
    """The last days of the months of a series, the newest last, and the customers of its rows."""

    ends: pd.DatetimeIndex
    customers: pd.Index

    @classmethod
    def until(cls, as_of: pd.Timestamp, count: int, ledger: Ledger) -> Months:
        """Return `count` months that end on the day of as_of."""
        ends = pd.DatetimeIndex([as_of - pd.DateOffset(months=k) for k in range(count - 1, -1, -1)])
        if as_of == as_of + pd.offsets.MonthEnd(0):
            ends = ends + pd.offsets.MonthEnd(0)
        return cls(ends=ends, customers=pd.Index(ledger.customers["customer_id"].astype(str).unique()))

    def of(self, days: pd.Series, lag: int = 0) -> NDArray[np.int64]:
        """Return the month (0 …) in which day + lag lies, −1 for one before the first or after the last."""
        ends = self.ends.to_numpy().astype("datetime64[D]")
        first = (self.ends[0] - pd.DateOffset(months=1)).to_datetime64().astype("datetime64[D]")
        moved = days.to_numpy().astype("datetime64[D]") + np.timedelta64(lag, "D")
        place = np.searchsorted(ends, moved, side="left")
        known = ~np.isnat(moved) & (moved > first) & (place < len(ends))
        return np.where(known, place, -1).astype(np.int64)

    def table(self, customer: pd.Series, month: NDArray[np.int64], value: NDArray[Any] | None = None) -> Floats:
        """Return (customers, months) sums of `value` (rows count 1 without)."""
        who = self.customers.get_indexer(pd.Index(customer.astype(str)))
        used = (month >= 0) & (who >= 0)
        amounts = np.ones(int(used.sum())) if value is None else np.asarray(value, dtype=np.float64)[used]
        place = who[used] * len(self.ends) + month[used]
        total = np.bincount(place, weights=amounts, minlength=len(self.customers) * len(self.ends))
        return total.reshape(len(self.customers), len(self.ends)).astype(np.float64)


def ledger_series(ledger: Ledger, months: Months) -> list[Series]:
    """Return the series that need no model: feed volumes, invoice data, ratings, lateness, each by its own rhythm."""
    invoices = ledger.invoices[ledger.invoices["kind"] == "invoice"].reset_index(drop=True)
    return [*_feed(ledger, invoices, months), *_invoice_data(invoices, months), *_ratings(ledger, months),
            *_lateness(ledger, invoices, months)]  # fmt: skip


def _feed(ledger: Ledger, invoices: pd.DataFrame, months: Months) -> list[Series]:
    booked = months.table(invoices["customer_id"], months.of(invoices["booked_on"]))
    due = months.table(invoices["customer_id"], months.of(invoices["due_on"]))
    payments, events = ledger.payments, ledger["events"]
    paid = months.table(payments["customer_id"], months.of(payments["booked_on"]))
    reminders = events[events["kind"] == "dunning"]
    reminded = months.table(reminders["customer_id"], months.of(reminders["booked_on"]))
    one = np.ones_like(booked)
    return [
        Series(name="invoices_booked", title="invoices booked", family=FEED, numerator=booked, denominator=one, scale="log",
               least_effect=0.40, cause="invoices come twice or are missing in the import, or sales changed"),
        Series(name="payments_per_due", title="payments booked per item due", family=FEED, numerator=paid, denominator=due,
               scale="log", least_effect=0.40, cause="the payment feed is cut or doubled"),
        Series(name="reminders_per_due", title="reminders booked per item due", family=FEED, numerator=reminded,
               denominator=due, scale="log", least_effect=1.00, cause="reminders are no longer sent, or no longer imported"),
    ]  # fmt: skip


def _invoice_data(invoices: pd.DataFrame, months: Months) -> list[Series]:
    who, month = invoices["customer_id"], months.of(invoices["booked_on"])
    count = months.table(who, month)
    terms = (invoices["due_on"] - invoices["issued_on"]).dt.days.to_numpy(np.float64)
    log_amount = np.log(np.maximum(invoices["amount"].to_numpy(np.float64), 0.01))
    ordered = invoices.sort_values("issued_on", kind="stable")
    first = ordered.groupby("customer_id")["currency"].transform("first").reindex(invoices.index)
    usual = invoices["currency"] != first
    twin = invoices.duplicated(["customer_id", "issued_on", "amount"], keep="first")
    return [
        Series(name="terms_days", title="payment terms, days", family=DATA, numerator=months.table(who, month, terms),
               denominator=count, scale="log", least_effect=0.15, cause="payment terms were changed"),
        Series(name="log_amount", title="logarithm of the invoice amount", family=DATA,
               numerator=months.table(who, month, log_amount), denominator=count, scale="share", least_effect=0.50,
               cause="amounts changed by a factor: decimal point, unit or currency of the import"),
        Series(name="other_currency", title="share of invoices in another currency than the customer's first", family=DATA,
               numerator=months.table(who, month, usual.to_numpy(np.float64)), denominator=count, scale="share",
               least_effect=0.05, cause="the currency column of the import changed"),
        Series(name="twins", title="share of invoices that repeat customer, day and amount", family=DATA,
               numerator=months.table(who, month, twin.to_numpy(np.float64)), denominator=count, scale="share",
               least_effect=0.05, cause="the import was loaded twice"),
    ]  # fmt: skip


def _ratings(ledger: Ledger, months: Months) -> list[Series]:
    ratings = ledger["ratings"]
    if ratings.empty:
        return []
    risk = risk_of_ratings(ratings["value"], ratings["scale"])
    known = ratings.assign(risk=risk / 1000.0)[risk >= 0].sort_values("rated_on", kind="stable").reset_index(drop=True)
    if known.empty:
        return []
    before = known.groupby(["customer_id", "source"])["risk"].shift()
    moved = (known["risk"] - before).abs()
    month = months.of(known["published_on"])
    has = np.where(before.notna().to_numpy(), month, -1)
    return [
        Series(name="rating_moves", title="mean move of a rating against the one before, of the scale", family=DATA,
               numerator=months.table(known["customer_id"], has, moved.fillna(0.0).to_numpy()),
               denominator=months.table(known["customer_id"], has), scale="share", least_effect=0.10,
               cause="a rating scale was turned round or replaced"),
        Series(name="ratings_booked", title="ratings published", family=FEED,
               numerator=months.table(known["customer_id"], month), denominator=np.ones((len(months.customers), len(months.ends))),
               scale="log", least_effect=0.70, cause="the rating feed is cut or doubled"),
    ]  # fmt: skip


def _lateness(ledger: Ledger, invoices: pd.DataFrame, months: Months) -> list[Series]:
    if len(ledger["instalments"]):
        parts = items_known(known_on(ledger, months.ends[-1]))
        parts = parts[parts["number"] > 0]
        whole = invoices[~invoices["invoice_id"].isin(parts["invoice_id"])].assign(number=0)
        invoices = pd.concat([whole, parts], ignore_index=True)
    labels = delay_labels(ledger, invoices, until=months.ends[-1])
    late = np.where(labels["settled_on"].isna(), np.inf, (labels["settled_on"] - invoices["due_on"]).dt.days)
    closed_otherwise = ~labels["closed_kind"].isin(["open", "paid"]).to_numpy()
    industry = (
        ledger.customers.drop_duplicates("customer_id")
        .set_index("customer_id")["industry"]
        .reindex(invoices["customer_id"])
    )
    found = []
    for days, lag, least in ((5, LATE_5_LAG, 0.08), (30, LATE_30_LAG, 0.04)):
        month = np.where(closed_otherwise, -1, months.of(invoices["due_on"], lag))
        is_late = (late > days).astype(np.float64)
        found.append(Series(
            name=f"late_{days}", title=f"share of items more than {days} days late", family=BEHAVIOUR,
            numerator=months.table(invoices["customer_id"], month, is_late),
            denominator=months.table(invoices["customer_id"], month), scale="share", least_effect=least,
            cause="customers pay later",
        ))  # fmt: skip
        for name in sorted(industry.dropna().unique()) if days == 5 else ():
            own = np.where((industry == name).to_numpy(), month, -1)
            count = months.table(invoices["customer_id"], own)
            if count.sum(axis=0).mean() >= INDUSTRY_ITEMS:
                found.append(Series(
                    name=f"late_5 {name}", title=f"share of items more than 5 days late, industry {name}", family=BEHAVIOUR,
                    numerator=months.table(invoices["customer_id"], own, is_late), denominator=count, scale="share",
                    least_effect=0.12, cause=f"customers of the industry {name} pay later",
                ))  # fmt: skip
    return found


Progress = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A champion's scores at the end of each month. rows : customer_id, as_of, month, pd, margin, exposure; matrix : the
    champion's inputs of the same rows."""

    rows: pd.DataFrame
    matrix: pd.DataFrame


def champion_scores(model: Any, prepared: PreparedLedger, months: Months) -> Scores:
    """Return what the champion would have answered at the end of each month, from what was known then."""
    snapshots = active(prepared, list(months.ends))
    names = list(dict.fromkeys((*model.needed, "open_amount")))
    matrix = build(prepared, snapshots, names).reset_index(drop=True)
    predicted = model.predict(matrix[list(model.needed)])
    place = {end: k for k, end in enumerate(months.ends)}
    rows = snapshots.reset_index(drop=True).assign(
        month=pd.to_datetime(snapshots["as_of"]).map(place).to_numpy(), pd=predicted[f"pd_{model.horizon_months}m"].to_numpy(),
        margin=predicted["margin"].to_numpy(), exposure=np.nan_to_num(matrix["open_amount"].to_numpy()),
        grade=predicted["grade"].to_numpy(),
    )  # fmt: skip
    return Scores(rows=rows, matrix=matrix[list(model.needed)])


def score_series(scores: Scores, months: Months) -> list[Series]:
    """Return the series of the champion's scores: mean log-odds, share of weak grades, expected loss per exposure."""
    rows = scores.rows
    who, month = rows["customer_id"], rows["month"].to_numpy()
    count = months.table(who, month)
    weak = (rows["pd"] >= 0.064).to_numpy(np.float64)  # R08 and worse
    exposure = np.maximum(rows["exposure"].to_numpy(), 0.0)
    return [
        Series(name="margin", title="mean score, log-odds", family=SCORES,
               numerator=months.table(who, month, rows["margin"].to_numpy()), denominator=count, scale="share",
               least_effect=0.25, cause="the customers' scores moved"),
        Series(name="weak_grades", title="share of customers in grades R08 and worse", family=SCORES,
               numerator=months.table(who, month, weak), denominator=count, scale="share", least_effect=0.05,
               cause="more or fewer customers are in the weak grades"),
        Series(name="expected_loss", title="expected loss per exposure (before LGD)", family=SCORES,
               numerator=months.table(who, month, rows["pd"].to_numpy() * exposure),
               denominator=months.table(who, month, exposure), scale="log", least_effect=0.50,
               cause="expected loss moved"),
    ]  # fmt: skip
