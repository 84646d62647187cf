"""The policy of order checks: rules with thresholds, exclusions and releases, read from a TOML file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from decisions.policy_files import Policy

Answer = Literal["hold", "prepay", "part"]
Release = Literal["payment", "reduction", "renewal", "person"]
RuleName = Literal[
    "in_default", "days_overdue", "arrears_amount", "no_limit", "limit_expired", "review_overdue", "country", "grade",
    "new_customer", "terms", "over_limit", "country_risk",
]  # fmt: skip
NEED_BLOCK = (
    "days_overdue",
    "arrears_amount",
    "limit_expired",
    "review_overdue",
    "new_customer",
    "terms",
    "over_limit",
)


class Exclusion(BaseModel):
    """What a rule does not apply to; orders_up_to is an amount in the reporting currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customers: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    orders_up_to: Annotated[float | None, Field(ge=0)] = None


class Rule(BaseModel):
    """One rule. block : its threshold, in the rule's own unit (days, or a share); it blocks above it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: RuleName
    answer: Answer
    release: Release
    block: Annotated[float | None, Field(ge=0)] = None
    exclude: Exclusion = Exclusion()
    smallest_amount: Annotated[float, Field(ge=0)] = 0.0
    smallest_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    above_amount: Annotated[float, Field(ge=0)] = 0.0
    countries: tuple[str, ...] = ()
    worst: str | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Rule:
        if self.rule in NEED_BLOCK and self.block is None:
            raise ValueError(f"rule {self.rule} needs 'block', its threshold")
        if self.rule == "grade" and self.worst is None:
            raise ValueError("rule grade needs 'worst', the worst grade that gets credit")
        if self.answer == "part" and self.rule != "over_limit":
            raise ValueError(f"rule {self.rule} cannot answer 'part': only over_limit knows how much may go out")
        return self


class OrderPolicy(Policy):
    """The rules in the order in which they are named, and what a part or a lost order is worth."""

    smallest_part: Annotated[float, Field(ge=0)]
    margin_share: Annotated[float, Field(ge=0, le=1)]
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _each_rule_once(self) -> OrderPolicy:
        names = [rule.rule for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("every rule may stand once only")
        return self
