"""The letter to a customer about a decision: approval, reduction, hold or decline, with the principal reasons.

Written from the decision record alone. Regulation B names trade credit: an applicant may ask for the reasons in writing
(12 CFR 1002.9(a)(3)(ii)); CJEU C-203/22 asks for the procedure and principles actually applied and how a change would
have led to another result. Only reasons marked letter_safe are given: nothing about cover, agencies' confidential data
or other customers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SAFE_POLICY_REASONS = frozenset({
    "in_default_hold", "in_default_decline", "arrears_hold", "below_smallest_limit", "above_highest_pd", "above_policy_limit",
    "within_policy", "no_history", "stale_data", "above_authority", "above_authority_without_history", "natural_person",
})  # fmt: skip
SAFE_CONDITIONS = frozenset({"prepayment", "prepayment_above", "settle_arrears", "reduce_balance"})
KINDS = {"approve": "approval", "reduce": "reduction", "hold": "hold", "decline": "decline"}
MOST_REASONS = 4


@dataclass(frozen=True, kw_only=True)
class Letter:
    """The content of a letter; texts are in its language. kind : approval, reduction, hold or decline.

    reasons : the principal reasons; conditions : what the limit depends on; another_result : what would have led to
    another decision ('' where nothing can be said). asked : whether less than asked for was granted.
    """

    kind: str
    customer_id: str
    decided_on: str
    limit: float | None
    requested: float
    currency: str
    valid_until: str
    reasons: tuple[str, ...]
    conditions: tuple[str, ...]
    condition: str
    as_of: str
    policy: str
    model: str
    horizon_months: int
    is_adverse: bool
    decision_id: str
    by_person: bool = True


def letter(
    decision: Mapping[str, Any], review: Mapping[str, Any], reasons: Sequence[Mapping[str, Any]], *, decided_at: str,
    decision_id: str,
) -> Letter:  # fmt: skip
    """Return the content of the letter about a decision.

    decision, review : the answers that the log holds of both. reasons : the review's reasons in the letter's language,
    each with code, text and, for a reason of the model, letter_safe. Raises ValueError for a decision that is not final.
    """
    if decision["status"] != "decided":
        raise ValueError(f"a letter is about a final decision, not about one that is {decision['status']}")
    action = str(decision["action"])
    is_adverse = action in ("decline", "hold") or (decision["limit"] or 0.0) < review["requested_limit"]
    safe = [r["text"] for r in reasons if r.get("letter_safe", r["code"] in SAFE_POLICY_REASONS)]
    return Letter(
        kind=KINDS[action], customer_id=str(decision["customer_id"]), decided_on=decided_at[:10], limit=decision["limit"],
        requested=float(review["requested_limit"]), currency=str(decision["currency"]), valid_until=str(review["valid_until"]),
        reasons=tuple(safe[:MOST_REASONS]) if is_adverse else (),
        conditions=tuple(c["text"] for c in review["conditions"] if c["code"] in SAFE_CONDITIONS),
        condition=str(decision.get("condition") or ""), as_of=str(decision["as_of"]),
        policy=f"{review['policy']['name']} {review['policy']['version']}",
        model=f"{decision['model']['name']} {decision['model']['version']}",
        horizon_months=int(review["score"]["horizon_months"]), is_adverse=is_adverse, decision_id=decision_id,
    )  # fmt: skip
