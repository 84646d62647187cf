"""Facts about customers as known on a day: name, country, industry, segment, and the group that each belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from ledger.dated_master import customers_on
from ledger.ledger import Ledger

NOT_GIVEN = "not given"  # stands for a missing country, segment or industry in a report's rows


def master_on(ledger: Ledger, as_of: date | pd.Timestamp) -> pd.DataFrame:
    """Return one row a customer with the facts that the books held at the end of `as_of`.

    Parameters
    ----------
    ledger : the ledger.
    as_of : the day.

    Returns
    -------
    Frame indexed by customer_id (text, unique) with name, country, industry, segment, parent_id, group_id (the topmost
    parent, the customer itself without one) and group_name; NaN where the books do not say.
    """
    customers = customers_on(ledger.tables["customers"], as_of).set_index("customer_id")
    frame = customers[["name", "country", "industry", "segment", "parent_id"]].copy()
    parents = {str(c): str(p) for c, p in frame["parent_id"].dropna().items()}
    if not parents:  # everyone is a group of its own
        frame["group_id"], frame["group_name"] = (
            frame.index.to_numpy(dtype=object),
            frame["name"].to_numpy(dtype=object),
        )
        return frame.astype({"group_id": "str", "group_name": "str"})
    frame["group_id"] = [topmost(str(c), parents) for c in frame.index]
    names = frame["name"].to_dict()
    frame["group_name"] = [names.get(g) for g in frame["group_id"]]
    return frame


def topmost(customer_id: str, parents: Mapping[str, str]) -> str:
    """Return the topmost parent of a customer; the smallest id of the circle where parents run in one."""
    seen = [customer_id]
    while (above := parents.get(seen[-1])) is not None:
        if above in seen:
            return min(seen[seen.index(above) :])
        seen.append(above)
    return seen[-1]
