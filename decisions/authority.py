"""Limits of authority: whether a subject may approve a limit, by a policy file of levels and subjects."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.errors import InputError

BUNDLED = Path(__file__).parent / "policies" / "authority.toml"


class Level(BaseModel):
    """One level. amount : the largest limit in the reporting currency, None for any. worst_grade : of the customer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: Annotated[float | None, Field(ge=0)] = None
    worst_grade: str


class AuthorityPolicy(BaseModel):
    """Levels by name, and each subject's level; who is not named has `default_level`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    default_level: str
    levels: Mapping[str, Level]
    subjects: Mapping[str, str] = Field(default_factory=dict)

    def level_of(self, subject: str) -> str:
        """Return the name of a subject's level."""
        named = {normalised(who): level for who, level in self.subjects.items()}
        return named.get(normalised(subject), self.default_level)

    def why_not(self, subject: str, amount: float, grade: str | None, grades: Sequence[str]) -> str | None:
        """Return why a subject may not approve a limit; None where it may.

        Parameters
        ----------
        subject : who approves.
        amount : the limit in the reporting currency.
        grade : the customer's grade; None where the model gave none, which only a level without a worst grade short of
            the last one covers.
        grades : all grades, best first, the grade of default last.
        """
        name = self.level_of(subject)
        level = self.levels[name]
        whose = f"level {name} of policy {self.name} {self.version}"
        if level.amount is not None and amount > level.amount:
            return f"a limit of {amount:,.2f} is above the {level.amount:,.2f} that {whose} may approve"
        order = {known: place for place, known in enumerate(grades)}
        worst = order.get(level.worst_grade, len(order) - 1)
        own = len(order) - 1 if grade is None else order.get(grade, len(order) - 1)
        if own > worst:
            return f"grade {grade or 'none'} is worse than {level.worst_grade}, the last that {whose} may approve"
        return None


def read_authority(path: Path | None = None) -> AuthorityPolicy:
    """Return the policy in a TOML file, the bundled one by default. Raises InputError for a file that is none."""
    source = path or BUNDLED
    try:
        policy = AuthorityPolicy.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
    except OSError:
        raise InputError(f"{source}: no such policy file.") from None
    except tomllib.TOMLDecodeError as broken:
        raise InputError(f"{source}: is not TOML: {broken}.") from None
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        raise InputError(f"{source.name}: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}.") from None
    unknown = sorted({policy.default_level, *policy.subjects.values()} - set(policy.levels))
    if unknown:
        raise InputError(f"{source.name}: level {unknown[0]!r} is not among the levels {', '.join(policy.levels)}.")
    return policy


def normalised(subject: str) -> str:
    """Return a subject id in one form: compatibility characters, case and spaces make no second person."""
    return " ".join(unicodedata.normalize("NFKC", subject).casefold().split())
