"""The rows that features aggregate: which arrays each population has, and the fields that expressions may name.

A field is given as text in Python, over the population's arrays at one row and `T`, the as-of day: the compiled
interpreter pastes it into its loop. features/engine/reference.py computes the same fields in its own way from the tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Population:
    """arrays : the names of the arrays, in the order in which a PreparedLedger holds them, each read at row i under its own name.
    fields : name -> code. state : lines that run before the fields (indented by the generator).
    """

    arrays: tuple[str, ...]
    fields: Mapping[str, str]
    state: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()  # arrays not indexed by row


POPULATIONS: Mapping[str, Population] = {
    "invoices": Population(
        arrays=("known_from", "known_until", "issued_on", "due_on", "amount", "booked_on"),
        unread=("version_start", "version_known_from", "version_open", "version_closed_on", "version_kind",
                "version_payments", "version_disputed", "version_credited", "version_was_disputed"),
        state=(
            "v = version_start[i]",
            "while v + 1 < version_start[i + 1] and version_known_from[v + 1] <= T:",
            "    v += 1",
            "open_amount = version_open[v]", "closed_on = int64(version_closed_on[v])", "kind = version_kind[v]",
        ),
        fields={
            "issued_on": "issued_on", "due_on": "due_on", "closed_on": "closed_on", "amount": "amount",
            "open_amount": "open_amount", "booked_on": "booked_on",
            "terms_days": "due_on - issued_on",
            # an item written off was never paid: it goes on being late
            "days_late": "(closed_on if kind == 1 else T) - due_on",
            "days_past_due": "max((closed_on if kind == 1 else T) - due_on, 0)",
            "days_to_settle": "(closed_on if kind == 1 else T) - issued_on",
            "days_booked_after": "booked_on - issued_on",
            "is_open": "kind == 0", "is_paid": "kind == 1", "is_credited": "kind == 2", "is_factored": "kind == 3",
            "is_written_off": "kind == 4",
            "is_owed": "(kind == 0) | (kind == 1) | (kind == 4)",  # paid or to be paid by the customer itself
            "is_overdue": "(kind == 0) & (T > due_on)",
            "is_disputed": "version_disputed[v]", "was_disputed": "version_was_disputed[v]", "count_payments": "int64(version_payments[v])",
            "credited_amount": "version_credited[v]",
            "due_weekday": "(due_on + 3) % 7",
            "month": "(T - issued_on) // 30", "quarter_age": "(T - issued_on) // 90",
        },
    ),
    "payments": Population(
        arrays=("known_from", "known_until", "paid_on", "amount", "kind", "due_on", "day_of_month", "booked_on"),
        fields={
            "paid_on": "paid_on", "amount": "amount", "is_payment": "(kind == 0) & (amount > 0)",
            "is_reversal": "(kind == 0) & (amount < 0)",
            "is_applied": "due_on >= 0", "is_on_invoice": "(due_on >= 0) & (kind == 0) & (amount > 0)",
            "days_beyond_terms": "max(paid_on - due_on, 0)", "days_late": "paid_on - due_on",
            "gap": "gap", "weekday": "(paid_on + 3) % 7", "day_of_month": "day_of_month",
            "days_booked_after": "booked_on - paid_on",
        },
    ),
    "events": Population(
        arrays=("known_from", "known_until", "occurred_on", "kind", "amount", "level"),
        fields={"occurred_on": "occurred_on", "kind": "kind", "amount": "amount", "level": "level"},
    ),
    "terms": Population(
        arrays=("known_from", "known_until", "effective_on", "credit_limit", "terms_days", "insured_limit"),
        fields={
            "effective_on": "effective_on", "credit_limit": "credit_limit", "has_limit": "credit_limit >= 0",
            "terms_days": "terms_days", "has_terms": "terms_days >= 0",
            "insured_limit": "insured_limit", "has_insured_limit": "insured_limit >= 0",
        },
    ),
    "ratings": Population(
        arrays=("known_from", "known_until", "rated_on", "risk"),
        fields={"rated_on": "rated_on", "risk": "risk", "has_risk": "risk >= 0"},
    ),
    "attributes": Population(
        arrays=("known_from", "known_until", "observed_on", "name", "value"),
        fields={"observed_on": "observed_on", "name": "name", "value": "value"},
    ),
}  # fmt: skip

HIGHEST_LEVEL = 9


def level_of(detail: str) -> int:
    """Return the level of a reminder, 1 to 9, from an event's detail ("2", "level 2, block A"); 0 if the text
    has none.
    """
    digits = re.search(r"\d+", detail)
    return min(int(digits.group()), HIGHEST_LEVEL) if digits else 0
