"""Choose the snapshots: which customers are scored on which days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

from features.engine.prepared import PreparedLedger
from ledger.accounts import ACTIVE_DAYS
from ledger.errors import InputError
from ledger.known import day
from ledger.ledger import Ledger
from ledger.settlement import OPEN, Settlement, dates, settle


def month_ends(first: date | str | pd.Timestamp, last: date | str | pd.Timestamp) -> pd.DatetimeIndex:
    """Return the last days of the months from `first` to `last`, both included where they are month ends.

    Raises
    ------
    InputError : `first` comes after `last`.

    Examples
    --------
    >>> [str(day.date()) for day in month_ends("2024-01-31", "2024-03-30")]
    ['2024-01-31', '2024-02-29']
    """
    start, end = pd.Timestamp(first), pd.Timestamp(last)
    if start > end:
        raise InputError(f"the first day ({start.date()}) comes after the last ({end.date()}): swap them.")
    return pd.date_range(start, end, freq="ME").as_unit("s")


def active(
    known: Ledger | PreparedLedger | Settlement, as_of_dates: Iterable[date | str | pd.Timestamp]
) -> pd.DataFrame:
    """Return the active customers of each day: those with an open item, or an invoice issued in the 365
    days before.

    Returns a frame (customer_id, as_of as datetime64[s]), sorted by as_of and customer, one row a snapshot. Only what was
    known on each day decides. A customer merged into another by then is not among them: its rows count for the other.
    """
    settlement = (
        known
        if isinstance(known, Settlement)
        else known.settlement
        if isinstance(known, PreparedLedger)
        else settle(known)
    )
    s, parts = settlement, []
    for as_of in sorted({day(d) for d in as_of_dates}):
        at = np.int32(as_of)
        entries, version = s.held_on(at)
        is_open = s.closed_kind[version] == OPEN
        kept = np.unique(s.customer[entries[is_open | (s.issued_on[entries] > at - ACTIVE_DAYS)]])
        parts.append(pd.DataFrame({"customer_id": s.owners.ids[kept], "as_of": dates(np.full(len(kept), as_of))}))
    if not parts:
        raise InputError("no as_of date is given: give at least one.")
    frame = pd.concat(parts, ignore_index=True)
    return frame.astype({"customer_id": "str"})
