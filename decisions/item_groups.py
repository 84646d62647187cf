"""Group the open items of a customer that has very many, so that a bounded number of them is predicted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_ITEMS = 300  # open items of one customer that are predicted; a customer with more has them grouped


def stand_ins(items: pd.DataFrame, most: int = MOST_ITEMS) -> NDArray[np.int64]:
    """Return for each open item the place of the item whose prediction stands for it: its own for most customers.

    The items of a customer with more than `most` are put in the order of days past due, age and amount, and cut into
    `most` groups of neighbours; the middle one of a group stands for it. It depends on the customer's items alone.

    Parameters
    ----------
    items : open items (see ledger.accounts): customer_id, days_past_due, issued_on, open_amount, item_id.
    most : groups of one customer at most.

    Returns
    -------
    Places in `items`, int64 of shape (items,).

    >>> items = pd.DataFrame({"customer_id": ["a"] * 4 + ["b"], "days_past_due": [3, 1, 2, 4, 9], "open_amount": [1.0] * 5,
    ...     "issued_on": pd.to_datetime(["2024-01-01"] * 5), "item_id": list("vwxyz")})
    >>> stand_ins(items, most=2).tolist()
    [3, 2, 2, 3, 4]
    """
    found = np.arange(len(items), dtype=np.int64)
    counts = items["customer_id"].value_counts()
    for customer_id in counts.index[counts > most]:
        own = np.flatnonzero((items["customer_id"] == customer_id).to_numpy())
        some = items.iloc[own]
        order = np.lexsort((
            some["item_id"].to_numpy(dtype=str), some["open_amount"].to_numpy(dtype=np.float64),
            some["issued_on"].to_numpy().astype(np.int64), some["days_past_due"].to_numpy(dtype=np.int64),
        ))  # fmt: skip
        for group in np.array_split(own[order], most):
            found[group] = group[len(group) // 2]
    return found
