"""A ledger as it is served: prepared for questions, with its fingerprint, its last known day and its currency."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from features.engine.prepared import PreparedLedger, prepare
from ledger.currency import reporting_currency
from ledger.errors import InputError
from ledger.ledger import Ledger, read_ledger
from ledger.settlement import dates

NO_CURRENCY = "XXX"  # ISO 4217's word where rates lead to a reporting currency that the ledger does not name


class UnknownCustomer(InputError):
    """The ledger has no such customer."""


class FutureDay(InputError):
    """A day later than the last that the ledger knows."""


class DayBeforeLedger(InputError):
    """A day on which the ledger did not hold any invoice yet."""


@dataclass(frozen=True, kw_only=True)
class ScoringLedger:
    """A ledger prepared for scoring, with what every answer says about it."""

    prepared: PreparedLedger
    fingerprint: str
    data_known_to: date
    currency: str
    begins: date | None = None  # the whole book's first day, where this ledger is a part of it

    @classmethod
    def read(cls, path: Path) -> ScoringLedger:
        """The ledger in `path`. Raises LedgerError as `read_ledger` does."""
        return cls.of(read_ledger(path))

    @classmethod
    def of(cls, ledger: Ledger) -> ScoringLedger:
        """A ledger in memory. Raises LedgerError where it holds nothing that was ever known."""
        known_to = ledger.last_known_on
        with ThreadPoolExecutor(
            max_workers=1
        ) as pool:  # the fingerprint is DuckDB's work, which holds no lock of Python
            fingerprint = pool.submit(lambda: ledger.fingerprint)
            prepared = prepare(ledger)
        return cls(
            prepared=prepared, fingerprint=fingerprint.result(), data_known_to=known_to,
            currency=reporting_currency(ledger) or NO_CURRENCY,
        )  # fmt: skip

    @property
    def ledger(self) -> Ledger:
        return self.prepared.ledger

    @cached_property
    def countries(self) -> pd.Series:
        """Each customer's country by id; missing where not given."""
        return self.ledger.customers.set_index("customer_id")["country"]

    @cached_property
    def segments(self) -> pd.Series:
        """Each customer's segment by id; missing where not given."""
        customers = self.ledger.customers.drop_duplicates("customer_id", keep="last")
        return customers.set_index("customer_id")["segment"]

    @cached_property
    def first_day(self) -> date | None:
        """The first day that can be requested: the first on which the books held an invoice; None without any."""
        if self.begins is not None:
            return self.begins
        booked = self.prepared.settlement.booked_on
        return None if not len(booked) else dates([int(booked.min())])[0].astype("datetime64[D]").astype(date)

    def asked_on(self, as_of: date | None) -> date:
        """Return the day requested: the ledger's last known day where none is given.

        Raises FutureDay for a later one, DayBeforeLedger for one on which the books did not hold any invoice yet.
        """
        if as_of is None:
            return self.data_known_to
        if self.first_day is not None and as_of < self.first_day:
            raise DayBeforeLedger(
                f"as_of: {as_of} lies before the first day on which the ledger holds an invoice: nothing was known then. "
                f"The first day that can be requested is {self.first_day}, the last {self.data_known_to}."
            )
        if as_of > self.data_known_to:
            raise FutureDay(
                f"as_of: {as_of} lies after the last day that the ledger knows (data_known_to {self.data_known_to}): "
                "nothing is known then. Ask for that day or an earlier one."
            )
        return as_of

    def known(self, customer_ids: Sequence[str]) -> list[str]:
        """The ids asked, each once, in the order asked. Raises UnknownCustomer where the ledger lacks one."""
        ids = list(dict.fromkeys(customer_ids))
        found = self.prepared.owners.index.get_indexer(pd.Index(ids, dtype=object))
        lacking = [ids[i] for i in np.flatnonzero(found < 0)]
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            raise UnknownCustomer(
                f"customer_ids: {', '.join(repr(i) for i in lacking[:3])}{more} not in the ledger "
                f"({len(self.prepared.owners.ids):,} customers); ids are matched exactly, as text."
            )
        return ids

    def customers_of(self, invoice_ids: Sequence[str]) -> list[str]:
        """The customers of some invoices, each once. Raises InputError where the ledger lacks one of the invoices."""
        invoices = self.ledger.invoices
        own = invoices[invoices["invoice_id"].isin(list(invoice_ids))]
        lacking = sorted(set(invoice_ids) - set(own["invoice_id"]))
        if lacking:
            raise UnknownCustomer(
                f"invoice_ids: {', '.join(map(repr, lacking[:3]))} not in the ledger ({len(invoices):,} invoices); "
                "ids are matched exactly, as text."
            )
        return list(dict.fromkeys(own["customer_id"]))
