"""The monitor: a change is an alarm only beyond the ledger's own past and in effect, its cause first."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from benchmarks.monitor import DISTURBANCES
from ledger.errors import InputError
from ledger.known import known_on
from ledger.ledger import Ledger
from sample.generator import sample
from tests.served import small
from training.lifecycle.monitor_null import ALARM, NOTE, QUIET, UNKNOWN, verdict, verdicts, weights_of
from training.lifecycle.monitor_report import Champion, monitor
from training.lifecycle.monitor_series import DATA, FEED, Months, Series, ledger_series

CUSTOMERS, MONTHS = 80, 35


def series(
    values: list[float], *, noise: float = 0.0, least: float = 0.1, name: str = "s", family: str = FEED
) -> Series:
    """A share of 100 per customer and month, the same of all customers but for noise."""
    rng = np.random.default_rng(0)
    rows = np.array(values)[None, :] + noise * rng.normal(size=(CUSTOMERS, len(values)))
    return Series(
        name=name, title="a share", family=family, numerator=100 * rows, denominator=np.full(rows.shape, 100.0), scale="share",
        least_effect=least, cause="the cause",
    )  # fmt: skip


def level(of: Series, count: int = 10) -> str:
    return verdict(of, count=count, weights=weights_of(CUSTOMERS, 100, 0)).level


def test_a_step_is_an_alarm_a_small_one_a_note_and_none_is_quiet() -> None:
    flat = [0.5] * (MONTHS - 1)
    assert level(series([*flat, 0.5], noise=0.02)) == QUIET
    assert level(series([*flat, 0.55], noise=0.02)) == NOTE  # beyond chance, not beyond the least effect
    assert level(series([*flat, 0.8], noise=0.02)) == ALARM
    assert level(series([*flat, 0.8], noise=0.02, least=0.5)) == NOTE


def test_a_note_names_no_cause_and_a_kind_of_row_that_the_ledger_never_held_is_not_known() -> None:
    flat, weights = [0.5] * (MONTHS - 1), weights_of(CUSTOMERS, 100, 0)
    small_step, step = (
        verdict(series([*flat, value], noise=0.02), count=10, weights=weights).text for value in (0.55, 0.8)
    )
    assert small_step.startswith("a share 0.5")
    assert "; an alarm is a change beyond 0.100" in small_step
    assert step.startswith("the cause: a share 0.8")
    none = replace(series([0.0] * MONTHS), scale="log")
    assert verdict(none, count=10, weights=weights).text == "a share: not known yet (the ledger holds none)"


def test_a_season_that_the_past_shows_is_no_alarm() -> None:
    season = [0.5 + 0.2 * (k % 12 == (MONTHS - 1) % 12) for k in range(MONTHS)]
    assert season[-1] == 0.7  # the newest month is a seasonal peak that the twelfth month before had too
    assert level(series(season, noise=0.01)) != ALARM


def test_too_short_a_past_is_not_known_yet() -> None:
    found = verdict(series([0.5] * 8), count=1, weights=weights_of(CUSTOMERS, 50, 0))
    assert found.level == UNKNOWN
    assert found.text == "a share: not known yet (8 months with values; 17 are needed)"


def test_causes_come_before_what_follows_from_them() -> None:
    flat = [0.5] * (MONTHS - 1)
    both = [series([*flat, 0.9], name="late", family="behaviour"), series([*flat, 0.8], name="terms", family=DATA)]
    assert [v.series.name for v in verdicts(both)] == ["terms", "late"]


@cache
def world() -> Ledger:
    return sample(customers=120, months=38, seed=5).ledger


def alarms(ledger: Ledger, as_of: pd.Timestamp) -> list[str]:
    known = known_on(ledger, as_of)
    return [
        v.series.name for v in verdicts(ledger_series(known, Months.until(as_of, MONTHS, known))) if v.level == ALARM
    ]


def test_a_ledger_without_a_change_is_quiet() -> None:
    last = pd.Timestamp(world().last_known_on)
    assert alarms(world(), last) == []


@pytest.mark.parametrize(
    "name", ["payment feed cut", "terms 30 → 60", "amounts × 100", "import doubled", "currency swapped"]
)
def test_a_disturbance_is_found_in_its_second_month_with_its_cause_among_the_first_lines(name: str) -> None:
    change, causes = DISTURBANCES[name]
    last = pd.Timestamp(world().last_known_on)
    tables = {n: f.copy() for n, f in world().tables.items() if len(f)}
    lines = alarms(Ledger.from_frames(**change(tables, last - pd.offsets.MonthEnd(2))), last)
    assert any(line.startswith(causes) for line in lines[:3]), lines


def test_months_use_only_what_was_booked_by_their_end() -> None:
    last = pd.Timestamp(world().last_known_on)
    before = last - pd.offsets.MonthEnd(4)
    known = known_on(world(), before)
    whole = {s.name: s.values() for s in ledger_series(world(), Months.until(last, 12, world()))}
    cut = {s.name: s.values() for s in ledger_series(known, Months.until(before, 8, known))}
    for name in ("invoices_booked", "payments_per_due", "terms_days", "late_5", "late_30"):
        assert whole[name][:8] == pytest.approx(cut[name], abs=0.02), name  # bookings after the lag are the difference


@pytest.fixture(scope="module")
def report():
    known = small()
    as_of = pd.Timestamp(known.ledger.last_known_on)
    champion = Champion(model=known.default, version="1", trained_on=as_of - pd.DateOffset(months=8))
    delay = Champion(model=known.delay, version="1", trained_on=as_of - pd.DateOffset(months=8))
    return monitor(known.ledger, as_of, champion, delay)


def test_the_report_holds_the_ladder_and_says_what_is_not_known_yet(report) -> None:
    names = [rung.name for rung in report.rungs]
    assert names[0].endswith("days of arrears within 3 months")
    assert names[1:] == ["default within 3 months", "default within 6 months", "default within 12 months"]
    assert report.rungs[-1].level == UNKNOWN
    assert "the first outcomes are mature on" in report.rungs[-1].text
    assert report.rungs[1].customers > 20
    assert 0 <= report.delay.coverage <= 1
    assert set(report.freshness) >= {"invoices", "payments"}
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["as_of"] == report.as_of
    html = report.to_html()
    assert "<script" not in html
    assert not re.search(r'(src|href)="', html)


def test_a_day_is_not_compared_with_itself() -> None:
    known = small()
    as_of = pd.Timestamp(known.ledger.last_known_on)
    with pytest.raises(InputError, match="a day compared with itself"):
        monitor(known.ledger, as_of, Champion(model=known.default, version="1", trained_on=as_of))
