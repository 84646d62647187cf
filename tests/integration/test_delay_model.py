"""The delay model on a small sample ledger: knows nothing of the future, conditions on the days unpaid, adds up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from features.engine.histories import build_items, prepare
from features.engine.prepared import PreparedLedger
from ledger.errors import InputError
from ledger.known import known_on
from ledger.ledger import Ledger
from ledger.open_items import open_items_on
from models.delay.conformal import Levels
from models.delay.model import DelayModel
from models.delay.payment_steps import STEP_COLUMNS
from tests.served import small
from training.delay import fit as delay_fit
from training.delay.evaluation import Scored
from training.delay.late_threshold import known_answers
from training.delay.samples import Asked, outcomes, questions


@pytest.fixture(scope="module")
def asked() -> tuple[DelayModel, pd.DataFrame, pd.DataFrame]:
    """The small model, the open items of the ledger's last day, and their matrix."""
    made = small()
    items = open_items_on(made.prepared.prepared.ledger, made.prepared.prepared.settlement, made.prepared.data_known_to)
    return made.delay, items, build_items(made.prepared.prepared, items, list(made.delay.needed))


def test_prediction_is_coherent_and_never_in_the_past(asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame]) -> None:
    model, items, X = asked
    found = model.predict(X, items)
    late = found[[f"p_late_{k}" for k in (1, 5, 30, 60, 90)]].to_numpy()
    assert (np.diff(late, axis=1) <= 0).all()
    assert (np.diff(found[["days_late_p10", "days_late_p50", "days_late_p90"]].to_numpy(), axis=1) >= 0).all()
    assert (found["days_beyond_terms"] >= np.maximum(found["days_late_mean"], 0) - 1e-9).all()
    past_due = items["days_past_due"].to_numpy() > 0
    assert past_due.any()
    assert (found["days_late_p10"].to_numpy() > items["days_past_due"].to_numpy())[past_due].all()
    expected = pd.DatetimeIndex(found["expected_on"])
    assert (expected > pd.DatetimeIndex(items["as_of"])).all()
    assert (expected.day_of_week < 5).all()


def test_an_item_40_days_past_due_is_asked_about_the_days_that_are_left(
    asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame],
) -> None:
    """Its curve is that of the same steps from its day on: drawn step by step, payments come where the curve says."""
    model, _, X = asked
    late = X.iloc[[0]].assign(item_days_past_due=40.0, item_days_until_due=0.0)
    curves = replace(model, levels=Levels()).curves(late)
    found = model.predict(late)
    assert found["days_late_p10"].iloc[0] > 40
    assert found[["p_late_1", "p_late_5", "p_late_30"]].to_numpy().tolist() == [[1.0, 1.0, 1.0]]
    hazard = expit(model.step_margins(late, curves.steps))
    rng = np.random.default_rng(0)
    draws = rng.random((20_000, len(hazard))) < hazard
    paid_step = np.where(draws.any(axis=1), draws.argmax(axis=1), len(hazard))
    for day, step in ((59, 1), (89, 3), (180, 5)):
        assert curves.steps.end[step] == day
        assert 1.0 - curves.unpaid_on(np.array([day]))[0] == pytest.approx((paid_step <= step).mean(), abs=0.015)


def test_saved_model_answers_the_same(asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame], tmp_path: Path) -> None:
    model, items, X = asked
    model.save(tmp_path)
    assert {p.suffix for p in tmp_path.iterdir()} <= {".json", ".txt"}
    again = DelayModel.load(tmp_path)
    pd.testing.assert_frame_equal(again.predict(X, items), model.predict(X, items), check_exact=True)


def test_a_model_of_other_steps_is_refused_without_a_path(
    asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    model, _, _ = asked
    model.save(tmp_path)
    stored = json.loads((tmp_path / "delay.json").read_text())
    without = {name: value for name, value in stored.items() if name != "late_question"}
    for other in (stored | {"step_columns": stored["step_columns"][1:]}, without):
        (tmp_path / "delay.json").write_text(json.dumps(other))
        with pytest.raises(InputError, match="made by another release") as refused:
            DelayModel.load(tmp_path)
        assert str(tmp_path) not in str(refused.value), "the service shows this sentence to whoever asks"


def test_one_item_alone_answers_as_among_many(asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame]) -> None:
    model, _, X = asked
    pd.testing.assert_frame_equal(model.predict(X.iloc[[3]]), model.predict(X).iloc[[3]], check_exact=True)


def test_contributions_add_up_to_the_margin_that_they_name(
    asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame],
) -> None:
    model, _, X = asked
    X = X[X["item_days_past_due"].to_numpy() < 20].iloc[:6]
    raw = replace(model, levels=Levels()).curves(X)
    base, parts = model.contributions(X)
    assert base + parts.sum(axis=1).to_numpy() == pytest.approx(logit(raw.at_least(30)), abs=1e-6)
    base, parts = model.contributions(X, headline="days_late_mean")
    assert base + parts.sum(axis=1).to_numpy() == pytest.approx(raw.mean(), abs=1e-6)
    assert set(parts.columns) <= set(model.needed)


def test_reasons_know_the_late_question(asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame]) -> None:
    """What the late question sees of an item is part of its reasons, before its threshold and not after."""
    model, _, X = asked
    assert model.late_question is not None
    some, without = X.iloc[:3], replace(model, late_question=None, levels=Levels())
    raw = replace(model, levels=Levels())
    for day in (-10.0, 3.0, 4.0, 10.0):
        at = some.assign(item_days_past_due=max(day, 0.0), item_days_until_due=max(-day, 0.0))
        for headline in ("p_late_30", "days_late_mean"):
            base, parts = raw.contributions(at, headline)
            curves = raw.curves(at)
            margin = logit(curves.at_least(30)) if headline == "p_late_30" else curves.mean()
            assert base + parts.sum(axis=1).to_numpy() == pytest.approx(margin, abs=1e-6)
            same = np.allclose(parts, without.contributions(at, headline)[1])
            assert same == (day >= 4), "asked on the fourth day past due, the question is answered"


def test_importance_names_what_each_kind_of_booster_uses(
    asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame],
) -> None:
    model, _, _ = asked
    found = delay_fit.importance(model).set_index("input")
    assert (found["gain"].diff().dropna() <= 0).all()
    assert set(found.index[found["late_question_gain"].isna()]) == set(STEP_COLUMNS)
    assert found["late_question_gain"].sum() > 0
    assert "late_question_gain" not in delay_fit.importance(replace(model, late_question=None))


def test_the_late_question_learns_from_items_whose_fourth_day_was_seen() -> None:
    """Nobody is left out for being late, nobody taken in for being paid early; who closed unpaid by then is no answer."""
    due = pd.Timestamp("2024-01-31")
    items = pd.DataFrame({"due_on": [due] * 6 + [pd.Timestamp("2024-02-27")] * 2 + [due]})
    asked = Asked(
        items=items,
        ended=np.array([0, 4, 5, 29, 4, 2, -9, 2, 30]),
        is_paid=np.array([True, True, True, False, False, False, True, False, True]),
        shown_open=np.zeros(9, dtype=np.int64), seen_until=pd.Timestamp("2024-03-01"),
    )  # fmt: skip
    X = pd.DataFrame(
        {"item_days_past_due": 0.0, "item_days_until_due": 9.0, "item_due_moved_days": 0.0}, index=range(9)
    )
    X.loc[8, ["item_days_past_due", "item_days_until_due"]] = [4.0, 0.0]  # asked when it is that late
    rows, is_late = known_answers(X, asked)
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert is_late.tolist() == [False, False, True, True, True]


def test_what_is_already_so_needs_no_reasons(asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame]) -> None:
    model, _, X = asked
    late = X.iloc[[0]].assign(item_days_past_due=35.0, item_days_until_due=0.0)
    assert (model.contributions(late)[1].to_numpy() == 0.0).all()


def test_a_moved_due_date_counts_from_the_usual_one_and_days_late_from_the_stated_one(
    asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame],
) -> None:
    """The answers are those of the usual due date, 400 days earlier; reasons still add up to what they name."""
    model, _, X = asked
    some = X.iloc[:6]
    usual, moved = model.predict(some), model.predict(some.assign(item_due_moved_days=400.0))
    assert moved["due_date_implausible"].all()
    assert not usual["due_date_implausible"].any()
    for name in ("days_late_p10", "days_late_p50", "days_late_p90", "days_late_mean"):
        assert moved[name].to_numpy() == pytest.approx(usual[name].to_numpy() - 400)
    late = moved[[f"p_late_{k}" for k in (1, 5, 30, 60, 90)]].to_numpy()
    assert (np.diff(late, axis=1) <= 0).all()
    by_day_29 = model.curves(some).unpaid_on(np.full(6, 365, dtype=np.int64))
    assert moved["p_late_30"].to_numpy() == pytest.approx(
        by_day_29
    )  # 400 days before the stated day 29 the curve has ended
    unlevelled = replace(model, levels=Levels())
    for days in (3.0, 400.0):
        shifted = some.assign(item_due_moved_days=days)
        predicted = unlevelled.predict(shifted)
        for headline, margin in (
            ("p_late_30", logit(predicted["p_late_30"])),
            ("days_late_mean", predicted["days_late_mean"]),
        ):
            base, parts = unlevelled.contributions(shifted, headline)
            known = np.isfinite(margin.to_numpy())
            assert (base + parts.sum(axis=1).to_numpy())[known] == pytest.approx(margin.to_numpy()[known], abs=1e-6)


def test_unknown_headline_and_missing_column_are_refused(asked: tuple[DelayModel, pd.DataFrame, pd.DataFrame]) -> None:
    model, _, X = asked
    with pytest.raises(InputError, match="p_late_30, days_late_mean"):
        model.contributions(X.iloc[[0]], headline="pd")
    with pytest.raises(InputError, match="habit_weight"):
        model.predict(X.drop(columns="habit_weight"))


def test_outcomes_know_nothing_of_later_days() -> None:
    ledger = small().ledger
    until = pd.Timestamp(small().prepared.data_known_to) - pd.Timedelta(days=200)
    seen, cut = outcomes(ledger, until), outcomes(known_on(ledger, until), until)
    pd.testing.assert_frame_equal(seen.items, cut.items)
    assert (seen.ended == cut.ended).all()
    assert (seen.is_paid == cut.is_paid).all()
    assert seen.seen_until < until  # payments are booked late here: the last days say nothing
    assert not seen.is_paid.all()  # open items take part
    assert (seen.ended[~seen.is_paid] <= (seen.seen_until - seen.items["due_on"][~seen.is_paid]).dt.days).all()


def test_levels_come_from_customers_that_a_model_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each customer's last invoices are asked, on the day before issue, of a model that was fitted on none of it."""
    prepared, at = prepare(small().ledger), pd.Timestamp(small().prepared.data_known_to)
    asked = questions(outcomes(small().ledger, at), 1)
    fitted: list[set[str]] = []

    def noted(prepared: PreparedLedger, asked: Asked, **options: Any) -> DelayModel:
        fitted.append(set(asked.items["customer_id"]))
        return train(prepared, asked, **{**options, "trees": 3})

    def noted_too(own: Asked, X: pd.DataFrame, model: DelayModel) -> Scored:
        answered.append(set(own.items["customer_id"]))
        return scored(own, X, model)

    train = delay_fit.train
    scored, answered = Scored.of, list[set[str]]()
    monkeypatch.setattr(delay_fit, "train", noted)
    monkeypatch.setattr(delay_fit.Scored, "of", noted_too)
    found = delay_fit.left_out(prepared, asked, at, 1)
    assert found is not None
    assert len(fitted) == len(answered) == delay_fit.FOLDS
    assert all(not own & others for own, others in zip(answered, fitted, strict=True))
    recent = (asked.items["as_of"] < asked.items["issued_on"]) & (asked.items["as_of"] > at - pd.Timedelta(days=365))
    assert len(found.scored.ended) == int(recent.sum()) > 0


def test_training_twice_gives_the_same_model() -> None:
    prepared = prepare(small().ledger)
    some = questions(outcomes(small().ledger, pd.Timestamp(small().prepared.data_known_to)), 1)
    texts = [
        [
            b.model_to_string()
            for b in delay_fit.train(prepared, some, seed=4, trees=5, members=2, explain=False).members
        ]
        for _ in range(2)
    ]
    assert texts[0] == texts[1]


def test_too_few_payments_are_refused_with_their_number() -> None:
    ledger = small().ledger
    first = pd.Timestamp(ledger.invoices["issued_on"].min()) + pd.Timedelta(days=20)
    with pytest.raises(InputError, match="at least 200 paid invoices"):
        delay_fit.fit(ledger, as_of=first.date())


def test_a_fit_does_not_depend_on_the_order_of_the_ledgers_rows() -> None:
    ledger = small().ledger
    shuffled = Ledger.from_frames(
        **{n: f.sample(frac=1.0, random_state=5, ignore_index=True) for n, f in ledger.tables.items() if len(f)}
    )
    assert shuffled.fingerprint == ledger.fingerprint
    made = []
    for one in (ledger, shuffled):
        asked = questions(outcomes(one, pd.Timestamp("2024-06-30")), 1)
        made.append((asked.items, asked.ended, build_items(prepare(one), asked.items, list(delay_fit.COLUMNS))))
    (items, ended, X), (others, others_ended, others_X) = made
    assert items["invoice_id"].tolist() == others["invoice_id"].tolist()
    assert items["as_of"].tolist() == others["as_of"].tolist()
    assert (ended == others_ended).all()
    pd.testing.assert_frame_equal(X, others_X, check_exact=True)
