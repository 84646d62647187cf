"""The invoices of the sample ledger and when each is settled: drawn at once for all customers of a block."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from sample.calendar import Calendar, Days
from sample.customers import NEVER, Customers, Floats, lateness_deviation, next_clearing
from sample.hidden_state import SLOTS, Fate
from sample.parameters import LATENESS, RISK, SMALLEST_MATERIAL, TERMS, Reminders
from sample.reminders import answered, draw_reminders, is_sent

STATE_DEVIATION = float(np.hypot(RISK.level_deviation, RISK.state_deviation))
PEAK_MONTH = np.array([6, 11, 7, 5, 10, 4, 2, 7])  # of each sector's season
SEASON = np.array([0.30, 0.35, 0.12, 0.10, 0.12, 0.08, 0.06, 0.40])
DISPUTE_FIRST, DISPUTE_MEAN = 10, 45.0  # days a dispute lasts at least; mean of what comes on top (exponential)
DISPUTE_ANSWER = 5  # days from its end to the payment run that settles what is left
DISPUTE_LOST, LOST_WHOLLY = 0.45, 0.35  # disputes that end with a credit note; of these, for the whole amount
LOST_WHOLE = DISPUTE_LOST * LOST_WHOLLY  # closed without payment: no days late
CALM_BEFORE_MERGER = 150  # days
BLOCKED_AFTER = 45  # days after a stop from which most orders are refused
LATEST = 88  # days past due by which whoever has not stopped has paid what is not in dispute
HABIT_CUT = 2.0  # deviations at which the days late of habitual late payers are cut


@dataclass(frozen=True, kw_only=True)
class Items:
    """One entry an item (an invoice, or one of its instalments), sorted by (customer, issued_on).

    at : position of the customer in its block. euros : amount in the reporting currency. paid_on : the day on which
    the last part arrives, NEVER for an item that stays open. dispute_on, dispute_end : NEVER where there is none.
    lost_share : part of the amount that a lost dispute credits (0 none, 1 all). has_residual : paid short, the last
    euros arrive on paid_on, the rest on main_paid_on before it (else equal). number : of the instalment, from 1; 0 where
    the invoice is one item. head : place of the invoice's first item. takes_discount : paid early for a discount.
    reminder_on, reminder_kind, reminder_saved : (items, levels) the day of each reminder that is sent while the item is
    open (NEVER: none), its kind, and the days that it saves.
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
    number: Days
    head: Days
    takes_discount: NDArray[np.bool_]
    reminder_on: Days
    reminder_kind: Days
    reminder_saved: Days

    @property
    def is_tail(self) -> NDArray[np.bool_]:
        """Whether an item is its invoice's only or last one."""
        return (self.number == 0) | (self.number == TERMS.instalments)

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


def draw_items(
    random: np.random.Generator, customers: Customers, fate: Fate, days: Calendar, reminders: Reminders
) -> Items:  # fmt: skip
    """Draw all items of a block, with the day on which each is settled."""
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
    kept = np.flatnonzero(is_last | ~_blocked(random, fate, at, issued))
    splits = (random.random(len(kept)) < TERMS.instalment_share) & (euros[kept] > TERMS.instalment_from)
    splits &= ~is_last[kept] & (issued[kept] <= fate.merged_on[at[kept]] - CALM_BEFORE_MERGER)
    times = np.where(splits, TERMS.instalments, 1)
    source, start = np.repeat(kept, times), np.cumsum(times) - times
    head = np.repeat(start, times)
    number = np.where(np.repeat(splits, times), np.arange(len(source)) - head + 1, 0)
    drawn = _Drawn(
        at=at[source], issued_on=issued[source], euros=euros[source] / np.repeat(times, times), is_last=is_last[source],
        number=number, head=head,
    )  # fmt: skip
    return _settled(random, customers, fate, days, drawn, reminders)


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """Items before it is known when they are paid; fields as in Items. is_last : the delivery taken at a stop."""

    at: Days
    issued_on: Days
    euros: Floats
    is_last: NDArray[np.bool_]
    number: Days
    head: Days


def _blocked(random: np.random.Generator, fate: Fate, at: Days, issued: Days) -> NDArray[np.bool_]:
    """Return whether the order behind an invoice was refused because the customer had stopped paying."""
    blocked, luck = np.zeros(len(at), bool), random.random(len(at))
    for slot in range(SLOTS):
        stop, resume, deep = fate.stop_on[at, slot], fate.resume_on[at, slot], fate.is_deep[at, slot]
        blocked |= (issued > stop + BLOCKED_AFTER) & (issued < resume) & (luck < 0.6)
        blocked |= (issued > stop + RISK.days_to_default) & (issued < resume) & deep  # no squeeze lasts so long
        blocked |= (issued > stop + 3) & (issued < resume) & (luck < 0.5)
    return blocked


def _settled(
    random: np.random.Generator, customers: Customers, fate: Fate, days: Calendar, drawn: _Drawn, reminders: Reminders
) -> Items:  # fmt: skip
    """When each item is paid: habit and state, reminders, the run, the reconciliation, disputes, and the stops."""
    at, issued, euros, is_last = drawn.at, drawn.issued_on, drawn.euros, drawn.is_last
    is_plan, n = drawn.number > 0, len(drawn.at)
    due = _due(customers, days, drawn)
    run = customers.run_type[at]
    month = np.minimum(days.month_of(issued), days.months - 1)
    s = np.clip(stress(customers, fate)[at, np.minimum(days.month_of(due), days.months - 1)], -4, 4)
    late, early, days_early, disputes, opens, loses, share, short, hold, takes = random.random((10, n))
    noise = random.normal(0, 1, n)
    is_late = (late < late_probability(customers.habit_late[at], s)) | customers.is_habitual[at]
    # before a merger accounts are put in order: what one leaves behind is not the other's arrears
    is_calm = issued > fate.merged_on[at] - CALM_BEFORE_MERGER
    is_late &= ~is_calm
    means = intended_days(customers, at, s, noise)
    sent_on, kind = draw_reminders(random, customers, at, due, euros, days, reminders)
    levels = answered(means, due, sent_on, kind, customers.segment[at], reminders)
    ahead = np.where(early < LATENESS.early_share, (days_early * 11).astype(int), 0)
    punctual = days.run_on_or_before(due - ahead, run)
    punctual = np.where(
        punctual <= issued, np.maximum(days.run_on_or_before(due, 0), days.run_on_or_after(issued, 0)), punctual
    )
    clearing = next_clearing(due, customers, at, days)
    clearing = np.where(customers.is_habitual[at], days.run_on_or_before(due + LATEST, 0), clearing)
    lates = [
        np.minimum(days.run_on_or_after(due + np.ceil(np.minimum(m, 1000)).astype(int), run), clearing) for m in levels
    ]
    paid = np.where(is_late, lates[-1], punctual)
    saved = -np.diff(np.stack(lates, axis=1), axis=1)

    has_dispute = (disputes < dispute_probability(customers.disputed[at], s)) & ~is_last & ~is_calm & ~is_plan
    dispute_on = np.where(
        has_dispute, days.run_on_or_before(issued + 1 + (opens * (due - issued)).astype(int), 0), NEVER
    )
    dispute_on = np.where(has_dispute, np.clip(dispute_on, issued, due), NEVER)
    dispute_end = dispute_on + DISPUTE_FIRST + random.exponential(DISPUTE_MEAN, n).astype(int)
    dispute_end = np.where(has_dispute, days.run_on_or_after(dispute_end, 0), NEVER)
    lost = np.where(
        has_dispute & (loses < DISPUTE_LOST), np.where(share < LOST_WHOLLY, 1.0, np.round(0.1 + 0.5 * share, 2)), 0.0
    )
    after = np.maximum(days.run_on_or_after(dispute_end + DISPUTE_ANSWER, run), punctual)
    after = np.minimum(after, next_clearing(np.maximum(dispute_end, due), customers, at, days))
    paid = np.where(has_dispute, np.where(lost == 1.0, dispute_end, after), paid)

    takes_discount = (takes < discount_chance(customers, fate, days, at, issued)) & ~has_dispute & ~is_last & ~is_plan
    takes_discount &= ~is_calm
    paid = np.where(takes_discount, discount_day(customers, days, at, issued), paid)
    has_residual = (
        (short < residual_probability(s)) & ~has_dispute & ~is_last & ~is_calm & (euros > LATENESS.residual_from)
        & ~takes_discount & ~is_plan
    )  # fmt: skip
    main = paid
    argued = np.maximum(paid, due) + 1 + (hold * LATENESS.residual_days).astype(int)
    paid = np.where(has_residual, next_clearing(argued, customers, at, days), paid)
    for number in range(2, TERMS.instalments + 1):  # the oldest instalment is paid first
        later = np.flatnonzero(drawn.number == number)
        paid[later] = main[later] = np.maximum(paid[later], paid[later - 1])
    answers = (is_late & ~has_dispute)[:, None]
    items = Items(
        at=at, month=month, issued_on=issued, due_on=due, euros=euros, paid_on=paid, main_paid_on=main,
        dispute_on=dispute_on, dispute_end=dispute_end, lost_share=lost, has_residual=has_residual, number=drawn.number,
        head=drawn.head, takes_discount=takes_discount, reminder_on=sent_on, reminder_kind=kind,
        reminder_saved=np.where(answers, saved, 0),
    )  # fmt: skip
    return _stopped(items, customers, fate)


def _due(customers: Customers, days: Calendar, drawn: _Drawn) -> Days:
    """Return each item's due date: terms, instalments, and business days where the customer's terms say so."""
    at = drawn.at
    terms = np.where(drawn.is_last, np.minimum(customers.terms[at], LATENESS.last_terms), customers.terms[at])
    due = drawn.issued_on + terms + TERMS.instalment_days * np.maximum(drawn.number - 1, 0)
    return np.where(customers.rolls_due[at], days.run_on_or_after(due, 0), due)


def intended_days(customers: Customers, at: Days, s: Floats, noise: Floats) -> Floats:
    """Return the days late, not whole, at which a late item would be paid by itself. noise : standard normal."""
    location = size_location(customers.habit_size[at], s)
    usual = np.exp(location + LATENESS.size_deviation * noise)
    habit = customers.lateness[at]
    stable = habit + lateness_deviation(habit) * np.clip(noise, -HABIT_CUT, HABIT_CUT)
    return np.where(customers.is_habitual[at], stable, usual)


def discount_day(customers: Customers, days: Calendar, at: Days, issued: Days) -> Days:
    """Return the last payment run within the discount days."""
    return days.run_on_or_before(issued + TERMS.discount_days, customers.run_type[at])


def discount_chance(customers: Customers, fate: Fate, days: Calendar, at: Days, issued: Days) -> Floats:
    """Return the chance that an invoice is paid early for a discount; 0 where none is offered or no run comes in time."""
    s = np.clip(stress(customers, fate)[at, np.minimum(days.month_of(issued), days.months - 1)], -4, 4)
    odds = TERMS.discount_base + TERMS.discount_habit * customers.habit_discount[at] + TERMS.discount_state * s
    can = customers.offers_discount[at] & (discount_day(customers, days, at, issued) > issued)
    return np.where(can, 1 / (1 + np.exp(-odds)), 0.0)


def _stopped(items: Items, customers: Customers, fate: Fate) -> Items:
    """Apply the stops: what is due is paid on the day of the stop (by habitual late payers not), then nothing until the
    customer resumes."""

    def through(paid: Days) -> Days:
        for slot in range(SLOTS):
            stop, resume = fate.stop_on[items.at, slot], fate.resume_on[items.at, slot]
            if not (stop < NEVER).any():
                break
            free = items.dispute_end  # a disputed item waits for its end whatever happens
            is_free = (items.dispute_on == NEVER) | (free <= stop)
            # of a habitual late payer's only what it had paid short
            clears = ~customers.is_habitual[items.at] | (items.has_residual & (items.main_paid_on <= stop))
            cleared = (items.due_on <= stop) & (paid > stop) & is_free & clears
            paid = np.where(cleared, stop, paid)
            held = (paid > stop) & (paid < resume) & (items.lost_share < 1.0)
            paid = np.where(held, resume, paid)
            # on the day on which it resumes it pays everything that is due
            owed = (items.issued_on < resume) & (items.due_on <= resume) & (paid > resume)
            owed &= (items.dispute_on == NEVER) | (items.dispute_end <= resume)
            paid = np.where(owed & (resume < NEVER), resume, paid)
        return paid

    paid, main = through(items.paid_on), through(items.main_paid_on)
    is_as_meant = (paid == items.paid_on)[:, None]
    return replace(
        items, paid_on=paid, main_paid_on=np.minimum(main, paid), has_residual=items.has_residual & (main < paid),
        takes_discount=items.takes_discount & (paid == items.paid_on),
        reminder_saved=np.where(is_as_meant, items.reminder_saved, 0),
        reminder_on=np.where(is_sent(items.reminder_on, paid, items.dispute_on, items.dispute_end), items.reminder_on, NEVER),
    )  # fmt: skip


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
    """Return the day on which each stop of each customer became a default, (customers, SLOTS); NEVER where it did not.

    It is the filing, or the first day on which undisputed items that are each more than 90 days past due are material.
    """
    found = np.full(fate.stop_on.shape, NEVER)
    for slot in range(SLOTS):
        if not fate.is_deep[:, slot].any():
            continue
        resume = fate.resume_on[:, slot]
        held = fate.is_deep[items.at, slot] & (items.issued_on < resume[items.at]) & (items.lost_share < 1.0)
        held &= (items.paid_on == resume[items.at]) & (fate.stop_on[items.at, slot] < items.paid_on)
        open_items = items.take(held)
        # a dispute, which begins by the due date, stops the clock
        ended = np.where(open_items.dispute_on == NEVER, open_items.due_on, open_items.dispute_end)
        old = np.maximum(open_items.due_on, ended) + RISK.days_to_default
        owed = np.where(open_items.has_residual, 0.0, open_items.euros * (1 - open_items.lost_share))
        sort = np.lexsort((old, open_items.at))
        at, old, euros = open_items.at[sort], old[sort], owed[sort]
        total = np.cumsum(euros)
        first = np.searchsorted(at, np.arange(len(customers)))
        before = np.append(0.0, total)[first]
        crossed = total - before[at] > SMALLEST_MATERIAL
        arrears = np.full(len(customers), NEVER)
        np.minimum.at(arrears, at[crossed], old[crossed])
        found[:, slot] = np.minimum(arrears, fate.filing_on[:, slot])
    return found
