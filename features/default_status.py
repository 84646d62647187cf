"""Default by policy: what counts as default, when each customer entered and left it, and who is in default on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from features.currency import CENTS
from features.errors import InputError
from features.known import NEVER, Days, day, known_from, known_until
from features.ledger import TABLES, Ledger
from features.settlement import Settlement, dates, settle

DAYS_A_MONTH = 365.25 / 12  # probation is counted in days: 3 months are 91, 12 months 365
KINDS = ("past_due", "write_off", "concession", "insolvency")  # why a customer is in default
PAST_DUE, WRITE_OFF, CONCESSION, INSOLVENCY = range(4)


@dataclass(frozen=True, kw_only=True)
class DefaultPolicy:
    """What default means: thresholds, days, horizons, cure. Logged by name and version with each model.

    A customer enters default on the day on which the open items more than `item_days_past_due` days past due have been
    material for more than `consecutive_days` days in a row, or on an event that says unlikely to pay. Material is above
    `material_amount` (reporting currency) and above `material_share` of the customer's open balance. Items in dispute
    stay in the balance and out of the arrears while `leaves_out_disputed`.

    It leaves default after `cure_months` without material arrears, after a concession `concession_cure_months`; an
    insolvency does not cure (a ledger has no event that ends it). `horizons_months`, ascending, name the numbers:
    pd_12m.
    `maturity_days` are added to a horizon before an outcome counts as seen.
    """

    name: str
    version: str
    consecutive_days: int = 90
    item_days_past_due: int = 0
    material_amount: float = 500.0
    material_share: float = 0.01
    leaves_out_disputed: bool = True
    unlikely_to_pay: tuple[str, ...] = ("insolvency", "write_off", "concession")
    cure_months: int = 3
    concession_cure_months: int = 12
    horizons_months: tuple[int, ...] = (3, 6, 12)
    maturity_days: int = 90
    source: str = "CRR Art. 178; Delegated Regulation (EU) 2018/171"

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

    @property
    def horizon_months(self) -> int:
        """The longest horizon: that of the number called PD."""
        return self.horizons_months[-1]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DefaultPolicy:
        lists = {name: tuple(stored[name]) for name in ("unlikely_to_pay", "horizons_months")}
        return cls(**{**stored, **lists})


PRIMARY = DefaultPolicy(name="primary", version="1")
BUREAU = DefaultPolicy(
    name="bureau", version="1", consecutive_days=0, item_days_past_due=90, material_amount=0.0, material_share=0.10,
    unlikely_to_pay=("insolvency",),
    source="Bureau practice: a tenth of the balance more than 90 days past due, or legal relief",
)  # fmt: skip
SHORT_HISTORY = DefaultPolicy(
    name="short_history", version="1", consecutive_days=60, horizons_months=(3, 6), maturity_days=60,
    source="The primary definition with 60 days and 6 months, for ledgers of less than three years",
)  # fmt: skip
POLICIES: Mapping[str, DefaultPolicy] = {p.name: p for p in (PRIMARY, BUREAU, SHORT_HISTORY)}


def policy_named(name: str) -> DefaultPolicy:
    """The policy called `name`; raises InputError for an unknown one."""
    if name not in POLICIES:
        raise InputError(f"unknown default policy '{name}'; known are {', '.join(POLICIES)}.")
    return POLICIES[name]


def default_spells(
    ledger: Ledger, policy: DefaultPolicy, *, until: date | str | pd.Timestamp | None = None
) -> pd.DataFrame:
    """When customers entered and left default, by the days on which things happened, by all that is known now.

    For labels: a payment booked late counts from the day it was paid, a corrected row not at all. `until` is the last
    day that is looked at (the ledger's last known day). One row a spell, sorted by (customer_id, entered_on):
    customer_id, entered_on, cured_on (NaT: not cured by `until`), kind (past_due, write_off, concession, insolvency).
    """
    last = day(ledger.last_known_on if until is None else until)
    return _frame(*_spells(_as_it_happened(ledger), policy, last))


def known_spells(ledger: Ledger, policy: DefaultPolicy, *, settlement: Settlement | None = None) -> pd.DataFrame:
    """When customers entered and left default in the books: each day judged by what was booked by its end.

    The status on day T is the same in `ledger` and in `known_on(ledger, T)`. Columns as `default_spells`.
    """
    return _frame(*_spells(ledger, policy, int(NEVER) - 1, settlement))


def in_default(
    ledger: Ledger, snapshots: pd.DataFrame, policy: DefaultPolicy, *, settlement: Settlement | None = None
) -> pd.Series:
    """Whether each snapshot's customer is in default as the books knew it at the end of its day.

    snapshots : columns customer_id, as_of. Returns a boolean Series in their order, indexed by (customer_id, as_of).
    """
    spells = known_spells(ledger, policy, settlement=settlement)
    found = standing(spells, snapshots)
    return pd.Series(found, index=pd.MultiIndex.from_frame(snapshots[["customer_id", "as_of"]]), name="in_default")


def standing(spells: pd.DataFrame, snapshots: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether one of `spells` has begun by each snapshot's day and not ended by it."""
    asked = pd.DataFrame({
        "customer_id": snapshots["customer_id"].to_numpy(), "on": snapshots["as_of"].astype("datetime64[s]").to_numpy(),
        "row": np.arange(len(snapshots)),
    }).sort_values("on", kind="stable")  # fmt: skip
    begun = spells.sort_values("entered_on", kind="stable")
    begun = pd.DataFrame(
        {"customer_id": begun["customer_id"], "on": begun["entered_on"], "cured_on": begun["cured_on"], "begun": True}
    )
    asked["customer_id"], begun["customer_id"] = asked["customer_id"].astype("str"), begun["customer_id"].astype("str")
    found = pd.merge_asof(asked, begun, on="on", by="customer_id")
    result = np.zeros(len(asked), dtype=bool)
    inside = found["begun"].notna() & ~(found["cured_on"] <= found["on"])
    result[found["row"].to_numpy()] = inside.to_numpy()
    return result


def _as_it_happened(ledger: Ledger) -> Ledger:
    """The ledger as if each fact had been booked on the day it happened, without the rows that were corrected since."""
    tables = {}
    for name, frame in ledger.tables.items():
        declared = TABLES[name]
        if declared.event and declared.known and "superseded_on" in declared.columns:
            kept = frame[frame["superseded_on"].isna()]
            frame = kept.assign(**{declared.known: kept[declared.event]}).reset_index(drop=True)
        tables[name] = frame
    return Ledger(tables=tables)


def _spells(
    ledger: Ledger, policy: DefaultPolicy, last: int, settlement: Settlement | None = None
) -> tuple[NDArray[np.object_], NDArray[np.int64], Days, Days, NDArray[np.int8]]:
    s = settle(ledger) if settlement is None else settlement
    start, trigger_on, trigger_kind = _triggers(ledger, s, policy)
    cure = [round(m * DAYS_A_MONTH) for m in (policy.cure_months, policy.cure_months, policy.concession_cure_months)]
    found = _sweep(
        s.invoice_start, s.due_on, s.known_until, s.version_start, s.version_known_from, s.open_cents, s.is_disputed,
        start, trigger_on, trigger_kind, np.array([*cure, int(NEVER)], dtype=np.int64), policy.item_days_past_due,
        policy.consecutive_days, round(policy.material_amount * CENTS), policy.material_share,
        policy.leaves_out_disputed, last,
    )  # fmt: skip
    return (s.owners.ids, *found)


def _triggers(ledger: Ledger, s: Settlement, policy: DefaultPolicy) -> tuple[NDArray[np.int64], Days, NDArray[np.int8]]:
    """Events that say unlikely to pay, by customer and day: each customer's start, their known days, their kinds."""
    events = ledger.events[ledger.events["kind"].isin(list(policy.unlikely_to_pay))]
    kind = events["kind"].map({k: i for i, k in enumerate(KINDS)}).to_numpy(dtype=np.int8)
    since, until = known_from(events, TABLES["events"]), known_until(events, TABLES["events"])
    row, customer, since, until = s.owners.moved(s.owners.codes(events["customer_id"]), since, until)
    kind = kind[row]
    order = np.lexsort((kind, since, customer))
    start = np.searchsorted(customer[order], np.arange(len(s.owners.ids) + 1)).astype(np.int64)
    return start, since[order].astype(np.int32), kind[order]


def _frame(
    ids: NDArray[np.object_], customer: NDArray[np.int64], entered: Days, cured: Days, kind: NDArray[np.int8]
) -> pd.DataFrame:
    return pd.DataFrame({
        "customer_id": pd.array(ids[customer], dtype="str"), "entered_on": dates(entered), "cured_on": dates(cured),
        "kind": np.array(KINDS, dtype=object)[kind],
    })  # fmt: skip


@njit(cache=True, nogil=True)
def _sweep(  # type: ignore[no-untyped-def]
    invoice_start, due_on, known_until, version_start, version_known_from, open_cents, is_disputed,
    trigger_start, trigger_on, trigger_kind, cure_days, item_days, consecutive, amount, share, leave_disputed, last,
):  # fmt: skip
    """(customer, entered, cured, kind) of each spell that begins by day `last`, by customer and day."""
    customers, entered, cured, kinds = [0][:0], [np.int32(0)][:0], [np.int32(0)][:0], [np.int8(0)][:0]
    for c in range(len(invoice_start) - 1):
        begins, ends = _material_runs(
            invoice_start[c], invoice_start[c + 1], due_on, known_until, version_start, version_known_from, open_cents,
            is_disputed, item_days, amount, share, leave_disputed,
        )  # fmt: skip
        r, t, t_end = 0, trigger_start[c], trigger_start[c + 1]
        while True:
            # the next entry: a run that lasts long enough, or an event, whichever comes first
            while r < len(begins) and ends[r] - begins[r] <= consecutive:
                r += 1
            by_run = begins[r] + consecutive if r < len(begins) else NEVER
            by_event = trigger_on[t] if t < t_end else NEVER
            enter = min(by_run, by_event)
            if enter > last or enter == NEVER:
                break
            kind = trigger_kind[t] if by_event <= by_run else np.int8(PAST_DUE)
            clock, probation = np.int64(enter), cure_days[kind]
            # arrears and events within probation begin it again
            k = 0
            while k < len(begins) and ends[k] <= enter:
                k += 1
            while True:
                moved = False
                while k < len(begins) and begins[k] < clock + probation:
                    clock, moved = max(clock, np.int64(ends[k])), True
                    k += 1
                while t < t_end and trigger_on[t] < clock + probation:
                    clock, moved = max(clock, np.int64(trigger_on[t])), True
                    probation = max(probation, cure_days[trigger_kind[t]])
                    t += 1
                if not moved:
                    break
            cure = min(clock + probation, np.int64(NEVER))
            customers.append(c)
            entered.append(np.int32(enter))
            cured.append(np.int32(cure if cure <= last else NEVER))
            kinds.append(np.int8(kind))
            if cure >= NEVER:
                break
            r = k
    return np.array(customers), np.array(entered), np.array(cured), np.array(kinds).astype(np.int8)


@njit(cache=True, nogil=True)
def _material_runs(  # type: ignore[no-untyped-def]
    first, stop, due_on, known_until, version_start, version_known_from, open_cents, is_disputed, item_days, amount,
    share, leave_disputed,
):  # fmt: skip
    """First days and first days after of each run of days with material arrears, of the invoice entries first:stop."""
    begins, ends = [np.int32(0)][:0], [np.int32(0)][:0]
    size = 0
    for i in range(first, stop):
        size += 4 * (version_start[i + 1] - version_start[i])
    on, balance_step, arrears_step = np.empty(size, np.int32), np.zeros(size, np.int64), np.zeros(size, np.int64)
    n = 0
    for i in range(first, stop):
        for v in range(version_start[i], version_start[i + 1]):
            since = version_known_from[v]
            to = version_known_from[v + 1] if v + 1 < version_start[i + 1] else known_until[i]
            left = open_cents[v]
            if left == 0 or to <= since:
                continue
            on[n], balance_step[n] = since, left
            on[n + 1], balance_step[n + 1] = to, -left
            n += 2
            late = max(since, due_on[i] + 1 + item_days)
            if late < to and not (leave_disputed and is_disputed[v]):
                on[n], arrears_step[n] = late, left
                on[n + 1], arrears_step[n + 1] = to, -left
                n += 2
    order = np.argsort(on[:n], kind="mergesort")
    balance, arrears, is_material = np.int64(0), np.int64(0), False
    for k in range(n):
        balance += balance_step[order[k]]
        arrears += arrears_step[order[k]]
        if k + 1 < n and on[order[k + 1]] == on[order[k]]:
            continue
        now = arrears > amount and arrears >= share * balance and (arrears > share * balance or item_days > 0)
        if on[order[k]] >= NEVER:
            break
        if now and not is_material:
            begins.append(on[order[k]])
        elif is_material and not now:
            ends.append(on[order[k]])
        is_material = now
    if is_material:
        ends.append(np.int32(NEVER))
    return begins, ends
