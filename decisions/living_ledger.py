"""A scoring ledger that takes in rows while it is served: each state is immutable and answers as a ledger of all rows would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from decisions.scoring_ledger import ScoringLedger
from features.engine.incremental import IncrementalLedger
from features.engine.peers import PEER_GROUPS
from features.engine.prepared import PreparedLedger
from ledger.ledger import Ledger

# Rows of these tables touch customers one by one; any other row (a customer, a rate, a series) may move every answer.
BY_CUSTOMER = ("invoices", "instalments", "payments", "events", "orders", "credit_terms", "ratings", "attributes")
MOST_TOUCHED = 200  # customers with added rows above which the whole ledger is prepared anew
MOST_PARTS = 5  # small parts that answer one request one by one; more touched customers are prepared together
PEER_COLUMNS = tuple(f"{kind}_{level}_share_12m" for kind in PEER_GROUPS for level in ("late", "late_30"))


_NOTHING = np.array([np.nan, np.nan])


@dataclass(frozen=True, kw_only=True)
class LivingLedger:
    """One state of a ledger that grows.

    base : the ledger as it was last prepared as a whole.
    grown : it and the rows that came after.
    known_to : the last day on which the ledger knows something (or the calendar's day, see `at_least`).
    read : fingerprint of the ledger that was read, before any row was added.
    position : number of the last row that was taken in; 0 before the first.
    chain : hash over the added rows in their order; empty before the first.
    """

    base: ScoringLedger
    grown: IncrementalLedger
    known_to: date
    read: str
    position: int
    chain: str = ""

    @classmethod
    def of(cls, base: ScoringLedger, *, position: int = 0) -> LivingLedger:
        """Return the state in which nothing was added yet."""
        return cls(
            base=base, grown=IncrementalLedger.of(base.prepared), known_to=base.data_known_to, position=position,
            read=base.fingerprint,
        )  # fmt: skip

    def append(self, rows: Ledger, *, position: int, chain: str) -> LivingLedger:
        """Return the state with more rows.

        Parameters
        ----------
        rows : the added rows, checked; a row whose key the ledger holds corrects it from its known day on.
        position : number of the last of them.
        chain : hash over all added rows, these included.

        Raises
        ------
        LedgerError : rows that no ledger may hold together, e.g. mergers of customers in a circle.
        """
        known_to = max(self.known_to, rows.last_known_on) if _has_days(rows) else self.known_to
        state = replace(self, known_to=known_to, position=position, chain=chain)
        if is_structural(rows):
            whole = self.grown.append_plain(rows)
            return state.on(ScoringLedger.of(whole))
        state = replace(state, grown=self.grown.append(rows))
        if len(state.grown.parts) > MOST_TOUCHED:
            return state.on(ScoringLedger.of(state.grown.whole()))
        return state

    def on(self, base: ScoringLedger) -> LivingLedger:
        """Return this state on a base that was prepared from all its rows: the same answers, and nothing added."""
        return replace(self, base=base, grown=IncrementalLedger.of(base.prepared))

    @property
    def fingerprint(self) -> str:
        """Return what names the content: the fingerprint of the ledger read; once rows came, their number and hash too."""
        return f"{self.read}#{self.position}#{self.chain[:32]}" if self.chain else self.read

    def at_least(self, day: date) -> LivingLedger:
        """Return this state known to `day`, where that is later: nothing happened since, which is known too."""
        return replace(self, known_to=max(self.known_to, day))

    @cached_property
    def touched(self) -> frozenset[str]:
        """Return the customers that the added rows touch."""
        return frozenset(self.grown.parts)

    def touched_by(self, rows: Ledger) -> frozenset[str] | None:
        """Return the customers whose own answers some rows move; None: any customer's."""
        return None if is_structural(rows) else frozenset(self.grown.touched_by(rows))

    @cached_property
    def rest(self) -> ScoringLedger:
        """Return the part that answers for customers whom no added row touches, and for groups of customers of both parts."""
        return self._served(self.base, self.grown.rest)

    @cached_property
    def _of_parts(self) -> dict[int, ScoringLedger]:
        return {}

    def _part(self, customer_id: str) -> ScoringLedger:
        """Return the small part that answers for a touched customer."""
        prepared = self.grown.part_of(customer_id)
        if id(prepared) not in self._of_parts:
            self._of_parts[id(prepared)] = self._served(None, prepared)
        return self._of_parts[id(prepared)]

    @cached_property
    def _together(self) -> ScoringLedger:
        """Return one part that answers for all touched customers."""
        return self._served(None, self.grown.together)

    def _served(self, like: ScoringLedger | None, prepared: PreparedLedger) -> ScoringLedger:
        found = ScoringLedger(
            prepared=prepared,
            fingerprint=self.fingerprint,
            data_known_to=self.known_to,
            currency=self.base.currency,
            begins=self.base.first_day,
        )
        if like is not None and "countries" in like.__dict__:
            found.__dict__["countries"] = like.__dict__["countries"]
        return found

    def parts(self, customer_ids: Sequence[str]) -> list[tuple[ScoringLedger, list[str]]]:
        """Return the customers, each once, with the part that answers for them. Raises UnknownCustomer as ScoringLedger does."""
        ids = list(dict.fromkeys(customer_ids))
        inside = [i for i in ids if i in self.touched]
        outside = [i for i in ids if i not in self.touched]
        found = []
        if outside or not inside:
            found.append((self.rest, self.rest.known(outside) if outside else []))
        by_part: dict[int, tuple[ScoringLedger, list[str]]] = {}
        for customer_id in inside:
            part = self._part(customer_id)
            by_part.setdefault(id(part), (part, []))[1].append(customer_id)
        return found + ([(self._together, inside)] if len(by_part) > MOST_PARTS else list(by_part.values()))

    def part_of(self, customer_id: str) -> ScoringLedger:
        """Return the part that answers for one customer."""
        return self._part(customer_id) if customer_id in self.touched else self.rest

    def customers_of(self, invoice_ids: Sequence[str]) -> list[str]:
        """Return the customers of some invoices, each once. Raises UnknownCustomer where the ledger lacks an invoice."""
        added = self.grown.added
        if added is None:
            return self.rest.customers_of(invoice_ids)
        own = added.invoices[added.invoices["invoice_id"].isin(list(invoice_ids))]
        rest = sorted(set(invoice_ids) - set(own["invoice_id"]))
        others = self.rest.customers_of(rest) if rest else []
        return list(dict.fromkeys([*own["customer_id"], *others]))

    def peers_of(self, customer_id: str) -> np.ndarray:
        """Return PEER_COLUMNS of a customer on the last known day: NaN where its industry or country is not known."""
        industry, country = self.base.prepared.peer_names.get(customer_id, ("", ""))
        values = self.peer_values
        return np.concatenate([values["industry"].get(industry, _NOTHING), values["country"].get(country, _NOTHING)])

    @cached_property
    def peer_values(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """Return kind -> group -> (late share, late-30 share) on the last known day: what may move untouched customers."""
        peers = self.grown.peers
        day = np.array([np.datetime64(self.known_to, "D").astype(np.int64)], dtype=np.int32)
        found: dict[str, dict[str, np.ndarray]] = {}
        for kind, groups in peers.groups.items():
            places = np.arange(len(groups), dtype=np.int32)
            shares = peers.shares(kind, places, np.repeat(day, len(places)))
            found[kind] = {name: shares[place] for name, place in groups.items()}
        return found


def is_structural(rows: Ledger) -> bool:
    """Return whether rows may move every customer's answer: other than rows of single customers, or links between them."""
    if any(len(frame) for name, frame in rows.tables.items() if name not in BY_CUSTOMER):
        return True
    return bool((rows.events["kind"] == "merged_into").any())


def _has_days(rows: Ledger) -> bool:
    return any(len(rows[name]) for name in ("invoices", "payments", "events"))
