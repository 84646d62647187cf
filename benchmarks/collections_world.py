"""Generated books with hidden effects of reminders and calls: a ledger, the true effects, and days on which to act."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.ledger import Ledger

SEGMENTS = ("key", "medium", "small")
SEGMENT_SHARES, AMOUNT_LOCATION, MONTHLY = (0.1, 0.4, 0.5), (9.0, 7.8, 7.0), (3.0, 1.5, 1.0)
FIRST, DAYS, TERMS = np.datetime64("2022-01-03"), 820, 30
LASTING = 14  # days for which an action multiplies the chance to pay
FOLLOWED = 240  # days after the due date until which an item is followed
CALL_FACTORS = (1.0, 1.6, 2.4, 3.2)  # of the daily chance to pay, one drawn a segment
REMINDER_FACTORS = (1.0, 1.3, 1.8)
NEVER = 10**6
Days = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class CollectionsWorld:
    """One world. Arrays have one entry an invoice; days count from FIRST.

    hazard : daily chance to pay when overdue and nobody acts (log scale, negative). threshold : the exponential lot that
    decides when. plan : kind -> the day on which it would be acted on if still unpaid (NEVER: not). factor : kind ->
    multiplier by segment.
    """

    customer: Days
    segment: Days
    amount: NDArray[np.float64]
    issued: Days
    due: Days
    on_time: NDArray[np.bool_]
    rate: NDArray[np.float64]
    threshold: NDArray[np.float64]
    plan: dict[str, Days]
    factor: dict[str, NDArray[np.float64]]
    as_of: int

    def paid_after(self, plan: dict[str, Days]) -> Days:
        """Days after the due date on which each item is paid under a plan of actions; NEVER beyond FOLLOWED."""
        total = np.cumsum(self.daily(plan), axis=1)
        paid = (total < self.threshold[:, None]).sum(axis=1) + 1
        return np.where(self.on_time, 0, np.where(paid > FOLLOWED, NEVER, paid))

    def daily(self, plan: dict[str, Days]) -> NDArray[np.float64]:
        """(items, FOLLOWED) hazard on each day after the due date under a plan."""
        day = self.due[:, None] + np.arange(1, FOLLOWED + 1)
        hazard = np.repeat(self.rate[:, None], FOLLOWED, axis=1)
        for kind, acted in plan.items():
            inside = (day > acted[:, None]) & (day <= acted[:, None] + LASTING)
            hazard = hazard * np.where(inside, self.factor[kind][self.segment][:, None], 1.0)
        return hazard

    def ledger(self) -> tuple[Ledger, pd.Timestamp]:
        """The books on the world's day, with the actions that were taken."""
        paid = self.due + self.paid_after(self.plan)
        names = [f"C{c:05d}" for c in range(int(self.customer.max()) + 1)]
        who = np.array(names, dtype=object)[self.customer]
        segment = pd.Series(np.array(SEGMENTS, dtype=object)[self.segment]).groupby(who).first()
        known = self.issued <= self.as_of
        ids = np.array([f"I{i:07d}" for i in range(len(self.amount))], dtype=object)
        invoices = pd.DataFrame({
            "invoice_id": ids, "customer_id": who, "kind": "invoice", "issued_on": _date(self.issued), "due_on": _date(self.due),
            "amount": self.amount, "currency": "EUR",
        })[known]  # fmt: skip
        settled = known & (paid <= self.as_of)
        payments = pd.DataFrame({
            "payment_id": np.char.add("P", ids.astype(str)), "customer_id": who, "invoice_id": ids,
            "paid_on": _date(np.minimum(paid, self.as_of)), "amount": self.amount, "currency": "EUR", "kind": "payment",
        })[settled]  # fmt: skip
        parts = []
        for kind, acted in self.plan.items():
            done = known & (acted < paid) & (acted <= self.as_of)
            parts.append(pd.DataFrame({
                "event_id": [f"{kind}-{i}" for i in np.flatnonzero(done)], "customer_id": who[done], "invoice_id": ids[done],
                "occurred_on": _date(acted[done]), "kind": "dunning", "detail": kind,
            }))  # fmt: skip
        customers = pd.DataFrame({"customer_id": segment.index, "segment": segment.to_numpy(), "country": "DE"})
        book = Ledger.from_frames(
            customers=customers, invoices=invoices, payments=payments, events=pd.concat(parts, ignore_index=True)
        )
        return book, pd.Timestamp(FIRST + self.as_of)

    def true_days_gained(self, kind: str, horizon: int, segment: int | None = None) -> float:
        """The mean days within the horizon by which the actions taken so far brought payment forward, other actions as
        planned: the expectation, not this world's luck."""
        acted = self.plan[kind]
        done = (acted < self.due + self.paid_after(self.plan)) & (acted + horizon <= self.as_of)
        done &= True if segment is None else self.segment == segment
        rows = np.flatnonzero(done)
        own = replace(self, **{n: getattr(self, n)[rows] for n in ("segment", "due", "rate", "threshold", "on_time")})
        plans = {name: days[rows] for name, days in self.plan.items()}
        start = acted[rows] - self.due[rows]
        lived = []
        for plan in (plans | {kind: np.full(len(rows), NEVER)}, plans):
            total = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(own.daily(plan), axis=1)], axis=1)
            days = np.minimum(start[:, None] + np.arange(horizon), FOLLOWED)
            lived.append(
                np.exp(-(np.take_along_axis(total, days, 1) - np.take_along_axis(total, start[:, None], 1))).sum(axis=1)
            )
        return float(np.mean(lived[0] - lived[1]))


def _date(days: Days) -> NDArray[np.datetime64]:
    return (FIRST + days).astype("datetime64[s]")


def world(seed: int, *, customers: int = 400, has_effect: bool = True) -> CollectionsWorld:
    """A world of a seed. Who is acted on depends on amount and habit, so plain comparisons mislead."""
    rng = np.random.default_rng([seed, 77])
    of_customer = rng.choice(3, customers, p=SEGMENT_SHARES)
    habit = rng.normal(0, 0.6, customers)
    stuck = rng.random(customers) < 0.08
    count = rng.poisson(np.array(MONTHLY)[of_customer] * np.exp(rng.normal(0, 0.3, customers)) * (DAYS + 90) / 30.4)
    customer = np.repeat(np.arange(customers), count)
    n = len(customer)
    segment = of_customer[customer]
    issued = rng.integers(0, DAYS + 90, n)
    amount = np.round(np.exp(np.array(AMOUNT_LOCATION)[segment] + rng.normal(0, 0.9, n)), 2)
    late = 1 / (1 + np.exp(-(-0.2 + habit[customer] + 0.7 * stuck[customer])))
    rate = 0.045 * np.exp(-0.7 * habit[customer]) * np.where(stuck[customer], 0.25, 1.0)
    due = issued + TERMS
    z = (np.log(amount) - 7.5) / 1.2
    plan = {}
    for kind, wait, weekday, base in (("reminder", 5, 1, 0.5), ("call", 14, 3, -0.2)):
        on = due + wait
        on = on + (weekday - on) % 7
        chance = 1 / (1 + np.exp(-(base + 0.5 * z + 0.7 * habit[customer])))
        plan[kind] = np.where(rng.random(n) < chance, on, NEVER)
    one = np.ones(3)
    factor = {
        "call": rng.choice(CALL_FACTORS, 3, replace=False) if has_effect else one,
        "reminder": rng.choice(REMINDER_FACTORS, 3, replace=False) if has_effect else one,
    }
    return CollectionsWorld(
        customer=customer, segment=segment, amount=amount, issued=issued, due=due, on_time=rng.random(n) > late, rate=rate,
        threshold=rng.exponential(size=n), plan=plan, factor=factor, as_of=DAYS,
    )  # fmt: skip
