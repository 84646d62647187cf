"""Rows that are not one document each: words for the kind of document, several rows a document, words of a status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from importing.mapping.values import CONTENT_ID, Section, content_of, literal, needs_number, value

FILE, NUMBERED, DOCUMENTS = "invoices_file", "invoices_numbered", "invoices_documents"


def prepared_of(section: Section, fields: Iterable[str]) -> dict[str, str]:
    """Return the helper relations of the invoices' file: rows with an id made for them, and one row a document."""
    relations = {}
    if needs_number(section, "invoices"):
        made = CONTENT_ID.format(prefix="I", content=content_of("invoices", section["columns"]))
        relations[NUMBERED] = f"SELECT *, {made} AS invoices_invoice_id FROM {FILE}"
    if repeats := section.get("repeats"):
        sums = {"invoices_amount"} if repeats == "lines" else set()
        keys = [f for f in fields if f.startswith("invoices_") and f not in {*sums, "invoices_sign"}]
        others = [f for f in fields if f not in {*keys, *sums}]
        columns = [*keys, *(f"sum({f}) AS {f}" for f in sorted(sums)), *(f"any_value({f}) AS {f}" for f in others)]
        relations[DOCUMENTS] = (
            f"SELECT arg_min(file, (file, line)) AS file, arg_min(line, (file, line)) AS line, {', '.join(columns)}, "
            f"any_value(reasons) AS reasons FROM {rows_of(section)} GROUP BY {', '.join(keys)}"
        )
    return relations


def rows_of(section: Section) -> str:
    """Return the relation with one row a source row of the invoices' file, each with an invoice_id."""
    return NUMBERED if needs_number(section, "invoices") else FILE


def documents_of(section: Section) -> str:
    """Return the relation with one row a document."""
    return DOCUMENTS if section.get("repeats") else rows_of(section)


def word_is(field: str, words: Iterable[str]) -> str:
    """Return an SQL test for a field that holds one of the words, in any case."""
    texts = ", ".join(literal(str(word).strip().casefold()) for word in words)
    return f"coalesce(lower(trim({field})) IN ({texts}), false)" if texts else "false"


def kind_of(section: Section) -> str:
    """Return SQL of a row's kind by its word: invoice, credit_note or payment; NULL where the row has none."""
    kinds = section.get("kinds", {})
    cases = " ".join(
        f"WHEN {word_is('kinds', kinds[kind])} THEN '{kind}'" for kind in ("invoice", "credit_note", "payment") if kinds.get(kind)
    )  # fmt: skip
    if "credit_amount" in section and "payment" not in kinds:
        cases += f" WHEN {value('invoices', 'amount', section)} < 0 THEN 'payment'"
    return f"CASE {cases} END" if cases else "NULL"


def has_payments(section: Section) -> bool:
    """Return whether rows of the invoices' file are payments of their own: by their word, or by the column of credits."""
    return bool(section.get("kinds", {}).get("payment")) or "credit_amount" in section


def is_document(section: Section) -> str:
    """Return SQL condition for rows that are invoices or credit notes; empty where all are."""
    if has_payments(section):
        return f" WHERE ({kind_of(section)}) IS DISTINCT FROM 'payment'"
    return " WHERE true" if section.get("repeats") else ""  # rows of a document may give nothing of their own


def payments_by_kind(section: Section) -> str:
    """Return SQL of one row a payment among the documents: on its document's day, for the invoice that it names, if any.

    Lists write money that came in above or below 0: the sign that most payments have is that of money in.
    """
    relation, is_payment = rows_of(section), f"({kind_of(section)}) = 'payment'"
    amount = value("invoices", "amount", section)
    usual = f"(SELECT sign(median({amount})) FROM {relation} WHERE {is_payment})"
    number = "invoices_invoice_id" if needs_number(section, "invoices") else value("invoices", "invoice_id", section)
    return (
        f"SELECT file, line, {number} AS payment_id, {value('invoices', 'customer_id', section)} AS customer_id, "
        f"{value('invoices', 'applies_to', section)} AS invoice_id, {value('invoices', 'issued_on', section)} AS paid_on, "
        f"abs({amount}) AS amount, {{currency}} AS currency, "
        f"CASE WHEN sign({amount}) = {usual} THEN 'payment' ELSE 'refund' END AS kind, "
        f"{value('invoices', 'booked_on', section)} AS booked_on FROM {relation} WHERE {is_payment}"
    )


def refused(section: Section) -> tuple[tuple[str, str], ...]:
    """Return the rows that the words of a mapping keep out, each with the reason."""
    refusals = []
    status, kinds = section.get("status", {}), section.get("kinds", {})
    if status.get("cancelled"):
        test = word_is("status", status["cancelled"])
        refusals.append((test, f"{status['column']} says that the document is cancelled"))
    if kinds:
        words = [word for kind, listed in kinds.items() if kind != "column" for word in listed]
        refusals.append((
            f"kinds IS NOT NULL AND NOT {word_is('kinds', words)}",
            f"{kinds['column']} has a word that [invoices.kinds] does not sort",
        ))  # fmt: skip
    return tuple(refusals)


def events_of_status(section: Section) -> str:
    """Return SQL of one row an event that a status word tells, on the day of the import: the source has no other."""
    status, relation = section.get("status", {}), documents_of(section)
    number = "invoices_invoice_id" if needs_number(section, "invoices") else value("invoices", "invoice_id", section)
    parts = []
    for meaning, kind in (("written_off", "write_off"), ("protested", "payment_bounced")):
        if status.get(meaning):
            day = f"greatest(getvariable('known_on'), {value('invoices', 'issued_on', section)})"
            parts.append(
                f"SELECT file, line, {number} || ':{meaning}' AS event_id, "
                f"{value('invoices', 'customer_id', section)} AS customer_id, {number} AS invoice_id, "
                f"{day} AS occurred_on, '{kind}' AS kind, status AS detail, {day} AS booked_on "
                f"FROM {relation} WHERE {word_is('status', status[meaning])}"
            )
    return " UNION ALL ".join(parts)


def fields_of_words(section: Section) -> Mapping[str, str]:
    """Return field -> header of the columns of words: of a status, of the kind of document."""
    return {name: section[name]["column"] for name in ("status", "kinds") if section.get(name)}
