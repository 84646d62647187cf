"""A proposed mapping for a file or a folder of files, each line with its evidence, and the totals that it would give."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from importing.engine.encodings import UTF_8
from importing.engine.format import SourceError, Stated, plain
from importing.engine.run import Options, import_files
from importing.engine.source import files_in
from importing.formats.table import format_of
from importing.guess.choices import Choice, FileGuess
from importing.guess.columns import SampledFile, sample_of
from importing.guess.scoring import guess_of
from ledger.contract import TABLES
from ledger.errors import InputError

ROLE_WORDS = {
    "payments": (
        "payment",
        "receipt",
        "zahlung",
        "paiement",
        "règlement",
        "pagamento",
        "pago",
        "cobro",
        "收款",
        "付款",
        "回款",
    ),
    "customers": ("customer", "client", "debtor", "kunde", "debitor", "cliente", "客户", "cadastr"),
    "invoices": (
        "invoice",
        "receivable",
        "rechnung",
        "beleg",
        "facture",
        "fatura",
        "factura",
        "nota",
        "发票",
        "应收",
        "bill",
    ),
}
SUBJECT = {"invoices": "an invoice", "payments": "a payment", "customers": "a customer"}
UNUSED = "unused "
ASSUMED = "EUR"  # of the trial where no column has the currency; the totals do not depend on it


def proposal(
    paths: Path | str | Iterable[Path | str], known_on: date | None = None, stated: Stated | None = None
) -> str:
    """Return a mapping file as text for a person to confirm or correct, with the control totals that it would give.

    Parameters
    ----------
    paths : a file, or files and folders that belong together (invoices, payments, customers).
    stated : what the user says of the files (encoding, sheet).
    known_on : the day of the trial import that the totals are of; None: 2100-01-01, after every date of a source.

    Raises
    ------
    InputError : a file that is no table, or no file in which invoices can be found.
    """
    given = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    files = files_in(given)
    sampled = [sample_of(path, stated) for path in files]
    if own := _own_tables(sampled):
        return f"# {own}: these have the ledger's own columns; import them without a mapping.\n"
    empty = [f.path.name for f in sampled if not f.rows]
    sampled = [f for f in sampled if f.rows]
    if not sampled:
        raise InputError(f"{', '.join(empty)}: no rows below the header; there is nothing to guess from.")
    guesses = [guess_of(file) for file in sampled]
    roles = _roles(guesses)
    sections = {table: _section(table, guess, roles) for table, guess in roles.items()}
    if "invoices" not in sections:
        fixed = [f.path.name for f in sampled if len(f.columns) == 1 and re.search(r"\S {2,}\S", f.columns[0].header)]
        raise InputError(
            f"{', '.join(fixed)}: columns of fixed width; open it in a spreadsheet and save it as CSV."
            if fixed
            else f"{', '.join(f.path.name for f in sampled)}: no file reads as invoices; found the columns "
            f"{', '.join(c.header for f in sampled for c in f.columns)[:300]}. Write a mapping by hand (docs/importing.md)."
        )
    if "payments" not in sections and not _has_payment_rows(roles["invoices"]) and _pays_on_row(roles["invoices"]):
        sections["payments"] = _payments_on_row(roles["invoices"])
    if "customers" not in sections and ("customers", "name") in roles["invoices"].choices:
        sections["customers"] = _customers_on_row(roles["invoices"])
    text = _text(sections, roles, files, stated or Stated())
    unused = {guess.file.path for role, guess in roles.items() if role.startswith(UNUSED)}
    used = [path for path in files if path not in unused and path.name not in empty]
    text += "".join(f"# noticed: {name}: no rows below the header; leave it out of the import\n" for name in empty)
    return text + _trial(text, used, roles["invoices"], known_on or date(2100, 1, 1))


def _own_tables(files: list[SampledFile]) -> str:
    """Return the names of the files where all have the ledger's own columns; empty where one does not."""
    names = []
    for file in files:
        headers = {plain(c.header) for c in file.columns}
        fits = [
            name for name, table in TABLES.items()
            if all(plain(k) in headers for k in table.key) and headers <= {plain(c) for c in table.columns}
            and len(headers) > 1
        ]  # fmt: skip
        if not fits:
            return ""
        names.append(file.path.name)
    return ", ".join(names)


def _roles(guesses: list[FileGuess]) -> dict[str, FileGuess]:
    """Return ledger table -> the file that holds it."""
    if len(guesses) == 1:
        found_any = {key for key in guesses[0].choices if key[0] == "invoices"} & {
            ("invoices", name) for name in ("amount", "issued_on", "due_on")
        }
        return {"invoices": guesses[0]} if found_any else {}
    found: dict[str, FileGuess] = {}
    scored = sorted(
        ((_role_score(table, g), table, i) for i, g in enumerate(guesses) for table in SUBJECT),
        key=lambda s: (-s[0], s[1], s[2]),
    )
    taken: set[int] = set()
    for score, table, i in scored:
        if score > 0 and table not in found and i not in taken:
            found[table] = guesses[i]
            taken.add(i)
    headers = {tuple(c.header for c in found[role].file.columns): role for role in found}
    for guess in (g for i, g in enumerate(guesses) if i not in taken):
        role = headers.get(tuple(c.header for c in guess.file.columns))
        if role is not None:
            found[role].notes.append(f"{guess.file.path.name} has the same columns: its rows are {role}, too")
            continue
        guess.notes.append(
            "this file is not used: another one fits better, or it holds neither invoices, payments nor customers; leave it "
            "out of the import"
        )
        found[f"{UNUSED}{guess.file.path.name}"] = guess
    return found


def _fits(table: str, guess: FileGuess) -> bool:
    needed = {
        "invoices": (("invoices", "amount"), ("invoices", "issued_on")),
        "payments": (("payments", "paid_on"),),
        "customers": (("customers", "name"),),
    }[table]
    return all(key in guess.choices for key in needed)


def _role_score(table: str, guess: FileGuess) -> float:
    has = set(guess.choices)
    name = guess.file.path.stem.casefold()
    named = 2.0 if any(word in name for word in ROLE_WORDS[table]) else 0.0
    if table == "invoices":
        return (named + 1 + (("invoices", "due_on") in has)) if _fits(table, guess) else 0.0
    if table == "payments":
        dated = _fits(table, guess) or (("invoices", "issued_on") in has and named > 0)
        return named + 0.9 - (("invoices", "due_on") in has) if dated else 0.0
    key = ("invoices", "customer_id") in has
    return named + 0.8 - 2 * (("invoices", "issued_on") in has) if key and _fits(table, guess) else 0.0


def _section(table: str, guess: FileGuess, roles: dict[str, FileGuess]) -> list[tuple[str, Choice]]:
    """Return (ledger column, chosen column) of one file for its own table."""
    if table == "invoices":
        names = (
            "invoice_id", "customer_id", "issued_on", "due_on", "amount", "currency", "applies_to", "payment_terms", "booked_on",
        )  # fmt: skip
        return [(name, guess.choices["invoices", name]) for name in names if ("invoices", name) in guess.choices]
    if table == "customers":
        chosen = {"customer_id": guess.choices.get(("invoices", "customer_id"))}
        chosen |= {name: guess.choices.get(("customers", name)) for name in ("name", "country", "industry")}
        return [(name, choice) for name, choice in chosen.items() if choice is not None]
    if table != "payments":
        return []
    choices = guess.choices
    invoice = _joined(guess, roles.get("invoices"), "invoice_id")
    chosen = {
        "payment_id": choices.get(("payments", "payment_id")), "invoice_id": invoice,
        "customer_id": _joined(guess, roles.get("invoices"), "customer_id"),
        "paid_on": choices.get(("payments", "paid_on")) or choices.get(("invoices", "issued_on")),
        "amount": choices.get(("payments", "amount")) or choices.get(("invoices", "amount")),
        "currency": choices.get(("invoices", "currency")),
    }  # fmt: skip
    return [(name, choice) for name, choice in chosen.items() if choice is not None]


def _joined(guess: FileGuess, invoices: FileGuess | None, name: str) -> Choice | None:
    """Return the column of a payments file whose values are found most among the invoices' column `name`."""
    own = guess.choices.get(("invoices", name))
    target = invoices.column("invoices", name) if invoices is not None else None
    if target is None:
        return own
    known, best = {t for t in target.texts if t}, None
    for column in guess.file.columns:
        texts = [t for t in column.texts if t]
        share = sum(t in known for t in texts) / len(texts) if texts else 0.0
        if share >= 0.5 and (best is None or share > best[0]):
            best = share, column, len(texts)
    if best is None:
        for column in guess.file.columns if name == "invoice_id" else ():
            cells = [re.split(r"[,;/\s]+", t) for t in column.texts if t]
            if cells and sum(len(c) > 1 and set(c) <= known for c in cells):
                guess.undecided.append(
                    f"'{column.header}' names several invoices in one cell: write a row an invoice, with what it got"
                )
        return own
    share, column, count = best
    return Choice(
        header=column.header,
        score=1.0,
        evidence=f"{share:.0%} of {count:,} values are found in '{target.header}' of the invoices",
    )


def _has_payment_rows(guess: FileGuess) -> bool:
    """Return whether rows of the invoices' file are payments of their own."""
    return "payment" in guess.kinds or ("invoices", "credit_amount") in guess.choices


def _pays_on_row(guess: FileGuess) -> bool:
    return ("payments", "paid_on") in guess.choices or ("payments", "amount") in guess.choices


def _payments_on_row(guess: FileGuess) -> list[tuple[str, Choice]]:
    keys = (("payments", "payment_id"), ("payments", "paid_on"), ("payments", "amount"))
    return [(key[1], guess.choices[key]) for key in keys if key in guess.choices]


def _customers_on_row(guess: FileGuess) -> list[tuple[str, Choice]]:
    return [
        (n, guess.choices["customers", n]) for n in ("name", "country", "industry") if ("customers", n) in guess.choices
    ]


def _text(
    sections: dict[str, list[tuple[str, Choice]]], roles: dict[str, FileGuess], files: list[Path], stated: Stated
) -> str:
    """Return the mapping as TOML, with the evidence as comments."""
    invoices = roles["invoices"]
    lines = [
        f"# Proposed for {', '.join(f.name for f in files)}: read each line's evidence, correct what is wrong, and import with --mapping."
    ]
    if stated.encoding or stated.sheet is not None:
        lines += ["", "[reading]"]
        lines += [f"encoding = {_toml(stated.encoding)}  # as stated"] if stated.encoding else []
        lines += [f"sheet = {_toml(str(stated.sheet))}  # as stated"] if stated.sheet is not None else []
    lines += _reading(roles, files, is_begun=len(lines) > 1, is_encoded=stated.encoding is not None)
    for table in ("invoices", "payments", "customers"):
        if table not in sections:
            continue
        lines += [
            "",
            f"[{table}]" + (f"  # {roles[table].file.path.name}" if table in roles and len(files) > 1 else ""),
        ]
        if table != "invoices" and table not in roles:
            lines.append('same_rows_as = "invoices"')
        lines += [f"columns.{name} = {_toml(c.header)}  # {c.evidence}" for name, c in sections[table]]
        if table == "invoices":
            lines += _of_invoices(invoices, dict(sections["invoices"]))
        if table == "payments" and ("payments", "amount") in invoices.units and table not in roles:
            lines.append(f"units.amount = {_toml(invoices.units['payments', 'amount'])}  # by the column's name")
        if table == "payments" and table in roles and not any(n == "currency" for n, _ in sections[table]):
            lines.append(
                '# constants.currency = "EUR"  # no column reads as a currency: state it, or [reading].currency'
            )
    lines += _words_of(invoices)
    several = len(files) > 1
    for guess in roles.values():
        of_file = f"{guess.file.path.name}: " if several else ""
        lines += [f"# undecided: {of_file}{sentence}" for sentence in guess.undecided]
        lines += [f"# noticed: {of_file}{sentence}" for sentence in guess.notes]
        if rest := _unused(guess, sections):
            lines.append(f"# not used of {guess.file.path.name}: {', '.join(rest)}")
    return "\n".join(lines) + "\n"


def _words_of(guess: FileGuess) -> list[str]:
    """Return the sections of the words of a status and of a kind of document."""
    lines = []
    for name, words in (("status", guess.status), ("kinds", guess.kinds)):
        if words:
            lines += ["", f"[invoices.{name}]", f"column = {_toml(guess.choices['invoices', name].header)}"]
            lines += [f"{meaning} = [{', '.join(_toml(w) for w in listed)}]" for meaning, listed in words.items()]
    return lines


def _reading(roles: dict[str, FileGuess], files: list[Path], *, is_begun: bool, is_encoded: bool) -> list[str]:
    """Return the section that says how the files are written, where it is not the usual way."""
    lines = []
    for guess in roles.values():
        own = []
        if (
            not is_encoded
            and guess.file.encoding != UTF_8
            and guess.file.path.suffix.lower() not in (".xlsx", ".parquet")
        ):
            own.append(f"encoding = {_toml(guess.file.encoding)}  # found by the bytes; --encoding overrides it")
        if guess.day_first is not None and guess.day_evidence:
            own.append(f"day_first = {'true' if guess.day_first else 'false'}  # {guess.day_evidence}")
        if guess.calendar:
            own.append(f"# calendar = {_toml(guess.calendar)}  # the years look so: state it where they are")
        if any(not line.startswith("#") for line in own) or guess.calendar:
            name = "" if len(files) == 1 else f".{_toml(guess.file.path.name)}"
            lines += [*([] if is_begun and not name else ["", f"[reading{name}]"]), *own]
    return lines


def _of_invoices(guess: FileGuess, chosen: dict[str, Choice]) -> list[str]:
    lines = []
    if left := guess.choices.get(("invoices", "open_amount")):
        has_paid = ("payments", "amount") in guess.choices or _has_payment_rows(guess)
        use = (
            "compared with amount less paid"
            if has_paid
            else "amount less this was paid, as no column has what was paid"
        )
        lines.append(f"open_amount = {_toml(left.header)}  # {use}; {left.evidence}")
    if credit := guess.choices.get(("invoices", "credit_amount")):
        lines.append(
            f"credit_amount = {_toml(credit.header)}  # rows that fill it are payments of their own; {credit.evidence}"
        )
    if guess.ages:
        lines.append(f"amount_sum = [{', '.join(_toml(header) for header in guess.ages)}]  # what is open, by its age")
    if guess.repeats:
        lines.append(f"repeats = {_toml(guess.repeats[0])}  # {guess.repeats[1]}")
    for (table, name), unit in guess.units.items():
        if table == "invoices" and name != "credit_amount":
            lines.append(f"units.{name} = {_toml(unit)}  # by the column's name")
    amount = guess.column("invoices", "amount")
    if guess.header_currency:
        lines.append(f"constants.currency = {_toml(guess.header_currency)}  # by the name of the amount's column")
    elif "currency" not in chosen and (amount is None or sum(guess.cell_currencies.values()) < amount.filled):
        lines.append('# constants.currency = "EUR"  # no column reads as a currency: state it')
    if "due_on" not in chosen and "payment_terms" not in chosen:
        lines.append("# terms_days = 30  # no column reads as a due date: state the usual terms")
    for name in ("customer_id", "issued_on", "amount"):
        if name not in chosen and not (name == "amount" and guess.ages):
            lines.append(f"# columns.{name} = ?  # no column found; it is needed")
    if "invoice_id" not in chosen:
        lines.append("# no column reads as an invoice's id: one is made of the row's content")
    return lines


def _unused(guess: FileGuess, sections: dict[str, list[tuple[str, Choice]]]) -> list[str]:
    used = {choice.header for section in sections.values() for _, choice in section} | set(guess.ages)
    used |= {
        guess.choices[key].header
        for key in (("invoices", name) for name in ("open_amount", "status", "kinds", "credit_amount"))
        if key in guess.choices
    }
    return [c.header for c in guess.file.columns if c.header not in used]


def _trial(text: str, files: list[Path], guess: FileGuess, known_on: date) -> str:
    """Return the control totals of an import with this mapping into a folder that is thrown away."""
    mapping: dict[str, Any] = tomllib.loads(text)
    currency = mapping.get("reading", {}).get("currency") or ASSUMED
    columns = mapping["invoices"].get("columns", {})
    has_currency = "currency" in {**columns, **mapping["invoices"].get("constants", {})}
    if "due_on" not in columns and "payment_terms" not in columns:
        mapping["invoices"]["terms_days"] = 30
    lines = ["", "# Control totals that this mapping gives (nothing is written):"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            options = Options(known_on=known_on, currency=None if has_currency else currency)
            report = import_files(format_of(mapping, "the proposal"), files, Path(folder) / "ledger", options)
    except (InputError, SourceError) as error:
        return "\n".join([*lines, *(f"#   none: {line}" for line in str(error).splitlines())]) + "\n"
    return "\n".join([*lines, *_shown(report, has_currency, guess)]) + "\n"


def _shown(report: dict[str, Any], has_currency: bool, guess: FileGuess) -> list[str]:
    """Return the totals of a trial import as comments."""
    lines = []
    for total in report["totals"]:
        is_known = has_currency or total["currency"] != ASSUMED or ASSUMED in guess.cell_currencies
        shown = total["currency"] if is_known else "(currency to be stated)"
        lines.append(
            f"#   {total['measure']:<12} {total['after']:>18} {shown}"
            + (f"  left out {total['difference']}" if float(total["difference"]) else "")
        )
    lines += [
        f"#   invoices {settled['invoices']:,}: open {settled['open_amount']}, overpaid {settled['overpaid']}"
        for settled in report["settlement"]
    ]
    rows = report["rows"]
    lines.append(f"#   rows read {rows['read']:,}, accepted {rows['accepted']:,}, quarantined {rows['quarantined']:,}")
    lines += [f"#   quarantined {r['rows']:,}: {r['reason']} ({r['example']})" for r in report["reasons"][:5]]
    lines += [f"#   left out: {item['what']}, {item['rows']:,} rows, {item['sums']}" for item in report["left_out"][:8]]
    return lines


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
