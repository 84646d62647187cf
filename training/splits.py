"""How data are split: by time, with the gap that an outcome needs, and by customer, the same way on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.errors import InputError


def customer_folds(customer_ids: Iterable[str], folds: int, salt: str = "") -> NDArray[np.int64]:
    """Return the fold, 0 … folds − 1, of each customer id: the first 8 bytes of SHA-256 of salt and id.

    It does not depend on the other customers, on their order or on a seed of the process, so a customer stays in its
    fold when the ledger grows.
    """
    given = customer_ids if isinstance(customer_ids, np.ndarray) else np.asarray(list(customer_ids), dtype=object)
    place, ids = pd.factorize(given)
    digests = (hashlib.sha256(f"{salt}:{i}".encode()).digest() for i in ids)
    fold = np.array([int.from_bytes(d[:8], "big") % folds for d in digests], dtype=np.int64)
    return fold[place] if len(fold) else np.zeros(0, dtype=np.int64)


def origins(first: date | pd.Timestamp, last: date | pd.Timestamp, step_months: int) -> list[pd.Timestamp]:
    """Month ends from `last` backwards every `step_months`, none before `first`; ascending."""
    if step_months < 1:
        raise InputError(f"The step_months of origins must be at least 1. Got {step_months} instead.")
    found, day = [], pd.Timestamp(last) + pd.offsets.MonthEnd(0)
    if day > pd.Timestamp(last):
        day -= pd.offsets.MonthEnd(1)
    while day >= pd.Timestamp(first):
        found.append(day)
        day -= pd.offsets.MonthEnd(step_months)
    return found[::-1]
