"""The credit limit that a policy recommends for a customer, a pure function that shows each step of its arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from ledger.errors import InputError

APPROVE, REDUCE, HOLD, DECLINE, REFER = "approve", "reduce", "hold", "decline", "refer"


@dataclass(frozen=True, kw_only=True)
class GradeTerms:
    """What the policy allows a grade: the largest limit (reporting currency) and for how many months a limit holds."""

    grade: str
    maximum_limit: float
    valid_months: int


@dataclass(frozen=True, kw_only=True)
class LimitPolicy:
    """A credit policy with a name and a version; amounts are in the reporting currency.

    loss_given_default : share of the exposure lost; 0.40 is the supervisory value for senior corporate receivables
        (CRR as amended by Regulation (EU) 2024/1623, Art. 161(1)).
    maximum_expected_loss : what one customer may be expected to cost in a year, after credit insurance.
    smallest_limit : a limit below it is not worth keeping: decline.
    hold_after_days : an undisputed item this many days past due stops deliveries on credit.
    authority : a limit above it is a person's to grant; so is any limit at a PD above `highest_pd`.
    authority_without_history : the same for a customer of whom no invoice is known yet.
    hold_days, decline_days, refer_days : how long such an answer stands before it is looked at again.
    """

    name: str
    version: str
    loss_given_default: float
    maximum_expected_loss: float
    smallest_limit: float
    hold_after_days: int
    authority: float
    highest_pd: float
    terms: tuple[GradeTerms, ...]
    hold_days: int = 30
    decline_days: int = 90
    refer_days: int = 30
    significant_digits: int = 2
    authority_without_history: float = 20_000.0

    def terms_of(self, grade: str) -> GradeTerms:
        """The terms of one grade. Raises InputError for a grade that the policy does not name."""
        for terms in self.terms:
            if terms.grade == grade:
                return terms
        raise InputError(
            f"the policy {self.name} {self.version} has no terms for grade {grade}; "
            f"it has {', '.join(t.grade for t in self.terms)}."
        )


def house_policy(grades: Sequence[str]) -> LimitPolicy:
    """The policy that holds where no other is given, for a master scale's grades from best to worst.

    Caps fall in equal ratios from 1,000,000 for the best grade to 5,000 for the worst; the better half of the grades
    keeps a limit for 12 months, the next quarter for 6, the rest for 3.
    """
    last = max(1, len(grades) - 1)
    return LimitPolicy(
        name="house", version="2", loss_given_default=0.40, maximum_expected_loss=5_000.0, smallest_limit=500.0,
        hold_after_days=60, authority=500_000.0, highest_pd=0.10,
        terms=tuple(
            GradeTerms(
                grade=grade, maximum_limit=rounded_down(1_000_000.0 * (5_000 / 1_000_000) ** (place / last), 2),
                valid_months=12 if place < len(grades) / 2 else 6 if place < len(grades) * 3 / 4 else 3,
            )
            for place, grade in enumerate(grades)
        ),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a limit is recommended from; amounts are in the reporting currency, None is not known.

    pd : probability of default, None where `special` says why there is none; with special 'no_history' it is that of
        what is known at the door.
    balance : open items; unapplied : credits not yet set against an item; overdue : past due and undisputed.
    days_past_due : of the oldest undisputed open item, 0 where nothing is past due.
    current_limit, insured_limit, insured_share, first_loss, maximum_extension_days : the credit terms known on as_of.
    is_natural_person : a sole trader's answers against him are a person's to give (GDPR Art. 22).
    """

    customer_id: str
    as_of: date
    requested: float
    balance: float
    unapplied: float
    overdue: float
    days_past_due: int
    pd: float | None = None
    grade: str | None = None
    special: str | None = None
    current_limit: float | None = None
    insured_limit: float | None = None
    insured_share: float | None = None
    first_loss: float | None = None
    maximum_extension_days: int | None = None
    is_natural_person: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the arithmetic: what it gives, its formula, the numbers put in, the number that came out."""

    name: str
    formula: str
    values: Mapping[str, float]
    result: float

    def as_json(self) -> dict[str, Any]:
        return {"step": self.name, "formula": self.formula, "values": dict(self.values), "result": self.result}


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """What the policy recommends. `limit` is None where nothing was computed (refer without a score).

    reasons, conditions : codes with the numbers that their sentences need, see `decisions.wording`.
    """

    action: str
    limit: float | None
    valid_until: date
    next_review: date
    steps: tuple[Step, ...]
    reasons: tuple[tuple[str, Mapping[str, float]], ...]
    conditions: tuple[tuple[str, Mapping[str, float]], ...]


@dataclass(kw_only=True)
class _Arithmetic:
    """The steps so far; each is computed from the numbers that it shows."""

    steps: list[Step] = field(default_factory=list)

    def step(self, name: str, formula: str, result: float, **values: float) -> float:
        self.steps.append(Step(name=name, formula=formula, values=values, result=result))
        return result


def largest_exposure(allowed: float, *, share: float, insured: float, first_loss: float) -> float:
    """The largest exposure of which at most `allowed` stays with us after credit insurance.

    Insurance pays max(0, share · min(exposure, insured) − first_loss); what stays with us rises with the exposure.
    """
    if share * insured <= first_loss or share * allowed <= first_loss:
        return allowed
    if share < 1 and (below := (allowed - first_loss) / (1 - share)) <= insured:
        return below
    return allowed + share * insured - first_loss


def rounded_down(amount: float, digits: int) -> float:
    """An amount rounded down to some significant digits: a limit is a round figure and never above its arithmetic."""
    if amount <= 0:
        return 0.0
    unit = max(0.01, 10.0 ** (math.floor(math.log10(amount)) - digits + 1))
    # 3e5 / 1e4 may come out a hair below 30: that is no reason to give a limit of 290,000
    return round(math.floor(amount / unit * (1 + 1e-12)) * unit, 2)


def recommend(situation: Situation, policy: LimitPolicy) -> Recommendation:
    """Recommend approve, reduce, hold, decline or refer for a requested limit.

    Raises InputError for a grade without terms in the policy.
    """
    s, sums = situation, _Arithmetic()
    exposure = sums.step(
        "exposure", "max(0, open balance − unapplied credits)", max(0.0, s.balance - s.unapplied),
        open_balance=s.balance, unapplied_credits=s.unapplied,
    )  # fmt: skip
    if s.special == "in_default":
        action, reason = (HOLD, "in_default_hold") if exposure > 0 else (DECLINE, "in_default_decline")
        limit = sums.step("limit", "0 for a customer in default", 0.0)
        return _answer(s, policy, sums, action, limit, [(reason, {})], _conditions(s, action, limit, exposure))
    if s.pd is None or s.grade is None:
        return _answer(s, policy, sums, REFER, None, [(s.special or "no_score", {})], [("outside_information", {})])
    limit = _limit(s, s.pd, s.grade, exposure, policy, sums)
    action, reasons = _action(s, limit, policy)
    if action == HOLD:
        limit = sums.step(
            "held_limit",
            "min(limit, exposure): nothing more on credit",
            min(limit, exposure),
            limit=limit,
            exposure=exposure,
        )
    elif action == DECLINE:
        limit = sums.step(
            "declined_limit",
            "0 below the policy's smallest limit",
            0.0,
            limit=limit,
            smallest_limit=policy.smallest_limit,
        )
    if action in (REDUCE, HOLD, DECLINE) and s.is_natural_person:
        action, reasons = REFER, [("natural_person", {}), *reasons]
    return _answer(s, policy, sums, action, limit, reasons, _conditions(s, action, limit, exposure))


def _limit(s: Situation, pd_12m: float, grade: str, exposure: float, policy: LimitPolicy, sums: _Arithmetic) -> float:
    """The limit under the loss budget, the grade's cap and the request, step by step."""
    lgd = policy.loss_given_default
    sums.step("expected_loss", "PD · LGD · exposure", pd_12m * lgd * exposure, pd=pd_12m, lgd=lgd, exposure=exposure)
    allowed = sums.step(
        "uninsured_at_most", "maximum expected loss ÷ (PD · LGD)", policy.maximum_expected_loss / (pd_12m * lgd),
        maximum_expected_loss=policy.maximum_expected_loss, pd=pd_12m, lgd=lgd,
    )  # fmt: skip
    share, insured, first_loss = s.insured_share or 0.0, s.insured_limit or 0.0, s.first_loss or 0.0
    if s.maximum_extension_days is not None and s.days_past_due > s.maximum_extension_days:
        insured = sums.step(
            "cover_lost", "0: an item is past due for longer than the insurer allows", 0.0, insured_limit=insured,
            days_past_due=s.days_past_due, maximum_extension_days=s.maximum_extension_days,
        )  # fmt: skip
    if share * insured > 0:
        allowed = sums.step(
            "with_insurance",
            "largest E with E − max(0, share · min(E, insured limit) − first loss) ≤ uninsured_at_most",
            largest_exposure(allowed, share=share, insured=insured, first_loss=first_loss),
            uninsured_at_most=allowed, insured_share=share, insured_limit=insured, first_loss=first_loss,
        )  # fmt: skip
    cap = policy.terms_of(grade).maximum_limit
    capped = sums.step(
        "grade_cap",
        f"min(loss budget's limit, cap of grade {grade})",
        min(allowed, cap),
        from_loss_budget=allowed,
        cap=cap,
    )
    rounded = sums.step(
        "rounded", f"rounded down to {policy.significant_digits} significant digits",
        rounded_down(capped, policy.significant_digits), limit=capped,
    )  # fmt: skip
    return sums.step(
        "limit", "min(requested, rounded)", min(s.requested, rounded), requested=s.requested, rounded=rounded
    )


def _action(s: Situation, limit: float, policy: LimitPolicy) -> tuple[str, list[tuple[str, Mapping[str, float]]]]:
    """What to do about a computed limit, and the policy's own reasons for it."""
    if s.days_past_due >= policy.hold_after_days:
        return HOLD, [
            ("overdue_hold", {"days": s.days_past_due, "amount": s.overdue, "policy_days": policy.hold_after_days})
        ]
    if limit < min(policy.smallest_limit, s.requested):
        return DECLINE, [("below_smallest_limit", {"limit": limit, "smallest_limit": policy.smallest_limit})]
    if limit > policy.authority:
        return REFER, [("above_authority", {"limit": limit, "authority": policy.authority})]
    if s.special == "no_history" and limit > policy.authority_without_history:
        authority = policy.authority_without_history
        return REFER, [("above_authority_without_history", {"limit": limit, "authority": authority})]
    if s.pd is not None and s.pd > policy.highest_pd:
        return REFER, [("above_highest_pd", {"pd": 100 * s.pd, "highest_pd": 100 * policy.highest_pd})]
    if limit < s.requested:
        return REDUCE, [("above_policy_limit", {"limit": limit, "requested": s.requested})]
    return APPROVE, [("within_policy", {"limit": limit})]


def _conditions(s: Situation, action: str, limit: float, exposure: float) -> list[tuple[str, Mapping[str, float]]]:
    """What the limit is tied to: cover kept, arrears paid, the balance brought down, the rest prepaid."""
    conditions: list[tuple[str, Mapping[str, float]]] = []
    if action in (HOLD, DECLINE) or (action == REFER and limit == 0):
        conditions.append(("prepayment", {}))
    elif limit < s.requested:
        conditions.append(("prepayment_above", {"limit": limit}))
    if s.special == "no_history":
        conditions.append(("outside_information", {}))
    if s.overdue > 0:
        conditions.append(("settle_overdue", {"amount": s.overdue}))
    if exposure > limit:
        conditions.append(("reduce_balance", {"exposure": exposure, "limit": limit}))
    if s.insured_limit and limit > 0:
        conditions.append(("keep_cover", {"insured_limit": s.insured_limit}))
    return conditions


def _answer(
    s: Situation, policy: LimitPolicy, sums: _Arithmetic, action: str, limit: float | None,
    reasons: Sequence[tuple[str, Mapping[str, float]]], conditions: Sequence[tuple[str, Mapping[str, float]]],
) -> Recommendation:  # fmt: skip
    """The recommendation with its dates: an approval is looked at again halfway, anything else when it ends."""
    days = {HOLD: policy.hold_days, DECLINE: policy.decline_days, REFER: policy.refer_days}
    if action in days:
        until = s.as_of + timedelta(days=days[action])
        review = until
    else:
        terms = policy.terms_of(str(s.grade))
        until = (pd.Timestamp(s.as_of) + pd.DateOffset(months=terms.valid_months)).date()
        review = s.as_of + (until - s.as_of) / 2
    return Recommendation(
        action=action, limit=limit, valid_until=until, next_review=review, steps=tuple(sums.steps),
        reasons=tuple(reasons), conditions=tuple(conditions),
    )  # fmt: skip
