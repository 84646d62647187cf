"""Promises to pay: which were kept, which were broken, which fall due today."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ledger.known import day, known_rows
from ledger.ledger import TABLES, Ledger
from ledger.settlement import Settlement

KEPT, BROKEN, DUE_TODAY, WAITING, NO_DAY = "kept", "broken", "due_today", "waiting", "no_day_given"


def promises_on(ledger: Ledger, settlement: Settlement, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return every promise to pay known on `as_of`, one row a promise.

    Columns: invoice_id, customer_id, made_on, promised_on (NaT where the event's `detail` holds no ISO day), amount (as
    promised; NaN: not given), status: kept (the invoice was settled by the promised day; of instalments those that were
    due on the day of the promise, or the first), broken (the day is over and it was
    not, or a later `promise_broken` event says so), due_today, waiting, no_day_given.
    """
    events, at = ledger.events, day(as_of)
    known = known_rows(events, TABLES["events"], at)
    own = events[known & (events["kind"] == "promise_to_pay").to_numpy() & events["invoice_id"].notna().to_numpy()]
    broken = events[known & (events["kind"] == "promise_broken").to_numpy()]
    promised = pd.to_datetime(own["detail"], format="%Y-%m-%d", errors="coerce")
    settled = _settled_on(settlement.at(as_of), own)
    last_broken = broken.groupby("invoice_id")["occurred_on"].max().reindex(own["invoice_id"]).to_numpy()
    promised_on, made_on = promised.to_numpy(), own["occurred_on"].to_numpy()
    today = np.datetime64(pd.Timestamp(as_of).normalize(), "s")
    kept = ~np.isnat(settled) & (settled <= promised_on)
    said_broken = ~np.isnat(last_broken) & (last_broken >= made_on) & (last_broken > promised_on)
    status = np.select(
        [np.isnat(promised_on), kept, said_broken | (promised_on < today), promised_on == today],
        [NO_DAY, KEPT, BROKEN, DUE_TODAY],
        WAITING,
    )
    return pd.DataFrame(
        {
            "invoice_id": own["invoice_id"].to_numpy(dtype=object),
            "customer_id": own["customer_id"].to_numpy(dtype=object),
            "made_on": made_on,
            "promised_on": promised_on,
            "amount": own["amount"].to_numpy(),
            "status": status,
        }
    ).sort_values(["made_on", "invoice_id"], ignore_index=True)


def _settled_on(state: pd.DataFrame, promises: pd.DataFrame) -> np.ndarray:
    """Return the day on which what each promise is about was settled; NaT where it is not."""
    items = state[["invoice_id", "number", "due_on", "settled_on"]].sort_values(["invoice_id", "due_on", "number"])
    items = items.assign(is_first=~items["invoice_id"].duplicated())
    made = pd.DataFrame({
        "promise": np.arange(len(promises)), "invoice_id": promises["invoice_id"].to_numpy(dtype=object),
        "made_on": promises["occurred_on"].to_numpy(),
    })  # fmt: skip
    pairs = made.merge(items, on="invoice_id")
    pairs = pairs[(pairs["number"] == 0) | pairs["is_first"] | (pairs["due_on"] <= pairs["made_on"])]
    by_promise = pairs.groupby("promise")["settled_on"]
    settled = by_promise.max().where(by_promise.count() == by_promise.size())
    return settled.reindex(made["promise"]).to_numpy()
