"""Which ledger a model learned from: a small sample of its invoices' fingerprints, found again in a ledger or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.ledger import Ledger

SAMPLE = 256  # invoices whose fingerprints are kept: those with the smallest ones, so a sample drawn evenly
SAME_SHARE = 0.9  # of the sample found again: corrections and mergers may have changed the rest


@dataclass(frozen=True, kw_only=True)
class LearnedFrom:
    """A model's ledger: its fingerprint on the day of training, and a sample of its invoices' fingerprints."""

    as_of: str
    fingerprint: str
    sample: tuple[str, ...]

    @classmethod
    def of(cls, ledger: Ledger, as_of: date | str | pd.Timestamp) -> LearnedFrom:
        """Return what identifies a ledger of which a model learns what is known on `as_of`."""
        return cls.of_sample(ledger.fingerprint, smallest_fingerprints(ledger, as_of), as_of)

    @classmethod
    def of_sample(cls, fingerprint: str, smallest: NDArray[np.uint64], as_of: date | str | pd.Timestamp) -> LearnedFrom:
        """Return the same from a ledger's fingerprint and `smallest_fingerprints`, of its parts together where it was
        read in parts."""
        return cls(
            as_of=str(pd.Timestamp(as_of).date()), fingerprint=fingerprint,
            sample=tuple(f"{value:016x}" for value in np.sort(smallest)[:SAMPLE]),
        )  # fmt: skip

    def is_of(self, ledger: Ledger) -> bool:
        """Return whether a ledger is the one that the model learned from, with whatever was booked since.

        True for the same fingerprint, or where at least SAME_SHARE of the sampled invoices are in it unchanged.
        """
        if ledger.fingerprint == self.fingerprint:
            return True
        if not self.sample or ledger.invoices.empty:
            return False
        wanted = np.array([int(value, 16) for value in self.sample], dtype=np.uint64)
        return bool(np.isin(wanted, _fingerprints(ledger.invoices)).mean() >= SAME_SHARE)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> LearnedFrom | None:
        """Return what `to_json` wrote; None for versions from before it was logged."""
        return None if stored is None else cls(**{**stored, "sample": tuple(stored["sample"])})


def smallest_fingerprints(ledger: Ledger, as_of: date | str | pd.Timestamp) -> NDArray[np.uint64]:
    """Return the SAMPLE smallest fingerprints of the invoices booked by `as_of`, ascending."""
    booked = ledger.invoices["booked_on"] <= pd.Timestamp(as_of)
    return np.sort(_fingerprints(ledger.invoices[booked]))[:SAMPLE]


def _fingerprints(invoices: pd.DataFrame) -> NDArray[np.uint64]:
    """Return one number a row, of the columns that a correction would change."""
    text = invoices["invoice_id"].astype("str")
    rows = pd.DataFrame({
        "invoice_id": text, "customer_id": invoices["customer_id"].astype("str"),
        "issued_on": invoices["issued_on"].to_numpy().astype("datetime64[D]").astype(np.int64),
        "amount": np.rint(invoices["amount"].to_numpy(dtype=np.float64) * 100).astype(np.int64),
        "currency": invoices["currency"].astype("str"),
    })  # fmt: skip
    hashed: Any = pd.util.hash_pandas_object(rows.astype(object), index=False, categorize=False)
    found: NDArray[np.uint64] = np.asarray(hashed, dtype=np.uint64)
    return found
