"""The steering reports as pages and in Chinese: the numbers are the same, the words are not."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from decisions.chinese import in_chinese
from decisions.collections_policy import CollectionsPolicy, LatePaymentLaw
from decisions.early_warning import WatchPolicy
from decisions.policy_files import read_policy
from decisions.steering.watchlist import watched, watchlist_report
from decisions.steering.worklist import worklist_report
from serving.pages.layout import Session
from serving.pages.steering import steering_page
from serving.reports.html import page
from tests.served import small

LETTERS = re.compile(r"[A-Za-z]{4,}")
KNOWN_TO_BOTH = {
    "collections",
    "late_payment",
    "tradecredit",
    "report",
    "worklist",
    "watchlist",
    "LEDGER",
    "watch",
    "test",
}


def worklist(language: str):
    policy, law = read_policy(CollectionsPolicy, "collections"), read_policy(LatePaymentLaw, "late_payment")
    on = pd.Timestamp(small().prepared.data_known_to)
    return worklist_report(
        small().ledger, on, policy=policy, law=law, command="tradecredit report worklist LEDGER", language=language
    )[0]


@pytest.fixture(scope="module")
def both():
    return {language: worklist(language) for language in ("en", "zh")}


def test_a_worklist_holds_every_overdue_item_once(both):
    found = both["en"]
    rows = [
        row["invoice_id"]
        for t in found.tables
        if t.name in ("items", "leave alone", "disputes", "held out")
        for row in t.rows()
    ]
    assert len(rows) == len(set(rows))
    assert len(rows) <= found.facts["overdue_items"]
    assert found.facts["to_act_on"] == len(next(t for t in found.tables if t.name == "items").rows())


def test_chinese_has_the_same_numbers_and_its_own_words(both):
    english, chinese = both["en"], both["zh"]
    assert chinese.title == "催收工作清单"
    for own, other in zip(english.tables, chinese.tables, strict=True):
        assert own.title != other.title
        numbers = [c.name for c in own.columns if c.kind in ("money", "number", "share", "days", "integer")]
        assert own.frame[numbers].equals(other.frame[numbers])
        untranslated = [c.label for c in other.columns if LETTERS.search(c.label)]
        assert untranslated == []
    assert not any(LETTERS.search(str(name)) for name in chinese.facts)
    assert not any(LETTERS.search(re.sub(r"late_payment", "", note)) for note in chinese.notes)


def test_pages_in_both_languages_are_whole_documents(both):
    for language, report in both.items():
        html = steering_page(report, here="worklist", path="/worklist", language=language, session=Session())
        assert report.title in html
        assert "/report.css" in html
        assert ("合计" in html) == (language == "zh")
        alone = page(report, language)
        assert "<script" not in alone
        assert 'lang="zh-Hans"' in alone or language == "en"


def test_the_watch_list_says_what_changed_in_both_languages():
    scorer, policy = small().scorer, read_policy(WatchPolicy, "watch")
    on = small().prepared.data_known_to
    back, month = pd.Timedelta(days=policy.back_days), pd.Timedelta(days=30)
    days = {
        "now": watched(scorer, on), "before": watched(scorer, (pd.Timestamp(on) - back).date()),
        "month_ago": watched(scorer, (pd.Timestamp(on) - month).date()),
        "month_ago_before": watched(scorer, (pd.Timestamp(on) - month - back).date()),
    }  # fmt: skip
    report = watchlist_report(
        small().ledger,
        on,
        days,
        policy,
        command="tradecredit report watchlist LEDGER",
        currency="EUR",
        model_words="test",
    )
    listed = sum(len(t.rows()) for t in report.tables if t.name in ("changed", "unchanged"))
    assert listed == round(policy.listed_share * report.facts["customers_scored"]) == report.facts["listed"]
    for row in (r for t in report.tables if t.name == "changed" for r in t.rows()):
        assert row["words"]
        assert re.search("[一-鿿]", row["words_zh"])
    chinese = in_chinese(report)
    assert [t.title for t in chinese.tables] == ["风险发生变化的客户", "仅因违约概率较高而列入", "近 30 天名单变动"]
