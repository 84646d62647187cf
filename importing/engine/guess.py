"""A proposed mapping for any table: which header stands for which ledger column, each guess with its evidence.

Names decide first (in the languages that credit departments export in), values confirm or refuse: a date column must
read as dates, an id must be nearly unique. What stays open is left out of the proposal and said.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from importing.engine import values
from importing.engine.containers import as_text_table
from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, SourceError, plain
from importing.engine.headers import DELIMITERS, HEADER_WITHIN, split
from importing.engine.reading import read
from importing.engine.source import decoded, open_source
from ledger.validation import connect

SAMPLE_LINES = 20_000
NAMES = {
    ("invoices", "invoice_id"): (
        "invoice id",
        "invoice number",
        "invoice no",
        "invoice",
        "document number",
        "doc no",
        "bill no",
        "rechnungsnummer",
        "rechnung",
        "belegnummer",
        "beleg",
        "numero facture",
        "facture",
        "numero da fatura",
        "nota fiscal",
        "factura",
        "发票号",
    ),
    ("invoices", "customer_id"): (
        "customer id",
        "customer number",
        "customer",
        "account",
        "client",
        "debtor",
        "cust no",
        "kundennummer",
        "kunde",
        "debitor",
        "client id",
        "id cliente",
        "cliente",
        "numero client",
        "客户编号",
        "客户",
    ),
    ("invoices", "issued_on"): (
        "issue date",
        "issued on",
        "invoice date",
        "document date",
        "date",
        "posting date",
        "rechnungsdatum",
        "belegdatum",
        "datum",
        "date facture",
        "data emissao",
        "fecha factura",
        "开票日期",
    ),
    ("invoices", "due_on"): (
        "due date",
        "due on",
        "due",
        "net due date",
        "payment due",
        "faelligkeit",
        "fällig am",
        "faellig",
        "zahlungsziel",
        "echeance",
        "date echeance",
        "vencimento",
        "data vencimento",
        "vencimiento",
        "到期日",
    ),
    ("invoices", "amount"): (
        "amount",
        "invoice amount",
        "total",
        "gross",
        "value",
        "betrag",
        "bruttobetrag",
        "rechnungsbetrag",
        "montant",
        "valor",
        "valor a pagar",
        "importe",
        "open amount",
        "金额",
    ),
    ("invoices", "currency"): (
        "currency",
        "currency code",
        "curr",
        "währung",
        "waehrung",
        "devise",
        "moeda",
        "moneda",
        "币种",
    ),
    ("invoices", "payment_terms"): ("payment terms", "terms", "zahlungsbedingung", "conditions", "condicoes"),
    ("invoices", "booked_on"): (
        "booked on",
        "entry date",
        "created on",
        "created",
        "erfasst am",
        "buchungsdatum",
        "erfassungsdatum",
    ),
    ("payments", "paid_on"): (
        "paid on",
        "payment date",
        "clear date",
        "cleared on",
        "settled date",
        "settled on",
        "date paid",
        "bezahlt am",
        "zahlungsdatum",
        "ausgleichsdatum",
        "date paiement",
        "data pagamento",
        "fecha pago",
        "付款日期",
    ),
    ("payments", "amount"): (
        "paid amount",
        "amount paid",
        "payment amount",
        "bezahlt",
        "zahlbetrag",
        "montant paye",
        "valor pago",
        "付款金额",
    ),
    ("payments", "payment_id"): ("payment id", "payment number", "receipt no", "zahlungsnummer", "receipt"),
    ("customers", "name"): (
        "customer name",
        "name",
        "company",
        "company name",
        "kundenname",
        "firma",
        "nom client",
        "razao social",
        "客户名称",
    ),
    ("customers", "country"): ("country", "country code", "land", "pays", "pais", "国家"),
    ("customers", "industry"): ("industry", "sector", "branche", "secteur", "segmento"),
}
KINDS = {"issued_on": DATE, "due_on": DATE, "paid_on": DATE, "booked_on": DATE, "amount": NUMBER}
CLOSE = 0.72  # how alike two names must be
READABLE = 0.7  # the share of a column's values that must read as what it is guessed to be


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One proposed column: where it goes, which header, how sure, and why."""

    table: str
    column: str
    header: str
    score: float
    evidence: str


def guess(path: str | Path) -> tuple[list[Guess], tuple[str, ...]]:
    """The guesses for a table file, and its header. Raises InputError for a file that is no table."""
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path}: no such file.")
    with tempfile.TemporaryDirectory() as scratch:
        header = _header_of(path, Path(scratch))
        every = {f"c{i}": Field(names=(name,), type=TEXT) for i, name in enumerate(header) if name}
        fmt = Format(name="table", title="", files={"table": File(fields=every)}, tables={})
        source = open_source(path, fmt, Path(scratch))
        connection = connect()
        read(connection, source, fmt.files["table"], 1)
        repeated = " AND ".join(f"coalesce({field} = {_sql(d.names[0])}, false)" for field, d in every.items())
        connection.execute(
            f"CREATE TABLE sample AS SELECT * FROM typed_1 WHERE NOT ({repeated}) ORDER BY line LIMIT {SAMPLE_LINES}"
        )
        scored = [
            found
            for (table, column), names in NAMES.items()
            for field, declared in every.items()
            if (found := _scored(connection, table, column, names, field, declared.names[0])) is not None
        ]
    return _chosen(scored), header


def _header_of(path: Path, scratch: Path) -> tuple[str, ...]:
    """The first line with as many names as any line has values, under the separator that gives most."""
    text = as_text_table(path, scratch).read_bytes()[: 1 << 16]
    whole = decoded(text, "utf-16" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252").lstrip("\ufeff")
    lines = [line for line in whole.splitlines()[:HEADER_WITHIN] if line.strip()]
    if not lines:
        raise SourceError(f"{path}: the file is empty; there is nothing to guess from.")
    widths = {d: max(len([v for v in split(line, d) if v]) for line in lines) for d in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda d: widths[d])
    return next(
        tuple(split(line, delimiter))
        for line in lines
        if len([v for v in split(line, delimiter) if v]) >= 0.8 * widths[delimiter]
    )


def _scored(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, names: tuple[str, ...], field: str, header: str
) -> Guess | None:
    alike, name = max((_alike(header, n), n) for n in names)
    if alike < CLOSE:
        return None
    kind = KINDS.get(column, ID if column.endswith("_id") else TEXT)
    read_as = values.careful(kind, field, values.bare_number(field), values.Convention(day_first=True, decimal="."))
    if kind == DATE:
        other = values.careful(kind, field, field, values.Convention(day_first=False))
        read_as = f"coalesce({read_as}, {other})"
    pattern = "[A-Z]{2}" if column == "country" else "[A-Z]{3}"
    filled, readable, distinct, code, example = connection.execute(
        f"SELECT count({field}), count({read_as}), count(DISTINCT {field}), "
        f"count(*) FILTER (regexp_full_match({field}, '{pattern}')), min({field}) FROM sample"
    ).fetchall()[0]
    if (
        not filled
        or (kind in (DATE, NUMBER) and readable < READABLE * filled)
        or (column in ("currency", "country") and code < READABLE * filled)
    ):
        return None
    how = "the name" if alike == 1 else f"the name is {alike:.0%} like '{name}'"
    as_what = {DATE: "a date", NUMBER: "a number"}.get(kind, "text")
    evidence = f"{how}; {readable:,} of {filled:,} values read as {as_what}, {distinct:,} different, e.g. '{example}'"
    unique = distinct / filled
    score = (
        alike
        + (0.1 * unique if column in ("invoice_id", "payment_id") else 0.0)
        - (0.1 * unique if column == "customer_id" else 0.0)
    )
    return Guess(table=table, column=column, header=header, score=score, evidence=evidence)


def _alike(header: str, name: str) -> float:
    """1 for the same name; less for a header with the name's words among others; else how alike the letters are."""
    if plain(header) == plain(name):
        return 1.0
    words, given = set(_words(name)), set(_words(header))
    held = 0.95 - 0.03 * len(given - words) if words <= given else 0.0
    return max(held, difflib.SequenceMatcher(None, plain(header), plain(name)).ratio() - 0.05)


def _words(name: str) -> list[str]:
    return re.sub(r"[^\w]|_", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).casefold().split()


def _chosen(scored: list[Guess]) -> list[Guess]:
    """The best guess for each column, no header used twice."""
    chosen: dict[tuple[str, str], Guess] = {}
    used: set[str] = set()
    for candidate in sorted(scored, key=lambda g: (-g.score, g.table, g.column, g.header)):
        key = (candidate.table, candidate.column)
        if key not in chosen and candidate.header not in used:
            chosen[key] = candidate
            used.add(candidate.header)
    return [chosen[key] for key in NAMES if key in chosen]


def proposal(path: str | Path) -> str:
    """A mapping file as text, each line with its evidence, for a person to confirm or correct."""
    guesses, header = guess(path)
    lines = [
        f"# Proposed for {Path(path).name}: read each line's evidence, correct what is wrong, and import with "
        f"--mapping."
    ]
    tables = [t for t in ("invoices", "payments", "customers") if any(g.table == t for g in guesses)]
    for table in tables:
        own = [g for g in guesses if g.table == table]
        lines += ["", f"[{table}]"]
        if table != "invoices" and "invoices" in tables:
            lines.append('same_rows_as = "invoices"')
        lines += [f"columns.{g.column} = {_toml(g.header)}  # {g.evidence}" for g in own]
        if table == "invoices":
            found = {g.column for g in own}
            if "currency" not in found:
                lines.append('# constants.currency = "EUR"  # no column reads as a currency: say which it is')
            if "due_on" not in found:
                lines.append("# terms_days = 30  # no column reads as a due date: say the usual terms")
            lines += [
                f"# columns.{c} = ?  # no column found; it is needed"
                for c in ("customer_id", "issued_on", "amount")
                if c not in found
            ]
            if "invoice_id" not in found:
                lines.append("# no column reads as an invoice's id: one is made of the row's content")
    rest = [name for name in header if name and name not in {g.header for g in guesses}]
    if rest:
        lines += ["", f"# not used: {', '.join(rest)}"]
    return "\n".join(lines) + "\n"


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
