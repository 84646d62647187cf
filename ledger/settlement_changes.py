"""What the tables say of invoices and of what changes them, as arrays of whole numbers: the settlement's input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger import settlement_kernels
from ledger.currency import CENTS, document_cents, document_units, is_in_one_currency, reporting_cents
from ledger.known import NEVER, Days, days, known_from, known_until
from ledger.ledger import TABLES, Ledger
from ledger.settlement_kernels import (
    ALL_THAT_IS_LEFT,
    CASH,
    CREDIT,
    DISCOUNT,
    DISPUTE_CLOSED,
    DISPUTE_OPENED,
    FACTOR,
    NO_DAY,
    WRITE_OFF,
)
from ledger.text_codes import Codes, Dictionary, numbers

Cents = NDArray[np.int64]
Small = NDArray[np.int8]
SIGNS = {
    "payment": 1, "netting": 1, "factoring": 1, "reversal": -1, "refund": -1, "discount": 1, "bill": 1,
    "exchange_difference": 1, "undated": 1,
}  # fmt: skip
GAIN = "gain"  # the method of an exchange difference that raises what is open: more was paid than was invoiced
# The numbers of payments that are no plain cash; a payment's sign is its number's.
SOLD, TAKEN_OFF, WITHOUT_DAY = 2, 3, 4
PAYMENTS = SIGNS | {
    "factoring": SOLD, "discount": TAKEN_OFF, "exchange_difference": TAKEN_OFF, "undated": WITHOUT_DAY,
}  # fmt: skip
NO_CASH = (
    "discount",
    "exchange_difference",
    "undated",
    "bill",
)  # without an invoice of the books they are no unapplied cash
_KINDS = np.array([CASH, CASH, FACTOR, DISCOUNT, NO_DAY], dtype=np.int8)  # by the number; a reversal's is -1: cash
ENTRIES = {"write_off": WRITE_OFF, "dispute_opened": DISPUTE_OPENED, "dispute_closed": DISPUTE_CLOSED}


def at_rows(column: pd.Series, row: NDArray[np.int64] | None) -> pd.Series:
    """Return the rows of a column at these places; all of them for None."""
    return column if row is None else column.iloc[row]


@dataclass(frozen=True, kw_only=True)
class Invoices:
    """The invoices table's arrays: of invoices proper (`row` their places, None: all of them), and of credit notes apart.

    reported : cents of the reporting currency, of all rows of the table; `cents` itself where no money is foreign.
    """

    ledger: Ledger
    row: NDArray[np.int64] | None
    notes: NDArray[np.int64]
    names: Dictionary
    issued_on: Days
    due_on: Days
    since: Days
    until: Days
    cents: Cents
    reported: Cents
    is_foreign: bool
    note_cents: Cents
    note_reported: Cents
    note_applies_to: Codes

    @classmethod
    def of(cls, ledger: Ledger) -> Invoices:
        frame = ledger.invoices
        is_note = numbers(frame["kind"], {"credit_note": 1}) == 1
        notes = np.flatnonzero(is_note)
        row = np.flatnonzero(~is_note) if len(notes) else None
        names = Dictionary.of(at_rows(frame["invoice_id"], row))
        cents = document_cents(frame["amount"], frame["currency"], ledger.currencies)
        is_foreign = not is_in_one_currency(ledger) or bool(document_units(ledger.currencies))
        reported = (
            reporting_cents(frame["amount"], frame["currency"], frame["issued_on"], ledger) if is_foreign else cents
        )
        own = slice(None) if row is None else row
        return cls(
            ledger=ledger, row=row, notes=notes, names=names,
            issued_on=days(frame["issued_on"])[own], due_on=days(frame["due_on"])[own],
            since=known_from(frame, TABLES["invoices"])[own], until=known_until(frame, TABLES["invoices"])[own],
            cents=cents[own], reported=reported[own], is_foreign=is_foreign,
            note_cents=cents[notes], note_reported=reported[notes],
            note_applies_to=names.look_up(frame["applies_to"].iloc[notes]) if len(notes) else np.zeros(0, dtype=np.int32),
        )  # fmt: skip

    def held(self) -> tuple[Days, Days]:
        """Return per invoice id the first day on which the books hold it, and the first on which they no longer do."""
        if self.names.is_rising:
            return self.since, self.until
        found = np.full(len(self.names), NEVER), np.full(len(self.names), -NEVER)
        settlement_kernels.held_days(self.names.codes, self.since, self.until, *found)
        return found


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What changes invoices: the invoice that each row names (-1: none that the books ever hold), event day, known from,
    known until, signed cents of the document currency, kind."""

    invoice: Codes
    on: Days
    since: Days
    until: Days
    cents: Cents
    kind: Small

    @classmethod
    def of_payments(cls, ledger: Ledger, names: Dictionary) -> Changes:
        frame = ledger.payments
        kind = numbers(frame["kind"], PAYMENTS)
        cents = document_cents(frame["amount"], frame["currency"], ledger.currencies)
        if (kind == TAKEN_OFF).any():
            gains = (frame["kind"] == "exchange_difference") & (frame["method"] == GAIN)
            cents = np.where(gains.to_numpy(), -cents, cents)
        return cls(
            invoice=names.look_up(frame["invoice_id"]), on=days(frame["paid_on"]),
            since=known_from(frame, TABLES["payments"]), until=known_until(frame, TABLES["payments"]),
            cents=cents if (kind > 0).all() else cents * np.sign(kind),
            kind=_KINDS[np.maximum(kind, 0)],
        )  # fmt: skip

    @classmethod
    def of_notes(cls, table: Invoices, names: Dictionary) -> Changes | None:
        if not len(table.notes):
            return None
        frame = table.ledger.invoices.iloc[table.notes]
        return cls(
            invoice=table.note_applies_to, on=days(frame["issued_on"]), since=known_from(frame, TABLES["invoices"]),
            until=known_until(frame, TABLES["invoices"]), cents=table.note_cents, kind=np.full(len(frame), CREDIT, dtype=np.int8),
        ).named()  # fmt: skip

    @classmethod
    def of_events(cls, ledger: Ledger, names: Dictionary) -> Changes | None:
        frame = ledger.events
        kind = numbers(frame["kind"], ENTRIES) if len(frame) else np.zeros(0, dtype=np.int8)
        rows = np.flatnonzero(kind)
        if not len(rows):
            return None
        frame = frame.iloc[rows]
        written = frame["amount"].to_numpy(dtype=np.float64) * _units_of_invoices(frame["invoice_id"], ledger)
        return cls(
            invoice=names.look_up(frame["invoice_id"]), on=days(frame["occurred_on"]),
            since=known_from(frame, TABLES["events"]), until=known_until(frame, TABLES["events"]),
            cents=np.where(np.isnan(written), ALL_THAT_IS_LEFT, np.rint(np.nan_to_num(written)).astype(np.int64)),
            kind=kind[rows],
        ).named()  # fmt: skip

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        return self.invoice, self.on, self.since, self.until, self.cents, self.kind

    def named(self) -> Changes:
        """Return the rows that name an invoice of the books."""
        if not len(self.invoice) or self.invoice.min() >= 0:
            return self
        return changes_of(column[self.invoice >= 0] for column in self.columns)


def _units_of_invoices(invoice_id: pd.Series, ledger: Ledger) -> NDArray[np.float64] | float:
    """Return the units that one unit of each invoice's currency has in the engine."""
    if not (units := document_units(ledger.currencies)):
        return float(CENTS)
    invoices = ledger.invoices.drop_duplicates("invoice_id").set_index("invoice_id")["currency"]
    return invoice_id.map(invoices).map(lambda code: units.get(code, CENTS)).to_numpy(dtype=np.float64)


def tolerances(currency: pd.Series, ledger: Ledger) -> NDArray[np.int64]:
    """Return the tolerance of each document in the engine's units; one for all where they have the same."""
    units = document_units(ledger.currencies)
    if not units:
        return np.array([settlement_kernels.TOLERANCE])
    return currency.map(lambda code: units.get(code, CENTS) * settlement_kernels.TOLERANCE // CENTS).to_numpy(
        dtype=np.int64
    )


def changes_of(columns: Iterable[NDArray[Any]]) -> Changes:
    """Changes from their columns, in the order of `Changes.columns`."""
    names = ("invoice", "on", "since", "until", "cents", "kind")
    return Changes(**dict(zip(names, columns, strict=True)))


def joined(parts: Iterable[Changes | None]) -> Changes:
    """Return all changes one after the other; None is none."""
    present = [part for part in parts if part is not None]
    if len(present) == 1:
        return present[0]
    return changes_of(np.concatenate(c) for c in zip(*(part.columns for part in present), strict=True))
