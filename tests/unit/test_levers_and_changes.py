"""Levers are replayed: their rows appended to the whole ledger give what they promise. Changes add up, also across models."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pandas as pd
import pytest

from decisions.changes import changes
from decisions.levers import levers
from decisions.scenarios import _joined, of_others
from ledger.ledger import Ledger
from models.calibration import Calibration
from tests.served import small


@pytest.fixture(scope="module")
def overdue():
    scorer = small().scorer
    brief = scorer.brief([str(i) for i in scorer.served.prepared.owners.ids], scorer.served.data_known_to)
    return list(brief.index[((brief["overdue"] > 0) & brief["pd"].notna()).to_numpy()])


def replayed(scorer, scores, rows):
    """(PD and grade of a customer on the whole ledger with a lever's rows appended, whether its peers' figures moved).

    A lever holds the figures of industry and country: where the rows move them by an invoice of this customer, they are
    set back before the comparison.
    """
    frames = {name: frame for name, frame in scorer.served.ledger.tables.items() if len(frame)}
    for name, added in rows.items():
        frames[name] = _joined(frames[name], added, name) if name in frames else added
    there = replace(scorer.on(Ledger.from_frames(**frames)), peer_values=scorer.peer_values)
    then = there.score([str(scores.customers.index[0])], scores.as_of)
    peers = [name for name in then.X.columns if name in of_others(group=False)]
    moved = not then.X[peers].equals(scores.X[peers])
    fixed = there.rescored(then, then.X.assign(**{name: scores.X[name] for name in peers}))
    return fixed.customers.iloc[0], moved


def assert_replays(scorer, customers, wanted, days=(0,)):
    checked = 0
    for back, customer_id in product(days, customers):
        as_of = scorer.served.data_known_to - timedelta(days=back)
        scores = scorer.score([customer_id], as_of)
        outlook = levers(scorer, scores, 1e6) if len(scores.X) else None
        for lever in () if outlook is None else outlook.helpful:
            then, _ = replayed(scorer, scores, lever.rows)
            assert then["pd"] == pytest.approx(lever.pd, abs=1e-9), (customer_id, lever.code)
            assert then["grade"] == lever.grade
            checked += 1
            if checked == wanted:
                return checked
    return checked


def test_what_a_lever_promises_a_replay_gives(overdue, capsys):
    checked = assert_replays(small().scorer, overdue[:6], 4)
    with capsys.disabled():
        print(f"\n{checked} levers replayed on the whole ledger, differences below 1e-9")
    assert checked >= 2


@pytest.mark.slow
def test_a_hundred_levers_are_replayed(overdue, capsys):
    scorer = small().scorer
    brief = scorer.brief([str(i) for i in scorer.served.prepared.owners.ids], scorer.served.data_known_to)
    everybody = [*overdue, *brief.index[brief["pd"].notna().to_numpy()]]
    checked = assert_replays(scorer, dict.fromkeys(everybody), 100, days=range(0, 331, 30))
    with capsys.disabled():
        print(f"\n{checked} levers replayed on the whole ledger, differences below 1e-9")
    assert checked == 100


def test_levers_are_sorted_by_what_they_cost_and_change_no_past_fact(overdue):
    scorer = small().scorer
    for customer_id in overdue[:5]:
        outlook = levers(scorer, scorer.score([customer_id]), 50_000.0)
        amounts = [lever.amount for lever in outlook.helpful]
        assert amounts == sorted(amounts)
        for lever in outlook.helpful:
            assert set(lever.rows) <= {"payments", "events", "credit_terms"}
            for frame in lever.rows.values():
                day = next(c for c in ("paid_on", "occurred_on", "effective_on") if c in frame)
                assert (frame[day] == pd.Timestamp(scorer.served.data_known_to)).all()


def test_a_change_of_pd_is_split_exactly_across_a_change_of_model(overdue, capsys):
    scorer = small().scorer
    then = replace(small().default, calibration=Calibration(slope=0.7, intercept=-0.6))
    now, worst = scorer.served.data_known_to, 0.0
    since = now - timedelta(days=90)
    for customer_id in [*overdue[:3], str(scorer.served.prepared.owners.ids[3])]:
        split = changes(scorer, customer_id, since, now, then=then)
        total = split.pd_then + sum(part.change for part in split.parts)
        worst = max(worst, abs(total - split.pd_now))
        assert split.pd_now == pytest.approx(float(scorer.score([customer_id]).customers["pd"].iloc[0]), abs=1e-12)
        codes = {part.code for part in split.parts}
        assert {"time", "others", "policy", "model"} <= codes
        assert next(p for p in split.parts if p.code == "model").change != 0.0
        for part in split.parts:
            assert part.on is None or part.on <= now
    with capsys.disabled():
        print(f"\nlargest difference between the parts and the change: {worst:.1e}")
    assert worst < 1e-9


def test_without_anything_new_only_time_and_others_move(overdue):
    scorer = small().scorer
    now = scorer.served.data_known_to
    split = changes(scorer, overdue[0], now - timedelta(days=1), now)
    assert abs(split.pd_then + sum(p.change for p in split.parts) - split.pd_now) < 1e-9
