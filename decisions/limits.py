"""The credit limit that a policy recommends for a customer, a pure function that shows each step of its arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from decisions.shared_limits import CountryStop, SharedLimit
from ledger.default_status import PRIMARY
from ledger.errors import InputError
from ledger.lgd import POLICY, Lgd

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

    loss_given_default : share of the exposure lost where the situation brings no measured one; 0.40 is the supervisory value for senior corporate receivables
        (CRR as amended by Regulation (EU) 2024/1623, Art. 161(1)).
    maximum_expected_loss : what one customer may be expected to cost in a year, after credit insurance.
    smallest_limit : a limit below it is not worth keeping: decline.
    hold_after_days : undisputed items this many days past due stop deliveries on credit, if they are material.
    hold_material_amount, hold_material_share : material is a sum above this amount and above this share of the open
        balance: the thresholds of default unless the policy says otherwise. Below, the items are a note.
    authority : a limit above it is a person's to grant; so is any limit at a PD above `highest_pd`.
    authority_without_history : the same for a customer of whom no invoice is known yet.
    hold_days, decline_days, refer_days : how long such an answer stands before it is looked at again.
    group_share_of_grade_cap : a group's limits together are at most this share of the cap of its best grade.
    country_caps : country -> the limits of its customers together.
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
    hold_material_amount: float = PRIMARY.material_amount
    hold_material_share: float = PRIMARY.material_share
    group_share_of_grade_cap: float = 1.0
    country_caps: Mapping[str, float] = field(default_factory=dict)

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
        name="house", version="3", loss_given_default=0.40, maximum_expected_loss=5_000.0, smallest_limit=500.0,
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
class PastDue:
    """One undisputed item past due: its invoice, what is open of it (reporting currency) and its days past due."""

    invoice_id: str
    amount: float
    days: int


@dataclass(frozen=True, kw_only=True)
class Situation:
    """The facts that a limit is recommended from; amounts are in the reporting currency, None is not known.

    pd : probability of default, None where `special` says why there is none; with special 'no_history' it is that of
        what is known at the door.
    balance : open items; unapplied : credits not yet set against an item.
    past_due : the undisputed items past due; `arrears` is their sum, `days_past_due` the days of the oldest (0: none).
    lgd : the loss given default to use, with its source; None: the policy's.
    current_limit, insured_limit, insured_share, first_loss, maximum_extension_days : the credit terms known on as_of.
    is_natural_person : a sole trader's answers against him are a person's to give (GDPR Art. 22).
    shared : the caps that the customer shares with its group or country. country_stop : what the country policy says
        against credit to its country, None where nothing or where there is no such policy.
    """

    customer_id: str
    as_of: date
    requested: float
    balance: float
    unapplied: float
    past_due: tuple[PastDue, ...] = ()
    pd: float | None = None
    grade: str | None = None
    special: str | None = None
    lgd: Lgd | None = None
    current_limit: float | None = None
    insured_limit: float | None = None
    insured_share: float | None = None
    first_loss: float | None = None
    maximum_extension_days: int | None = None
    is_natural_person: bool | None = None
    shared: tuple[SharedLimit, ...] = ()
    country_stop: CountryStop | None = None

    @property
    def arrears(self) -> float:
        """The undisputed part of what is past due."""
        return math.fsum(item.amount for item in self.past_due)

    @property
    def days_past_due(self) -> int:
        """Days past due of the oldest undisputed item, 0 where nothing is past due."""
        return max((item.days for item in self.past_due), default=0)

    def older(self, days: int) -> tuple[PastDue, ...]:
        """Return the items at least so many days past due, oldest first."""
        return tuple(sorted((i for i in self.past_due if i.days >= days), key=lambda i: (-i.days, i.invoice_id)))


Numbers = Mapping[str, float | str | date]  # what the sentence of a code is filled with
Code = tuple[str, Numbers]
MOST_ITEMS_NAMED = 5  # in a reason; the rest are counted


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
    """The policy's recommendation. `limit` is None where nothing was computed (refer without a score).

    reasons, conditions, notes : codes with the values that their sentences need, see `decisions.wording`. A note changes
    nothing: it says what was seen and found too small to act on.
    """

    action: str
    limit: float | None
    valid_until: date
    next_review: date
    steps: tuple[Step, ...]
    reasons: tuple[Code, ...]
    conditions: tuple[Code, ...]
    notes: tuple[Code, ...] = ()


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
        return _answer(s, policy, sums, action, limit, [(reason, {})], _conditions(s, policy, action, limit, exposure))
    if s.pd is None or s.grade is None:
        older = s.older(policy.hold_after_days)
        if is_material(math.fsum(item.amount for item in older), s.balance, policy) and not s.is_natural_person:
            limit = sums.step(
                "held_limit", "the exposure: nothing more on credit; without a PD no limit is computed", exposure,
                exposure=exposure,
            )  # fmt: skip
            reasons: list[Code] = [("arrears_hold", _older_items(older, policy)), (s.special or "no_score", {})]
            return _answer(s, policy, sums, HOLD, limit, reasons, _conditions(s, policy, HOLD, limit, exposure))
        reasons = [(s.special or "no_score", {}), *_country_reason(s)]
        return _answer(s, policy, sums, REFER, None, reasons, [("outside_information", {})])
    limit = _limit(s, s.pd, s.grade, exposure, policy, sums)
    action, reasons = _action(s, limit, policy)
    if action != APPROVE:
        reasons += [(shared.kind, shared.numbers()) for shared in _binding(s, sums)]
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
    return _answer(s, policy, sums, action, limit, reasons, _conditions(s, policy, action, limit, exposure))


def _limit(s: Situation, pd_12m: float, grade: str, exposure: float, policy: LimitPolicy, sums: _Arithmetic) -> float:
    """The limit under the loss budget, the grade's cap and the request, step by step."""
    lgd = _lgd(s.lgd or Lgd(value=policy.loss_given_default, source=POLICY), policy, sums)
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
    for shared in s.shared:
        capped = sums.step(
            shared.kind, "min(limit so far, max(0, cap − used by the others))", min(capped, shared.room),
            limit=capped, cap=shared.limit, used_by_the_others=shared.used,
        )  # fmt: skip
    rounded = sums.step(
        "rounded", f"rounded down to {policy.significant_digits} significant digits",
        rounded_down(capped, policy.significant_digits), limit=capped,
    )  # fmt: skip
    return sums.step(
        "limit", "min(requested, rounded)", min(s.requested, rounded), requested=s.requested, rounded=rounded
    )


def _binding(s: Situation, sums: _Arithmetic) -> list[SharedLimit]:
    """Return the shared caps that lowered the limit."""
    lowered = {step.name for step in sums.steps if step.result < step.values.get("limit", step.result)}
    return [shared for shared in s.shared if shared.kind in lowered]


def _country_reason(s: Situation) -> list[Code]:
    return [] if s.country_stop is None else [(s.country_stop.code, s.country_stop.numbers)]


def _lgd(lgd: Lgd, policy: LimitPolicy, sums: _Arithmetic) -> float:
    """Return the loss given default, as a step that says where it comes from."""
    if lgd.source == POLICY or lgd.measured is None:
        return sums.step("loss_given_default", f"the {POLICY}'s value: too few closed defaults were measured", lgd.value,
                         closed_defaults=lgd.defaults)  # fmt: skip
    of = "the whole book" if lgd.segment is None else f"segment {lgd.segment}"
    return sums.step(
        "loss_given_default", f"{lgd.source}: weight · measured + (1 − weight) · policy's value, closed defaults of {of}",
        lgd.value, weight=lgd.weight, measured=lgd.measured, closed_defaults=lgd.defaults,
    )  # fmt: skip


def is_material(amount: float, balance: float, policy: LimitPolicy) -> bool:
    """Return whether arrears are above the policy's amount and above its share of the open balance."""
    return amount > policy.hold_material_amount and amount > policy.hold_material_share * balance


def _older_items(items: Sequence[PastDue], policy: LimitPolicy) -> dict[str, float | str]:
    """Return the values of a sentence about items past due for longer than the policy allows: which, how much, how old."""
    more = len(items) - MOST_ITEMS_NAMED
    named = ", ".join(item.invoice_id for item in items[:MOST_ITEMS_NAMED])
    return {
        "items": f"{named} (+{more})" if more > 0 else named, "count": len(items), "days": items[0].days,
        "amount": math.fsum(item.amount for item in items), "policy_days": policy.hold_after_days,
        "material_amount": policy.hold_material_amount, "material_share": 100 * policy.hold_material_share,
    }  # fmt: skip


def _action(s: Situation, limit: float, policy: LimitPolicy) -> tuple[str, list[Code]]:
    """Return the action for a computed limit, and the policy's own reasons for it."""
    older = s.older(policy.hold_after_days)
    if is_material(math.fsum(item.amount for item in older), s.balance, policy):
        return HOLD, [("arrears_hold", _older_items(older, policy)), *_country_reason(s)]
    if s.country_stop is not None:
        return s.country_stop.answer, _country_reason(s)
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


def _conditions(s: Situation, policy: LimitPolicy, action: str, limit: float, exposure: float) -> list[Code]:
    """Return what the limit depends on: cover kept, material arrears paid, the balance brought down, the rest prepaid."""
    conditions: list[Code] = []
    if action in (HOLD, DECLINE) or (action == REFER and limit == 0):
        conditions.append(("prepayment", {}))
    elif limit < s.requested:
        conditions.append(("prepayment_above", {"limit": limit}))
    if s.special == "no_history":
        conditions.append(("outside_information", {}))
    if is_material(s.arrears, s.balance, policy):
        conditions.append(("settle_arrears", {"amount": s.arrears}))
    if exposure > limit:
        conditions.append(("reduce_balance", {"exposure": exposure, "limit": limit}))
    if s.insured_limit and limit > 0:
        conditions.append(("keep_cover", {"insured_limit": s.insured_limit}))
    return conditions


def _notes(s: Situation, policy: LimitPolicy) -> tuple[Code, ...]:
    """Return the notes: items old enough to stop credit whose sum is too small to."""
    older = s.older(policy.hold_after_days)
    if not older or is_material(math.fsum(item.amount for item in older), s.balance, policy):
        return ()
    return (("arrears_below_materiality", _older_items(older, policy)),)


def _answer(
    s: Situation, policy: LimitPolicy, sums: _Arithmetic, action: str, limit: float | None,
    reasons: Sequence[Code], conditions: Sequence[Code],
) -> Recommendation:  # fmt: skip
    """Return the recommendation with its dates: an approval is reviewed halfway, anything else when it ends."""
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
        reasons=tuple(reasons), conditions=tuple(conditions), notes=_notes(s, policy),
    )  # fmt: skip
