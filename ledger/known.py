"""The one cut by time: which rows were known on a day, and from when until when each row counts."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.dated_master import customers_on
from ledger.lazy_njit import njit
from ledger.ledger import TABLES, Ledger, Table

NEVER = np.int32(2**31 - 1)  # a day that does not come
SECONDS_A_DAY = 86_400
NOT_GIVEN = np.iinfo(np.int64).min  # NaT among seconds
Days = NDArray[np.int32]


def days(column: pd.Series) -> Days:
    """Return a column of dates as int32 days since 1970-01-01; NaT becomes `NEVER`."""
    found: Days = _days(_seconds(column))
    return found


def _seconds(column: pd.Series) -> NDArray[np.int64]:
    """A column of dates as int64 seconds since 1970-01-01; NaT is `NOT_GIVEN`. Read-only, as pandas hands columns out."""
    values = np.ascontiguousarray(column.to_numpy())
    if values.dtype != np.dtype("datetime64[s]"):
        values = values.astype("datetime64[s]")
    seconds = values.view(np.int64)
    seconds.flags.writeable = False
    return seconds


@njit(cache=True, nogil=True)
def _days(seconds):  # type: ignore[no-untyped-def]
    found = np.empty(len(seconds), dtype=np.int32)
    for i in range(len(seconds)):
        found[i] = NEVER if seconds[i] == NOT_GIVEN else seconds[i] // SECONDS_A_DAY
    return found


@njit(cache=True, nogil=True)
def _later(event, known):  # type: ignore[no-untyped-def]
    """Return the later of two days; the first where the second is not given."""
    found = np.empty(len(event), dtype=np.int32)
    for i in range(len(event)):
        seconds = event[i] if known[i] == NOT_GIVEN or event[i] == NOT_GIVEN else max(event[i], known[i])
        found[i] = NEVER if seconds == NOT_GIVEN else seconds // SECONDS_A_DAY
    return found


def day(as_of: date | str | pd.Timestamp) -> int:
    """Return one date as days since 1970-01-01."""
    return int(np.datetime64(pd.Timestamp(as_of).date(), "D").astype(np.int64))


def known_from(frame: pd.DataFrame, table: Table) -> Days:
    """Return the first day on which each row counts: the later of its event date and its known date.

    A table without an event date counts from its known date; where that is empty, or the table has none, always.
    """
    if table.event is None and table.known is not None:
        since = days(frame[table.known])
        return np.where(since == NEVER, -NEVER, since).astype(np.int32)
    if table.event is None:
        return np.full(len(frame), -NEVER, dtype=np.int32)
    event = frame[table.event]
    found: Days = days(event) if table.known is None else _later(_seconds(event), _seconds(frame[table.known]))
    return found


def known_until(frame: pd.DataFrame, table: Table) -> Days:
    """Return the first day on which each row no longer counts, because a correction superseded it; else `NEVER`."""
    if "superseded_on" not in table.columns:
        return np.full(len(frame), NEVER, dtype=np.int32)
    return days(frame["superseded_on"])


def is_known(since: Any, until: Any, at: Any) -> Any:
    """Return where rows are known on day `at`: from `since` on, and before `until`. Arrays or single days, elementwise."""
    return (since <= at) & (until > at)


def known_rows(frame: pd.DataFrame, table: Table, at: Any) -> NDArray[np.bool_]:
    """Return which rows of a table the books held at the end of day `at` (days since 1970-01-01)."""
    found: NDArray[np.bool_] = is_known(known_from(frame, table), known_until(frame, table), at)
    return found


def known_on(ledger: Ledger, as_of: date | str | pd.Timestamp) -> Ledger:
    """Return the ledger as the books held it at the end of day `as_of`: nothing that happened or was booked later.

    Rows superseded later count and lose their `superseded_on`, which was not known yet. Tables without a date stay whole; of a
    customer's dated rows the last one known on the day is left.

    Examples
    --------
    >>> import pandas as pd
    >>> from ledger.ledger import Ledger
    >>> ledger = Ledger.from_frames(
    ...     customers=pd.DataFrame({"customer_id": ["acme"]}),
    ...     invoices=pd.DataFrame({
    ...         "invoice_id": ["a"], "customer_id": ["acme"], "kind": ["invoice"], "issued_on": ["2024-01-02"],
    ...         "due_on": ["2024-02-01"], "amount": [100.0], "currency": ["EUR"]}),
    ...     payments=pd.DataFrame({
    ...         "payment_id": ["p"], "customer_id": ["acme"], "invoice_id": ["a"], "paid_on": ["2024-02-11"], "booked_on": ["2024-02-12"],
    ...         "amount": [100.0], "currency": ["EUR"], "kind": ["payment"]}))
    >>> [len(known_on(ledger, day).payments) for day in ("2024-02-11", "2024-02-12")]
    [0, 1]
    """
    at, tables = day(as_of), {}
    for name, frame in ledger.tables.items():
        table = TABLES[name]
        kept = frame[known_rows(frame, table, at)].reset_index(drop=True)
        if "superseded_on" in kept:
            kept["superseded_on"] = pd.NaT
            kept["superseded_on"] = kept["superseded_on"].astype("datetime64[s]")
        tables[name] = customers_on(kept, at) if name == "customers" else kept
    return Ledger(tables=tables)


def known_by(ledger: Ledger, as_of: date | str | pd.Timestamp) -> Ledger:
    """Return all that the books held on `as_of` or on any day before: what `known_on` returns, and the rows superseded by then.

    What was known on an earlier day is read from it as from the whole ledger; `known_on(ledger, as_of)` answers for `as_of` alone,
    since a corrected row is no longer in it. What became known later is not in it, a later `superseded_on` neither.
    """
    at, tables = day(as_of), {}
    for name, frame in ledger.tables.items():
        kept = frame[known_from(frame, TABLES[name]) <= at].reset_index(drop=True)
        if "superseded_on" in kept:
            is_later = days(kept["superseded_on"]) > at
            kept["superseded_on"] = kept["superseded_on"].mask(is_later).astype("datetime64[s]")
        tables[name] = kept
    return Ledger(tables=tables)
