"""Why a customer has no probability of default: the status with its cause, its day and the rows behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd

from decisions.scorer import IN_DEFAULT_STATUS, MERGED, NO_HISTORY, STALE, Scorer, Scores
from ledger.accounts import accounts
from ledger.default_status import default_spells
from ledger.known import day, known_on

MOST_NAMED = 5
EVENT_CODES = {
    "write_off": "in_default_write_off", "concession": "in_default_concession", "insolvency": "in_default_insolvency",
}  # fmt: skip


def status_code(scorer: Scorer, scores: Scores, customer_id: str) -> tuple[str, Mapping[str, Any]] | None:
    """Return the code and numbers of a customer's status sentence (see decisions.wording); None with an ordinary PD."""
    special = scores.customers.loc[customer_id, "special"]
    if special == IN_DEFAULT_STATUS:
        return _in_default(scorer, customer_id, scores.as_of)
    if special == MERGED:
        return _merged(scorer, customer_id, scores.as_of)
    if special == STALE:
        quiet = float(scores.customers["days_since_invoice"].loc[customer_id])
        return "stale_since", {"day": scores.as_of - timedelta(days=int(quiet))}
    if special == NO_HISTORY:
        return ("no_history" if scorer.default.cold is None else "door_only"), {}
    return None


def _in_default(scorer: Scorer, customer_id: str, as_of: date) -> tuple[str, Mapping[str, Any]]:
    """The day of entry and what triggered it: the items past due for too long that day, or the event."""
    prepared = scorer.served.prepared
    own = prepared.ledger.of(_members(scorer, customer_id))
    spells = default_spells(known_on(own, as_of), scorer.default.policy, until=pd.Timestamp(as_of))
    spells = spells[(spells["customer_id"] == customer_id).to_numpy() & spells["cured_on"].isna().to_numpy()]
    if spells.empty:
        return "in_default", {}
    entered, kind = spells["entered_on"].iloc[-1].date(), str(spells["kind"].iloc[-1])
    if kind in EVENT_CODES:
        return EVENT_CODES[kind], {"day": entered}
    items = accounts(prepared.settlement, [customer_id], day(entered)).items
    items = items[(items["days_past_due"] > scorer.default.policy.days_past_due).to_numpy() & ~items["is_disputed"]]
    items = items.sort_values("days_past_due", ascending=False)
    if items.empty:
        return "in_default_since", {"day": entered}
    return "in_default_items", {
        "day": entered, "count": len(items), "amount": float(items["open_amount"].sum()),
        "items": _named(list(items["item_id"])), "days": scorer.default.policy.days_past_due,
        "currency": scorer.served.currency,
    }  # fmt: skip


def _merged(scorer: Scorer, customer_id: str, as_of: date) -> tuple[str, Mapping[str, Any]]:
    events = scorer.served.ledger["events"]
    own = events[((events["customer_id"] == customer_id) & (events["kind"] == "merged_into")).to_numpy()]
    own = own[(own["occurred_on"] <= pd.Timestamp(as_of)).to_numpy()]
    if own.empty:
        return "merged", {}
    last = own.sort_values("occurred_on", kind="stable").iloc[-1]
    return "merged_into", {"day": last["occurred_on"].date(), "customer": str(last["detail"])}


def _members(scorer: Scorer, customer_id: str) -> list[str]:
    """A customer with those merged into it."""
    who = scorer.served.prepared.owners
    code = int(who.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    return sorted({customer_id, *(str(i) for i in who.ids[who.member[who.owner == code]])})


def _named(ids: list[str]) -> str:
    more = len(ids) - MOST_NAMED
    return ", ".join(ids[:MOST_NAMED]) + (f" (+{more})" if more > 0 else "")
