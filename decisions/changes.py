"""Why a customer's PD is another one than on an earlier day: split exactly into time, events, others, policy and model.

The steps lead from the PD of then to the PD of now, each by one more thing that changed, so their sum is the difference
to rounding. Passing time is the PD of now had every invoice been paid on its due day and nothing else happened; an
invoice then counts by how it was really paid. Events are taken in the order of their days and in the reverse order, and
count with the mean of both, since the effect of one depends on those before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from decisions.customer_view import open_in_own_currency
from decisions.scenarios import copies, frames_of, mark, of_others
from decisions.scorer import Scorer
from features.engine.histories import build
from ledger.accounts import accounts
from ledger.known import day, known_from, known_on, known_until
from ledger.ledger import TABLES, Ledger
from models.absent import AbsentDefault
from models.default.model import DefaultModel

MOST_EVENTS = 8  # named one by one; the rest together
TIME, OTHERS, POLICY, MODEL, REST = "time", "others", "policy", "model", "rest"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One step: what changed (code and what its sentence needs) and by how much the PD moved (a share of 1)."""

    code: str
    change: float
    on: date | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """pd_then + the sum of the parts' changes is pd_now."""

    since: date
    as_of: date
    pd_then: float
    pd_now: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class _Event:
    """Rows that belong together: an invoice with its payments, or the rows of one table."""

    code: str
    on: date
    rows: Mapping[str, pd.DataFrame]
    numbers: Mapping[str, Any]
    replaces: tuple[str, ...] = ()  # invoices whose supposed payment on the due day this is the truth of


def changes(scorer: Scorer, customer_id: str, since: date, as_of: date, *, then: DefaultModel | None = None) -> Changes:
    """Return the split of a customer's change of PD between two days.

    Parameters
    ----------
    scorer : the ledger and the model of now. since, as_of : the two days. then : the model of then (None: the same one).

    Both PDs are the model's own, in default or not: a status is no part of the split.
    """
    model_then = then or scorer.default
    columns = tuple(dict.fromkeys((*model_then.needed, *scorer.default.needed)))
    whole_then, whole_now = (_inputs(scorer, customer_id, on, columns) for on in (since, as_of))
    pd_then, pd_now = _pd(model_then, whole_then), _pd(scorer.default, whole_now)
    events, base, calm = _events(scorer, customer_id, since, as_of)
    fixed = [name for name in columns if name in of_others(group=True)]
    forward, backward = list(range(len(events))), list(range(len(events)))[::-1]
    variants = [_variant(base, calm, [])]
    for order in (forward, backward):
        variants += [_variant(base, calm, [events[i] for i in order[: n + 1]]) for n in range(len(order))]
    served = copies(variants, scorer)
    ids = [mark(customer_id, number) for number in range(len(variants))]
    snapshots = pd.DataFrame({"customer_id": pd.Series(ids, dtype="str"), "as_of": pd.Timestamp(as_of)})
    X = build(served.prepared, snapshots, columns=columns).set_axis(ids)
    for name in fixed:
        X[name] = float(whole_then[name].iloc[0])
    along = model_then.predict(X)[f"pd_{model_then.horizon_months}m"].to_numpy(dtype=np.float64)
    effects = np.zeros(len(events))
    for order, start in ((forward, 1), (backward, 1 + len(events))):
        path = np.concatenate([along[:1], along[start : start + len(events)]])
        effects[order] += np.diff(path) / 2
    after_events = along[0] + float(effects.sum())
    own_now = whole_now.assign(**{name: float(whole_then[name].iloc[0]) for name in fixed})
    rest = _pd(model_then, own_now) - after_events
    with_others = _pd(model_then, whole_now)
    parts = [Part(code=TIME, change=float(along[0]) - pd_then)]
    parts += [
        Part(code=e.code, change=float(c), on=e.on, numbers=e.numbers) for e, c in zip(events, effects, strict=True)
    ]
    parts += [
        Part(code=REST, change=rest), Part(code=OTHERS, change=with_others - (after_events + rest)),
        Part(code=POLICY, change=0.0), Part(code=MODEL, change=pd_now - with_others),
    ]  # fmt: skip
    return Changes(since=since, as_of=as_of, pd_then=pd_then, pd_now=pd_now, parts=tuple(parts))


def _inputs(scorer: Scorer, customer_id: str, on: date, columns: Sequence[str]) -> pd.DataFrame:
    snapshots = pd.DataFrame({"customer_id": pd.Series([customer_id], dtype="str"), "as_of": [pd.Timestamp(on)]})
    return build(scorer.served.prepared, snapshots, columns=columns).set_axis([customer_id])


def _pd(model: DefaultModel | AbsentDefault, X: pd.DataFrame) -> float:
    return float(model.predict(X)[f"pd_{model.horizon_months}m"].iloc[0])


def _variant(base: Mapping[str, pd.DataFrame], calm: pd.DataFrame, events: Sequence[_Event]) -> dict[str, pd.DataFrame]:
    """The ledger of then, with the events that happened; invoices without theirs are paid on their due day."""
    frames = dict(base)
    real = {invoice for event in events for invoice in event.replaces}
    supposed = calm[~calm["invoice_id"].isin(list(real)).to_numpy()] if len(calm) else calm
    added: dict[str, list[pd.DataFrame]] = {"payments": [supposed]} if len(supposed) else {}
    for event in events:
        for name, rows in event.rows.items():
            added.setdefault(name, []).append(rows)
    for name, parts in added.items():
        own = [frames[name], *parts] if name in frames else parts
        both = pd.concat([p.astype(object) for p in own], ignore_index=True)
        # a corrected row has its predecessor's key and takes its place
        frames[name] = both.drop_duplicates(list(TABLES[name].key), keep="last", ignore_index=True)
    return frames


def _events(
    scorer: Scorer, customer_id: str, since: date, as_of: date
) -> tuple[list[_Event], dict[str, pd.DataFrame], pd.DataFrame]:
    """(what happened between the two days, in order; the customer's ledger as known then; payments on due days)."""
    who = scorer.served.prepared.owners
    code = int(who.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    members = sorted({customer_id, *(str(i) for i in who.ids[who.member[who.owner == code]])})
    own = scorer.served.ledger.of(members)
    base = frames_of(known_on(own, since))
    for name, frame in list(base.items()):
        if "superseded_on" in frame:
            base[name] = frame.assign(superseded_on=pd.Series(pd.NaT, index=frame.index, dtype="datetime64[s]"))
    new = {name: _new_rows(frame, name, since, as_of) for name, frame in frames_of(own).items() if name != "customers"}
    new = {name: rows for name, rows in new.items() if len(rows) and name not in ("macro", "exchange_rates")}
    calm = _calm(scorer, customer_id, since, as_of)
    events = [*_invoice_events(own, new, calm, as_of), *_other_events(new)]
    return sorted(_named(events), key=lambda e: (e.on, e.code)), base, calm


def _new_rows(frame: pd.DataFrame, name: str, since: date, as_of: date) -> pd.DataFrame:
    """The rows that became known between the two days and are still valid on the later one."""
    first, until = known_from(frame, TABLES[name]), known_until(frame, TABLES[name])
    rows = frame[(first > day(since)) & (first <= day(as_of)) & (until > day(as_of))]
    return (
        rows.assign(superseded_on=pd.Series(pd.NaT, index=rows.index, dtype="datetime64[s]"))
        if "superseded_on" in rows
        else rows
    )


def _calm(scorer: Scorer, customer_id: str, since: date, as_of: date) -> pd.DataFrame:
    """Payments on the due day of what was open and not yet due then, and falls due by the later day."""
    items = accounts(scorer.served.prepared.settlement, [customer_id], day(since)).items
    own, due = open_in_own_currency(scorer, customer_id, since), items["due_on"]
    items = items[((due > pd.Timestamp(since)) & (due <= pd.Timestamp(as_of))).to_numpy()]
    keys = list(zip(items["invoice_id"], items["due_on"].dt.date, strict=True))
    return pd.DataFrame({
        "payment_id": [f"calm-{k}-{i}" for k, i in enumerate(items["item_id"])], "customer_id": customer_id,
        "invoice_id": list(items["invoice_id"]), "paid_on": list(items["due_on"]), "amount": [own[key][0] for key in keys],
        "currency": [own[key][1] for key in keys], "kind": "payment", "booked_on": list(items["due_on"]),
    })  # fmt: skip


def _invoice_events(
    own: Ledger, new: Mapping[str, pd.DataFrame], calm: pd.DataFrame, as_of: date
) -> list[_Event]:  # fmt: skip
    """One event an invoice that is new or about which something new is known, or that was not paid on its due day."""
    by_invoice: dict[str, dict[str, pd.DataFrame]] = {}
    for name in ("invoices", "payments", "events", "instalments"):
        table = new.get(name)
        if table is None:
            continue
        for invoice_id, part in table[table["invoice_id"].notna().to_numpy()].groupby("invoice_id", sort=False):
            by_invoice.setdefault(str(invoice_id), {})[name] = part
    for invoice_id in calm["invoice_id"] if len(calm) else ():
        by_invoice.setdefault(str(invoice_id), {})
    invoices = own.invoices.drop_duplicates("invoice_id", keep="last").set_index("invoice_id")
    found = []
    supposed = set(calm["invoice_id"]) if len(calm) else set()
    plans = set(own["instalments"]["invoice_id"])
    first_due = (
        calm[calm["invoice_id"].isin(plans)].groupby("invoice_id")["paid_on"].min() if len(calm) else pd.Series()
    )
    for invoice_id, rows in by_invoice.items():
        if invoice_id not in invoices.index:
            continue
        invoice: Any = invoices.loc[invoice_id]
        payments = rows.get("payments")
        paid = None if payments is None else payments["paid_on"].max()
        end = paid if paid is not None else pd.Timestamp(as_of)
        due_on = first_due.get(invoice_id, invoice["due_on"])  # of an instalment plan what fell due first
        late = int((end - due_on).days)
        is_new = "invoices" in rows
        code = "paid_late" if paid is not None and late > 0 else "paid" if paid is not None else (
            "unpaid" if late > 0 else "new_invoice" if is_new else "event")  # fmt: skip
        on = paid if paid is not None else max(due_on, invoice["issued_on"]) if late > 0 else invoice["issued_on"]
        found.append(_Event(
            code=code, on=on.date(), rows=rows, replaces=(invoice_id,) if invoice_id in supposed else (),
            numbers={"invoice": invoice_id, "amount": float(invoice["amount"]), "days": max(late, 0), "count": 1},
        ))  # fmt: skip
    return found


_DAY_OF = {"ratings": "rated_on", "credit_terms": "effective_on", "attributes": "observed_on", "events": "occurred_on",
           "payments": "paid_on", "orders": "ordered_on"}  # fmt: skip


def _other_events(new: Mapping[str, pd.DataFrame]) -> list[_Event]:
    """One event a table for the rows that name no invoice."""
    found = []
    for name, column in _DAY_OF.items():
        rows = new.get(name)
        if rows is None:
            continue
        if "invoice_id" in rows:
            rows = rows[rows["invoice_id"].isna().to_numpy()]
        if len(rows):
            found.append(_Event(
                code=name, on=rows[column].max().date(), rows={name: rows}, numbers={"count": len(rows)}
            ))  # fmt: skip
    return found


def _named(events: Sequence[_Event]) -> list[_Event]:
    """The events that are named one by one, and those of each kind that are not, together."""
    weight = {"unpaid": 0, "paid_late": 1}
    ranked = sorted(
        events, key=lambda e: (weight.get(e.code, 2 if e.code in _DAY_OF else 3), -e.numbers.get("days", 0))
    )
    kept, rest = ranked[:MOST_EVENTS], ranked[MOST_EVENTS:]
    grouped: dict[str, list[_Event]] = {}
    for event in rest:
        grouped.setdefault(event.code, []).append(event)
    for code, same in grouped.items():
        kept += _together(code, same)
    return kept


def _together(code: str, same: Sequence[_Event]) -> list[_Event]:
    rows: dict[str, list[pd.DataFrame]] = {}
    for event in same:
        for name, frame in event.rows.items():
            rows.setdefault(name, []).append(frame)
    return [_Event(
        code=code, on=max(event.on for event in same), rows={name: pd.concat(parts) for name, parts in rows.items()},
        numbers={"count": len(same), "days": 0}, replaces=tuple(i for e in same for i in e.replaces),
    )] if len(same) > 1 else list(same)  # fmt: skip
