"""The open book: every item open on a day as the books held it, in the form in which the delay model is asked about
it.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from ledger.currency import CENTS, document_amounts
from ledger.instalments import item_names
from ledger.ledger import Ledger
from ledger.settlement import Settlement


def open_items_on(ledger: Ledger, settlement: Settlement, as_of: date | str | pd.Timestamp) -> pd.DataFrame:
    """Return every item open at the end of `as_of`, as the books held it.

    One row an open item: invoice_id, number (of the instalment, 0 for an invoice with one due date), item_id (the
    invoice's id, INVOICE#NUMBER for an instalment), customer_id (the owner after mergers), as_of, issued_on, due_on, amount
    (of the item) and currency as documented, open_amount in the reporting currency, days_past_due, is_disputed, country (NaN: not
    given)."""
    state = settlement.at(as_of)
    state = state[state["closed_kind"] == "open"].sort_values(
        ["customer_id", "due_on", "invoice_id", "number"], ignore_index=True
    )
    documents = ledger.invoices.iloc[state["row"].to_numpy()]
    country = ledger.customers.set_index("customer_id")["country"]
    number, currency = state["number"].to_numpy(), documents["currency"].to_numpy()
    parts = document_amounts(state["document_amount_cents"], pd.Series(currency))
    names = item_names(state["invoice_id"].to_numpy(dtype=object), number.astype(np.int32))
    return pd.DataFrame(
        {
            "invoice_id": state["invoice_id"].astype("str"),
            "number": number,
            "item_id": pd.Series(names, dtype="str"),
            "customer_id": state["customer_id"].astype("str"),
            "as_of": np.full(len(state), np.datetime64(pd.Timestamp(as_of), "s")),
            "issued_on": state["issued_on"],
            "due_on": state["due_on"],
            "amount": np.where(number > 0, parts, documents["amount"].to_numpy()),
            "currency": currency,
            "open_amount": state["open_cents"].to_numpy() / CENTS,
            "days_past_due": state["days_past_due"].to_numpy(),
            "is_disputed": state["is_disputed"].to_numpy(),
            "country": country.reindex(state["customer_id"]).to_numpy(),
        }
    )
