"""Score a whole ledger in parts of bounded size: the command line and the service's jobs use the same code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import pandas as pd

from decisions.scorer import Scorer

AT_ONCE = 1_000  # customers in one go: memory stays bounded whatever the ledger


def scored_parts(
    parts: Sequence[tuple[Scorer, Sequence[str]]], as_of: date, *, with_reasons: bool = False
) -> Iterator[pd.DataFrame]:
    """Yield the scores of at most AT_ONCE customers at a time, one row a customer, indexed by customer_id.

    Parameters
    ----------
    parts : scorers, each with the customers that it answers for.
    as_of : the end of the day asked about.
    with_reasons : add every contribution in log-odds and the reasons, see Scorer.contributions.

    Raises
    ------
    UnknownCustomer, FutureDay : as Scorer.score does.
    """
    for scorer, ids in parts:
        for start in range(0, len(ids), AT_ONCE):
            scores = scorer.score(ids[start : start + AT_ONCE], as_of)
            frame = scores.customers
            yield frame.join(scorer.contributions(scores)) if with_reasons else frame


def count_parts(customers: int) -> int:
    """Return how many parts so many customers make."""
    return -(-customers // AT_ONCE)
