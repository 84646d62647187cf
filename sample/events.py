"""What happened around the items: disputes, dunning, promises, bounced payments, blocks, filings, write-offs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ledger.contract import EVENT_KINDS
from sample.calendar import Days
from sample.customers import NEVER, Floats
from sample.ledger_rows import Book, Rows, customer_text, stacked
from sample.parameters import REMINDERS

KIND = {kind: code for code, kind in enumerate(EVENT_KINDS)}
NO_ITEM = -1


def _part(
    kind: str, at: Days, item: Days, on: Days, *, amount: Floats | None = None, detail: NDArray[np.str_] | None = None
) -> Rows:
    n = len(at)
    return {
        "kind": np.full(n, KIND[kind]), "at": at, "item": item, "occurred_on": on,
        "amount": np.full(n, np.nan) if amount is None else np.round(amount, 2),
        "detail": np.full(n, "", "U12") if detail is None else detail.astype("U12"),
        "booked_on": on,
    }  # fmt: skip


def events(random: np.random.Generator, book: Book, payments: Rows, amount: Floats) -> Rows:
    """All event rows of a block, unsorted. `amount`: each item's amount in its currency."""
    parts = [*_of_items(random, book, amount), *_of_customers(random, book)]
    bounced = payments["is_bounced"]
    item = payments["item"][bounced]
    parts.append(
        _part(
            "payment_bounced",
            book.items.at[item],
            item,
            payments["paid_on"][bounced],
            amount=payments["amount"][bounced],
        )
    )
    parts += _of_losses(random, book, amount)
    return stacked(parts)


def _of_items(random: np.random.Generator, book: Book, amount: Floats) -> list[Rows]:
    items, days = book.items, book.days
    n = len(items)
    index = np.arange(n)
    disputed = items.dispute_on < NEVER
    parts = []
    outcome = np.where(items.lost_share > 0, "credited", "paid")
    parts.append(
        _part(
            "dispute_opened", items.at[disputed], index[disputed], items.dispute_on[disputed], amount=amount[disputed]
        )
    )
    parts.append(
        _part(
            "dispute_closed", items.at[disputed], index[disputed], items.dispute_end[disputed], detail=outcome[disputed]
        )
    )
    for level in range(items.reminder_on.shape[1]):
        on = items.reminder_on[:, level]
        sent = on < NEVER
        detail = np.char.add(f"{level + 1} ", np.array(REMINDERS)[items.reminder_kind[sent, level]])
        parts.append(_part("dunning", items.at[sent], index[sent], on[sent], detail=detail))
    answers, when, term, misbooked = random.random((4, n))
    said = days.run_on_or_after(items.due_on + 5 + (when * 14).astype(int), 0)
    promised = days.run_on_or_after(said + 5 + (term * 14).astype(int), 0)
    promises = (said < items.paid_on) & (answers < 0.25) & ~disputed
    promises &= ~book.fate.has_stopped(items.at, said, 30)  # who is gone does not answer
    dates = promised[promises].astype("datetime64[D]").astype("U10")
    promise = _part(
        "promise_to_pay", items.at[promises], index[promises], said[promises], amount=amount[promises], detail=dates
    )
    late = 1 + (misbooked[promises] * 12).astype(int)
    promise["booked_on"] = promise["occurred_on"] + np.where(
        misbooked[promises] < 0.3, late, 0
    )  # the seller's notes lag
    broken = promises & (items.paid_on > promised)
    parts += [
        promise,
        _part("promise_broken", items.at[broken], index[broken], promised[broken] + 1, amount=amount[broken]),
    ]
    return parts


def _of_customers(random: np.random.Generator, book: Book) -> list[Rows]:
    """Order blocks at stops, filings, mergers."""
    fate, customers, days = book.fate, book.customers, book.days
    n = len(customers)
    parts = []
    who, slot = np.nonzero(fate.stop_on < NEVER)
    blocked_on = days.run_on_or_after(fate.stop_on[who, slot] + 20 + random.integers(0, 25, len(who)), 0)
    is_blocked = (blocked_on < fate.resume_on[who, slot]) & (random.random(len(who)) < 0.8)
    parts.append(
        _part("order_blocked", who[is_blocked], np.full(int(is_blocked.sum()), NO_ITEM), blocked_on[is_blocked])
    )
    lag = random.integers(0, 15, n)
    for kind, chosen in (("concession", fate.is_concession), ("insolvency", ~fate.is_concession)):
        files, slot = np.nonzero((fate.filing_on < NEVER) & chosen)
        on = fate.filing_on[files, slot]
        filing = _part(kind, files, np.full(len(files), NO_ITEM), on)
        filing["booked_on"] = on + lag[files]
        parts.append(filing)
    merges = np.flatnonzero(fate.merged_on < NEVER)
    text = customer_text(customers.number[merges] // 10 * 10)  # such a number is never merged itself
    parts.append(_part("merged_into", merges, np.full(len(merges), NO_ITEM), fate.merged_on[merges], detail=text))
    return parts


def _of_losses(random: np.random.Generator, book: Book, amount: Floats) -> list[Rows]:
    """What follows default: a claim to the insurer, items written off months later, part of the money recovered."""
    items, days, n, losses = book.items, book.days, len(book.customers), book.settings.losses
    default_on = book.last_default_on()
    write_off_on = days.run_on_or_after(np.minimum(default_on, NEVER - 1) + random.integers(270, 420, n), 0)
    recovered = np.where(random.random(n) < losses.recovers, random.beta(*losses.recovered, n), 0.0)
    recovery_on = days.run_on_or_after(write_off_on + random.integers(15, 200, n), 0)
    lost = np.flatnonzero((items.paid_on == NEVER) & (default_on[items.at] < NEVER))
    at, money = items.at[lost], (amount * (1 - items.lost_share))[lost]
    gets = recovered[at] > 0.02
    claimed_on = days.run_on_or_after(np.minimum(default_on, NEVER - 1) + random.integers(20, 60, n), 0)
    claims = np.flatnonzero(book.customers.is_insured & (np.bincount(at, minlength=n) > 0))
    claimed = np.bincount(at, weights=money, minlength=n)[claims].astype(np.float64)
    return [
        _part("insurance_claim", claims, np.full(len(claims), NO_ITEM), claimed_on[claims], amount=claimed),
        _part("write_off", at, lost, write_off_on[at], amount=money),
        _part("recovery", at[gets], lost[gets], recovery_on[at[gets]], amount=money[gets] * recovered[at[gets]]),
    ]
