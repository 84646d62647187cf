"""The numbers that the sample ledger is made with, each with its meaning: the documentation quotes them from here."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.errors import InputError

BLOCK = 500  # customers drawn from one random stream: a customer is the same in a sample of any size

SECTORS = ("construction", "retail", "food", "machinery", "logistics", "chemicals", "it_services", "hospitality")
SECTOR_SHARES = (0.16, 0.18, 0.14, 0.13, 0.12, 0.08, 0.11, 0.08)
COUNTRIES = ("DE", "FR", "NL", "IT", "PL", "ES", "GB", "US", "CN")
COUNTRY_SHARES = (0.36, 0.14, 0.10, 0.10, 0.08, 0.07, 0.07, 0.05, 0.03)
CURRENCIES = ("EUR", "GBP", "USD", "CNY")
CURRENCY_OF_COUNTRY = (0, 0, 0, 0, 0, 0, 1, 2, 3)
REPORTING_CURRENCY = "EUR"
RATES_AT_START = (1.0, 1.15, 0.90, 0.13)  # euros for one unit
GIANT_SHARES = (0.085, 0.065, 0.05, 0.045, 0.035, 0.03, 0.027, 0.023, 0.021, 0.019)  # of all invoices: 40 %


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a sample is asked for. The same three numbers give the same ledger to the last byte."""

    customers: int = 3000
    months: int = 48
    seed: int = 1

    def __post_init__(self) -> None:
        for name, low, high in (("customers", 20, 2_000_000), ("months", 6, 120), ("seed", 0, 2**32 - 1)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"The {name} of a sample must be from {low} to {high:,}. Got {value} instead.")


@dataclass(frozen=True, kw_only=True)
class Risk:
    """How customers fail. The state is in log-hazard units: level (for ever) + z (an AR(1) by month)."""

    base: float = -7.02  # log of the monthly hazard of a stop at state 0
    sudden: float = 0.00015  # monthly hazard of a stop that no state announces
    level_deviation: float = 1.28
    state_deviation: float = 2.25  # stationary, of z
    persistence: float = 0.97  # of z, by month: half-life 23 months
    macro_share: float = 0.015  # of the variance of z
    sector_share: float = 0.08
    permanent_share: float = 0.33  # of stops; the others end by themselves within `squeeze_days`
    squeeze_days: tuple[int, int] = (40, 86)
    insolvency_share: float = 0.25  # of permanent stops: a filing, after 20 days + an exponential time
    insolvency_after: int = 20
    insolvency_mean: float = 50.0
    concession_share: float = 0.2  # of those filings: a distressed concession instead of an insolvency
    leaving: float = 0.004  # monthly chance to leave in peace
    merged_share: float = 0.15  # of those: merged into the customer whose number is the next lower multiple of ten
    giant_level: float = -4.5  # added to the level of the ten largest: they are rated firms
    days_to_default: int = 91  # after the due date of the first material unpaid item: more than 90 days


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """How customers pay. `s` is the state over its deviation; habit (two normal draws) is no credit risk."""

    late_base: float = -0.95  # log-odds of paying after the due date
    late_habit: float = 0.85
    late_state: float = 0.9
    late_crisis: float = 0.8  # the same, for the part of s above `crisis`
    size_base: float = -0.1  # of the log of the days late
    size_habit: float = 0.2
    size_state: float = 0.5
    size_crisis: float = 1.6
    size_deviation: float = 0.90
    crisis: float = 0.75
    early_share: float = 0.12  # of the punctual: pay one to ten days early
    last_terms: int = 14  # days, at most, for the delivery taken at a stop
    rolls_due: float = 0.7  # of customers: a due date on a closed day moves to the next business day
    clearing_steps: tuple[int, ...] = (77, 84)  # days between two reconciliations of the account
    disputed: float = 0.014
    disputed_habit: float = 0.6
    disputed_state: float = 0.7  # who cannot pay finds fault: disputes by exp(this times s)
    disputed_most: float = 0.25
    orders_state: float = 0.25  # who is short of money buys on credit: orders by exp(this times z over its deviation)
    residual: float = 0.0012  # short payments: a few euros stay open until a later reconciliation
    residual_state: float = 0.3  # deductions by exp(this times s)
    residual_crisis: float = 7  # the same, for the part of s above `crisis`
    residual_from: float = 200.0  # euros: smaller invoices are not paid short
    residual_most: float = 0.35
    residual_days: int = 230  # a deduction is argued about for up to so long, then cleared with the account


RISK, LATENESS = Risk(), Lateness()
SMALLEST_MATERIAL = 500.0  # definitions.md; arrears above it, in euros, are material
