"""A second generated world with other mechanics than the sample ledger's: nothing was tuned on it.

What differs: creditworthiness is a Markov chain of four states whose speed depends on a hidden type and on a sector's boom
or bust (in the sample: an AR(1)); customers are invoiced at fixed intervals and buy less when they are short of money (in
the sample: at random days, and more); lateness is negative binomial by state (in the sample: lognormal with payment runs
and reconciliations); a failure is final, there are no temporary stops, disputes, cures or reminders with an effect. The
true PDs are known: `true_pd` below is exact for the chain, up to the lag from a failure to the default, which is
integrated over a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import nbinom

from ledger.ledger import Ledger

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

LAST_MONTH = np.datetime64("2024-12", "M")
NEVER = 10**7
SOUND, STRAINED, DISTRESSED, FAILED = range(4)
TYPES = (0.45, 1.0, 2.4)  # speed of deterioration
TYPE_SHARES = (0.5, 0.35, 0.15)
SECTORS = ("textiles", "furniture", "electronics", "packaging", "paper")
BUST = 1.9  # times the speed in a sector's bust
TO_BUST, TO_BOOM = 0.04, 0.10  # chances a month
INTERVALS = np.array([7, 14, 28])  # days between two invoices
INTERVAL_SHARES = (0.15, 0.35, 0.5)
BUYS = np.array([1.0, 0.85, 0.65, 0.65])  # amount by state
LATE_CHANCE = np.array([0.18, 0.55, 0.88, 0.88])
LATE_MEAN = np.array([4.0, 11.0, 30.0, 30.0])  # days, of those that are late
LATE_SIZE = 1.6  # of the negative binomial
LATEST = 80  # days late of any item that is paid
FILES = 0.3  # of the failed: insolvency, after 30 days and an exponential time of 40
DAYS_IN_MONTH = 365.25 / 12
HORIZONS = (3, 6, 12)
GRID = 40


@dataclass(frozen=True, kw_only=True)
class SecondWorld:
    """A ledger and the true PDs of its customers: customer_id, as_of, true_pd_3m, true_pd_6m, true_pd_12m (NaN once in
    default), status (running, failed, in_default)."""

    ledger: Ledger
    truth: pd.DataFrame


def transitions(speed: Floats | float) -> Floats:
    """Return the monthly transition matrix of the four states for each speed, (…, 4, 4)."""
    f = np.asarray(speed, dtype=np.float64)
    found = np.zeros((*f.shape, 4, 4))
    found[..., SOUND, STRAINED], found[..., SOUND, FAILED] = 0.022 * f, 0.00015 * f
    found[..., STRAINED, DISTRESSED], found[..., STRAINED, SOUND] = 0.045 * f, 0.11
    found[..., STRAINED, FAILED] = 0.0008 * f
    found[..., DISTRESSED, FAILED], found[..., DISTRESSED, STRAINED] = 0.030 * f, 0.10
    found[..., FAILED, FAILED] = 1.0
    for state in (SOUND, STRAINED, DISTRESSED):
        found[..., state, state] = 1 - found[..., state, :].sum(axis=-1)
    return found


def late_survival(state: int, days: Floats) -> Floats:
    """Return P(an item due in this state is paid more than `days` days late)."""
    law = nbinom(LATE_SIZE, LATE_SIZE / (LATE_SIZE + LATE_MEAN[state] - 1))
    beyond = np.where(days < 0, 1.0, LATE_CHANCE[state] * np.where(days >= LATEST, 0.0, law.sf(np.floor(days) - 1)))
    return np.asarray(beyond)


def lag_survival(state: int, interval: int, days: Floats) -> Floats:
    """Return P(the default comes more than `days` after a failure from `state`), for one interval between invoices.

    The failure falls between two due dates, at a uniform time. Each earlier item is still unpaid if it is later than it
    is old; the oldest unpaid one is more than 90 days past due first; without one it is the next item due.
    """
    since = (np.arange(GRID) + 0.5) / GRID * interval  # from the last due date to the failure
    items = np.arange(LATEST // interval + 1)
    unpaid = late_survival(state, since[:, None] + items * interval)  # (GRID, items)
    left = np.ones((GRID, len(np.atleast_1d(days))))
    lag_of_item = 91 - (since[:, None] + items * interval)
    for item in items:
        gone = lag_of_item[:, item, None] <= np.atleast_1d(days)
        left *= np.where(gone, 1 - unpaid[:, item, None], 1.0)
    next_due = 91 + interval - since
    left = np.where(next_due[:, None] <= np.atleast_1d(days), 0.0, left)
    filed = 1 - np.exp(-np.maximum(np.atleast_1d(days) - 30, 0) / 40)
    found: Floats = left.mean(axis=0) * (1 - FILES * filed)
    return found


def _chance_tables(months: int) -> dict[int, Floats]:
    """Return P(default within h months) by (type, interval, regime, state), for each horizon; of running customers."""
    regimes = np.array([[1 - TO_BUST, TO_BUST], [TO_BOOM, 1 - TO_BOOM]])
    within = (np.arange(16) + 0.5) / 16
    tables = {}
    for horizon in HORIZONS:
        table = np.zeros((len(TYPES), len(INTERVALS), 2, 3))
        for t, speed in enumerate(TYPES):
            move = np.stack([transitions(speed), transitions(speed * BUST)])  # by the regime of the month
            for v, interval in enumerate(INTERVALS):
                known = [
                    1 - lag_survival(j, int(interval), ((horizon - m)[:, None] - within).ravel() * DAYS_IN_MONTH)
                    .reshape(horizon, -1).mean(axis=1)
                    for j in (SOUND, STRAINED, DISTRESSED)
                    for m in [np.arange(horizon)]
                ]  # fmt: skip
                for regime in range(2):
                    for state in range(3):
                        table[t, v, regime, state] = _failing(regimes, move, regime, state, known)
        tables[horizon] = table
    return tables


def _failing(regimes: Floats, move: Floats, regime: int, state: int, known: list[Floats]) -> float:
    """Return the sum over months of P(fail in the month, from each state) times P(the default is in time)."""
    joint = np.zeros((2, 3))
    joint[regime, state] = 1.0
    total = 0.0
    for month in range(len(known[0])):
        joint = regimes.T @ joint
        fails = joint * move[:, :3, FAILED]
        total += float(sum(fails[:, j].sum() * known[j][month] for j in range(3)))
        joint = np.einsum("rs,rst->rt", joint, move[:, :3, :3])
    return total


@dataclass(frozen=True, kw_only=True)
class _Hidden:
    """What nobody sees, by customer: type, interval place, (customers, months) states, failed_on, filing_on."""

    kind: Whole
    interval: Whole
    sector: Whole
    regime: Whole  # (sectors, months)
    state: Whole
    failed_on: Whole
    filing_on: Whole


def _hidden(random: np.random.Generator, n: int, starts: Whole) -> _Hidden:
    months = len(starts) - 1
    regime = np.zeros((len(SECTORS), months), np.int64)
    for month in range(1, months):
        luck, was = random.random(len(SECTORS)), regime[:, month - 1]
        regime[:, month] = np.where(was == 1, luck >= TO_BOOM, luck < TO_BUST)
    kind = random.choice(len(TYPES), n, p=TYPE_SHARES)
    sector = random.integers(0, len(SECTORS), n)
    state = np.zeros((n, months), np.int64)
    state[:, 0] = random.choice(3, n, p=[0.85, 0.12, 0.03])
    for month in range(1, months):
        speed = np.array(TYPES)[kind] * np.where(regime[sector, month] == 1, BUST, 1.0)
        chances = transitions(speed)[np.arange(n), state[:, month - 1]].cumsum(axis=1)
        state[:, month] = (random.random(n)[:, None] >= chances).sum(axis=1).clip(0, FAILED)
    month_failed = np.where((state == FAILED).any(axis=1), (state == FAILED).argmax(axis=1), -1)
    length = np.diff(starts)
    on = starts[month_failed] + (random.random(n) * length[month_failed]).astype(np.int64)
    failed = np.where(month_failed >= 0, on, NEVER)
    filing = failed + 30 + random.exponential(40, n).astype(np.int64)
    filing = np.where((failed < NEVER) & (random.random(n) < FILES), filing, NEVER)
    return _Hidden(
        kind=kind, interval=random.choice(len(INTERVALS), n, p=INTERVAL_SHARES), sector=sector, regime=regime,
        state=state, failed_on=failed, filing_on=filing,
    )  # fmt: skip


def second_world(customers: int = 300, months: int = 36, seed: int = 1) -> SecondWorld:
    """Return a ledger of the second world, whose last day is 2024-12-31, with the true PDs at each month end."""
    random = np.random.default_rng([seed, 2])
    starts = np.arange(LAST_MONTH - months + 1, LAST_MONTH + 2).astype("datetime64[D]").astype(np.int64)
    hidden = _hidden(random, customers, starts)
    items = _items(random, hidden, starts)
    default_on = _default_on(items, hidden, customers)
    ledger = Ledger.from_frames(references=True, **_tables(random, hidden, items, starts, default_on))
    return SecondWorld(ledger=ledger, truth=_truth(hidden, starts, default_on))


def _ids(numbers: Whole) -> NDArray[np.object_]:
    return np.array([f"S{number:06d}" for number in numbers], dtype=object)


def _items(random: np.random.Generator, hidden: _Hidden, starts: Whole) -> pd.DataFrame:
    """One row an invoice: at, issued_on, due_on, amount, paid_on (NEVER: not paid); days as whole numbers."""
    n, first, last = len(hidden.kind), int(starts[0]), int(starts[-1]) - 1
    interval = INTERVALS[hidden.interval]
    phase = (random.random(n) * interval).astype(np.int64)
    terms = random.choice([14, 30, 60], n, p=[0.3, 0.5, 0.2])
    size = 1000 + np.exp(random.normal(7.4, 0.8, n))
    count = (last - first - phase) // interval + 1
    at = np.repeat(np.arange(n), count)
    number = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    issued = first + phase[at] + number * interval[at]
    kept = issued <= hidden.failed_on[at] + 30
    at, issued = at[kept], issued[kept]
    due = issued + terms[at]
    month = np.clip(np.searchsorted(starts, due, side="right") - 1, 0, len(starts) - 2)
    before = np.maximum(hidden.state[at, month], 0)
    # an item due in the month of the failure, or later, is paid (before it) as in the state before
    failing = np.where(hidden.failed_on < NEVER, (hidden.state == FAILED).argmax(axis=1), len(starts))
    was = hidden.state[at, np.clip(failing[at] - 1, 0, len(starts) - 2)]
    state = np.where(before == FAILED, was, before)
    amount = np.round(size[at] * BUYS[state] * random.uniform(0.9, 1.1, len(at)), 2)
    law = nbinom(LATE_SIZE, LATE_SIZE / (LATE_SIZE + LATE_MEAN[state] - 1))
    days = np.minimum(1 + law.rvs(random_state=random), LATEST)
    is_late = random.random(len(at)) < LATE_CHANCE[state]
    paid = due + np.where(is_late, days, 0)
    paid = np.where(paid >= hidden.failed_on[at], NEVER, paid)
    return pd.DataFrame(
        {"at": at, "issued_on": issued, "due_on": due, "amount": amount, "paid_on": paid, "state": state}
    )


def _default_on(items: pd.DataFrame, hidden: _Hidden, customers: int) -> Whole:
    """The filing, or 91 days after the due date of the oldest unpaid item; every item is material."""
    found = np.full(customers, NEVER)
    unpaid = items[items["paid_on"] == NEVER]
    np.minimum.at(found, unpaid["at"].to_numpy(), unpaid["due_on"].to_numpy() + 91)
    found = np.where(hidden.failed_on < NEVER, found, NEVER)
    return np.minimum(found, hidden.filing_on)


def _days(values: Whole | pd.Series) -> NDArray[np.datetime64]:
    return np.asarray(values, np.int64).astype("datetime64[D]").astype("datetime64[s]")


def _tables(
    random: np.random.Generator, hidden: _Hidden, items: pd.DataFrame, starts: Whole, default_on: Whole
) -> dict[str, pd.DataFrame]:  # fmt: skip
    last, n = int(starts[-1]) - 1, len(hidden.kind)
    invoice = np.array([f"N{i:07d}" for i in range(len(items))], dtype=object)
    invoices = pd.DataFrame({
        "invoice_id": invoice, "customer_id": _ids(items["at"].to_numpy()), "kind": "invoice",
        "issued_on": _days(items["issued_on"]), "due_on": _days(items["due_on"]), "amount": items["amount"],
        "currency": "EUR",
    })  # fmt: skip
    paid = np.flatnonzero(items["paid_on"] <= last)
    chosen = items.iloc[paid]
    payments = pd.DataFrame({
        "payment_id": [f"Q{i:07d}" for i in paid], "customer_id": _ids(chosen["at"].to_numpy()),
        "invoice_id": invoice[paid], "paid_on": _days(chosen["paid_on"]), "amount": chosen["amount"].to_numpy(),
        "currency": "EUR", "kind": "payment",
    })  # fmt: skip
    people = pd.DataFrame({
        "customer_id": _ids(np.arange(n)), "industry": np.array(SECTORS, dtype=object)[hidden.sector], "country": "AT",
        "onboarded_on": _days(np.full(n, starts[0] - 900)),
    })  # fmt: skip
    return {
        "customers": people, "invoices": invoices, "payments": payments,
        "events": _events(random, items, invoice, hidden, default_on, last), "ratings": _ratings(random, hidden, starts),
    }  # fmt: skip


def _events(
    random: np.random.Generator, items: pd.DataFrame, invoice: NDArray[np.object_], hidden: _Hidden, default_on: Whole,
    last: int,
) -> pd.DataFrame:  # fmt: skip
    """Reminders a week and a month after the due date, which change nothing; filings; write-offs a year after default."""
    parts: list[tuple[Whole, NDArray[np.object_], Whole, str, str | None]] = []
    for level, wait in (("1", 7), ("2", 30)):
        on = items["due_on"].to_numpy() + wait
        sent = np.flatnonzero((on < items["paid_on"].to_numpy()) & (on <= last) & (random.random(len(items)) < 0.9))
        parts.append((items["at"].to_numpy()[sent], invoice[sent], on[sent], "dunning", level))
    files = np.flatnonzero(hidden.filing_on <= last)
    parts.append((files, np.full(len(files), None, dtype=object), hidden.filing_on[files], "insolvency", None))
    lost = items[items["paid_on"] == NEVER]
    on = default_on[lost["at"].to_numpy()] + 365
    gone = np.flatnonzero(on <= last)
    parts.append((lost["at"].to_numpy()[gone], invoice[lost.index[gone]], on[gone], "write_off", None))
    frames = [
        pd.DataFrame({
            "customer_id": _ids(at), "invoice_id": ids, "occurred_on": _days(on), "kind": kind,
            "detail": np.full(len(at), detail, dtype=object),
        })
        for at, ids, on, kind, detail in parts
    ]  # fmt: skip
    found = pd.concat(frames, ignore_index=True)
    return found.assign(event_id=[f"V{i:07d}" for i in range(len(found))])


def _ratings(random: np.random.Generator, hidden: _Hidden, starts: Whole) -> pd.DataFrame:
    """Half of the customers are rated twice a year, two months late, with an error."""
    n, months = hidden.state.shape
    rated, error = np.flatnonzero(random.random(n) < 0.5), random.normal(0, 0.8, n)
    rows = []
    for month in range(2, months, 6):
        seen = 3 + 2 * hidden.state[:, month - 2] + 0.7 * hidden.kind + error + random.normal(0, 0.6, n)
        rows.append(pd.DataFrame({
            "customer_id": _ids(rated), "source": "agency_x",
            "rated_on": _days(np.full(len(rated), starts[month])),
            "value": np.clip(np.round(seen[rated]), 1, 10).astype(int).astype(str), "scale": "1-10, 1 best",
        }))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def _truth(hidden: _Hidden, starts: Whole, default_on: Whole) -> pd.DataFrame:
    """The true PDs at each month end, by the hidden state then."""
    n, months = hidden.state.shape
    tables, ends = _chance_tables(months), starts[1:] - 1
    parts = []
    for month in range(months):
        state, regime = hidden.state[:, month], hidden.regime[hidden.sector, month]
        has_failed, is_in = hidden.failed_on <= ends[month], default_on <= ends[month]
        pds = {}
        for horizon in HORIZONS:
            running = tables[horizon][hidden.kind, hidden.interval, regime, np.minimum(state, DISTRESSED)]
            gone = _failed_pd(hidden, ends[month], horizon)
            pds[f"true_pd_{horizon}m"] = np.where(is_in, np.nan, np.where(has_failed, gone, running))
        parts.append(pd.DataFrame({
            "customer_id": _ids(np.arange(n)), "as_of": _days(np.full(n, ends[month])), **pds,
            "status": np.where(is_in, "in_default", np.where(has_failed, "failed", "running")),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _failed_pd(hidden: _Hidden, end: int, horizon: int) -> Floats:
    """Return P(default within the horizon | failed so long ago, not yet in default) of each customer that has failed."""
    n, months = hidden.state.shape
    failing = np.clip((hidden.state == FAILED).argmax(axis=1) - 1, 0, months - 1)
    before = hidden.state[np.arange(n), failing]
    waited = np.clip(end - hidden.failed_on, 0, 400).astype(np.float64)
    found = np.zeros(n)
    for state in range(3):
        for v, interval in enumerate(INTERVALS):
            own = np.flatnonzero((before == state) & (hidden.interval == v) & (hidden.failed_on <= end))
            if len(own):
                now = np.maximum(lag_survival(state, int(interval), waited[own]), 1e-9)
                later = lag_survival(state, int(interval), waited[own] + horizon * DAYS_IN_MONTH)
                found[own] = 1 - later / now
    return found
