"""Tell how the rows of a file are documents: by words of a status or a kind, by several rows each, in units, in two columns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from importing.engine.cell_currency import code_of, currency_word, is_one_currency
from importing.engine.dates import BUDDHIST, ROC, ascii_text
from importing.guess.choices import Choice, FileGuess
from importing.guess.header_names import KINDS, MEANINGS, PARTLY, simplified

CENT = 0.011
ONE_SIDE = 0.9  # of the rows have an amount in one of two columns for debits and credits
_AGE = re.compile(
    r"current|not (yet )?due|nicht fällig|non échu|a vencer|por vencer|未到期|[<>≤≥]?\s*\d{1,3}\s*(\+|(-|–|to|bis|à|a|至|~)\s*\d{1,3})?\s*"
    r"(days?|tagen?|tage|jours?|dias|días|d|天|日)?( (past due|overdue|überfällig))?|(over|über|plus de|mais de|más de) \d{2,3}.*",
    re.IGNORECASE,
)
_UNITS = (
    ("万", re.compile(r"万|萬")), ("亿", re.compile(r"亿|億")),
    ("thousand", re.compile(r"千元|仟元|\bin thousands?\b|\bthousands?\b|\btsd\b|\bT(€|EUR)|\bk(€|EUR|USD|\$)|en milliers|em milhares|en miles", re.IGNORECASE)),
    ("lakh", re.compile(r"\blakhs?\b|\blacs?\b", re.IGNORECASE)), ("crore", re.compile(r"\bcrores?\b", re.IGNORECASE)),
    ("million", re.compile(r"百万|\bin millions?\b|\bmio\b|en millions|em milhões|en millones", re.IGNORECASE)),
)  # fmt: skip


def read_shape(guess: FileGuess) -> None:
    """Add to a guess what its rows are, beyond which column is which: in place."""
    _status_of(guess)
    _kinds_of(guess)
    _sides_of(guess)
    _ages_of(guess)
    _units_of(guess)
    _repeats_of(guess)
    _calendar_of(guess)
    _currency_of_cells(guess)
    formulas = {
        c.header: n for c in guess.file.columns if (n := sum(t is not None and t.startswith("=") for t in c.texts))
    }
    guess.undecided += [
        f"'{header}': {n:,} cells hold formulas without stored values: open the workbook, save it, and guess again"
        for header, n in formulas.items()
    ]
    for key in (("invoices", "amount"), ("payments", "amount")):
        column = guess.column(*key)
        if column is not None and (doubtful := column.doubtful_numbers):
            guess.undecided.append(
                f"'{column.header}': {len(doubtful):,} numbers like {doubtful[0]} can be thousands or decimals, and no other "
                f"number tells: they are read with a decimal '{column.decimal}'; state decimal"
            )


def words_by_meaning(
    words: set[str], meanings: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return meaning -> the words that have it, and the words that have none."""
    sorted_words: dict[str, list[str]] = {}
    unknown = []
    for word in sorted(words):
        bare = simplified(word.strip().casefold())
        meaning = next((m for m, known in meanings.items() if bare in known), None)
        if meaning is None:
            unknown.append(word)
        else:
            sorted_words.setdefault(meaning, []).append(word)
    return sorted_words, unknown


def _status_of(guess: FileGuess) -> None:
    """Sort the words of the status column by what they mean; say unknown words, and those that mean paid in part."""
    column = guess.column("invoices", "status")
    if column is None:
        return
    guess.status, unknown = words_by_meaning({t for t in column.texts if t}, MEANINGS)
    amount = guess.column("invoices", "amount")
    no_amount_paid = not {("payments", "amount"), ("invoices", "open_amount")} & set(guess.choices)
    for word in [w for w in unknown if any(part in w.casefold() for part in PARTLY)]:
        unknown.remove(word)
        if no_amount_paid and amount is not None:
            rows = [n or 0.0 for t, n in zip(column.texts, amount.numbers, strict=True) if t == word]
            guess.undecided.append(
                f"'{column.header}' says '{word}' on {len(rows):,} rows of {sum(rows):,.2f}, but no column says how much was "
                "paid: all of it counts as open"
            )
    if unknown and guess.status:
        guess.notes.append(f"words of '{column.header}' that say nothing of payment: {', '.join(unknown[:8])}")


def _kinds_of(guess: FileGuess) -> None:
    """Sort the words of a column of kinds of documents; drop the column where all its rows are invoices."""
    column = guess.column("invoices", "kinds")
    if column is None:
        return
    guess.kinds, unknown = words_by_meaning({t for t in column.texts if t}, KINDS)
    if not {"credit_note", "payment"} & set(guess.kinds):
        guess.kinds = {}
        del guess.choices["invoices", "kinds"]
    elif unknown:
        guess.undecided.append(
            f"'{column.header}': {', '.join(unknown[:8])}: is it an invoice, a credit note or a payment? Rows with such words "
            "are quarantined until [invoices.kinds] sorts them"
        )


def _sides_of(guess: FileGuess) -> None:
    """Take two columns for debits and credits, one of which each row fills, as the two signs of one amount."""
    keys = ("invoices", "debit_amount"), ("invoices", "credit_amount")
    debit, credit = guess.column(*keys[0]), guess.column(*keys[1])
    choices = [guess.choices.pop(key, None) for key in keys]
    if credit is None and choices[0] is not None and ("invoices", "amount") not in guess.choices:
        guess.choices["invoices", "amount"] = choices[0]
    if debit is None or credit is None or ("invoices", "amount") in guess.choices:
        return
    pairs = list(zip(debit.numbers, credit.numbers, strict=True))
    one = sum(bool(a) != bool(b) for a, b in pairs)
    if not pairs or one < ONE_SIDE * len(pairs) or choices[0] is None or choices[1] is None:
        return
    evidence = f"; {one:,} of {len(pairs):,} rows fill either '{debit.header}' or '{credit.header}'"
    guess.choices["invoices", "amount"] = Choice(
        header=debit.header, score=choices[0].score, evidence=choices[0].evidence + evidence
    )
    guess.choices["invoices", "credit_amount"] = choices[1]


def _ages_of(guess: FileGuess) -> None:
    """Take the columns of an ageing list (Current, 1-30, 31-60, > 90) as parts of the amount where none has it whole."""
    if ("invoices", "amount") in guess.choices:
        return
    ages = [
        c for c in guess.file.columns if c.filled and _AGE.fullmatch(c.name.strip()) and c.share_of(c.numbers) == 1.0
    ]
    if len(ages) > 1:
        guess.ages = tuple(c.header for c in ages)
        guess.notes.append(f"no column has the amount: it is the sum of the ages {', '.join(guess.ages)}")


def _units_of(guess: FileGuess) -> None:
    """Find units (万, thousands) in the headers of the chosen columns of amounts."""
    for (table, column), choice in guess.choices.items():
        if column in ("amount", "open_amount", "credit_amount"):
            unit = next((unit for unit, pattern in _UNITS if pattern.search(choice.header)), None)
            if unit is not None:
                guess.units[table, column] = unit
    amount, unit = guess.column("invoices", "amount"), guess.units.get(("invoices", "amount"))
    for key in (
        ("payments", "amount"),
        ("invoices", "open_amount"),
    ):  # without a unit of its own, but in the amount's numbers
        other = guess.column(*key)
        if unit is None or amount is None or other is None or key in guess.units:
            continue
        if any(a and a == b for a, b in zip(amount.numbers, other.numbers, strict=True)):
            guess.units[key] = unit


def _repeats_of(guess: FileGuess) -> None:
    """Say whether an invoice has several rows: one a payment, or one a line of its own."""
    number, amount = guess.column("invoices", "invoice_id"), guess.column("invoices", "amount")
    if number is None or amount is None or number.distinct == number.filled:
        return
    rows: dict[str, list[int]] = defaultdict(list)
    for at, text in enumerate(number.texts):
        if text and amount.numbers[at] is not None:
            rows[text].append(at)
    several = [at for at in rows.values() if len(at) > 1]
    if not several:
        return
    day, paid, due = (
        guess.column("payments", "paid_on"),
        guess.column("payments", "amount"),
        guess.column("invoices", "due_on"),
    )
    others = [c for c in (day, paid) if c is not None]
    same_amount = sum(len({amount.numbers[i] for i in at}) == 1 for at in several)
    other_due = sum(due is not None and len({due.texts[i] for i in at}) > 1 for at in several)
    other_payment = sum(len({tuple(c.texts[i] for c in others) for i in at}) > 1 for at in several) if others else 0
    words = f"{len(several):,} of '{number.header}' stand in several rows"
    if other_due:
        guess.undecided.append(
            f"{words}, {other_due:,} with different due dates: are they instalments? Map them as [instalments]; as they are, "
            "such rows contradict each other and are quarantined"
        )
    elif same_amount == len(several) and other_payment:
        guess.repeats = "payments", f"{words}, with one amount and {other_payment:,} with different payments"
    elif same_amount == len(several):
        guess.repeats = "document", f"{words}, each with the amount of the whole: counted once"
    elif not same_amount and not other_payment:
        guess.repeats = "lines", f"{words}, with different amounts and nothing else of the invoice different: added up"
    elif same_amount < len(several):
        guess.undecided.append(f"{words}, {len(several) - same_amount:,} with different amounts: they are quarantined")


def _calendar_of(guess: FileGuess) -> None:
    """Say that dates seem to count years otherwise; which calendar it is, only the user can state."""
    for key in (("invoices", "issued_on"), ("invoices", "due_on"), ("payments", "paid_on")):
        column = guess.column(*key)
        doubts = [d for t in column.texts if (d := column.doubt_of(t))] if column is not None else []
        if column is not None and doubts and len(doubts) > 0.5 * column.filled:
            calendar = BUDDHIST if "buddhist" in doubts[0] else ROC if "roc" in doubts[0] else None
            guess.undecided.append(f"'{column.header}': {len(doubts):,} of {column.filled:,} dates: {doubts[0]}")
            guess.calendar = calendar or guess.calendar


def _currency_of_cells(guess: FileGuess) -> None:
    """Count the currencies that the cells of the amount name."""
    amount = guess.column("invoices", "amount")
    if amount is None:
        return
    counts: dict[str, int] = defaultdict(int)
    for text in amount.texts:
        word = currency_word(ascii_text(text)) if text else None
        code = code_of(word) if word else None
        if code is not None:
            counts[code] += 1
    guess.cell_currencies = dict(counts)
    named = [code for code in re.findall(r"\b[A-Z]{3}\b", amount.header) if is_one_currency(code)]
    column = guess.column("invoices", "currency")
    if len(named) == 1 and column is None:
        guess.header_currency = named[0]
    elif len(named) == 1 and column is not None:
        others = sum(t is not None and code_of(t.strip().upper()) != named[0] for t in column.texts)
        if others:
            guess.undecided.append(
                f"'{amount.header}' names {named[0]}, but '{column.header}' has another currency on {others:,} rows: is the amount "
                "in the row's currency?"
            )
    shared = [word for word in counts if not is_one_currency(word)]
    if counts:
        shown = ", ".join(f"{code} {rows:,}" for code, rows in sorted(counts.items()))
        guess.notes.append(f"cells of '{amount.header}' name a currency: {shown} of {amount.filled:,}")
    if shared and ("invoices", "currency") not in guess.choices:
        guess.undecided.append(
            f"{', '.join(shared)} is the sign of several currencies or no code of ISO 4217: state the currency"
        )
