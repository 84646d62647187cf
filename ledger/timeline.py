"""One invoice's life as a table for a person: what happened, when the books knew it, and what was open after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ledger.currency import CENTS
from ledger.currency_codes import minor_units
from ledger.errors import InputError
from ledger.known import known_from
from ledger.ledger import TABLES, Ledger
from ledger.settlement import settle


def timeline(ledger: Ledger, invoice_id: str) -> pd.DataFrame:
    """Return what the books learned of one document, one row a thing, in the order in which they learned it.

    The document is an invoice, an instalment (INVOICE#NUMBER), a credit note or a payment by its id. An instalment shows its
    invoice's rows with its own open amount and state; an invoice is settled when all its instalments are. A credit note that names an invoice and a payment of
    an invoice show that invoice's rows; others show their own and what of them is left, with the state unapplied.

    Columns: known_on (the day from which it counts), happened_on, what (issued, instalment, payment,
    reversal, refund, netting, factoring, credit note, write off, dispute opened, …; 'corrected' where a row stopped
    counting), reference (the row's own id), detail (due date and terms, method, an event's words and amount), amount
    (document currency, signed as it acts on the open balance; NaN for what does not, e.g. a residual item, which only
    says under which document what is left goes on), open_amount (document currency, after all that was known that day), state (open, paid, credited,
    factored, written_off), settled_on (NaT while not paid), is_disputed.

    Raises InputError for a document that the ledger does not hold.
    """
    invoices, payments, events = ledger.invoices, ledger.payments, ledger.events
    is_invoice = (invoices["kind"] == "invoice").to_numpy()
    own, number = invoices[(invoices["invoice_id"] == invoice_id).to_numpy() & is_invoice], None
    if own.empty and "#" in invoice_id:  # an instalment, unless an invoice is called so
        whole, _, digits = invoice_id.rpartition("#")
        plan = ledger["instalments"][ledger["instalments"]["invoice_id"] == whole]
        if digits.isdigit() and (plan["number"] == int(digits)).any():
            invoice_id, number = whole, int(digits)
            own = invoices[(invoices["invoice_id"] == whole).to_numpy() & is_invoice]
    if own.empty:
        return _other_document(ledger, invoice_id)
    plan = ledger["instalments"][ledger["instalments"]["invoice_id"] == invoice_id].reset_index(drop=True)
    credit = invoices[(invoices["applies_to"] == invoice_id) & (invoices["kind"] == "credit_note")]
    paid, events_of_it = payments[payments["invoice_id"] == invoice_id], events[events["invoice_id"] == invoice_id]
    is_back = paid["kind"].isin(["reversal", "refund"])
    acts = events_of_it["amount"].where(events_of_it["kind"] == "write_off")
    rows = pd.concat([
        _rows(own, "invoices", "issued_on", pd.Series("issued", own.index), own["amount"], _terms(own)),
        _plan_rows(plan, own),
        _rows(credit, "invoices", "issued_on", pd.Series("credit note", credit.index), -credit["amount"], _none(credit)),
        _rows(paid, "payments", "paid_on", paid["kind"], paid["amount"].where(is_back, -paid["amount"]), paid["method"]),
        _rows(events_of_it, "events", "occurred_on", events_of_it["kind"].str.replace("_", " "), -acts, _words(events_of_it)),
    ], ignore_index=True)  # fmt: skip
    part = Ledger(tables={
        **ledger.tables, "invoices": pd.concat([own, credit], ignore_index=True),
        "payments": paid.reset_index(drop=True), "events": events_of_it.reset_index(drop=True), "instalments": plan,
    })  # fmt: skip
    settlement = settle(part)
    units = max(CENTS, minor_units(str(own["currency"].iloc[0])))
    states = {on: settlement.at(on) for on in rows["known_on"].unique()}
    shown = [_state(states[on], number, units) for on in rows["known_on"]]
    rows[["open_amount", "state", "settled_on", "is_disputed"]] = pd.DataFrame(
        shown, index=rows.index, columns=["open_amount", "state", "settled_on", "is_disputed"]
    )
    return rows.sort_values(["known_on", "happened_on", "reference"], kind="stable").reset_index(drop=True)


def _state(state: pd.DataFrame, number: int | None, units: int) -> tuple[float, str, Any, bool]:
    """Return (open amount, state, settled on, whether in dispute) of an invoice, or of one of its instalments, on a day."""
    items = state if number is None else state[state["number"] == number]
    if items.empty:
        return float("nan"), "not known", pd.NaT, False
    left, disputed = float(items["document_open_cents"].sum()) / units, bool(items["is_disputed"].any())
    if (items["closed_kind"] == "open").any():
        return left, "open", pd.NaT, disputed
    last = items.sort_values("closed_on", kind="stable").iloc[-1]  # settled when all are
    return left, str(last["closed_kind"]), last["settled_on"], disputed


def _plan_rows(plan: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Return the instalments as lines of a timeline, known with their invoice where no day is given."""
    since = np.maximum(known_from(plan, TABLES["instalments"]), known_from(own, TABLES["invoices"]).min())
    known = pd.Series(pd.to_datetime(since, unit="D").as_unit("s"), index=plan.index)
    due = "due " + plan["due_on"].dt.strftime("%Y-%m-%d").astype(object)
    lines = pd.DataFrame({
        "known_on": known, "happened_on": known, "what": "instalment",
        "reference": plan["invoice_id"].astype(object) + "#" + plan["number"].astype(str),
        "detail": due + ", " + plan["amount"].map("{:,.2f}".format).astype(object), "amount": float("nan"),
    })  # fmt: skip
    taken = plan["superseded_on"].notna()
    back = lines[taken].assign(known_on=plan["superseded_on"][taken], what="corrected: instalment")
    return pd.concat([lines, back], ignore_index=True)


def _other_document(ledger: Ledger, document_id: str) -> pd.DataFrame:
    """Return the timeline of a credit note or a payment."""
    invoices, payments = ledger.invoices, ledger.payments
    notes = invoices[(invoices["invoice_id"] == document_id) & (invoices["kind"] == "credit_note")]
    paid = payments[payments["payment_id"] == document_id]
    if notes.empty and paid.empty:
        raise InputError(
            f"document '{document_id}' is not in the ledger ({len(invoices):,} invoices and credit notes, {len(payments):,} "
            "payments); ids are matched exactly, as text."
        )
    target = (notes["applies_to"] if len(notes) else paid["invoice_id"]).dropna()
    held = invoices[invoices["invoice_id"].isin(target) & (invoices["kind"] == "invoice")]
    if len(held):
        return timeline(ledger, str(held["invoice_id"].iloc[0]))
    if len(notes):
        used = payments[payments["invoice_id"] == document_id]  # a refund of the credit note names it
        rows = [_rows(notes, "invoices", "issued_on", pd.Series("credit note", notes.index), -notes["amount"], _terms(notes)),
                _rows(used, "payments", "paid_on", used["kind"], used["amount"], used["method"])]  # fmt: skip
    else:
        is_back = paid["kind"].isin(["reversal", "refund"])
        signed = paid["amount"].where(is_back, -paid["amount"])
        rows = [_rows(paid, "payments", "paid_on", paid["kind"], signed, paid["method"])]
    shown = pd.concat(rows, ignore_index=True)
    shown = shown.sort_values(["known_on", "happened_on", "reference"], kind="stable").reset_index(drop=True)
    left = shown.groupby("known_on")["amount"].sum().cumsum()
    return shown.assign(
        open_amount=shown["known_on"].map(left).round(6),
        state="unapplied",
        settled_on=pd.Series(pd.NaT, index=shown.index, dtype="datetime64[s]"),
        is_disputed=False,
    )


def _rows(
    frame: pd.DataFrame, table: str, event: str, what: pd.Series, amount: pd.Series, detail: pd.Series
) -> pd.DataFrame:
    """Return the rows of one table as lines of a timeline, and one line more for each that a correction took back."""
    known = pd.to_datetime(known_from(frame, TABLES[table]), unit="D").as_unit("s")
    lines = pd.DataFrame({
        "known_on": known, "happened_on": frame[event], "what": what.astype(object), "reference": frame[TABLES[table].key[0]],
        "detail": detail.astype(object), "amount": amount,
    })  # fmt: skip
    taken = frame["superseded_on"].notna()
    back = lines[taken].assign(
        known_on=frame["superseded_on"][taken], what="corrected: " + lines["what"][taken].astype(str)
    )
    return pd.concat([lines, back.assign(amount=-back["amount"])], ignore_index=True)


def _none(frame: pd.DataFrame) -> pd.Series:
    return pd.Series(None, index=frame.index, dtype=object)


def _terms(invoices: pd.DataFrame) -> pd.Series:
    terms = (", " + invoices["payment_terms"].astype(object)).where(invoices["payment_terms"].notna(), "")
    return "due " + invoices["due_on"].dt.strftime("%Y-%m-%d").astype(object) + terms


def _words(events: pd.DataFrame) -> pd.Series:
    """Return an event's detail with its amount, where it has any."""
    amounts = [None if pd.isna(a) else f"{a:,.2f}" for a in events["amount"]]
    details = [None if pd.isna(d) else str(d) for d in events["detail"]]
    texts = [", ".join(t for t in pair if t) or None for pair in zip(details, amounts, strict=True)]
    return pd.Series(texts, index=events.index, dtype=object)
