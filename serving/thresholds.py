"""Where a model's trees split a column: a value that moves without passing a split moves no answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.absent import AbsentDefault, AbsentDelay
from models.default.model import DefaultModel
from models.delay.model import DelayModel

_LINE = re.compile(r"^(split_feature|threshold)=(.*)$", re.MULTILINE)


def splits(booster: lgb.Booster, columns: Sequence[str], wanted: Iterable[str]) -> dict[str, set[float]]:
    """Return the thresholds of some columns in a booster's trees."""
    places = {columns.index(name): name for name in wanted if name in columns}
    found: dict[str, set[float]] = {name: set() for name in places.values()}
    if not places:
        return found
    features: list[str] = []
    for kind, text in _LINE.findall(booster.model_to_string(num_iteration=-1)):
        if kind == "split_feature":
            features = text.split()
        else:
            for feature, threshold in zip(features, text.split(), strict=True):
                if (name := places.get(int(feature))) is not None:
                    found[name].add(float(threshold))
    return found


def thresholds(
    default: DefaultModel | AbsentDefault, delay: DelayModel | AbsentDelay, wanted: Sequence[str]
) -> Mapping[str, NDArray[np.float64]]:
    """Return column -> every threshold that any tree of both models has for it, sorted.

    The delay model's boosters read 32-bit numbers: their thresholds are kept with both neighbours in 32 bits, so that a
    value that only rounds across one counts as having passed it.
    """
    found: dict[str, set[float]] = {name: set() for name in wanted}
    bags = [(default.history.columns, default.members)] if isinstance(default, DefaultModel) else []
    if default.cold is not None:
        bags.append((default.cold.door.columns, default.cold.door.members))
    for columns, members in bags:
        for booster in members:
            for name, values in splits(booster, columns, wanted).items():
                found[name] |= values
    narrow = []
    if isinstance(delay, DelayModel):
        question = delay.late_question
        narrow = [(delay.columns, delay.members)] + ([] if question is None else [(question.columns, question.members)])
    for columns, members in narrow:
        for booster in members:
            for name, values in splits(booster, columns, wanted).items():
                near = (np.nextafter(np.float32(v), np.float32(side)) for v in values for side in (-np.inf, np.inf))
                found[name] |= set(chain(values, (float(v) for v in near)))
    return {name: np.array(sorted(values)) for name, values in found.items()}


def passes(before: float, after: float, sorted_thresholds: NDArray[np.float64]) -> bool:
    """Return whether a value passes a threshold on its way from `before` to `after`; NaN is on a side of its own."""
    if before == after or (np.isnan(before) and np.isnan(after)):
        return False
    if np.isnan(before) or np.isnan(after):
        return bool(len(sorted_thresholds))
    # a row goes left where its value is at most the threshold
    return bool(np.searchsorted(sorted_thresholds, before, "left") != np.searchsorted(sorted_thresholds, after, "left"))
