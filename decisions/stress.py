"""Contingency drills: what a scenario does to expected loss, allowance, cash and limits, and what it takes to exhaust the line.

Everything is an expectation over the book: deterministic, continuous in the severity, and expected loss never falls with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import brentq

from decisions.policy_files import Policy
from ledger.errors import InputError

Floats = NDArray[np.float64]
LARGEST_GROUP = "largest_group"
BUCKET_ENDS = (0, 30, 60, 90)
MOST_SEVERE = 64.0  # reverse stress looks no further
LINE_EXACT = 1e-4  # of the drop of the balance: how near reverse stress comes to the line
DAYS_A_YEAR = 365.0


class Action(BaseModel):
    """One line of a scenario's plan: what, who, within how many days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    what_zh: str | None = None
    owner: str
    within_days: int = Field(ge=0)


class Scenario(BaseModel):
    """One drill; see decisions/policies/stress.toml for what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    title_zh: str | None = None
    pd_odds: float = Field(default=1.0, ge=1)
    delay_days: float = Field(default=0.0, ge=0)
    macro_columns: Mapping[str, float] = {}
    industry: str | None = None
    country: str | None = None
    fails: str | None = None
    cover_withdrawn: float = Field(default=0.0, ge=0, le=1)
    currency: str | None = None
    currency_fall: float = Field(default=0.0, ge=0, lt=1)
    feed_days: float = Field(default=0.0, ge=0)
    actions: tuple[Action, ...] = ()


class StressPolicy(Policy):
    """A file of scenarios and of what they are measured by."""

    loss_given_default: float = Field(ge=0, le=1)
    high_pd: float = Field(gt=0, lt=1)
    allowance_rates: tuple[float, float, float, float, float]
    scenarios: tuple[Scenario, ...]

    def scenario(self, name: str) -> Scenario:
        """Return the scenario of a name. Raises InputError that lists the names."""
        for one in self.scenarios:
            if one.name == name:
                return one
        raise InputError(
            f"no scenario '{name}' in {self.name} {self.version}; there are {', '.join(s.name for s in self.scenarios)}."
        )


@dataclass(frozen=True, kw_only=True)
class StressBook:
    """The book of a day.

    customers : one row a customer with exposure or items: pd (NaN: no PD), industry, country, group_id, exposure,
        insured_limit, insured_share, credit_limit (NaN: none), sales_a_day. Index: customer_id.
    items : customer (place in customers), open_amount, currency, days_past_due.
    paid : shift of every item's payment (days, one value an item) -> (items, periods) P(paid by the end of each period).
    ends : days from the day to the end of each period. outflow : (periods,). opening, credit_line : amounts.
    new_by : (periods,) expected inflow of invoices not issued yet by the end of each period, summed; zeros: left out. macro_pd : severity and scenario -> PDs by the model's own macro
        columns; None where the model has none of the scenario's.
    """

    customers: pd.DataFrame
    items: pd.DataFrame
    paid: Callable[[Floats], Floats]
    ends: NDArray[np.int64]
    new_by: Floats
    outflow: Floats
    opening: float
    credit_line: float
    macro_pd: Callable[[Scenario, float], Floats | None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The figures of one scenario at one severity; amounts in the reporting currency.

    expected_loss : Σ PD · LGD · (exposure − cover). allowance : by ageing after the delay, scaled by expected loss against the
    base. balance : (periods,) expected balance. lowest : its minimum. gap : what the line lacks at the minimum (0: it holds).
    valuation_loss : value of open items lost by a falling currency. limit_breaches, high_pd : customers.
    breached, newly_high : their ids, those that the base does not have.
    """

    scenario: str
    severity: float
    expected_loss: float
    allowance: float
    balance: Floats
    lowest: float
    gap: float
    valuation_loss: float
    limit_breaches: int
    high_pd: int
    breached: tuple[str, ...] = ()
    newly_high: tuple[str, ...] = ()
    pd_from_model: bool = False

    def figures(self) -> dict[str, float]:
        """The figures that a drill log keeps."""
        return {
            "expected_loss": self.expected_loss, "allowance": self.allowance, "lowest_balance": self.lowest, "gap": self.gap,
            "valuation_loss": self.valuation_loss, "limit_breaches": float(self.limit_breaches), "high_pd": float(self.high_pd),
        }  # fmt: skip


BASE = Scenario(name="base", title="As things are")


def applied(book: StressBook, scenario: Scenario, policy: StressPolicy, severity: float = 1.0) -> Outcome:
    """Return what a scenario does to the book at a severity (0: nothing)."""
    if severity < 0:
        raise InputError(f"The severity of a scenario must be 0 or above. Got {severity} instead.")
    hit, failed = _hit(book, scenario), _failed(book, scenario)
    pds, from_model = _stressed_pd(book, scenario, severity, hit, failed)
    delay = (scenario.delay_days * hit + scenario.feed_days) * severity
    of_item = book.items["customer"].to_numpy(dtype=np.int64)
    balance = _balance(book, pds, delay, scenario, severity)
    loss, base_loss = (_expected_loss(book, p, policy, w) for p, w in (
        (pds, min(1.0, scenario.cover_withdrawn * severity)), (book.customers["pd"].to_numpy(np.float64), 0.0)))  # fmt: skip
    aged = book.items["days_past_due"].to_numpy(np.float64) + delay[of_item]
    rates = np.array(policy.allowance_rates)[np.searchsorted(BUCKET_ENDS, aged, side="left")]
    allowance = float(book.items["open_amount"].to_numpy(np.float64) @ rates) * (
        loss / base_loss if base_loss > 0 else 1.0
    )
    breached, base_breached = (_breaches(book, d) for d in (delay, np.zeros_like(delay)))
    high, base_high = (p >= policy.high_pd for p in (pds, book.customers["pd"].to_numpy(np.float64)))
    ids = book.customers.index.to_numpy(dtype=object)
    lowest = float(balance.min()) if len(balance) else book.opening
    return Outcome(
        scenario=scenario.name, severity=severity, expected_loss=loss, allowance=allowance, balance=balance, lowest=lowest,
        gap=max(0.0, -book.credit_line - lowest), valuation_loss=_valuation_loss(book, scenario, severity),
        limit_breaches=int(breached.sum()), high_pd=int(high.sum()), breached=tuple(map(str, ids[breached & ~base_breached])),
        newly_high=tuple(map(str, ids[high & ~base_high])), pd_from_model=from_model,
    )  # fmt: skip


def _hit(book: StressBook, scenario: Scenario) -> Floats:
    """1 for each customer that a scenario's odds and delays reach: all, or those of an industry, country or currency."""
    hit = np.ones(len(book.customers))
    for column, value in (("industry", scenario.industry), ("country", scenario.country)):
        if value is not None:
            hit *= (book.customers[column] == value).to_numpy(np.float64)
    if scenario.currency is not None:
        of_item = book.items["customer"].to_numpy(dtype=np.int64)[
            (book.items["currency"] == scenario.currency).to_numpy()
        ]
        hit *= np.isin(np.arange(len(hit)), of_item)
    return hit


def _failed(book: StressBook, scenario: Scenario) -> NDArray[np.bool_]:
    """The customers that fail outright: the group with the largest exposure, or the customer or group of an id."""
    if scenario.fails is None or not len(book.customers):
        return np.zeros(len(book.customers), dtype=bool)
    groups = book.customers["group_id"]
    if scenario.fails == LARGEST_GROUP:
        chosen = book.customers["exposure"].groupby(groups).sum().sort_index().idxmax()
    else:
        chosen = scenario.fails
        if chosen not in set(groups) | set(book.customers.index):
            raise InputError(f"scenario {scenario.name}: no customer or group '{chosen}' in the book.")
    return ((groups == chosen) | (book.customers.index == chosen)).to_numpy(dtype=bool)


def _stressed_pd(
    book: StressBook, scenario: Scenario, severity: float, hit: Floats, failed: NDArray[np.bool_]
) -> tuple[Floats, bool]:
    base = book.customers["pd"].to_numpy(np.float64)
    by_model = book.macro_pd(scenario, severity) if scenario.macro_columns and severity > 0 else None
    odds = base / np.maximum(1 - base, 1e-12) * scenario.pd_odds ** (severity * hit)
    stated = np.where(base >= 1, 1.0, odds / (1 + odds))
    # the model's own columns decide where it has them; a PD never falls below what stands today
    pds = stated if by_model is None else np.fmax(np.where(hit > 0, by_model, base), base)
    share = min(1.0, severity)
    return np.where(failed, np.nan_to_num(pds) + (1 - np.nan_to_num(pds)) * share, pds), by_model is not None


def _expected_loss(book: StressBook, pds: Floats, policy: StressPolicy, withdrawn: float) -> float:
    """Σ PD · LGD · (exposure − share · min(exposure, insured limit)); customers without a PD count nothing."""
    own = book.customers
    exposure = own["exposure"].to_numpy(np.float64)
    limit = np.nan_to_num(own["insured_limit"].to_numpy(np.float64)) * (1 - withdrawn)
    cover = np.nan_to_num(own["insured_share"].to_numpy(np.float64)) * np.minimum(exposure, limit)
    return float(np.nansum(pds * policy.loss_given_default * (exposure - cover)))


def _breaches(book: StressBook, delay: Floats) -> NDArray[np.bool_]:
    """Customers whose exposure is above their limit when deliveries go on while payments come so many days later."""
    grown = book.customers["exposure"].to_numpy(np.float64) + book.customers["sales_a_day"].to_numpy(np.float64) * delay
    return grown > np.where(np.isnan(limit := book.customers["credit_limit"].to_numpy(np.float64)), np.inf, limit)


def _valuation_loss(book: StressBook, scenario: Scenario, severity: float) -> float:
    if scenario.currency is None:
        return 0.0
    own = (book.items["currency"] == scenario.currency).to_numpy()
    return float(book.items["open_amount"].to_numpy(np.float64)[own].sum() * _fall(scenario, severity))


def _fall(scenario: Scenario, severity: float) -> float:
    """The share of a currency's value that is lost: falls compound, so that it stays below 1 at any severity."""
    return 1.0 - (1.0 - scenario.currency_fall) ** severity


def _balance(book: StressBook, pds: Floats, delay: Floats, scenario: Scenario, severity: float) -> Floats:
    """The expected balance at the end of each period: later payments, no payment from who newly defaults in the periods."""
    of_item = book.items["customer"].to_numpy(dtype=np.int64)
    amount = book.items["open_amount"].to_numpy(np.float64)
    if scenario.currency is not None:
        amount = amount * np.where(
            (book.items["currency"] == scenario.currency).to_numpy(), 1 - _fall(scenario, severity), 1.0
        )
    base = np.nan_to_num(book.customers["pd"].to_numpy(np.float64))
    newly = np.clip(np.nan_to_num(pds) - base, 0.0, 1.0)
    fails = _failed(book, scenario)
    lost = np.where(fails, min(1.0, severity), newly * min(1.0, float(book.ends[-1]) / DAYS_A_YEAR))
    paid = _interpolated(book.paid, delay[of_item]) if len(amount) else np.zeros((0, len(book.outflow)))
    inflow = (
        np.diff(((amount * (1 - lost[of_item])) @ paid), prepend=0.0) if len(amount) else np.zeros(len(book.outflow))
    )
    # what is invoiced later comes later by the mean delay of the customers, weighed by what is invoiced to each
    sales = book.customers["sales_a_day"].to_numpy(np.float64)
    later = float(delay @ sales / sales.sum()) if sales.sum() > 0 else 0.0
    new = np.interp(book.ends - later, np.concatenate([[0], book.ends]), np.concatenate([[0.0], book.new_by]), left=0.0)
    return np.asarray(book.opening + new + np.cumsum(inflow - book.outflow), dtype=np.float64)


def _interpolated(paid: Callable[[Floats], Floats], delay: Floats) -> Floats:
    """P(paid) at a delay that is no whole number of days, between the two whole ones: continuous in the delay."""
    low = np.floor(delay)
    part = (delay - low)[:, None]
    return (1 - part) * paid(low) + part * paid(low + 1) if part.any() else paid(low)


@dataclass(frozen=True, kw_only=True)
class ReverseStress:
    """The severity at which the line is just exhausted; None where no severity up to MOST_SEVERE does it (`why` says so)."""

    scenario: str
    severity: float | None
    outcome: Outcome | None
    why: str = ""
    left: float | None = None


def reverse(book: StressBook, scenario: Scenario, policy: StressPolicy) -> ReverseStress:
    """Return the smallest severity at which the lowest expected balance is minus the credit line."""

    def spare(severity: float) -> float:
        return float(_lowest(book, scenario, severity)) + book.credit_line

    start = spare(0.0)
    if start <= 0:
        return ReverseStress(scenario=scenario.name, severity=0.0, outcome=applied(book, scenario, policy, 0.0),
                             why="the line is exhausted as things are")  # fmt: skip
    high = 1.0
    while spare(high) > 0:
        high *= 2
        if high > MOST_SEVERE:
            lowest = spare(MOST_SEVERE)
            return ReverseStress(scenario=scenario.name, severity=None, outcome=None,
                                 why=f"at {MOST_SEVERE:g} times the scenario {lowest:,.0f} of the line and cash are left", left=lowest)  # fmt: skip
    found = float(brentq(spare, 0.0, high, xtol=1e-10, rtol=1e-12, maxiter=200))
    return ReverseStress(scenario=scenario.name, severity=found, outcome=applied(book, scenario, policy, found))


def _lowest(book: StressBook, scenario: Scenario, severity: float) -> float:
    hit, failed = _hit(book, scenario), _failed(book, scenario)
    pds, _ = _stressed_pd(book, scenario, severity, hit, failed)
    delay = (scenario.delay_days * hit + scenario.feed_days) * severity
    balance = _balance(book, pds, delay, scenario, severity)
    return float(balance.min()) if len(balance) else book.opening
