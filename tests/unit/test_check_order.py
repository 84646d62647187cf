"""`/check_order` from a message to an answer: limits, open orders and the group are the ledger's, and it says what releases."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.credit_terms import terms_on
from serving.answer_messages import CheckOrderAnswer
from serving.check_order import checked_order, open_orders
from serving.decision_log import DecisionLog
from serving.messages import CheckOrderRequest, Order
from tests.served import champions, customer_with, small


@pytest.fixture
def log(tmp_path: Path):
    opened = DecisionLog(tmp_path / "log.sqlite")
    yield opened
    opened.close()


def asked(log, customer_id, amount, language="en", **order):
    request = CheckOrderRequest(
        customer_id=customer_id, order=Order(amount=amount, currency="EUR", **order), language=language
    )
    return checked_order(champions(), log, request, None, None)


def test_an_order_is_answered_by_the_rules_with_the_ledgers_limit(log):
    customer_id, served = customer_with(None), small().prepared
    found = asked(log, customer_id, 1.0)
    assert set(CheckOrderAnswer.model_fields) <= set(found)
    CheckOrderAnswer.model_validate_json(CheckOrderAnswer.model_validate(found).model_dump_json())
    steps = {step["step"]: step for step in found["arithmetic"]}
    account = found["score"]["open_items"]
    orders = open_orders(small().scorer, served.ledger, [customer_id], served.data_known_to)
    assert steps["exposure"]["result"] == pytest.approx(max(0.0, account["balance"] - account["unapplied"]) + orders)
    limit = terms_on(served.ledger, customer_id, served.data_known_to).credit_limit
    if limit is not None:
        assert steps["available"]["values"]["limit"] == limit
    rules = {rule["rule"]: rule for rule in found["rules"]}
    assert found["decided_by"] is None or rules[found["decided_by"]]["blocks"]
    huge = asked(log, customer_id, 1e9)
    assert huge["answer"] in ("part", "prepay", "hold")
    assert huge["released_amount"] < 1e9
    assert {r["code"] for r in huge["reasons"]} == {r["code"] for r in huge["released_by"]}
    assert log.read(huge["decision_id"]).content["kind"] == "check_order"


def test_a_customer_in_default_is_held_in_either_language(log):
    customer_id = customer_with("in_default")
    english, chinese = asked(log, customer_id, 100.0), asked(log, customer_id, 100.0, "zh")
    assert (english["answer"], english["decided_by"], english["released_amount"]) == ("hold", "in_default", 0.0)
    assert english["reasons"][0]["text"] != chinese["reasons"][0]["text"]
    lgd = english["score"]["expected_loss_of"]["loss_given_default"]
    assert 0.0 <= english["costs"]["release"]["expected_loss"] <= lgd * 100.0  # PD 1, less what is insured
    assert english["costs"]["not_released"] == {"margin_forgone": pytest.approx(15.0), "goes_out": 0.0}
