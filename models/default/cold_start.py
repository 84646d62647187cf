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
class Places:
    """Where the columns of the two parts stand among the columns of their mixture, of which there are `columns`."""

    history: NDArray[np.int64]
    door: NDArray[np.int64]
    length: int
    columns: int

    @classmethod
    def of(cls, needed: tuple[str, ...], history: tuple[str, ...], door: tuple[str, ...]) -> Places:
        """Return the places by name."""
        at = {name: place for place, name in enumerate(needed)}
        return cls(
            history=np.array([at[name] for name in history], dtype=np.int64),
            door=np.array([at[name] for name in door], dtype=np.int64), length=at[LENGTH], columns=len(needed),
        )  # fmt: skip


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

    def shares(
        self, X: pd.DataFrame, base: float, history: Floats, history_log_odds: Floats, places: Places
    ) -> tuple[Floats, Floats]:
        """Return ((rows, columns) contributions of the mixture about the history's base, (rows,) its log-odds).

        history, history_log_odds : the same of the history alone. places : where the columns of the history, those of the
        door and the history's length stand among the columns of the mixture.
        A column that both parts use has the sum of its two weighted contributions. What the two bases differ by is the
        contribution of the history's length: how much a short one alone moves the average customer.
        """
        w = self.history_weight(X)
        door_base, door, door_log_odds = self.door.shares(X)
        found = np.zeros((len(X), places.columns))
        found[:, places.door] += (1.0 - w)[:, None] * door
        found[:, places.history] += w[:, None] * history
        found[:, places.length] += (1.0 - w) * (door_base - base)
        return found, w * history_log_odds + (1.0 - w) * door_log_odds

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
