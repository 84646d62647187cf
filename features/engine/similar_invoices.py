"""Compute columns from the customer's earlier invoices that are similar to the item scored, as known at the end of its day.

Likeness is a weight between 0 and 1, a product of up to three parts that a reader can redo:

- amount: (smaller / larger)²: half or twice the amount counts a quarter;
- terms: halves with every 4 days between the two terms;
- age: halves with every 120 days since the earlier invoice fell due (90 for `recent_`).

`similar_weekday_` takes those due on the same weekday, `similar_month_day_` weighs by nearness of the due days in the month
(halves every 2 days), both in addition to age; the curve counts another weekday half.

Weights are rounded to whole numbers of 2⁻²⁰ and only whole numbers are added, so that sums do not depend on the order
of rows, and one invoice alone gives the same bits as many. An invoice takes part once it was paid or is 5 days past
due; unpaid, its days late are those so far. Credited and factored invoices say nothing about paying and take no part.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.catalogue.habit import STEPS, step_name
from features.engine.prepared import PreparedLedger
from ledger.known import Days
from ledger.owners import Codes
from ledger.settlement import OPEN, PAID, WRITTEN_OFF
from ledger.threads import on_ranges

Values = NDArray[np.float64]
Whole = NDArray[np.int64]

ONE = 1 << 20  # the weight of an invoice that is like it in all
MONTH = 30.4  # days
SEEN_FROM = 5  # days past due from which an unpaid invoice takes part
EARLIEST, LATEST = -30, 60  # days late as they enter means: one very old debt does not drown the rest
NEAR = 7  # days between two due dates

GROUPS = ("similar", "similar_terms", "similar_amount", "similar_weekday", "similar_month_day", "recent")
SUMS = ("invoices", "late_share", "late_5_share", "days_late_mean", "on_day_share")
FACTS = ("similar_terms_last_days_late", "last_3_days_late_mean", "last_5_days_late_max", "days_since_due_before",
         "days_since_last_due", "invoices_7d", "open_due_near", "days_after_last_due", "same_terms_late_5_share",
         "amount_to_late_5")  # fmt: skip
CURVE = tuple(step_name(end).replace("habit", "similar") for end in STEPS)
LIKE_GIVENS = (*(f"{group}_{name}" for group in GROUPS for name in SUMS), *FACTS, "similar_curve_invoices", *CURVE)
NO_DAY = -(2**40)
LOG_PARTS = 1 << 20  # logarithms of amounts are added up as whole numbers of 2⁻²⁰
PRIOR_OF_TERMS, PRIOR_LATE = 6.0, 0.5  # invoices that the share of the same terms starts from, and how many were late
FEWEST_PAIRS = 200_000  # of items and earlier invoices; below these a second thread costs more than it brings
RANGES = 8  # of about as many pairs each
_APART = np.arange(4000.0)  # days; what lies further apart counts as this far
OF_AGE, OF_RECENT, OF_TERMS = (0.5 ** (_APART / halves) for halves in (120.0, 90.0, 4.0))
OF_MONTH_DAY = 0.5 ** (np.minimum(_APART % MONTH, MONTH - _APART % MONTH) / 2.0)
FURTHEST = len(_APART) - 1


def similar_values(
    prepared: PreparedLedger, customer: Codes, as_of: Days, issued: Whole, due: Whole, cents: Whole, item: Whole
) -> Mapping[str, Values]:
    """Return a mapping of name to one value an item, for LIKE_GIVENS; NaN where no earlier invoice takes part.

    customer, item : codes (`PreparedLedger.item_codes`); −1 for an item that the books do not hold. An item is never like
    itself; an instalment may be like the others of its invoice. as_of,
    issued, due : days since 1970-01-01. cents : the amount in the reporting currency.
    """
    s, ends = prepared.settlement, np.array(STEPS, dtype=np.int64)
    requested = (customer.astype(np.int64), as_of.astype(np.int64), issued, due, cents, item)
    past = (s.invoice_start, s.known_from, s.known_until, prepared.item_codes, s.issued_on, s.due_on, s.amount_cents,
            s.version_start, s.version_known_from, s.closed_on, s.closed_kind, ends)  # fmt: skip
    groups = np.zeros((len(due), len(GROUPS), len(SUMS)), dtype=np.int64)
    facts = np.full((len(due), len(FACTS)), np.nan)
    paid, seen = np.zeros((len(due), len(ends)), dtype=np.int64), np.zeros((len(due), len(ends)), dtype=np.int64)

    def run(first: int, end: int) -> None:
        rows = slice(first, end)
        part = tuple(values[rows] for values in requested)
        _sweep(*part, *past, groups[rows], facts[rows], paid[rows], seen[rows])  # type: ignore[call-arg]  # numba's stub

    on_ranges(run, _shares(np.where(customer >= 0, np.diff(s.invoice_start)[customer], 0)))
    found: dict[str, Values] = {}
    for g, group in enumerate(GROUPS):
        weight = groups[:, g, 0]
        found[f"{group}_{SUMS[0]}"] = weight / ONE
        for k, name in enumerate(SUMS[1:], start=1):
            found[f"{group}_{name}"] = _ratio(groups[:, g, k], weight)
    found |= {name: facts[:, k] for k, name in enumerate(FACTS)}
    found["similar_curve_invoices"] = seen[:, 0] / ONE
    return found | {name: _ratio(paid[:, k], seen[:, k]) for k, name in enumerate(CURVE)}


def _shares(rows: Whole) -> list[int]:
    """Return bounds of ranges of items, so that each compares about as many pairs; rows : those of each item's customer."""
    if rows.sum() < FEWEST_PAIRS:
        return [0, len(rows)]
    done = np.cumsum(rows + 1)
    inner = np.searchsorted(done, done[-1] * np.arange(1, RANGES) / RANGES)
    return [0, *np.unique(inner[(inner > 0) & (inner < len(rows))]).tolist(), len(rows)]


def _ratio(above: Whole, below: Whole) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


@njit(cache=True, nogil=True)
def _weight(likeness):  # type: ignore[no-untyped-def]
    return np.int64(np.rint(ONE * likeness))


@njit(cache=True, nogil=True)
def _add(sums, weight, late):  # type: ignore[no-untyped-def]
    """Add one earlier invoice to a group's sums, in the order of SUMS."""
    sums[0] += weight
    if late >= 1:
        sums[1] += weight
    if late >= SEEN_FROM:
        sums[2] += weight
    sums[3] += weight * min(max(late, EARLIEST), LATEST)
    if late == 0:
        sums[4] += weight


@njit(cache=True, nogil=True)
def _put_last(last, due, late):  # type: ignore[no-untyped-def]
    """Keep the invoices due last, (due day, days late) a row, in an order that ties do not change."""
    for place in range(len(last)):
        if due > last[place, 0] or (due == last[place, 0] and late > last[place, 1]):
            for k in range(len(last) - 1, place, -1):
                last[k, 0], last[k, 1] = last[k - 1, 0], last[k - 1, 1]
            last[place, 0], last[place, 1] = due, late
            return


@njit(cache=True, nogil=True)
def _write_facts(out, last, same_terms, noted, T, due, log_amount):  # type: ignore[no-untyped-def]
    """Return the values of FACTS, from what one pass over the customer's invoices noted: noted holds the due date
    before, the
    latest, invoices of a week, open ones due near, seen ones of the same terms, late ones of those, late ones of all
    and the sum of their amounts' logarithms."""
    if same_terms[0, 0] > NO_DAY:
        out[0] = same_terms[0, 1]
    total, count, most = 0, 0, NO_DAY
    for k in range(len(last)):
        if last[k, 0] > NO_DAY:
            most = max(most, last[k, 1])
            if k < 3:
                total, count = total + last[k, 1], count + 1
    if count:
        out[1], out[2] = total / count, most
    if noted[0] > NO_DAY:
        out[3] = due - noted[0]
    if noted[1] > NO_DAY:
        out[4], out[7] = due - noted[1], T - noted[1]
    out[5], out[6] = noted[2], noted[3]
    out[8] = (noted[5] + PRIOR_LATE) / (noted[4] + PRIOR_OF_TERMS)
    if noted[6]:
        out[9] = np.exp((log_amount - noted[7] / noted[6]) / LOG_PARTS)


@njit(cache=True, nogil=True)
def _known_on(  # type: ignore[no-untyped-def]
    T, first, end, since, until, item, issued_on, due_on, amount, version_start, version_since, closed_on, closed_kind,
    ends, out,
):  # fmt: skip
    """Write what was known on day T of a customer's items (places first to end of the settlement) into rows of `out`, in
    the order of KNOWN; return how many there are."""
    n = 0
    for j in range(first, end):
        if since[j] > T or until[j] <= T:
            continue
        version = version_start[j]
        while version + 1 < version_start[j + 1] and version_since[version + 1] <= T:
            version += 1
        kind, due = closed_kind[version], int(due_on[j])
        is_paid = kind == PAID
        late = (closed_on[version] if is_paid else T) - due
        row = out[n]
        n += 1
        row[0], row[1], row[2], row[3], row[4] = item[j], due, late, due - issued_on[j], amount[j]
        row[5] = T - issued_on[j] < 7
        row[6] = kind == OPEN
        row[7] = 0
        if kind in (PAID, OPEN, WRITTEN_OFF):
            row[7] = 1 + (is_paid or late >= 1) + (is_paid or late >= SEEN_FROM)
        # the steps of the curve are a chain of hazards: it takes part in a step only when it was seen to the step's end
        if is_paid:
            row[8] = np.searchsorted(ends, late, side="left")
            row[9] = row[8] + 1
        else:
            row[8], row[9] = len(ends), np.searchsorted(ends, late, side="right")
        row[10] = np.int64(np.rint(LOG_PARTS * np.log(max(amount[j], 1)))) if late >= SEEN_FROM else 0
    return n


KNOWN = 11  # item, due, late, terms, amount, is of the week, is open, part it takes, step paid in, steps seen, log of amount
NOTED, COUNTED, WHOLLY = 1, 2, 3  # parts: in the curve alone, among the last ones too, in the groups too


@njit(cache=True, nogil=True)
def _sweep(  # type: ignore[no-untyped-def]
    customer, day, issued, due, cents, own, start, since, until, item, issued_on, due_on, amount,
    version_start, version_since, closed_on, closed_kind, ends, groups, facts, paid, seen,
):  # fmt: skip
    """Fill one row of groups, facts, paid and seen for each item."""
    last, same_terms = np.empty((5, 2), dtype=np.int64), np.empty((1, 2), dtype=np.int64)
    noted, steps = np.empty(8, dtype=np.int64), len(ends)
    paid_in, seen_to = np.empty(steps + 1, dtype=np.int64), np.empty(steps + 2, dtype=np.int64)
    longest = 0
    for i in range(len(customer)):
        if customer[i] >= 0:
            longest = max(longest, start[customer[i] + 1] - start[customer[i]])
    known, n = np.empty((longest, KNOWN), dtype=np.int64), 0
    of, at = np.int64(-1), np.int64(NO_DAY)
    for i in range(len(customer)):
        c, T, terms = customer[i], day[i], due[i] - issued[i]
        if c < 0:
            continue
        if c != of or at != T:  # items of one customer on one day come one after the other: read what was known once
            n = _known_on(T, start[c], start[c + 1], since, until, item, issued_on, due_on, amount, version_start,
                          version_since, closed_on, closed_kind, ends, known)  # fmt: skip
            of, at = c, T
        last[:], same_terms[:] = NO_DAY, NO_DAY
        noted[:2], noted[2:] = NO_DAY, 0
        paid_in[:], seen_to[:] = 0, 0
        for j in range(n):
            row = known[j]
            if row[0] == own[i]:
                continue
            due_j, late, apart = row[1], row[2], row[1] - due[i]
            noted[1] = max(noted[1], due_j)
            if apart <= 0:
                noted[0] = max(noted[0], due_j)
            noted[2] += row[5]
            part = row[7]
            if part < NOTED:
                continue
            noted[3] += row[6] * (abs(apart) <= NEAR)
            terms_apart, age = abs(row[3] - terms), min(max(T - due_j, 0), FURTHEST)
            of_age, of_terms = OF_AGE[age], OF_TERMS[min(terms_apart, FURTHEST)]
            smaller, larger = min(cents[i], row[4]), max(cents[i], row[4])
            of_amount = (smaller / larger) ** 2 if smaller > 0 else 0.0
            same_weekday = apart % 7 == 0
            like = of_age * of_terms * of_amount
            weight = _weight(like if same_weekday else like / 2.0)
            paid_in[row[8]] += weight
            seen_to[row[9]] += weight
            if part < COUNTED:
                continue
            if due_j >= last[4, 0]:
                _put_last(last, due_j, late)
            if terms_apart <= 1:
                _put_last(same_terms, due_j, late)
            if part < WHOLLY:
                continue
            _add(groups[i, 0], _weight(like), late)
            _add(groups[i, 1], _weight(of_age * of_terms), late)
            _add(groups[i, 2], _weight(of_age * of_amount), late)
            if same_weekday:
                _add(groups[i, 3], _weight(of_age), late)
            _add(groups[i, 4], _weight(of_age * OF_MONTH_DAY[min(abs(apart), FURTHEST)]), late)
            _add(groups[i, 5], _weight(OF_RECENT[age]), late)
            noted[4] += terms_apart <= 1
            noted[5] += terms_apart <= 1 and late >= SEEN_FROM
            noted[6] += late >= SEEN_FROM
            noted[7] += row[10]
        total = np.int64(0)
        for k in range(steps - 1, -1, -1):
            total += seen_to[k + 1] + (seen_to[steps + 1] if k == steps - 1 else 0)
            seen[i, k], paid[i, k] = total, paid_in[k]
        _write_facts(facts[i], last, same_terms, noted, T, due[i], LOG_PARTS * np.log(max(cents[i], 1)))
