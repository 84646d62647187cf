"""Detect implausible due dates: far beyond a year, and far beyond all terms that the customer has had."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.engine.prepared import PreparedLedger
from ledger.known import Days
from ledger.owners import Codes

Whole = NDArray[np.int64]

LONG_TERMS = 365  # days; shorter terms are always taken at their word
TIMES_THE_LONGEST = 12  # of the customer's other invoices
FEWEST_OTHERS = 3  # invoices of the customer, from which usual terms can be computed


def days_moved(prepared: PreparedLedger, customer: Codes, as_of: Days, issued: Whole, due: Whole, item: Whole) -> Whole:
    """Return by how many days each item's stated due date lies after the one from which its answer counts; 0 where
    it is plausible.

    A due date is implausible where the terms are longer than LONG_TERMS and than TIMES_THE_LONGEST times the longest terms
    of the customer's other invoices known at the end of `as_of`; a wrong year, most likely. The answer then counts from
    issue + the median terms of those others. A customer with fewer than FEWEST_OTHERS has no usual terms: nothing is moved.

    customer, item : codes (`PreparedLedger.item_codes`); −1 for one that the books do not hold. as_of, issued, due : days since 1970-01-01.
    """
    s, moved, terms = prepared.settlement, np.zeros(len(due), dtype=np.int64), due - issued
    for i in np.flatnonzero((terms > LONG_TERMS) & (customer >= 0)):
        own = slice(s.invoice_start[customer[i]], s.invoice_start[customer[i] + 1])
        known = (
            (s.known_from[own] <= as_of[i]) & (s.known_until[own] > as_of[i]) & (prepared.item_codes[own] != item[i])
        )
        others = (s.due_on[own].astype(np.int64) - s.issued_on[own])[known]
        if len(others) >= FEWEST_OTHERS and terms[i] > TIMES_THE_LONGEST * others.max():
            moved[i] = terms[i] - int(np.floor(np.median(others)))
    return moved
