"""Reports in Chinese: titles, labels, facts, sentences and codes by a vocabulary; numbers, ids and names stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from decisions.monthly import words_zh as monthly
from decisions.report import FLAG, TEXT, Chart, Report, Table
from decisions.steering import words_zh as steering

PLACE = re.compile(r"\{w?\}")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHORT_MONTH = re.compile(rf"({'|'.join(MONTHS)}) (\d\d)")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Words of a family of reports.

    words : English text -> Chinese text; `{}` in both stands for whatever changes (a number, a day, a name), in the same order,
        `{w}` for what changes and holds no blank.
    codes : what cells of `code_columns` hold -> Chinese text, with `{}` likewise.
    """

    words: Mapping[str, str]
    codes: Mapping[str, str]
    code_columns: Sequence[str]

    def word(self, text: str) -> str:
        """Return a text in Chinese, the text itself where there is no word for it."""
        return self._of(text, self.words, self._sentences)

    def code(self, text: str) -> str:
        """Return what a cell holds in Chinese, the cell itself where there is no word for it."""
        return self._of(text, self.codes, self._coded)

    def label(self, text: str) -> str:
        """Return the words over a column or of a series in Chinese."""
        return self.word(text) if self.word(text) != text else self.code(text)

    def _of(self, text: str, exact: Mapping[str, str], templates: Sequence[tuple[re.Pattern[str], str]]) -> str:
        if text in exact:
            return exact[text]
        for pattern, chinese in templates:
            if match := pattern.fullmatch(text):
                return chinese.format(*(exact.get(part, part) for part in match.groups()))
        return text

    @cached_property
    def _sentences(self) -> list[tuple[re.Pattern[str], str]]:
        return _templates(self.words)

    @cached_property
    def _coded(self) -> list[tuple[re.Pattern[str], str]]:
        return _templates(self.codes)


def _templates(words: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    """The texts with places, as patterns; the longest first, so that the most particular one decides."""
    ordered = sorted((text for text in words if PLACE.search(text)), key=len, reverse=True)
    return [(_pattern(text), PLACE.sub("{}", words[text])) for text in ordered]


def _pattern(text: str) -> re.Pattern[str]:
    places = {"{}": "(.+?)", "{w}": r"(\S+)"}
    parts = re.split(r"(\{w?\})", text)
    return re.compile("".join(places.get(part, re.escape(part)) for part in parts))


STEERING = Vocabulary(words=steering.WORDS, codes=steering.CODES, code_columns=steering.CODE_COLUMNS)
MONTHLY = Vocabulary(words={**steering.WORDS, **monthly.WORDS}, codes=monthly.WORDS, code_columns=monthly.CELL_COLUMNS)


def in_chinese(report: Report, vocabulary: Vocabulary = STEERING) -> Report:
    """Return a report with Chinese titles, labels, facts, sentences and codes; numbers, ids and names stay. Where the report
    has a column of Chinese sentences (words_zh), it takes the place of the English ones."""
    return replace(
        report,
        title=vocabulary.word(report.title),
        facts={
            vocabulary.word(name.replace("_", " ")): vocabulary.word(value) if isinstance(value, str) else value
            for name, value in report.facts.items()
        },
        tables=[_table(table, vocabulary) for table in report.tables],
        charts=[_chart(chart, vocabulary) for chart in report.charts],
        notes=[vocabulary.word(note) for note in report.notes],
        warnings=[vocabulary.word(warning) for warning in report.warnings],
    )


def _table(table: Table, vocabulary: Vocabulary) -> Table:
    frame = table.frame.copy()
    coded = {*vocabulary.code_columns}
    if any(words in table.title for words in ("segment", "industry", "By month")):
        coded.add("key")  # elsewhere a key is a customer's id
    for column in table.columns:
        if column.name in coded and column.kind == TEXT and column.name in frame:
            cells = [vocabulary.code(value) if isinstance(value, str) else value for value in frame[column.name]]
            frame[column.name] = cells
        if column.kind == FLAG and column.name in frame:
            frame[column.name] = ["是" if value else "否" for value in frame[column.name]]
    if "words_zh" in frame and "words" in frame:
        frame["words"] = frame["words_zh"]
    columns = [
        replace(column, label=vocabulary.label(column.label), kind=TEXT if column.kind == FLAG else column.kind)
        for column in table.columns
    ]
    return replace(
        table, title=vocabulary.word(table.title), note=vocabulary.word(table.note), columns=columns, frame=frame
    )


def _chart(chart: Chart, vocabulary: Vocabulary) -> Chart:
    series = {vocabulary.label(name): values for name, values in chart.series.items()}
    categories = [_month(vocabulary.label(text)) if isinstance(text, str) else text for text in chart.categories]
    unit = vocabulary.word(chart.unit)
    return replace(chart, title=vocabulary.word(chart.title), series=series, categories=categories, unit=unit)


def _month(text: str) -> str:
    """A short month such as 'Jun 24' as 24-06."""
    match = SHORT_MONTH.fullmatch(text)
    return text if match is None else f"{match[2]}-{MONTHS.index(match[1]) + 1:02d}"
