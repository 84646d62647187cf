"""`/check_order`: an order against the policy's rules, on the customer's scores, orders, limits and group."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from decisions.limits import PastDue
from decisions.order_policy import OrderPolicy
from decisions.order_wording import finding_text, release_text
from decisions.orders import Group, OrderAnswer, OrderSituation, check_order
from decisions.policy_files import read_policy
from decisions.scorer import Scorer, Scores
from ledger.credit_terms import rate_on, terms_on
from ledger.known import day, known_rows
from ledger.ledger import TABLES, Ledger
from serving.answer_parts import Inputs, account_of, rows_of, score_of
from serving.answers import Answer, common, computed_now, one, record
from serving.champions import Champions
from serving.decision_log import DecisionLog
from serving.messages import CheckOrderRequest
from serving.score_book import ScoreBook
from serving.shared_limits import exposures, members_of, order_stop

OPEN = "open"


def checked_order(
    champions: Champions, log: DecisionLog, asked: CheckOrderRequest, book: ScoreBook | None, policy: Path | None
) -> Answer:
    """Return release, part, prepay or hold: the rule that decided, every rule's numbers, the arithmetic, what would release
    the order and what either answer costs. Amounts are in the order's currency but for the arithmetic."""
    scorer, scores = one(champions, asked.customer_id, asked.as_of, book)
    rules = read_policy(OrderPolicy, policy or "orders")
    rate = scorer.rate(asked.order.currency, scores.as_of)
    found = check_order(_situation(champions, scorer, scores, asked, rate), rules)
    row = rows_of(scores.customers)[0]
    answer: Answer = {
        "customer_id": asked.customer_id, "answer": found.answer, "decided_by": found.decided_by,
        "released_amount": round(found.amount / rate, 2), "order": asked.order.model_dump(mode="json"),
        "currency": asked.order.currency, "exchange_rate": rate, "arithmetic_currency": scorer.served.currency,
        **_said(found, asked.language), "arithmetic": [step.as_json() for step in found.steps],
        "costs": {name: dict(parts) for name, parts in found.costs.items()}, "language": asked.language,
        "policy": {"name": rules.name, "version": rules.version},
        "score": {**score_of(asked.customer_id, row, scorer), "open_items": account_of(row)},
        **common(champions, scorer, scores),
    }  # fmt: skip
    (decision_id,) = log.append(
        [record(champions, scorer, "check_order", asked.kept(), Inputs.of(scores).at(asked.customer_id), answer)]
    )
    return {**answer, "decision_id": decision_id, **computed_now(champions)}


def _said(found: OrderAnswer, language: str) -> dict[str, Any]:
    """Return every rule's finding, and the sentences of those that block and of what would lift them."""
    blocking = [finding for finding in found.findings if finding.blocks]
    return {
        "rules": [finding.as_json() for finding in found.findings],
        "reasons": [{"code": f.rule, "text": finding_text(f, language)} for f in blocking],
        "released_by": [
            {"code": f.rule, "release": f.release, "text": release_text(f, language), **f.released_by} for f in blocking
        ],
    }


def _situation(
    champions: Champions, scorer: Scorer, scores: Scores, asked: CheckOrderRequest, rate: float
) -> OrderSituation:
    """Return what the order is checked on."""
    ledger, as_of, customer_id = scorer.served.ledger, scores.as_of, asked.customer_id
    limits = scorer.situation(scores, customer_id, asked.order.amount * rate)
    terms = terms_on(ledger, customer_id, as_of)
    first = ledger.invoices.loc[(ledger.invoices["customer_id"] == customer_id).to_numpy(), "issued_on"]
    first = first[first <= pd.Timestamp(as_of)]
    exposure = max(0.0, limits.balance - limits.unapplied)
    insured = (terms.insured_share or 0.0) * max(0.0, (terms.insured_limit or 0.0) - exposure)
    country = scorer.served.countries.get(customer_id)
    return OrderSituation(
        customer_id=customer_id, as_of=as_of, amount=asked.order.amount * rate, terms_days=asked.order.terms_days,
        margin_share=asked.order.margin_share, balance=limits.balance, unapplied=limits.unapplied,
        open_orders=open_orders(scorer, ledger, [customer_id], as_of, without=asked.order.order_id),
        past_due=tuple(PastDue(invoice_id=i.invoice_id, amount=i.amount, days=i.days) for i in limits.past_due),
        credit_limit=terms.credit_limit, limit_valid_until=asked.limit_valid_until, review_due_on=asked.review_due_on,
        granted_terms_days=granted_days(ledger, customer_id, as_of), grade=limits.grade, pd=limits.pd,
        special=limits.special, lgd=scorer.lgd_of(customer_id), country=country if isinstance(country, str) else None,
        first_invoice_on=None if first.empty else first.min().date(), group=_group(champions, customer_id, as_of),
        insured_free=insured,
        country_risk=order_stop(
            champions, customer_id, as_of, order=asked.order.amount * rate, terms_days=asked.order.terms_days
        ),
    )  # fmt: skip


def open_orders(
    scorer: Scorer, ledger: Ledger, ids: Iterable[str], as_of: date, *, without: str | None = None
) -> float:
    """Return the open orders of customers known on a day, in the reporting currency, but for one of them."""
    orders = ledger["orders"]
    own = orders[orders["customer_id"].isin(list(ids)).to_numpy()]
    at = day(as_of)
    known = own[known_rows(own, TABLES["orders"], at)]
    known = known[(known["status"] == OPEN).to_numpy()]
    return sum(
        float(row["amount"]) * rate_on(ledger, str(row["currency"]), scorer.served.currency, as_of)
        for row in known.to_dict("records") if row["order_id"] != without
    )  # fmt: skip


def granted_days(ledger: Ledger, customer_id: str, as_of: date) -> int | None:
    """Return the payment terms granted to a customer as known on a day; None where the books give none."""
    frame, at = ledger["credit_terms"], day(as_of)
    own = frame[(frame["customer_id"] == customer_id).to_numpy()]
    known = own[known_rows(own, TABLES["credit_terms"], at)]
    given = known.sort_values("effective_on", kind="stable")["payment_terms_days"].dropna()
    return None if given.empty else int(given.iloc[-1])


def _group(champions: Champions, customer_id: str, as_of: date) -> Group | None:
    """Return the customer's parent group with the exposure of its other members; None for a customer without one."""
    parent, members = members_of(champions, customer_id)
    others = [member for member in members if member != customer_id]
    if not others:
        return None
    total = sum(exposures(champions, others, as_of).values())
    for part, ids in champions.parts(others):
        if ids:
            total += open_orders(part, part.served.ledger, ids, as_of)
    limit = (
        terms_on(champions.scorer_of(parent).served.ledger, parent, as_of).credit_limit if parent in members else None
    )
    return Group(parent_id=parent, limit=limit, exposure=total)
