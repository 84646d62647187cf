"""DATEV: open items of debtors (OPOS), as the list exports them: one row a posting, debit (Soll) and credit (Haben).

A debit is an invoice under its Rechnungsnummer (Belegfeld 1); a credit with the same number pays it, or is a credit note
where its text says Gutschrift, Storno or Skonto (a discount). Credits whose number is no invoice's are unapplied. Amounts
stand in two columns (Soll, Haben), or in one with S or H in another; a Saldo column is compared with nothing.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, INTEGER, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

POSTINGS = File(
    fields={
        "customer_id": Field(
            names=("Konto", "Kontonummer", "Debitorennummer", "Debitor", "Kto"),
            type=ID,
            required=True,
            meaning="customer_id",
        ),
        "name": Field(
            names=("Kontobezeichnung", "Beschriftung", "Kontobeschriftung", "Name", "Bezeichnung"),
            type=TEXT,
            meaning="customers.name",
        ),
        "number": Field(
            names=(
                "Rechnungs-Nr.",
                "Rechnungsnummer",
                "Rechnungsnr.",
                "RG-Nr.",
                "Belegfeld 1",
                "Belegfeld1",
                "Belegnummer",
            ),
            type=ID,
            required=True,
            optional_value=True,
            meaning="invoices.invoice_id",
        ),
        "on_day": Field(
            names=("Belegdatum", "Rechnungsdatum", "Datum", "Buchungsdatum"),
            type=DATE,
            required=True,
            meaning="issued_on, paid_on",
        ),
        "due_on": Field(
            names=("Fälligkeit", "Fälligkeitsdatum", "Fällig am", "Belegfeld 2", "fällig"),
            type=DATE,
            meaning="invoices.due_on",
        ),
        "debit": Field(
            names=("Betrag Soll", "Soll", "Sollbetrag", "Umsatz Soll"), type=NUMBER, meaning="amount of an invoice"
        ),
        "credit": Field(
            names=("Betrag Haben", "Haben", "Habenbetrag", "Umsatz Haben"), type=NUMBER, meaning="amount of a payment"
        ),
        "amount": Field(
            names=("Betrag", "Umsatz", "Umsatz (ohne Soll/Haben-Kz)", "OP-Betrag", "Offener Betrag"),
            type=NUMBER,
            meaning="amount, with S/H",
        ),
        "side": Field(
            names=("S/H", "Soll/Haben-Kennzeichen", "SH", "Soll-/Haben-Kennzeichen"),
            type=TEXT,
            meaning="S debit, H credit",
        ),
        "currency": Field(
            names=("Währung", "WKZ Umsatz", "WKZ", "Währungskennung"),
            type=TEXT,
            meaning="currency; without it --currency",
        ),
        "text": Field(
            names=("Buchungstext", "Text"), type=TEXT, meaning="Gutschrift, Storno: a credit note; Skonto: a discount"
        ),
        "dunning_level": Field(names=("Mahnstufe", "Mahnst."), type=INTEGER, meaning="an event dunning"),
        "dunned_on": Field(names=("Letzte Mahnung", "Mahndatum", "letztes Mahndatum"), type=DATE, meaning="its day"),
    },
    refuse=(
        ("coalesce(debit, credit, amount) IS NULL", "no amount: neither Soll, Haben nor Betrag"),
        ("amount IS NOT NULL AND side IS NOT NULL AND upper(side) NOT IN ('S', 'H')", "S/H is neither S nor H"),
    ),
)

QUERIES = queries_of(__file__)

FORMAT = Format(
    name="datev",
    title="DATEV (open items of debtors, OPOS)",
    currency="EUR",
    files={"postings": POSTINGS},
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="due dates: none given, the document's date is taken",
            sql="SELECT number FROM classed WHERE class = 'invoice' AND due_on IS NULL",
        ),
        Notice(
            words="currency: the row has none, the format's (or --currency) is taken",
            sql="SELECT number FROM classed WHERE currency IS NULL",
        ),
        Notice(
            words="ids of postings without or with a repeated number, made of number, day and order",
            sql="SELECT item_id FROM classed WHERE class <> 'invoice'",
        ),
    ),
    traps=(
        "decimal comma",
        "Windows-1252",
        "open items only: settled ones are not in the list",
        "Skonto as a posting of its own",
    ),
)
