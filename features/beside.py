"""Values that stand beside a customer's own rows: peers, group and published series, each as known on the same day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.book import Book
from features.known import Days
from features.owners import Codes

GIVENS: tuple[str, ...] = ()


def values_beside(book: Book, customer: Codes, days: Days) -> NDArray[np.float64]:
    """One row a (customer, day), one column a name in GIVENS; NaN where not known."""
    return np.full((len(customer), len(GIVENS)), np.nan)
