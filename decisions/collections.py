"""The collections worklist: what to do today about each overdue item, ordered by what acting is worth.

Pure functions: they take the open items, the actions so far, promises and estimated effects, and return frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.action_effects import ALL, Effect, effect_in
from decisions.collections_policy import CollectionsPolicy, LatePaymentLaw, Step
from decisions.promises import DUE_TODAY, WAITING

ACT, LEAVE_ALONE, DISPUTE, PROMISE, HELD_OUT, WAIT, SMALL = (
    "act", "leave_alone", "dispute", "promise", "held_out", "wait", "below_smallest_amount",
)  # fmt: skip
DAYS_A_YEAR = 365.0


@dataclass(frozen=True, kw_only=True)
class Worklist:
    """items : one row an overdue item, with its route, next step and what acting is worth (see `routed` and `valued`).
    customers : one row a customer to act on, in the order in which to act: step, owner, items, amount, value, is_within
        (the day's capacity for that kind of step reaches it), basis ('effect' or 'amount').
    effects : what the order rests on.
    """

    items: pd.DataFrame
    customers: pd.DataFrame
    effects: tuple[Effect, ...]


def worklist(items: pd.DataFrame, effects: Sequence[Effect], policy: CollectionsPolicy) -> Worklist:
    """Return the worklist of a day.

    Parameters
    ----------
    items : one row an open item past due: invoice_id, customer_id, segment, open_amount (reporting currency),
        days_past_due, is_disputed, promise (status of its last promise, None without one), pd (NaN: none known),
        pays_by_itself (chance to be paid within the policy's days without us, NaN: not known), and for each kind of step
        `days_since_KIND` (NaN: never taken) where the ledger has any.
    effects : from `action_effects.estimated`; empty where the ledger has no actions to learn from.
    """
    own = valued(routed(items, policy), effects, policy)
    return Worklist(items=own, customers=by_customer(own, policy), effects=tuple(effects))


def next_step(
    days_past_due: int, amount: float, days_since: dict[str, float], steps: Sequence[Step]
) -> tuple[Step | None, str]:
    """The step that an item has come to and the route it takes: (step, 'act'), or (None, 'wait' or
    'below_smallest_amount')."""
    reached = [step for step in steps if days_past_due >= step.from_days]
    fits = [step for step in reached if amount >= step.smallest_amount]
    if not fits:
        return None, SMALL if reached else WAIT
    last = fits[-1]
    for step in reversed(fits):
        since = days_since.get(step.kind, float("nan"))
        if np.isnan(since) or since >= step.wait_days:
            # a step is not taken again, nor a milder one begun, while the wait of the last step runs
            return (step, ACT) if step is last else (None, WAIT)
        if since < step.wait_days:
            return None, WAIT
    return None, WAIT


def routed(items: pd.DataFrame, policy: CollectionsPolicy) -> pd.DataFrame:
    """The items with `route` (act, leave_alone, dispute, promise, held_out, wait, below_smallest_amount) and `step`.

    Disputed items go to whoever settles disputes; an item with a promise that is not over waits for it; an item that pays
    by itself is left alone; the hold-out by lot gets no step.
    """
    columns = [step.kind for step in policy.steps if f"days_since_{step.kind}" in items]
    since = {kind: items[f"days_since_{kind}"].to_numpy(np.float64) for kind in columns}
    soon = items["pays_by_itself"].to_numpy(np.float64)
    routes, kinds = [], []
    for place, (invoice_id, amount, late, disputed, promise) in enumerate(
        zip(*(items[n] for n in ("invoice_id", "open_amount", "days_past_due", "is_disputed", "promise")), strict=True)
    ):
        step, route = next_step(int(late), float(amount), {k: v[place] for k, v in since.items()}, policy.steps)
        if disputed:
            step, route = None, DISPUTE
        elif promise in (WAITING, DUE_TODAY):
            step, route = None, PROMISE
        elif route == ACT and late <= policy.leave_alone_until and soon[place] >= policy.leave_alone_share:
            step, route = None, LEAVE_ALONE
        elif route == ACT and policy.is_held_out(str(invoice_id), float(amount)):
            step, route = None, HELD_OUT
        routes.append(route)
        kinds.append(None if step is None else step.kind)
    return items.assign(route=routes, step=pd.Series(kinds, index=items.index, dtype=object))


def shrunk(effects: Sequence[Effect]) -> dict[tuple[str, str], tuple[float, float, bool]]:
    """(kind, segment) -> (days gained, share of what stays unpaid that acting takes away, whether an effect is shown).

    A segment's estimate is drawn towards that of all items by the share of its variance that chance explains (empirical
    Bayes). A kind without an effect shown anywhere is worth 0 days.
    """
    found: dict[tuple[str, str], tuple[float, float, bool]] = {}
    for kind in sorted({effect.kind for effect in effects}):
        own = [effect for effect in effects if effect.kind == kind]
        whole, parts = next(e for e in own if e.segment == ALL), [e for e in own if e.segment != ALL]
        is_shown = any(effect.is_shown for effect in own)
        noise = np.array([((e.high - e.low) / 3.92) ** 2 for e in parts])
        gained = np.array([e.days_gained for e in parts])
        between = max(0.0, float(np.var(gained, ddof=1) - noise.mean())) if len(parts) > 1 else 0.0
        for effect, variance in zip(parts, noise, strict=True):
            weight = between / (between + variance) if between + variance > 0 else 0.0
            days_gained = weight * effect.days_gained + (1 - weight) * whole.days_gained
            found[kind, effect.segment] = _worth(days_gained, effect, is_shown)
        found[kind, ALL] = _worth(whole.days_gained, whole, is_shown)
    return found


def _worth(days_gained: float, effect: Effect, is_shown: bool) -> tuple[float, float, bool]:
    if not is_shown or days_gained <= 0:
        return 0.0, 0.0, is_shown
    kept = effect.unpaid_less / effect.unpaid_without if effect.unpaid_without > 0 else 0.0
    return days_gained, float(np.clip(kept, 0.0, 1.0)), True


def valued(items: pd.DataFrame, effects: Sequence[Effect], policy: CollectionsPolicy) -> pd.DataFrame:
    """The items with what their step is worth: days_gained, brought_forward (amount × days), interest_saved (at the cost of
    capital), loss_avoided (amount × PD × LGD × the share of unpaid items that the action gets paid), value (both), and
    basis ('effect' where an effect of the step is shown, 'none_shown', 'not_measured', '' without a step)."""
    worth, names = shrunk(effects), {effect.kind for effect in effects}
    gained, kept = np.zeros(len(items)), np.zeros(len(items))
    basis = np.full(len(items), "", dtype=object)
    stands_for = {step.kind: step.effect_of or step.kind for step in policy.steps}
    for place, (chosen, segment) in enumerate(zip(items["step"], items["segment"], strict=True)):
        if chosen is None or pd.isna(chosen):
            continue
        step = stands_for.get(chosen, chosen)
        if step not in names:
            basis[place] = "not_measured"
            continue
        gained[place], kept[place], is_shown = worth.get((step, segment), worth[step, ALL])
        basis[place] = "effect" if is_shown else "none_shown"
    amount = items["open_amount"].to_numpy(np.float64)
    interest = amount * gained * policy.cost_of_capital / DAYS_A_YEAR
    loss = amount * np.nan_to_num(items["pd"].to_numpy(np.float64)) * policy.loss_given_default * kept
    return items.assign(
        days_gained=gained, brought_forward=amount * gained, interest_saved=interest, loss_avoided=loss,
        value=interest + loss, basis=basis,
    )  # fmt: skip


def by_customer(items: pd.DataFrame, policy: CollectionsPolicy) -> pd.DataFrame:
    """One row a customer to act on, in the order of value; where no effect is shown, after those, in the order of amount.

    A customer's step is the furthest of its items' (one contact speaks of all of them). `is_within` counts the day's
    capacity of each kind in that order.
    """
    order = {step.kind: place for place, step in enumerate(policy.steps)}
    owner = {step.kind: step.owner for step in policy.steps}
    acted = items[items["route"] == ACT]
    names = [
        "customer_id",
        "step",
        "owner",
        "items",
        "amount",
        "oldest_days",
        "days_gained",
        "brought_forward",
        "value",
        "basis",
        "is_within",
    ]
    if acted.empty:
        return pd.DataFrame(columns=names)
    place = acted["step"].map(order)
    grouped = acted.assign(place=place, weighted=acted["days_gained"] * acted["open_amount"]).groupby(
        "customer_id", sort=True
    )
    whole = grouped.agg(
        place=("place", "max"), items=("invoice_id", "count"), amount=("open_amount", "sum"), oldest_days=("days_past_due", "max"),
        weighted=("weighted", "sum"), brought_forward=("brought_forward", "sum"), value=("value", "sum"),
        has_effect=("basis", lambda values: bool((values == "effect").any())),
    ).reset_index()  # fmt: skip
    kinds = [step.kind for step in policy.steps]
    whole["step"] = [kinds[int(p)] for p in whole["place"]]
    whole["owner"] = whole["step"].map(owner)
    whole["days_gained"] = whole["weighted"] / whole["amount"]
    whole["basis"] = np.where(whole["has_effect"], "effect", "amount")
    whole = whole.sort_values(
        ["value", "amount", "customer_id"], ascending=[False, False, True], kind="stable", ignore_index=True
    )
    rank = whole.groupby("step").cumcount()
    most = whole["step"].map(lambda kind: policy.capacity.get(kind, np.inf)).to_numpy(np.float64)
    return whole.assign(is_within=rank.to_numpy() < most)[names]


def statutory_claims(items: pd.DataFrame, law: LatePaymentLaw, as_of: pd.Timestamp) -> pd.DataFrame:
    """What the law grants for each overdue item: interest and fixed sum, NaN where the country is not given, 0 where the law
    does not hold. items : open_amount, due_on, country, is_natural_person, is_disputed (nothing is claimed on a dispute)."""
    at = pd.Timestamp(as_of).date()
    rows = []
    for amount, due_on, country, person, disputed in zip(
        *(items[n] for n in ("open_amount", "due_on", "country", "is_natural_person", "is_disputed")), strict=True
    ):
        holds = law.applies_to(None if pd.isna(country) else str(country), None if pd.isna(person) else bool(person))
        if holds is None:
            rows.append((np.nan, np.nan))
        elif not holds or disputed or pd.Timestamp(due_on).date() >= at:
            rows.append((0.0, 0.0))
        else:
            rows.append((round(law.interest(float(amount), pd.Timestamp(due_on).date(), at), 2), law.fixed_sum))
    return pd.DataFrame(rows, columns=["statutory_interest", "statutory_fixed_sum"], index=items.index)


def insurer_notices(terms: pd.DataFrame, items: pd.DataFrame, *, ahead_days: int = 14) -> pd.DataFrame:
    """Customers whose oldest undisputed item reaches the insurer's maximum extension within `ahead_days`, or is beyond it.

    terms : customer_id, insured_limit, maximum_extension_days. Returns customer_id, insured_limit, oldest_days,
    maximum_extension_days, days_left (below 0: the period is over), open_amount; nearest first.
    """
    own = items[~items["is_disputed"].to_numpy(dtype=bool)].groupby("customer_id").agg(
        oldest_days=("days_past_due", "max"), open_amount=("open_amount", "sum")
    ).reset_index()  # fmt: skip
    found = own.merge(terms, on="customer_id")
    found = found[(found["insured_limit"] > 0) & found["maximum_extension_days"].notna()]
    left = found["maximum_extension_days"] - found["oldest_days"]
    return found.assign(days_left=left)[left <= ahead_days].sort_values(["days_left", "customer_id"], ignore_index=True)


def pays_by_itself(
    states: pd.DataFrame, open_items: pd.DataFrame, actions: pd.DataFrame, at: int, within: int, bands: Sequence[int]
) -> NDArray[np.float64]:
    """The chance that each open item is paid within so many days without an action, from this ledger's own past year.

    The rate is that of items that were open and as many days past due (by band) on past weeks and of which no action was
    taken in those days, by third of the customer's habit. NaN where fewer than 30 such items are known.
    """
    from decisions.action_effects import Habits, acted_rows

    habits = Habits.of(states)
    due, closed, paid = (states[n].to_numpy() for n in ("due", "closed", "paid"))
    acted_row, acted_on = acted_rows(states, actions), actions["on"].to_numpy(dtype=np.int64)
    parts = []
    for on in range(at - within, at - within - 365, -7):
        rows = np.flatnonzero((due < on) & (closed > on) & (due > on - 120))
        recent = acted_row[(acted_on > on - within) & (acted_on <= on + within)]
        rows = rows[~np.isin(rows, recent)]
        parts.append(
            pd.DataFrame(
                {
                    "band": np.searchsorted(bands, on - due[rows]),
                    "habit": habits.on(rows, on),
                    "paid": paid[rows] <= on + within,
                }
            )
        )
    past = pd.concat(parts, ignore_index=True)
    edges = np.nanquantile(past["habit"], [1 / 3, 2 / 3]) if past["habit"].notna().any() else np.zeros(2)

    def third(values: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.where(np.isnan(values), 3, np.searchsorted(edges, values))

    past["third"] = third(past["habit"].to_numpy())
    rates = past.groupby(["band", "third"])["paid"].agg(["mean", "size"])
    names = ["invoice_id", "number"]
    place = pd.MultiIndex.from_frame(states[names]).get_indexer(pd.MultiIndex.from_frame(open_items[names]))
    keys = pd.MultiIndex.from_arrays(
        [np.searchsorted(bands, open_items["days_past_due"].to_numpy()), third(habits.on(place, at))]
    )
    found = rates.reindex(keys)
    return np.where(found["size"].to_numpy() >= 30, found["mean"].to_numpy(np.float64), np.nan)


__all__ = [
    "Worklist",
    "by_customer",
    "effect_in",
    "insurer_notices",
    "next_step",
    "pays_by_itself",
    "routed",
    "shrunk",
    "statutory_claims",
    "valued",
    "worklist",
]
