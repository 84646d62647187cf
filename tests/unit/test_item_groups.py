"""A customer with thousands of open items: a bounded number of them is predicted, and one invoice's question is about one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decisions.item_groups import MOST_ITEMS, stand_ins
from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from ledger.ledger import Ledger
from models.delay.model import DelayModel
from serving import answers
from serving.answer_parts import account_of, rows_of
from serving.decision_log import DecisionLog
from serving.messages import PaymentsRequest
from tests.served import champions, small

LARGE, ITEMS = "C-LARGE", 5_200


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """The small models on a ledger in which one customer has 5,200 open items."""
    known, rng = small(), np.random.default_rng(1)
    last = pd.Timestamp(known.prepared.data_known_to)
    issued = last - pd.to_timedelta(rng.integers(1, 120, ITEMS), unit="D")
    tables: dict[str, Any] = dict(known.ledger.tables)
    for name, rows in {
        "customers": pd.DataFrame({"customer_id": [LARGE], "country": ["DE"]}),
        "invoices": pd.DataFrame({
            "invoice_id": [f"l-{k}" for k in range(ITEMS)], "customer_id": LARGE, "kind": "invoice", "issued_on": issued,
            "due_on": issued + timedelta(days=30), "booked_on": issued, "amount": rng.integers(100, 9_999, ITEMS) / 1.0,
            "currency": "EUR",
        }),
    }.items():  # fmt: skip
        frame = tables[name]
        more = rows.reindex(columns=frame.columns).astype({c: t for c, t in frame.dtypes.items() if c in rows})
        tables[name] = pd.concat([frame, more.astype(frame.dtypes.to_dict())], ignore_index=True)
    return Scorer.with_models(ScoringLedger.of(Ledger(tables=tables)), known.default, known.delay)


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each call of the delay model's curves and predictions."""
    rows: list[int] = []
    for name in ("curves", "predict"):
        made = getattr(DelayModel, name)
        monkeypatch.setattr(
            DelayModel, name, lambda self, X, *a, _made=made: (rows.append(len(X)), _made(self, X, *a))[1]
        )
    return rows


def test_few_hundred_items_are_predicted_for_thousands(scorer: Scorer, predicted: list[int]) -> None:
    scores = scorer.score([LARGE])
    assert len(scores.items) == ITEMS
    assert len(scores.X_items) == MOST_ITEMS
    assert max(predicted) <= MOST_ITEMS
    (row,) = rows_of(scores.customers)
    assert account_of(row)["grouped_items"] == ITEMS - MOST_ITEMS
    assert sum(row[f"cash_{b}"] for b in ("0_30", "31_60", "61_90", "over_90")) == pytest.approx(row["balance"])


def test_the_cash_of_groups_is_close_to_that_of_every_item(scorer: Scorer) -> None:
    scores = scorer.score([LARGE])
    every = replace(scores, X_items=scorer.item_inputs(scores), stand_ins=np.arange(ITEMS))
    exact = scorer._cash(every.X_items, every.items, every.stand_ins, scores.customers.index)
    for bucket in exact:
        assert float(scores.customers[bucket].iloc[0]) == pytest.approx(float(exact[bucket].iloc[0]), rel=0.05)


def test_a_question_about_one_invoice_predicts_one(scorer: Scorer, predicted: list[int], tmp_path: Any) -> None:
    log = DecisionLog(tmp_path / "log.sqlite")
    served = replace(champions(), scorer=scorer)
    asked = PaymentsRequest(invoice_ids=("l-7",))
    answer = answers.predict_payments(served, log, asked)
    assert [item["invoice_id"] for item in answer["items"]] == ["l-7"]
    assert "predicted_as" not in answer["items"][0]
    assert max(predicted) <= MOST_ITEMS
    assert sum(predicted) <= 2 * MOST_ITEMS  # the customer's cash once, and the one item


def test_every_item_is_answered_and_names_the_one_that_stands_for_it(scorer: Scorer, predicted: list[int]) -> None:
    payments = scorer.payments(scorer.score([LARGE]))
    assert len(payments) == ITEMS
    assert payments["predicted_as"].notna().sum() == ITEMS - MOST_ITEMS
    assert max(predicted) <= MOST_ITEMS
    own = payments.set_index("item_id")
    grouped = payments[payments["predicted_as"].notna()].iloc[0]
    assert grouped["p_late_30"] == own.loc[grouped["predicted_as"], "p_late_30"]
    with_days = own.loc[grouped["predicted_as"]]
    assert grouped["expected_on"] - grouped["due_on"] == with_days["expected_on"] - with_days["due_on"]


def test_customers_with_few_items_stand_for_themselves() -> None:
    items = pd.DataFrame({"customer_id": ["a"] * 300 + ["b"] * 10})
    assert stand_ins(items).tolist() == list(range(310))
