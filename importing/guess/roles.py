"""Which file of several holds which table of the ledger, and which of its columns each table takes."""

from __future__ import annotations

import re

from importing.guess.choices import Choice, FileGuess

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


def roles_of(guesses: list[FileGuess]) -> dict[str, FileGuess]:
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


def section_of(table: str, guess: FileGuess, roles: dict[str, FileGuess]) -> list[tuple[str, Choice]]:
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


def has_payment_rows(guess: FileGuess) -> bool:
    """Return whether rows of the invoices' file are payments of their own."""
    return "payment" in guess.kinds or ("invoices", "credit_amount") in guess.choices


def pays_on_row(guess: FileGuess) -> bool:
    return ("payments", "paid_on") in guess.choices or ("payments", "amount") in guess.choices


def payments_on_row(guess: FileGuess) -> list[tuple[str, Choice]]:
    keys = (("payments", "payment_id"), ("payments", "paid_on"), ("payments", "amount"))
    return [(key[1], guess.choices[key]) for key in keys if key in guess.choices]


def customers_on_row(guess: FileGuess) -> list[tuple[str, Choice]]:
    return [
        (n, guess.choices["customers", n]) for n in ("name", "country", "industry") if ("customers", n) in guess.choices
    ]
