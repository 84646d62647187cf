"""Interpret one column of one customer row by row in plain Python, and list the rows that make the value.

It shares nothing with the compiled loops but the declarations: it cuts the ledger's tables by day, settles what is left
and reads fields from the rows. It is the loops' witness in the tests and the answer to `features --explain`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.engine.compiled import walk
from features.engine.missing import HISTORY, reason_of
from features.engine.row_sets import level_of
from features.language import ATTRIBUTE_NAMES, Column, Level, Missing, Node, Rows, Unit
from ledger.contract import EVENT_CODES
from ledger.currency import reporting_cents
from ledger.errors import InputError
from ledger.known import day, is_known, known_on
from ledger.ledger import Ledger
from ledger.rating_scales import risk_of_ratings
from ledger.settlement import settle

Row = Mapping[str, Any]
NAN = float("nan")
FAR = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A column's value for a customer on a day, why it is missing where it is, and the rows that went into it, one line a
    row, with the fields read."""

    column: Column
    value: float
    missing: Missing
    rows: pd.DataFrame


def explain(ledger: Ledger, name: str, customer_id: str, as_of: date | str | pd.Timestamp) -> Explained:
    """Return the value of one customer column and its rows. Raises InputError for an unknown column or customer."""
    column = CATALOGUE[name]
    if column.level is not Level.CUSTOMER:
        raise InputError(
            f"'{name}' describes an invoice, not a customer; choose a customer column of features/catalogue/CATALOGUE.md."
        )
    if customer_id not in set(ledger.customers["customer_id"]):
        raise InputError(f"customer_id: '{customer_id}' is not in the ledger.")
    reader = Reader(ledger, customer_id, as_of)
    value = reader.value(column)
    why = reader.missing(column) if np.isnan(value) else Missing.PRESENT
    return Explained(column=column, value=value, missing=why, rows=reader.read(column))


class Reader:
    """One customer's rows as known on a day, and the values of columns over them."""

    def __init__(self, ledger: Ledger, customer_id: str, as_of: date | str | pd.Timestamp) -> None:
        self.T = day(as_of)
        self.known = known_on(ledger, as_of)
        members = _members(self.known, customer_id)
        self.rows = _rows(self.known, members, customer_id, as_of, self.T)

    def value(self, column: Column) -> float:
        """Return the column's value; NaN where it is missing."""
        found = self._value(column.value)
        return found / 100.0 if column.unit is Unit.MONEY else found

    def missing(self, column: Column) -> Missing:
        """Return why the column's value is missing, from the customer's own rows."""
        has_history = any(self.rows[population] for population in HISTORY)
        return reason_of(column, has_history, self._kept)

    def can_read(self, column: Column) -> bool:
        """Return whether the customer's own rows make the value: not so for what comes from outside them (peers,
        published series).
        """
        return not any(
            node.op == "given" or (node.op == "column" and not self.can_read(CATALOGUE[node.args[0]]))
            for node in walk(column.value)
        )

    def read(self, column: Column) -> pd.DataFrame:
        """Return the rows of every aggregate in the column, with the fields that it reads."""
        parts = []
        for node in _aggregates(column):
            rows = node.args[0]
            fields = sorted(
                {f for part in (rows.where, *node.args[1:], Node("field", (rows.day,))) for f in _fields(part)}
            )
            for r in self._kept(rows):
                shown = {f: self._field(r, f) for f in fields}
                parts.append(
                    {
                        "aggregate": _words(node),
                        "reference": r["reference"],
                        **{k: _shown(k, v) for k, v in shown.items()},
                    }
                )
        return pd.DataFrame(parts).drop_duplicates(ignore_index=True)

    def _kept(self, rows: Rows) -> list[Row]:
        kept = []
        for r in self.rows[rows.population]:
            age = self.T - self._field(r, rows.day)
            if (not rows.window or 0 <= age < int(rows.window)) and (rows.where is None or self._row(rows.where, r)):
                kept.append(r)
        return kept

    def _field(self, r: Row, name: str) -> int:
        if name.startswith("age:"):
            return self.T - self._field(r, name[4:])
        return int(r[name](self.T) if callable(r[name]) else r[name])

    def _row(self, node: Node | float, r: Row) -> Any:
        if not isinstance(node, Node):
            return node
        if node.op == "field":
            return self._field(r, node.args[0])
        values = [self._row(arg, r) for arg in node.args]
        return _ROW[node.op](*values)

    def _value(self, node: Node | float) -> float:
        if not isinstance(node, Node):
            return float(node)
        if node.op == "column":
            return self.value(CATALOGUE[node.args[0]])
        if node.op in _AGGREGATE:
            return self._aggregate(node)
        if node.op == "given":
            raise InputError(
                f"'{node.args[0]}' comes from outside a customer's rows (peers, a group, a published series): no row of its own makes it."
            )
        left, right = ([self._value(arg) for arg in node.args] + [0.0])[:2]
        return _VALUE[node.op](left, right)

    def _aggregate(self, node: Node) -> float:
        rows = self._kept(node.args[0])
        values = [self._row(node.args[1], r) for r in rows] if len(node.args) > 1 else [1] * len(rows)
        days = [self._field(r, node.args[0].day) for r in rows]
        return float(_AGGREGATE[node.op](values, days))


def _last(values: list[int], days: list[int]) -> float:
    return max(v for v, d in zip(values, days, strict=True) if d == max(days)) if days else NAN


def _streak(values: list[int], days: list[int]) -> int:
    broken = max((d for v, d in zip(values, days, strict=True) if not v), default=-1)
    return sum(1 for v, d in zip(values, days, strict=True) if v and d > broken)


def _ratio(left: float, right: float) -> float:
    return left / right if right != 0 else NAN


def _compared(test: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda a, b: NAN if a != a or b != b else float(test(a, b))


_ROW: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "eq": lambda a, b: a == b,
    "and": lambda a, b: bool(a and b), "or": lambda a, b: bool(a or b), "not": lambda a: not a, "atleast": max,
}  # fmt: skip
_VALUE: Mapping[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "ratio": _ratio,
    "atleast": lambda a, b: b if a < b else a, "root": lambda a, _: float(np.sqrt(a)),
    "gt": _compared(lambda a, b: a > b), "ge": _compared(lambda a, b: a >= b), "lt": _compared(lambda a, b: a < b),
    "le": _compared(lambda a, b: a <= b), "eq": _compared(lambda a, b: a == b),
}  # fmt: skip
_AGGREGATE: Mapping[str, Callable[[list[int], list[int]], float]] = {
    "count": lambda v, _: len(v), "sum": lambda v, _: sum(v), "max": lambda v, _: max(v, default=NAN),
    "min": lambda v, _: min(v, default=NAN), "median": lambda v, _: float(np.median(v)) if v else NAN, "last": _last,
    "distinct": lambda v, _: len({x for x in v if 0 <= x <= 62}), "streak": _streak,
}  # fmt: skip


def _members(known: Ledger, customer_id: str) -> set[str]:
    """Return the customers whose rows count for this one: itself unless it was merged away, and those merged into
    it.
    """
    merged = known.events[known.events["kind"] == "merged_into"].copy()
    merged["since"] = merged[["occurred_on", "booked_on"]].max(axis=1)
    into: dict[str, str] = dict(
        merged.sort_values(["since", "detail"])[["customer_id", "detail"]].itertuples(index=False)
    )

    def owner(name: str) -> str:
        while name in into:
            name = into[name]
        return name

    return {name for name in {customer_id, *into} if owner(name) == customer_id}


def _rows(
    known: Ledger, members: set[str], customer_id: str, as_of: date | str | pd.Timestamp, T: int
) -> dict[str, Sequence[Row]]:
    settlement = settle(known)
    state = settlement.at(as_of)
    state = state[state["customer_id"] == customer_id]
    invoices = known.invoices.set_index("invoice_id")
    rates = dict(zip(state["invoice_id"], state["amount_cents"] / state["document_amount_cents"], strict=True))
    for name in set(state.loc[state["number"] > 0, "invoice_id"]):  # an instalment is carried at its invoice's rate
        line = invoices.loc[name]
        rates[name] = _in_reporting(line["amount"], line["currency"], line["issued_on"], known) / round(
            line["amount"] * 100
        )
    due = dict(zip(state["invoice_id"], state["due_on"].map(day), strict=True))
    held = np.flatnonzero(is_known(settlement.known_from, settlement.known_until, T))
    since = dict(zip(settlement.item_ids(held), settlement.known_from[held].tolist(), strict=True))
    parts = state[state["number"] > 0]
    parts = parts.assign(since=[since[f"{r.invoice_id}#{r.number}"] for r in lines(parts)])
    plans = {str(name): own for name, own in parts.groupby("invoice_id")}
    payments = _payments(known, members, rates, due, plans)
    credited: dict[str, int] = {}
    for row in payments:
        if row["kind"] == "credit":
            credited[row["item"]] = credited.get(row["item"], 0) + row["document_cents"]
    own = lambda table: known[table][known[table]["customer_id"].isin(members)]  # noqa: E731
    return {
        "invoices": [_invoice(r, invoices.loc[r.invoice_id], known, rates, credited) for r in lines(state)],
        "payments": payments,
        "events": [{"reference": r.event_id, "occurred_on": day(r.occurred_on), "kind": EVENT_CODES[r.kind],
                    "amount": 0 if np.isnan(r.amount) else round(r.amount * 100),
                    "level": level_of(r.detail) if r.kind == "dunning" and isinstance(r.detail, str) else 0}
                   for r in lines(own("events"))],
        "terms": [_terms(r) for r in lines(own("credit_terms"))],
        "ratings": [_rating(r) for r in lines(own("ratings"))],
        "attributes": [{"reference": f"{r.name} of {r.observed_on.date()}", "observed_on": day(r.observed_on),
                        "name": ATTRIBUTE_NAMES.index(r.name), "value": round(float(r.value) * 1000)}
                       for r in lines(own("attributes")) if r.name in ATTRIBUTE_NAMES],
    }  # fmt: skip


def _terms(r: Any) -> Row:
    given = {
        "credit_limit": r.credit_limit * 100,
        "terms_days": r.payment_terms_days,
        "insured_limit": r.insured_limit * 100,
    }
    found = {name: -1 if pd.isna(value) else round(value) for name, value in given.items()}
    return {
        "reference": f"terms of {r.effective_on.date()}", "effective_on": day(r.effective_on), **found,
        "has_limit": found["credit_limit"] >= 0, "has_terms": found["terms_days"] >= 0,
        "has_insured_limit": found["insured_limit"] >= 0,
    }  # fmt: skip


def _rating(r: Any) -> Row:
    risk = int(risk_of_ratings(pd.Series([r.value]), pd.Series([r.scale]))[0])
    return {
        "reference": f"{r.source} of {r.rated_on.date()}",
        "rated_on": day(r.rated_on),
        "risk": risk,
        "has_risk": risk >= 0,
    }


def _invoice(r: Any, line: Any, known: Ledger, rates: Mapping[str, float], credited: Mapping[str, int]) -> Row:
    issued, due = day(r.issued_on), day(r.due_on)
    closed = FAR if pd.isna(r.closed_on) else day(r.closed_on)
    details = known.events[known.events["kind"] == "dispute_opened"]
    disputes = details[details["invoice_id"] == r.invoice_id]
    kind, item = r.closed_kind, f"{r.invoice_id}#{r.number}" if r.number else r.invoice_id
    booked = max(issued, day(line["booked_on"]))
    end: Callable[[int], int] = lambda T: closed if kind == "paid" else T  # noqa: E731
    return {
        "reference": item, "issued_on": issued, "due_on": due, "closed_on": closed, "amount": r.amount_cents,
        "open_amount": r.open_cents, "known_from": booked, "terms_days": due - issued, "days_late": lambda T: end(T) - due,
        "days_past_due": lambda T: max(end(T) - due, 0), "days_to_settle": lambda T: end(T) - issued,
        "days_booked_after": booked - issued, "is_open": kind == "open", "is_paid": kind == "paid",
        "is_credited": kind == "credited", "is_factored": kind == "factored", "is_written_off": kind == "written_off",
        "is_owed": kind in ("open", "paid", "written_off"), "is_overdue": lambda T: kind == "open" and due < T,
        "is_disputed": r.is_disputed, "was_disputed": bool(len(disputes)), "count_payments": r.count_payments, "due_weekday": (due + 3) % 7,
        "credited_amount": round(credited.get(item, 0) * rates[r.invoice_id]),
        "month": lambda T: (T - issued) // 30, "quarter_age": lambda T: (T - issued) // 90,
    }  # fmt: skip


def _payments(
    known: Ledger,
    members: set[str],
    rates: Mapping[str, float],
    due: Mapping[str, int],
    plans: Mapping[str, pd.DataFrame],
) -> Sequence[Row]:
    """Return all that lowers or raises what is owed: payments, credit notes and write-offs, applied or not; by day,
    with gaps. Of an invoice with instalments (plans: its items) each gets its part, the oldest first.
    """
    found: list[dict[str, Any]] = []

    def add(reference: str, on: Any, booked: Any, cents: float, invoice: Any, kind: str) -> None:
        applied = invoice in due
        found.append({
            "reference": reference, "paid_on": day(on), "known_from": max(day(on), day(booked)),
            "amount": round(cents * rates[invoice]) if applied else round(cents), "due_on": due[invoice] if applied else -1, "kind": kind,
            "item": invoice if applied else None, "document_cents": round(cents),
        })  # fmt: skip

    ids = set(known.invoices.loc[known.invoices["kind"] == "invoice", "invoice_id"])
    other = {"discount": "discount", "exchange_difference": "discount", "undated": "no_day"}
    for r in lines(known.payments):
        loose = r.invoice_id not in ids
        if loose and (r.kind in other or r.kind == "bill"):
            continue  # only with an invoice do they mean anything
        if (loose and r.customer_id in members) or r.invoice_id in due:
            is_gain = r.kind == "exchange_difference" and r.method == "gain"
            sign = -1 if r.kind in ("reversal", "refund") or is_gain else 1
            cents = _in_reporting(r.amount, r.currency, r.paid_on, known) if loose else r.amount * 100
            add(
                r.payment_id,
                r.paid_on,
                r.booked_on,
                sign * round(cents),
                r.invoice_id,
                "factor" if r.kind == "factoring" and not loose else other.get(r.kind, "cash"),
            )
    for r in lines(known.invoices[known.invoices["kind"] == "credit_note"]):
        loose = r.applies_to not in ids
        if (loose and r.customer_id in members) or r.applies_to in due:
            cents = _in_reporting(r.amount, r.currency, r.issued_on, known) if loose else r.amount * 100
            add(r.invoice_id, r.issued_on, r.booked_on, round(cents), r.applies_to, "cash" if loose else "credit")
    for r in lines(known.events[known.events["kind"] == "write_off"]):
        if r.invoice_id in due:
            add(
                r.event_id,
                r.occurred_on,
                r.booked_on,
                0 if np.isnan(r.amount) else round(r.amount * 100),
                r.invoice_id,
                "write_off",
            )
            found[-1]["is_all_that_is_left"] = bool(np.isnan(r.amount))
    for name, plan in plans.items():
        own = [p for p in found if p["item"] == name]
        found = [p for p in found if p["item"] != name] + _of_instalments(own, plan, rates[name])
    previous = -1
    for p in sorted(found, key=lambda p: p["paid_on"]):
        cash, amount, on, due_on = p["kind"] == "cash", p["amount"], p["paid_on"], p["due_on"]
        p |= {"gap": -1, "is_payment": cash and amount > 0, "is_reversal": cash and amount < 0,
              "is_applied": due_on >= 0, "is_on_invoice": due_on >= 0 and cash and amount > 0,
              "days_beyond_terms": max(on - due_on, 0), "days_late": on - due_on, "weekday": (on + 3) % 7,
              "day_of_month": np.datetime64(on, "D").astype(object).day, "days_booked_after": p["known_from"] - on}  # fmt: skip
        if cash and amount > 0:
            p["gap"], previous = (on - previous if previous >= 0 else -1), on
    return found


def _of_instalments(own: list[dict[str, Any]], plan: pd.DataFrame, rate: float) -> list[dict[str, Any]]:
    """Return one invoice's rows split over its instalments: by event day they fill the one due first, then the next.

    The day from which a part is known is that of its row, or the later day on which another row became known and changed it
    while the books held the instalment.
    """
    order = ("cash", "credit", "factor", "discount", "no_day", "write_off")
    own = sorted(own, key=lambda p: (p["paid_on"], order.index(p["kind"])))
    plan = plan.sort_values(["due_on", "number"])
    above = plan["document_amount_cents"].cumsum().tolist()
    whole, count = above[-1], len(above)
    lows, highs = [-(2**60), *above[:-1]], [*above[:-1], 2**60]

    def parts_on(on: int) -> dict[tuple[int, int], int]:
        parts, filled = {}, 0
        for place, p in enumerate(own):
            if p["known_from"] > on:
                continue
            upto = max(filled, whole) if p.get("is_all_that_is_left") else filled + p["document_cents"]
            for k in range(count):
                cents = min(max(upto, lows[k]), highs[k]) - min(max(filled, lows[k]), highs[k])
                if cents:
                    parts[place, k] = 0 if p.get("is_all_that_is_left") else cents
            filled = upto
        return parts

    begin = int(plan["since"].iloc[0])
    since: dict[tuple[int, int], tuple[int, int]] = {}  # part -> (cents, known from)
    for on in sorted({max(p["known_from"], begin) for p in own}):
        since = {
            key: since[key]
            if key in since and since[key][0] == cents
            else (cents, own[key[0]]["known_from"] if on == begin else on)
            for key, cents in parts_on(on).items()
        }
    rows = list(lines(plan))
    return [
        {**own[place], "amount": round(cents * rate), "document_cents": cents, "known_from": on,
         "due_on": day(rows[k].due_on), "item": f"{rows[k].invoice_id}#{rows[k].number}"}
        for (place, k), (cents, on) in sorted(since.items())
    ]  # fmt: skip


def _in_reporting(amount: Any, currency: Any, on: Any, known: Ledger) -> int:
    return int(reporting_cents(pd.Series([amount]), pd.Series([currency]), pd.Series([on]), known)[0])


def lines(frame: pd.DataFrame) -> Iterator[Any]:
    """Return a frame's rows, each with its columns as attributes."""
    return iter(frame.itertuples(index=False))


def _aggregates(column: Column) -> list[Node]:
    found: list[Node] = []

    def visit(node: Any) -> None:
        if isinstance(node, Node):
            if node.op in _AGGREGATE:
                found.append(node)
            elif node.op == "column":
                visit(CATALOGUE[node.args[0]].value)
            else:
                for arg in node.args:
                    visit(arg)

    visit(column.value)
    return list(dict.fromkeys(found))


def _fields(node: Any) -> set[str]:
    if not isinstance(node, Node):
        return set()
    return {node.args[0]} if node.op == "field" else set().union(*(_fields(arg) for arg in node.args), set())


def _words(node: Node) -> str:
    rows = node.args[0]
    return f"{node.op} of {rows.population}" + (f", {rows.day} in the last {rows.window} days" if rows.window else "")


def _shown(name: str, value: int) -> Any:
    if name.endswith("_on") or name == "known_from":
        return "" if value == FAR or value < 0 else str(np.datetime64(value, "D"))
    if name in ("amount", "open_amount", "credited_amount", "credit_limit", "insured_limit"):
        return value / 100
    return bool(value) if name.startswith(("is_", "has_")) else value
