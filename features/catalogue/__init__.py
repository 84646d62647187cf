"""The catalogue: every feature that the project knows, by theme. Adding one is adding one entry to a theme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from features.catalogue import (
    behaviour,
    exposure,
    external,
    habit,
    item,
    peers,
    rhythm,
    similar_invoices,
    tenure,
    timeliness,
    trend,
    turnover,
)
from features.language import Column, Feature, Level
from ledger.errors import InputError

THEMES = (
    timeliness,
    rhythm,
    habit,
    trend,
    exposure,
    turnover,
    behaviour,
    peers,
    external,
    tenure,
    item,
    similar_invoices,
)


@dataclass(frozen=True)
class Catalogue:
    """Declared features in their order; a feature's family is its theme's name."""

    features: tuple[Feature, ...]

    @cached_property
    def _columns(self) -> tuple[Column, ...]:
        found = tuple(column for feature in self.features for column in feature.columns())
        repeated = [name for name, n in Counter(c.name for c in found).items() if n > 1]
        if repeated:
            raise InputError(
                f"catalogue: columns {', '.join(repeated)} are declared twice; give each feature its own name."
            )
        return found

    def columns(self, *, level: Level | str | None = None) -> tuple[Column, ...]:
        """Return the matrix columns in order; of one level (`customer`, `item`) or of both."""
        return self._columns if level is None else self._by_level[Level(level)]

    @cached_property
    def _by_level(self) -> dict[Level, tuple[Column, ...]]:
        return {level: tuple(c for c in self._columns if c.level is level) for level in Level}

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self._columns}

    def __getitem__(self, name: str) -> Column:
        if name not in self._by_name:
            raise InputError(f"'{name}' is not a column of the catalogue; see features/catalogue/CATALOGUE.md.")
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name


def gather(themes: Iterable[object]) -> Catalogue:
    """Return the catalogue of theme modules, each with `FEATURES`."""
    return Catalogue(tuple(
        replace(feature, family=theme.__name__.rsplit(".", 1)[-1]) for theme in themes for feature in theme.FEATURES  # type: ignore[attr-defined]
    ))  # fmt: skip


CATALOGUE = gather(THEMES)


def columns(*, level: Level | str | None = None) -> tuple[Column, ...]:
    """Return the columns of the project's catalogue."""
    return CATALOGUE.columns(level=level)
