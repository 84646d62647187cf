"""Whose row it is: customers as integer codes, and rows moved to the customer that theirs was merged into."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.known import NEVER, Days, known_from, known_until
from ledger.ledger import TABLES, Ledger, LedgerError
from ledger.text_codes import Codes as Codes
from ledger.text_codes import Dictionary, numbers

ALWAYS = np.int32(-NEVER)  # a day before all days
TABLES_OF_CUSTOMERS = ("invoices", "payments", "events")  # whose rows may name a customer that customers does not hold


@dataclass(frozen=True, kw_only=True)
class Owners:
    """The customers in the order of their ids, and during which known days each one's rows count for whom.

    ids : the customers' ids, sorted; a customer's code is its place here.
    names, code_of_name : the ids as a dictionary, and the code of each of its numbers (-1 at the end: of none).
    member, owner, since, until : one entry a stretch of time: rows of customer `member` count for customer `owner`
        from known day `since` up to, not including, `until`. Without mergers one entry a customer, for itself.
    """

    ids: NDArray[np.object_]
    names: Dictionary
    code_of_name: Codes
    member: Codes
    owner: Codes
    since: Days
    until: Days

    @cached_property
    def index(self) -> pd.Index:
        """Return the ids as an index to look codes up in."""
        return pd.Index(self.ids)

    @cached_property
    def has_merged(self) -> bool:
        """Return whether any customer was merged into another."""
        return len(self.member) > len(self.ids)

    def codes(self, customer_ids: pd.Series) -> Codes:
        """Return each id's code; -1 for an id that the ledger does not know."""
        found: Codes = self.code_of_name[self.names.look_up(customer_ids)]
        return found

    def moved(self, customer: Codes, since: Days, until: Days) -> tuple[NDArray[np.int64], Codes, Days, Days]:
        """Return rows spread over their owners: (source row, owner, known from, known until), one entry a row and owner.

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
    """Return the ledger's customers and their mergers, from events of kind merged_into (`detail` is the new customer's id).

    Raises LedgerError where the new customer is unknown or mergers run in a circle.
    """
    plain = _unmerged(ledger)
    events, ids = ledger.events, plain.ids
    has_merged = numbers(events["kind"], {"merged_into": 1}) == 1 if len(events) else np.zeros(0, dtype=bool)
    if not has_merged.any():
        return plain
    merged = events[has_merged]
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
    return replace(plain, member=member, owner=owner, since=first, until=last)


def _unmerged(ledger: Ledger) -> Owners:
    """Return every customer for itself: those of customers, and those that only other tables name."""
    named = ledger.customers["customer_id"]
    names = Dictionary.of(named)
    # a part of a ledger may hold rows of customers that it does not hold
    unknown = [
        column[codes < 0]
        for column in (ledger[table]["customer_id"] for table in TABLES_OF_CUSTOMERS if len(ledger[table]))
        if (codes := names.look_up(column)).min() < 0
    ]
    if unknown:
        names = Dictionary.of(pd.concat([named, *unknown], ignore_index=True))
    count = len(names)
    words = np.array([*names.words, None], dtype=object)[:-1]
    code_of_name = np.append(np.arange(count, dtype=np.int32), np.int32(-1))
    if not names.is_rising:
        order = np.array(sorted(range(count), key=words.__getitem__), dtype=np.int64)
        code_of_name[order] = np.arange(count, dtype=np.int32)
        words = words[order]
    everyone = np.arange(count, dtype=np.int32)
    return Owners(
        ids=words, names=names, code_of_name=code_of_name, member=everyone, owner=everyone,
        since=np.full(count, ALWAYS), until=np.full(count, NEVER),
    )  # fmt: skip


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
