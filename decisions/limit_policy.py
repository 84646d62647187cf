"""The limit policy as a versioned TOML file: read with every field checked, and shown again with what it says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from decisions.limits import GradeTerms, LimitPolicy
from ledger.errors import InputError

BUNDLED = Path(__file__).parent / "policies" / "limits.toml"

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1)]


class _Grade(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    grade: str
    maximum_limit: Amount
    valid_months: Annotated[int, Field(ge=1, le=120)]


class LimitPolicyFile(BaseModel):
    """The fields of a policy file. See decisions/policies/limits.toml for the meaning of each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    loss_given_default: Annotated[float, Field(gt=0, le=1)]
    maximum_expected_loss: Amount
    smallest_limit: Amount
    hold_after_days: Days
    hold_material_amount: Amount
    hold_material_share: Share
    authority: Amount
    highest_pd: Share
    authority_without_history: Amount
    hold_days: Days
    decline_days: Days
    refer_days: Days
    significant_digits: Annotated[int, Field(ge=1, le=9)]
    need_headroom: Annotated[float, Field(ge=1, le=10)]
    group_share_of_grade_cap: Annotated[float, Field(gt=0)]
    country_caps: Mapping[str, Amount] = Field(default_factory=dict)
    grades: Annotated[tuple[_Grade, ...], Field(min_length=1)]

    def policy(self) -> LimitPolicy:
        """Return the policy that `decisions.limits.recommend` takes."""
        fields = self.model_dump(exclude={"grades", "need_headroom"})
        return LimitPolicy(**fields, terms=tuple(GradeTerms(**grade.model_dump()) for grade in self.grades))


def read_limit_policy_file(path: Path | None = None) -> LimitPolicyFile:
    """Return a policy file's fields, the bundled one's by default.

    Raises InputError for a file that is missing, is no TOML, has an unknown or missing field or a value out of range,
    or whose caps rise from a better to a worse grade (a better customer would get less).
    """
    source = path or BUNDLED
    try:
        found = LimitPolicyFile.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
    except OSError:
        raise InputError(f"{source}: no such policy file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise InputError(f"{source}: is not TOML: {broken}.") from None
    except ValidationError as wrong:
        raise InputError(f"{source.name}: {_first(wrong)}.") from None
    caps = [grade.maximum_limit for grade in found.grades]
    for better, worse, grade in zip(caps, caps[1:], found.grades[1:], strict=False):
        if worse > better:
            raise InputError(
                f"{source.name}: grades: the cap of {grade.grade} ({worse:,.0f}) is above that of the grade before it "
                f"({better:,.0f}); list grades from best to worst with caps that do not rise."
            )
    return found


def _first(wrong: ValidationError) -> str:
    first: Any = wrong.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'][0].lower()}{first['msg'][1:]}"


def read_limit_policy(path: Path | None = None) -> LimitPolicy:
    """Return the limit policy in a TOML file, the bundled one by default. Raises InputError as the file's reader does."""
    return bundled_limit_policy() if path is None else read_limit_policy_file(path).policy()


@lru_cache(maxsize=1)
def bundled_limit_policy() -> LimitPolicy:
    """Return the policy of decisions/policies/limits.toml."""
    return read_limit_policy_file().policy()
