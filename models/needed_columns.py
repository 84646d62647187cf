"""The columns of a matrix that a model reads, by name; a matrix that lacks one is refused: no column, no number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.errors import InputError

FEW_ROWS = 200  # up to these the whole frame is read as one array; above it only the columns asked


def refuse_missing(X: pd.DataFrame, needed: Sequence[str], model: str) -> None:
    """Raise InputError where X lacks columns that the model (its name: 'default', 'delay') needs."""
    _places(tuple(X.columns.tolist()), tuple(needed), model)


def values_of(X: pd.DataFrame, columns: Sequence[str], model: str, kind: Any = np.float64) -> NDArray[Any]:
    """Return some columns of X by name, as a C-ordered array of type `kind`. Raises InputError as `refuse_missing` does."""
    places = _places(tuple(X.columns.tolist()), tuple(columns), model)
    if len(X) <= FEW_ROWS and (whole := X.to_numpy()).dtype == np.float64:
        return np.ascontiguousarray(whole[:, places], dtype=kind)
    return np.ascontiguousarray(X.iloc[:, places].to_numpy(dtype=kind))


@lru_cache(maxsize=128)
def _places(given: tuple[str, ...], needed: tuple[str, ...], model: str) -> NDArray[np.int64]:
    """Return where the needed columns stand among those given."""
    place = {name: at for at, name in enumerate(given)}
    missing = [name for name in needed if name not in place]
    if missing:
        raise InputError(
            f"the {model} model needs {len(needed)} columns; {len(missing)} are missing: "
            f"{', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}. "
            "Build them with the catalogue that the model was trained with."
        )
    return np.array([place[name] for name in needed], dtype=np.int64)
