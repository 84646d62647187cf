"""Facts about customers that change: which row of a customer the books held on a day.

A customer may have several rows with `effective_on` or `booked_on`; each counts from the later of the two, the last such
row wins. A row without days counts for ever, as long as no other has come. Later rows never change an earlier day.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FOR_EVER = np.int64(-(2**62))


def master_known_from(customers: pd.DataFrame) -> NDArray[np.int64]:
    """Return the day (since 1970-01-01) from which each row of a customers table counts; FOR_EVER without days."""
    found = np.full(len(customers), FOR_EVER)
    for name in ("effective_on", "booked_on"):
        if name in customers and customers[name].notna().any():
            given = customers[name].notna().to_numpy()
            on = customers[name].to_numpy().astype("datetime64[D]").astype(np.int64)
            found = np.where(given, np.maximum(found, on), found)
    return found


def has_dated_rows(customers: pd.DataFrame) -> bool:
    """Return whether some customer has more than one row."""
    return bool(customers["customer_id"].duplicated().any())


def change_days(customers: pd.DataFrame) -> NDArray[np.int64]:
    """Return the sorted days on which some customer's facts change; none where each customer has one row."""
    if not has_dated_rows(customers):
        return np.zeros(0, dtype=np.int64)
    several = customers["customer_id"].duplicated(keep=False).to_numpy()
    since = master_known_from(customers)[several]
    return np.unique(since[since != FOR_EVER])


def customers_on(customers: pd.DataFrame, as_of: date | str | pd.Timestamp | int | None = None) -> pd.DataFrame:
    """Return one row a customer, in the order of their first rows: the facts that the books held at the end of a day.

    as_of : the day, or days since 1970-01-01; None: the last known facts. A customer of whom nothing is known by then has a
    row with nothing but its id.
    """
    if not has_dated_rows(customers):
        return customers
    since = master_known_from(customers)
    if as_of is None:
        at = np.iinfo(np.int64).max
    else:
        at = as_of if isinstance(as_of, int) else int(np.datetime64(pd.Timestamp(as_of), "D").astype(np.int64))
    known = customers.assign(since=since, place=np.arange(len(customers)))
    known = (
        known[since <= at].sort_values(["since", "place"], kind="stable").drop_duplicates("customer_id", keep="last")
    )
    ids = customers["customer_id"].drop_duplicates()
    whole = known.set_index("customer_id").reindex(ids).reset_index()[list(customers.columns)]
    return whole.astype({name: dtype for name, dtype in customers.dtypes.items() if whole[name].dtype != dtype})
