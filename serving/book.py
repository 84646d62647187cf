"""The whole book at a glance for the pages: each customer's grade, exposure and limit, and why it may need a person.

Computed once for each scorer and day from the account, the status and the default model alone (no payment curves), so a
page of ten thousand customers reads memory.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, select

from decisions.scorer import IN_DEFAULT_STATUS, MERGED, STALE, Scorer
from ledger.known import day, known_rows
from ledger.ledger import TABLES
from serving.champions import Champions
from serving.decision_log import DecisionLog, Erased
from serving.pages.search import folded
from serving.store.tables import DECISIONS
from serving.watch import on_watch_list

COMPARED_DAYS = 91
MOST_RECORDS = 5_000  # decisions read back for who has taken a case and what waits
REASON_ORDER = ("proposal", "limit_asked", "default", "hold", "over_limit", "expired", "cover_ends", "watch")


@dataclass(frozen=True, kw_only=True)
class BookRow:
    """One customer of the book on a day; amounts in the reporting currency, None is not known."""

    customer_id: str
    name: str | None
    country: str | None
    industry: str | None
    special: str | None
    pd: float | None
    pd_before: float | None
    grade: str | None
    grade_before: str | None
    exposure: float
    overdue: float
    days_past_due: int
    limit: float | None
    insured_limit: float | None
    search: str = field(repr=False, default="")


@dataclass(frozen=True, kw_only=True)
class QueueRow:
    """One case: why it is here (the most urgent first), what is at stake, how many days it has waited, who has it."""

    row: BookRow
    why: tuple[str, ...]
    stake: float
    waiting_days: int | None
    taken_by: str | None
    decision_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """Something that waits for a person since a day: a proposal, or a limit asked for (amount in the reporting currency)."""

    decision_id: str
    as_of: date
    amount: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _LogState:
    """What the decision log says of customers, by customer_id."""

    proposals: Mapping[str, _Waiting]
    decided_on: Mapping[str, date]
    taken: Mapping[str, str]
    limits_asked: Mapping[str, _Waiting]


@dataclass(kw_only=True)
class _Kept:
    """The rows of a state of the ledger. base : the prepared ledger that they follow, with the models and the day."""

    base: tuple[Any, ...]
    rows: dict[str, BookRow]
    fingerprint: str


_KEPT: list[_Kept] = []
_LOCK = threading.Lock()


def book(champions: Champions) -> list[BookRow]:
    """Return every customer of the ledger on its last known day, by customer_id.

    Computed once for each ledger, pair of models and day; after rows were sent only the customers that they touch.
    """
    living = champions.living
    base = (living.base.prepared, champions.versions, living.known_to)
    with _LOCK:
        kept = _KEPT[0] if _KEPT else None
        if (
            kept is None
            or any(a is not b and a != b for a, b in zip(kept.base[1:], base[1:], strict=True))
            or kept.base[0] is not base[0]
        ):
            ids = [str(i) for i in living.base.prepared.owners.ids]
            kept = _Kept(base=base, rows={}, fingerprint="")
            todo = champions.parts(ids)
        else:
            todo = [] if kept.fingerprint == living.fingerprint else champions.parts(sorted(living.touched))
        for scorer, some in todo:
            kept.rows |= {row.customer_id: row for row in (_rows(scorer, some) if some else ())}
        kept.fingerprint = living.fingerprint
        _KEPT[:] = [kept]
        return [kept.rows[i] for i in sorted(kept.rows)]


def _rows(scorer: Scorer, ids: Sequence[str]) -> list[BookRow]:
    as_of = scorer.served.data_known_to
    now = scorer.brief(ids, as_of)
    before = scorer.brief(ids, as_of - timedelta(days=COMPARED_DAYS))
    customers = scorer.served.ledger.customers.set_index("customer_id")
    terms = _terms(scorer, as_of)
    found = []
    for customer_id, row, then in zip(ids, now.to_dict("records"), before.to_dict("records"), strict=True):
        own = customers.loc[customer_id]
        if isinstance(own, pd.DataFrame):
            own = own.iloc[-1]
        name, country, industry = (_text(own[c]) for c in ("name", "country", "industry"))
        limit, insured = terms.get(customer_id, (None, None))
        found.append(BookRow(
            customer_id=customer_id, name=name, country=country, industry=industry, special=_text(row["special"]),
            pd=_number(row["pd"]), pd_before=_number(then["pd"]), grade=_text(row["grade"]), grade_before=_text(then["grade"]),
            exposure=float(row["exposure"]), overdue=float(row["overdue"]), days_past_due=int(row["days_past_due"]),
            limit=limit, insured_limit=insured, search=folded(f"{customer_id} {name or ''}"),
        ))  # fmt: skip
    return found


def _terms(scorer: Scorer, as_of: date) -> dict[str, tuple[float | None, float | None]]:
    """The present limit and insured limit of every customer."""
    frame, at = scorer.served.ledger["credit_terms"], day(as_of)
    if frame.empty:
        return {}
    known = frame[known_rows(frame, TABLES["credit_terms"], at)]
    last = known.sort_values("effective_on", kind="stable").groupby("customer_id").tail(1)
    return {
        str(c): (_number(limit), _number(insured))
        for c, limit, insured in zip(last["customer_id"], last["credit_limit"], last["insured_limit"], strict=True)
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


def queue(champions: Champions, log: DecisionLog, today: date | None = None) -> list[QueueRow]:
    """Return the cases that need a person, most urgent first.

    A case is here for: a proposal that waits for a second person; default; arrears that hold deliveries; an exposure
    above the limit; a limit that was asked for and that nobody has decided on; a review that has run out (by the last
    decision's day and the grade's months); an exposure above the insured limit; the watch list.
    """
    scorer = champions.scorer
    as_of = today or scorer.served.data_known_to
    log_state, watched = _from_log(log, as_of), on_watch_list(scorer)
    cases = []
    for row in book(champions):
        customer_id = row.customer_id
        why = _why(row, scorer, log_state.decided_on.get(customer_id), as_of)
        if customer_id in watched and row.special not in (MERGED, STALE):
            why = (*why, "watch")
        waiting, limit_asked = log_state.proposals.get(customer_id), log_state.limits_asked.get(customer_id)
        why = (*(("proposal",) if waiting else ()), *(("limit_asked",) if limit_asked else ()), *why)
        if not why:
            continue
        since = waiting or limit_asked
        cases.append(QueueRow(
            row=row, why=why, stake=max(row.exposure, row.limit or 0.0, limit_asked.amount if limit_asked else 0.0),
            waiting_days=None if since is None else max(0, (as_of - since.as_of).days),
            taken_by=log_state.taken.get(customer_id), decision_id=None if since is None else since.decision_id,
        ))  # fmt: skip
    return sorted(cases, key=lambda q: (REASON_ORDER.index(q.why[0]), -q.stake, q.row.customer_id))


def _why(row: BookRow, scorer: Scorer, decided_on: date | None, as_of: date) -> tuple[str, ...]:
    if row.special in (MERGED, STALE):
        return ()
    policy, reasons = scorer.limit_policy, []
    if row.special == IN_DEFAULT_STATUS and row.exposure > 0:
        reasons.append("default")
    elif row.days_past_due >= policy.hold_after_days and row.overdue > policy.hold_material_amount:
        reasons.append("hold")
    if row.limit is not None and row.exposure > row.limit:
        reasons.append("over_limit")
    if decided_on is not None and row.grade is not None and row.grade in {t.grade for t in policy.terms}:
        months = policy.terms_of(row.grade).valid_months
        if (pd.Timestamp(decided_on) + pd.DateOffset(months=months)).date() <= as_of:
            reasons.append("expired")
    if row.insured_limit is not None and row.exposure > row.insured_limit:
        reasons.append("cover_ends")
    return tuple(reasons)


def steps_worse(row: BookRow) -> int:
    """Return by how many steps the grade is worse than three months ago; 0 where one of the two is not known."""
    if (
        row.grade is None
        or row.grade_before is None
        or not (row.grade[1:].isdigit() and row.grade_before[1:].isdigit())
    ):
        return 0
    return int(row.grade[1:]) - int(row.grade_before[1:])


def _from_log(log: DecisionLog, as_of: date) -> _LogState:
    """Return what the newest decisions say of each customer; a limit asked counts while its review is valid on `as_of`."""
    answered: set[str] = set()
    proposals: dict[str, _Waiting] = {}
    decided: dict[str, date] = {}
    taken: dict[str, str] = {}
    limits: dict[str, _Waiting] = {}
    is_open = DECISIONS.c.decision_id.not_in(select(DECISIONS.c.about).where(DECISIONS.c.about.is_not(None)))
    unanswered = (DECISIONS.c.kind == "review") & is_open
    for record in recent(log, of_kinds("decide", "take") | unanswered):
        answer = record["answer"]
        customer, asked_on = str(answer["customer_id"]), date.fromisoformat(answer.get("as_of") or as_of.isoformat())
        if record.get("about"):
            answered.add(record["about"])
        if record["kind"] == "take":
            taken.setdefault(customer, answer["by"])
        elif record["kind"] == "review":
            if customer not in decided and customer not in proposals and answer["valid_until"] >= as_of.isoformat():
                amount = float(answer["requested_limit"]) * float(answer["exchange_rate"])
                limits.setdefault(customer, _Waiting(decision_id=record["decision_id"], as_of=asked_on, amount=amount))
        elif answer["status"] == "proposed" and record["decision_id"] not in answered:
            proposals.setdefault(customer, _Waiting(decision_id=record["decision_id"], as_of=asked_on))
        elif answer["status"] == "decided":
            decided.setdefault(customer, asked_on)
    return _LogState(proposals=proposals, decided_on=decided, taken=taken, limits_asked=limits)


def of_kinds(*kinds: str) -> ColumnElement[bool]:
    """Return the condition that picks records of these kinds."""
    return DECISIONS.c.kind.in_(kinds)


def recent(log: DecisionLog, where: ColumnElement[bool], most: int = MOST_RECORDS) -> list[Mapping[str, Any]]:
    """Return the newest records that a condition on the decisions' table picks, newest first: each record's content with
    its decision_id; without those whose payload was erased."""
    with log.store.reading() as connection:
        ids = connection.execute(
            select(DECISIONS.c.decision_id).where(where).order_by(DECISIONS.c.sequence.desc()).limit(most)
        ).scalars().all()  # fmt: skip
    records: list[Mapping[str, Any]] = []
    for decision_id in ids:
        try:
            record = log.read(decision_id)
        except Erased:  # its person's key was destroyed: there is no case to show any more
            continue
        records.append({**record.content, "decision_id": record.decision_id})
    return records


def taken_by(log: DecisionLog, customer_id: str) -> str | None:
    """Return who took a customer's case last; None where nobody has."""
    records = log.of_customer(customer_id, kinds=("take",), most=1)
    return None if not records else str(records[0].content["answer"]["by"])
