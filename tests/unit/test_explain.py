"""Explanations: parts that add up or nothing, points that keep their sign, reasons that differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import columns
from features.language import Unit
from models.explanation import MOST_OF_A_FAMILY, MOST_REASONS, NotAdditive, explain, reasons, sentence, shown

LOG_ODDS = st.integers(-3_000_000, 3_000_000).map(lambda millionths: millionths / 1e6)
COLUMNS = {c.name: c for c in columns()}
NAMES = [
    "late_share_12m",
    "late_share_3m",
    "late_30_share_12m",
    "days_past_due_mean_12m",
    "overdue_amount",
    "invoices_ever",
]


def explained(parts, base=-3.0, off=0.0):
    log_odds = pd.Series(parts, index=NAMES, dtype=float)
    return explain(
        base=base, log_odds=log_odds, values=log_odds * 0 + 0.5, margin=base + log_odds.sum() + off, columns=COLUMNS
    )


@given(st.lists(LOG_ODDS, min_size=6, max_size=6), LOG_ODDS)
def test_points_add_up_and_keep_sign_and_order(parts, base):
    found = explained(parts, base)
    table = found.contributions
    assert found.base_probability + table["points"].sum() == pytest.approx(found.probability, abs=1e-9)
    assert (np.sign(table["points"]) == np.sign(table["log_odds"])).all()
    assert found.families["log_odds"].sum() == pytest.approx(table["log_odds"].sum())


@pytest.mark.parametrize("off", [1.1e-6, -0.5, float("nan")])
def test_parts_that_miss_the_margin_are_never_shown(off):
    with pytest.raises(NotAdditive, match="log-odds"):
        explained([0.1] * 6, off=off)


def test_reasons_are_few_raise_the_risk_and_say_different_things():
    found = explained([0.9, 0.8, 0.7, 0.6, 0.5, -2.0])
    said = reasons(found, COLUMNS, "en")
    assert len(said) <= MOST_REASONS
    assert all(r.log_odds > 0 for r in said)
    assert "late_share_3m" not in [r.code for r in said]  # the same feature in another window
    families = [COLUMNS[r.code].family for r in said]
    assert max(families.count(f) for f in families) <= MOST_OF_A_FAMILY
    assert [r.code for r in reasons(found, COLUMNS, "en", raising=False)] == ["invoices_ever"]


def test_contributions_of_no_weight_are_no_reasons():
    assert reasons(explained([0.001] * 6), COLUMNS, "en") == []


@pytest.mark.parametrize(
    ("value", "unit", "en", "zh"),
    [
        (0.256, Unit.SHARE, "25.6 %", "25.6%"), (1.0, Unit.DAYS, "1 day", "1天"),
        (12.34, Unit.DAYS, "12.3 days", "12.3天"),
        (1234.5, Unit.MONEY, "1,234.50", "1,234.50"), (3.0, Unit.COUNT, "3", "3"), (float("nan"), Unit.RATIO, "–", "–"),
    ],
)  # fmt: skip
def test_values_as_a_person_reads_them(value, unit, en, zh):
    assert (shown(value, unit, "en"), shown(value, unit, "zh")) == (en, zh)


def test_every_column_has_a_sentence_in_both_languages_with_and_without_a_value():
    for column in COLUMNS.values():
        for value in (0.5, float("nan")):
            for language in ("en", "zh"):
                text = sentence(column, value, language)
                assert "{" not in text
                assert text[0] == text[0].upper()
