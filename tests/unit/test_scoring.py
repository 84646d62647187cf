"""Scores without a server: one customer as in a book, statuses without a PD, arithmetic that a reader can redo."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from decisions.expected_cash import CASH_BUCKETS
from decisions.scorer import Scorer
from decisions.scoring_ledger import FutureDay, UnknownCustomer
from features.engine.histories import build
from ledger.buckets import BUCKETS
from ledger.errors import InputError
from models.default.cold_start import LENGTH
from models.explanation import LARGEST_RESIDUAL
from models.rating_scale import MASTER_SCALE
from serving import answers
from serving.answer_parts import history_notes
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.messages import ExplainRequest, LedgerRequest, PaymentsRequest, ReviewRequest, ScoreRequest
from tests.served import QUALITY, champions, customer_with, small
from training.default.cold_start import DOOR


@pytest.fixture
def log(tmp_path: Path) -> DecisionLog:
    return DecisionLog(tmp_path / "decisions.sqlite")


def everybody() -> list[str]:
    return list(small().prepared.prepared.owners.ids)


def test_one_customer_alone_scores_as_in_the_whole_book():
    scorer = small().scorer
    prepared = scorer.score(everybody()).customers
    numbers = [c for c in prepared if c not in ("special", "grade", "lgd_source")]
    for customer_id in everybody()[::9]:
        alone = scorer.score([customer_id]).customers
        assert_allclose(
            alone[numbers].to_numpy(dtype=float)[0],
            prepared.loc[customer_id, numbers].to_numpy(dtype=float),
            rtol=0,
            atol=1e-9,
        )


def test_the_answer_carries_expected_days_beyond_terms_the_habit_and_its_change(log):
    settled = small().ledger.payments["invoice_id"].dropna().iloc[0]
    customer_id = small().ledger.invoices.set_index("invoice_id")["customer_id"][settled]
    (found,) = answers.score(champions(), log, ScoreRequest(customer_ids=(customer_id,)))["scores"]
    delay, scores = found["delay"], small().scorer.score([customer_id])
    assert delay["days_beyond_terms"] >= max(delay["days_late_mean"], 0.0)
    assert delay["days_beyond_terms"] == small().delay.predict(scores.X_next)["days_beyond_terms"].iloc[0]
    snapshot = pd.DataFrame({"customer_id": [customer_id], "as_of": [pd.Timestamp(scores.as_of)]})
    names = ["days_past_due_mean_3m", "days_past_due_mean_12m"]
    last_months, year = build(small().prepared.prepared, snapshot, names).iloc[0]
    assert not np.isnan(last_months)
    assert delay["habit"] == {
        "days_past_due_mean_12m": year,
        "days_past_due_change_3m_12m": pytest.approx(last_months - year),
    }


def test_the_sample_holds_every_status_so_that_these_tests_mean_something():
    assert {"no_history", "in_default", "stale_data", "merged"} <= set(
        small().scorer.score(everybody()).customers["special"].dropna()
    )


@pytest.mark.parametrize("special", ["in_default", "stale_data", "merged"])
def test_a_status_without_a_model_gives_no_probability(special, log):
    customer_id = customer_with(special)
    (found,) = answers.score(champions(), log, ScoreRequest(customer_ids=(customer_id,)))["scores"]
    assert found["special"] == special
    assert found["pd"] is None
    assert set(found["pd_by_horizon"].values()) == {None}
    assert found["grade"] == ("RD" if special == "in_default" else None)
    if special == "in_default":
        assert found["expected_loss"] == pytest.approx(0.40 * found["exposure"])
    else:
        assert found["expected_loss"] is None
    explained = answers.explain(champions(), log, ExplainRequest(customer_id=customer_id))
    assert explained["contributions"] == []
    sentences = {"in_default": "in_default_items", "stale_data": "stale_since", "merged": "merged_into"}
    assert explained["reasons"][0]["code"] in (special, sentences.get(special))
    assert found["history"] is None
    assert explained["notes"] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_customer_without_history_is_answered_from_the_door_and_told_so(language, log):
    customer_id = customer_with("no_history")
    (found,) = answers.score(champions(), log, ScoreRequest(customer_ids=(customer_id,)))["scores"]
    assert found["special"] == "no_history"
    assert 0 < found["pd_low"] <= found["pd"] <= found["pd_high"] < 1
    assert found["grade"] == MASTER_SCALE.grade(found["pd"])[0]
    assert found["pd_by_horizon"]["pd_3m"] <= found["pd_by_horizon"]["pd_6m"] <= found["pd"]
    assert found["history"] == {"weight": 0.0, "quality": QUALITY}
    assert found["delay"] is None
    explained = answers.explain(champions(), log, ExplainRequest(customer_id=customer_id, language=language))
    assert explained["probability"] == pytest.approx(found["pd"], abs=1e-9)
    assert explained["additivity_residual"] < LARGEST_RESIDUAL
    named = {c["feature"] for c in explained["contributions"] if c["log_odds"] != 0.0}
    assert named <= {*DOOR, LENGTH}
    assert [note["code"] for note in explained["notes"]] == ["door_only", "door_quality"]
    assert "0.71" in explained["notes"][1]["text"]
    late = answers.explain(champions(), log, ExplainRequest(customer_id=customer_id, target="delay", language=language))
    assert [r["code"] for r in late["reasons"]] == ["no_invoice"]
    asked = {"customer_id": customer_id, "currency": "EUR", "language": language}
    review = answers.review(champions(), log, ReviewRequest(requested_limit=1e6, **asked))
    assert review["recommendation"] in ("reduce", "refer", "decline")
    assert "outside_information" in [c["code"] for c in review["conditions"]]
    assert review["notes"] == explained["notes"]
    assert review["arithmetic"]


@pytest.mark.parametrize(
    ("unsettled", "door", "code"),
    [
        ({"defaulters": 9.0}, {"defaulters": 100.0}, "door_quality_of_all"),
        ({"defaulters": 9.0}, {"defaulters": 9.0}, "door_not_measured"),
        ({"defaulters": 10.0}, {"defaulters": 100.0}, "door_quality"),
    ],
)
def test_a_quality_measured_on_few_defaulters_is_not_told_as_one(unsettled, door, code):
    measured = QUALITY["unsettled"]
    cold = replace(small().default.cold, quality={"unsettled": measured | unsettled, "door": measured | door})
    scorer = replace(small().scorer, default=replace(small().default, cold=cold))
    notes = history_notes({"history_weight": 0.0}, scorer)
    assert [c for c, _ in notes] == ["door_only", code]
    assert history_notes({"history_weight": 0.95}, scorer) == []
    assert [c for c, _ in history_notes({"history_weight": 0.3}, scorer)] == ["short_history", code]


def test_an_older_version_without_a_door_says_so_and_gives_no_number(log):
    old = replace(small().default, cold=None)
    now = champions()
    then = replace(now, scorer=Scorer.with_models(small().prepared, old, small().delay))
    customer_id = customer_with("no_history")
    (found,) = answers.score(then, log, ScoreRequest(customer_ids=(customer_id,)))["scores"]
    assert (found["special"], found["pd"], found["grade"]) == ("no_history", None, None)
    explained = answers.explain(then, log, ExplainRequest(customer_id=customer_id))
    assert "no part for customers without history" in explained["reasons"][0]["text"]
    review = answers.review(then, log, ReviewRequest(customer_id=customer_id, requested_limit=1e4, currency="EUR"))
    assert (review["recommendation"], review["recommended_limit"]) == ("refer", None)
    one = customer_with(None)
    (old_score,) = answers.score(then, log, ScoreRequest(customer_ids=(one,)))["scores"]
    assert old_score["history"] == {"weight": 1.0, "quality": None}


def test_who_the_customer_is_as_a_person_changes_no_number_and_protected_facts_are_refused(log):
    def sent(**changes):
        customers = [
            {"customer_id": "a", "country": "DE", "industry": "retail", "onboarded_on": "2024-01-01", **changes}
        ]
        customers.append({"customer_id": "b", "country": "DE", "industry": "retail"})
        invoices = [
            {"invoice_id": "1", "customer_id": "b", "kind": "invoice", "issued_on": "2024-01-05",
             "due_on": "2024-02-05", "amount": 100, "currency": "EUR"}
        ]  # fmt: skip
        return {"customers": customers, "invoices": invoices, "as_of": "2024-01-05"}

    def numbers(body):
        asked = LedgerRequest.model_validate_json(json.dumps(body))
        found = answers.score_ledger(champions(), log, asked)["scores"]
        return [{k: v for k, v in s.items() if k != "decision_id"} for s in found]

    plain = numbers(sent())
    assert [s["special"] for s in plain] == ["no_history", None]
    assert plain[0]["pd"] is not None
    assert numbers(sent(name="Anna Maria", is_natural_person=True, legal_form="sole trader")) == plain
    attribute = {"customer_id": "a", "name": "sex", "observed_on": "2024-01-01", "value": "1"}
    with pytest.raises(InputError, match="sex name protected attributes"):
        numbers({**sent(), "attributes": [attribute]})
    with pytest.raises(InputError, match="nationality are not columns"):
        numbers(sent(nationality="DE"))


def test_expected_loss_balance_ageing_and_cash_add_up(log):
    for found in answers.score(champions(), log, ScoreRequest(customer_ids=tuple(everybody())))["scores"]:
        items = found["open_items"]
        if found["pd"] is not None:
            assert found["expected_loss"] == pytest.approx(found["pd"] * 0.40 * found["exposure"])
            assert found["pd_by_horizon"]["pd_3m"] <= found["pd_by_horizon"]["pd_6m"] <= found["pd"]
        account = small().scorer.brief([found["customer_id"]], small().prepared.data_known_to).iloc[0]
        assert found["exposure"] == pytest.approx(max(0.0, items["balance"] + account["bills"] - items["unapplied"]))
        assert sum(items["ageing"][b] for b in BUCKETS) == pytest.approx(items["balance"], abs=0.005)
        assert sum(items["expected_cash"][b] for b in CASH_BUCKETS) == pytest.approx(items["balance"], abs=0.005)


def test_the_account_is_that_of_the_settlement():
    scores = small().scorer.score(everybody())
    settled = small().prepared.prepared.settlement.at(small().prepared.data_known_to)
    open_cents = settled[settled["closed_kind"] == "open"].groupby("customer_id")["open_cents"].sum()
    expected = open_cents.reindex(scores.customers.index, fill_value=0) / 100
    assert_allclose(scores.customers["balance"], expected, rtol=0, atol=1e-9)


def test_what_the_books_learn_later_changes_nothing():
    at = small().prepared.data_known_to - timedelta(days=120)
    before = small().scorer.on(small().ledger.of(everybody())).score(everybody(), at).customers
    from ledger.known import known_on

    known = known_on(small().ledger, at)
    after = small().scorer.on(known).score(everybody(), at).customers
    pd.testing.assert_frame_equal(before, after)


def test_unknown_customers_and_days_to_come_are_refused(log):
    scorer = small().scorer
    with pytest.raises(UnknownCustomer, match="'nobody' not in the ledger"):
        scorer.score([everybody()[0], "nobody"])
    with pytest.raises(FutureDay, match="data_known_to"):
        scorer.score(everybody()[:1], small().prepared.data_known_to + timedelta(days=1))
    with pytest.raises(Problem) as refused:
        answers.score(champions(), log, ScoreRequest(customer_ids=("nobody",)))
    assert refused.value.status == 404
    with pytest.raises(Problem) as refused:
        answers.score(
            champions(),
            log,
            ScoreRequest(customer_ids=(everybody()[0],), as_of=small().prepared.data_known_to + timedelta(days=1)),
        )
    assert (refused.value.status, refused.value.error) == (422, "as_of_after_data")
    assert log.verify().records == 0


@pytest.mark.parametrize("target", ["pd", "delay"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_explanation_adds_up_and_speaks_the_language(target, language, log):
    found = answers.explain(
        champions(), log, ExplainRequest(customer_id=customer_with(None), target=target, language=language)
    )
    total = found["base_value"] + sum(c["log_odds"] for c in found["contributions"])
    assert total == pytest.approx(found["margin"], abs=LARGEST_RESIDUAL)
    assert found["additivity_residual"] < LARGEST_RESIDUAL
    points = sum(c["probability_points"] for c in found["contributions"])
    assert found["base_probability"] + points == pytest.approx(found["probability"], abs=1e-9)
    assert sum(f["log_odds"] for f in found["families"]) == pytest.approx(
        sum(c["log_odds"] for c in found["contributions"])
    )
    sizes = [abs(c["log_odds"]) for c in found["contributions"]]
    assert sizes == sorted(sizes, reverse=True)
    if target == "pd":
        assert found["probability"] == pytest.approx(found["score"]["pd"], abs=1e-9)
    for reason in found["reasons"]:
        assert reason["log_odds"] > 0
        assert any("\u4e00" <= letter <= "\u9fff" for letter in reason["text"]) == (language == "zh")


def test_a_ledger_in_the_body_scores_as_the_same_ledger_served(log):
    tables = {}
    for name, frame in small().ledger.tables.items():
        if len(frame):
            rows = json.loads(
                frame.astype(object)
                .where(frame.notna(), None)
                .to_json(orient="records", date_format="iso", double_precision=15)
            )
            dates = [c for c in frame if str(frame[c].dtype).startswith("datetime")]
            tables[name] = [{**r, **{c: r[c][:10] if r[c] else None for c in dates}} for r in rows]
    asked = LedgerRequest.model_validate_json(json.dumps(tables))
    sent = answers.score_ledger(champions(), log, asked)["scores"]
    served = answers.score(champions(), log, ScoreRequest(customer_ids=tuple(s["customer_id"] for s in sent)))["scores"]
    for a, b in zip(sent, served, strict=True):
        assert {**a, "decision_id": ""} == {**b, "decision_id": "", "peer_values": None}  # no reference in this model


def test_payments_are_predicted_for_open_items_and_given_that_they_are_unpaid(log):
    customer_id = customer_with(None)
    found = answers.predict_payments(champions(), log, PaymentsRequest(customer_ids=(customer_id,)))
    assert found["items"]
    for item in found["items"]:
        assert sum(item["p_paid"].values()) == pytest.approx(1.0)
        assert item["days_late_p10"] <= item["days_late_p50"] <= item["days_late_p90"]
        if item["days_past_due"] >= 30:
            assert item["p_late_30"] == 1.0
        assert item["due_date_implausible"] is False
    one = found["items"][0]["invoice_id"]
    only = answers.predict_payments(champions(), log, PaymentsRequest(invoice_ids=(one,)))
    assert [i["invoice_id"] for i in only["items"]] == [one]
    assert only["items"][0]["days_late_mean"] == pytest.approx(found["items"][0]["days_late_mean"], abs=1e-9)
    with pytest.raises(Problem) as refused:
        answers.predict_payments(champions(), log, PaymentsRequest())
    assert refused.value.status == 422


def test_a_review_shows_its_arithmetic_and_each_step_can_be_redone(log):
    found = answers.review(
        champions(), log, ReviewRequest(customer_id=customer_with(None), requested_limit=1e6, currency="EUR")
    )
    steps = {s["step"]: s for s in found["arithmetic"]}
    allowed = steps["uninsured_at_most"]["values"]
    assert steps["uninsured_at_most"]["result"] == pytest.approx(
        allowed["maximum_expected_loss"] / (allowed["pd"] * allowed["lgd"])
    )
    assert found["recommendation"] in ("approve", "reduce", "hold", "decline", "refer")
    assert found["recommended_limit"] <= 1e6
    assert found["reasons"]
    assert found["valid_until"] >= found["next_review"] > found["as_of"]
    with pytest.raises(Exception, match="no XXX rate"):
        answers.review(
            champions(), log, ReviewRequest(customer_id=customer_with(None), requested_limit=1.0, currency="XXX")
        )


def test_every_answer_is_in_the_log_with_its_inputs_to_the_last_bit(log):
    customer_id = customer_with(None)
    (found,) = answers.score(champions(), log, ScoreRequest(customer_ids=(customer_id,)))["scores"]
    record = log.read(found["decision_id"])
    how = {"source": found["source"], "ledger_position": found["ledger_position"]}  # how it was answered, not what
    assert {**record.content["answer"], "decision_id": found["decision_id"], **how} == found
    scores = small().scorer.score([customer_id])
    logged = pd.Series(record.content["inputs"]["default"], dtype=np.float64)[scores.X.columns]
    assert np.array_equal(logged.to_numpy(), scores.X.to_numpy()[0], equal_nan=True)
    assert log.verify().is_whole
