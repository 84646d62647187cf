"""Reports in Chinese: words by a vocabulary, sentences with places, ids and numbers left as they are."""

from __future__ import annotations

from datetime import date

import pandas as pd

from decisions.chinese import MONTHLY, Vocabulary, in_chinese
from decisions.report import Chart, Report, Table, money, text


def test_a_sentence_keeps_its_numbers_and_the_longest_text_decides() -> None:
    words = Vocabulary(
        words={"{} of {}": "{}/{}", "{} of {} late": "{}/{} 逾期", "{w} version {w}": "{w} 第 {w} 版"},
        codes={},
        code_columns=(),
    )
    assert words.word("3 of 4 late") == "3/4 逾期"
    assert words.word("3 of 4") == "3/4"
    assert words.word("model version 2") == "model 第 2 版"
    assert words.word("there is no version x yet") == "there is no version x yet"


def test_every_text_has_as_many_places_in_both_languages() -> None:
    for english, chinese in MONTHLY.words.items():
        assert english.count("{}") == chinese.count("{}"), english
        assert english.count("{w}") == chinese.count("{w}"), english


def report(title: str) -> Report:
    frame = pd.DataFrame({"key": ["food", "not given"], "amount": [1.5, 2.0]})
    table = Table(name="ageing", title=title, columns=[text("key", "industry"), money("amount", "open")], frame=frame)
    chart = Chart(
        name="dso",
        title="DSO is 41.0 days on 2024-12-31",
        kind="line",
        categories=["Jun 24"],
        series={"DSO": [41.0]},
        unit="days",
    )
    return Report(name="ageing", title="Ageing by industry", as_of=date(2024, 12, 31), known_to=date(2024, 12, 31), command="x",
                  tables=[table], charts=[chart], notes=["Weighted factor 1.09."])  # fmt: skip


def test_titles_labels_cells_and_charts_are_put_into_chinese() -> None:
    chinese = in_chinese(report("Open balance by days past due and industry"), MONTHLY)
    assert chinese.title == "账龄分析（按行业）"
    assert list(chinese.tables[0].frame["key"]) == ["食品", "未给出"]
    assert [column.label for column in chinese.tables[0].columns] == ["行业", "未结"]
    assert chinese.charts[0].title == "DSO 为 41.0 天（2024-12-31）"
    assert list(chinese.charts[0].categories) == ["24-06"]
    assert chinese.charts[0].unit == "天数"
    assert list(chinese.notes) == ["加权系数 1.09。"]


def test_a_customer_whose_id_is_a_word_keeps_it() -> None:
    chinese = in_chinese(report("Open balance by days past due and customer"), MONTHLY)
    assert list(chinese.tables[0].frame["key"]) == ["food", "not given"]
