"""Plan what the compiled loops must gather for a set of columns: each aggregate once, with its windows.

An aggregate has one slot a window, filled by disjoint age bands and then summed into nested windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from features.language import Column, Node, Rows
from ledger.errors import InputError

AGGREGATES = ("count", "sum", "max", "min", "median", "last", "distinct", "streak")
Key = tuple[str, Rows, Any]  # operation, rows without their window, value


@dataclass
class Slots:
    """The slots of one aggregate: where they start, and the windows they stand for in rising order."""

    start: int
    windows: list[int]


@dataclass
class Plan:
    """What must be gathered for a set of columns: aggregates without their window -> their windows."""

    windows: dict[Key, set[int]] = field(default_factory=dict)
    slots: dict[Key, Slots] = field(default_factory=dict)
    medians: list[Key] = field(default_factory=list)
    size: int = 0


def walk(node: Any) -> Iterator[Node]:
    """Return every node of a tree, those inside the conditions of rows too."""
    if isinstance(node, Node):
        yield node
        for arg in node.args:
            yield from walk(arg)
    elif isinstance(node, Rows) and node.where is not None:
        yield from walk(node.where)


def key_of(node: Node) -> Key:
    """Return an aggregate without its window."""
    rows = node.args[0]
    return node.op, Rows(rows.population, rows.day, None, rows.where), node.args[1] if len(node.args) > 1 else None


def plan_of(columns: Sequence[Column]) -> Plan:
    """Return the plan of a set of columns. Raises InputError for an aggregate that takes no window and has one."""
    plan = Plan()
    for column in columns:
        for node in walk(column.value):
            if node.op in AGGREGATES:
                window = node.args[0].window
                if node.op in ("streak", "last") and window:
                    raise InputError(f"column {column.name}: {node.op} takes rows without a window.")
                plan.windows.setdefault(windowed(key_of(node), window), set()).add(window or 0)
    for key, windows in plan.windows.items():
        ordered = sorted(windows)
        plan.slots[key] = Slots(plan.size, ordered)
        # one slot more: of a `last` its day, of windows what lies outside of them all, so that no row needs a test
        plan.size += len(ordered) + 1
        if key[0] == "median":
            plan.medians.append(key)
    return plan


def windowed(key: Key, window: int | None) -> Key:
    # with and without a window are two aggregates: only the first has bands
    op, rows, value = key
    return (op, rows, value) if window else (op, Rows(rows.population, rows.day, 0, rows.where), value)


def in_order_of_reference(columns: Sequence[Column]) -> list[int]:
    """Return columns so that each comes after those it names by column_of."""
    places = {column.name: place for place, column in enumerate(columns)}
    done: dict[int, None] = {}

    def visit(place: int) -> None:
        for node in walk(columns[place].value):
            if node.op == "column" and node.args[0] in places and places[node.args[0]] != place:
                visit(places[node.args[0]])
        done.setdefault(place)

    for place in range(len(columns)):
        visit(place)
    return list(done)
