"""Default by policy: the definition, the spells of each customer, and the status on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from ledger.currency import CENTS
from ledger.errors import InputError
from ledger.known import NEVER, day, days, known_from, known_until
from ledger.lazy_njit import njit
from ledger.ledger import TABLES, Ledger
from ledger.settlement import (
    ALL_THAT_IS_LEFT,
    DISPUTE_CLOSED,
    DISPUTE_OPENED,
    TOLERANCE,
    Settlement,
    dates,
    settle,
)
from ledger.settlement import WRITE_OFF as WRITTEN_OFF_LINE

DAYS_A_MONTH = 365.25 / 12  # probation is counted in days: 3 months are 91, 12 months 365
KINDS = ("past_due", "write_off", "concession", "insolvency")  # why a customer is in default
PAST_DUE, WRITE_OFF, CONCESSION, INSOLVENCY = range(4)


@dataclass(frozen=True, kw_only=True)
class DefaultPolicy:
    """A definition of default: thresholds, days, horizons, cure. Logged by name and version with each model.

    A customer enters default on the day on which its undisputed items more than `item_days_past_due` days past due have
    been material for more than `consecutive_days` days in a row, or on an event that says unlikely to pay. With
    consecutive_days 0 the clock belongs to the item (each item is old enough by itself), with item_days_past_due 0 it
    belongs to the obligor (any material arrears, without a day's break).

    Material is above `material_amount` (reporting currency) and above `material_share` of the customer's open balance
    (`share_included`: the share itself counts). Items in dispute stay in the balance and out of the arrears while
    `leaves_out_disputed`; with `dispute_stops_clock` the days in dispute are not counted as days past due of the item (else
    the end of a long dispute would be a default on that day). A write-off counts from the same two thresholds, as the sum of a day against the balance
    before it (`any_write_off`: each counts); one that names neither an invoice nor an amount always counts.

    A customer leaves default after `cure_months` in which the same items were not material, after a concession
    `concession_cure_months`; an insolvency does not cure (a ledger has no event that ends it). `horizons_months`,
    ascending, name the numbers: pd_12m. `maturity_days` are added to a horizon before an outcome counts as seen.
    """

    name: str
    version: str
    consecutive_days: int = 0
    item_days_past_due: int = 90
    material_amount: float = 500.0
    material_share: float = 0.01
    share_included: bool = False
    leaves_out_disputed: bool = True
    dispute_stops_clock: bool = True
    any_write_off: bool = False
    unlikely_to_pay: tuple[str, ...] = ("insolvency", "write_off", "concession")
    cure_months: int = 3
    concession_cure_months: int = 12
    horizons_months: tuple[int, ...] = (3, 6, 12)
    maturity_days: int = 90
    source: str = "Trade credit: undisputed items each more than 90 days past due, or unlikely to pay"

    def __post_init__(self) -> None:
        if not self.horizons_months or list(self.horizons_months) != sorted(set(self.horizons_months)):
            raise InputError(
                f"The horizons_months of policy {self.name} must rise. Got {self.horizons_months} instead."
            )
        unknown = sorted(set(self.unlikely_to_pay) - set(KINDS[1:]))
        if unknown:
            raise InputError(
                f"The unlikely_to_pay of policy {self.name} must be among {KINDS[1:]}. Got {unknown} instead."
            )
        numbers = (self.consecutive_days, self.item_days_past_due, self.material_amount, self.material_share,
                   self.cure_months, self.concession_cure_months, self.maturity_days)  # fmt: skip
        if min(numbers) < 0 or self.horizons_months[0] < 1:
            raise InputError(f"Days, amounts and months of policy {self.name} must be 0 or above.")
        if min(self.cure_months, self.concession_cure_months) < 1:
            raise InputError(
                f"The cure_months and concession_cure_months of policy {self.name} must be 1 or above. Got "
                f"{self.cure_months} and {self.concession_cure_months} instead: a default on an event would have no end."
            )

    @property
    def horizon_months(self) -> int:
        """The longest horizon: that of the number called PD."""
        return self.horizons_months[-1]

    @property
    def days_past_due(self) -> int:
        """The days that an item past due must exceed: its own, and those for which it must have been so."""
        return self.item_days_past_due + self.consecutive_days

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DefaultPolicy:
        """Return the policy that `to_json` wrote; versions from before the switches existed keep their meaning."""
        before = {
            "share_included": stored["item_days_past_due"] > 0, "any_write_off": True, "dispute_stops_clock": False
        }  # fmt: skip
        stored = {**before, **stored}
        lists = {name: tuple(stored[name]) for name in ("unlikely_to_pay", "horizons_months")}
        return cls(**{**stored, **lists})


PRIMARY = DefaultPolicy(name="primary", version="2")
CRR178 = DefaultPolicy(
    name="crr178", version="1", consecutive_days=90, item_days_past_due=0, any_write_off=True, dispute_stops_clock=False,
    source="CRR Art. 178; Delegated Regulation (EU) 2018/171: more than 90 consecutive days of material arrears",
)  # fmt: skip
BUREAU = DefaultPolicy(
    name="bureau", version="1", material_amount=0.0, material_share=0.10, share_included=True,
    dispute_stops_clock=False, unlikely_to_pay=("insolvency",),
    source="Bureau practice: a tenth of the balance more than 90 days past due, or legal relief",
)  # fmt: skip
SHORT_HISTORY = DefaultPolicy(
    name="short_history", version="2", item_days_past_due=60, horizons_months=(3, 6), maturity_days=60,
    source="The primary definition with 60 days and 6 months, for ledgers of less than three years",
)  # fmt: skip
POLICIES: Mapping[str, DefaultPolicy] = {p.name: p for p in (PRIMARY, CRR178, BUREAU, SHORT_HISTORY)}


def policy_named(name: str) -> DefaultPolicy:
    """Return the policy called `name`. Raises InputError for an unknown one."""
    if name not in POLICIES:
        raise InputError(f"unknown default policy '{name}'; known are {', '.join(POLICIES)}.")
    return POLICIES[name]


def default_spells(
    ledger: Ledger,
    policy: DefaultPolicy,
    *,
    until: date | str | pd.Timestamp | None = None,
    settlement: Settlement | None = None,
) -> pd.DataFrame:
    """Return the spells of default of every customer, by event days, as known on `until`.

    A payment booked late counts from the day it was paid, a corrected row not at all: late booking alone is no default.
    `until` is the last day that is looked at (the ledger's last known day). One row a spell, sorted by (customer_id,
    entered_on): customer_id, entered_on, cured_on (NaT: not cured by `until`), kind (past_due, write_off, concession,
    insolvency).
    """
    s = settle(ledger) if settlement is None else settlement
    last = np.int32(day(ledger.last_known_on if until is None else until))
    customer, entered, cured, kind = _all_spells(last, *_arguments(ledger, s, policy))
    return pd.DataFrame({
        "customer_id": pd.array(s.owners.ids[customer], dtype="str"),
        "entered_on": dates(entered), "cured_on": dates(cured), "kind": np.array(KINDS, dtype=object)[kind],
    })  # fmt: skip


def in_default(
    ledger: Ledger, snapshots: pd.DataFrame, policy: DefaultPolicy, *, settlement: Settlement | None = None
) -> pd.Series:
    """Return whether each snapshot's customer is in default at the end of its day, by what the books knew then.

    snapshots : columns customer_id, as_of. Returns a boolean Series in their order, indexed by (customer_id, as_of).
    Raises InputError for a customer that the ledger does not know.
    """
    s = settle(ledger) if settlement is None else settlement
    customer = s.owners.codes(snapshots["customer_id"])
    if (customer < 0).any():
        unknown = snapshots["customer_id"][customer < 0]
        raise InputError(
            f"customer_id: {len(unknown):,} of {len(snapshots):,} snapshots are of customers that the ledger does not "
            f"have, e.g. '{unknown.iloc[0]}'."
        )
    standing = _standing(customer, days(pd.to_datetime(snapshots["as_of"])), *_arguments(ledger, s, policy))
    return pd.Series(standing, index=pd.MultiIndex.from_frame(snapshots[["customer_id", "as_of"]]), name="in_default")


def _arguments(ledger: Ledger, s: Settlement, policy: DefaultPolicy) -> tuple[Any, ...]:
    """Return the arrays that the compiled loops below take: items and what changed them, events, thresholds."""
    events = ledger.events[ledger.events["kind"].isin(list(policy.unlikely_to_pay))]
    kind = events["kind"].map({k: i for i, k in enumerate(KINDS)}).to_numpy(dtype=np.int8)
    since, until = known_from(events, TABLES["events"]), known_until(events, TABLES["events"])
    row, customer, since, until = s.owners.moved(s.owners.codes(events["customer_id"]), since, until)
    kind, on, cents = kind[row], days(events["occurred_on"])[row], _written_off(ledger, s, events)[row]
    order = np.lexsort((kind, on, customer))
    start = np.searchsorted(customer[order], np.arange(len(s.owners.ids) + 1)).astype(np.int64)
    cure = [round(m * DAYS_A_MONTH) for m in (policy.cure_months, policy.cure_months, policy.concession_cure_months)]
    items = (
        s.invoice_start, s.issued_on, s.due_on, s.known_from, s.known_until, s.amount_cents, s.allocation_start,
        s.allocation_on, s.allocation_known_from, s.allocation_known_until, s.allocation_cents, s.allocation_kind,
    )  # fmt: skip
    triggers = (
        start,
        on[order],
        since[order].astype(np.int32),
        until[order].astype(np.int32),
        kind[order],
        cents[order],
    )
    thresholds = (
        np.int32(policy.item_days_past_due), np.int32(policy.consecutive_days),
        np.int64(round(policy.material_amount * CENTS)), float(policy.material_share), policy.share_included,
        policy.leaves_out_disputed, policy.any_write_off,
        policy.leaves_out_disputed and policy.dispute_stops_clock, np.array([*cure, int(NEVER)], dtype=np.int64),
    )  # fmt: skip
    return items, triggers, thresholds


def _written_off(ledger: Ledger, s: Settlement, events: pd.DataFrame) -> np.ndarray:
    """Return the cents that each event writes off by itself: 0 for one that names an invoice of the books (the invoice's
    own lines say what it took), ALL_THAT_IS_LEFT for one that gives neither an invoice nor an amount."""
    if events.empty:
        return np.zeros(0, dtype=np.int64)
    amount = events["amount"].to_numpy(dtype=np.float64)
    cents = np.where(np.isnan(amount), ALL_THAT_IS_LEFT, np.rint(np.nan_to_num(amount) * CENTS).astype(np.int64))
    return np.where(s.invoice_names.look_up(events["invoice_id"]) >= 0, np.int64(0), cents)


@njit(cache=True, nogil=True)
def _all_spells(last, items, triggers, thresholds):  # type: ignore[no-untyped-def]
    """Return (customer, entered, cured, kind) of each spell that begins by day `last`, by customer and day."""
    customers, entered, cured, kinds = [0][:0], [np.int32(0)][:0], [np.int32(0)][:0], [np.int8(0)][:0]
    for c in range(len(items[0]) - 1):
        begins, ends, hows = _spells(c, last, items, triggers, thresholds)
        for k in range(len(begins)):
            customers.append(c)
            entered.append(begins[k])
            cured.append(ends[k])
            kinds.append(hows[k])
    return np.array(customers), np.array(entered), np.array(cured), np.array(kinds)


@njit(cache=True, nogil=True)
def _standing(customer, on, items, triggers, thresholds):  # type: ignore[no-untyped-def]
    """Return whether each customer is in default on its day, as known on that day."""
    standing = np.zeros(len(customer), dtype=np.bool_)
    for q in range(len(customer)):
        _, ends, _ = _spells(customer[q], on[q], items, triggers, thresholds)
        standing[q] = len(ends) > 0 and ends[-1] == NEVER
    return standing


@njit(cache=True, nogil=True)
def _spells(c, last, items, triggers, thresholds):  # type: ignore[no-untyped-def]
    """Return (entered, cured, kind) of customer c's spells up to day `last`, as known on it; cured is NEVER if not by
    then."""
    start, trigger_on, _, _, trigger_kind, _ = triggers
    consecutive, cure_days = thresholds[1], thresholds[8]
    entered, cured, kinds = [np.int32(0)][:0], [np.int32(0)][:0], [np.int8(0)][:0]
    when, balance_step, arrears_step, written_on, written = _steps(c, last, items, thresholds)
    begins, ends = _material_runs(when, balance_step, arrears_step, thresholds)
    known = np.empty(start[c + 1] - start[c], dtype=np.int64)
    t_end = 0
    for t in range(start[c], start[c + 1]):
        if _counts(t, last, triggers, thresholds, when, balance_step, written_on, written):
            known[t_end] = t
            t_end += 1
    r, t = 0, 0
    while True:
        # the next entry: a run that lasts long enough, or an event, whichever comes first
        while r < len(begins) and ends[r] - begins[r] <= consecutive:
            r += 1
        by_run = begins[r] + consecutive if r < len(begins) else NEVER
        by_event = trigger_on[known[t]] if t < t_end else NEVER
        enter = min(by_run, by_event)
        if enter > last:
            break
        kind = trigger_kind[known[t]] if by_event <= by_run else np.int8(PAST_DUE)
        clock, probation, k = np.int64(enter), cure_days[kind], 0
        while k < len(begins) and ends[k] <= enter:
            k += 1
        is_moved = True
        while is_moved:  # arrears and events within probation begin it again
            is_moved = False
            while k < len(begins) and begins[k] < clock + probation:
                clock, is_moved = max(clock, np.int64(ends[k])), True
                k += 1
            while t < t_end and trigger_on[known[t]] < clock + probation:
                clock, is_moved = max(clock, np.int64(trigger_on[known[t]])), True
                probation = max(probation, cure_days[trigger_kind[known[t]]])
                t += 1
        cure = clock + probation
        entered.append(np.int32(enter))
        cured.append(np.int32(cure if cure <= last else NEVER))
        kinds.append(np.int8(kind))
        if cure > last:
            break
        r = k
    return entered, cured, kinds


@njit(cache=True, nogil=True)
def _counts(t, last, triggers, thresholds, when, balance_step, written_on, written):  # type: ignore[no-untyped-def]
    """Return whether event t is known on day `last` and says unlikely to pay: a write-off only if material."""
    _, on, since, until, kind, cents = triggers
    if not (since[t] <= last < until[t]):
        return False
    if kind[t] != WRITE_OFF or thresholds[6] or cents[t] == ALL_THAT_IS_LEFT:
        return True
    total, balance = cents[t], np.int64(0)
    for k in range(len(written)):
        if written_on[k] == on[t]:
            total += written[k]
    for k in range(len(when)):
        if when[k] < on[t]:
            balance += balance_step[k]
    return _is_material(total, balance, thresholds)


@njit(cache=True, nogil=True)
def _is_material(amount, balance, thresholds):  # type: ignore[no-untyped-def]
    """Return whether an amount is above the policy's amount, and above (or at) its share of the balance."""
    material, share, share_included = thresholds[2], thresholds[3], thresholds[4]
    return amount > material and (amount >= share * balance if share_included else amount > share * balance)


@njit(cache=True, nogil=True)
def _steps(c, last, items, thresholds):  # type: ignore[no-untyped-def]
    """Return what moves customer c's balance and its arrears that count, and its write-offs, as known on day `last`.

    (when, balance_step, arrears_step): unsorted days with the change of either in cents; (written_on, written): the
    days of write-offs and what each took of its invoice.
    """
    starts, issued_on, due_on, since, until, amount, lines, on, line_from, line_until, cents, kind = items
    item_days, leave_disputed, stops_clock = thresholds[0], thresholds[5], thresholds[7]
    size, written_on, written = 0, [np.int32(0)][:0], [np.int64(0)][:0]
    for i in range(starts[c], starts[c + 1]):
        size += 4 + 4 * (lines[i + 1] - lines[i])
    when, balance_step, arrears_step = np.empty(size, np.int32), np.zeros(size, np.int64), np.zeros(size, np.int64)
    n = 0
    for i in range(starts[c], starts[c + 1]):
        if not (since[i] <= last < until[i]) or amount[i] == 0:
            continue
        paid, left, is_disputed, from_on, e, e_end = np.int64(0), amount[i], False, issued_on[i], lines[i], lines[i + 1]
        stopped = 0  # days past due in dispute
        while True:
            # what holds from from_on holds until the next line that is known, after the last one for ever
            while e < e_end and not (line_from[e] <= last < line_until[e]):
                e += 1
            to = NEVER if e == e_end else max(on[e], from_on)
            if stops_clock and is_disputed and to < NEVER:
                stopped += max(0, to - max(from_on, due_on[i] + 1))
            late = max(from_on, due_on[i] + 1 + item_days + stopped)
            if left > 0 and to > from_on:
                when[n], balance_step[n], when[n + 1], balance_step[n + 1] = from_on, left, to, -left
                n += 2
            if left > 0 and to > late and not (leave_disputed and is_disputed):
                when[n], arrears_step[n], when[n + 1], arrears_step[n + 1] = late, left, to, -left
                n += 2
            if e == e_end:
                break
            if kind[e] == DISPUTE_OPENED or kind[e] == DISPUTE_CLOSED:
                is_disputed = kind[e] == DISPUTE_OPENED
            else:
                paid = max(paid, amount[i]) if cents[e] == ALL_THAT_IS_LEFT else paid + cents[e]
            before = left
            left = amount[i] - paid if amount[i] - paid > TOLERANCE else np.int64(0)
            if kind[e] == WRITTEN_OFF_LINE:
                written_on.append(on[e])
                written.append(before - left)
            from_on, e = to, e + 1
    return when[:n], balance_step[:n], arrears_step[:n], written_on, written


@njit(cache=True, nogil=True)
def _material_runs(when, balance_step, arrears_step, thresholds):  # type: ignore[no-untyped-def]
    """Return the first days, and the first days after, of the runs of days on which the arrears that count are material."""
    order = np.argsort(when, kind="mergesort")
    begins, ends = [np.int32(0)][:0], [np.int32(0)][:0]
    balance, arrears, is_material, n = np.int64(0), np.int64(0), False, len(when)
    for k in range(n):
        balance += balance_step[order[k]]
        arrears += arrears_step[order[k]]
        if k + 1 < n and when[order[k + 1]] == when[order[k]]:
            continue
        if when[order[k]] == NEVER:
            break
        now = _is_material(arrears, balance, thresholds)
        if now and not is_material:
            begins.append(when[order[k]])
        elif is_material and not now:
            ends.append(when[order[k]])
        is_material = now
    if is_material:
        ends.append(NEVER)
    return begins, ends
