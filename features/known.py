"""The one cut by time: which rows were known on a day, and from when until when each row counts."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ledger import TABLES, Ledger, Table

NEVER = np.int32(2**31 - 1)  # a day that does not come
Days = NDArray[np.int32]


def days(column: pd.Series) -> Days:
    """A column of dates as int32 days since 1970-01-01; NaT becomes `NEVER`."""
    values = column.to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(values), np.int64(NEVER), values.astype(np.int64)).astype(np.int32)


def day(as_of: date | str | pd.Timestamp) -> int:
    """One date as days since 1970-01-01."""
    return int(np.datetime64(pd.Timestamp(as_of).date(), "D").astype(np.int64))


def known_from(frame: pd.DataFrame, table: Table) -> Days:
    """The first day on which each row counts: the later of its event date and its known date."""
    if table.event is None:
        return np.full(len(frame), -NEVER, dtype=np.int32)
    event = days(frame[table.event])
    return event if table.known is None else np.maximum(event, days(frame[table.known].fillna(frame[table.event])))


def known_until(frame: pd.DataFrame, table: Table) -> Days:
    """The first day on which each row no longer counts, because a correction superseded it; else `NEVER`."""
    if "superseded_on" not in table.columns:
        return np.full(len(frame), NEVER, dtype=np.int32)
    return days(frame["superseded_on"])


def known_on(ledger: Ledger, as_of: date | str | pd.Timestamp) -> Ledger:
    """The ledger as the books held it at the end of day `as_of`: nothing that happened or was booked later.

    Rows superseded later count and lose their `superseded_on`, which was not known yet. Tables without a date
    (customers) stay whole.
    """
    at, tables = day(as_of), {}
    for name, frame in ledger.tables.items():
        table = TABLES[name]
        kept = frame[(known_from(frame, table) <= at) & (known_until(frame, table) > at)].reset_index(drop=True)
        if "superseded_on" in kept:
            kept["superseded_on"] = pd.NaT
            kept["superseded_on"] = kept["superseded_on"].astype("datetime64[s]")
        tables[name] = kept
    return Ledger(tables=tables)
