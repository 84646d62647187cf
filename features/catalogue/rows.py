"""The row sets and row fields that declarations are made of, each with its meaning."""

from __future__ import annotations

from features.language import ATTRIBUTE_NAMES, WINDOW, Node, Rows, row
from ledger.contract import EVENT_CODES

AMOUNT = row("amount")
DAYS_LATE = row("days_late")  # paid: settled_on - due_on; not paid: as_of - due_on; signed
DAYS_PAST_DUE = row("days_past_due")  # the same, at least 0
OPEN_AMOUNT = row("open_amount")

# every invoice known and not superseded
invoices = Rows("invoices", "due_on")
# paid or still to be paid by the customer (not: credited in full, sold to a factor)
owed = invoices.only(row("is_owed"))
open_items = invoices.only(row("is_open"))
overdue_items = invoices.only(row("is_overdue"))


def due_within(window: int | str = WINDOW) -> Rows:
    """Return invoices that fell due in the last `window` days, paid or owed by the customer itself."""
    return Rows("invoices", "due_on", window, row("is_owed"))


def issued_within(window: int | str = WINDOW) -> Rows:
    """Return invoices issued in the last `window` days, whatever became of them."""
    return Rows("invoices", "issued_on", window)


def settled_within(window: int | str = WINDOW) -> Rows:
    """Return invoices paid in full in the last `window` days."""
    return Rows("invoices", "closed_on", window, row("is_paid"))


def closed_within(window: int | str, how: str) -> Rows:
    """Return invoices closed in the last `window` days in one way (is_credited, is_written_off, …)."""
    return Rows("invoices", "closed_on", window, row(how))


def payments_within(window: int | str = WINDOW) -> Rows:
    """Return payments and nettings of the last `window` days, applied to an invoice or not; one row an allocation."""
    return Rows("payments", "paid_on", window, row("is_payment"))


def allocations_within(window: int | str = WINDOW) -> Rows:
    """Return payments of the last `window` days that name an invoice; one row an allocation."""
    return Rows("payments", "paid_on", window, row("is_on_invoice"))


def reductions(window: int | str = WINDOW) -> Rows:
    """Return all that lowered receivables of invoices in the window: payments, credit notes, nettings, sales, less
    reversals.
    """
    return Rows("payments", "paid_on", window, row("is_applied"))


payments = Rows("payments", "paid_on", None, row("is_payment"))


def _kind(name: str) -> Node:
    return row("kind").equals(EVENT_CODES[name])


def events_within(window: int | str, *kinds: str) -> Rows:
    """Return events of these kinds in the last `window` days."""
    condition = _kind(kinds[0])
    for name in kinds[1:]:
        condition = condition | _kind(name)
    return Rows("events", "occurred_on", window, condition)


def events(*kinds: str) -> Rows:
    """Return events of these kinds, ever."""
    return Rows("events", "occurred_on", None, events_within(1, *kinds).where)


limits = Rows("terms", "effective_on", None, row("has_limit"))
agreed_terms = Rows("terms", "effective_on", None, row("has_terms"))
insured_limits = Rows("terms", "effective_on", None, row("has_insured_limit"))
ratings = Rows("ratings", "rated_on", None, row("has_risk"))


def attribute(name: str, window: int | None = None) -> Rows:
    """Return the observations of one attribute; those of the last `window` days where one is given."""
    return Rows("attributes", "observed_on", window, row("name").equals(ATTRIBUTE_NAMES.index(name)))
