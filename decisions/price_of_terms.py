"""The price of payment terms: delay, financing cost, expected loss and margin of a customer or segment at other terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from decisions.policy_files import Policy

DAYS_A_YEAR = 365.0


class TermsPolicy(Policy):
    """A file such as decisions/policies/terms.toml, where each key is explained."""

    financing_rate: float = Field(ge=0, le=1)
    loss_given_default: float = Field(ge=0, le=1)
    gross_margin: float = Field(gt=0, lt=1)
    delay_per_terms_day: float = Field(ge=0, le=5)
    turnover_elasticity: float | None = Field(default=None, ge=0, le=20)
    discount_taken: float = Field(ge=0, le=1)
    discount_days: int = Field(ge=0)


@dataclass(frozen=True, kw_only=True)
class Trade:
    """A customer's or segment's business as it is.

    turnover : a year. terms_days : mean terms. days_beyond_terms : mean days by which it pays later (at least 0).
    pd : of 12 months, None where there is none (then no expected loss is computed).
    """

    turnover: float
    terms_days: float
    days_beyond_terms: float
    pd: float | None


@dataclass(frozen=True, kw_only=True)
class PricedTerms:
    """What some terms cost and bring a year.

    days_outstanding : expected days from invoice to payment: the DSO of this business. financing, discount_cost,
    expected_loss : costs. margin : gross margin less these. price : costs as a share of turnover. expected_loss is None
    without a PD; then margin leaves it out.
    """

    terms_days: float
    discount: float
    turnover: float
    days_outstanding: float
    financing: float
    discount_cost: float
    expected_loss: float | None
    margin: float

    @property
    def price(self) -> float:
        """Financing, discount and expected loss as a share of turnover; 0 without turnover."""
        costs = self.financing + self.discount_cost + (self.expected_loss or 0.0)
        return costs / self.turnover if self.turnover else 0.0


def priced(trade: Trade, policy: TermsPolicy, *, terms_days: float, discount: float = 0.0) -> PricedTerms:
    """Return what terms of so many days, with a discount for payment within the policy's days, cost and bring.

    Turnover moves with the elasticity: what the customer gains by longer terms is the financing of the further days, what
    it gains by a discount the discount that it takes, both as shares of the price; turnover changes by elasticity × that
    share × 10. Without an elasticity turnover stays as it is.
    """
    late = trade.days_beyond_terms + policy.delay_per_terms_day * (terms_days - trade.terms_days)
    late = max(0.0, late)
    taken = policy.discount_taken if discount > 0 else 0.0
    days = (1 - taken) * (terms_days + late) + taken * min(policy.discount_days, terms_days)
    before = trade.terms_days + trade.days_beyond_terms
    gain = policy.financing_rate * (terms_days + late - before) / DAYS_A_YEAR + discount * taken
    factor = 1.0 if policy.turnover_elasticity is None else max(0.0, 1.0 + policy.turnover_elasticity * 10 * gain)
    turnover = trade.turnover * factor
    outstanding = turnover * days / DAYS_A_YEAR
    financing, given_up = outstanding * policy.financing_rate, turnover * discount * taken
    loss = None if trade.pd is None else outstanding * trade.pd * policy.loss_given_default
    margin = turnover * policy.gross_margin - financing - given_up - (loss or 0.0)
    return PricedTerms(
        terms_days=terms_days, discount=discount, turnover=turnover, days_outstanding=days, financing=financing,
        discount_cost=given_up, expected_loss=loss, margin=margin,
    )  # fmt: skip


def trade_off(
    trade: Trade, policy: TermsPolicy, choices: Sequence[float], *, discount: float = 0.0
) -> list[PricedTerms]:
    """Return the curve of days outstanding (DSO) against turnover and margin over a choice of terms, in their order."""
    return [priced(trade, policy, terms_days=days, discount=discount) for days in choices]


def break_even_discount(trade: Trade, policy: TermsPolicy) -> float:
    """Return the largest discount that costs no more than the financing and expected loss that it saves, as a share of the
    invoice on which it is taken; 0 where payment already comes as soon."""
    saved = max(0.0, trade.terms_days + trade.days_beyond_terms - min(policy.discount_days, trade.terms_days))
    yearly = policy.financing_rate + (0.0 if trade.pd is None else trade.pd * policy.loss_given_default)
    return saved * yearly / DAYS_A_YEAR
