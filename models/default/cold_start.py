"""What is known of a customer at the door, as a PD of its own, and how it gives way to the history as that grows.

log-odds = (1 − w) · door + w · history, w = m / (m + half), m the months since the customer's first invoice: 0 for a
customer without one, near 1 after years. w does not look at how the customer pays, so a worse history, which lowers
neither part, never lowers the mixture; and it moves day by day, so nothing jumps when an invoice is issued or settled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.errors import InputError
from models.default.calibrated_ensemble import CalibratedBag

Floats = NDArray[np.float64]

LENGTH = "days_since_first_invoice"  # the catalogue column that the weight is a function of
DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """The part of the default model that needs no history.

    door : calibrated on the customers' first months, from columns that are known before any invoice.
    half_months : months of history at which door and history weigh the same.
    quality : how good it was on later data (JSON numbers), for who is given a PD of it.
    """

    door: CalibratedBag
    half_months: float
    quality: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 < self.half_months < float("inf"):
            raise InputError(f"The half_months of a cold start must be above 0. Got {self.half_months} instead.")

    @property
    def columns(self) -> tuple[str, ...]:
        """Return what it asks for: the door's columns and the length of the history."""
        return (*self.door.columns, *(() if LENGTH in self.door.columns else (LENGTH,)))

    def history_weight(self, X: pd.DataFrame) -> Floats:
        """Return w of each row of X, from 0 (no invoice is known: NaN days since the first) to near 1."""
        if LENGTH not in X.columns:
            raise InputError(f"the default model needs the column {LENGTH}, which is missing.")
        return history_weight(X[LENGTH].to_numpy(dtype=np.float64), self.half_months)

    def mixed(self, X: pd.DataFrame, log_odds: Floats, spread: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (log-odds, spread, w) of the mixture with the history's log-odds and their fit error, one a row of X.

        The fit errors are added as if they went together: an upper bound, since both parts learn from the same
        customers and how their errors go together is not known.
        """
        w = self.history_weight(X)
        door, door_spread = self.door.log_odds(X)
        return (1.0 - w) * door + w * log_odds, (1.0 - w) * door_spread + w * spread, w

    def contributions(
        self, X: pd.DataFrame, base: float, history: pd.DataFrame, columns: tuple[str, ...]
    ) -> pd.DataFrame:
        """Return contributions of the mixture to its log-odds, about the history's base: one column a name in `columns`.

        A column that both parts use has the sum of its two weighted contributions. What the two bases differ by is the
        contribution of the history's length: how much a short one alone moves the average customer.
        """
        w = self.history_weight(X)[:, None]
        door_base, door = self.door.contributions(X)
        found = np.zeros((len(X), len(columns)))
        for part, weight in ((door, 1.0 - w), (history, w)):
            found[:, [columns.index(name) for name in part.columns]] += weight * part.to_numpy()
        found[:, columns.index(LENGTH)] += (1.0 - w[:, 0]) * (door_base - base)
        return pd.DataFrame(found, index=X.index, columns=list(columns))

    def save(self, folder: Path) -> None:
        """Write it as text files: cold_start.json and one LightGBM text file a member."""
        stored = {"door": self.door.save(folder), "half_months": self.half_months, "quality": dict(self.quality)}
        text = json.dumps(stored, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / "cold_start.json").write_text(text)

    @classmethod
    def load(cls, folder: Path) -> ColdStart | None:
        """Return what `save` wrote into `folder`; None where a model without this part was saved."""
        if not (folder / "cold_start.json").exists():
            return None
        stored = json.loads((folder / "cold_start.json").read_text())
        door = CalibratedBag.load(folder, stored["door"])
        return cls(door=door, half_months=float(stored["half_months"]), quality=stored["quality"])


def history_weight(days_since_first_invoice: Floats, half_months: float) -> Floats:
    """Return m / (m + half_months), m the days in months; 0 where no invoice is known (NaN)."""
    months = np.maximum(np.nan_to_num(np.asarray(days_since_first_invoice, dtype=np.float64)), 0.0) / DAYS_A_MONTH
    return np.asarray(months / (months + half_months), dtype=np.float64)
