"""Extend a prepared ledger by new rows at the cost of the customers that they touch, not of the whole history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from features.engine.histories import build
from features.engine.peers import PEER_GROUPS, YEAR, Peers, due_span, peers_of
from features.engine.prepared import PreparedLedger, prepare
from features.engine.snapshots import active
from ledger.contract import TABLES, Table
from ledger.known import known_from
from ledger.ledger import Ledger, with_own_instalments
from ledger.settlement import Settlement, settle


@dataclass(frozen=True, kw_only=True)
class IncrementalLedger:
    """A prepared ledger, the rows added later, and small prepared ledgers of the customers that these rows touch.

    Asked, it answers as `prepare` of all rows would, to the last bit. Immutable: `append` gives a new one, at the cost
    of the customers that its rows touch, however many were touched before.

    parts : touched customer -> the small prepared ledger with its rows; linked customers share one.
    peers : lateness of industries and countries over all rows.
    """

    base: PreparedLedger
    added: Ledger | None
    parts: Mapping[str, PreparedLedger]
    peers: Peers

    @classmethod
    def of(cls, base: PreparedLedger) -> IncrementalLedger:
        """Return an incremental ledger to which nothing was added yet."""
        return cls(base=base, added=None, parts={}, peers=base.peers)

    def append(self, delta: Ledger) -> IncrementalLedger:
        """Return the incremental ledger with the delta's rows. A row whose key the book holds corrects it: the older row counts
        until the day
        on which the newer one is booked."""
        added = delta if self.added is None else _joined(self.added, delta)
        if _links(delta):  # what may move any of them: all touched customers together
            touched = self._touched(added)
            before, more = self._rows(self.base, touched), added
        else:
            touched = self._touched(delta)
            before, more = self._present(touched), delta
        small = _joined(before, more)
        changed = prepare(small)
        has_new_group = any(
            not set(small.customers[kind].dropna()) <= set(self.base.ledger.customers[kind].dropna())
            for kind in PEER_GROUPS
        ) or not set(small.customers["customer_id"]) <= set(self.base.ledger.customers["customer_id"])
        if has_new_group:
            peers = peers_of(whole := _joined(self.base.ledger, added), settle(whole))
        else:
            own = {id(part): part for i in touched if (part := self.parts.get(i)) is not None}
            alone = next(iter(own.values())) if len(own) == 1 else None
            is_known = alone is not None and more is delta and set(alone.owners.ids) == set(touched)
            old = alone.settlement if alone is not None and is_known else settle(before)
            was, groups = self.peers if more is delta else self.base.peers, self.base.peers.groups
            span = _span(was, old, changed.settlement)
            peers = (
                was.over(*span)
                + peers_of(small, changed.settlement, groups, span)
                + peers_of(before, old, groups, span).less()
            )
        parts = {} if more is added else dict(self.parts)
        return IncrementalLedger(
            base=self.base, added=added, parts=parts | dict.fromkeys(map(str, changed.owners.ids), changed), peers=peers
        )

    @cached_property
    def rest(self) -> PreparedLedger:
        """Return the base with the peers of all rows: it answers for the customers that no added row touches."""
        return self.base.with_peers(self.peers) if self.parts else self.base

    def part_of(self, customer_id: str) -> PreparedLedger:
        """Return the prepared ledger that answers for one customer, with the peers of all rows."""
        part = self.parts.get(customer_id)
        if part is None:
            return self.rest
        if id(part) not in self._with_peers:
            self._with_peers[id(part)] = part.with_peers(self.peers)
        return self._with_peers[id(part)]

    @cached_property
    def _with_peers(self) -> dict[int, PreparedLedger]:
        return {}

    @cached_property
    def together(self) -> PreparedLedger:
        """Return one prepared ledger of all touched customers, with the peers of all rows: for many of them at once."""
        return prepare(self._present(sorted(self.parts)), whole_peers=self.peers)

    def append_plain(self, delta: Ledger) -> Ledger:
        """Return all rows and the delta's in one ledger, without preparing anything."""
        return _joined(self.whole(), delta)

    def touched_by(self, delta: Ledger) -> list[str]:
        """Return the customers that a delta's rows name, directly or through an invoice, and all that share rows with them."""
        found = self._touched(delta)
        plans = delta["instalments"]["invoice_id"]
        if self.added is None or not len(plans):
            return found
        # an instalment names no customer: its invoice may be among the rows that were added before
        invoices = self.added.invoices
        own = set(invoices.loc[invoices["invoice_id"].isin(plans), "customer_id"])
        return sorted(set(found).union(own, *(self.base.linked.get(name, frozenset()) for name in own)))

    def whole(self) -> Ledger:
        """Return all rows in one ledger."""
        return self.base.ledger if self.added is None else _joined(self.base.ledger, self.added)

    def build(self, snapshots: pd.DataFrame, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return what `histories.build` returns for all rows."""
        if not self.parts:
            return build(self.base, snapshots, columns)
        ids = snapshots["customer_id"].astype(str).tolist()
        places: dict[int, list[int]] = {}
        for place, customer_id in enumerate(ids):
            places.setdefault(id(self.part_of(customer_id)), []).append(place)
        found = [build(self.part_of(ids[rows[0]]), snapshots.iloc[rows], columns) for rows in places.values()]
        order = np.argsort(np.concatenate([np.array(rows) for rows in places.values()]), kind="stable")
        return pd.concat(found).iloc[order]

    def active(self, as_of_dates: Iterable[date | str | pd.Timestamp]) -> pd.DataFrame:
        """Return what `snapshots.active` returns for all rows."""
        days = list(as_of_dates)
        found = active(self.base, days)
        if not self.parts:
            return found
        kept = [found[~found["customer_id"].isin(list(self.parts))]]
        kept += [active(part, days) for part in {id(p): p for p in self.parts.values()}.values()]
        return pd.concat(kept).sort_values(["as_of", "customer_id"], ignore_index=True)

    def _touched(self, added: Ledger) -> list[str]:
        """Return the customers that a delta's rows name, directly or through an invoice, and all that share their
        rows or sums.
        """
        named = set()
        for name, frame in added.tables.items():
            if "customer_id" in frame:
                named |= set(frame["customer_id"])
            if name in ("payments", "events", "invoices", "instalments"):
                column = "applies_to" if name == "invoices" else "invoice_id"
                referred = frame[column].dropna().unique()
                if self.added is not None and len(referred):
                    own = self.added.invoices
                    named |= set(own.loc[own["invoice_id"].isin(referred), "customer_id"])
                place = self.base.invoice_index.get_indexer(pd.Index(referred, dtype=object))
                order, start = self.base.entries_of_invoices
                for code in place[place >= 0]:
                    named |= set(
                        self.base.owners.ids[self.base.settlement.customer[order[start[code] : start[code + 1]]]]
                    )
        linked = self.base.linked
        found = set(named).union(*(linked[name] for name in named if name in linked))
        # rows that came later may share invoices: what was prepared together stays together
        found = found.union(*(map(str, self.parts[name].owners.ids) for name in found if name in self.parts))
        if not (added.customers["parent_id"].notna().any() or (added.events["kind"] == "merged_into").any()):
            return sorted(found)
        # a delta that links customers anew: whoever is linked to any of them, now or before
        links: dict[str, str] = {}
        table, events = added.customers, added.events
        for pair in (table.loc[table["parent_id"].notna(), ["customer_id", "parent_id"]],
                     events.loc[events["kind"] == "merged_into", ["customer_id", "detail"]]):  # fmt: skip
            for a, b in pair.itertuples(index=False):
                links[a] = b
                found |= linked.get(a, frozenset({a})) | linked.get(b, frozenset({b}))
        return sorted(found & set(self.base.owners.ids) | named)

    def _present(self, customer_ids: list[str]) -> Ledger:
        """Return all rows of these customers, those that came later included."""
        sources: dict[int, tuple[PreparedLedger, list[str]]] = {}
        for customer_id in customer_ids:
            source = self.parts.get(customer_id, self.base)
            sources.setdefault(id(source), (source, []))[1].append(customer_id)
        found = [self._rows(source, ids) for source, ids in sources.values()]
        tables = {}
        for name, frame in self._shared.items():
            own = _is_by_customer(name, frame)
            some = [part.tables[name] for part in found if len(part.tables[name])] if own else []
            tables[name] = pd.concat(some, ignore_index=True) if some else frame.iloc[:0] if own else frame
        return Ledger(tables=tables)

    @cached_property
    def _shared(self) -> Mapping[str, pd.DataFrame]:
        """Return the tables, those that belong to no customer with the rows that came later."""
        if self.added is None:
            return self.base.ledger.tables
        later, added = {}, self.added.tables
        for name, frame in self.base.ledger.tables.items():
            later[name] = added[name].iloc[:0] if _is_by_customer(name, frame) else added[name]
        return _joined(self.base.ledger, Ledger(tables=later)).tables

    @staticmethod
    def _rows(source: PreparedLedger, customer_ids: list[str]) -> Ledger:
        """Return a prepared ledger's rows of these customers, found through an index and not by a search."""
        codes = source.owners.index.get_indexer(pd.Index(customer_ids, dtype=object))
        codes = codes[codes >= 0]
        tables = {}
        for name, frame in source.ledger.tables.items():
            if "customer_id" not in frame or not len(frame):
                tables[name] = frame
                continue
            order, start = source.places[name]
            rows = (
                np.concatenate([order[start[c] : start[c + 1]] for c in codes])
                if len(codes)
                else np.zeros(0, dtype=np.int64)
            )
            tables[name] = frame.iloc[np.sort(rows)].reset_index(drop=True)
        return Ledger(tables=with_own_instalments(tables))


def _links(delta: Ledger) -> bool:
    """Return whether a delta brings customers, links between them, or rows that belong to no customer."""
    shared = any(len(frame) for name, frame in delta.tables.items() if not _is_by_customer(name, frame))
    return bool(shared or len(delta.customers) or (delta.events["kind"] == "merged_into").any())


def _is_by_customer(name: str, frame: pd.DataFrame) -> bool:
    """Return whether a table's rows belong to one customer each, by themselves or through their invoice."""
    return "customer_id" in frame or name == "instalments"


def _span(peers: Peers, *settlements: Settlement) -> tuple[int, int]:
    """Return the first and last due day of some peers and settlements together."""
    kept = (peers.first_day, peers.first_day + next(iter(peers.counts.values())).shape[1] - YEAR - 2)
    spans = [kept, *(due_span(s) for s in settlements)]
    return min(first for first, _ in spans), max(last for _, last in spans)


def _joined(before: Ledger, after: Ledger) -> Ledger:
    """Return both ledgers' rows; a row of `after` supersedes the row of `before` with its key from the day on which
    it is known.
    """
    tables = {}
    for name, frame in before.tables.items():
        more, table = after.tables[name], TABLES[name]
        if not len(more):
            tables[name] = frame
            continue
        key = list(table.key)
        if "superseded_on" in frame:
            tables[name] = _corrected(pd.concat([frame, more], ignore_index=True), key, table)
        else:
            kept = frame[~pd.MultiIndex.from_frame(frame[key]).isin(pd.MultiIndex.from_frame(more[key]))]
            tables[name] = pd.concat([kept, more], ignore_index=True)
    return Ledger(tables=tables)


def _corrected(rows: pd.DataFrame, key: list[str], table: Table) -> pd.DataFrame:
    """Return the rows where each of the same key counts until the next one of that key is known."""
    again = rows[key].duplicated(keep=False).to_numpy() & rows["superseded_on"].isna().to_numpy()
    if not again.any():
        return rows
    known = pd.Series(known_from(rows, table).astype("datetime64[D]").astype("datetime64[s]"), index=rows.index)[
        again
    ].sort_values(kind="stable")
    following = known.groupby([rows.loc[known.index, column] for column in key], dropna=False).shift(-1)
    until = rows["superseded_on"].copy()
    until.loc[following.index] = following
    return rows.assign(superseded_on=until.astype("datetime64[s]"))
