"""What would be: before and after by the same path, a next better grade that is reached, and nothing kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from decisions.what_if import LONGEST_QUIET_DAYS, hypothetical, next_better
from features.catalogue import CATALOGUE
from ledger.errors import InputError
from ledger.ledger import Ledger
from serving import replay, what_if
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.messages import WhatIfRequest
from tests.property.test_cold_start import drawn, model
from tests.served import champions, customer_with, small

LAST = small().prepared.data_known_to


@pytest.fixture
def log(tmp_path: Path) -> DecisionLog:
    return DecisionLog(tmp_path / "decisions.sqlite")


def asked(log, customer_id, **changes):
    request = WhatIfRequest(customer_id=customer_id, requested_limit=1e5, currency="EUR", **changes)
    return what_if.what_if(champions(), log, request)


def overdue(days: int, **changes):
    due = LAST - timedelta(days=days)
    return {"invoice_id": "supposed", "kind": "invoice", "issued_on": str(due - timedelta(days=30)),
            "due_on": str(due), "amount": 5000, "currency": "EUR", **changes}  # fmt: skip


def test_without_a_change_after_is_before(log):
    found = asked(log, customer_with(None))
    assert found["before"] == found["after"]
    assert found["moved"] == []


def test_supposed_rows_give_what_the_ledger_with_them_gives(log):
    """The whole ledger, with the row in it, scored anew: the same balance, and the same own columns."""
    customer_id = customer_with(None)
    found = asked(log, customer_id, invoices=(overdue(45),))
    frames = {name: frame for name, frame in small().ledger.tables.items() if len(frame)}
    row = pd.DataFrame([overdue(45, customer_id=customer_id)]).astype(object)
    both = pd.concat([frames["invoices"].astype(object), row], ignore_index=True)
    frames["invoices"] = both.map(lambda value: None if pd.isna(value) else str(value)).astype("str")
    whole = small().scorer.on(Ledger.from_frames(**frames)).score([customer_id])
    assert found["after"]["score"]["open_items"]["balance"] == pytest.approx(whole.customers["balance"].iloc[0])
    expected = {name: whole.X[name].iloc[0] for name in whole.X}
    assert {m["feature"] for m in found["moved"]} >= {"overdue_amount", "invoices_ever"}
    for moved in found["moved"]:
        assert CATALOGUE[moved["feature"]].family != "peers"
        assert moved["after"] == pytest.approx(expected[moved["feature"]], rel=1e-12)


def test_paying_what_is_overdue_never_raises_and_a_new_arrear_never_lowers_the_pd(log):
    customer_id = customer_with(None)
    found = asked(log, customer_id, features={"days_past_due_oldest": 300.0, "overdue_amount": 1e6})
    assert found["after"]["score"]["pd"] >= found["before"]["score"]["pd"]
    better = asked(log, customer_id, features={"days_past_due_oldest": 0.0, "overdue_amount": 0.0})
    assert better["after"]["score"]["pd"] <= better["before"]["score"]["pd"]


def test_a_customer_without_history_gets_its_first_invoice_and_a_status_stops_the_pd(log):
    first = asked(log, customer_with("no_history"), invoices=(overdue(-20),))
    assert (first["before"]["score"]["special"], first["after"]["score"]["special"]) == ("no_history", None)
    assert first["after"]["score"]["history"]["weight"] > 0.0
    customer_id = customer_with(None)
    event = {"event_id": "supposed", "kind": "insolvency", "occurred_on": str(LAST)}
    fails = asked(log, customer_id, events=(event,))
    assert fails["after"]["score"]["special"] == "in_default"
    assert fails["after"]["score"]["pd"] is None
    assert fails["after"]["recommendation"] in ("hold", "decline")
    frozen = asked(log, customer_with("in_default"), features={"days_past_due_oldest": 0.0})
    assert frozen["after"]["score"]["pd"] is None
    assert frozen["next_better_grade"] is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"features": {"colour": 1.0}}, "colour are not columns of the default model"),
        ({"features": {"late_share_12m": 1.5}}, "must be from 0 to 1"),
        ({"features": {"invoices_ever": -1.0}}, "must be 0 or above"),
        ({"invoices": ({"invoice_id": "x", "kind": "invoice", "issued_on": str(LAST + timedelta(days=1)),
                        "due_on": str(LAST + timedelta(days=31)), "amount": 1, "currency": "EUR"},)},
         "would not be known on the day asked"),
        ({"attributes": ({"name": "sex", "observed_on": "2024-01-01", "value": "1"},)}, "protected attributes"),
        ({"payments": ({"payment_id": "x", "invoice_id": "none", "paid_on": str(LAST), "amount": 1,
                        "currency": "EUR", "kind": "payment"},)}, "invoice_id"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_with_its_place(changes, says, log):
    with pytest.raises(InputError, match=says):
        asked(log, customer_with(None), **changes)
    assert log.verify().records == 0


def test_an_unknown_customer_is_404(log):
    with pytest.raises(Problem) as refused:
        asked(log, "nobody")
    assert refused.value.status == 404


def test_the_next_better_grade_is_reached_by_each_change_named_and_not_by_less():
    reached = 0
    for seed in range(12):
        x = drawn(40, seed).iloc[[seed]]
        grade = model().predict(x)["grade"].iloc[0]
        found = next_better(model(), x)
        if found is None:
            assert grade == model().scale.names[0]
            continue
        assert model().scale.names.index(found.grade) == model().scale.names.index(grade) - 1
        for change in found.changes:
            reached += 1
            then = model().predict(x.assign(**{change.column.name: change.needed})).iloc[0]
            assert then["grade"] == change.grade <= found.grade
            assert then["pd_12m"] == change.pd
            back = change.needed + (change.value - change.needed) * 0.02 + np.sign(change.value - change.needed) * 1.01
            if (back - change.value) * (change.needed - change.value) > 0:
                short = model().predict(x.assign(**{change.column.name: back})).iloc[0]
                assert short["grade"] > found.grade
        together = {c.column.name: 0.0 if int(c.column.risk) > 0 else LONGEST_QUIET_DAYS for c in found.changes}
        if together:
            assert found.together_grade <= found.grade
    assert reached > 5


def test_nothing_is_kept_but_the_record_and_a_replay_gives_the_same(log):
    customer_id = customer_with(None)
    before = small().prepared.fingerprint
    found = asked(log, customer_id, invoices=(overdue(10),), features={"days_past_due_oldest": 12.0})
    record = log.read(found["decision_id"])
    assert record.content["asked"]["invoices"][0]["invoice_id"] == "supposed"
    assert set(record.content["inputs"]) >= {"default", "supposed"}
    assert small().prepared.ledger.fingerprint == before
    assert log.verify().is_whole
    (again,) = [replay._from_ledger(record, champions())]
    assert all(compared.is_same for compared in again)


def test_the_rows_of_those_merged_into_it_stay_with_the_customer():
    scorer = small().scorer
    who = scorer.served.prepared.owners
    owner = str(who.ids[who.owner[who.member != who.owner][0]])
    scores = scorer.score([owner])
    rows = {"attributes": pd.DataFrame({"name": ["head_count"], "observed_on": [str(LAST)], "value": ["7"]})}
    there, after = hypothetical(scorer, scores, rows, {})
    assert isinstance(there, Scorer)
    assert isinstance(there.served, ScoringLedger)
    for name in ("balance", "invoices", "overdue", "unapplied"):
        assert after.customers[name].iloc[0] == scores.customers[name].iloc[0]
