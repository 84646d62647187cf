"""One invoice's life as a table for a person: what happened, when the books knew it, and what was open after it."""

from __future__ import annotations

import pandas as pd

from features.errors import InputError
from features.known import known_from
from features.ledger import TABLES, Ledger
from features.settlement import settle


def timeline(ledger: Ledger, invoice_id: str) -> pd.DataFrame:
    """The life of one invoice, one row a thing that the books learned, in the order in which they learned it.

    Columns: known_on (the day from which it counts), happened_on, what (issued, payment,
    reversal, refund, netting, factoring, credit note, write off, dispute opened, …; 'corrected' where a row stopped
    counting), reference (the row's own id), amount (document currency, signed as it acts on the open balance; NaN for an
    event without one), open_amount (document currency, after all that was known that day), state (open, paid, credited,
    factored, written_off), settled_on (NaT while not paid), is_disputed.

    Raises InputError for an invoice that the ledger does not hold.
    """
    invoices, payments, events = ledger.invoices, ledger.payments, ledger.events
    own = invoices[(invoices["invoice_id"] == invoice_id) & (invoices["kind"] == "invoice")]
    if own.empty:
        raise InputError(
            f"invoice '{invoice_id}' is not in the ledger ({len(invoices):,} invoices); ids are matched exactly, as text."
        )
    credit = invoices[(invoices["applies_to"] == invoice_id) & (invoices["kind"] == "credit_note")]
    rows = pd.concat([
        _rows(own, "invoices", "invoice_id", "issued_on", pd.Series("issued", own.index), 1.0),
        _rows(credit, "invoices", "invoice_id", "issued_on", pd.Series("credit note", credit.index), -1.0),
        _rows(paid := payments[payments["invoice_id"] == invoice_id], "payments", "payment_id", "paid_on", paid["kind"],
              paid["kind"].isin(["reversal", "refund"]).map({True: 1.0, False: -1.0})),
        _rows(told := events[events["invoice_id"] == invoice_id], "events", "event_id", "occurred_on",
              told["kind"].str.replace("_", " "), -1.0),
    ], ignore_index=True)  # fmt: skip
    part = Ledger(tables={
        **ledger.tables, "invoices": pd.concat([own, credit], ignore_index=True),
        "payments": paid.reset_index(drop=True), "events": told.reset_index(drop=True),
    })  # fmt: skip
    settlement = settle(part)
    states = {on: settlement.at(on) for on in rows["known_on"].unique()}
    shown = []
    for on in rows["known_on"]:
        state = states[on]
        last = state.iloc[-1] if len(state) else None
        shown.append((float("nan"), "not known", pd.NaT, False) if last is None else (
            last["document_open_cents"] / 100, last["closed_kind"], last["settled_on"], bool(last["is_disputed"])))  # fmt: skip
    rows[["open_amount", "state", "settled_on", "is_disputed"]] = pd.DataFrame(
        shown, index=rows.index, columns=["open_amount", "state", "settled_on", "is_disputed"]
    )
    return rows.sort_values(["known_on", "happened_on", "reference"], kind="stable").reset_index(drop=True)


def _rows(
    frame: pd.DataFrame, table: str, key: str, event: str, what: pd.Series, sign: pd.Series | float
) -> pd.DataFrame:
    """The rows of one table as lines of a timeline, and one line more for each that a correction took back."""
    known = pd.to_datetime(known_from(frame, TABLES[table]), unit="D").as_unit("s")
    lines = pd.DataFrame({
        "known_on": known, "happened_on": frame[event], "what": what.astype(object), "reference": frame[key],
        "amount": frame["amount"] * sign,
    })  # fmt: skip
    taken = frame["superseded_on"].notna()
    back = lines[taken].assign(
        known_on=frame["superseded_on"][taken], what="corrected: " + lines["what"][taken].astype(str)
    )
    return pd.concat([lines, back.assign(amount=-back["amount"])], ignore_index=True)
