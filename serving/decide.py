"""Record a person's decision about a review; a decision that grants more than was recommended needs a second person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from decisions.authority import AuthorityPolicy, normalised, read_authority
from decisions.limits import APPROVE, DECLINE, REDUCE, REFER
from decisions.wording import sentence
from models.rating_scale import IN_DEFAULT
from serving.answers import Answer
from serving.champions import Champions
from serving.decision_log import AlreadyDecided, DecisionLog, Record, UnknownDecision
from serving.errors import Problem
from serving.identity import ANYONE, Caller
from serving.messages import DecideRequest
from serving.shared_limits import AboveSharedLimit, guard_of

SHORTEST_REASON = 10  # letters: enough to say why
PROPOSED, DECIDED, REJECTED = "proposed", "decided", "rejected"
SECOND = ("confirm", "reject")


def decide(
    champions: Champions,
    log: DecisionLog,
    asked: DecideRequest,
    caller: Caller = ANYONE,
    authority: AuthorityPolicy | None = None,
    *,
    may_be_retry: bool = False,
) -> Answer:
    """Record a decision about a review, or the second person's answer to a proposed one.

    The decision is the caller's; only where callers are not checked (a keyless service) the request says whose it is. A
    decision that is not the recommendation needs a reason. One that grants more than was recommended, that answers a
    referral, or that the subject has no authority for, is proposed only: another person, with the authority, confirms or
    rejects it.

    may_be_retry : the request carries an Idempotency-Key: sent again, it gets the decision that it made the first time.

    Raises
    ------
    Problem : 403 for a limit above the confirming person's authority; 404 for an unknown decision; 409 for one that was
        decided, that has expired, that the proposer confirms, or whose limit would break a cap that the customer shares
        with its group or country; 422 for what does not fit.
    """
    by = _subject(caller, asked)
    if may_be_retry and (made := _made_before(log, asked, by)) is not None:
        return made
    try:
        record = log.read(asked.decision_id)
    except UnknownDecision as unknown:
        raise Problem(status=404, error="unknown_decision", detail=str(unknown)) from None
    kind, answer = record.content["kind"], record.content["answer"]
    policy = authority or read_authority()
    grades = (*champions.scorer.default.scale.names, IN_DEFAULT)
    if kind == "review":
        decision = _first(champions, asked, answer, by, policy, grades)
    elif kind == "decide" and answer["status"] == PROPOSED:
        decision = _second(asked, answer, by, policy, grades)
    elif kind == "decide":
        raise _conflict(f"{asked.decision_id} is {answer['status']} already; ask for a new review.")
    else:
        raise _wrong("decision_id", f"the decision_id of a /review or of a proposed /decide, not of a {kind}")
    decision["who_is_checked"] = caller.is_checked
    check = None
    if decision["action"] in (APPROVE, REDUCE) and decision["status"] != REJECTED:
        amount = float(decision["limit_in_reporting_currency"])
        check = guard_of(champions, log, decision["customer_id"], amount)
    try:
        (decision_id,) = log.append(
            [{**_record(record, asked, decision), "by": by}], about=asked.decision_id, check=check
        )
    except AboveSharedLimit as above:
        raise _above_shared(above, str(answer.get("language", "en"))) from None
    except AlreadyDecided as twice:
        if may_be_retry and (made := _made_before(log, asked, by)) is not None:
            return made
        raise _conflict(str(twice)) from None
    return {**decision, "decision_id": decision_id}


def _made_before(log: DecisionLog, asked: DecideRequest, by: str) -> Answer | None:
    """Return the decision that this very request made when it was sent before; None where it made none."""
    record = log.answers_to(asked.decision_id)
    if record is None or record.content["asked"] != asked.kept() or record.content.get("by") != by:
        return None
    return {**record.content["answer"], "decision_id": record.decision_id}


def _subject(caller: Caller, asked: DecideRequest) -> str:
    """Return whose decision it is, in normalised form."""
    if not caller.is_checked:
        if asked.by is None:
            raise Problem(
                status=422, error="invalid_request", detail="by: is required where callers are not checked by a key.",
                fields=[{"field": "by", "expected": "is required"}],
            )  # fmt: skip
        return asked.by
    if asked.by is not None and normalised(asked.by) != caller.subject:
        raise _wrong("by", "absent, or the subject of the caller's own key: a decision is the caller's")
    return caller.subject


def _first(
    champions: Champions, asked: DecideRequest, review: Answer, by: str, policy: AuthorityPolicy, grades: Sequence[str]
) -> Answer:
    """Return the first person's decision about a review."""
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
    grade = review["score"]["grade"]
    reporting = (limit or 0.0) * float(review["exchange_rate"])
    beyond = policy.why_not(by, reporting, grade, grades) if asked.action in (APPROVE, REDUCE) else None
    needs_second = review["recommendation"] == REFER or (limit or 0.0) > (recommended or 0.0) or beyond is not None
    return {
        "review_id": asked.decision_id, "customer_id": review["customer_id"],
        "status": PROPOSED if needs_second else DECIDED, "action": asked.action, "limit": limit,
        "currency": review["currency"], "by": by, "reason": asked.reason, "condition": asked.condition, "confirmed_by": None,
        "is_override": is_override, "needs_second_person": needs_second, "above_authority": beyond,
        "recommended": {"action": review["recommendation"], "limit": recommended, "policy": review["policy"]},
        "authority": {"policy": f"{policy.name} {policy.version}", "level": policy.level_of(by)},
        "limit_in_reporting_currency": reporting, "grade": grade,
        "as_of": review["as_of"], "valid_until": review["valid_until"], "language": review["language"], "model": review["model"],
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


def _second(asked: DecideRequest, proposed: Answer, by: str, policy: AuthorityPolicy, grades: Sequence[str]) -> Answer:
    """Return another person's answer to a proposal, which stays as it was proposed."""
    if asked.action not in SECOND:
        raise _wrong("action", "confirm or reject: the decision is proposed already and waits for another person")
    if normalised(by) == normalised(str(proposed["by"])):
        raise Problem(
            status=409, error="four_eyes", detail=f"{by} proposed it: another person confirms or rejects it.",
            fields=[{"field": "by", "expected": "somebody else than who proposed it"}],
        )  # fmt: skip
    if asked.limit is not None and asked.limit != proposed["limit"]:
        raise _wrong("limit", "the proposed limit, or absent; another limit needs a new review")
    if asked.action == "reject" and len(asked.reason.strip()) < SHORTEST_REASON:
        raise _wrong("reason", f"at least {SHORTEST_REASON} letters: why it is rejected")
    if asked.action == "confirm" and proposed["action"] in (APPROVE, REDUCE):
        why = policy.why_not(by, float(proposed["limit_in_reporting_currency"]), proposed["grade"], grades)
        if why is not None:
            raise Problem(status=403, error="above_authority", detail=f"{why}; a person of a higher level confirms it.")
    return {
        **{name: value for name, value in proposed.items() if name != "decision_id"},
        "status": DECIDED if asked.action == "confirm" else REJECTED,
        "confirmed_by": by if asked.action == "confirm" else None,
        "second": {"by": by, "action": asked.action, "reason": asked.reason, "level": policy.level_of(by)},
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


def _above_shared(above: AboveSharedLimit, language: str) -> Problem:
    """Return the 409 of a limit that would break a cap shared with others, in the review's language."""
    shared = above.shared
    fields = [{"field": "limit", "expected": f"at most {shared.room:,.2f} in the reporting currency"}]
    return Problem(
        status=409, error="above_shared_limit", detail=sentence(shared.kind, shared.numbers(), language), fields=fields
    )


def _conflict(detail: str) -> Problem:
    return Problem(status=409, error="conflict", detail=detail)
