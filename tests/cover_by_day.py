"""An independent evaluator of credit insurance: one invoice at a time, walking through the days as a clerk would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FAR = 2**31 - 1


def walk(
    invoice: Mapping[str, Any], others: Sequence[Mapping[str, Any]], limits: Sequence[Mapping[str, Any]], policy: Any,
    first_day: int, last_day: int, today: int,
) -> tuple[str, float, int]:  # fmt: skip
    """Return (reason, share, limit in cents) of one open invoice at the end of `today`; an empty reason: cover holds.

    others : all invoices of the same customer, this one too. first_day, last_day : the policy's period.
    """
    issued = invoice["issued_on"]
    chosen = None
    for limit in limits:
        if limit["valid_from"] <= issued <= limit["valid_until"] and (
            chosen is None
            or (chosen["kind"] == "discretionary" and limit["kind"] == "insurer")
            or (chosen["kind"] == limit["kind"] and limit["valid_from"] >= chosen["valid_from"])
        ):
            chosen = limit
    amount, share = (chosen["limit_cents"], chosen["share"]) if chosen else (0, 0.0)
    if not first_day <= issued <= last_day:
        return "outside_policy_period", share, amount
    if invoice["country"] in policy.countries.not_covered:
        return "country_not_covered", share, amount
    if chosen is not None and chosen["is_excluded"]:
        return "buyer_excluded", share, amount
    if invoice["due_on"] - issued > policy.maximum_terms_days:
        return "terms_too_long", share, amount
    if amount <= 0:
        return "no_limit", share, amount
    for other in others:  # was somebody's extension period over, and the item still unpaid, when this was shipped?
        due = other["extended_until"] if FAR > other["extended_until"] > other["due_on"] else other["due_on"]
        large = other["unpaid_cents"] >= 100 * policy.smallest_overdue
        if large and other["settled_on"] >= issued and issued > due + other["extension_days"]:
            return "shipped_after_stop", share, amount
        if other["insolvent_on"] < issued:
            return "shipped_after_stop", share, amount
    due = invoice["extended_until"] if FAR > invoice["extended_until"] > invoice["due_on"] else invoice["due_on"]
    found: dict[str, bool] = {}
    has_notice = has_claim = False
    for now in range(issued, today + 1):
        if invoice["conceded_on"] <= now and invoice["extended_until"] == FAR:
            found["extended_without_consent"] = True
        has_notice = has_notice or invoice["notified_on"] <= now
        has_claim = has_claim or invoice["claimed_on"] <= now
        failed = issued <= invoice["insolvent_on"] < FAR
        if (
            failed
            and now == invoice["insolvent_on"] + policy.report_insolvency_within_days
            and not has_notice
            and now < today
        ):
            found["insolvency_not_reported"] = True
        must_report = now == due + invoice["extension_days"] + policy.notify_within_days
        if must_report and not has_notice and now < today and invoice["open_cents"] >= 100 * policy.smallest_overdue:
            found["overdue_not_reported"] = True
        if now == due + policy.claim_within_days and not has_claim and now < today:
            found["claim_not_made"] = True
    for reason in ("extended_without_consent", "insolvency_not_reported", "overdue_not_reported", "claim_not_made"):
        if found.get(reason):
            return reason, share, amount
    return "", share, amount


def covered(
    lives: Sequence[Mapping[str, Any]],
    limits: Sequence[Mapping[str, Any]],
    policy: Any,
    period: tuple[int, int],
    today: int,
) -> dict[str, tuple[str, str, int, int]]:
    """Return (status, reason, cents within the limit, insured cents) of every invoice open at the end of `today`."""
    answers: dict[str, tuple[str, str, int, int]] = {}
    for customer in sorted({life["customer_id"] for life in lives}):
        own = [life for life in lives if life["customer_id"] == customer]
        their_limits = [limit for limit in limits if limit["customer_id"] == customer]
        standing = 0
        for life in sorted(own, key=lambda x: (x["issued_on"], x["invoice_id"])):
            if life["issued_on"] > today or life["settled_on"] <= today or life["open_cents"] <= 0:
                continue
            reason, share, limit = walk(life, own, their_limits, policy, *period, today)
            within = 0
            if not reason and not life["is_disputed"]:
                within = max(0, min(life["open_cents"], limit - standing))
                standing += within
            if reason in (
                "outside_policy_period",
                "country_not_covered",
                "buyer_excluded",
                "terms_too_long",
                "no_limit",
            ):
                status = "not insured"
            elif reason:
                status = "lost"
            elif life["is_disputed"]:
                status = "suspended"
            else:
                status = "covered" if within == life["open_cents"] else "over the limit"
            answers[life["invoice_id"]] = (status, reason, within, int(within * round(share * 100) // 100))
    return answers
