"""Stand-ins for a model without a champion: they answer every question with missing values, never with a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ledger.default_status import PRIMARY, DefaultPolicy
from ledger.errors import InputError
from ledger.lgd import LgdTable
from models.rating_scale import MASTER_SCALE, MasterScale


class NoChampion(InputError):
    """A question needs a model that has no champion."""


@dataclass(frozen=True, kw_only=True)
class AbsentDefault:
    """In place of a default model: no PD, no grade. The status `in_default` follows the primary policy."""

    policy: DefaultPolicy = PRIMARY
    scale: MasterScale = MASTER_SCALE
    facts: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    horizon_months: None = None
    cold: None = None
    lgd: LgdTable | None = None
    peers: None = None
    learned_from: None = None

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of `DefaultModel.predict` without a horizon, all missing, one row a row of X."""
        names = ["pd_low", "pd_high", "score", "margin", "history_weight"]
        return pd.DataFrame(np.nan, index=X.index, columns=names).assign(grade=pd.Series(None, X.index, dtype=object))

    def contributions(self, X: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Raise NoChampion: there is nothing to explain."""
        raise NoChampion("no default model is the champion: there is no PD to explain. Train and promote one.")


@dataclass(frozen=True, kw_only=True)
class AbsentDelay:
    """In place of a delay model: no lateness, no expected cash."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    learned_from: None = None
