"""Compute the values that come from outside a customer's own rows: peers, parent group and published series, as known on the same day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.engine.peers import PEER_GROUPS
from features.engine.prepared import PreparedLedger
from ledger.known import Days
from ledger.text_codes import Codes

MACRO_SERIES = ("orders_index", "insolvencies_index")
CLIMATE = "climate_"  # an industry's climate is the series climate_INDUSTRY
GROUP_COLUMNS = ("open_amount", "overdue_amount", "overdue_amount_over_30")
GIVENS: tuple[str, ...] = (
    *(f"{kind}_{level}_share_12m" for kind in PEER_GROUPS for level in ("late", "late_30")),
    *(f"{series}{suffix}" for series in (*MACRO_SERIES, "industry_climate") for suffix in ("", "_change_12m")),
    *(f"group_{name}" for name in GROUP_COLUMNS), "group_customers",
)  # fmt: skip
Matrix = NDArray[np.float64]
Rows = Callable[[Codes, Days], Matrix]


def values_of_context(prepared: PreparedLedger, customer: Codes, days: Days, rows: Rows) -> Matrix:
    """Return one row a (customer, day), one column a name in GIVENS; NaN where not known. `rows` computes
    GROUP_COLUMNS.
    """
    found = np.full((len(days), len(GIVENS)), np.nan)
    for name, values in _known(prepared, customer, days, rows).items():
        found[:, GIVENS.index(name)] = values
    return found


def _known(prepared: PreparedLedger, customer: Codes, days: Days, rows: Rows) -> dict[str, NDArray[np.float64]]:
    """Return a mapping of name to values, of what the book has: without industries, countries, series or groups nothing is looked
    for.
    """
    named: dict[str, NDArray[np.float64]] = {}
    for kind in PEER_GROUPS if prepared.has_peers else ():
        if prepared.peers.groups[kind]:
            found = prepared.peers.shares(kind, prepared.peer_groups[kind][customer], days)
            named[f"{kind}_late_share_12m"], named[f"{kind}_late_30_share_12m"] = found[:, 0], found[:, 1]
    if prepared.published:
        countries = prepared.countries[customer]
        for series in MACRO_SERIES:
            named[series], named[f"{series}_change_12m"] = _series(
                prepared, np.full(len(days), series, dtype=object), countries, days
            )
        climates = np.array([CLIMATE + name if name else "" for name in prepared.industries[customer]], dtype=object)
        named["industry_climate"], named["industry_climate_change_12m"] = _series(prepared, climates, countries, days)
    if (prepared.groups >= 0).any():
        named |= _group(prepared, customer, days, rows)
    return named


def _series(
    prepared: PreparedLedger, names: NDArray[np.object_], countries: NDArray[np.object_], days: Days
) -> tuple[NDArray[np.float64], ...]:
    """Return value and change of each row's series, its country's own before the one for all."""
    value, change = np.full(len(days), np.nan), np.full(len(days), np.nan)
    for series, country in prepared.published:
        # a country's own series comes after the one for all ('' sorts first) and so replaces it
        rows = np.flatnonzero((names == series) & ((countries == country) | (country == "")))
        if len(rows):
            value[rows], change[rows] = prepared.published[series, country].at(days[rows])
    return value, change


def _group(prepared: PreparedLedger, customer: Codes, days: Days, rows: Rows) -> dict[str, NDArray[np.float64]]:
    """Return sums over the customers of the same parent group; NaN for a customer without one."""
    named = {f"group_{name}": np.full(len(days), np.nan) for name in (*GROUP_COLUMNS, "customers")}
    group = prepared.groups[customer]
    requested = np.flatnonzero(group >= 0)
    if not len(requested):
        return named
    pair, place = np.unique(
        group[requested].astype(np.int64) << 32 | (days[requested].astype(np.int64) + 2**31), return_inverse=True
    )
    members = [np.flatnonzero(prepared.groups == g) for g in (pair >> 32)]
    member = np.concatenate(members).astype(np.int32)
    of_pair = np.repeat(np.arange(len(pair)), [len(m) for m in members])
    # money in whole cents, so that the sum does not depend on the order of the members
    cents = np.rint(rows(member, (((pair & (2**32 - 1)) - 2**31)[of_pair]).astype(np.int32)) * 100).astype(np.int64)
    sums = np.zeros((len(pair), len(GROUP_COLUMNS)), dtype=np.int64)
    np.add.at(sums, of_pair, cents)
    for column, name in enumerate(GROUP_COLUMNS):
        named[f"group_{name}"][requested] = sums[place, column] / 100
    named["group_customers"][requested] = np.bincount(of_pair, minlength=len(pair))[place]
    return named
