"""Sentences of reasons and of plain facts: a value in its unit, in the words and the number formats of a language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, parse_pattern

from features.language import Column, Unit
from ledger.published_ratings import PublishedRating
from ledger.rating_scales import scale_named
from models.reasons.table import Direction, reason_table

LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}  # the locale of a language's numbers and dates; else the language's own
NUMBERS_KEPT = 20_000  # rounded numbers whose text is kept in memory
NOT_KNOWN = {"en": "not known", "zh": "未知"}


@dataclass(frozen=True, kw_only=True)
class ReasonFacts:
    """What sentences say beside the model's columns: the ratings behind them, and the currency of amounts.

    last, worst : None where no rating is known. currency : ISO 4217, '' leaves amounts without one.
    """

    last: PublishedRating | None = None
    worst: PublishedRating | None = None
    currency: str = ""


NO_FACTS = ReasonFacts()


def is_letter_safe(column: Column) -> bool:
    """Return whether a column's fact may stand in a text for the customer; one that the table does not know may not."""
    rule = reason_table().rule(column)
    return rule is not None and rule.letter_safe


def reason_sentence(
    column: Column, value: float, direction: Direction, language: str, facts: ReasonFacts = NO_FACTS
) -> str | None:
    """Return a value's sentence as a reason in a direction; None where the value does not agree with it.

    A column without a rule in the table speaks by the catalogue's sentence, and only where its declared direction and
    its value agree; a code, a missing value or a column without a direction is then no reason.
    """
    table = reason_table()
    rule = table.rule(column)
    if rule is None:
        agrees = not math.isnan(value) and abs(value) >= 5e-4 and column.risk.value == direction.value
        return sentence(column, value, language) if agrees and column.unit is not Unit.CODE else None
    template = table.template(column, value, direction, language)
    if template is None:
        return None
    numbers = {"value": shown(abs(value), column.unit, language, currency=facts.currency)}
    if "points" in template or "个百分点" in template:
        numbers["value"] = _plain(100 * abs(value), 1, language)
    numbers["share"] = shown(abs(value), Unit.SHARE, language)
    numbers["years"] = _years(value, language)
    if "{rating}" in template:
        rating = facts.worst if column.name == "rating_risk_max" else facts.last
        if rating is None:
            return _unnamed_rating(direction, language)
        numbers |= _rating_words(rating, language)
    text = template.format(**numbers)
    return text[0].upper() + text[1:]


def _rating_words(rating: PublishedRating, language: str) -> dict[str, str]:
    source = rating.source.replace("_", " ")
    return {
        "source": source[0].upper() + source[1:], "rating": rating.value, "scale": scale_words(rating.scale, language),
        "rated_on": shown_date(rating.rated_on, language),
    }  # fmt: skip


_UNNAMED = {
    ("en", Direction.RAISES): "The agency rating is weak", ("en", Direction.LOWERS): "The agency rating is good",
    ("zh", Direction.RAISES): "机构评级偏弱", ("zh", Direction.LOWERS): "机构评级良好",
}  # fmt: skip


def _unnamed_rating(direction: Direction, language: str) -> str:
    return _UNNAMED.get((language, direction), _UNNAMED["en", direction])


def scale_words(name: str, language: str) -> str:
    """Return what a rating scale's bounds mean in words: 1 best, 10 worst; its name where it is not known."""
    scale = scale_named(name)
    if scale is None:
        return name
    best, worst = _plain(scale.best, 0, language), _plain(scale.worst, 0, language)
    return f"{best} 最好，{worst} 最差" if language == "zh" else f"{best} is best, {worst} worst"


def sentence(column: Column, value: float, language: str) -> str:
    """Return a column's value as a neutral fact. Raises InputError for a language that has no texts."""
    label = reason_table().label(column, language)
    if label is not None:
        return f"{label}{'：' if language == 'zh' else ': '}{shown(value, column.unit, language)}"
    value_text = shown(value, column.unit, language)
    if math.isnan(value):
        value_text = f"({value_text})" if language != "zh" else f"（{value_text}）"
    text = column.reason.get(language, column.meaning).replace("{value}", value_text)
    return text[0].upper() + text[1:]


def shown(value: float, unit: Unit, language: str, *, currency: str = "") -> str:
    """Return a value as a person reads it in its unit and language; `not known` for a missing one."""
    if math.isnan(value):
        return NOT_KNOWN.get(language, "–")
    match unit:
        case Unit.SHARE:
            number = _plain(100 * value, 1 if abs(value) < 0.1 else 0, language)
            return f"{number}%" if language == "zh" else f"{number}\u00a0%"
        case Unit.DAYS:
            number = _plain(value, 1 if abs(value) < 10 else 0, language)
            if language == "zh":
                return f"{number}天"
            return f"{number} day" if number in ("1", "−1") else f"{number} days"
        case Unit.MONEY:
            amount = _plain(value, 0 if abs(value) >= 1000 else 2, language)
            return f"{amount} {currency}" if currency else amount
        case Unit.COUNT | Unit.CODE:
            return _plain(value, 0, language)
        case Unit.INDEX:
            return _plain(value, 1, language)
        case _:
            return _plain(value, 2 if abs(value) < 10 else 0, language)


def _plain(value: float, digits: int, language: str) -> str:
    """A number by the language's locale, without −0 and without empty digits."""
    return _formatted(0.0 if round(value, digits) == 0 else round(value, digits), digits, language)


@lru_cache(maxsize=NUMBERS_KEPT)
def _formatted(value: float, digits: int, language: str) -> str:
    return format_decimal(value, format=_pattern(digits), locale=_locale(language))


@lru_cache(maxsize=16)
def _pattern(digits: int) -> NumberPattern:
    whole = "#,##0" + ("." + "#" * digits if digits else "")
    return parse_pattern(f"{whole};−{whole}")


@lru_cache(maxsize=16)
def _locale(language: str) -> Locale:
    return Locale.parse(LOCALES.get(language, language))


def _years(days: float, language: str) -> str:
    """A span of days in years, or months below two years."""
    if math.isnan(days):
        return NOT_KNOWN.get(language, "–")
    months = round(days / 30.44)
    if months < 24:
        return f"{months}个月" if language == "zh" else f"{months} months"
    years = _plain(days / 365.25, 1 if days < 5 * 365 else 0, language)
    return f"{years}年" if language == "zh" else f"{years} years"


def shown_date(day: date, language: str) -> str:
    """Return a day as the language writes it."""
    pattern = "y年M月d日" if language == "zh" else "d MMM y"
    return format_date(day, format=pattern, locale=_locale(language))
