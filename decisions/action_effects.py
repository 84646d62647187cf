"""What collecting actions did, estimated from the ledger's own events: days gained and share still unpaid, with intervals.

An occasion is an open item on a day on which the action was taken for some item. Acted and not acted items are compared
within strata: the customer's share of occasions acted on (a propensity), its habit, amount, segment, earlier actions. Items
that get the same action later leave the comparison on that day (a Kaplan-Meier curve within each stratum), so the effect
is that of acting now against not acting, other actions going on as usual. Intervals are by bootstrap over customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.collections_policy import CollectionsPolicy, EffectSettings
from ledger.known import NEVER, day, days, known_rows
from ledger.ledger import TABLES, Ledger
from ledger.settlement import Settlement

Floats = NDArray[np.float64]
ACTION_EVENTS = ("dunning",)  # event kinds that are actions; `detail` says which
ALL = "all"
PARTS = {"acted_share": 6, "habit": 5, "amount": 2}  # how many strata each column makes
LEAST_ACTED = 0.05  # of the occasions at some days past due: below, the action is not taken there
PRIOR_ITEMS = 3.0  # paid items that the mean of all customers counts for in a customer's habit


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The effect of one kind of action in one cell.

    days_gained : mean days within the horizon by which payment comes earlier, [low, high] its interval.
    unpaid_less : by how much the share still unpaid at the horizon is smaller, with its interval.
    unpaid_without : that share without the action. acted, not_acted, customers : occasions compared, and whose.
    is_shown : whether the interval (at the level shared by all cells that are tested together) leaves out 0.
    """

    kind: str
    segment: str
    days_gained: float
    low: float
    high: float
    unpaid_less: float
    unpaid_less_low: float
    unpaid_less_high: float
    unpaid_without: float
    acted: int
    not_acted: int
    customers: int
    is_shown: bool

    @property
    def words(self) -> str:
        """One sentence about the effect, in English."""
        span = f"95 % interval {self.low:+.1f} to {self.high:+.1f}; {self.acted:,} acted, {self.not_acted:,} not"
        if not self.is_shown:
            return f"no effect shown ({self.days_gained:+.1f} days, {span})"
        return f"payment comes {self.days_gained:.1f} days earlier ({span})"


def actions_of(ledger: Ledger, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the collecting actions known on `as_of`: invoice_id, customer_id, kind, level, on (days since 1970-01-01).

    Events of the kind `dunning` about an invoice; `detail` names the kind of action ('call', 'letter', …), a number before
    it is the dunning level ('2 call'); a number alone is an action of the kind `dunning_2`. level is 0 where none is given.
    An event without an invoice is about no item and is left out.
    """
    events, at = ledger.events, day(as_of)
    chosen = events["kind"].isin(ACTION_EVENTS).to_numpy() & events["invoice_id"].notna().to_numpy()
    chosen &= known_rows(events, TABLES["events"], at)
    own = events[chosen]
    parts = own["detail"].fillna("").astype(str).str.strip().str.lower().str.extract(r"^(\d*)\s*(.*)$")
    level, words = pd.to_numeric(parts[0], errors="coerce").fillna(0).astype(np.int64), parts[1]
    named = [word or (f"dunning_{number}" if number else "dunning") for word, number in zip(words, level, strict=True)]
    kind = pd.Series(named, index=own.index, dtype=object)
    return pd.DataFrame(
        {
            "invoice_id": own["invoice_id"].to_numpy(dtype=object),
            "customer_id": own["customer_id"].to_numpy(dtype=object),
            "kind": kind.to_numpy(dtype=object),
            "level": level.to_numpy(),
            "on": days(own["occurred_on"]).astype(np.int64),
        }
    ).sort_values(["on", "invoice_id"], ignore_index=True)


def item_states(ledger: Ledger, settlement: Settlement, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return every item known on `as_of` with when it was paid, as the estimation needs it: invoice_id, number, customer_id,
    due (day number), paid (day number, NEVER where not paid), closed (the day it left the open book in any way, else NEVER),
    amount (reporting currency), segment ('' where not given), disputed_from, disputed_until (days of its disputes, from the
    first to the last; NEVER where there is none, or no end)."""
    state = settlement.at(as_of)
    paid, closed = days(state["settled_on"]).astype(np.int64), days(state["closed_on"]).astype(np.int64)
    segment = ledger.customers.set_index("customer_id")["segment"]
    disputes = _dispute_days(ledger, as_of)
    disputed = disputes.reindex(state["invoice_id"]).fillna(NEVER).astype(np.int64)
    return pd.DataFrame(
        {
            "invoice_id": state["invoice_id"].to_numpy(dtype=object),
            "number": state["number"].to_numpy(),
            "customer_id": state["customer_id"].to_numpy(dtype=object),
            "due": days(state["due_on"]).astype(np.int64),
            "paid": paid,
            "closed": closed,
            "amount": state["amount_cents"].to_numpy() / 100.0,
            "segment": segment.reindex(state["customer_id"]).fillna("").to_numpy(dtype=object),
            "disputed_from": disputed["opened"].to_numpy(),
            "disputed_until": disputed["closed"].to_numpy(),
        }
    )


def acted_rows(items: pd.DataFrame, actions: pd.DataFrame) -> NDArray[np.int64]:
    """Return the place in `items` of the item that each action is about; −1 where there is none.

    An action names an invoice; of several instalments it is about the one due first that was still open on that day, or
    about the last one where none was. items, actions : from `item_states` and `actions_of`.
    """
    order = np.lexsort((items["due"].to_numpy(), pd.factorize(items["invoice_id"])[0]))
    names, closed = items["invoice_id"].to_numpy(dtype=object)[order], items["closed"].to_numpy()[order]
    first = pd.Series(np.arange(len(order)), index=names)
    is_first = ~first.index.duplicated()
    place = first[is_first].reindex(actions["invoice_id"]).fillna(-1).to_numpy(dtype=np.int64, copy=True)
    for row, on in enumerate(actions["on"].to_numpy() if not is_first.all() else ()):
        own = place[row]
        while 0 <= own < len(order) - 1 and closed[own] <= on and names[own + 1] == names[own]:
            own += 1
        place[row] = own
    return np.where(place >= 0, order[place], -1) if len(order) else place


def _dispute_days(ledger: Ledger, as_of: pd.Timestamp) -> pd.DataFrame:
    """By invoice_id the first day of its disputes known on `as_of` and the last day on which one was closed (NEVER: open)."""
    events, at = ledger.events, day(as_of)
    known = known_rows(events, TABLES["events"], at)
    own = events[
        known
        & events["kind"].isin(["dispute_opened", "dispute_closed"]).to_numpy()
        & events["invoice_id"].notna().to_numpy()
    ]
    on = pd.Series(days(own["occurred_on"]).astype(np.int64), index=own["invoice_id"].to_numpy(dtype=object))
    is_open = (own["kind"] == "dispute_opened").to_numpy()
    opened, closed = on[is_open].groupby(level=0), on[~is_open].groupby(level=0)
    found = pd.DataFrame({"opened": opened.min(), "last": opened.max()})
    found["closed"] = closed.max().reindex(found.index)
    return found.assign(closed=found["closed"].where(found["closed"] >= found["last"]))[["opened", "closed"]]


def occasions(
    items: pd.DataFrame, actions: pd.DataFrame, as_of: pd.Timestamp, settings: EffectSettings
) -> pd.DataFrame:
    """Return the occasions of every kind of action, one row an open item and day of action.

    Parameters
    ----------
    items, actions : from `item_states` and `actions_of`.
    settings : the horizon: occasions whose horizon ends after `as_of` are left out, so that every outcome was seen.

    Returns
    -------
    kind, customer, invoice (codes), is_acted, dpd, amount, habit (mean days late of what the customer had paid by then, of
    the last 24 months; NaN: nothing paid yet), segment, earlier (actions on the item before), exit (days until paid, until
    the same action came later, or the horizon), is_paid (whether `exit` is a payment).
    """
    last, horizon = day(as_of) - settings.horizon_days, settings.horizon_days
    items = items.sort_values(["due", "invoice_id"], kind="stable", ignore_index=True)
    row = acted_rows(items, actions)
    actions, row = actions[row >= 0], row[row >= 0]
    due, paid, closed, amount = (items[name].to_numpy() for name in ("due", "paid", "closed", "amount"))
    disputed_from, disputed_until = items["disputed_from"].to_numpy(), items["disputed_until"].to_numpy()
    habits = Habits.of(items)
    on_all, kinds = actions["on"].to_numpy(), actions["kind"].to_numpy(dtype=object)
    parts = []
    for kind in sorted(set(kinds)):
        own = kinds == kind
        acted_row, acted_on = row[own], on_all[own]
        waited = acted_on - due[acted_row]
        if not len(waited):
            continue
        smallest = float(np.quantile(amount[acted_row], 0.005))
        low, high = int(np.floor(np.quantile(waited, 0.02))), int(np.ceil(np.quantile(waited, 0.98)))
        by_row = _sorted_by_row(acted_row, acted_on)
        earlier = _sorted_by_row(row, on_all)
        for on in np.unique(acted_on[acted_on <= last]):
            at = np.arange(np.searchsorted(due, on - high), np.searchsorted(due, on - low, side="right"))
            at = at[(closed[at] > on) & (_count_before(by_row, at, on) == 0) & (amount[at] >= smallest)]
            at = at[(on < disputed_from[at]) | (on >= disputed_until[at])]  # nothing is collected of what is in dispute
            if not len(at):
                continue
            is_acted = np.isin(at, acted_row[acted_on == on])
            # an item of which another action was taken that day is neither acted on by this kind nor left alone
            at = at[is_acted | ~np.isin(at, row[on_all == on])]
            is_acted = np.isin(at, acted_row[acted_on == on])
            until_paid = np.where(paid[at] < NEVER, paid[at] - on, NEVER)
            until_again = _next_after(by_row, at, on) - on
            parts.append(
                pd.DataFrame(
                    {
                        "kind": kind,
                        "row": at,
                        "on": on,
                        "is_acted": is_acted,
                        "dpd": on - due[at],
                        "habit": habits.on(at, int(on)),
                        "earlier": _count_before(earlier, at, on),
                        "exit": np.minimum(np.minimum(until_paid, np.where(is_acted, NEVER, until_again)), horizon),
                        "is_paid": (until_paid <= horizon) & (is_acted | (until_paid <= until_again)),
                    }
                )
            )
    if not parts:
        names = [
            "kind",
            "customer",
            "invoice",
            "is_acted",
            "dpd",
            "amount",
            "habit",
            "segment",
            "earlier",
            "exit",
            "is_paid",
        ]
        return pd.DataFrame(columns=names)
    found = pd.concat(parts, ignore_index=True)
    of = items.iloc[found["row"].to_numpy()]
    return found.assign(
        customer=pd.factorize(of["customer_id"])[0],
        invoice=of["invoice_id"].to_numpy(dtype=object),
        amount=of["amount"].to_numpy(),
        segment=of["segment"].to_numpy(dtype=object),
    )


def estimated(found: pd.DataFrame, settings: EffectSettings, *, seed: int = 0) -> list[Effect]:
    """Return the effect of each kind of action over all items, and by segment where there are enough occasions.

    found : from `occasions`. The list is sorted by kind, the whole (segment 'all') before its segments. `is_shown` is at a
    level shared by the kinds (for the whole) and by the cells of one kind (for its segments): Bonferroni.
    """
    effects = []
    kinds = sorted(set(found["kind"])) if len(found) else []
    for kind in kinds:
        own = found[found["kind"] == kind]
        own = own[eligible(own)]
        segments = [s for s in sorted(set(own["segment"])) if _enough(own[own["segment"] == s], settings)]
        if not _enough(own, settings):
            continue
        effects.append(_effect(own, kind, ALL, settings, seed, tests=len(kinds)))
        if len(segments) > 1:
            tests = len(kinds) * len(segments)
            for segment in segments:
                effects.append(_effect(own[own["segment"] == segment], kind, segment, settings, seed, tests=tests))
    return effects


def held_out_effect(
    items: pd.DataFrame,
    actions: pd.DataFrame,
    as_of: pd.Timestamp,
    policy: CollectionsPolicy,
    kind: str,
) -> Effect | None:
    """Return the effect of being eligible for `kind` against being held out by lot, from the policy's own hold-out.

    Every item that reached the step's days past due from the policy's `hold_out_from` on counts from that day in the group that the lot put it
    in, whatever was then done (intention to treat), so no stratum is needed for it to be unbiased. None where either group
    has fewer than `fewest_acted` items, or the policy names no such day.
    """
    step = next((s for s in policy.steps if s.kind == kind), None)
    if step is None or policy.hold_out_from is None:
        return None
    settings, since = policy.effects, policy.hold_out_from
    on = items["due"].to_numpy() + step.from_days
    open_then = (items["closed"].to_numpy() > on) & (on >= day(since)) & (on <= day(as_of) - settings.horizon_days)
    open_then &= (items["amount"].to_numpy() >= step.smallest_amount) & (
        items["amount"].to_numpy() <= policy.hold_out_at_most
    )
    own = items[open_then]
    held = np.array(
        [policy.is_held_out(i, a) for i, a in zip(own["invoice_id"], own["amount"], strict=True)], dtype=bool
    )
    until_paid = np.where(own["paid"] < NEVER, own["paid"].to_numpy() - on[open_then], NEVER)
    frame = pd.DataFrame(
        {
            "kind": kind, "customer": pd.factorize(own["customer_id"])[0], "is_acted": ~held, "dpd": step.from_days,
            "amount": 1.0, "habit": 0.0, "segment": ALL, "earlier": 0,
            "exit": np.minimum(until_paid, settings.horizon_days), "is_paid": until_paid <= settings.horizon_days,
        }
    )  # fmt: skip
    return _effect(frame, kind, ALL, settings, 0, tests=1) if _enough(frame, settings) else None


def _enough(own: pd.DataFrame, settings: EffectSettings) -> bool:
    acted = int(own["is_acted"].sum())
    return acted >= settings.fewest_acted and len(own) - acted >= settings.fewest_acted


def eligible(own: pd.DataFrame) -> NDArray[np.bool_]:
    """Return whether an item as many days past due is one of which the action is taken at all: at its exact days past due at least
    LEAST_ACTED of the occasions are acted on. The others compare an item with what it will be on another day."""
    share = own.groupby("dpd")["is_acted"].transform("mean").to_numpy(dtype=np.float64)
    return share >= LEAST_ACTED


def windows(own: pd.DataFrame) -> NDArray[np.int64]:
    """The window of days past due of each occasion: runs of days without a gap, a run of more than a week in weeks."""
    days = np.unique(own["dpd"].to_numpy(dtype=np.int64))
    run = np.cumsum(np.diff(days, prepend=days[0]) > 1)
    first = days[np.searchsorted(run, run)]
    window = pd.factorize(run * 1000 + (days - first) // 7)[0]
    return np.asarray(
        np.minimum(window[np.searchsorted(days, own["dpd"].to_numpy(dtype=np.int64))], 63), dtype=np.int64
    )


def strata(own: pd.DataFrame) -> NDArray[np.int64]:
    """The stratum of each occasion: segment, window of days past due, whether an action came before, and PARTS of what decides who is acted on
    (bounds that hold equal counts of the acted).

    acted_share, the share of a customer's occasions on which it was acted on (drawn towards that of all), stands for what
    collectors know of a customer and the ledger does not say: a propensity by customer. Days past due count by `windows`.
    """
    acted = own["is_acted"].to_numpy(dtype=bool)
    by_customer = own.groupby("customer")["is_acted"]
    share = (by_customer.transform("sum") + PRIOR_ITEMS * acted.mean()) / (by_customer.transform("size") + PRIOR_ITEMS)
    columns = own.assign(acted_share=share)
    code = np.zeros(len(own), dtype=np.int64)
    for name, parts in PARTS.items():
        values = columns[name].to_numpy(np.float64)
        edges = np.unique(np.quantile(values[acted], np.arange(1, parts) / parts))
        code = code * parts + np.searchsorted(edges, values, side="left")
    code = (code * 2 + (own["earlier"].to_numpy() > 0)) * 64 + windows(own)
    segment = pd.factorize(own["segment"])[0]
    return np.asarray(pd.factorize(code * (segment.max() + 1) + segment)[0], dtype=np.int64)


def _effect(own: pd.DataFrame, kind: str, segment: str, settings: EffectSettings, seed: int, *, tests: int) -> Effect:
    stratum, acted = strata(own), own["is_acted"].to_numpy(dtype=np.int64)
    count, horizon = int(stratum.max()) + 1, settings.horizon_days
    exits = np.clip(own["exit"].to_numpy(np.int64), 1, horizon)
    # a payment on the day of the action itself is no answer to it: it counts as paid after one day in both groups
    cell = ((stratum * 2 + acted) * (horizon + 1) + exits) * 2 + own["is_paid"].to_numpy(dtype=np.int64)
    customer = own["customer"].to_numpy(dtype=np.int64)
    size = count * 2 * (horizon + 1) * 2
    point = _differences(np.bincount(cell, minlength=size).astype(np.float64), count, horizon)
    random, people = np.random.default_rng(seed), int(customer.max()) + 1
    drawn = np.empty((settings.draws, 2))
    for draw in range(settings.draws):
        weight = np.bincount(random.integers(0, people, people), minlength=people).astype(np.float64)
        drawn[draw] = _differences(
            np.bincount(cell, weights=weight[customer], minlength=size).astype(np.float64), count, horizon
        )[:2]
    tail = (1 - settings.level) / 2
    (low, less_low), (high, less_high) = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    deviation = np.nanstd(drawn[:, 0])
    shared_low, shared_high = (
        point[0] + sign * _normal(1 - (1 - settings.shown_level) / 2 / tests) * deviation for sign in (-1, 1)
    )
    return Effect(
        kind=kind, segment=segment, days_gained=float(point[0]), low=float(low), high=float(high),
        unpaid_less=float(point[1]), unpaid_less_low=float(less_low), unpaid_less_high=float(less_high),
        unpaid_without=float(point[2]), acted=int(acted.sum()), not_acted=int(len(own) - acted.sum()),
        customers=len(np.unique(customer)),
        is_shown=bool(shared_low > 0 or shared_high < 0),
    )  # fmt: skip


def _normal(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(level))


def _differences(cells: Floats, strata_count: int, horizon: int) -> tuple[float, float, float]:
    """(days gained, unpaid share less, unpaid share without action), strata weighed by their acted occasions."""
    table = cells.reshape(strata_count, 2, horizon + 1, 2)[:, :, 1:, :]
    leaves = table.sum(axis=3)
    at_risk = leaves[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(at_risk > 0, table[..., 1] / at_risk, 0.0)
    unpaid = np.cumprod(1 - hazard, axis=2)
    # where nobody is left under observation before the horizon the curve is carried on flat: kept small by the strata
    days_unpaid = 1.0 + unpaid[:, :, :-1].sum(axis=2)
    size = at_risk[:, :, 0]
    weight = np.where((size[:, 0] > 0) & (size[:, 1] > 0), size[:, 1], 0.0)
    total = weight.sum()
    if total <= 0:
        return float("nan"), float("nan"), float("nan")
    end = unpaid[:, :, -1]
    return (
        float(weight @ (days_unpaid[:, 0] - days_unpaid[:, 1]) / total),
        float(weight @ (end[:, 0] - end[:, 1]) / total),
        float(weight @ end[:, 0] / total),
    )


def _sorted_by_row(row: NDArray[np.int64], on: NDArray[np.int64]) -> NDArray[np.int64]:
    """Actions as one ascending array of row · 2³² + day, to be searched."""
    return np.sort(row * 2**32 + on)


def _count_before(keys: NDArray[np.int64], rows: NDArray[np.int64], on: int) -> NDArray[np.int64]:
    """How many actions each row had before a day."""
    return np.searchsorted(keys, rows * 2**32 + on) - np.searchsorted(keys, rows * 2**32)


def _next_after(keys: NDArray[np.int64], rows: NDArray[np.int64], on: int) -> NDArray[np.int64]:
    """The first day after `on` on which each row has an action; NEVER where there is none."""
    place = np.searchsorted(keys, rows * 2**32 + on, side="right")
    found = np.append(keys, -1)[np.minimum(place, len(keys))]
    return np.where((place < len(keys)) & (found // 2**32 == rows), found % 2**32, NEVER)


@dataclass(frozen=True, kw_only=True)
class Habits:
    """Mean days late of each customer's paid items by day, drawn towards the mean of all by PRIOR_ITEMS items' weight."""

    customer: NDArray[np.int64]
    keys: NDArray[np.int64]
    sums: Floats

    @classmethod
    def of(cls, items: pd.DataFrame) -> Habits:
        """The habits of the customers of `item_states`."""
        customer = pd.factorize(items["customer_id"])[0].astype(np.int64)
        paid = items["paid"].to_numpy()
        done = np.flatnonzero(paid < NEVER)
        keys = customer[done] * 2**32 + paid[done]
        order = np.argsort(keys, kind="stable")
        late = np.clip((paid - items["due"].to_numpy())[done][order], -30, 90).astype(np.float64)
        return cls(customer=customer, keys=keys[order], sums=np.concatenate([[0.0], np.cumsum(late)]))

    def on(self, rows: NDArray[np.int64], on: int, window: int = 730) -> Floats:
        """The habit of each row's customer by what it had paid before day `on`, within `window` days."""
        base = self.customer[rows] * 2**32
        first, last = np.searchsorted(self.keys, base + max(on - window, 0)), np.searchsorted(self.keys, base + on)
        prior = self.sums[-1] / max(len(self.keys), 1)
        return np.asarray((self.sums[last] - self.sums[first] + PRIOR_ITEMS * prior) / (last - first + PRIOR_ITEMS))


def effect_in(effects: Sequence[Effect], kind: str, segment: str) -> Effect | None:
    """The effect to use for an item: its segment's own where the cell was estimated, else that of all items."""
    of_kind = {effect.segment: effect for effect in effects if effect.kind == kind}
    return of_kind.get(segment) or of_kind.get(ALL)
