"""Bills of exchange and bank acceptance drafts that have not matured: they stay exposure after their invoice is settled."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from ledger.currency import CENTS, reporting_cents
from ledger.known import day, days, known_from, known_until
from ledger.ledger import TABLES, Ledger


def bills_outstanding(ledger: Ledger, as_of: date | str | pd.Timestamp) -> pd.DataFrame:
    """Return the bills that the books hold at the end of day `as_of` and that have not matured by then.

    Parameters
    ----------
    ledger : the ledger; a bill is a payment of kind `bill` with the day on which it falls due in `matures_on`.
    as_of : the day asked about.

    Returns
    -------
    One row a bill, in the ledger's order: payment_id, customer_id, invoice_id, paid_on (given on), matures_on, amount
    and currency (of the document), cents (int64, of the reporting currency, at the rate of the day it was given).
    A bill without `matures_on` never leaves. A dishonoured bill is a payment of kind `reversal` that names the same
    invoice with the same amount, known by `as_of`: the bill no longer counts and its invoice is open again.
    """
    at, payments = np.int32(day(as_of)), ledger.payments
    known = (known_from(payments, TABLES["payments"]) <= at) & (known_until(payments, TABLES["payments"]) > at)
    bills = payments[known & (payments["kind"] == "bill").to_numpy() & (days(payments["matures_on"]) > at)]
    back = payments[known & (payments["kind"] == "reversal").to_numpy()]
    returned = {(i, round(a * CENTS)) for i, a in zip(back["invoice_id"], back["amount"], strict=True)}
    kept = [(i, round(a * CENTS)) not in returned for i, a in zip(bills["invoice_id"], bills["amount"], strict=True)]
    bills = bills[np.array(kept, dtype=bool)].reset_index(drop=True)
    shown = bills[["payment_id", "customer_id", "invoice_id", "paid_on", "matures_on", "amount", "currency"]]
    return shown.assign(cents=reporting_cents(bills["amount"], bills["currency"], bills["paid_on"], ledger))
