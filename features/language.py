"""Define what a feature is: one declaration with name, unit, value as an expression, meaning, direction of risk and reasons.

A value is a tree of `Node`s: expressions over the fields of rows (`days_late > 5`), aggregates of them over a set of rows
(`share(days_late > 5, of=due_within(WINDOW))`), and arithmetic on aggregates. Two interpreters read the same tree: the
compiled one (features/engine/compiled.py) and the plain one row by row (features/engine/reference.py), its witness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from typing import Any

from ledger.errors import InputError

Scalar = int | float
ATTRIBUTE_NAMES = ("monthly_revenue", "head_count")  # the attributes that features read, by their code


class Unit(Enum):
    """What a value counts in."""

    SHARE = "share"  # 0 to 1
    DAYS = "days"
    MONEY = "money"  # the reporting currency
    COUNT = "count"
    RATIO = "ratio"
    CODE = "code"  # an ordered class, said in the meaning
    INDEX = "index"  # a published scale, said in the meaning


class Risk(IntEnum):
    """Which way risk goes when the value rises; NONE where neither is claimed. It is LightGBM's monotone constraint."""

    FALLS = -1
    NONE = 0
    RISES = 1


class Missing(IntEnum):
    """Why a value is missing: NaN in the matrix, this code in the matrix of codes."""

    PRESENT = 0
    NO_HISTORY = 1
    NOT_REPORTED = 2
    NOT_APPLICABLE = 3


class Level(Enum):
    """What a column describes: a customer on a day, or one item on a day."""

    CUSTOMER = "customer"
    ITEM = "item"


@dataclass(frozen=True)
class Node:
    """One step of an expression: an operation and what it works on (nodes, rows, numbers, names)."""

    op: str
    args: tuple[Any, ...] = ()

    def __add__(self, other: Node | Scalar) -> Node:
        return Node("add", (self, other))

    def __sub__(self, other: Node | Scalar) -> Node:
        return Node("sub", (self, other))

    def __mul__(self, other: Node | Scalar) -> Node:
        return Node("mul", (self, other))

    def __gt__(self, other: Node | Scalar) -> Node:
        return Node("gt", (self, other))

    def __ge__(self, other: Node | Scalar) -> Node:
        return Node("ge", (self, other))

    def __lt__(self, other: Node | Scalar) -> Node:
        return Node("lt", (self, other))

    def __le__(self, other: Node | Scalar) -> Node:
        return Node("le", (self, other))

    def __and__(self, other: Node) -> Node:
        return Node("and", (self, other))

    def __or__(self, other: Node) -> Node:
        return Node("or", (self, other))

    def __invert__(self) -> Node:
        return Node("not", (self,))

    def equals(self, other: Scalar) -> Node:
        """Return whether the value is `other` (`==` compares the trees themselves)."""
        return Node("eq", (self, other))

    def at_least(self, floor: Node | Scalar) -> Node:
        """Return the value, or `floor` where it is below."""
        return Node("atleast", (self, floor))


WINDOW = "WINDOW"  # stands for each of a feature's windows in turn


@dataclass(frozen=True)
class Rows:
    """A set of a customer's rows: a population, the day that places a row in a window, the window, a condition.

    With a window of W days a row belongs when as_of - W < day <= as_of; without one, always.
    """

    population: str
    day: str
    window: int | str | None = None
    where: Node | None = None

    def only(self, condition: Node) -> Rows:
        """Return the same rows, of those only the ones that hold `condition`."""
        return replace(self, where=condition if self.where is None else self.where & condition)


def row(name: str) -> Node:
    """Return a field of a row."""
    return Node("field", (name,))


def count(of: Rows, where: Node | None = None) -> Node:
    """Return how many rows; 0 for none."""
    return Node("count", (of if where is None else of.only(where),))


def total(value: Node, of: Rows) -> Node:
    """Return the sum; 0 for no rows."""
    return Node("sum", (of, value))


def maximum(value: Node, of: Rows) -> Node:
    """Return the largest value; missing for no rows."""
    return Node("max", (of, value))


def minimum(value: Node, of: Rows) -> Node:
    """Return the smallest value; missing for no rows."""
    return Node("min", (of, value))


def median(value: Node, of: Rows) -> Node:
    """Return the middle value, or the mean of the two middle ones; missing for no rows."""
    return Node("median", (of, value))


def last(value: Node, of: Rows) -> Node:
    """Return the value on the last day that has a row (the largest of that day); missing for no rows."""
    return Node("last", (of, value))


def distinct(value: Node, of: Rows) -> Node:
    """Return how many different values from 0 to 62; values above are left out."""
    return Node("distinct", (of, value))


def streak(condition: Node, of: Rows) -> Node:
    """Return how many rows hold the condition after the last day with a row that does not."""
    return Node("streak", (of, condition))


def ratio(numerator: Node | Scalar, denominator: Node | Scalar) -> Node:
    """Return a quotient; missing where the denominator is 0."""
    return Node("ratio", (numerator, denominator))


def root(value: Node) -> Node:
    """Return the square root."""
    return Node("root", (value,))


def share(condition: Node, of: Rows) -> Node:
    """Return the share of rows that hold the condition; missing for no rows."""
    return ratio(count(of.only(condition)), count(of))


def share_by(weight: Node, condition: Node, of: Rows) -> Node:
    """Return the share of the weight (an amount) on rows that hold the condition; missing where there is no weight."""
    return ratio(total(weight, of.only(condition)), total(weight, of))


def mean(value: Node, of: Rows) -> Node:
    """Return the arithmetic mean; missing for no rows."""
    return ratio(total(value, of), count(of))


def weighted_mean(value: Node, weight: Node, of: Rows) -> Node:
    """Return the mean weighted by another field; missing where there is no weight."""
    return ratio(total(value * weight, of), total(weight, of))


def spread(value: Node, of: Rows) -> Node:
    """Return the standard deviation (of the rows themselves, not a sample of more); missing for no rows."""
    n, s = count(of), total(value, of)
    return root(ratio((n * total(value * value, of) - s * s).at_least(0), n * n))


def slope(value: Node, age: Node, of: Rows) -> Node:
    """Return change of `value` per 30 days by least squares; missing with fewer than two different days."""
    n, x, y = count(of), total(age, of), total(value, of)
    return ratio((x * y - n * total(age * value, of)) * 30, n * total(age * age, of) - x * x)


def days_since(of: Rows) -> Node:
    """Return days from the last row's day to as_of; missing for no rows."""
    return minimum(row("age:" + of.day), of)


def days_from_first(of: Rows) -> Node:
    """Return days from the first row's day to as_of; missing for no rows."""
    return maximum(row("age:" + of.day), of)


def column_of(name: str) -> Node:
    """Return another customer column's value, by its name."""
    return Node("column", (name,))


def given(name: str) -> Node:
    """Return a value from outside the rows: of the item scored, of peers, of a published series."""
    return Node("given", (name,))


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One declared measure; with windows it is one column a window.

    name : snake case; with `{window}` where it spans windows ("late_share_{window}" -> late_share_12m).
    value : the expression; WINDOW inside stands for each window.
    meaning : one sentence; `{window}` becomes the window's words.
    reason : language -> sentence with `{value}`; both `en` and `zh`.
    missing : what a missing value means.
    source : where a known measure is defined.
    """

    name: str
    unit: Unit
    value: Node
    meaning: str
    risk: Risk
    reason: Mapping[str, str]
    missing: Missing = Missing.NO_HISTORY
    windows: tuple[int, ...] = ()
    source: str = ""
    level: Level = Level.CUSTOMER
    family: str = field(default="")

    def columns(self) -> Iterator[Column]:
        """Return the matrix columns that this feature declares."""
        lacking = [language for language in ("en", "zh") if "{value}" not in self.reason.get(language, "")]
        if lacking:
            raise InputError(
                f"feature {self.name}: reason must have a sentence with {{value}} in {', '.join(lacking)}."
            )
        if bool(self.windows) != ("{window}" in self.name):
            raise InputError(f"feature {self.name}: windows and {{window}} in the name must go together.")
        for window in self.windows or (None,):
            words = WINDOWS[window]
            yield Column(
                name=self.name.replace("{window}", words.short), unit=self.unit, value=_with_window(self.value, window),
                meaning=self.meaning.replace("{window}", words.en), risk=self.risk,
                reason={"en": self.reason["en"].replace("{window}", words.en), "zh": self.reason["zh"].replace("{window}", words.zh)},
                missing=self.missing, source=self.source, level=self.level, family=self.family, window=window, feature=self.name,
            )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the matrix, as `Feature` with its window filled in."""

    name: str
    unit: Unit
    value: Node
    meaning: str
    risk: Risk
    reason: Mapping[str, str]
    missing: Missing
    source: str
    level: Level
    family: str
    window: int | None
    feature: str


@dataclass(frozen=True)
class WindowWords:
    """How a window is written in a column's name and said in each language."""

    short: str
    en: str
    zh: str


WINDOWS: Mapping[int | None, WindowWords] = {
    None: WindowWords("", "", ""),
    30: WindowWords("1m", "30 days", "30天"), 90: WindowWords("3m", "90 days", "90天"),
    180: WindowWords("6m", "180 days", "180天"), 365: WindowWords("12m", "365 days", "365天"),
    730: WindowWords("24m", "730 days", "730天"),
}  # fmt: skip


def _with_window(node: Any, window: int | None) -> Any:
    if isinstance(node, Node):
        return Node(node.op, tuple(_with_window(arg, window) for arg in node.args))
    if isinstance(node, Rows):
        where = None if node.where is None else _with_window(node.where, window)
        return Rows(node.population, node.day, window if node.window == WINDOW else node.window, where)
    return window if isinstance(node, str) and node == WINDOW else node
