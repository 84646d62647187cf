"""A person's decision: a reason where it is not the policy's, four eyes where it gives more, once, and in the chain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from decisions.limits import recommend
from ledger.errors import InputError
from models.registry import Settings
from serving import answers
from serving import decide as decisions_route
from serving.decision_log import AlreadyDecided, DecisionLog
from serving.errors import Problem
from serving.messages import DecideRequest, ReviewRequest, ScoreRequest
from serving.replay import replay
from tests.served import champions, customer_with

WHY = "visited on site, order book seen"


@pytest.fixture
def log(tmp_path: Path) -> DecisionLog:
    return DecisionLog(tmp_path / "decisions.sqlite")


def reviewed(log, special=None, requested=1e5):
    request = ReviewRequest(customer_id=customer_with(special), requested_limit=requested, currency="EUR")
    return answers.review(champions(), log, request)


def decide(log, decision_id, action, **fields):
    return decisions_route.decide(champions(), log, DecideRequest(decision_id=decision_id, action=action, **fields))


def refused(log, decision_id, action, **fields) -> Problem:
    with pytest.raises(Problem) as problem:
        decide(log, decision_id, action, **fields)
    return problem.value


@cache
def granted_customer() -> str:
    """The first customer of the small ledger that gets less than 100,000 by the policy, and something."""
    scorer = champions().scorer
    scores = scorer.score(list(scorer.served.ledger.customers["customer_id"]))
    for customer_id in map(str, scores.customers.index):
        found = recommend(scorer.situation(scores, customer_id, 1e5), scorer.limit_policy)
        if found.action == "reduce" and found.limit:
            return str(customer_id)
    raise AssertionError("the small ledger has no customer whose limit is reduced")


def granting(log):
    """A review that recommends a limit below what was asked for, and above nothing."""
    request = ReviewRequest(customer_id=granted_customer(), requested_limit=1e5, currency="EUR")
    found = answers.review(champions(), log, request)
    assert found["recommendation"] == "reduce"
    assert 0 < found["recommended_limit"] < 1e5
    return found


def test_following_the_recommendation_needs_one_person_and_no_reason(log):
    review = granting(log)
    found = decide(log, review["decision_id"], "reduce", limit=review["recommended_limit"], by="ann")
    assert (found["status"], found["is_override"], found["needs_second_person"]) == ("decided", False, False)
    assert found["who_is_checked"] is False
    record = log.read(found["decision_id"])
    assert record.content["kind"] == "decide"
    assert record.content["about"] == found["review_id"] == review["decision_id"]
    assert record.content["models"] == log.read(review["decision_id"]).content["models"]
    assert log.verify().is_whole


def test_giving_less_needs_a_reason_and_no_second_person(log):
    review = granting(log)
    assert refused(log, review["decision_id"], "decline", by="ann").fields[0]["field"] == "reason"
    found = decide(log, review["decision_id"], "decline", by="ann", reason=WHY)
    assert (found["status"], found["limit"], found["is_override"]) == ("decided", 0.0, True)


def test_giving_more_is_proposed_and_another_person_confirms_it(log):
    review = granting(log)
    proposed = decide(log, review["decision_id"], "approve", limit=1e5, by="ann", reason=WHY)
    assert (proposed["status"], proposed["confirmed_by"]) == ("proposed", None)
    own = refused(log, proposed["decision_id"], "confirm", by="Ann")
    assert (own.status, own.error) == (409, "four_eyes")
    assert refused(log, proposed["decision_id"], "approve", limit=1e5, by="bob").status == 422
    assert refused(log, proposed["decision_id"], "confirm", limit=2e4, by="bob").status == 422
    done = decide(log, proposed["decision_id"], "confirm", by="bob")
    assert (done["status"], done["confirmed_by"], done["limit"]) == ("decided", "bob", 1e5)
    assert refused(log, proposed["decision_id"], "reject", by="eve", reason=WHY).status == 409
    assert refused(log, done["decision_id"], "confirm", by="eve").status == 409
    assert log.verify().is_whole


def test_a_rejection_says_why_and_ends_it(log):
    review = granting(log)
    proposed = decide(log, review["decision_id"], "approve", limit=1e5, by="ann", reason=WHY)
    assert refused(log, proposed["decision_id"], "reject", by="bob").fields[0]["field"] == "reason"
    done = decide(log, proposed["decision_id"], "reject", by="bob", reason="the order book is a year old")
    assert (done["status"], done["confirmed_by"]) == ("rejected", None)
    assert refused(log, review["decision_id"], "decline", by="ann", reason=WHY).status == 409


def test_a_referral_always_needs_two(log):
    review = reviewed(log, "stale_data")
    assert review["recommendation"] == "refer"
    found = decide(log, review["decision_id"], "decline", by="ann", reason=WHY)
    assert found["status"] == "proposed"


def test_one_decision_a_review_also_where_two_come_at_once(log):
    review = granting(log)

    def one(name):
        try:
            return decide(log, review["decision_id"], "decline", by=name, reason=WHY)["status"]
        except Problem as problem:
            return problem.status

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(one, ["ann", "bob", "cem", "dan"]))
    assert sorted(map(str, found)) == ["409", "409", "409", "decided"]
    with pytest.raises(AlreadyDecided):
        log.append([{"kind": "decide"}], about=review["decision_id"])


@pytest.mark.parametrize(
    ("action", "fields", "field"),
    [
        ("approve", {}, "limit"),
        ("approve", {"limit": 2e5, "reason": WHY}, "limit"),
        ("decline", {"limit": 5.0, "reason": WHY}, "limit"),
        ("confirm", {}, "action"),
        ("hold", {"reason": "no"}, "reason"),
    ],
)
def test_what_does_not_fit_is_422_with_its_field(action, fields, field, log):
    review = granting(log)
    problem = refused(log, review["decision_id"], action, by="ann", **fields)
    assert (problem.status, problem.fields[0]["field"]) == (422, field)
    assert log.verify().records == 1


def test_unknown_foreign_and_expired_decisions_are_refused(log):
    assert refused(log, "nothing", "decline", by="ann", reason=WHY).status == 404
    (score,) = answers.score(champions(), log, ScoreRequest(customer_ids=(customer_with(None),)))["scores"]
    assert refused(log, score["decision_id"], "decline", by="ann", reason=WHY).status == 422
    review = granting(log)
    now = champions()
    later = replace(now.scorer, served=replace(now.scorer.served, data_known_to=date(2099, 1, 1)))
    request = DecideRequest(decision_id=review["decision_id"], action="decline", by="ann", reason=WHY)
    with pytest.raises(Problem) as problem:
        decisions_route.decide(replace(now, scorer=later), log, request)
    assert problem.value.status == 409


def test_a_person_s_decision_is_not_replayed_but_its_review_is_named(log):
    review = granting(log)
    found = decide(log, review["decision_id"], "decline", by="ann", reason=WHY)
    with pytest.raises(InputError, match=review["decision_id"]):
        replay(Settings.from_environment(), log.read(found["decision_id"]), None)
