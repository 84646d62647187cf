"""The open book: every item open on a day as the books held it, in the form in which the delay model is asked about
it.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from ledger.currency import CENTS
from ledger.ledger import Ledger
from ledger.settlement import Settlement


def open_items_on(ledger: Ledger, settlement: Settlement, as_of: date | str | pd.Timestamp) -> pd.DataFrame:
    """Return every item open at the end of `as_of`, as the books held it.

    One row an open item: invoice_id, customer_id (the owner after mergers), as_of, issued_on, due_on, amount and
    currency as documented, open_amount in the reporting currency, days_past_due, is_disputed, country (NaN: not
    given)."""
    state = settlement.at(as_of)
    state = state[state["closed_kind"] == "open"].sort_values(
        ["customer_id", "due_on", "invoice_id"], ignore_index=True
    )
    documents = ledger.invoices.iloc[state["row"].to_numpy()]
    country = ledger.customers.set_index("customer_id")["country"]
    return pd.DataFrame(
        {
            "invoice_id": state["invoice_id"].astype("str"),
            "customer_id": state["customer_id"].astype("str"),
            "as_of": np.full(len(state), np.datetime64(pd.Timestamp(as_of), "s")),
            "issued_on": state["issued_on"],
            "due_on": state["due_on"],
            "amount": documents["amount"].to_numpy(),
            "currency": documents["currency"].to_numpy(),
            "open_amount": state["open_cents"].to_numpy() / CENTS,
            "days_past_due": state["days_past_due"].to_numpy(),
            "is_disputed": state["is_disputed"].to_numpy(),
            "country": country.reindex(state["customer_id"]).to_numpy(),
        }
    )
