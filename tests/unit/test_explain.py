"""Explanations: parts that add up or nothing, points that keep their sign, reasons that differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import columns
from features.language import Unit
from models.explanation import MOST_REASONS, NotAdditive, explain, reasons, reasons_or_why_none
from models.reasons.sentences import sentence, shown

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


def test_one_reason_a_theme_by_its_largest_contribution_and_its_summed_effect():
    found = explained([0.9, 0.8, 0.7, 0.6, 0.5, -2.0])
    said = reasons(found, COLUMNS, "en")
    assert len(said) <= MOST_REASONS
    # four columns of lateness are one reason, with 0.9 + 0.8 + 0.7 + 0.6; the overdue amount is another
    assert [(r.code, round(r.log_odds, 9)) for r in said] == [("late_share_12m", 3.0), ("overdue_amount", 0.5)]
    # half an invoice so far speaks for nobody: the contribution is there, the reason is not
    assert reasons(found, COLUMNS, "en", raising=False) == []


def test_a_good_value_never_raises_and_a_bad_one_never_lowers():
    zero = pd.Series([0.4] * 6, index=NAMES)
    found = explain(base=-3.0, log_odds=zero, values=zero * 0, margin=-0.6, columns=COLUMNS)
    assert [r.text for r in reasons(found, COLUMNS, "en")] == ["No invoice was issued so far"]
    bad = explain(base=-3.0, log_odds=-zero, values=zero * 0 + 9.0, margin=-5.4, columns=COLUMNS)
    assert reasons(bad, COLUMNS, "en", raising=False) == []


def test_no_customer_is_without_a_word():
    raised, lowered = reasons_or_why_none(explained([0.001] * 6), COLUMNS, "en")
    assert [r.code for r in raised] == ["nothing_moved"]
    assert lowered == []
    raised, _ = reasons_or_why_none(explained([0, 0, 0, 0, 0, -0.3]), COLUMNS, "zh")
    assert [r.code for r in raised] == ["many_small"]


def test_contributions_of_no_weight_are_no_reasons():
    assert reasons(explained([0.001] * 6), COLUMNS, "en") == []


@pytest.mark.parametrize(
    ("value", "unit", "en", "zh"),
    [
        (0.256, Unit.SHARE, "26\u00a0%", "26%"), (1.0, Unit.DAYS, "1 day", "1天"),
        (12.34, Unit.DAYS, "12 days", "12天"),
        (1234.5, Unit.MONEY, "1,234", "1,234"), (-0.01, Unit.DAYS, "0 days", "0天"), (3.0, Unit.COUNT, "3", "3"), (float("nan"), Unit.RATIO, "not known", "未知"),
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
