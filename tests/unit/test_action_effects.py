"""Effects of actions: drawn occasions by hand, and a world whose hidden effects are known."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.collections_world import world
from decisions.action_effects import ALL, actions_of, estimated, item_states, occasions
from decisions.collections_policy import CollectionsPolicy, EffectSettings
from decisions.policy_files import read_policy
from ledger.settlement import settle
from tests.drawn import ledger

BOOK = ledger(
    invoices="""
        invoice_id | customer_id | issued_on  | due_on
        called     | a           | 2024-01-01 | 2024-01-31
        not        | b           | 2024-01-01 | 2024-01-31
        later      | c           | 2024-01-01 | 2024-01-31
        paid       | d           | 2024-01-01 | 2024-01-31
    """,
    payments="""
        invoice_id | paid_on    | amount
        called     | 2024-02-14 | 100
        not        | 2024-02-29 | 100
        later      | 2024-02-26 | 100
        paid       | 2024-02-05 | 100
    """,
    events="""
        invoice_id | occurred_on | kind    | detail
        called     | 2024-02-10  | dunning | call
        later      | 2024-02-20  | dunning | call
    """,
)


def test_an_occasion_is_an_open_item_on_a_day_of_the_action_and_leaves_when_acted_on_later():
    day = pd.Timestamp("2024-12-31")
    found = occasions(item_states(BOOK, settle(BOOK), day), actions_of(BOOK, day), day, EffectSettings())
    first = found[found["dpd"] == 10].set_index("invoice")
    assert sorted(first.index) == ["called", "later", "not"]  # what was paid by then is no occasion
    assert first["is_acted"].to_dict() == {"called": True, "later": False, "not": False}
    assert first["exit"].to_dict() == {"called": 4, "later": 10, "not": 19}  # 'later' is called itself after ten days
    assert first["is_paid"].to_dict() == {"called": True, "later": False, "not": True}
    second = found[found["dpd"] == 20].set_index("invoice")
    assert second["exit"].to_dict() == {"later": 6, "not": 9}


def test_an_occasion_whose_horizon_is_not_over_is_left_out():
    day = pd.Timestamp("2024-03-15")  # 30 days after the first action are over, after the second they are not
    found = occasions(item_states(BOOK, settle(BOOK), day), actions_of(BOOK, day), day, EffectSettings())
    assert set(found["dpd"]) == {10}


def test_hidden_effects_are_found_and_their_absence_is_an_answer():
    policy = read_policy(CollectionsPolicy, "collections")
    settings = policy.effects.model_copy(update={"draws": 100})
    answers = {}
    for has_effect in (True, False):
        one = world(2001, customers=250, has_effect=has_effect)
        book, day = one.ledger()
        found = estimated(
            occasions(item_states(book, settle(book), day), actions_of(book, day), day, settings), settings
        )
        answers[has_effect] = {effect.kind: effect for effect in found if effect.segment == ALL}
        for kind, effect in answers[has_effect].items():
            assert effect.days_gained == pytest.approx(one.true_days_gained(kind, 30), abs=2.0)
    assert answers[True]["call"].is_shown
    assert "earlier" in answers[True]["call"].words
    assert not any(effect.is_shown for effect in answers[False].values())
    assert all("no effect shown" in effect.words for effect in answers[False].values())
