"""Which column of a file is which column of the ledger: names propose, values confirm, columns check each other."""

from __future__ import annotations

import difflib
import re

from importing.engine.format import plain
from importing.guess.choices import Choice, FileGuess
from importing.guess.columns import Sampled, SampledFile, order_of_days
from importing.guess.header_names import NAMES, names_of, simplified
from importing.guess.shape import read_shape
from ledger.currency_codes import currency_codes

CLOSE = 0.72  # how alike two names must be
READABLE = 0.7  # the share of a column's values that must read as what it is taken for
AGREES = 0.9  # the share of rows on which two columns must agree to prove each other
NEAR = 0.06  # names this close do not decide between two columns
DATES = ("issued_on", "due_on", "paid_on", "booked_on")
NUMBERS = ("amount", "open_amount", "tax", "debit_amount", "credit_amount")
NAMED_SO = 0.99  # a name this close is the name itself
CENT = 0.011
_DECIMALS = re.compile(r"[.,](\d[1-9]|\d{2,3})$")  # 1001.0 is an id that a spreadsheet made a number
_UNIT_IN_NAME = re.compile(
    r"[（(]\s*((Rs\.? )?in (lakhs?|crores?)|[万萬亿億千百仟]*[元圆]?|[kT]€|TEUR|kEUR|in thousands?)\s*[)）]",
    re.IGNORECASE,
)
_LOCAL = re.compile(
    r"本币|local|hauswährung|\bHW\b|\bLC\b|base curr|company curr|devise locale|moeda local|moneda local", re.IGNORECASE
)
_OF_DOCUMENT = re.compile(
    r"原币|外币|\bdoc(ument)?\b.*curr|transaction curr|foreign|original curr|belegwährung|\bFC\b|devise d|moeda estrangeira|moneda extranjera",
    re.IGNORECASE,
)


def guess_of(file: SampledFile) -> FileGuess:
    """Return what the columns of a file are taken for, with the evidence."""
    guess = FileGuess(file=file)
    used: set[str] = set()
    as_amount = {
        sampled.header: score
        for sampled in file.columns
        if (score := _score("invoices", "amount", sampled)) is not None
    }
    own = {sampled.header: _named_exactly(sampled) for sampled in file.columns}
    scored = sorted(
        ((score, table, column, sampled) for (table, column) in NAMES for sampled in file.columns
         if (not own[sampled.header] or column in own[sampled.header])
         and (score := _score(table, column, sampled)) is not None),
        key=lambda s: (-s[0], s[1], s[2], s[3].header),
    )  # fmt: skip
    for score, table, column, sampled in scored:
        key = (table, column)
        # an amount is chosen by what agrees with it; a customer's id and an invoice's are one column for all tables
        if column in ("amount", "tax") or (table != "invoices" and column in ("customer_id", "invoice_id")):
            continue
        if column == "open_amount" and as_amount.get(sampled.header, 0.0) >= score:
            continue  # its name is rather an amount's
        if key not in guess.choices and sampled.header not in used:
            guess.choices[key] = Choice(header=sampled.header, score=score, evidence=_evidence(column, sampled, score))
            used.add(sampled.header)
    _reference_of(guess)
    _key_of_customer(guess, used)
    _dates_of(guess)
    _paid_amount(guess, used, scored, as_amount)
    _amount_of(guess, used, scored)
    read_shape(guess)
    return guess


def _named_exactly(sampled: Sampled) -> set[str]:
    """Return the ledger's columns whose name a header is: it is none of the others that it is only like."""
    return {
        column for table, column in NAMES
        if any(name_likeness(sampled.name, name) == 1.0 for name in names_of(table, column))
        and _score(table, column, sampled) is not None
    }  # fmt: skip


def _score(table: str, column: str, sampled: Sampled) -> float | None:
    """Return how well a column's name and values fit; None where they do not."""
    names = names_of(table, column)
    alike = max(name_likeness(sampled.name, name) - 0.0005 * i for i, name in enumerate(names))
    if alike < CLOSE or not sampled.filled:
        return None
    if column in DATES and sampled.date_share < READABLE:
        return None
    if column in NUMBERS and sampled.share_of(sampled.numbers) < READABLE:
        return None
    # a column that is called so is one, whatever it holds: what is no currency is quarantined, never another currency
    enough = READABLE if alike < NAMED_SO or column == "country" else 0.0
    if column in ("currency", "country") and _codes(column, sampled) < enough:
        return None
    if column.endswith("_id") and 2 * sum(bool(_DECIMALS.search(t)) for t in sampled.texts if t) > sampled.filled:
        return None  # amounts, not ids
    unique = sampled.distinct / sampled.filled
    if column == "invoice_id":
        return alike + 0.1 * unique
    return alike - 0.1 * unique if column == "customer_id" else alike


def _codes(column: str, sampled: Sampled) -> float:
    texts = [text.strip() for text in sampled.texts if text]
    if column == "country":
        return sum(bool(re.fullmatch("[A-Za-z]{2}", t)) for t in texts) / len(texts)
    from importing.engine.currencies import SHARED, codes_by_word

    known = {**codes_by_word(), **dict.fromkeys(currency_codes(), "")}
    return sum(t.upper() in known or t.upper() in SHARED for t in texts) / len(texts)


def name_likeness(header: str, name: str) -> float:
    """Return 1 for the same name; less for a header with the name's words among others; else how alike the letters are."""
    header = simplified(_UNIT_IN_NAME.sub("", header) or header)
    if plain(header) == plain(name):
        return 1.0
    words, given = set(_words(name)), set(_words(header))
    held = 0.95 - 0.03 * len(given - words) if words <= given else 0.0
    if re.search(r"[\u4e00-\u9fff]", name) and plain(name) in plain(header):
        held = 0.95 - 0.02 * (len(plain(header)) - len(plain(name)))
    return max(held, difflib.SequenceMatcher(None, plain(header), plain(name)).ratio() - 0.05)


def _words(name: str) -> list[str]:
    return re.sub(r"[^\w]|_", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).casefold().split()


def _evidence(column: str, sampled: Sampled, score: float) -> str:
    what = "a date" if column in DATES else "a number" if column in NUMBERS else "text"
    readable = sampled.filled
    if column in DATES:
        readable = max(sum(d is not None for d in sampled.dates(order)) for order in (True, False))
        readable = max(readable, sum(sampled.doubt_of(t) is not None for t in sampled.texts))
    if column in NUMBERS:
        readable = sum(n is not None for n in sampled.numbers)
    example = next((t for t in sampled.texts if t), "")
    how = "the name" if score >= 0.99 else f"the name is {min(score, 1):.0%} alike"
    return f"{how}; {readable:,} of {sampled.filled:,} values read as {what}, {sampled.distinct:,} different, e.g. '{example}'"


def _reference_of(guess: FileGuess) -> None:
    """Keep the column of the document that a credit note or a payment is for only where it names documents of the file."""
    column, number = guess.column("invoices", "applies_to"), guess.column("invoices", "invoice_id")
    if column is not None and (number is None or not {t for t in column.texts if t} & {t for t in number.texts if t}):
        del guess.choices["invoices", "applies_to"]


def _key_of_customer(guess: FileGuess, used: set[str]) -> None:
    """Where only a customer's name is there, it is the key; a key that is another on each row is doubted."""
    if ("invoices", "customer_id") not in guess.choices and ("customers", "name") in guess.choices:
        guess.choices["invoices", "customer_id"] = guess.choices.pop(("customers", "name"))
        guess.notes.append(
            f"no column reads as a customer's id: its name ('{guess.choices['invoices', 'customer_id'].header}') is the key"
        )
    key, name = guess.column("invoices", "customer_id"), guess.column("customers", "name")
    if key is not None and name is not None:
        pairs = {(a, b) for a, b in zip(key.texts, name.texts, strict=True) if a and b}
        more = len(pairs) - len({a for a, _ in pairs})
        counted = f"{key.distinct:,} customers by '{key.header}', {name.distinct:,} by '{name.header}'"
        guess.notes.append(counted + (f"; {more:,} ids have more than one name" if more else ""))
    if key is not None and key.filled > 20 and key.distinct == key.filled:
        guess.undecided.append(
            f"'{key.header}' is another on each of {key.filled:,} rows: is it the customer, or a document?"
        )


def _dates_of(guess: FileGuess) -> None:
    dates = [c for name in DATES for t in ("invoices", "payments") if (c := guess.column(t, name)) is not None]
    issued, due = guess.column("invoices", "issued_on"), guess.column("invoices", "due_on")
    pairs = [(issued, due)] if issued is not None and due is not None else []
    guess.day_first, guess.day_evidence = order_of_days(dates, pairs)
    if guess.day_evidence and guess.day_first is None:
        guess.undecided.append(f"day or month first: {guess.day_evidence}; state day_first")
    if pairs:
        order = guess.day_first if guess.day_first is not None else True
        both = [(a, b) for a, b in zip(issued.dates(order), due.dates(order), strict=True) if a and b]  # type: ignore[union-attr]
        early = sum(b < a for a, b in both)
        if both and early > 0.5 * len(both):
            first, second = guess.choices["invoices", "issued_on"], guess.choices["invoices", "due_on"]
            guess.undecided.append(
                f"{early:,} of {len(both):,} due dates ('{second.header}') come before the issue date ('{first.header}')"
            )


def _paid_amount(
    guess: FileGuess, used: set[str], scored: list[tuple[float, str, str, Sampled]], as_amount: dict[str, float]
) -> None:
    """Choose the column of what was paid; say where others are named as alike: two payments may stand on a row."""
    fitting = [
        (score, sampled)
        for score, table, column, sampled in scored
        if (table, column) == ("payments", "amount")
        and as_amount.get(sampled.header, 0.0) < score
        and sampled.header not in used
    ]
    if not fitting:
        return
    score, best = fitting[0]
    guess.choices["payments", "amount"] = Choice(
        header=best.header, score=score, evidence=_evidence("amount", best, score)
    )
    used.add(best.header)
    rivals = [f"'{s.header}'" for other, s in fitting[1:] if other > score - NEAR and s.numbers != best.numbers]
    if rivals:
        guess.undecided.append(
            f"what was paid: '{best.header}' is taken, {', '.join(rivals)} not; where a row holds several payments, write a row a payment"
        )


def _amount_of(guess: FileGuess, used: set[str], scored: list[tuple[float, str, str, Sampled]]) -> None:
    """Choose the amount of the invoice: the column that agrees with what was paid, and with open = amount - paid."""
    paid, left = guess.column("payments", "amount"), guess.column("invoices", "open_amount")
    tax = [s for _, t, c, s in scored if (t, c) == ("invoices", "tax") and s.header not in used]
    taxes = {s.header for s in tax}
    named = {s.header: score for score, t, c, s in scored if (t, c) == ("invoices", "amount") and s.header not in used}
    candidates = []
    for sampled in guess.file.columns:
        if sampled.header in used or sampled.share_of(sampled.numbers) < READABLE or not _has_decimals(sampled, named):
            continue
        agreed, rows, words = _agreement(sampled, paid, left)
        is_tax = sampled.header in taxes and named.get(sampled.header, 0) < max(
            score for score, t, c, s in scored if (t, c) == ("invoices", "tax") and s.header == sampled.header
        ) + NEAR  # fmt: skip
        name_score = 0.0 if is_tax else named.get(sampled.header, 0.3)
        share = agreed / rows if rows else 0.0
        candidates.append((name_score + (2 * share if rows >= 1 else 0.0), share, rows, words, sampled))
    candidates.sort(key=lambda c: (-c[0], c[4].header))
    if left is not None and candidates and candidates[0][2] and candidates[0][1] < AGREES:
        words = (
            f"'{left.header}' is named like an open amount, but no amount less what was paid agrees with it: not used"
        )
        guess.notes.append(words)
        del guess.choices["invoices", "open_amount"]
        used.discard(left.header)
        taken = {left.header}
        _amount_of(guess, used | taken, scored)
        return
    if not candidates or candidates[0][0] < CLOSE:
        if left is not None and paid is None:  # a list of open items: what is open is all that it tells of an amount
            choice = guess.choices.pop(("invoices", "open_amount"))
            guess.choices["invoices", "amount"] = choice
            guess.notes.append(
                f"'{choice.header}', what is open, stands for the amount: no column has what was invoiced"
            )
        return
    best = _of_document(guess, candidates)
    score, share, rows, words, sampled = best
    evidence = _evidence("amount", sampled, named.get(sampled.header, 0.0)) + (f"; {words}" if words else "")
    others = [c for c in candidates if c is not best]
    rivals = [c for c in others if c[0] > best[0] - NEAR and c[4].numbers != sampled.numbers]
    if _OF_DOCUMENT.search(sampled.header):
        rivals = [c for c in rivals if not _LOCAL.search(c[4].header)]
    if rivals and not (rows and share >= AGREES and all(r[1] < share for r in rivals)):
        named_rivals = ", ".join(f"'{r[4].header}'" for r in rivals)
        guess.undecided.append(
            f"the amount of the invoice: '{sampled.header}' or {named_rivals}; no column of what was paid or is open tells"
        )
    compared = [c for c in others if c[2]]
    if rows and compared:
        evidence += "; " + ", ".join(f"'{c[4].header}' on {c[1]:.0%}" for c in compared[:3])
    guess.choices["invoices", "amount"] = Choice(header=sampled.header, score=score, evidence=evidence)


def _of_document(
    guess: FileGuess, candidates: list[tuple[float, float, int, str, Sampled]]
) -> tuple[float, float, int, str, Sampled]:
    """Return the best candidate; where rows have currencies of their own, the one in the document's, not the local currency."""
    best = candidates[0]
    if ("invoices", "currency") not in guess.choices or not _LOCAL.search(best[4].header):
        return best
    return next((c for c in candidates if _OF_DOCUMENT.search(c[4].header)), best)


def _has_decimals(sampled: Sampled, named: dict[str, float]) -> bool:
    """Return whether a column may hold amounts: its name says so, or some value has decimals."""
    return sampled.header in named or any(n is not None and n != int(n) for n in sampled.numbers)


def _agreement(amount: Sampled, paid: Sampled | None, left: Sampled | None) -> tuple[int, int, str]:
    """Return on how many of how many rows an amount agrees with what was paid and what is open, in words."""
    if left is not None:
        zeros = [0.0] * len(amount.numbers)
        was_paid = [n or 0.0 for n in paid.numbers] if paid is not None else zeros
        rows = [
            (a, p, o)
            for a, p, o in zip(amount.numbers, was_paid, left.numbers, strict=True)
            if a is not None and o is not None
        ]
        if paid is not None:
            agreed = sum(abs(a - p - o) < CENT for a, p, o in rows)
            return agreed, len(rows), f"less '{paid.header}' it is '{left.header}' on {agreed:,} of {len(rows):,} rows"
        still = [(a, o) for a, _, o in rows if o]
        agreed = sum(abs(a - o) < CENT or (o < a and abs(o) > CENT) for a, o in still)
        return agreed, len(still), f"not below '{left.header}' on {agreed:,} of {len(still):,} open rows"
    if paid is not None:
        pairs = [(a, p) for a, p in zip(amount.numbers, paid.numbers, strict=True) if a is not None and p]
        agreed = sum(abs(a - p) < CENT for a, p in pairs)
        return agreed, len(pairs), f"it is '{paid.header}' on {agreed:,} of {len(pairs):,} paid rows"
    return 0, 0, ""
