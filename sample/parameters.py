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


SEGMENTS = ("key", "medium", "small")  # the ten largest, those with more than 1.5 invoices a month, the others
REMINDERS = ("email", "letter", "call")  # kinds of reminder


@dataclass(frozen=True, kw_only=True)
class Reminders:
    """How reminders are sent, and what they do to the day paid.

    waits : days past due from which each level is sent, on the next Tuesday. shares : of the undisputed items above
    `above` euros that are open then, by level; the rest is a random hold-out. mixes : chances of the kinds (in the order
    of REMINDERS), by level and segment; drawn at random within those, so that effects can be measured by strata.
    effects : share of the days still to go until payment that a reminder saves, by kind and segment. An item of a
    customer that has stopped paying does not answer.
    """

    waits: tuple[int, ...] = (10, 25, 45)
    shares: tuple[float, ...] = (0.75, 0.85, 0.9)
    above: float = 100.0
    mixes: tuple[tuple[tuple[float, ...], ...], ...] = (
        ((0.40, 0.20, 0.40), (0.55, 0.30, 0.15), (0.65, 0.30, 0.05)),
        ((0.20, 0.30, 0.50), (0.30, 0.40, 0.30), (0.45, 0.40, 0.15)),
        ((0.10, 0.40, 0.50), (0.20, 0.40, 0.40), (0.30, 0.40, 0.30)),
    )
    effects: tuple[tuple[float, ...], ...] = ((0.05, 0.20, 0.30), (0.0, 0.0, 0.0), (0.45, 0.35, 0.15))

    def __post_init__(self) -> None:
        levels = len(self.waits)
        if not levels == len(self.shares) == len(self.mixes):
            raise InputError("The waits, shares and mixes of Reminders must have one entry a level.")
        if list(self.waits) != sorted(set(self.waits)) or self.waits[0] < 8:
            raise InputError(f"The waits of Reminders must rise and be 8 days or more. Got {self.waits} instead.")
        if any(abs(sum(mix) - 1) > 1e-9 for level in self.mixes for mix in level):
            raise InputError("Each of the mixes of Reminders must sum to 1.")
        if not all(0 <= effect < 1 for kind in self.effects for effect in kind):
            raise InputError(f"The effects of Reminders must be from 0 to below 1. Got {self.effects} instead.")


NO_EFFECT = Reminders(effects=((0.0,) * 3,) * 3)


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What comes of a default: cures, write-offs, recoveries.

    cured : share of the defaults without a filing in which the customer pays all that it owes after all. recovers : share
    of the others with a recovery after the write-off; its share of the money is Beta(recovered).
    """

    cured: float = 0.3
    recovers: float = 0.55
    recovered: tuple[float, float] = (1.2, 2.5)

    def __post_init__(self) -> None:
        if not (0 <= self.cured <= 1 and 0 <= self.recovers <= 1 and min(self.recovered) > 0):
            raise InputError("cured and recovers of Losses must be from 0 to 1, recovered two numbers above 0.")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a sample is asked for. The same settings give the same ledger to the last byte.

    Other `reminders` or `losses` leave everything else drawn as it was.
    """

    customers: int = 3000
    months: int = 48
    seed: int = 1
    reminders: Reminders = Reminders()
    losses: Losses = Losses()

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
    squeeze_days: tuple[int, int] = (40, 86)  # less the days by which a habitual late payer pays late
    cure_days: tuple[int, int] = (150, 400)  # days from a stop after which a cured customer pays what it owes
    probation: int = 91  # days from then on until it is out of default
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
    habitual_share: float = 0.10  # of ordinary customers: pay every invoice late, by much the same days
    habitual_days: tuple[int, int] = (5, 60)
    habitual_power: float = 2.0  # days = low + (high - low) * uniform ** this
    habitual_deviation: float = 0.06  # of an invoice's days, plus one day; cut at two deviations
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


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What else is agreed on: discounts, instalments, bills, orders."""

    discount_share: float = 0.18  # of the customers with at least `discount_terms` days
    discount_terms: int = 30
    discount_days: int = 10
    discount: float = 0.02
    discount_base: float = 1.2  # log-odds of taking it
    discount_habit: float = 1.0
    discount_state: float = -1.6  # times the state in deviations at issue: who is short of money gives it up
    instalment_from: float = 3500.0  # euros: larger invoices may be paid in instalments
    instalment_share: float = 0.05
    instalments: int = 3
    instalment_days: int = 30  # between two due dates
    bill_shares: tuple[float, ...] = (0.0, 0.10, 0.0, 0.12, 0.0, 0.08, 0.0, 0.0, 0.6)  # of customers, by country
    bill_from: float = 1000.0  # euros
    bill_days: tuple[int, ...] = (91, 182)  # bank acceptance drafts: the bank pays at maturity whatever happens
    order_share: float = 0.35  # of customers: their invoices come from orders
    order_days: int = 20  # from order to delivery, at most
    order_cancelled: float = 0.02
    exchange_share: float = 0.05  # of payments in foreign currency: a difference of up to half a percent is cleared


RISK, LATENESS, TERMS = Risk(), Lateness(), Terms()
SMALLEST_MATERIAL = 500.0  # definitions.md; arrears above it, in euros, are material
