"""Translations of the pages' texts: one gettext catalogue a language, read from its .po file when first asked for.

A third language is one more file, `serving/locale/LANGUAGE/LC_MESSAGES/messages.po`. English texts are the keys, so its
catalogue is empty but for its header. Numbers, money and dates follow the language's locale (babel).
"""

from __future__ import annotations

import gettext
import io
import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import NumberPattern, format_decimal, format_percent, parse_pattern

FOLDER = Path(__file__).parent / "locale"
SOURCE_LANGUAGE = "en"
DOMAIN = "messages"
LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}  # the locale of a language's numbers and dates; else the language's own
Day = date
NOTHING = "–"  # shown for a value that is not known


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """Return the languages that have a catalogue, the source language first."""
    found = sorted(path.parent.parent.name for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
    return (SOURCE_LANGUAGE, *(name for name in found if name != SOURCE_LANGUAGE))


def chosen(language: str | None) -> str:
    """Return the language asked for where there is a catalogue for it, else the source language."""
    return language if language in languages() else SOURCE_LANGUAGE


@dataclass(frozen=True, kw_only=True)
class Translation:
    """One language: its texts, and how it writes numbers, shares, money and dates. None and NaN are shown as `–`."""

    language: str
    texts: gettext.NullTranslations
    locale: Locale

    def text(self, message: str, **numbers: object) -> str:
        """Return the message in this language, with {name} replaced by the keyword of that name."""
        found = self.texts.gettext(message)
        return found.format(**numbers) if numbers else found

    def plural(self, one: str, many: str, n: int, **numbers: object) -> str:
        """Return the form for n of a message with a number, `{n}` replaced by it."""
        return self.texts.ngettext(one, many, n).format(n=self.number(n, 0), **numbers)

    def number(self, value: float | None, digits: int = 1) -> str:
        """Return a number with at most `digits` digits after the point."""
        if _is_missing(value):
            return NOTHING
        pattern = "#,##0" + ("." + "#" * digits if digits else "")
        return format_decimal(_no_minus_zero(float(value), digits), format=_pattern(pattern), locale=self.locale)  # type: ignore[arg-type]

    def money(self, value: float | None, digits: int | None = None) -> str:
        """Return an amount without its currency; cents from `digits`, by default only below 1,000."""
        if _is_missing(value):
            return NOTHING
        amount = float(value)  # type: ignore[arg-type]
        if digits is None:
            digits = 0 if abs(amount) >= 1000 or amount == round(amount) else 2
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(_no_minus_zero(amount, digits), format=_pattern(pattern), locale=self.locale)

    def share(self, value: float | None, digits: int = 1) -> str:
        """Return a share of 1 as per cent."""
        if _is_missing(value):
            return NOTHING
        pattern = "#,##0" + ("." + "0" * digits if digits else "") + ("%" if self.language == "zh" else "\u00a0%")
        return format_percent(_no_minus_zero(float(value), digits + 2), format=_pattern(pattern), locale=self.locale)  # type: ignore[arg-type]

    def points(self, value: float | None, digits: int = 1) -> str:
        """Return a difference of shares in percentage points, with its sign."""
        if _is_missing(value):
            return NOTHING
        pattern = "+#,##0.{0};−#,##0.{0}".format("0" * digits)
        return format_decimal(_no_minus_zero(100 * float(value), digits), format=_pattern(pattern), locale=self.locale)  # type: ignore[arg-type]

    def signed(self, value: float | None, digits: int = 2) -> str:
        """Return a number with its sign."""
        if _is_missing(value):
            return NOTHING
        pattern = "+#,##0.{0};−#,##0.{0}".format("0" * digits)
        return format_decimal(_no_minus_zero(float(value), digits), format=_pattern(pattern), locale=self.locale)  # type: ignore[arg-type]

    def date(self, day: date | str | None) -> str:
        """Return a day as this language writes it."""
        if day is None or day == "":
            return NOTHING
        value = date.fromisoformat(day[:10]) if isinstance(day, str) else day
        return format_date(value, format="y年M月d日" if self.language == "zh" else "d MMM y", locale=self.locale)

    def day_month(self, day: Day) -> str:
        """Return a day without its year."""
        return format_date(day, format="M月d日" if self.language == "zh" else "d MMM", locale=self.locale)


@lru_cache(maxsize=8)
def translate(language: str) -> Translation:
    """Return the translation for a language that has a catalogue (see `languages`).

    Raises FileNotFoundError where there is no catalogue; `chosen` picks one that exists.
    """
    path = FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translation(
        language=language, texts=gettext.GNUTranslations(compiled),
        locale=Locale.parse(LOCALES.get(language, language)),
    )  # fmt: skip


@lru_cache(maxsize=64)
def _pattern(text: str) -> NumberPattern:
    """A number format, parsed once."""
    return parse_pattern(text)


def _is_missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _no_minus_zero(value: float, digits: int) -> float:
    """Return the value, with one that would be written −0 as 0."""
    return 0.0 if round(value, digits) == 0 else value
