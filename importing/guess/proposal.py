"""A proposed mapping for a file or a folder of files, each line with its evidence, and the totals that it would give."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from importing.engine.encodings import UTF_8
from importing.engine.format import SourceError, plain
from importing.engine.run import Options, import_files
from importing.engine.source import files_in
from importing.formats.table import format_of
from importing.guess.columns import SampledFile, sample_of
from importing.guess.scoring import Choice, FileGuess, guess_of
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
ASSUMED = "EUR"  # of the trial where no column has the currency; the totals do not depend on it


def proposal(paths: Path | str | Iterable[Path | str], known_on: date | None = None) -> str:
    """Return a mapping file as text for a person to confirm or correct, with the control totals that it would give.

    Parameters
    ----------
    paths : a file, or files and folders that belong together (invoices, payments, customers).
    known_on : the day of the trial import that the totals are of; None: 2100-01-01, after every date of a source.

    Raises
    ------
    InputError : a file that is no table, or no file in which invoices can be found.
    """
    given = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    files = files_in(given)
    sampled = [sample_of(path) for path in files]
    if own := _own_tables(sampled):
        return f"# {own}: these have the ledger's own columns; import them without a mapping.\n"
    guesses = [guess_of(file) for file in sampled]
    roles = _roles(guesses)
    sections = {table: _section(table, guess, roles) for table, guess in roles.items()}
    if "invoices" not in sections:
        raise InputError(
            f"{', '.join(f.path.name for f in sampled)}: no file reads as invoices; found the columns "
            f"{', '.join(c.header for f in sampled for c in f.columns)[:300]}. Write a mapping by hand (docs/importing.md)."
        )
    if "payments" not in sections and _pays_on_row(roles["invoices"]):
        sections["payments"] = _payments_on_row(roles["invoices"])
    if "customers" not in sections and ("customers", "name") in roles["invoices"].choices:
        sections["customers"] = _customers_on_row(roles["invoices"])
    text = _text(sections, roles, files)
    return text + _trial(text, files, known_on or date(2100, 1, 1))


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
    for i, guess in enumerate(guesses):
        if i not in taken:
            guess.notes.append(
                "this file is not used: another one fits better, or it holds neither invoices, payments nor customers"
            )
            found[f"unused {guess.file.path.name}"] = guess
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
        names = ("invoice_id", "customer_id", "issued_on", "due_on", "amount", "currency", "payment_terms", "booked_on")
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
        return own
    share, column, count = best
    return Choice(
        header=column.header,
        score=1.0,
        evidence=f"{share:.0%} of {count:,} values are found in '{target.header}' of the invoices",
    )


def _pays_on_row(guess: FileGuess) -> bool:
    return ("payments", "paid_on") in guess.choices or ("payments", "amount") in guess.choices


def _payments_on_row(guess: FileGuess) -> list[tuple[str, Choice]]:
    keys = (("payments", "payment_id"), ("payments", "paid_on"), ("payments", "amount"))
    return [(key[1], guess.choices[key]) for key in keys if key in guess.choices]


def _customers_on_row(guess: FileGuess) -> list[tuple[str, Choice]]:
    return [
        (n, guess.choices["customers", n]) for n in ("name", "country", "industry") if ("customers", n) in guess.choices
    ]


def _text(sections: dict[str, list[tuple[str, Choice]]], roles: dict[str, FileGuess], files: list[Path]) -> str:
    """Return the mapping as TOML, with the evidence as comments."""
    invoices = roles["invoices"]
    lines = [
        f"# Proposed for {', '.join(f.name for f in files)}: read each line's evidence, correct what is wrong, and import with --mapping."
    ]
    lines += _reading(roles, files)
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
        if table == "payments" and table in roles and not any(n == "currency" for n, _ in sections[table]):
            lines.append(
                '# constants.currency = "EUR"  # no column reads as a currency: state it, or [reading].currency'
            )
    if invoices.status:
        lines += ["", "[invoices.status]", f"column = {_toml(invoices.choices['invoices', 'status'].header)}"]
        lines += [f"{meaning} = [{', '.join(_toml(w) for w in words)}]" for meaning, words in invoices.status.items()]
    for guess in roles.values():
        lines += [f"# undecided: {sentence}" for sentence in guess.undecided]
        lines += [f"# noticed: {sentence}" for sentence in guess.notes]
        if rest := _unused(guess, sections):
            lines.append(f"# not used of {guess.file.path.name}: {', '.join(rest)}")
    return "\n".join(lines) + "\n"


def _reading(roles: dict[str, FileGuess], files: list[Path]) -> list[str]:
    """Return the section that says how the files are written, where it is not the usual way."""
    lines = []
    for guess in roles.values():
        own = []
        if guess.file.encoding != UTF_8 and guess.file.path.suffix.lower() not in (".xlsx", ".parquet"):
            own.append(f"encoding = {_toml(guess.file.encoding)}  # found by the bytes; --encoding overrides it")
        if guess.day_first is not None and guess.day_evidence:
            own.append(f"day_first = {'true' if guess.day_first else 'false'}  # {guess.day_evidence}")
        if own:
            name = "" if len(files) == 1 else f".{_toml(guess.file.path.name)}"
            lines += ["", f"[reading{name}]", *own]
    return lines


def _of_invoices(guess: FileGuess, chosen: dict[str, Choice]) -> list[str]:
    lines = []
    if left := guess.choices.get(("invoices", "open_amount")):
        lines.append(f"open_amount = {_toml(left.header)}  # compared with amount less paid; {left.evidence}")
    if "currency" not in chosen:
        lines.append('# constants.currency = "EUR"  # no column reads as a currency: state it')
    if "due_on" not in chosen and "payment_terms" not in chosen:
        lines.append("# terms_days = 30  # no column reads as a due date: state the usual terms")
    for name in ("customer_id", "issued_on", "amount"):
        if name not in chosen:
            lines.append(f"# columns.{name} = ?  # no column found; it is needed")
    if "invoice_id" not in chosen:
        lines.append("# no column reads as an invoice's id: one is made of the row's content")
    return lines


def _unused(guess: FileGuess, sections: dict[str, list[tuple[str, Choice]]]) -> list[str]:
    used = {choice.header for section in sections.values() for _, choice in section}
    used |= {
        guess.choices[key].header
        for key in (("invoices", "open_amount"), ("invoices", "status"))
        if key in guess.choices
    }
    return [c.header for c in guess.file.columns if c.header not in used]


def _trial(text: str, files: list[Path], known_on: date) -> str:
    """Return the control totals of an import with this mapping into a folder that is thrown away."""
    mapping: dict[str, Any] = tomllib.loads(text)
    currency = mapping.get("reading", {}).get("currency") or ASSUMED
    has_currency = "currency" in {**mapping["invoices"].get("columns", {}), **mapping["invoices"].get("constants", {})}
    if "due_on" not in mapping["invoices"]["columns"] and "payment_terms" not in mapping["invoices"]["columns"]:
        mapping["invoices"]["terms_days"] = 30
    used = [
        f
        for f in files
        if not any(line.startswith("# noticed: this file is not used") and f.name in line for line in text.splitlines())
    ]
    lines = ["", "# Control totals that this mapping gives (nothing is written):"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            options = Options(known_on=known_on, currency=None if has_currency else currency)
            report = import_files(format_of(mapping, "the proposal"), used, Path(folder) / "ledger", options)
    except (InputError, SourceError) as error:
        return "\n".join([*lines, *(f"#   none: {line}" for line in str(error).splitlines())]) + "\n"
    for total in report["totals"]:
        shown = total["currency"] if has_currency else "(currency to be stated)"
        lines.append(
            f"#   {total['measure']:<12} {total['after']:>18} {shown}"
            + (f"  left out {total['difference']}" if float(total["difference"]) else "")
        )
    for settled in report["settlement"]:
        lines.append(
            f"#   invoices {settled['invoices']:,}: open {settled['open_amount']}, overpaid {settled['overpaid']}"
        )
    rows = report["rows"]
    lines.append(f"#   rows read {rows['read']:,}, accepted {rows['accepted']:,}, quarantined {rows['quarantined']:,}")
    lines += [f"#   quarantined {r['rows']:,}: {r['reason']} ({r['example']})" for r in report["reasons"][:5]]
    lines += [f"#   left out: {item['what']}, {item['rows']:,} rows, {item['sums']}" for item in report["left_out"][:8]]
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
