"""Keep the item matrix's rows of questions that are asked more than once, so that each is computed once a fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.histories import build_items
from features.engine.prepared import PreparedLedger

# a row of the matrix depends on these alone; a corrected invoice has other dates or another amount on another day
KEY = ("invoice_id", "number", "customer_id", "as_of", "issued_on", "due_on", "amount", "currency")


class ItemMatrices:
    """Rows of `build_items` by question.

    Parameters
    ----------
    prepared : the ledger that every row is computed from.
    columns : catalogue columns of the rows, in their order.
    """

    def __init__(self, prepared: PreparedLedger, columns: Sequence[str]) -> None:
        self._prepared, self._columns = prepared, list(columns)
        self._keys = pd.DataFrame({"row": np.zeros(0, dtype=np.int64)})
        self._rows: NDArray[np.float64] = np.empty((0, len(self._columns)))

    def of(self, items: pd.DataFrame, *, is_kept: bool = True) -> pd.DataFrame:
        """Return the matrix of `items`, float64, one row an item in the order given with a range as its index.

        items : as `build_items` takes them, with invoice_id. is_kept : keep the rows that were computed; without it only
        those already kept are reused (for questions that nobody asks again).
        """
        items = items if "number" in items else items.assign(number=0)
        asked = items[list(KEY)].reset_index(drop=True)
        if self._keys.empty:
            place = np.full(len(asked), -1, dtype=np.int64)
        else:
            place = asked.merge(self._keys, on=list(KEY), how="left")["row"].fillna(-1).to_numpy(np.int64)
        new = np.flatnonzero(place < 0)
        found = np.empty((len(asked), len(self._columns)))
        found[place >= 0] = self._rows[place[place >= 0]]
        if len(new):
            found[new] = build_items(self._prepared, items.iloc[new], self._columns).to_numpy()
        if is_kept and len(new):
            added = asked.iloc[new].assign(row=len(self._rows) + np.arange(len(new)))
            added = added.drop_duplicates(list(KEY))
            self._rows = np.concatenate([self._rows, found[new]])
            self._keys = added if self._keys.empty else pd.concat([self._keys, added], ignore_index=True)
        return pd.DataFrame(found, columns=self._columns, copy=False)
