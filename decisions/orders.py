"""Check an order against a policy's rules: release, part, prepay or hold, with the arithmetic and what would release it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from decisions.limits import PastDue, Step
from decisions.order_policy import OrderPolicy, Rule
from decisions.shared_limits import CountryStop
from ledger.lgd import Lgd

RELEASE, PART, PREPAY, HOLD = "release", "part", "prepay", "hold"
SEVERITY = {RELEASE: 0, PART: 1, PREPAY: 2, HOLD: 3}


@dataclass(frozen=True, kw_only=True)
class Group:
    """The customer's parent group. limit : the parent's limit, shared by its group (None: not known). exposure : open items
    less credits, and open orders, of all other members."""

    parent_id: str
    limit: float | None
    exposure: float


@dataclass(frozen=True, kw_only=True)
class OrderSituation:
    """What an order is checked on; amounts are in the reporting currency, None is not known.

    amount, terms_days, margin_share : of the order. balance, unapplied, open_orders : of the customer, without this order.
    past_due : undisputed items past due. credit_limit, limit_valid_until, review_due_on, granted_terms_days : what was
    granted. first_invoice_on : None for a customer without any invoice. insured_free : what is left of the insured limit
    after the present exposure, times the insured share. country_risk : what the country policy says against the order (its
    transfer hold, cap, terms or missing rating); None where nothing, or where no such policy is set.
    """

    customer_id: str
    as_of: date
    amount: float
    terms_days: int | None = None
    margin_share: float | None = None
    balance: float = 0.0
    unapplied: float = 0.0
    open_orders: float = 0.0
    past_due: tuple[PastDue, ...] = ()
    credit_limit: float | None = None
    limit_valid_until: date | None = None
    review_due_on: date | None = None
    granted_terms_days: int | None = None
    grade: str | None = None
    pd: float | None = None
    special: str | None = None
    lgd: Lgd
    country: str | None = None
    first_invoice_on: date | None = None
    group: Group | None = None
    insured_free: float = 0.0
    country_risk: CountryStop | None = None

    @property
    def exposure(self) -> float:
        """Open items less credits, and open orders, without this order."""
        return max(0.0, self.balance - self.unapplied) + self.open_orders

    @property
    def arrears(self) -> float:
        """The undisputed part of what is past due."""
        return math.fsum(item.amount for item in self.past_due)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one rule said. values : the numbers compared. released_by : what would lift it, as values of a sentence; empty
    for a rule that does not block. excluded : why the rule was not applied, None where it was."""

    rule: str
    blocks: bool
    answer: str
    values: Mapping[str, float | str | None]
    release: str
    released_by: Mapping[str, float | str]
    excluded: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule, "blocks": self.blocks, "answer": self.answer if self.blocks else None,
            "values": dict(self.values), "excluded": self.excluded, "release": self.release if self.blocks else None,
            "released_by": dict(self.released_by) if self.blocks else None,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OrderAnswer:
    """The answer to an order. amount : what may go out on credit (0 for hold and prepay). decided_by : the rule, None for a
    release. costs : what either answer costs: `release` and `not_released`, each with its parts."""

    answer: str
    amount: float
    decided_by: str | None
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]
    costs: Mapping[str, Mapping[str, float | None]]


def check_order(situation: OrderSituation, policy: OrderPolicy) -> OrderAnswer:
    """Return the answer to an order: the severest answer of the rules that block, the first of the policy's where several.

    `part` releases what the limits still allow, where that is at least the policy's smallest part; else it is a hold.
    """
    s = situation
    steps, available = _available(s)
    findings = tuple(_finding(rule, s, available) for rule in policy.rules)
    blocking = [finding for finding in findings if finding.blocks]
    answers = {finding.rule: _worth(finding.answer, available, policy) for finding in blocking}
    worst = max((SEVERITY[answer] for answer in answers.values()), default=0)
    decided = next((f.rule for f in blocking if SEVERITY[answers[f.rule]] == worst), None)
    answer = RELEASE if decided is None else answers[decided]
    amount = s.amount if answer == RELEASE else _cents_down(available) if answer == PART else 0.0
    costs, cost_steps = _costs(s, policy, amount)
    return OrderAnswer(
        answer=answer, amount=amount, decided_by=decided, findings=findings, steps=(*steps, *cost_steps), costs=costs
    )


def _worth(answer: str, available: float, policy: OrderPolicy) -> str:
    """Return a rule's answer; a part that is too small to send is a hold."""
    return HOLD if answer == PART and _cents_down(available) < max(policy.smallest_part, 0.01) else answer


def _cents_down(amount: float) -> float:
    return max(0.0, math.floor(amount * 100 + 1e-6) / 100)


def _available(s: OrderSituation) -> tuple[list[Step], float]:
    """Return (steps, what the customer's and its group's limit still allow; infinite where no limit is known)."""
    steps = [
        Step(
            name="exposure", formula="max(0, open balance − unapplied credits) + open orders", result=s.exposure,
            values={"open_balance": s.balance, "unapplied_credits": s.unapplied, "open_orders": s.open_orders},
        )
    ]  # fmt: skip
    available = math.inf
    if s.credit_limit is not None:
        available = s.credit_limit - s.exposure
        steps.append(
            Step(name="available", formula="limit − exposure", result=available,
                 values={"limit": s.credit_limit, "exposure": s.exposure})
        )  # fmt: skip
    if s.group is not None and s.group.limit is not None:
        free = s.group.limit - s.group.exposure - s.exposure
        steps.append(
            Step(name="available_in_group", formula="the parent's limit − exposure of the other members − exposure", result=free,
                 values={"group_limit": s.group.limit, "others": s.group.exposure, "exposure": s.exposure})
        )  # fmt: skip
        available = min(available, free)
    return steps, available


def _finding(rule: Rule, s: OrderSituation, available: float) -> Finding:
    """Return what a rule says of an order."""
    blocks, values, released_by = RULES[rule.rule](rule, s, available)
    excluded = _excluded(rule, s) if blocks else None
    return Finding(
        rule=rule.rule, blocks=blocks and excluded is None, answer=rule.answer, values=values, release=rule.release,
        released_by=released_by, excluded=excluded,
    )  # fmt: skip


def _excluded(rule: Rule, s: OrderSituation) -> str | None:
    """Return why a rule that would block does not apply; None where it does."""
    e = rule.exclude
    if s.customer_id in e.customers:
        return "customer"
    if s.grade is not None and s.grade in e.grades:
        return "grade"
    if s.country is not None and s.country in e.countries:
        return "country"
    if e.orders_up_to is not None and s.amount <= e.orders_up_to:
        return "small_order"
    return None


Said = tuple[bool, dict[str, float | str | None], dict[str, float | str]]


def _in_default(rule: Rule, s: OrderSituation, _: float) -> Said:
    return s.special == "in_default", {"special": s.special}, {}


def _days_overdue(rule: Rule, s: OrderSituation, _: float) -> Said:
    assert rule.block is not None
    older = [item for item in s.past_due if item.days > rule.block]
    amount = math.fsum(item.amount for item in older)
    blocks = amount > rule.smallest_amount and amount > rule.smallest_share * s.balance
    days = max((item.days for item in s.past_due), default=0)
    items = ", ".join(item.invoice_id for item in sorted(older, key=lambda i: (-i.days, i.invoice_id)))
    return blocks, {"days": days, "allowed": rule.block, "amount": amount}, {"pay_items": items, "pay_amount": amount}


def _arrears_amount(rule: Rule, s: OrderSituation, _: float) -> Said:
    assert rule.block is not None
    if s.credit_limit is None:
        return False, {"arrears": s.arrears, "allowed": None}, {}
    allowed = rule.block * s.credit_limit
    return (
        s.arrears > allowed,
        {"arrears": s.arrears, "allowed": allowed},
        {"pay_amount": max(0.0, s.arrears - allowed)},
    )


def _no_limit(rule: Rule, s: OrderSituation, _: float) -> Said:
    group = None if s.group is None else s.group.limit
    return s.credit_limit is None and group is None, {"limit": s.credit_limit, "group_limit": group}, {}


def _days_since(day: date | None, as_of: date) -> int | None:
    return None if day is None else (as_of - day).days


def _limit_expired(rule: Rule, s: OrderSituation, _: float) -> Said:
    assert rule.block is not None
    days = _days_since(s.limit_valid_until, s.as_of)
    return days is not None and days > rule.block, {"days_since": days, "allowed": rule.block}, {}


def _review_overdue(rule: Rule, s: OrderSituation, _: float) -> Said:
    assert rule.block is not None
    days = _days_since(s.review_due_on, s.as_of)
    return days is not None and days > rule.block, {"days_since": days, "allowed": rule.block}, {}


def _country(rule: Rule, s: OrderSituation, _: float) -> Said:
    return s.country is not None and s.country in rule.countries, {"country": s.country}, {}


def _country_risk(rule: Rule, s: OrderSituation, _: float) -> Said:
    stop = s.country_risk
    return stop is not None, {} if stop is None else {"code": stop.code, **stop.as_json()["numbers"]}, {}


def _grade(rule: Rule, s: OrderSituation, _: float) -> Said:
    assert rule.worst is not None
    return s.grade is not None and s.grade > rule.worst, {"grade": s.grade, "worst": rule.worst}, {}


def _new_customer(rule: Rule, s: OrderSituation, _: float) -> Said:
    assert rule.block is not None
    days = _days_since(s.first_invoice_on, s.as_of)
    is_new = days is None or days <= rule.block
    return (
        is_new and s.amount > rule.above_amount,
        {"days": days, "new_until": rule.block, "amount": s.amount, "allowed": rule.above_amount},
        {"order_at_most": rule.above_amount},
    )  # fmt: skip


def _terms(rule: Rule, s: OrderSituation, _: float) -> Said:
    assert rule.block is not None
    if s.terms_days is None or s.granted_terms_days is None:
        return False, {"terms": s.terms_days, "granted": s.granted_terms_days}, {}
    longest = s.granted_terms_days + rule.block
    return s.terms_days > longest, {"terms": s.terms_days, "granted": s.granted_terms_days}, {"terms_at_most": longest}


def _over_limit(rule: Rule, s: OrderSituation, available: float) -> Said:
    assert rule.block is not None
    if math.isinf(available):
        return False, {"amount": s.amount, "available": None}, {}
    limits = [limit for limit in (s.credit_limit, None if s.group is None else s.group.limit) if limit is not None]
    tolerance = rule.block * min(limits)
    over = s.amount - available - tolerance
    values: dict[str, float | str | None] = {"amount": s.amount, "available": available, "tolerance": tolerance}
    return over > 1e-6, values, {
        "order_at_most": _cents_down(available + tolerance), "pay_or_raise_by": max(0.0, over)
    }  # fmt: skip


RULES: Mapping[str, Callable[[Rule, OrderSituation, float], Said]] = {
    "in_default": _in_default, "days_overdue": _days_overdue, "arrears_amount": _arrears_amount, "no_limit": _no_limit,
    "limit_expired": _limit_expired, "review_overdue": _review_overdue, "country": _country, "grade": _grade,
    "new_customer": _new_customer, "terms": _terms, "over_limit": _over_limit, "country_risk": _country_risk,
}  # fmt: skip


def _costs(
    s: OrderSituation, policy: OrderPolicy, amount: float
) -> tuple[Mapping[str, Mapping[str, float | None]], list[Step]]:
    """Return what releasing the whole order and not releasing it costs, and the steps of that arithmetic.

    Releasing costs PD · LGD · what is not insured of the order, and brings its margin; not releasing costs the margin of
    what does not go out. Without a PD the loss is not known: None.
    """
    share = policy.margin_share if s.margin_share is None else s.margin_share
    margin, forgone = share * s.amount, share * (s.amount - amount)
    insured = min(max(0.0, s.insured_free), s.amount)
    pd = 1.0 if s.special == "in_default" else s.pd
    steps = [
        Step(
            name="margin",
            formula="margin share · order",
            result=margin,
            values={"margin_share": share, "order": s.amount},
        )
    ]
    loss = None if pd is None else pd * s.lgd.value * (s.amount - insured)
    if pd is not None and loss is not None:
        steps.append(
            Step(name="expected_loss", formula=f"PD · LGD · (order − insured), LGD {s.lgd.source}", result=loss,
                 values={"pd": pd, "lgd": s.lgd.value, "order": s.amount, "insured": insured})
        )  # fmt: skip
        steps.append(
            Step(name="margin_less_loss", formula="margin − expected loss", result=margin - loss,
                 values={"margin": margin, "expected_loss": loss})
        )  # fmt: skip
    return {
        "release": {"expected_loss": loss, "margin": margin, "net": None if loss is None else margin - loss},
        "not_released": {"margin_forgone": forgone, "goes_out": amount},
    }, steps
