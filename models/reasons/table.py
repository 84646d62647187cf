"""The versioned table of reasons: which fact may be a reason in which direction, its theme, and its sentences.

Rules stand in `table.toml`, texts in one file a language (`en.toml`, `zh.toml`); a third language is one more file.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr

from features.language import Column
from ledger.errors import InputError

FOLDER = Path(__file__).parent
SMALLEST_ZERO = 5e-4  # a share or ratio below it is shown as 0


class Direction(Enum):
    """Which way a reason moves the risk."""

    RAISES = 1
    LOWERS = -1


class Rule(BaseModel):
    """When a fact may be a reason; see the head of table.toml for the meaning of each field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str
    bad_from: float | None = None
    good_up_to: float | None = None
    bad_up_to: float | None = None
    good_from: float | None = None
    letter_safe: bool = True
    is_rating: bool = False
    missing_is_good: bool = False

    def allows(self, value: float, direction: Direction) -> bool:
        """Return whether a known value may be given as a reason in this direction."""
        if direction is Direction.RAISES:
            return (self.bad_from is not None and value >= self.bad_from) or (
                self.bad_up_to is not None and value <= self.bad_up_to
            )
        return (self.good_up_to is not None and value <= self.good_up_to) or (
            self.good_from is not None and value >= self.good_from
        )


class Texts(BaseModel):
    """One language: sentences and labels by feature, names of themes and windows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    nothing_moved: str
    many_small: str
    windows: Mapping[str, str]
    themes: Mapping[str, str]
    columns: Mapping[str, Mapping[str, str]]


class ReasonTable(BaseModel):
    """The rules by feature and the texts by language, of one version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    rules: Mapping[str, Rule]
    order: tuple[str, ...]
    texts: Mapping[str, Texts]
    _keys: dict[str, str] = PrivateAttr(default_factory=dict)  # feature -> its name here

    def key(self, column: Column) -> str:
        """Return the name under which the table knows a column: its feature, with or without its window."""
        found = self._keys.get(column.feature)
        if found is None:
            feature = column.feature.removesuffix("_{window}")
            found = self._keys[column.feature] = feature if feature in self.rules else _WINDOW.sub("", feature)
        return found

    def rule(self, column: Column) -> Rule | None:
        """Return the rule of a column's feature, None where the table has none."""
        return self.rules.get(self.key(column))

    def theme(self, column: Column) -> str:
        """Return a column's theme; its family of the catalogue where the table has no rule for it."""
        rule = self.rule(column)
        return column.family if rule is None else rule.theme

    def theme_name(self, theme: str, language: str) -> str:
        """Return a theme's name in a language."""
        return self.of(language).themes.get(theme, theme)

    def label(self, column: Column, language: str) -> str | None:
        """Return the name of a column's fact, None where the table has no rule for it."""
        texts = self.of(language)
        label = texts.columns.get(self.key(column), {}).get("label")
        return None if label is None else label.replace("{window}", texts.windows.get(window_of(column), ""))

    def template(self, column: Column, value: float, direction: Direction, language: str) -> str | None:
        """Return the sentence of a value given as a reason in a direction, with the places of its numbers.

        None where this value may not be given in this direction: the fact would not agree with what it is said to do.
        """
        rule, texts = self.rule(column), self.of(language)
        if rule is None:
            return None
        forms = texts.columns[self.key(column)]
        side = "bad" if direction is Direction.RAISES else "good"
        if math.isnan(value):
            found = forms.get(f"missing_{side}")
        elif not rule.allows(value, direction):
            found = None
        else:
            found = forms.get(_form(side, value, forms), forms.get(side))
        return None if found is None else found.replace("{window}", texts.windows.get(window_of(column), ""))

    def of(self, language: str) -> Texts:
        """Return the texts of a language. Raises InputError for a language that has none."""
        if language not in self.texts:
            raise InputError(f"language must be one of {', '.join(self.texts)}. Got {language!r} instead.")
        return self.texts[language]


def _form(side: str, value: float, forms: Mapping[str, str]) -> str:
    """The key of the form that a value takes: of zero, of one, of all, early, or the general one."""
    if abs(value) < SMALLEST_ZERO:
        return f"{side}_zero"
    if value < 0:
        return f"{side}_early"
    if f"{side}_one" in forms and value == 1.0:
        return f"{side}_one"
    if f"{side}_all" in forms and value >= 0.9995:
        return f"{side}_all"
    return side


_WINDOW = re.compile(r"_(1m|3m|6m|12m|24m)$")


def window_of(column: Column) -> str:
    """Return a column's window as its name writes it (12m), '' without one."""
    found = _WINDOW.search(column.name)
    return "" if found is None else found.group(1)


@lru_cache(maxsize=1)
def reason_table() -> ReasonTable:
    """Return the bundled table. Raises InputError where a rule has no text in a language, or a text no rule."""
    raw = _read("table.toml")
    texts = {path.stem: Texts(**_read(path.name)) for path in sorted(FOLDER.glob("*.toml")) if path.stem != "table"}
    table = ReasonTable(
        version=raw["version"], rules={name: Rule(**rule) for name, rule in raw["columns"].items()},
        order=tuple(raw["themes"]["order"]), texts=texts,
    )  # fmt: skip
    for language, own in texts.items():
        if odd := set(own.columns) ^ set(table.rules):
            raise InputError(f"reasons, {language}: rules and texts differ in {', '.join(sorted(odd))}.")
    return table


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
