"""What nobody sees: the macro cycle, each customer's creditworthiness by month, and when customers stop paying."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample.calendar import Calendar, Days
from sample.customers import NEVER, Customers, Floats
from sample.parameters import CURRENCIES, RATES_AT_START, RISK, SECTORS, Losses, Settings

SLOTS = 12  # stops a customer may have; half of them are the last one
MONTHS_BEFORE = 2  # exchange rates and macro series begin before the ledger


@dataclass(frozen=True, kw_only=True)
class World:
    """What is common to all customers: macro (months,) and sector (sectors, months) parts of z; rates to euros."""

    macro: Floats
    sector: Floats
    rates: Floats  # (currencies, MONTHS_BEFORE + months)


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What happens to each customer of a block.

    z : (customers, months) the moving part of the state. left_month : the first month in which a customer no longer
    buys, for good, in peace (or NEVER). stop_on, resume_on : (customers, SLOTS) days; unused slots hold NEVER in both.
    is_deep : (customers, SLOTS) the stop ends in default; resume_on is then NEVER, or the day on which a cured customer
    pays. filing_on, is_concession : (customers, SLOTS) insolvency or concession of a deep stop.
    merged_on : the day on which a customer that left did so into another one.
    """

    z: Floats
    left_month: Days
    stop_on: Days
    resume_on: Days
    is_deep: NDArray[np.bool_]
    filing_on: Days
    is_concession: NDArray[np.bool_]
    merged_on: Days

    def permanent_on(self) -> Days:
        """Return the first day on which each customer stopped and went into default, NEVER where it did not."""
        return np.where(self.is_deep, self.stop_on, NEVER).min(axis=1)

    def has_stopped(self, at: Days, on: Days, after: int = 0) -> NDArray[np.bool_]:
        """Return whether customer `at` is, on each day, in a stop that began more than `after` days before."""
        stops, resumes = self.stop_on[at], self.resume_on[at]
        inside = (stops + after < on[:, None]) & (on[:, None] < resumes)
        return np.asarray(inside.any(axis=1))


def hazard(state: Floats) -> Floats:
    """The chance that a running customer stops paying within a month, at state = level + z."""
    return 1.0 - np.exp(-np.exp(np.minimum(RISK.base + state, 3.0)) - RISK.sudden)


def _paths(random: np.random.Generator, shape: tuple[int, int], deviation: float) -> Floats:
    """Stationary AR(1) paths: (series, months)."""
    noise = random.normal(0, deviation, shape)
    for month in range(1, shape[1]):
        noise[:, month] = RISK.persistence * noise[:, month - 1] + np.sqrt(1 - RISK.persistence**2) * noise[:, month]
    return noise


def draw_world(settings: Settings) -> World:
    random = np.random.default_rng([settings.seed, 0])
    months = settings.months
    macro = _paths(random, (1, months), RISK.state_deviation * RISK.macro_share**0.5)[0]
    sector = _paths(random, (len(SECTORS), months), RISK.state_deviation * RISK.sector_share**0.5)
    walk = np.cumsum(random.normal(0, 0.015, (len(CURRENCIES), MONTHS_BEFORE + months)), axis=1)
    rates = np.round(np.array(RATES_AT_START)[:, None] * np.exp(walk), 5)
    rates[0] = 1.0
    return World(macro=macro, sector=sector, rates=rates)


def draw_fate(
    random: np.random.Generator, customers: Customers, world: World, days: Calendar, losses: Losses
) -> Fate:  # fmt: skip
    """Draw month by month: leave, stop and default, stop for a while, or go on."""
    n, months = len(customers), days.months
    own_share = 1 - RISK.macro_share - RISK.sector_share
    z = (
        world.macro
        + world.sector[customers.sector]
        + _paths(random, (n, months), RISK.state_deviation * own_share**0.5)
    )
    left = np.full(n, NEVER)
    stop, resume = np.full((n, SLOTS), NEVER), np.full((n, SLOTS), NEVER)
    is_deep = np.zeros((n, SLOTS), bool)
    files, concedes, heals, cure = random.random((4, n, SLOTS))
    waits = random.exponential(RISK.insolvency_mean, (n, SLOTS))
    files, heals = files < RISK.insolvency_share, heals < losses.cured
    low, high = customers.squeeze_days()
    slot, busy_until = np.zeros(n, int), np.where(customers.first_month == 0, -1, customers.first_month)
    for month in range(months):
        leaves, stops, when, kind, length = random.random((5, n))
        running = (busy_until < month) & (left == NEVER) & (slot < SLOTS)
        left[running & (leaves < RISK.leaving) & ~customers.is_giant] = month
        running &= left == NEVER
        at = np.flatnonzero(running & (stops < hazard(customers.level + z[:, month])))
        start, end = days.month_start[month], days.month_start[month + 1]
        day = days.run_on_or_after(start + (when[at] * (end - start)).astype(int), 0)
        day = np.where(day < end, day, days.run_on_or_before(np.full(len(at), end - 1), 0))
        again = day + (low[at] + length[at] * (high - low)[at]).astype(int)
        first, last = RISK.cure_days
        cured = day + (first + cure[at, slot[at]] * (last - first)).astype(int)
        deep = kind[at] < RISK.permanent_share
        heal = deep & heals[at, slot[at]] & ~files[at, slot[at]]
        again = days.run_on_or_before(np.where(deep, cured, again), 0)
        again = np.where(deep & ~heal, NEVER, np.maximum(again, days.run_on_or_after(day + 1, 0)))
        stop[at, slot[at]], resume[at, slot[at]], is_deep[at, slot[at]] = day, again, deep
        free = again + np.where(deep, RISK.probation, 0)
        busy_until[at] = np.where(again == NEVER, NEVER, days.month_of(free))
        slot[at] += 1
    filing = np.where(is_deep & files, stop + RISK.insolvency_after + waits.astype(int), NEVER)
    merges = (
        (left < NEVER) & ~is_deep.any(axis=1) & (random.random(n) < RISK.merged_share) & (customers.number % 10 != 0)
    )
    into = days.run_on_or_after(days.month_start[np.minimum(left, months)], 0)
    return Fate(
        z=z, left_month=left, stop_on=stop, resume_on=resume, is_deep=is_deep, filing_on=filing,
        is_concession=concedes < RISK.concession_share, merged_on=np.where(merges, into, NEVER),
    )  # fmt: skip
