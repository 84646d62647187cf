"""One model alone: what it gives, what stays empty, and that nothing is answered with a number that was not computed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisions.expected_cash import CASH_BUCKETS
from decisions.scorer import DELAYS, NO_DEFAULT_MODEL, Scorer
from decisions.scoring_ledger import DayBeforeLedger
from models.absent import NoChampion
from models.lineage import LearnedFrom
from serving import answers
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.messages import ExplainRequest, PaymentsRequest, ReviewRequest, ScoreRequest
from tests.served import champions, customer_with, small


@pytest.fixture
def log(tmp_path: Path):
    opened = DecisionLog(tmp_path / "log.sqlite")
    yield opened
    opened.close()


def with_models(default, delay):
    served = champions()
    return replace(
        served, scorer=Scorer.with_models(small().prepared, default, delay),
        default=served.default if default else None, delay=served.delay if delay else None,
    )  # fmt: skip


def test_the_delay_model_alone_gives_lateness_and_cash_and_no_pd(log):
    customer_id, alone = customer_with(None), with_models(None, small().delay)
    found = answers.score(alone, log, ScoreRequest(customer_ids=(customer_id,)))["scores"][0]
    both = answers.score(champions(), log, ScoreRequest(customer_ids=(customer_id,)))["scores"][0]
    assert (found["special"], found["pd"], found["grade"], found["expected_loss"]) == (
        NO_DEFAULT_MODEL,
        None,
        None,
        None,
    )
    assert (found["model"], found["horizon_months"]) == (None, None)
    assert found["delay"] == both["delay"]
    assert found["open_items"] == both["open_items"]
    review = answers.review(alone, log, ReviewRequest(customer_id=customer_id, requested_limit=1_000.0, currency="EUR"))
    assert (review["recommendation"], review["recommended_limit"]) == ("refer", None)
    assert review["reasons"][0]["code"] == NO_DEFAULT_MODEL
    assert (
        answers.explain(alone, log, ExplainRequest(customer_id=customer_id))["reasons"][0]["code"] == NO_DEFAULT_MODEL
    )


def test_who_is_in_default_stays_so_without_a_default_model():
    scorer = Scorer.with_models(small().prepared, None, small().delay)
    row = scorer.score([customer_with("in_default")]).customers.iloc[0]
    assert (row["special"], row["grade"]) == ("in_default", "RD")
    assert row["expected_loss"] == pytest.approx(row["lgd"] * row["exposure"])


def test_the_default_model_alone_gives_a_pd_and_no_lateness(log):
    customer_id, alone = customer_with(None), with_models(small().default, None)
    found = answers.score(alone, log, ScoreRequest(customer_ids=(customer_id,)))["scores"][0]
    both = answers.score(champions(), log, ScoreRequest(customer_ids=(customer_id,)))["scores"][0]
    assert found["pd"] == both["pd"]
    assert (found["delay"], found["delay_model"]) == (None, None)
    assert found["open_items"]["expected_cash"] == dict.fromkeys(CASH_BUCKETS)  # not 0: nothing was computed
    with pytest.raises(Problem) as problem:
        answers.predict_payments(alone, log, PaymentsRequest(customer_ids=(customer_id,)))
    assert (problem.value.status, problem.value.error) == (503, "no_model")
    why = answers.explain(alone, log, ExplainRequest(customer_id=customer_id, target="delay"))
    assert why["reasons"][0]["code"] == "no_delay_model"
    scores = alone.scorer.score([customer_id])
    assert scores.customers[list(DELAYS)].isna().all(axis=None)


def test_without_any_model_nothing_is_scored():
    with pytest.raises(NoChampion, match="neither"):
        Scorer.with_models(small().prepared, None, None)


def test_a_day_before_the_ledger_is_refused_with_the_first_day_that_can_be_requested(log):
    first = small().prepared.first_day
    booked = small().prepared.ledger.invoices["booked_on"].min().date()
    assert first == booked
    scorer, customer_id = small().scorer, customer_with(None)
    with pytest.raises(DayBeforeLedger, match=str(first)):
        scorer.score([customer_id], date(1900, 1, 1))
    with pytest.raises(Problem) as problem:
        answers.score(champions(), log, ScoreRequest(customer_ids=(customer_id,), as_of=first - timedelta(days=1)))
    assert (problem.value.status, problem.value.error) == (422, "as_of_before_data")
    assert scorer.score([customer_id], first).as_of == first


def test_a_model_says_whether_it_learned_from_the_ledger_that_it_answers_on():
    ledger = small().prepared.ledger
    learned = LearnedFrom.of(ledger, small().prepared.data_known_to)
    assert LearnedFrom.from_json(learned.to_json()) == learned
    assert learned.is_of(ledger)
    changed = replace(learned, fingerprint="another")  # as after new rows: the sampled invoices are still there
    assert changed.is_of(ledger)
    moved = {name: frame.copy() for name, frame in ledger.tables.items()}
    moved["invoices"]["amount"] = moved["invoices"]["amount"] + 1.0
    assert not changed.is_of(type(ledger)(tables=moved))
    few = {**moved, "invoices": ledger.invoices.iloc[np.arange(0, len(ledger.invoices), 2)]}
    assert not changed.is_of(type(ledger)(tables=few))
    early = LearnedFrom.of(ledger, pd.Timestamp(small().prepared.data_known_to) - pd.Timedelta(days=200))
    assert replace(early, fingerprint="another").is_of(ledger)  # a ledger that grew is the same ledger


def test_answers_carry_the_lineage_and_a_note_where_it_is_another_ledger(log):
    here = replace(
        small().default, learned_from=LearnedFrom.of(small().prepared.ledger, small().prepared.data_known_to)
    )
    other = replace(here, learned_from=LearnedFrom(as_of="2020-01-01", fingerprint="x", sample=("00ff",)))
    asked = ReviewRequest(customer_id=customer_with(None), requested_limit=1_000.0, currency="EUR")
    own = answers.review(with_models(here, small().delay), log, asked)
    assert own["learned_from_this_ledger"] is True
    foreign = answers.review(with_models(other, small().delay), log, asked)
    assert foreign["learned_from_this_ledger"] is False
    assert foreign["notes"][0]["code"] == "other_ledger"
    unknown = answers.review(champions(), log, asked)
    assert unknown["learned_from_this_ledger"] is None  # a version from before it was logged
