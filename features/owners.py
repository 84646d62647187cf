"""Whose row it is: customers as integer codes, and rows moved to the customer that theirs was merged into."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from features.known import NEVER, Days, known_from, known_until
from features.ledger import TABLES, Ledger, LedgerError

Codes = NDArray[np.int32]
ALWAYS = np.int32(-NEVER)  # a day before all days


def encode(*columns: pd.Series) -> tuple[list[Codes], pa.Array]:
    """Text columns as codes into one common list of texts (in order of first appearance); a missing text is -1."""
    whole = pa.chunked_array([chunk for column in columns for chunk in _chunks(column)], type=pa.large_string())
    encoded = whole.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return np.split(codes, np.cumsum([len(c) for c in columns])[:-1]), encoded.dictionary


def looked_up(words: pd.Series, values: Mapping[str, int]) -> NDArray[np.int64]:
    """One number a word; each different word is looked up once."""
    (codes,), texts = encode(words)
    return (
        np.array([values[text] for text in texts.to_pylist()], dtype=np.int64)[codes]
        if len(texts)
        else np.zeros(0, dtype=np.int64)
    )


def _chunks(column: pd.Series) -> list[pa.Array]:
    found = pa.array(column, type=pa.large_string(), from_pandas=True)
    return found.chunks if isinstance(found, pa.ChunkedArray) else [found]


@dataclass(frozen=True, kw_only=True)
class Owners:
    """The customers in the order of their ids, and during which known days each one's rows count for whom.

    ids : the customers' ids, sorted; a customer's code is its place here.
    member, owner, since, until : one entry a stretch of time: rows of customer `member` count for customer `owner`
        from known day `since` up to, not including, `until`. Without mergers one entry a customer, for itself.
    """

    ids: NDArray[np.object_]
    member: Codes
    owner: Codes
    since: Days
    until: Days

    @cached_property
    def index(self) -> pd.Index:
        """The ids as an index to look codes up in."""
        return pd.Index(self.ids)

    @cached_property
    def has_merged(self) -> bool:
        """Whether any customer was merged into another."""
        return len(self.member) > len(self.ids)

    def codes(self, customer_ids: pd.Series) -> Codes:
        """Each id's code; -1 for an id that the ledger does not know."""
        (codes,), texts = encode(customer_ids)
        known = (
            self.index.get_indexer(pd.Index(texts.to_pylist(), dtype=object)).astype(np.int32)
            if len(texts)
            else codes[:0]
        )
        return np.where(codes < 0, np.int32(-1), known[codes] if len(known) else codes).astype(np.int32)

    def moved(self, customer: Codes, since: Days, until: Days) -> tuple[NDArray[np.int64], Codes, Days, Days]:
        """Rows spread over their owners: (source row, owner, known from, known until), one entry a row and owner.

        A row of a customer that was merged into another on day M counts for the first until M and for the second
        from M, never for both on one day.
        """
        rows = np.arange(len(customer), dtype=np.int64)
        if not self.has_merged:
            return rows, customer, since, until
        start = np.searchsorted(self.member, np.arange(len(self.ids) + 1))
        stretches = np.diff(start)[customer]
        rows = np.repeat(rows, stretches)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(stretches) - stretches, stretches)
        entry = start[:-1][customer[rows]] + within
        since, until = np.maximum(since[rows], self.since[entry]), np.minimum(until[rows], self.until[entry])
        kept = since < until
        return rows[kept], self.owner[entry][kept], since[kept], until[kept]


def owners(ledger: Ledger) -> Owners:
    """The ledger's customers and their mergers, from events of kind merged_into (`detail` is the new customer's id).

    Raises LedgerError where the new customer is unknown or mergers run in a circle.
    """
    tables = [ledger[t]["customer_id"] for t in ("customers", "invoices", "payments", "events")]
    ids = np.array(sorted(encode(*tables)[1].to_pylist()), dtype=object)
    everyone = np.arange(len(ids), dtype=np.int32)
    plain = Owners(
        ids=ids, member=everyone, owner=everyone, since=np.full(len(ids), ALWAYS), until=np.full(len(ids), NEVER)
    )
    merged = ledger.events[ledger.events["kind"] == "merged_into"]
    if merged.empty:
        return plain
    old, new = plain.codes(merged["customer_id"]), plain.codes(merged["detail"])
    if (new < 0).any():
        row = merged[new < 0].iloc[0]
        raise LedgerError(
            f"events.detail: merged_into must name a customer; fails in {int((new < 0).sum()):,} of {len(merged):,} rows, "
            f"e.g. event {row['event_id']} ('{row['detail']}'): add the customer that {row['customer_id']} was merged into."
        )
    since, until = known_from(merged, TABLES["events"]), known_until(merged, TABLES["events"])
    steps: dict[int, list[tuple[int, int, int]]] = {}
    for entry in sorted(zip(since.tolist(), until.tolist(), old.tolist(), new.tolist(), strict=True)):
        steps.setdefault(entry[2], []).append((entry[0], entry[1], entry[3]))
    found: list[tuple[int, int, int, int]] = []
    for code in range(len(ids)):
        found += [(code, *stretch) for stretch in _stretches(code, int(ALWAYS), int(NEVER), steps, (code,), ids)]
    member, owner, first, last = (np.array(c, dtype=np.int32) for c in zip(*found, strict=True))
    return Owners(ids=ids, member=member, owner=owner, since=first, until=last)


def _stretches(
    code: int,
    since: int,
    until: int,
    steps: dict[int, list[tuple[int, int, int]]],
    seen: tuple[int, ...],
    ids: NDArray[np.object_],
) -> list[tuple[int, int, int]]:
    """(owner, since, until) of customer `code` within [since, until), following mergers of mergers; the last known wins."""
    days = sorted({since, until} | {d for s in steps.get(code, []) for d in s[:2] if since < d < until})
    found = []
    for first, last in itertools.pairwise(days):
        into = [s[2] for s in steps.get(code, []) if s[0] <= first < s[1]]
        if not into:
            found.append((code, first, last))
            continue
        if into[-1] in seen:
            raise LedgerError(
                f"events: merged_into runs in a circle through customers {', '.join(ids[list(seen)])}: correct the events."
            )
        found += _stretches(into[-1], first, last, steps, (*seen, into[-1]), ids)
    return found
