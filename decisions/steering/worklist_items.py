"""The overdue items of a day with all that the worklist needs of each: actions, promises, chances, master data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisions.action_effects import acted_rows, actions_of, item_states
from decisions.collections import pays_by_itself
from decisions.collections_policy import CollectionsPolicy
from decisions.promises import promises_on
from ledger.known import day
from ledger.ledger import Ledger
from ledger.open_items import open_items_on
from ledger.settlement import Settlement


@dataclass(frozen=True, kw_only=True)
class OverdueBook:
    """items : one row an open item past due, as `decisions.collections.worklist` takes them, with name, due_on, issued_on,
    country, is_natural_person. states, actions : as `action_effects` takes them. promises : see `promises_on`."""

    items: pd.DataFrame
    states: pd.DataFrame
    actions: pd.DataFrame
    promises: pd.DataFrame


def overdue_book(
    ledger: Ledger,
    settlement: Settlement,
    as_of: pd.Timestamp,
    policy: CollectionsPolicy,
    pd_of: pd.Series | None = None,
) -> OverdueBook:
    """Return the overdue items of `as_of` as the books held them.

    pd_of : each customer's PD by customer_id; None where no model scored them: then no loss avoided is counted.
    """
    states, actions = item_states(ledger, settlement, as_of), actions_of(ledger, as_of)
    promises = promises_on(ledger, settlement, as_of)
    items = open_items_on(ledger, settlement, as_of)
    items = items[items["days_past_due"] > 0].reset_index(drop=True)
    customers = ledger.customers.drop_duplicates("customer_id", keep="last").set_index("customer_id")
    who, at = items["customer_id"], day(as_of)
    last_promise = promises.groupby("invoice_id")["status"].last().reindex(items["invoice_id"])
    soon = pays_by_itself(states, items, actions, at, policy.leave_alone_days, policy.effects.dpd_bands)
    since = {}
    about = acted_rows(states, actions)  # of instalments the one that each action is about
    actions_on = actions.assign(
        number=np.where(about >= 0, states["number"].to_numpy()[about], 0) if len(states) else 0
    )
    names = ["invoice_id", "number"]
    for step in policy.steps:
        own = actions_on[(actions["kind"] == step.kind) | ("dunning_" + actions["level"].astype(str) == step.kind)]
        if len(own):
            last = (
                own.groupby(names)["on"]
                .max()
                .reindex(pd.MultiIndex.from_frame(items[names].astype({"invoice_id": object})))
            )
            since[f"days_since_{step.kind}"] = at - last.to_numpy(np.float64)
    items = items.assign(
        name=customers["name"].reindex(who).to_numpy(),
        segment=customers["segment"].reindex(who).fillna("").to_numpy(dtype=object),
        is_natural_person=customers["is_natural_person"].reindex(who).to_numpy(dtype=object),
        promise=last_promise.astype(object).where(last_promise.notna(), None).to_numpy(),
        pays_by_itself=soon,
        pd=np.nan if pd_of is None else pd_of.reindex(who).to_numpy(np.float64),
        **since,
    )
    return OverdueBook(items=items, states=states, actions=actions, promises=promises)
