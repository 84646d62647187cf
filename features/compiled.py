"""The compiled interpreter: from the columns' trees to one Python module of loops that numba compiles and caches.

One loop a population goes once over a customer's rows as known on as_of and adds whole numbers up: each aggregate has one
slot a window, filled by disjoint age bands and then summed into nested windows. Only whole numbers are added, so the
result does not depend on the order of rows, on the number of threads or on which machine held them; division comes last.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from features.definition import Column, Node, Rows, Unit
from features.errors import InputError
from features.populations import POPULATIONS

NONE = -(2**62)  # the slot of a maximum that has seen no row
BINARY = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "eq": "==",
    "and": "&",
    "or": "|",
}
AGGREGATES = ("count", "sum", "max", "min", "median", "last", "distinct", "streak")


@dataclass
class _Slots:
    """The slots of one aggregate: where they start, and the windows they stand for in rising order."""

    start: int
    windows: list[int]


@dataclass
class _Plan:
    """What must be gathered for a set of columns: aggregates without their window -> their windows."""

    windows: dict[tuple[str, Rows, Any], set[int]] = field(default_factory=dict)
    slots: dict[tuple[str, Rows, Any], _Slots] = field(default_factory=dict)
    medians: list[tuple[str, Rows, Any]] = field(default_factory=list)
    size: int = 0


def source_of(columns: Sequence[Column], given: Sequence[str]) -> str:
    """The Python source of the module that computes these columns; `given` names the values that stand beside the rows."""
    plan = _plan(columns)
    used = [p for p in POPULATIONS if any(key[1].population == p for key in plan.windows)]
    parts = [_HEADER]
    parts += [_loop(population, plan) for population in used]
    parts.append(_values(columns, plan, list(given)))
    parts.append(_run(used, plan, len(columns)))
    return "\n\n".join(parts) + "\n"


@cache
def load(source: str) -> ModuleType:
    """The module of a generated source, written to the cache folder under its digest so that compiling happens once."""
    folder = Path(os.environ.get("TRADECREDIT_CACHE", Path.home() / ".cache" / "tradecredit"))
    folder.mkdir(parents=True, exist_ok=True)
    name = "histories_" + hashlib.sha256(source.encode()).hexdigest()[:24]
    path = folder / f"{name}.py"
    # what runs is what was generated: a file that somebody changed is written again
    if not path.exists() or path.read_text(encoding="utf-8") != source:
        draft = folder / f"{name}.{os.getpid()}.draft"
        draft.write_text(source, encoding="utf-8")
        draft.replace(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(
            f"{path}: the generated module cannot be loaded; empty the folder that TRADECREDIT_CACHE names."
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def walk(node: Any) -> Any:
    """Every node of a tree, those inside the conditions of rows too."""
    if isinstance(node, Node):
        yield node
        for arg in node.args:
            yield from walk(arg)
    elif isinstance(node, Rows) and node.where is not None:
        yield from walk(node.where)


def _key(node: Node) -> tuple[str, Rows, Any]:
    rows = node.args[0]
    return node.op, Rows(rows.population, rows.day, None, rows.where), node.args[1] if len(node.args) > 1 else None


def _plan(columns: Sequence[Column]) -> _Plan:
    plan = _Plan()
    for column in columns:
        for node in walk(column.value):
            if node.op in AGGREGATES:
                window = node.args[0].window
                if node.op in ("streak", "last") and window:
                    raise InputError(f"column {column.name}: {node.op} takes rows without a window.")
                plan.windows.setdefault(_windowed(_key(node), window), set()).add(window or 0)
    for key, windows in plan.windows.items():
        ordered = sorted(windows)
        plan.slots[key] = _Slots(plan.size, ordered)
        # one slot more: of a `last` its day, of windows what lies outside of them all, so that no row needs a test
        plan.size += len(ordered) + 1
        if key[0] == "median":
            plan.medians.append(key)
    return plan


def _windowed(key: tuple[str, Rows, Any], window: int | None) -> tuple[str, Rows, Any]:
    # with and without a window are two aggregates: only the first has bands
    op, rows, value = key
    return (op, rows, value) if window else (op, Rows(rows.population, rows.day, 0, rows.where), value)


FEW = 40  # values that are sorted by insertion
NJIT = '@njit(cache=True, nogil=True, error_model="numpy")'
_COMPARED = "\n\n\n".join(
    f"{NJIT}\ndef {op}(a, b):\n    return nan if np.isnan(a) or np.isnan(b) else (1.0 if a {BINARY[op]} b else 0.0)"
    for op in ("gt", "ge", "lt", "le", "eq")
)
_UP = "\n\n\n".join(
    f"{NJIT}\ndef {name}_up(A, start, n):\n    for k in range(start + 1, start + n):\n        A[k] = {code}"
    for name, code in (("add", "A[k] + A[k - 1]"), ("either", "A[k] | A[k - 1]"), ("most", "max(A[k], A[k - 1])"))
)
_HEADER = f'''"""Generated by features/compiled.py: not to be edited."""
import numpy as np
from numba import int64, njit

NONE = -(2**62)
nan = np.nan


{NJIT}
def middle(sorted_values, n, highest):
    """The median of the values whose band (in the lowest three bits) is at most `highest`; nan for none."""
    m = 0
    for i in range(n):
        m += (sorted_values[i] & 7) <= highest
    if m == 0:
        return nan
    seen_before, low = 0, int64(0)
    for i in range(n):
        if (sorted_values[i] & 7) <= highest:
            if seen_before == (m - 1) // 2:
                low = sorted_values[i] >> 3
            if seen_before == m // 2:
                return (low + (sorted_values[i] >> 3)) / 2.0
            seen_before += 1
    return nan


{NJIT}
def in_order(values, n):
    """Sort values[:n]: by insertion where they are few, since they come nearly sorted or are soon done."""
    if n > {FEW}:
        values[:n].sort()
        return
    for i in range(1, n):
        value, k = values[i], i
        while k > 0 and values[k - 1] > value:
            values[k] = values[k - 1]
            k -= 1
        values[k] = value


{NJIT}
def ones(bits):
    n = 0
    while bits:
        bits &= bits - 1
        n += 1
    return n * 1.0


{NJIT}
def seen(a):
    return nan if a == NONE else a * 1.0


{NJIT}
def ratio(a, b):
    return a / b if b != 0.0 else nan


{NJIT}
def atleast(a, b):
    return b if a < b else a


{_COMPARED}


{_UP}'''


class _Rowwise:
    """Writes row expressions as numbered local variables, each once."""

    def __init__(self, population: str, prefix: str) -> None:
        self.population, self.prefix, self.names, self.lines = population, prefix, dict[Node, str](), list[str]()

    def __call__(self, node: Any) -> str:
        if not isinstance(node, Node):
            return repr(node)
        if node not in self.names:
            code = self._code(node)
            self.names[node] = f"{self.prefix}{len(self.names)}"
            self.lines.append(f"{self.names[node]} = {code}")
        return self.names[node]

    def _code(self, node: Node) -> str:
        if node.op == "field":
            name, fields = node.args[0], POPULATIONS[self.population].fields
            if name.startswith("age:"):
                return f"T - ({fields[name[4:]]})"
            if name not in fields:
                raise InputError(f"'{name}' is not a field of {self.population}; it has {', '.join(fields)}.")
            return fields[name]
        if node.op == "not":
            return f"not {self(node.args[0])}"
        if node.op == "atleast":
            return f"max({self(node.args[0])}, {self(node.args[1])})"
        if node.op not in BINARY:
            raise InputError(f"'{node.op}' is not an operation on rows; it has {', '.join(BINARY)}.")
        return f"{self(node.args[0])} {BINARY[node.op]} {self(node.args[1])}"


def _loop(population: str, plan: _Plan) -> str:
    """The loop over one population's rows of a customer."""
    declared = POPULATIONS[population]
    keys = [key for key in plan.windows if key[1].population == population]
    body: list[str] = []
    for number, day in enumerate(dict.fromkeys(key[1].day if key[1].window is None else "" for key in keys)):
        body += _block(population, day, f"x{number}_", keys, plan)
    state = [f"{a} = int64({a}_[i])" for a in declared.arrays[2:]] + list(declared.state)
    if population == "payments":
        state += [
            "gap = -1",
            "if kind == 0 and amount > 0:",
            "    if previous >= 0:",
            "        gap = paid_on - previous",
            "    previous = paid_on",
        ]
    lines = [
        NJIT,
        f"def {population}(rows, lo, hi, T, A, V):",
        "    (" + ", ".join([f"{a}_" for a in declared.arrays] + list(declared.unread)) + ",) = rows",
        "    previous = -1",
        "    for i in range(lo, hi):",
        "        known_from = int64(known_from_[i])",
        "        if known_from > T or known_until_[i] <= T:",
        "            continue",
        *("        " + line for line in [*state, *body]),
        *("    " + line for line in _nest(keys, plan)),
        "    return A",
    ]
    return "\n".join(lines)


def _block(population: str, day: str, prefix: str, keys: list[tuple[str, Rows, Any]], plan: _Plan) -> list[str]:
    """What a row adds to the aggregates whose windows look at one of its days, or that have none (day '')."""
    own = [key for key in keys if (key[1].day if key[1].window is None else "") == day]
    write, adding = _Rowwise(population, prefix), list[str]()
    for key in own:
        op, rows, value = key
        where = write(rows.where) if rows.where is not None else "True"
        term = "1" if value is None else write(value)
        adding += _gather(op, key, where, term, plan)
    if not day:
        return [*write.lines, *adding]
    windows = {tuple(plan.slots[key].windows) for key in own}
    widest = max(w[-1] for w in windows)
    age = f"age_{day}"
    return [
        f"{age} = T - int64({POPULATIONS[population].fields[day]})",
        f"if 0 <= {age} < {widest}:",
        *(f"    {_band_name(day, w)} = {_band(age, w)}" for w in sorted(windows)),
        *("    " + line for line in [*write.lines, *adding]),
    ]


def _band_name(day: str, windows: Sequence[int]) -> str:
    return "_".join(["b", day, *map(str, windows)])


def _band(age: str, windows: Sequence[int]) -> str:
    """The place of the narrowest window that holds an age; the number of windows for none."""
    return " + ".join(f"int64({age} >= {window})" for window in windows)


def _gather(op: str, key: tuple[str, Rows, Any], where: str, term: str, plan: _Plan) -> list[str]:
    rows, slots = key[1], plan.slots[key]
    s, banded = slots.start, rows.window is None
    band = _band_name(rows.day, slots.windows) if banded else "0"
    slot = f"{s} + {band}" if banded else str(s)
    if op == "count":
        return [f"A[{slot}] += {where if where != 'True' else '1'}"]
    if op == "sum":
        return [f"A[{slot}] += {term}" if where == "True" else f"A[{slot}] += {term} * {where}"]
    if op in ("max", "min"):
        value = f"{'-' if op == 'min' else ''}int64({term})"
        return [f"A[{slot}] = max(A[{slot}], {value if where == 'True' else f'{value} if {where} else NONE'})"]
    if op == "distinct":
        lines = [f"if 0 <= {term} <= 62:", f"    A[{slot}] |= int64(1) << int64({term})"]
    elif op == "median":
        # the last slot counts the values: the windows are told apart when the middle is sought
        place, n = plan.medians.index(key), s + len(slots.windows)
        lines = [f"V[{place}, A[{n}]] = (int64({term}) << 3) | {band}", f"A[{n}] += 1"]
    elif op == "last":
        day = rows.day
        lines = [
            f"if {day} > A[{s + 1}]:",
            f"    A[{s + 1}] = {day}",
            f"    A[{s}] = int64({term})",
            f"elif {day} == A[{s + 1}]:",
            f"    A[{s}] = max(A[{s}], int64({term}))",
        ]
    else:  # streak: rows come sorted by day; a row of a day that also has one without the condition does not count
        day = rows.day
        lines = [
            f"if not {term}:",
            f"    A[{s}] = int64({day}) << 20",
            f"elif {day} > A[{s}] >> 20:",
            f"    A[{s}] += 1",
        ]
    return lines if where == "True" else [f"if {where}:", *("    " + line for line in lines)]


def _nest(keys: list[tuple[str, Rows, Any]], plan: _Plan) -> list[str]:
    """Bands into nested windows: each window holds all narrower ones."""
    joined = {"count": "add", "sum": "add", "distinct": "either", "max": "most", "min": "most"}
    orders = [
        f"in_order(V[{plan.medians.index(key)}], A[{plan.slots[key].start + len(plan.slots[key].windows)}])" for key in keys if key[0] == "median"
    ]  # fmt: skip
    return orders + [
        f"{joined[key[0]]}_up(A, {plan.slots[key].start}, {len(plan.slots[key].windows)})"
        for key in keys if key[1].window is None and key[0] != "median"
    ]  # fmt: skip


def _values(columns: Sequence[Column], plan: _Plan, given: list[str]) -> str:
    lines = [NJIT, "def values(A, F, V, G, out):"]
    names: dict[Node, str] = {}
    places = {column.name: place for place, column in enumerate(columns)}
    used = Counter(node for column in columns for node in _above_rows(column.value))

    def write(node: Any) -> str:
        if not isinstance(node, Node):
            return repr(float(node))
        if node.op in ("count", "sum") or used[node] == 1:
            return value_code(node)
        if node not in names:
            code = value_code(node)
            names[node] = f"y{len(names)}"
            lines.append(f"    {names[node]} = {code}")
        return names[node]

    def value_code(node: Node) -> str:
        if node.op in AGGREGATES:
            return _aggregate_code(node, plan)
        if node.op == "column":
            if node.args[0] not in places:
                raise InputError(f"column_of('{node.args[0]}') names no column of this set.")
            return f"out[{places[node.args[0]]}]"
        if node.op == "given":
            return f"G[{given.index(node.args[0])}]"
        if node.op == "root":
            return f"np.sqrt({write(node.args[0])})"
        if node.op in ("ratio", "atleast", "gt", "ge", "lt", "le", "eq"):
            return f"{node.op}({write(node.args[0])}, {write(node.args[1])})"
        if node.op not in ("add", "sub", "mul"):
            raise InputError(f"'{node.op}' is not an operation on aggregates.")
        return f"({write(node.args[0])} {BINARY[node.op]} {write(node.args[1])})"

    for place in _order(columns):
        code = write(columns[place].value)
        lines.append(f"    out[{place}] = {code}" + (" / 100.0" if columns[place].unit is Unit.MONEY else ""))
    return "\n".join(lines)


def _above_rows(node: Any) -> Any:
    """The nodes of a value down to its aggregates, not into them."""
    if isinstance(node, Node):
        yield node
        if node.op not in AGGREGATES:
            for arg in node.args:
                yield from _above_rows(arg)


def _aggregate_code(node: Node, plan: _Plan) -> str:
    window = node.args[0].window or 0
    key = _windowed(_key(node), window)
    slots = plan.slots[key]
    place = slots.windows.index(window)
    at = slots.start + place
    if node.op == "median":
        buffer = plan.medians.index(key)
        return f"middle(V[{buffer}], A[{slots.start + len(slots.windows)}], {place})"
    return {
        "count": f"F[{at}]", "sum": f"F[{at}]", "max": f"seen(A[{at}])", "last": f"seen(A[{at}])", "min": f"-seen(A[{at}])",
        "distinct": f"ones(A[{at}])", "streak": f"(A[{at}] & 1048575) * 1.0",
    }[node.op]  # fmt: skip


def _order(columns: Sequence[Column]) -> list[int]:
    """Columns so that each comes after those it names by column_of."""
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


def _run(used: list[str], plan: _Plan, count_columns: int) -> str:
    start = [
        (s.start + i, 0 if key[0] == "streak" else NONE)
        for key, s in plan.slots.items() if key[0] in ("max", "min", "last", "streak")
        for i in range(len(s.windows) + 1)
    ]  # fmt: skip
    lines = [
        NJIT,
        "def run(lo, hi, order, customers, days, "
        + "".join(f"{p}_start, {p}_rows, " for p in used)
        + "given, longest, out):",
        f"    A = np.empty({max(plan.size, 1)}, dtype=np.int64)",
        f"    F = np.empty({max(plan.size, 1)}, dtype=np.float64)",
        f"    fresh = np.zeros({max(plan.size, 1)}, dtype=np.int64)",
        *(f"    fresh[{place}] = {'NONE' if value else 0}" for place, value in start),
        f"    V = np.empty(({max(len(plan.medians), 1)}, longest), dtype=np.int64)",
        "    for place in range(lo, hi):",
        "        s = order[place]",
        "        A[:] = fresh",
        "        c, T = customers[s], int64(days[s])",
        "        if c >= 0:",
        *(f"            {p}({p}_rows, {p}_start[c], {p}_start[c + 1], T, A, V)" for p in used),
        *(["            pass"] if not used else []),
        "        F[:] = A",
        "        row = out[s]",
        "        values(A, F, V, given[s], row)",
        f"        for k in range({count_columns}):",
        "            if np.isnan(row[k]):",
        "                row[k] = nan  # one pattern of bits for missing, whatever arithmetic made it",
    ]
    return "\n".join(lines)


Kernel = Callable[..., None]


@cache
def populations_in(source: str) -> tuple[str, ...]:
    """The populations that a generated module reads, in the order of its arguments."""
    return tuple(p for p in POPULATIONS if f"\ndef {p}(rows" in source)
