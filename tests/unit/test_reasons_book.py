"""Reasons over whole books: no fact contradicts its direction, no theme speaks twice, nobody is left without a word.

The fast test takes a small book on several days; `test_reasons_of_2400_customers` (slow) a book of 2,400 customers with the
columns that the product's model uses. Both print how often each former fault occurs.
"""

from __future__ import annotations

import re
from collections import Counter

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from decisions.scorer import COLUMNS, Scorer
from decisions.scoring_ledger import ScoringLedger
from features.engine.histories import build
from features.engine.snapshots import active, month_ends
from ledger.default_status import PRIMARY, in_default
from ledger.ledger import read_ledger
from ledger.published_ratings import published_ratings
from models.calibration import Calibration
from models.default.model import DefaultModel
from models.default.term_structure import evenly_spread
from models.explanation import SMALLEST_REASON, explain, reasons_or_why_none, themes
from models.rating_scale import MASTER_SCALE
from models.reasons.sentences import ReasonFacts, reason_sentence
from models.reasons.table import Direction, reason_table
from models.reference import booster_against
from sample.generator import write_sample
from tests.served import small
from training.default.columns import SELECTED

FAULTS = (
    "a value of zero raises the risk", "a rating without the agency's grade", "a broken Chinese sentence",
    "a customer without any reason", "a missing value as a strength", "a bad value as a strength", "two reasons of a theme",
    "a minus zero", "a negative number of days", "a weekday code", "an unfilled place",
)  # fmt: skip


def faults_of_book(scorer: Scorer, X: pd.DataFrame, facts: dict[str, ReasonFacts]) -> tuple[Counter, int, int]:
    """(faults by name, customers, customers with a reason)."""
    base, parts = scorer.default.contributions(X)
    margins = scorer.default.predict(X)["margin"]
    found: Counter = Counter(dict.fromkeys(FAULTS, 0))
    with_reason = 0
    for place in range(len(X)):
        values = X.iloc[place]
        why = explain(
            base=base, log_odds=parts.iloc[place], values=values, margin=float(margins.iloc[place]), columns=COLUMNS
        )
        for language in ("en", "zh"):
            raised, lowered = reasons_or_why_none(
                why, COLUMNS, language, facts=facts.get(str(X.index[place]), ReasonFacts())
            )
            with_reason += bool(raised or lowered) and language == "en"
            for fault in _faults(raised, lowered, values, language):
                found[fault] += 1
    return found, len(X), with_reason


def _faults(raised, lowered, values, language):
    table = reason_table()
    if not raised and not lowered:
        yield "a customer without any reason"
    for said, direction in ((raised, Direction.RAISES), (lowered, Direction.LOWERS)):
        if len({r.theme for r in said}) != len(said):
            yield "two reasons of a theme"
        for reason in said:
            if reason.code not in COLUMNS:
                continue
            value, rule = float(values[reason.code]), table.rule(COLUMNS[reason.code])
            zero_is_bad = rule is not None and (rule.bad_up_to is not None)
            if direction is Direction.RAISES and value == 0 and not zero_is_bad:
                yield "a value of zero raises the risk"
            if (
                direction is Direction.LOWERS
                and np.isnan(value)
                and "missing_good" not in table.of("en").columns.get(table.key(COLUMNS[reason.code]), {})
            ):
                yield "a missing value as a strength"
            if (
                direction is Direction.LOWERS
                and not np.isnan(value)
                and rule is not None
                and not rule.allows(value, direction)
            ):
                yield "a bad value as a strength"
            if rule is not None and rule.is_rating and not np.isnan(value) and not re.search(r"\d", reason.text):
                yield "a rating without the agency's grade"
            if re.search(r"[-−]0(?![.\d])", reason.text):
                yield "a minus zero"
            if re.search(r"[-−]\d+(\.\d+)? ?(day|天)", reason.text):
                yield "a negative number of days"
            if re.search(r"weekday \d|星期代码", reason.text):
                yield "a weekday code"
            if "{" in reason.text:
                yield "an unfilled place"
            if language == "zh" and re.search(r"[A-Za-z]{3,}", re.sub(r"[Aa]gency [a-z]|EUR", "", reason.text)):
                yield "a broken Chinese sentence"


def facts_on(scorer: Scorer, ids: list[str], day) -> dict[str, ReasonFacts]:
    known = published_ratings(scorer.served.ledger, ids, day, scorer.served.prepared.owners)
    return {i: ReasonFacts(last=r.last, worst=r.worst, currency="EUR") for i, r in known.items()}


def test_no_former_fault_in_a_small_book_on_four_days(capsys):
    scorer = small().scorer
    ids = [str(i) for i in scorer.served.prepared.owners.ids]
    faults, customers = Counter(dict.fromkeys(FAULTS, 0)), 0
    for back in (0, 3, 6, 9):
        day = (pd.Timestamp(scorer.served.data_known_to) - pd.DateOffset(months=back)).date()
        snapshots = pd.DataFrame({"customer_id": pd.Series(ids, dtype="str"), "as_of": pd.Timestamp(day)})
        X = build(scorer.served.prepared, snapshots, columns=scorer.default.needed).set_axis(ids)
        found, count, said = faults_of_book(scorer, X, facts_on(scorer, ids, day))
        faults.update(found)
        customers += count
        assert said == count
    with capsys.disabled():
        print(f"\n{customers} customer days: " + ", ".join(f"{name} {n}" for name, n in faults.items()))
    assert customers >= 400
    assert sum(faults.values()) == 0


def test_a_good_value_has_no_sentence_for_a_raise_and_a_bad_one_none_for_the_opposite():
    table = reason_table()
    for name, column in COLUMNS.items():
        rule = table.rule(column)
        if rule is None:
            continue
        for value in (0.0, 0.02, 0.3, 1.0, 7.0, 45.0, 400.0):
            for direction in Direction:
                text = reason_sentence(column, value, direction, "en", ReasonFacts(currency="EUR"))
                assert (text is None) or rule.allows(value, direction), (name, value)


def test_every_rule_has_texts_in_every_language_and_the_versions_agree():
    table = reason_table()
    assert {t.version for t in table.texts.values()} == {table.version}
    for language, texts in table.texts.items():
        for key, forms in texts.columns.items():
            rule = table.rules[key]
            assert forms["label"], (language, key)
            can_raise = rule.bad_from is not None or rule.bad_up_to is not None
            assert can_raise == any(f.startswith("bad") for f in forms), (language, key)


def agreement(scorer: Scorer, X: pd.DataFrame, background: pd.DataFrame) -> tuple[int, int]:
    """(customers whose first reason is of one of the three themes that shap's own explainer ranks first, customers)."""
    base, parts = scorer.default.contributions(X)
    margins, agreed, asked = scorer.default.predict(X)["margin"], 0, 0
    table, bag = reason_table(), scorer.default.history
    others = bag.matrix(background)
    for place in range(len(X)):
        row = X.iloc[[place]]
        why = explain(
            base=base,
            log_odds=parts.iloc[place],
            values=row.iloc[0],
            margin=float(margins.iloc[place]),
            columns=COLUMNS,
        )
        raised, _ = reasons_or_why_none(why, COLUMNS, "en")
        if not raised or raised[0].code not in COLUMNS:
            continue
        own = sum(booster_against(b, bag.matrix(row), others)[0] for b in bag.members) / len(bag.members)
        effect: Counter = Counter()
        for name, value in zip(bag.columns, own, strict=True):
            effect[table.theme(COLUMNS[name])] += float(value)
        asked += 1
        agreed += raised[0].theme in {theme for theme, _ in effect.most_common(3)}
    return agreed, asked


def test_the_first_reason_is_among_the_three_themes_that_shap_ranks_first(capsys):
    scorer = small().scorer
    ids = [str(i) for i in scorer.served.prepared.owners.ids]
    X = scorer.score(ids).X
    X = X[X["days_since_first_invoice"].notna().to_numpy()].iloc[:60]
    agreed, asked = agreement(scorer, X, X.iloc[::3])
    with capsys.disabled():
        print(f"\nfirst reason among shap's first three themes: {agreed} of {asked}")
    assert asked >= 20
    assert agreed >= 0.95 * asked


@pytest.mark.slow
def test_reasons_of_2400_customers(tmp_path, capsys):
    write_sample(tmp_path / "ledger", customers=2400, months=30, seed=7)
    prepared = ScoringLedger.of(read_ledger(tmp_path / "ledger"))
    known = pd.Timestamp(prepared.data_known_to)
    rows = active(prepared.prepared, month_ends(known - pd.DateOffset(months=18), known - pd.DateOffset(months=9))[::3])
    X = build(prepared.prepared, rows, columns=SELECTED)
    later = rows.assign(as_of=rows["as_of"] + pd.DateOffset(months=8))
    y = in_default(prepared.ledger, later, PRIMARY, settlement=prepared.prepared.settlement).to_numpy(dtype=float)
    monotone = [int(COLUMNS[name].risk) for name in SELECTED]
    parameters = {"objective": "binary", "num_leaves": 12, "verbosity": -1, "num_threads": 1, "bagging_fraction": 0.7,
                  "bagging_freq": 1, "learning_rate": 0.05, "monotone_constraints": monotone}  # fmt: skip
    members = tuple(lgb.train({**parameters, "seed": k}, lgb.Dataset(X.to_numpy(), y), 80) for k in range(3))
    model = DefaultModel(
        columns=SELECTED, members=members, term_structure=evenly_spread(12), policy=PRIMARY,
        calibration=Calibration(slope=1.0, intercept=0.0), scale=MASTER_SCALE,
    )  # fmt: skip
    scorer = Scorer.with_models(prepared, model, small().delay)
    ids = [str(i) for i in prepared.prepared.owners.ids]
    snapshots = pd.DataFrame(
        {"customer_id": pd.Series(ids, dtype="str"), "as_of": pd.Timestamp(prepared.data_known_to)}
    )
    now = build(prepared.prepared, snapshots, columns=SELECTED).set_axis(ids)
    faults, customers, said = faults_of_book(scorer, now, facts_on(scorer, ids, prepared.data_known_to))
    agreed, asked = agreement(scorer, now.iloc[::8], now.iloc[::60])
    with capsys.disabled():
        print(f"\n{customers} customers: " + ", ".join(f"{name} {n}" for name, n in faults.items()))
        print(f"first reason among shap's first three themes: {agreed} of {asked}")
    assert sum(faults.values()) == 0
    assert said == customers == 2400
    assert agreed >= 0.95 * asked


def test_a_theme_counts_with_the_sum_of_its_columns():
    scorer = small().scorer
    X = scorer.score([str(scorer.served.prepared.owners.ids[5])]).X
    base, parts = scorer.default.contributions(X)
    margin = float(scorer.default.predict(X)["margin"].iloc[0])
    why = explain(base=base, log_odds=parts.iloc[0], values=X.iloc[0], margin=margin, columns=COLUMNS)
    found = themes(why, COLUMNS)
    assert base + sum(effect for _, effect, _ in found) == pytest.approx(margin, abs=1e-9)
    assert why.base_probability + sum(points for *_, points in found) == pytest.approx(why.probability, abs=1e-9)
    assert SMALLEST_REASON == 0.05
