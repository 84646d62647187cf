"""Prepare a ledger: its rows as sorted arrays of whole numbers, from which features of any customer on any day are computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.peers import PEER_GROUPS, Peers, peers_of, places_of
from features.engine.published_series import Series, published
from features.engine.row_sets import level_of
from features.language import ATTRIBUTE_NAMES
from ledger import settlement_kernels
from ledger.contract import EVENT_CODES
from ledger.currency import CENTS
from ledger.dated_master import change_days, customers_on
from ledger.known import Days, days, known_from, known_until
from ledger.ledger import TABLES, Ledger
from ledger.owners import Owners
from ledger.rating_scales import THOUSAND, risk_of_ratings
from ledger.settlement import Settlement, settle
from ledger.sorting import by_group, running
from ledger.text_codes import Dictionary, is_empty, numbers
from ledger.threads import FEWEST_ROWS, on_ranges

Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True, kw_only=True)
class PreparedLedger:
    """A ledger as sorted arrays. starts, rows : population -> where each customer's rows start, and its arrays in
    the order that features/engine/row_sets.py declares. Immutable; `append` gives a new one.
    """

    ledger: Ledger
    settlement: Settlement
    starts: Mapping[str, NDArray[np.int64]]
    rows: Mapping[str, Arrays]
    whole_peers: Peers | None = None

    @property
    def owners(self) -> Owners:
        return self.settlement.owners

    @cached_property
    def master_days(self) -> NDArray[np.int64]:
        """Return the days on which facts about some customer change, sorted; none where each has one row."""
        return change_days(self.ledger.tables["customers"])

    @cached_property
    def _on_master_days(self) -> dict[int, PreparedLedger]:
        return {}

    def of_master(self, number: int) -> PreparedLedger:
        """Return the same ledger with the facts about customers that held between change `number - 1` and `number`."""
        if number not in self._on_master_days:
            at = int(self.master_days[number - 1]) if number else int(self.master_days[0]) - 1
            customers = customers_on(self.ledger.tables["customers"], at)
            ledger = Ledger(tables={**self.ledger.tables, "customers": customers})
            self._on_master_days[number] = replace(self, ledger=ledger)
        return self._on_master_days[number]

    def by_master(self, days: Days) -> list[tuple[PreparedLedger, NDArray[np.int64]]]:
        """Return (prepared ledger, places in `days`) pairs: each day with the facts about customers that held on it."""
        if not len(self.master_days):
            return [(self, np.arange(len(days)))]
        number = np.searchsorted(self.master_days, days, side="right")
        return [(self.of_master(int(n)), np.flatnonzero(number == n)) for n in np.unique(number)]

    def countries_on(self, customer: NDArray[np.int32], days: Days) -> NDArray[np.object_]:
        """Return the country of each customer (by code) on each day; '' where not reported."""
        found = np.empty(len(customer), dtype=object)
        for part, places in self.by_master(days):
            found[places] = part.countries[customer[places]]
        return found

    @cached_property
    def customer_index(self) -> pd.Index:
        """Return the customers' ids by code, as the first level of a matrix's index."""
        return pd.Index(self.owners.ids, dtype="str")

    @cached_property
    def invoice_index(self) -> pd.Index:
        """Return invoice ids, to look their codes up in."""
        return pd.Index(self.settlement.invoice_ids, dtype=object)

    @cached_property
    def entries_of_invoices(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (settlement entries sorted by invoice code, where each code's entries start)."""
        order = np.argsort(self.settlement.invoice, kind="stable")
        codes = np.arange(len(self.settlement.invoice_ids) + 1)
        return order, np.searchsorted(self.settlement.invoice[order], codes)

    @cached_property
    def item_codes(self) -> NDArray[np.int64]:
        """Return one number an item for each settlement entry: the invoice's code, or one of its own for an instalment."""
        s = self.settlement
        return s.invoice * np.int64(int(s.number.max(initial=0)) + 1) + s.number

    @cached_property
    def places(self) -> Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return table -> (its rows sorted by customer code, where each customer's begin), for tables with a
        customer.
        """
        found = {}
        for name, frame in self.ledger.tables.items():
            if "customer_id" in frame and len(frame):
                found[name] = by_group(self.owners.codes(frame["customer_id"]), len(self.owners.ids))
        return found

    @cached_property
    def countries(self) -> NDArray[np.object_]:
        """Return each customer's country by code; '' where not reported."""
        return self._said("country")

    @cached_property
    def industries(self) -> NDArray[np.object_]:
        """Return each customer's industry by code; '' where not reported."""
        return self._said("industry")

    def _said(self, name: str) -> NDArray[np.object_]:
        found = np.full(len(self.owners.ids), "", dtype=object)
        table = self.ledger.customers
        if is_empty(table[name]):
            return found
        found[self.owners.codes(table["customer_id"])] = table[name].fillna("").to_numpy(dtype=object)
        return found

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Return each customer's parent group by code, named by its topmost parent's place; -1 for a customer alone."""
        table = self.ledger.customers
        if is_empty(table["parent_id"]):
            return np.full(len(self.owners.ids), -1, dtype=np.int64)
        above: dict[str, str] = dict(
            table.loc[table["parent_id"].notna(), ["customer_id", "parent_id"]].itertuples(index=False)
        )
        tops = {name: topmost_parent(name, above) for name in self.owners.ids}
        sizes = Counter(tops.values())
        numbers = {top: code for code, top in enumerate(sorted(t for t, n in sizes.items() if n > 1))}
        return np.array([numbers.get(tops[name], -1) for name in self.owners.ids], dtype=np.int64)

    @cached_property
    def published(self) -> Mapping[tuple[str, str], Series]:
        """Return the macro table as series."""
        return published(self.ledger)

    @cached_property
    def peers(self) -> Peers:
        """Return lateness of industries and countries on every day: given where this book is a part of one, else its
        own.
        """
        return self.whole_peers or peers_of(self.ledger, self.settlement)

    @cached_property
    def has_peers(self) -> bool:
        """Return whether any customer's industry or country is reported."""
        table = self.ledger.customers
        return not all(is_empty(table[kind]) for kind in PEER_GROUPS)

    @cached_property
    def peer_groups(self) -> Mapping[str, NDArray[np.int32]]:
        """Return each customer's industry and country by code, as the peers number them."""
        return places_of(self.peers.groups, self.ledger, self.owners)

    @cached_property
    def longest(self) -> int:
        """Return the most rows that one customer has in any population."""
        return int(max(1, *(np.diff(start).max(initial=0) for start in self.starts.values())))

    @cached_property
    def peer_names(self) -> Mapping[str, tuple[str, str]]:
        """Return customer -> (industry, country); '' where not reported."""
        pairs = zip(self.industries, self.countries, strict=True)
        return dict(zip(map(str, self.owners.ids), pairs, strict=True)) if self.has_peers else {}

    @cached_property
    def linked(self) -> Mapping[str, frozenset[str]]:
        """Return the customers that share rows or sums with each customer that has such: by parents and by mergers."""
        links: dict[str, str] = {}
        table, events = self.ledger.customers, self.ledger.events
        pairs = [table.loc[table["parent_id"].notna(), ["customer_id", "parent_id"]],
                 events.loc[events["kind"] == "merged_into", ["customer_id", "detail"]]]  # fmt: skip
        for pair in pairs:
            for a, b in pair.dropna().itertuples(index=False):
                low, high = sorted((topmost_parent(a, links), topmost_parent(b, links)))
                if low != high:
                    links[high] = low
        groups: dict[str, set[str]] = {}
        for name in {*links, *links.values()}:
            groups.setdefault(topmost_parent(name, links), set()).add(name)
        return {name: frozenset(members) for members in groups.values() for name in members}

    def with_peers(self, peers: Peers) -> PreparedLedger:
        """Return the same rows with another whole's peers; what was computed of the rows is kept."""
        found = replace(self, whole_peers=peers)
        kept = ("customer_index", "invoice_index", "entries_of_invoices", "places", "countries", "industries", "groups",
                "published", "has_peers", "longest", "linked", "peer_names")  # fmt: skip
        found.__dict__.update({name: self.__dict__[name] for name in kept if name in self.__dict__})
        return found


def topmost_parent(name: str, above: Mapping[str, str]) -> str:
    """Return the topmost parent of a customer; a circle of parents is named by its smallest id."""
    seen = [name]
    while above.get(seen[-1]) is not None:
        following = above[seen[-1]]
        if following in seen:
            return min(seen[seen.index(following) :])
        seen.append(following)
    return seen[-1]


def prepare(ledger: Ledger, *, whole_peers: Peers | None = None) -> PreparedLedger:
    """Return the prepared ledger. Raises LedgerError as `settle` does.

    whole_peers : the peers of the whole ledger, where this one is a part of it; None: made of this one when needed.
    """
    settlement = settle(ledger)
    s, who = settlement, settlement.owners
    invoices = (
        s.known_from, s.known_until, s.issued_on, s.due_on, s.amount_cents, s.booked_on, s.version_start,
        s.version_known_from, s.open_cents, s.closed_on, s.closed_kind, s.count_payments, s.is_disputed, s.credited_cents, s.was_disputed,
    )  # fmt: skip
    payment_start, payments = _payments(s)
    starts: dict[str, NDArray[np.int64]] = {"invoices": s.invoice_start, "payments": payment_start}
    rows: dict[str, Arrays] = {"invoices": invoices, "payments": payments}
    for name, (table, read, types) in PARTS.items():
        if not len(ledger[table]):
            starts[name] = np.zeros(len(who.ids) + 1, dtype=np.int64)
            rows[name] = tuple(np.zeros(0, dtype=t) for t in (*THREE_DAYS, *types))
            continue
        customer, day, arrays = read(ledger, who)
        order, starts[name] = by_group(customer, len(who.ids), day)
        rows[name] = tuple(np.ascontiguousarray(array[order]) for array in arrays)
    return PreparedLedger(ledger=ledger, settlement=settlement, starts=starts, rows=rows, whole_peers=whole_peers)


Part = tuple[NDArray[np.int32], Days, Arrays]


def _payments(s: Settlement) -> tuple[NDArray[np.int64], Arrays]:
    """Return (where each customer's begin, the arrays): allocations of all kinds and unapplied money, by customer
    and day.
    """
    customers = len(s.owners.ids)
    counts = np.empty(customers, dtype=np.int64)
    source = s.invoice_start, s.allocation_start
    on_customers(
        lambda lo, hi: settlement_kernels.count_payments(lo, hi, *source, s.allocation_kind, s.unapplied_start, counts),
        s,
    )
    start = running(counts)
    n = int(start[-1])
    since, until, on, due_on, booked_on = (np.empty(n, dtype=np.int32) for _ in range(5))
    cents, kind, day_of_month = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int8), np.empty(n, dtype=np.int8)
    rows: Arrays = (since, until, on, cents, kind, due_on, day_of_month, booked_on)
    invoices = s.invoice_start, s.known_from, s.known_until, s.due_on
    allocations = (
        s.allocation_start, s.allocation_on, s.allocation_known_from, s.allocation_known_until, s.allocation_cents,
        s.allocation_kind,
    )  # fmt: skip
    loose = (
        s.unapplied_start, s.unapplied_on, s.unapplied_booked_on, s.unapplied_known_from, s.unapplied_known_until,
        s.unapplied_cents,
    )  # fmt: skip
    on_customers(lambda lo, hi: settlement_kernels.write_payments(lo, hi, invoices, allocations, loose, start, rows), s)
    return start, rows


def on_customers(work: Callable[[int, int], object], s: Settlement) -> None:
    """Do work(first, end) on all customers: by two threads, with about the same number of invoices each, where there are many."""
    customers = len(s.owners.ids)
    if len(s.customer) < FEWEST_ROWS:
        work(0, customers)
        return
    middle = int(np.searchsorted(s.invoice_start, len(s.customer) // 2))
    on_ranges(work, sorted({0, middle, customers}))


def _moved(ledger: Ledger, who: Owners, name: str) -> tuple[pd.DataFrame, NDArray[np.int32], Days, Days]:
    """Return a table's rows by owner: (the rows, owner, known from, known until)."""
    frame, table = ledger[name], TABLES[name]
    customer = who.codes(frame["customer_id"])
    if customer.min() < 0:
        kept = customer >= 0
        frame, customer = frame[kept], customer[kept]
    source, owner, since, until = who.moved(customer, known_from(frame, table), known_until(frame, table))
    return frame.iloc[source] if who.has_merged else frame, owner, since, until


def _cents(column: pd.Series) -> NDArray[np.int64]:
    """Return money as cents; -1 where not given."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan) * CENTS
    return np.where(np.isnan(values), -1, np.rint(np.nan_to_num(values))).astype(np.int64)


def _events(ledger: Ledger, who: Owners) -> Part:
    frame, owner, since, until = _moved(ledger, who, "events")
    kind = numbers(frame["kind"], EVENT_CODES)
    on = days(frame["occurred_on"])
    details = Dictionary.of(frame["detail"])
    level = np.array([*map(level_of, details.words), 0], dtype=np.int8)[details.codes]
    level[kind != EVENT_CODES["dunning"]] = 0
    return owner, on, (since, until, on, kind, np.maximum(_cents(frame["amount"]), 0), level)


def _terms(ledger: Ledger, who: Owners) -> Part:
    frame, owner, since, until = _moved(ledger, who, "credit_terms")
    on = days(frame["effective_on"])
    terms = frame["payment_terms_days"].to_numpy(dtype=np.float64, na_value=np.nan)
    terms_days = np.where(np.isnan(terms), -1, np.nan_to_num(terms)).astype(np.int32)
    return owner, on, (since, until, on, _cents(frame["credit_limit"]), terms_days, _cents(frame["insured_limit"]))


def _ratings(ledger: Ledger, who: Owners) -> Part:
    frame, owner, since, until = _moved(ledger, who, "ratings")
    on = days(frame["rated_on"])
    return owner, on, (since, until, on, risk_of_ratings(frame["value"], frame["scale"]))


def _attributes(ledger: Ledger, who: Owners) -> Part:
    frame, owner, since, until = _moved(ledger, who, "attributes")
    name = frame["name"].map({n: code for code, n in enumerate(ATTRIBUTE_NAMES)})
    value = pd.to_numeric(frame["value"], errors="coerce")
    # an attribute that no feature reads, or whose value is not a number, is left to those who read the table itself
    kept = (name.notna() & value.notna()).to_numpy()
    on = days(frame["observed_on"])[kept]
    thousandths = np.rint(value[kept].to_numpy(dtype=np.float64) * THOUSAND).astype(np.int64)
    return owner[kept], on, (since[kept], until[kept], on, name[kept].to_numpy(dtype=np.int8), thousandths)


THREE_DAYS = (np.int32, np.int32, np.int32)  # known from, known until, and the row's own day
PARTS: Mapping[str, tuple[str, Callable[[Ledger, Owners], Part], tuple[Any, ...]]] = {
    "events": ("events", _events, (np.int8, np.int64, np.int8)),
    "terms": ("credit_terms", _terms, (np.int64, np.int32, np.int64)),
    "ratings": ("ratings", _ratings, (np.int64,)),
    "attributes": ("attributes", _attributes, (np.int8, np.int64)),
}  # population -> (the ledger's table, what reads it, the types of its arrays after the three days)
