"""Drift: what moves is called moved, what does not is not, and why a value is missing counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ledger.errors import InputError
from models.metrics import Bins, psi_limit
from training.lifecycle.monitor import Observed, counts, drift

NAMES = ["late_share_12m", "open_amount", "rating_risk"]


def day(rows: int, seed: int, *, shift: float = 0.0, missing: tuple[float, int] = (0.0, 2)) -> Observed:
    rng = np.random.default_rng(seed)
    matrix = pd.DataFrame({name: rng.normal(shift if name == NAMES[0] else 0.0, 1, rows) for name in NAMES})
    matrix.loc[rng.random(rows) < missing[0], NAMES[2]] = np.nan
    codes = matrix.isna().astype(np.int8) * missing[1]
    return Observed(matrix=matrix, missing=codes)


def moved(before: Observed, now: Observed) -> list[str]:
    found = drift(before, now)
    return sorted(found.loc[found["is_moved"], "column"])


def test_days_alike_have_not_moved_in_nineteen_of_twenty_draws() -> None:
    assert sum(bool(moved(day(1000, k), day(400, 10_000 + k))) for k in range(200)) <= 200 * 0.05 + 9


def test_a_shift_is_found_and_alone() -> None:
    assert moved(day(1000, 3), day(1000, 4, shift=0.4)) == ["late_share_12m"]


def test_why_a_value_is_missing_counts() -> None:
    before, same = day(1000, 3, missing=(0.3, 2)), day(1000, 4, missing=(0.3, 2))
    assert moved(before, same) == []
    assert moved(before, day(1000, 4, missing=(0.3, 3))) == ["rating_risk"]


def test_bins_are_those_of_the_reference_and_the_limit_shares_the_error_out() -> None:
    values = pd.Series([1.0, 2.0, 3.0, np.nan, np.nan])
    why = pd.Series([0, 0, 0, 1, 3])
    assert counts(Bins.of(pd.Series([1.0, 2.0]), count=2), values, why).tolist() == [2, 1, 1, 0, 1]
    found = drift(day(1000, 1), day(1000, 2)).set_index("column").loc["open_amount"]
    assert found["bins"] == 10
    assert found["limit"] == pytest.approx(psi_limit(1000, 1000, 10, 1 - 0.05 / 3))


def test_too_few_customers_are_said() -> None:
    with pytest.raises(InputError, match="20 customers on the reference day and 1000 now; at least 50"):
        drift(day(20, 1), day(1000, 2))
