"""Bills of exchange and bank acceptance drafts that have not matured: they stay exposure after their invoice is settled."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.currency import CENTS, reporting_cents
from ledger.known import NEVER, day, days, known_from, known_rows, known_until
from ledger.ledger import TABLES, Ledger
from ledger.owners import Owners
from ledger.sorting import by_group


def bill_arrays(ledger: Ledger, who: Owners) -> dict[str, NDArray[Any]]:
    """Return the bills of a settlement by owner: bill_start, bill_known_from, bill_known_until, bill_matures_on, bill_cents.

    A bill counts from the day on which the books hold it until it is superseded or, dishonoured, taken back by a reversal
    of the same invoice and amount. Cents are of the reporting currency, at the rate of the day on which it was given.
    """
    payments = ledger.payments
    is_bill = (payments["kind"] == "bill").to_numpy()
    if not is_bill.any():
        nothing = np.zeros(0, dtype=np.int32)
        return {
            "bill_start": np.zeros(len(who.ids) + 1, dtype=np.int64), "bill_known_from": nothing, "bill_known_until": nothing,
            "bill_matures_on": nothing, "bill_cents": np.zeros(0, dtype=np.int64),
        }  # fmt: skip
    since, until = known_from(payments, TABLES["payments"]), known_until(payments, TABLES["payments"]).copy()
    back = payments["kind"].to_numpy() == "reversal"
    keys = list(zip(payments["invoice_id"], np.rint(payments["amount"] * CENTS), strict=True))
    returned: dict[Any, int] = {}
    for row in np.flatnonzero(back):
        returned[keys[row]] = min(returned.get(keys[row], int(NEVER)), int(since[row]))
    rows = np.flatnonzero(is_bill)
    for row in rows:
        if not pd.isna(keys[row][0]) and keys[row] in returned:
            until[row] = min(until[row], max(returned[keys[row]], since[row]))
    bills = payments.iloc[rows]
    cents = reporting_cents(bills["amount"], bills["currency"], bills["paid_on"], ledger)
    source, customer, first, last = who.moved(who.codes(bills["customer_id"]), since[rows], until[rows])
    order, start = by_group(customer, len(who.ids))
    source = source[order]
    return {
        "bill_start": start, "bill_known_from": first[order], "bill_known_until": last[order],
        "bill_matures_on": days(bills["matures_on"])[source], "bill_cents": cents[source],
    }  # fmt: skip


def bills_outstanding(ledger: Ledger, as_of: date | str | pd.Timestamp) -> pd.DataFrame:
    """Return the bills that the books hold at the end of day `as_of` and that have not matured by then.

    Parameters
    ----------
    ledger : the ledger; a bill is a payment of kind `bill` with the day on which it falls due in `matures_on`.
    as_of : the day.

    Returns
    -------
    One row a bill, in the ledger's order: payment_id, customer_id, invoice_id, paid_on (given on), matures_on, amount
    and currency (of the document), cents (int64, of the reporting currency, at the rate of the day it was given).
    A bill without `matures_on` never leaves. A dishonoured bill is a payment of kind `reversal` that names the same
    invoice with the same amount, known by `as_of`: the bill no longer counts and its invoice is open again.
    """
    at, payments = np.int32(day(as_of)), ledger.payments
    known = known_rows(payments, TABLES["payments"], at)
    bills = payments[known & (payments["kind"] == "bill").to_numpy() & (days(payments["matures_on"]) > at)]
    back = payments[known & (payments["kind"] == "reversal").to_numpy()]
    returned = {(i, round(a * CENTS)) for i, a in zip(back["invoice_id"], back["amount"], strict=True)}
    kept = [(i, round(a * CENTS)) not in returned for i, a in zip(bills["invoice_id"], bills["amount"], strict=True)]
    bills = bills[np.array(kept, dtype=bool)].reset_index(drop=True)
    shown = bills[["payment_id", "customer_id", "invoice_id", "paid_on", "matures_on", "amount", "currency"]]
    return shown.assign(cents=reporting_cents(bills["amount"], bills["currency"], bills["paid_on"], ledger))
