"""A guess written as a mapping file, each line with its evidence as a comment."""

from __future__ import annotations

from pathlib import Path

from importing.engine.encodings import UTF_8
from importing.engine.format import Stated
from importing.guess.choices import Choice, FileGuess
from importing.guess.roles import has_payment_rows


def text_of(
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
        has_paid = ("payments", "amount") in guess.choices or has_payment_rows(guess)
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


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
