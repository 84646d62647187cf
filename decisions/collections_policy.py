"""The collections policy: steps, capacity, hold-out and how effects are estimated; and the law's interest on late payment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

from decisions.policy_files import Policy


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Part):
    """One step of collecting an item: from how many days past due and from what amount, and how long it is waited after
    the same step was taken before it is taken again.

    effect_of : the kind of action in the ledger whose effect the step has; None: its own kind. A step was taken when an
    action of its kind, or of its dunning level (dunning_2: level 2), is known.
    """

    kind: str
    from_days: int = Field(ge=0)
    smallest_amount: float = Field(ge=0)
    wait_days: int = Field(ge=1)
    owner: str
    medium: str
    effect_of: str | None = None


class EffectSettings(_Part):
    """How effects of actions are estimated (decisions/action_effects.py)."""

    horizon_days: int = Field(default=30, ge=1, le=365)
    draws: int = Field(default=400, ge=50)
    level: float = Field(default=0.95, gt=0.5, lt=1)
    shown_level: float = Field(default=0.98, gt=0.5, lt=1)
    fewest_acted: int = Field(default=40, ge=1)
    dpd_bands: tuple[int, ...] = (7, 14, 30, 60)


class CollectionsPolicy(Policy):
    """A policy file such as decisions/policies/collections.toml, where each key is explained."""

    cost_of_capital: float = Field(ge=0, le=1)
    loss_given_default: float = Field(ge=0, le=1)
    leave_alone_days: int = Field(ge=1)
    leave_alone_share: float = Field(gt=0, le=1)
    leave_alone_until: int = Field(ge=0)
    hold_out_share: float = Field(ge=0, lt=1)
    hold_out_at_most: float = Field(ge=0)
    hold_out_salt: str
    hold_out_from: date | None = None
    capacity: Mapping[str, int]
    effects: EffectSettings
    steps: tuple[Step, ...]

    def is_held_out(self, invoice_id: str, amount: float) -> bool:
        """Whether an item's action is left out by lot: a hash of its id and the salt, so anyone can redo the draw."""
        if amount > self.hold_out_at_most:
            return False
        digest = hashlib.sha256(f"{self.hold_out_salt}:{invoice_id}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 < self.hold_out_share


class ReferenceRate(_Part):
    """Percent a year that hold from a day on."""

    from_on: date
    percent: float


class LatePaymentLaw(Policy):
    """What the law grants for late payment between firms. Source: Directive 2011/7/EU."""

    margin_points: float = Field(ge=0)
    fixed_sum: float = Field(ge=0)
    fixed_sum_currency: str
    countries: tuple[str, ...]
    reference_rates: tuple[ReferenceRate, ...]

    def applies_to(self, country: str | None, is_natural_person: bool | None) -> bool | None:
        """Whether the law holds for a customer; None where its country is not given. A natural person may be a consumer,
        for whom it does not hold: False."""
        if country is None:
            return None
        return country in self.countries and not is_natural_person

    def interest(self, amount: float, due_on: date, as_of: date) -> float:
        """Simple interest on an amount from the day after its due date to `as_of`, at each half-year's own rate.

        Returns 0.0 for an item that is not past due. Raises ValueError where no rate is given for the days.
        """
        total, at = 0.0, due_on
        while at < as_of:
            first = at + timedelta(days=1)
            until = min(as_of, date(first.year, 6, 30) if first.month <= 6 else date(first.year, 12, 31))
            total += amount * self.percent_on(first) / 100.0 * (until - at).days / 365.0
            at = until
        return total

    def percent_on(self, on: date) -> float:
        """The yearly rate of the half-year that holds a day: the reference rate on its first day plus the margin."""
        first = date(on.year, 1, 1) if on.month <= 6 else date(on.year, 7, 1)
        known = [
            rate.percent for rate in sorted(self.reference_rates, key=lambda r: r.from_on) if rate.from_on <= first
        ]
        if not known:
            raise ValueError(f"the law {self.name} {self.version} has no reference rate for {on}.")
        return known[-1] + self.margin_points


def step_named(steps: Sequence[Step], kind: str) -> Step | None:
    """The first step of a kind, or None."""
    return next((step for step in steps if step.kind == kind), None)
