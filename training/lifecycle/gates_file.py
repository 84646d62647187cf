"""The gates file: which limits a candidate must pass; read from TOML and validated."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.errors import InputError

BUNDLED = Path(__file__).parents[2] / "models" / "gates.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DefaultGates(_Section):
    """Limits of the default model; each is described in models/gates.toml."""

    fewest_rows: int = Field(ge=1)
    fewest_defaulters: int = Field(ge=2)
    auc_at_least: float = Field(ge=0.5, le=1)
    level_within: float = Field(gt=1)
    slope_from: float = Field(gt=0)
    slope_to: float = Field(gt=0)
    grades_failing_at_most: int = Field(ge=0)
    level_to_champion_within: float = Field(gt=1)
    rank_to_champion_at_least: float = Field(ge=-1, le=1)
    gini_loss_at_most: float = Field(ge=0)
    log_loss_gain_at_least: float = Field(le=0)
    month_to_month_rank_at_least: float = Field(ge=-1, le=1)
    segment_fewest_rows: int = Field(ge=20)
    segment_rank_at_least: float = Field(ge=-1, le=1)
    segment_level_within: float = Field(gt=1)
    segment_fewest_defaulters: int = Field(ge=2)
    segment_log_loss_at_most: float = Field(ge=0)
    additivity: float = Field(gt=0)
    monotone_tolerance: float = Field(ge=0)
    milliseconds_at_most: float = Field(gt=0)


class DelayGates(_Section):
    """Limits of the delay model; each is described in models/gates.toml."""

    fewest_items: int = Field(ge=1)
    auc_late_5_at_least: float = Field(ge=0.5, le=1)
    level_late_5_within: float = Field(gt=1)
    coverage_from: float = Field(ge=0, le=1)
    coverage_to: float = Field(ge=0, le=1)
    brier_loss_at_most: float = Field(ge=0)
    mae_loss_at_most: float = Field(ge=0)
    additivity: float = Field(gt=0)
    milliseconds_at_most: float = Field(gt=0)


class Gates(_Section):
    """A gates file. four_eyes : the trainer of a version may not promote it."""

    name: str
    version: int = Field(ge=1)
    four_eyes: bool
    confidence: float = Field(gt=0.5, lt=1)
    draws: int = Field(ge=50)
    default: DefaultGates
    delay: DelayGates


def read_gates(path: Path | None = None) -> Gates:
    """Return the gates of a TOML file, those that the package bundles without one.

    Raises InputError that names the file and every setting that is missing, unknown or out of range.
    """
    place = path or BUNDLED
    try:
        content = tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as unreadable:
        raise InputError(
            f"{place}: cannot be read ({unreadable.strerror}); give the path of a gates file."
        ) from unreadable
    except tomllib.TOMLDecodeError as broken:
        raise InputError(f"{place}: not TOML: {broken}.") from broken
    try:
        return Gates.model_validate(content)
    except ValidationError as wrong:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in wrong.errors())
        raise InputError(f"{place}: {said}. models/gates.toml shows every setting with its meaning.") from wrong
