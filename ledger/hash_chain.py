"""Hash-chained records: one canonical text for each content, one hash over its predecessor, and the check of a chain.

The decision log and the promotion journal both use it. Storage is the caller's: this module reads no file and no clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FIRST = "0" * 64  # the `previous` of the first record


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of checking a whole chain.

    records : records that hold, from the first on.
    head : hash of the last record that holds. Kept elsewhere, it shows later whether records were cut off the end.
    broken_at : sequence number of the first record that does not hold; None if all do.
    why : what is wrong with that record; empty if none is.
    """

    records: int
    head: str
    broken_at: int | None = None
    why: str = ""

    @property
    def is_whole(self) -> bool:
        """Return True if every record holds."""
        return self.broken_at is None


def canonical(content: Mapping[str, Any]) -> str:
    """Return one text for one content: sorted keys, no spaces, floats as their shortest exact text.

    Raises
    ------
    ValueError
        If the content holds a NaN or an infinity: JSON has none.

    >>> canonical({"b": 1, "a": 0.5})
    '{"a":0.5,"b":1}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def chained(previous: str, record_id: str, content: str) -> str:
    """Return the hash of a record: SHA-256 (hex) over its predecessor's hash, its id and its canonical text."""
    return hashlib.sha256(f"{previous}\n{record_id}\n{content}".encode()).hexdigest()


def verify(rows: Iterable[tuple[int, str, str, str, str]], *, after: int = 0, head: str = FIRST) -> Verdict:
    """Recompute a chain from its first record, or from the record after an archived part: every hash, every link, no gap.

    Parameters
    ----------
    rows : iterable of (sequence, record_id, previous, content, hash)
        The stored records in the order of their sequence numbers, which start at `after` + 1.
    after : int
        Sequence number of the last record of the part that is kept elsewhere; 0 if there is none.
    head : str
        Hash of that record.

    Returns
    -------
    Verdict
        `broken_at` names the first record that does not hold.
    """
    previous, count = head, after
    for sequence, record_id, linked, content, own in rows:
        why = ""
        if sequence != count + 1:
            why = f"record {count + 1} is missing"
        elif linked != previous:
            why = "it is not chained to the record before it"
        elif chained(previous, record_id, content) != own:
            why = "its content is not what was logged"
        if why:
            return Verdict(records=count, head=previous, broken_at=count + 1, why=why)
        previous, count = own, count + 1
    return Verdict(records=count, head=previous)
