"""Refuses a matrix that lacks columns which a model was trained on: no column, no number."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ledger.errors import InputError


def refuse_missing(X: pd.DataFrame, needed: Sequence[str], model: str) -> None:
    """Raise InputError where X lacks columns that the model (its name: 'default', 'delay') needs."""
    missing = [name for name in needed if name not in X.columns]
    if missing:
        raise InputError(
            f"the {model} model needs {len(needed)} columns; {len(missing)} are missing: "
            f"{', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}. "
            "Build them with the catalogue that the model was trained with."
        )
