"""`/decide`: what a person decided about a review, in the log beside it; what gives more than the policy needs two."""

from __future__ import annotations

from typing import Any

from decisions.limits import APPROVE, DECLINE, REDUCE, REFER
from serving.answers import Answer
from serving.champions import Champions
from serving.decision_log import AlreadyDecided, DecisionLog, Record, UnknownDecision
from serving.errors import Problem
from serving.messages import DecideRequest

SHORTEST_REASON = 10  # letters: enough to say why
PROPOSED, DECIDED, REJECTED = "proposed", "decided", "rejected"
SECOND = ("confirm", "reject")


def decide(champions: Champions, log: DecisionLog, asked: DecideRequest) -> Answer:
    """A decision about a review, or the second pair of eyes about a proposed one.

    A decision that is not the recommendation needs a reason. One that grants more than was recommended, or that answers
    a referral, is proposed only: another person confirms or rejects it. Raises Problem: 404 for an unknown decision,
    409 for one that was decided, that has expired, or that the proposer confirms; 422 for what does not fit.
    """
    try:
        record = log.read(asked.decision_id)
    except UnknownDecision as unknown:
        raise Problem(status=404, error="unknown_decision", detail=str(unknown)) from None
    kind, answer = record.content["kind"], record.content["answer"]
    if kind == "review":
        found = _first(champions, asked, answer)
    elif kind == "decide" and answer["status"] == PROPOSED:
        found = _second(asked, answer)
    elif kind == "decide":
        raise _conflict(f"{asked.decision_id} is {answer['status']} already; ask for a new review.")
    else:
        raise _wrong("decision_id", f"the decision_id of a /review or of a proposed /decide, not of a {kind}")
    try:
        (decision_id,) = log.append([_record(record, asked, found)], about=asked.decision_id)
    except AlreadyDecided as twice:
        raise _conflict(str(twice)) from None
    return {**found, "decision_id": decision_id}


def _first(champions: Champions, asked: DecideRequest, review: Answer) -> Answer:
    """The first person's decision about a review."""
    if asked.action in SECOND:
        raise _wrong("action", "approve, reduce, hold or decline: a review is not a proposal yet")
    known_to = champions.scorer.served.data_known_to.isoformat()
    if known_to > review["valid_until"]:
        raise _conflict(
            f"the review held until {review['valid_until']} and the ledger is known to {known_to}; ask anew."
        )
    limit = _limit(asked, review["requested_limit"])
    recommended = review["recommended_limit"]
    is_override = asked.action != review["recommendation"] or limit != recommended
    if is_override and len(asked.reason.strip()) < SHORTEST_REASON:
        raise _wrong("reason", f"at least {SHORTEST_REASON} letters: the decision is not what was recommended")
    needs_second = review["recommendation"] == REFER or (limit or 0.0) > (recommended or 0.0)
    return {
        "review_id": asked.decision_id, "customer_id": review["customer_id"],
        "status": PROPOSED if needs_second else DECIDED, "action": asked.action, "limit": limit,
        "currency": review["currency"], "by": asked.by, "reason": asked.reason, "confirmed_by": None,
        "is_override": is_override, "needs_second_person": needs_second,
        "recommended": {"action": review["recommendation"], "limit": recommended, "policy": review["policy"]},
        "as_of": review["as_of"], "model": review["model"], "who_is_checked": False,
    }  # fmt: skip


def _limit(asked: DecideRequest, requested: float) -> float | None:
    """The limit granted: needed where credit is granted, none where it is not."""
    if asked.action in (APPROVE, REDUCE):
        if asked.limit is None:
            raise _wrong("limit", f"the limit granted, since the action is {asked.action}")
        if asked.limit > requested:
            raise _wrong("limit", f"at most what was asked for, {requested:,.2f}; ask for a new review of more")
        return asked.limit
    if asked.action == DECLINE and asked.limit:
        raise _wrong("limit", "0 or absent, since the action is decline")
    return 0.0 if asked.action == DECLINE else asked.limit


def _second(asked: DecideRequest, proposed: Answer) -> Answer:
    """Another person's word about a proposal, which stays as it was proposed."""
    if asked.action not in SECOND:
        raise _wrong("action", "confirm or reject: the decision is proposed already and waits for another person")
    if asked.by.casefold() == str(proposed["by"]).casefold():
        raise Problem(
            status=409, error="four_eyes",
            detail=f"{asked.by} proposed it: another person confirms or rejects it.",
            fields=[{"field": "by", "expected": "somebody else than who proposed it"}],
        )  # fmt: skip
    if asked.limit is not None and asked.limit != proposed["limit"]:
        raise _wrong("limit", "the proposed limit, or absent; another limit needs a new review")
    if asked.action == "reject" and len(asked.reason.strip()) < SHORTEST_REASON:
        raise _wrong("reason", f"at least {SHORTEST_REASON} letters: why it is rejected")
    return {
        **{name: value for name, value in proposed.items() if name != "decision_id"},
        "status": DECIDED if asked.action == "confirm" else REJECTED,
        "confirmed_by": asked.by if asked.action == "confirm" else None,
        "second": {"by": asked.by, "action": asked.action, "reason": asked.reason},
    }  # fmt: skip


def _record(about: Record, asked: DecideRequest, answer: Answer) -> dict[str, Any]:
    """What the log holds: the models, policies and ledger are those of the review that was decided about."""
    kept = {name: about.content[name] for name in ("ledger_fingerprint", "models", "policies")}
    return {"kind": "decide", "asked": asked.kept(), "inputs": {}, "answer": answer, **kept}


def _wrong(field: str, expected: str) -> Problem:
    return Problem(
        status=422, error="invalid_request", detail=f"{field}: must be {expected}.",
        fields=[{"field": field, "expected": f"must be {expected}"}],
    )  # fmt: skip


def _conflict(detail: str) -> Problem:
    return Problem(status=409, error="conflict", detail=detail)
