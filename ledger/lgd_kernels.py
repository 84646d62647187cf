"""The compiled half of the LGD measurement: exposure on the day of default, and what came back of it until it closed."""

from __future__ import annotations

import numpy as np

from ledger.known import NEVER
from ledger.lazy_njit import njit
from ledger.settlement_kernels import (
    ALL_THAT_IS_LEFT,
    CASH,
    CREDIT,
    DISCOUNT,
    DISPUTE_OPENED,
    FACTOR,
    TOLERANCE,
    WRITE_OFF,
)

CLOSED_AS = ("open", "cured", "recovered", "written_off", "workout_over")
DAYS_A_YEAR = 365.25
OPEN_STILL, CURED, RECOVERED, WRITTEN_OFF, WORKOUT_OVER = range(5)


@njit(cache=True, nogil=True)
def workouts(last, spells, items, loose, recoveries, terms):  # type: ignore[no-untyped-def]
    """Return (ead, recovered, present value of it, closed on, closed as) of each spell of default, as known on `last`.

    spells : (customer, entered on, cured on, next default of the same customer on); NEVER where there is none.
    terms : days of the workout period, discount rate per year. Money in cents; the present value is a float.
    """
    customer, entered, cured, following = spells
    workout_days, rate = terms
    n = len(customer)
    ead, recovered = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    present, closed = np.zeros(n), np.full(n, NEVER)
    how = np.zeros(n, dtype=np.int8)
    for k in range(n):
        period = (entered[k], cured[k] if cured[k] <= last else NEVER, following[k])
        on, cents, written, written_on, performs = _cash_flow(last, customer[k], period, items, loose, recoveries)
        ead[k] = max(cents[0], np.int64(0))
        if ead[k] == 0:
            continue
        order = 1 + np.argsort(on[1:], kind="mergesort")
        back, value, full_on = np.int64(0), 0.0, NEVER
        for j in order:
            taken = max(min(cents[j], ead[k] - back), -back)  # a reversal takes back, never below nothing
            back += taken
            value += taken * (1.0 + rate) ** (-(on[j] - entered[k]) / DAYS_A_YEAR)
            full_on = min(full_on, on[j]) if back >= ead[k] - TOLERANCE else NEVER
        if cured[k] <= last and (performs or written == 0 or written_on > cured[k]):
            closed[k], how[k] = cured[k], CURED
        elif full_on <= last:
            closed[k], how[k] = full_on, RECOVERED
        elif written > 0 and back + written >= ead[k] - TOLERANCE:
            closed[k], how[k] = written_on, WRITTEN_OFF
        elif last >= entered[k] + workout_days:
            closed[k], how[k] = entered[k] + workout_days, WORKOUT_OVER
        recovered[k], present[k] = back, value
    return ead, recovered, present, closed, how


@njit(cache=True, nogil=True)
def _cash_flow(last, c, period, items, loose, recoveries):  # type: ignore[no-untyped-def]
    """Return (days, cents, written off, its last day, whether something performs again) of one spell of customer c.

    The first entry is the exposure, the others came back. period : entered, cured (NEVER: not), next default.
    """
    entered, cured, following = period
    starts, issued, since, until, amount, lines, on, line_from, line_until, cents, kind = items
    loose_start, loose_on, loose_from, loose_until, loose_cents = loose
    back_start, back_on, back_until, back_cents = recoveries
    days, flow = [np.int32(entered)], [np.int64(0)]
    written, written_on, performs = np.int64(0), np.int32(0), False
    for i in range(starts[c], starts[c + 1]):
        if not (since[i] <= last < until[i]) or issued[i] > entered:
            continue
        left = amount[i]
        for e in range(lines[i], lines[i + 1]):
            known = line_from[e] <= last < line_until[e]
            if known and on[e] < entered and kind[e] < DISPUTE_OPENED:
                left -= left if cents[e] == ALL_THAT_IS_LEFT else cents[e]
        if left <= TOLERANCE:
            continue
        rest, again, is_cured = left, np.int64(0), False
        for e in range(lines[i], lines[i + 1]):
            if not (line_from[e] <= last < line_until[e]) or on[e] < entered or kind[e] >= DISPUTE_OPENED:
                continue
            if on[e] >= cured and not is_cured:
                again, is_cured = max(rest, np.int64(0)), True
                days.append(cured)
                flow.append(again)
                performs = performs or bool(again > 0)
            if kind[e] == WRITE_OFF:
                taken = (
                    max(rest, np.int64(0)) if cents[e] == ALL_THAT_IS_LEFT else min(cents[e], max(rest, np.int64(0)))
                )
                written += taken
                written_on = max(written_on, on[e])
                rest -= taken
            elif kind[e] == CREDIT or kind[e] == DISCOUNT:
                taken = min(cents[e], max(rest, np.int64(0)))
                left -= taken  # never owed
                rest -= taken
            elif kind[e] == CASH or kind[e] == FACTOR:
                counted = min(again, max(cents[e], np.int64(0)))  # what performs again was counted on the day of cure
                again -= counted
                days.append(on[e])
                flow.append(cents[e] - counted)
                rest -= cents[e]
        if cured != NEVER and not is_cured and rest > 0:
            days.append(cured)
            flow.append(rest)
            performs = True
        flow[0] += left
    for e in range(loose_start[c], loose_start[c + 1]):
        if not (loose_from[e] <= last < loose_until[e]):
            continue
        if loose_on[e] < entered:
            flow[0] -= loose_cents[e]
        elif loose_on[e] < following:
            days.append(loose_on[e])
            flow.append(loose_cents[e])
    for e in range(back_start[c], back_start[c + 1]):
        if back_on[e] <= last < back_until[e] and entered <= back_on[e] < following:
            days.append(back_on[e])
            flow.append(back_cents[e])
    return np.array(days), np.array(flow), written, written_on, performs
