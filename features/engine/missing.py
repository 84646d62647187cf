"""Tell why each value is missing: not reported, no history, or not applicable.

One NaN never stands for three meanings. A cell is missing because
1. something that others report is lacking (a limit, a rating, an attribute, a published series, the customer's industry or
   country): NOT_REPORTED; else because
2. the books know no invoice and no payment of the customer on that day: NO_HISTORY; else because
3. there is history, and the value is not defined for it (nothing open, nothing due in the window, no parent group):
   NOT_APPLICABLE.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.engine.compiled import AGGREGATES, walk
from features.engine.context_values import GIVENS
from features.engine.peers import PEER_GROUPS
from features.engine.prepared import PreparedLedger
from features.language import Column, Level, Missing, Node, Risk, Rows, Unit, count
from ledger.known import Days
from ledger.text_codes import Codes

HISTORY = ("invoices", "payments")  # populations whose rows are a customer's history with us
REPORTED = ("terms", "ratings", "attributes")  # populations whose rows others report
GROUP = "group_"  # a value from outside the rows that a customer without a parent group does not have


def reported_rows(column: Column) -> tuple[Rows, ...]:
    """Return the sets of reported rows that a column reads, their windows left aside."""
    found = {
        replace(node.args[0], window=None): None
        for node in _nodes(column)
        if node.op in AGGREGATES and node.args[0].population in REPORTED
    }
    return tuple(found)


def givens_of(column: Column) -> tuple[str, ...]:
    """Return the names of the values from outside the rows that a customer column reads."""
    return tuple(
        dict.fromkeys(node.args[0] for node in _nodes(column) if node.op == "given" and node.args[0] in GIVENS)
    )


def _nodes(column: Column) -> Iterator[Node]:
    for node in walk(column.value):
        yield node
        if node.op == "column":
            yield from _nodes(CATALOGUE[node.args[0]])


@cache
def presence_columns() -> tuple[Column, ...]:
    """Return counts that are not in the catalogue: of each population of history, and of each set of reported rows that a column reads."""
    rows = dict.fromkeys(Rows(population, "", None) for population in HISTORY)
    for column in CATALOGUE.columns():
        rows |= dict.fromkeys(reported_rows(column))
    return tuple(
        Column(
            name=f"presence_{place}", unit=Unit.COUNT, value=count(of), meaning="", risk=Risk.NONE,
            reason=MappingProxyType({}), missing=Missing.NO_HISTORY, source="", level=Level.CUSTOMER, family="",
            window=None, feature="",
        )
        for place, of in enumerate(rows)
    )  # fmt: skip


def codes_of(
    frame: pd.DataFrame,
    prepared: PreparedLedger,
    customer: Codes,
    days: Days,
    presence: NDArray[np.float64],
    context: NDArray[np.float64],
) -> NDArray[np.int8]:
    """Return the codes of a matrix's cells, in its shape; 0 where a value is present.

    presence : the values of `presence_columns` in each row. beside : those of GIVENS.
    """
    place = {column.value.args[0]: k for k, column in enumerate(presence_columns())}
    has_history: NDArray[np.bool_] = np.asarray((presence[:, : len(HISTORY)] > 0).any(axis=1))
    codes = np.zeros(frame.shape, dtype=np.int8)
    values = frame.to_numpy()
    for k, name in enumerate(frame.columns):
        rows = np.flatnonzero(np.isnan(values[:, k]))
        if not len(rows):
            continue
        column = CATALOGUE[name]
        lacks: NDArray[np.bool_] = np.zeros(len(rows), dtype=bool)
        for of in reported_rows(column):
            lacks = lacks | (presence[rows, place[of]] == 0)
        for given in givens_of(column):
            is_lacking = np.isnan(context[rows, GIVENS.index(given)]) & _is_unreported(
                prepared, given, customer[rows], days[rows]
            )
            lacks = lacks | is_lacking
        if column.level is Level.ITEM and column.missing is Missing.NOT_REPORTED:
            lacks = np.ones(len(rows), dtype=bool)  # an item's own value that rests on what others report
        codes[rows, k] = np.where(
            lacks, Missing.NOT_REPORTED, np.where(has_history[rows], Missing.NOT_APPLICABLE, Missing.NO_HISTORY)
        )
    return codes


def _is_unreported(prepared: PreparedLedger, given: str, customer: Codes, days: Days) -> NDArray[np.bool_]:
    """Return whether a value from outside the rows is missing, where it is, because it was not reported."""
    if given.startswith(GROUP):
        return np.zeros(len(customer), dtype=bool)
    for kind in PEER_GROUPS:
        if given.startswith(f"{kind}_late"):
            # a group that is reported and had nothing due in the year has no share
            lacks = np.empty(len(customer), dtype=bool)
            for part, places in prepared.by_master(days):
                lacks[places] = part.peer_groups[kind][customer[places]] < 0
            return lacks
    return np.ones(len(customer), dtype=bool)


def reason_of(column: Column, has_history: bool, present: Any) -> Missing:
    """Return the code of one missing value, from the rows of one customer: `present(rows)` says whether there is
    such a row.
    """
    if not all(present(of) for of in reported_rows(column)):
        return Missing.NOT_REPORTED
    return Missing.NOT_APPLICABLE if has_history else Missing.NO_HISTORY
