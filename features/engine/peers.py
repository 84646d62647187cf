"""Count, for every day and each industry and country, how many invoices due in the last year were late.

Every invoice counts from the day on which the books knew it fell due, for 365 days, as late or not as they knew it then.
That is a sum of steps: computed once for all days, exact in whole numbers, and additive over parts of the customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from ledger.known import Days
from ledger.ledger import Ledger
from ledger.owners import Owners
from ledger.settlement import CREDITED, FACTORED, PAID, UNDATED, Settlement
from ledger.text_codes import Codes, Dictionary

Groups = Mapping[str, Mapping[str, int]]
YEAR = 365
PEER_GROUPS = ("industry", "country")
DUE, LATE, LATE_30 = range(3)


@dataclass(frozen=True, kw_only=True)
class Peers:
    """groups : kind -> the names of its groups -> their places. counts : kind -> int32 array of shape (groups, days, 3):
    invoices due in the year before each day since `first_day`, those late, those over 30 days late."""

    first_day: int
    groups: Groups
    counts: dict[str, NDArray[np.int32]]

    def shares(self, kind: str, group: Codes, days: Days) -> NDArray[np.float64]:
        """Return (late share, late-30 share) a row; NaN without a group, or where none of its invoices fell due."""
        counts = self.counts[kind]
        on = days.astype(np.int64) - self.first_day
        inside = (group >= 0) & (on >= 0) & (on < counts.shape[1])
        found = np.zeros((len(days), 3), dtype=np.float64)
        found[inside] = counts[group[inside], on[inside]]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(found[:, [DUE]] > 0, found[:, [LATE, LATE_30]] / found[:, [DUE]], np.nan)

    def over(self, first: int, last: int) -> Peers:
        """Return the same over a wider span of due days: before it and after it nothing is due."""
        counts = {}
        for kind, found in self.counts.items():
            wide = np.zeros((found.shape[0], last + YEAR + 1 - first + 1, 3), dtype=np.int32)
            wide[:, self.first_day - first : self.first_day - first + found.shape[1]] = found
            counts[kind] = wide
        return Peers(first_day=first, groups=self.groups, counts=counts)

    def less(self) -> Peers:
        """Return the counts with the opposite sign, to be subtracted."""
        return Peers(
            first_day=self.first_day, groups=self.groups, counts={k: -found for k, found in self.counts.items()}
        )

    def __add__(self, other: Peers) -> Peers:
        """Return the peers of two disjoint parts of the customers; both made with the same customers table and days."""
        return Peers(
            first_day=self.first_day,
            groups=self.groups,
            counts={k: self.counts[k] + other.counts[k] for k in self.counts},
        )


def groups_of(customers: pd.DataFrame) -> Groups:
    """Return a mapping of kind to the names of the groups that a customers table reports, in their order, each with its place."""
    return {
        kind: {name: place for place, name in enumerate(sorted(Dictionary.of(customers[kind]).words))}
        for kind in PEER_GROUPS
    }


def places_of(groups: Groups, ledger: Ledger, owners: Owners) -> dict[str, Codes]:
    """Return a mapping of kind to the place of each customer's group, by the customers' codes; -1 where none is reported."""
    table, found = ledger.customers, {}
    for kind in PEER_GROUPS:
        found[kind] = np.full(len(owners.ids), -1, dtype=np.int32)
        said = Dictionary.of(table[kind])
        if len(said):
            place = np.array([*(groups[kind].get(word, -1) for word in said.words), -1], dtype=np.int32)
            found[kind][owners.codes(table["customer_id"])] = place[said.codes]
    return found


def peers_of(
    ledger: Ledger, settlement: Settlement, groups: Groups | None = None, span: tuple[int, int] | None = None
) -> Peers:
    """Return the peers of a ledger, or of a part of one.

    groups : those of the whole ledger, where `ledger` is a part. span : its first and last due day.
    """
    groups = groups_of(ledger.customers) if groups is None else groups
    first, last = span or due_span(settlement)
    places = places_of(groups, ledger, settlement.owners)
    counts = {
        kind: _counts(settlement, places[kind], len(groups[kind]), first, last + YEAR + 1) for kind in PEER_GROUPS
    }
    return Peers(first_day=first, groups=groups, counts=counts)


def due_span(settlement: Settlement) -> tuple[int, int]:
    """Return the first and last day on which an invoice falls due or becomes known."""
    if not len(settlement.due_on):
        return 0, 0
    return int(settlement.due_on.min()), int(max(settlement.due_on.max(), settlement.known_from.max()))


def _counts(s: Settlement, group: Codes, groups: int, first: int, last: int) -> NDArray[np.int32]:
    steps = np.zeros((max(groups, 1), last - first + 1, 3), dtype=np.int32)
    if not groups:
        return steps
    _steps(steps, group[s.customer], first, last, s.due_on, s.known_from, s.known_until, s.version_start,
           s.version_known_from, s.closed_on, s.closed_kind)  # fmt: skip
    return np.cumsum(steps, axis=1, dtype=np.int32)


@njit(cache=True, nogil=True)
def _steps(  # type: ignore[no-untyped-def]
    steps, group, first, last, due_on, known_from, known_until, version_start, version_known_from, closed_on, kind
):
    """Add to `steps` where each count rises and falls."""
    for i in range(len(group)):
        g = group[i]
        if g < 0:
            continue
        for v in range(version_start[i], version_start[i + 1]):
            if kind[v] == CREDITED or kind[v] == FACTORED or kind[v] == UNDATED:  # not owed, or paid on an unknown day
                continue
            until = version_known_from[v + 1] if v + 1 < version_start[i + 1] else known_until[i]
            lo = max(version_known_from[v], due_on[i], first)
            hi = min(until, due_on[i] + 365, last)
            if lo >= hi:
                continue
            steps[g, lo - first, 0] += 1
            steps[g, hi - first, 0] -= 1
            for level in range(2):
                grace = 30 * level
                if kind[v] == PAID:
                    since = lo if closed_on[v] - due_on[i] > grace else hi
                else:
                    since = max(lo, due_on[i] + grace + 1)
                if since < hi:
                    steps[g, since - first, 1 + level] += 1
                    steps[g, hi - first, 1 + level] -= 1
