"""Payments that stand on their invoices' rows: with a day, with an amount but no day, or by what is no longer open."""

from __future__ import annotations

from importing.mapping.documents import word_is
from importing.mapping.values import Section, open_amount, value

SMALLEST = 0.0005  # half the smallest unit of a currency of three decimals


def is_by_open_amount(invoices: Section, payments: Section) -> bool:
    """Return whether what was paid is the amount less what is open: no column has it, and one has the open amount."""
    return "open_amount" in invoices and "amount" not in payments.get("columns", {})


def complete(values: dict[str, str], invoices: Section, payments: Section) -> str:
    """Complete the SQL of payments on their invoices' rows by those without a day; return the condition for a payment.

    A row is paid on an unknown day where it has an amount of its own and no day, the status column says paid, or less is
    open than was invoiced. Such a payment is dated on its invoice's day of issue, is of kind `undated`, and known from the
    day of the import.
    """
    paid_on = values.get("paid_on", "NULL::DATE")
    invoiced, issued_on = value("invoices", "amount", invoices), value("invoices", "issued_on", invoices)
    says_paid = f"({word_is('status', invoices.get('status', {}).get('paid', ()))} AND {paid_on} IS NULL)"
    has_amount = "amount" in payments.get("columns", {})
    amount = values["amount"]
    without_day = [says_paid]
    if has_amount:  # a row that only the status calls paid was paid in full
        without_day.append(f"{amount} > 0")
        values["amount"] = (
            f"CASE WHEN {says_paid} THEN coalesce(nullif({amount}, 0), abs({invoiced})) ELSE {amount} END"
        )
    elif is_by_open_amount(invoices, payments):
        paid = _no_longer_open(invoiced, open_amount(invoices))
        values["amount"] = f"coalesce({paid}, {amount})"
        without_day = [f"({says_paid} AND {open_amount(invoices)} IS NULL)", f"{paid} > {SMALLEST}"]
    is_note = f"{invoiced} < 0"  # what is paid on a credit note goes back to the customer
    values["kind"] = (
        f"CASE WHEN {is_note} THEN 'refund' WHEN {paid_on} IS NULL THEN 'undated' ELSE {values['kind']} END"
    )
    values["amount"] = f"CASE WHEN {is_note} THEN abs({values['amount']}) ELSE {values['amount']} END"
    values["paid_on"] = f"coalesce({paid_on}, {issued_on})"
    booked_on = values.get("booked_on", "NULL::DATE")
    values["booked_on"] = (
        f"CASE WHEN {paid_on} IS NULL THEN greatest(getvariable('known_on'), {issued_on}) ELSE {booked_on} END"
    )
    return f" WHERE {paid_on} IS NOT NULL OR ({' OR '.join(f'coalesce({test}, false)' for test in without_day)})"


def _no_longer_open(invoiced: str, left: str) -> str:
    """Return SQL of amount less open amount; a credit note's open amount may be written above or below 0."""
    return f"round(CASE WHEN {invoiced} < 0 THEN abs({invoiced}) - abs({left}) ELSE {invoiced} - {left} END, 6)"


def payment_id(values: dict[str, str], invoices: Section) -> str:
    """Return SQL of the id of a payment on its invoice's row: INVOICE:paid, and INVOICE:paid~2, … where it repeats."""
    number = f"{values['invoice_id']} || ':paid'"
    if invoices.get("repeats") != "payments":
        return number
    day = values.get("paid_on", "NULL")
    nth = f"row_number() OVER (PARTITION BY {values['invoice_id']} ORDER BY {day}, file, line)"
    return f"{number} || CASE WHEN {nth} > 1 THEN '~' || {nth} ELSE '' END"
