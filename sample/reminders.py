"""Reminders and calls: which items get one, of which kind, and how much sooner the customer pays for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sample.calendar import Calendar, Days
from sample.customers import NEVER, Customers, Floats
from sample.parameters import Reminders

TUESDAY = 2  # the run type of the days on which reminders go out
LEVELS = 3


def reminder_days(due: Days, settings: Reminders, days: Calendar) -> Days:
    """Return the day of each level's reminder of each item, (items, levels)."""
    return np.stack([days.run_on_or_after(due + wait, TUESDAY) for wait in settings.waits], axis=1)


def draw_reminders(
    random: np.random.Generator, customers: Customers, at: Days, due: Days, euros: Floats, days: Calendar,
    settings: Reminders,
) -> tuple[Days, Days]:  # fmt: skip
    """Draw which levels of reminder each item gets if it is still open then, and of which kind.

    Returns
    -------
    (items, levels) days, NEVER where none is sent, and the place of the kind in REMINDERS.
    """
    luck, pick = random.random((2, len(at), len(settings.waits)))
    sent = (luck < np.array(settings.shares)) & (euros > settings.above)[:, None]
    mixes = np.array(settings.mixes).cumsum(axis=-1)  # (levels, segments, kinds)
    chances = mixes[:, customers.segment[at]].transpose(1, 0, 2)  # (items, levels, kinds)
    kind = (pick[..., None] >= chances).sum(axis=-1)
    kind = np.minimum(kind, len(settings.effects) - 1)
    return np.where(sent, reminder_days(due, settings, days), NEVER), kind


def answered(late: Floats, due: Days, on: Days, kind: Days, segment: Days, settings: Reminders) -> list[Floats]:
    """Return the days late of each item without reminders, with the first level's, with the first two levels', ….

    late : days late at which the customer means to pay by itself; an item that is paid before a reminder is due is left
    as it is.
    """
    effects, found = np.array(settings.effects), [late]
    for level in range(on.shape[1]):
        wait, before = on[:, level] - due, found[-1]
        found.append(np.where(before > wait, before - (before - wait) * effects[kind[:, level], segment], before))
    return found


def later_than(
    survival: Callable[[Floats], Floats], days_late: Floats, wait: Days, segment: Days, settings: Reminders
) -> Floats:  # fmt: skip
    """Return P(an item is paid more than `days_late` days late), averaged over the reminders that it may get.

    survival : P(the customer means to pay more than so many days late). wait : (items, levels) days past due of each
    level's reminder.
    """

    def averaged(level: int, bound: Floats) -> Floats:
        while level >= 0 and not (bound > wait[:, level]).any():
            level -= 1
        if level < 0:
            return survival(bound)
        chance, total = _chances(level, segment, settings), np.zeros(len(bound))
        for effect, probability in chance:
            beyond = wait[:, level] + (bound - wait[:, level]) / (1 - effect)
            total += probability * averaged(level - 1, np.where(bound > wait[:, level], beyond, bound))
        return total

    return averaged(wait.shape[1] - 1, days_late)


def _chances(level: int, segment: Days, settings: Reminders) -> list[tuple[Floats, Floats]]:
    """Return (effect, probability) by item of each thing that can happen at a level; what has no effect is one of them."""
    mix = np.array(settings.mixes[level])[segment]  # (items, kinds)
    effects = np.array(settings.effects).T[segment]  # (items, kinds)
    sent = settings.shares[level]
    found, nothing = [], np.full(len(segment), 1 - sent)
    for kind in range(mix.shape[1]):
        if not np.array(settings.effects)[kind].any():
            nothing = nothing + sent * mix[:, kind]
        else:
            found.append((effects[:, kind], sent * mix[:, kind]))
    return [(np.zeros(len(segment)), nothing), *found]


def is_sent(on: Days, paid_on: Days, dispute_on: Days, dispute_end: Days) -> NDArray[np.bool_]:
    """Return whether each level's reminder goes out: the item is still open and not in dispute; (items, levels)."""
    quiet = (dispute_on == NEVER) | (dispute_end < NEVER)
    waits = np.where(dispute_on == NEVER, -1, dispute_end)
    return (on < NEVER) & (on < paid_on[:, None]) & quiet[:, None] & (waits[:, None] < on)
