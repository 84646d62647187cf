"""What a customer's answer would be with other facts: hypothetical rows of its own, other values of the model's columns,
and which single value would lift its grade. Everything is computed by the path that scores; nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.scorer import COLUMNS, Scorer, Scores
from decisions.scoring_ledger import ScoringLedger
from features.engine.compiled import walk
from features.engine.histories import build
from features.engine.prepared import prepare
from features.language import Column, Risk, Unit
from ledger.errors import InputError
from ledger.known import day, known_from
from ledger.ledger import TABLES, Ledger
from models.absent import NoChampion
from models.default.model import DefaultModel

Floats = NDArray[np.float64]

ADDED = ("invoices", "payments", "events", "credit_terms", "ratings", "attributes")  # tables that may get rows
STEPS = 64  # values tried between a column's own and its best
HALVINGS = 30  # of the step in which the grade turns
LONGEST_QUIET_DAYS = 3650.0  # the best value of a column whose risk falls: ten years without
DIGITS = {Unit.SHARE: 3, Unit.DAYS: 0, Unit.COUNT: 0, Unit.CODE: 0, Unit.MONEY: 2}  # of a value that is named; else 2


@dataclass(frozen=True, kw_only=True)
class Change:
    """A column's value as it is, the value at which the grade turns, and what the model says there."""

    column: Column
    value: float
    needed: float
    pd: float
    grade: str


@dataclass(frozen=True, kw_only=True)
class Better:
    """What would lift a customer's grade by one.

    grade : the next better one. changes : single columns that reach it, the smallest relative change first.
    together_pd, together_grade : with every directed column at its best, whether that reaches it or not.
    """

    grade: str
    changes: tuple[Change, ...]
    together_pd: float
    together_grade: str


def hypothetical(
    scorer: Scorer, scores: Scores, rows: Mapping[str, pd.DataFrame], values: Mapping[str, float]
) -> tuple[Scorer, Scores]:
    """One customer's scores as they would be with rows added to its ledger and columns set to other values, and the
    scorer of that ledger (the customer's part of it).

    rows : table -> rows, which count as the customer's. values : columns of the default model; NaN is 'not known'.
    Columns about others (peers, group, published series) stay as they are; values are set after rows. Raises InputError
    for a row that would not be known by the day asked, and for a value that no model column can have.
    """
    customer_id = str(scores.customers.index[0])
    if not isinstance(scorer.default, DefaultModel):
        raise NoChampion("no default model is the champion: a changed fact has no effect that could be computed.")
    _check(scorer.default, values)
    X, after, there = _inputs(scorer, scorer.served, scores), scores, scorer
    if rows:
        before, later = (_own(scorer, customer_id, added, scores) for added in ({}, rows))
        was, now = (_inputs(scorer, served, scores) for served in (before, later))
        moved = [str(name) for name in X if name not in _of_others() and not was[name].equals(now[name])]
        X = X.assign(**{name: now[name].to_numpy() for name in moved})
        there = replace(scorer, served=later)
        after = there.score([customer_id], scores.as_of)
    return there, there.rescored(after, X.assign(**values))


@cache
def _of_others() -> frozenset[str]:
    """Return the columns that look at others than the group: a group's part of the ledger does not say what they are."""
    return frozenset(
        name
        for name, column in COLUMNS.items()
        if any(node.op == "given" and not str(node.args[0]).startswith("group_") for node in walk(column.value))
    )


def _inputs(scorer: Scorer, served: ScoringLedger, scores: Scores) -> pd.DataFrame:
    """The default model's columns of the one customer on the day asked, whatever its status."""
    snapshots = pd.DataFrame({"customer_id": scores.customers.index.astype("str"), "as_of": pd.Timestamp(scores.as_of)})
    return build(served.prepared, snapshots, columns=scorer.default.needed).set_axis(scores.customers.index)


def _own(scorer: Scorer, customer_id: str, rows: Mapping[str, pd.DataFrame], scores: Scores) -> ScoringLedger:
    """Return the ledger of the customer's group (with those merged into it) and the added rows, served as the whole is."""
    who, groups = scorer.served.prepared.owners, scorer.served.prepared.groups
    code = int(who.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    codes = np.flatnonzero(groups == groups[code]) if groups[code] >= 0 else np.array([code])
    merged = who.ids[who.member[np.isin(who.owner, codes)]]
    members = sorted({customer_id, *(str(i) for i in who.ids[codes]), *(str(i) for i in merged)})
    ledger = scorer.served.ledger.of(members)
    if rows:
        ledger = _with_rows(ledger, customer_id, rows, day(scores.as_of))
    whole = scorer.served
    return ScoringLedger(
        prepared=prepare(ledger),
        data_known_to=whole.data_known_to,
        currency=whole.currency,
        fingerprint=whole.fingerprint,
        begins=whole.first_day,
    )


def _with_rows(ledger: Ledger, customer_id: str, rows: Mapping[str, pd.DataFrame], at: int) -> Ledger:
    frames: dict[str, Any] = {name: frame for name, frame in ledger.tables.items() if len(frame)}
    given: dict[str, Any] = {name: frame.assign(customer_id=customer_id) for name, frame in rows.items()}
    added = Ledger.from_frames(references=False, customers=pd.DataFrame({"customer_id": [customer_id]}), **given)
    for name in rows:
        late = int(np.sum(known_from(added[name], TABLES[name]) > at))
        if late:
            raise InputError(
                f"{name}: {late} of {len(added[name])} rows would not be known on the day asked; give them days up to as_of."
            )
        frames[name] = pd.concat([frames[name], added[name]], ignore_index=True) if name in frames else added[name]
    return Ledger.from_frames(**frames)


def _check(model: DefaultModel, values: Mapping[str, float]) -> None:
    unknown = [name for name in values if name not in model.needed]
    if unknown:
        raise InputError(
            f"features: {', '.join(unknown)} are not columns of the default model; it has {', '.join(model.needed)}."
        )
    for name, value in values.items():
        unit = COLUMNS[name].unit
        if (unit is Unit.SHARE and not (np.isnan(value) or 0.0 <= value <= 1.0)) or (
            unit is Unit.COUNT and value < 0.0
        ):
            raise InputError(f"features.{name}: must be {'from 0 to 1' if unit is Unit.SHARE else '0 or above'}.")


def next_better(model: DefaultModel, x: pd.DataFrame) -> Better | None:
    """What would lift the grade of the one row x; None where it has the best already.

    A column with a direction of risk is moved, alone, from its value towards its best (0 where the risk rises with it,
    ten years where it falls); the PD never rises on the way. Columns without a direction are left: of them the model
    says nothing that holds for everybody.
    """
    names, grade = model.scale.names, str(model.predict(x)["grade"].iloc[0])
    if grade == names[0]:
        return None
    target = names[names.index(grade) - 1]
    best = _best_values(model, x)
    together = model.predict(x.assign(**best)).iloc[0]
    found = _turning(model, x, best, target) if best else []
    changes = sorted(found, key=lambda c: abs(c.needed - c.value) / max(abs(c.value), 1e-9))
    return Better(
        grade=target, changes=tuple(changes), together_grade=str(together["grade"]),
        together_pd=float(together[f"pd_{model.horizon_months}m"]),
    )  # fmt: skip


def _best_values(model: DefaultModel, x: pd.DataFrame) -> dict[str, float]:
    """The best value of each directed column that is known and not there yet."""
    found: dict[str, float] = {}
    for name in model.needed:
        value, risk = float(x[name].iloc[0]), COLUMNS[name].risk
        if risk is Risk.RISES and value > 0.0:
            found[name] = 0.0
        elif risk is Risk.FALLS and value < LONGEST_QUIET_DAYS and COLUMNS[name].unit is Unit.DAYS:
            found[name] = LONGEST_QUIET_DAYS
    return found


def _turning(model: DefaultModel, x: pd.DataFrame, best: Mapping[str, float], target: str) -> list[Change]:
    """Of each column whose best value reaches the target grade, the value nearest to its own that does."""
    names = np.array(list(best), dtype=object)
    own, end = x[list(best)].to_numpy(dtype=np.float64)[0], np.array(list(best.values()))

    def asked(which: NDArray[np.object_], values: Floats) -> pd.DataFrame:
        """One row a value: x with the column of that row set to it."""
        matrix = np.repeat(x.to_numpy(dtype=np.float64), len(values), axis=0)
        matrix[np.arange(len(values)), x.columns.get_indexer(pd.Index(which, dtype=object))] = values
        return model.predict(pd.DataFrame(matrix, columns=x.columns))

    along = own[:, None] + (end - own)[:, None] * np.linspace(0.0, 1.0, STEPS + 1)
    hits = (asked(np.repeat(names, STEPS + 1), along.ravel())["grade"] <= target).to_numpy().reshape(along.shape)
    kept = np.flatnonzero(hits.any(axis=1))
    if not len(kept):
        return []
    place = hits[kept].argmax(axis=1)
    short, enough = along[kept, place - 1], along[kept, place]
    for _ in range(HALVINGS):
        middle = (short + enough) / 2
        reached = (asked(names[kept], middle)["grade"] <= target).to_numpy()
        short, enough = np.where(reached, short, middle), np.where(reached, middle, enough)
    needed = np.array(
        [_towards(v, e, DIGITS.get(COLUMNS[n].unit, 2)) for v, e, n in zip(enough, end[kept], names[kept], strict=True)]
    )
    then = asked(names[kept], needed)
    return [
        Change(column=COLUMNS[n], value=float(v), needed=float(to), pd=float(p), grade=str(g))
        for n, v, to, p, g in zip(
            names[kept], own[kept], needed, then[f"pd_{model.horizon_months}m"], then["grade"], strict=True
        )
    ]


def _towards(value: float, best: float, digits: int) -> float:
    """A value rounded to digits, never away from the best one."""
    scale = 10.0**digits
    rounded = np.floor(value * scale) / scale if best < value else np.ceil(value * scale) / scale
    return float(max(rounded, best) if best < value else min(rounded, best))
