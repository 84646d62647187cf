"""The watch list: signals by hand, moves beyond noise, the list's length, its changes in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisions.early_warning import COLUMNS, WatchPolicy, score_moves, signal_frames, watch_changes, watch_list
from decisions.policy_files import read_policy
from decisions.warning_words import WORDS, change_words, sentences

POLICY = read_policy(WatchPolicy, "watch")
QUIET = {
    "days_since_payment_to_habit": 1.0, "days_past_due_oldest": 0.0, "overdue_amount": 0.0, "bounced_payments_3m": 0.0,
    "bounced_payments_12m": 0.0, "early_share_3m": 0.2, "early_share_12m": 0.2, "sales_3m": 250.0, "sales_12m": 1000.0,
    "days_since_last_invoice": 10.0, "invoices_per_month": 2.0, "limit_used_share": 0.3, "rating_risk": 0.4, "broken_promises_3m": 0.0,
    "disputes_3m": 0.0, "group_customers": 1.0, "group_overdue_share_over_30": 0.0, "days_since_adverse_event": np.nan,
}  # fmt: skip


def facts(**changed: dict[str, float]) -> pd.DataFrame:
    """Facts of a quiet customer a, and of others that differ by what is given."""
    return pd.DataFrame({name: {**QUIET, **own} for name, own in {"a": {}, **changed}.items()}).T


def scores(**pds: float) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"pd": pds, "pd_low": {c: p * 0.8 for c, p in pds.items()}, "pd_high": {c: p * 1.25 for c, p in pds.items()}}
    )
    return frame.assign(exposure=100.0)


@pytest.mark.parametrize(
    ("code", "before", "now"),
    [
        ("pay_run_missed", {}, {"days_since_payment_to_habit": 2.6, "overdue_amount": 10.0}),
        ("first_bounced", {}, {"bounced_payments_3m": 1.0, "bounced_payments_12m": 1.0}),
        ("early_payment_lost", {"early_share_12m": 0.9}, {"early_share_12m": 0.8, "early_share_3m": 0.1}),
        ("orders_jump", {}, {"sales_3m": 700.0}),
        ("orders_stop", {}, {"days_since_last_invoice": 61.0}),
        ("exposure_jump", {}, {"limit_used_share": 0.95}),
        ("rating_worse", {}, {"rating_risk": 0.6}),
        ("promise_broken", {}, {"broken_promises_3m": 1.0}),
        ("older_arrears", {}, {"days_past_due_oldest": 25.0}),
        ("disputes_rise", {}, {"disputes_3m": 2.0}),
        ("group_overdue", {}, {"group_customers": 3.0, "group_overdue_share_over_30": 0.3}),
        ("adverse_event", {}, {"days_since_adverse_event": 12.0}),
    ],
)
def test_each_signal_is_on_for_its_own_change_alone_and_has_words(code, before, now):
    frames = signal_frames(facts(b=before), facts(b=now), POLICY)
    assert {name for name, frame in frames.items() if frame.loc["b", "is_on"]} == {code}
    assert not any(frame.loc["a", "is_on"] for frame in frames.values())


def test_a_second_bounce_is_not_the_first():
    frames = signal_frames(facts(b={}), facts(b={"bounced_payments_3m": 1.0, "bounced_payments_12m": 3.0}), POLICY)
    assert not frames["first_bounced"].loc["b", "is_on"]


def test_what_is_not_known_is_no_signal():
    unknown = dict.fromkeys(COLUMNS, np.nan)
    frames = signal_frames(facts(b=unknown), facts(b=unknown), POLICY)
    assert not any(frame.loc["b", "is_on"] for frame in frames.values())


def test_a_score_moves_only_beyond_the_step_and_the_fit_s_own_error():
    before, now = scores(small=0.010, large=0.010, noisy=0.010), scores(small=0.015, large=0.030, noisy=0.030)
    now.loc["noisy", ["pd_low", "pd_high"]] = [0.001, 0.40]
    assert score_moves(before, now, POLICY)["is_on"].to_dict() == {"small": False, "large": True, "noisy": False}


def test_the_list_holds_its_share_and_says_what_changed():
    names = [f"c{k:02d}" for k in range(40)]
    quiet = pd.DataFrame(dict.fromkeys(names, QUIET)).T
    loud = quiet.copy()
    loud.loc["c05", "bounced_payments_3m"] = loud.loc["c05", "bounced_payments_12m"] = 1.0
    before = scores(**dict.fromkeys(names, 0.02))
    now = scores(**{**dict.fromkeys(names, 0.02), "c07": 0.20})
    found = watch_list(before, now, quiet, loud, POLICY)
    assert list(found.index) == ["c07", "c05"]  # 5 % of 40
    assert [s.code for s in found.loc["c07", "signals"]] == ["score_move", "high_pd"]
    assert "rose from 2.0 % to 20.0 %" in sentences(found.loc["c07", "signals"])
    assert "由 2.0 % 升至 20.0 %" in sentences(found.loc["c07", "signals"], "zh")
    assert found["is_changed"].all()

    later = watch_list(before, now.assign(pd=now["pd"].where(now.index != "c05", 0.0001)), quiet, quiet, POLICY)
    changes = {(c.customer_id, c.kind): c for c in watch_changes(found, later)}
    assert ("c05", "left") in changes
    assert change_words(changes["c05", "left"], "zh") == "离开观察名单"


def test_words_exist_in_both_languages_for_every_signal():
    codes = {*signal_frames(facts(), facts(), POLICY), "score_move", "high_pd"}
    assert codes == set(WORDS)
    assert all(set(WORDS[code]) == {"en", "zh"} for code in codes)
    assert set(POLICY.points) <= codes
    assert set(POLICY.thresholds) == codes - {"score_move", "high_pd"}
