"""The ageing buckets by days past due, in one spelling for accounts, reports, answers and data quality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """One ageing bucket: its name in columns and answers, and the days past due that it holds, both ends included."""

    name: str
    first_day: int
    last_day: int

    @property
    def label(self) -> str:
        """The bucket as a person reads it: 1–30, > 90."""
        if self.name == "current":
            return self.name
        return f"> {self.first_day - 1}" if self.name.startswith("over") else f"{self.first_day}–{self.last_day}"


AGEING = (
    Bucket(name="current", first_day=0, last_day=0),
    Bucket(name="1_30", first_day=1, last_day=30),
    Bucket(name="31_60", first_day=31, last_day=60),
    Bucket(name="61_90", first_day=61, last_day=90),
    Bucket(name="over_90", first_day=91, last_day=10**6),
)
BUCKETS = tuple(bucket.name for bucket in AGEING)
_LAST_DAYS = np.array([bucket.last_day for bucket in AGEING[:-1]])


def bucket_numbers(days_past_due: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place in AGEING of each number of days past due (0: not past due)."""
    return np.searchsorted(_LAST_DAYS, days_past_due)
