"""The whole way as a user goes it: the server started by our command, asked over HTTP, the same numbers offline."""

from __future__ import annotations

import pandas as pd
import pytest

from serving.api import EVENTS, ROUTES


def test_without_a_champion_it_runs_and_says_why_there_is_no_score(journey):
    status, body = journey.answers["score without a model"]
    assert status == 503
    assert body["error"] == "no_model"
    assert "no version 'champion'" in body["detail"] or "being read" in body["detail"]


def test_it_serves_as_soon_as_there_is_a_champion(journey):
    status, body = journey.answers["score"]
    assert status == 200
    assert len(body["scores"]) == 40
    assert {s["model"]["version"] for s in body["scores"]} == {"1"}
    status, health = journey.answers["health"]
    assert status == 200
    assert [m["promoted_by"] for m in health["models"]] == ["the journey", "the journey"]


def test_offline_scores_are_the_service_s_to_1e_9(journey):
    code, output = journey.outputs["score"]
    assert code == 0, output
    offline = pd.read_parquet(journey.home / "scores.parquet").set_index("customer_id")
    count = 0
    for online in journey.answers["score"][1]["scores"]:
        own = offline.loc[online["customer_id"]]
        numbers = {
            "pd": online["pd"], "score": online["score"], "expected_loss": online["expected_loss"],
            "exposure": online["exposure"],
            "balance": online["open_items"]["balance"],
            "cash_0_30": online["open_items"]["expected_cash"]["0_30"],
            **{name: (online["delay"] or {}).get(name) for name in ("p_late_1", "p_late_30", "days_late_mean")},
        }  # fmt: skip
        for name, value in numbers.items():
            if value is None:
                assert pd.isna(own[name])
            else:
                count += 1
                assert own[name] == pytest.approx(value, abs=1e-9)
    assert count > 200
    explained = journey.answers["explain"][1]
    own = offline.loc[explained["customer_id"]]
    for contribution in explained["contributions"]:
        assert own["contribution_" + contribution["feature"]] == pytest.approx(contribution["log_odds"], abs=1e-9)


def test_every_route_answered(journey):
    for name in ("explain", "review", "payments", "page", "metrics"):
        assert journey.answers[name][0] == 200, journey.answers[name]
    assert journey.answers["nobody"][0] == 404
    assert journey.answers["nothing"][0] == 404
    assert set(journey.answers["nothing"][1]) == {"error", "detail", "request_id"}


def test_an_auditor_replays_a_decision_and_verifies_the_log(journey):
    code, output = journey.outputs["replay"]
    assert code == 0, output
    assert "the same, every one of them" in output
    assert "fields" in output  # from the ledger too
    code, output = journey.outputs["audit"]
    assert code == 0, output
    assert "chained to the one before" in output


def test_it_ends_when_told_to_and_its_log_holds_no_customer(journey):
    assert journey.server_ended is not None
    for score in journey.answers["score"][1]["scores"]:
        assert score["customer_id"] not in journey.server_log
    assert "Traceback" not in journey.server_log


def test_bentoml_s_clients_and_ours_call_the_routes(journey):
    found = journey.answers["bentoml clients"][1]
    names = {route.name for route in (*ROUTES, EVENTS)}
    assert set(found) == names | {f"async {name}" for name in names}

    def as_dict(answer):
        return answer if isinstance(answer, dict) else answer.model_dump(mode="json")

    score = as_dict(found["score"])["scores"][0]
    assert score["customer_id"] == journey.answers["score"][1]["scores"][0]["customer_id"]
    assert as_dict(found["events"])["accepted"] == {"events": 1}
    assert as_dict(found["async score"])["scores"][0]["model"]["version"] == "1"
    for name in ("async ", ""):
        assert as_dict(found[f"{name}decide"])["status"] == "decided"
        assert as_dict(found[f"{name}jobs_score"])["total"] == 1
    assert journey.answers["typed client"][1]["refused"] == "unknown_customer"
