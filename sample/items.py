"""The invoices of the sample ledger and when each is settled: drawn at once for all customers of a block."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from sample.calendar import Calendar, Days
from sample.customers import NEVER, Customers, Floats, next_clearing
from sample.hidden_state import SLOTS, Fate
from sample.parameters import LATENESS, RISK, SMALLEST_MATERIAL

STATE_DEVIATION = float(np.hypot(RISK.level_deviation, RISK.state_deviation))
PEAK_MONTH = np.array([6, 11, 7, 5, 10, 4, 2, 7])  # of each sector's season
SEASON = np.array([0.30, 0.35, 0.12, 0.10, 0.12, 0.08, 0.06, 0.40])
DISPUTE_FIRST, DISPUTE_MEAN = 10, 45.0  # days a dispute lasts at least; mean of what comes on top (exponential)
DISPUTE_ANSWER = 5  # days from its end to the payment run that settles what is left
DISPUTE_LOST, LOST_WHOLLY = 0.45, 0.35  # disputes that end with a credit note; of these, for the whole amount
LOST_WHOLE = DISPUTE_LOST * LOST_WHOLLY  # closed without payment: no days late
CALM_BEFORE_MERGER = 150  # days
BLOCKED_AFTER = 45  # days after a stop until no order is taken any more


@dataclass(frozen=True, kw_only=True)
class Items:
    """One entry an invoice, sorted by (customer, issued_on).

    at : position of the customer in its block. euros : amount in the reporting currency. paid_on : the day on which
    the last part arrives, NEVER for an item that stays open. dispute_on, dispute_end : NEVER where there is none.
    lost_share : part of the amount that a lost dispute credits (0 none, 1 all). has_residual : paid short, the last
    euros arrive on paid_on, the rest on main_paid_on before it (else equal).
    """

    at: Days
    month: Days
    issued_on: Days
    due_on: Days
    euros: Floats
    paid_on: Days
    main_paid_on: Days
    dispute_on: Days
    dispute_end: Days
    lost_share: Floats
    has_residual: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Items:
        return Items(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


def stress(customers: Customers, fate: Fate) -> Floats:
    """The state in its own standard deviations, (customers, months): what lateness, orders and ratings go by."""
    return (customers.level[:, None] + fate.z) / STATE_DEVIATION


def _issued(random: np.random.Generator, customers: Customers, fate: Fate, days: Calendar) -> tuple[Days, Days]:
    """Customer and day of each invoice."""
    months = np.arange(days.months)
    of_year = (days.month_start[: days.months].astype("datetime64[D]").astype("datetime64[M]").astype(int)) % 12
    season = 1 + SEASON[:, None] * np.cos(2 * np.pi * (of_year - PEAK_MONTH[:, None]) / 12)
    buys = (months >= customers.first_month[:, None]) & (months < fate.left_month[:, None])
    expected = (
        customers.rate[:, None]
        * season[customers.sector]
        * np.exp(LATENESS.orders_state * np.clip(fate.z / RISK.state_deviation, -3, 3))
    )
    count = random.poisson(np.where(buys, expected, 0.0))
    # who starts to buy buys once at least
    starts = (months == customers.first_month[:, None]) & (months > 0)
    count = np.where(starts, np.maximum(count, 1), count)
    cell = np.repeat(np.arange(count.size), count.ravel())
    at, month = cell // days.months, cell % days.months
    where = random.random(len(at))
    where = np.where(random.random(len(at)) < 0.25, 1 - where * 0.15, where)  # much is invoiced at month end
    business = np.minimum((where * days.business_count[month]).astype(int), days.business_count[month] - 1)
    issued = np.maximum(days.business[month, business], days.run_on_or_after(customers.onboarded_on[at], 0))
    return at, issued


def draw_items(random: np.random.Generator, customers: Customers, fate: Fate, days: Calendar) -> Items:
    """All invoices of a block, with the day on which each is settled."""
    at, issued = _issued(random, customers, fate, days)
    euros = np.exp(customers.amount_location[at] + random.normal(0, 0.65, len(at)))
    # a customer that stops takes one more delivery on credit just then: every stop meets an open item
    who, slot = np.nonzero(fate.stop_on < NEVER)
    order = days.run_on_or_after(fate.stop_on[who, slot] + 1, 0)
    inside = order <= days.last_day
    who, order = who[inside], order[inside]
    last_euros = np.maximum(np.exp(customers.amount_location[who]), 1.7 * SMALLEST_MATERIAL)
    last_euros *= random.uniform(1.0, 1.6, len(who))
    is_last = np.append(np.zeros(len(at), bool), np.ones(len(who), bool))
    at, issued, euros = np.append(at, who), np.append(issued, order), np.append(euros, last_euros)
    sort = np.lexsort((euros, issued, at))
    at, issued, euros, is_last = at[sort], issued[sort], euros[sort], is_last[sort]
    euros = np.where(random.random(len(at)) < 0.2, np.maximum(np.round(euros, -1), 10), np.maximum(euros, 12.0))
    kept = is_last | ~_blocked(random, fate, at, issued)
    items = _settled(random, customers, fate, days, at, issued, euros, is_last)
    return items.take(kept)


def _blocked(random: np.random.Generator, fate: Fate, at: Days, issued: Days) -> NDArray[np.bool_]:
    """Whether the order behind an invoice was refused because the customer had stopped paying."""
    blocked, luck = np.zeros(len(at), bool), random.random(len(at))
    for slot in range(SLOTS):
        stop, resume = fate.stop_on[at, slot], fate.resume_on[at, slot]
        blocked |= (issued > stop + BLOCKED_AFTER) & (issued < resume) & ((resume == NEVER) | (luck < 0.6))
        blocked |= (issued > stop + 3) & (issued < resume) & (luck < 0.5)
    return blocked


def _settled(
    random: np.random.Generator, customers: Customers, fate: Fate, days: Calendar, at: Days, issued: Days,
    euros: Floats, is_last: NDArray[np.bool_],
) -> Items:  # fmt: skip
    """When each item is paid: habit and state, the run, the reconciliation, disputes, and the customer's stops."""
    terms = np.where(is_last, np.minimum(customers.terms[at], LATENESS.last_terms), customers.terms[at])
    due = issued + terms
    due = np.where(customers.rolls_due[at], days.run_on_or_after(due, 0), due)
    run = customers.run_type[at]
    s = np.clip(stress(customers, fate)[at, np.minimum(days.month_of(due), days.months - 1)], -4, 4)
    late, early, days_early, disputes, opens, loses, share, short, hold = random.random((9, len(at)))
    is_late = late < late_probability(customers.habit_late[at], s)
    # before a merger accounts are put in order: what one leaves behind is not the other's arrears
    is_calm = issued > fate.merged_on[at] - CALM_BEFORE_MERGER
    is_late &= ~is_calm
    location = size_location(customers.habit_size[at], s)
    days_late = np.ceil(np.exp(location + LATENESS.size_deviation * random.normal(0, 1, len(at))))
    days_late = np.minimum(days_late, 1000).astype(np.int64)
    ahead = np.where(early < LATENESS.early_share, (days_early * 11).astype(int), 0)
    punctual = days.run_on_or_before(due - ahead, run)
    punctual = np.where(
        punctual <= issued, np.maximum(days.run_on_or_before(due, 0), days.run_on_or_after(issued, 0)), punctual
    )
    clearing = next_clearing(due, customers, at, days)
    paid = np.where(is_late, np.minimum(days.run_on_or_after(due + days_late, run), clearing), punctual)

    has_dispute = (disputes < dispute_probability(customers.disputed[at], s)) & ~is_last & ~is_calm
    dispute_on = np.where(
        has_dispute, days.run_on_or_before(issued + 1 + (opens * (due - issued)).astype(int), 0), NEVER
    )
    dispute_on = np.where(has_dispute, np.clip(dispute_on, issued, due), NEVER)
    dispute_end = dispute_on + DISPUTE_FIRST + random.exponential(DISPUTE_MEAN, len(at)).astype(int)
    dispute_end = np.where(has_dispute, days.run_on_or_after(dispute_end, 0), NEVER)
    lost = np.where(
        has_dispute & (loses < DISPUTE_LOST), np.where(share < LOST_WHOLLY, 1.0, np.round(0.1 + 0.5 * share, 2)), 0.0
    )
    after = np.maximum(days.run_on_or_after(dispute_end + DISPUTE_ANSWER, run), punctual)
    after = np.minimum(after, next_clearing(np.maximum(dispute_end, due), customers, at, days))
    paid = np.where(has_dispute, np.where(lost == 1.0, dispute_end, after), paid)

    has_residual = (
        (short < residual_probability(s)) & ~has_dispute & ~is_last & ~is_calm & (euros > LATENESS.residual_from)
    )
    main = paid
    argued = np.maximum(paid, due) + 1 + (hold * LATENESS.residual_days).astype(int)
    paid = np.where(has_residual, next_clearing(argued, customers, at, days), paid)
    items = Items(
        at=at, month=np.minimum(days.month_of(issued), days.months - 1), issued_on=issued, due_on=due, euros=euros,
        paid_on=paid, main_paid_on=main, dispute_on=dispute_on, dispute_end=dispute_end, lost_share=lost,
        has_residual=has_residual,
    )  # fmt: skip
    return _stopped(items, fate)


def _stopped(items: Items, fate: Fate) -> Items:
    """Apply the stops: what is due is paid on the day of the stop, then nothing until the customer resumes."""

    def through(paid: Days) -> Days:
        for slot in range(SLOTS):
            stop, resume = fate.stop_on[items.at, slot], fate.resume_on[items.at, slot]
            if not (stop < NEVER).any():
                break
            free = items.dispute_end  # a disputed item waits for its end whatever happens
            is_free = (items.dispute_on == NEVER) | (free <= stop)
            cleared = (items.due_on <= stop) & (paid > stop) & is_free
            paid = np.where(cleared, stop, paid)
            held = (paid > stop) & (paid < resume) & (items.lost_share < 1.0)
            paid = np.where(held, resume, paid)
            # on the day on which it resumes it pays everything that is due
            owed = (items.issued_on < resume) & (items.due_on <= resume) & (paid > resume)
            owed &= (items.dispute_on == NEVER) | (items.dispute_end <= resume)
            paid = np.where(owed & (resume < NEVER), resume, paid)
        return paid

    paid, main = through(items.paid_on), through(items.main_paid_on)
    return replace(
        items, paid_on=paid, main_paid_on=np.minimum(main, paid), has_residual=items.has_residual & (main < paid)
    )


def dispute_probability(usual: Floats, s: Floats) -> Floats:
    """The chance that an invoice is disputed, from the customer's usual one."""
    return np.minimum(usual * np.exp(LATENESS.disputed_state * s), LATENESS.disputed_most)


def residual_probability(s: Floats) -> Floats:
    """The chance that an invoice is paid short."""
    above = np.maximum(s - LATENESS.crisis, 0.0)
    chance = LATENESS.residual * np.exp(LATENESS.residual_state * s + LATENESS.residual_crisis * above)
    return np.minimum(chance, LATENESS.residual_most)


def late_probability(habit: Floats, s: Floats) -> Floats:
    """The chance that a customer means to pay after the due date."""
    above = np.maximum(s - LATENESS.crisis, 0.0)
    odds = LATENESS.late_base + LATENESS.late_habit * habit + LATENESS.late_state * s + LATENESS.late_crisis * above
    return 1 / (1 + np.exp(-odds))


def size_location(habit: Floats, s: Floats) -> Floats:
    """Mean of the log of the days late of an item that is paid late."""
    above = np.maximum(s - LATENESS.crisis, 0.0)
    return LATENESS.size_base + LATENESS.size_habit * habit + LATENESS.size_state * s + LATENESS.size_crisis * above


def default_days(items: Items, customers: Customers, fate: Fate) -> Days:
    """The day on which each customer enters default: the filing, or 91 days after arrears became material."""
    permanent = fate.permanent_on()
    open_items = items.take((items.paid_on == NEVER) & (permanent[items.at] < NEVER))
    # a disputed item is no arrears until its dispute ends
    entered = np.where(
        open_items.dispute_on == NEVER, open_items.due_on, np.maximum(open_items.due_on, open_items.dispute_end)
    )
    sort = np.lexsort((entered, open_items.at))
    at, due, euros = open_items.at[sort], entered[sort], open_items.euros[sort]
    total = np.cumsum(euros)
    first = np.searchsorted(at, np.arange(len(customers)))
    before = np.append(0.0, total)[first]
    material = np.full(len(customers), NEVER)
    crossed = total - before[at] > SMALLEST_MATERIAL
    np.minimum.at(material, at[crossed], due[crossed])
    arrears = np.where(material < NEVER, material + RISK.days_to_default, NEVER)
    return np.minimum(arrears, fate.filing_on)
