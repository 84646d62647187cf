"""Drift: whether what is known of the customers today still looks as it did on the day that the model learned from.

Every declared column is compared by PSI over bins frozen on the reference day. The meanings of missing are bins of their
own, so that 'not reported' turning into 'not applicable' shows. A PSI is read against what chance alone gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.engine.histories import build, missing_codes
from features.engine.prepared import PreparedLedger
from features.engine.snapshots import active
from features.language import Missing
from ledger.errors import InputError
from models.metrics import Bins, psi, psi_limit

CONFIDENCE = 0.95  # that no column at all is called moved when nothing moved
FEWEST_ROWS = 50  # customers on each of the two days below which bins say nothing
MEANINGS = [m for m in Missing if m is not Missing.PRESENT]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The customers of one day: their matrix, and in the same shape why a value is missing (0 where it is not)."""

    matrix: pd.DataFrame
    missing: pd.DataFrame

    @classmethod
    def on(cls, prepared: PreparedLedger, as_of: pd.Timestamp, columns: Sequence[str] | None = None) -> Observed:
        """Return the active customers of a ledger as known at the end of a day. columns : None for all."""
        matrix = build(prepared, active(prepared, [as_of]), columns)
        return cls(matrix=matrix, missing=missing_codes(prepared, matrix))


def drift(
    reference: Observed, now: Observed, *, columns: Iterable[str] | None = None, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Return one row per column, the most moved first: column, family, psi, limit, is_moved, bins, missing_before, missing_now.

    limit : the PSI that chance exceeds in none of the columns with `confidence` when nothing moved (each column has its
        share of the error: 1 - (1 - confidence) / columns), (1/N + 1/M) · χ² with bins - 1 degrees.
    missing_before, missing_now : shares of the customers without a value.

    A customer present on both days is not drawn anew, which makes the PSI smaller than chance would: the limit errs towards
    silence. Raises InputError where a day has fewer than 50 customers or the two do not hold the same columns.
    Source: Yurdakul and Naranjo, Statistical properties of the population stability index (2020).
    """
    names = list(reference.matrix.columns if columns is None else columns)
    if list(reference.matrix.columns) != list(now.matrix.columns):
        raise InputError("drift: both days must have the same columns; build them with the same catalogue.")
    rows = len(reference.matrix), len(now.matrix)
    if min(rows) < FEWEST_ROWS:
        raise InputError(
            f"drift: {rows[0]} customers on the reference day and {rows[1]} now; at least {FEWEST_ROWS} are needed on each."
        )
    each = 1 - (1 - confidence) / len(names)
    found = []
    for name in names:
        bins = Bins.of(reference.matrix[name])
        before, after = (counts(bins, day.matrix[name], day.missing[name]) for day in (reference, now))
        used = int(((before + after) > 0).sum())
        limit = psi_limit(*rows, used, each) if used > 1 else 0.0
        value = psi(before, after)
        found.append({
            "column": name, "family": CATALOGUE[name].family, "psi": value, "limit": limit, "is_moved": value > limit,
            "bins": used, "missing_before": before[-len(MEANINGS) :].sum() / rows[0],
            "missing_now": after[-len(MEANINGS) :].sum() / rows[1],
        })  # fmt: skip
    frame = pd.DataFrame(found)
    order = (frame["psi"] - frame["limit"]).sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def counts(bins: Bins, values: pd.Series, missing: pd.Series) -> NDArray[np.int64]:
    """Return customers in each bin; the last three are those without a value, by why: no history, not reported, not applicable."""
    why = missing.to_numpy()
    return np.concatenate([bins.counts(values)[:-1], [int((why == meaning).sum()) for meaning in MEANINGS]])
