"""The trees of LightGBM boosters as arrays, for compiled loops over all of them: margins and SHAP values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

DEFAULT_LEFT, MISSING_TYPE, ZERO_IS_MISSING = 1, 2, 1  # LightGBM's decision_type: two bits' places, and a missing type


@dataclass(frozen=True, kw_only=True, eq=False)
class Trees:
    """The nodes of all trees of some boosters, tree by tree, parents before children and two children next to each other.

    first : (trees + 1,) where each tree's nodes start. member : (trees,) which booster a tree is of. depth : (trees,) of its
    deepest leaf.
    Per node: feature, threshold (a value up to it goes left), left (place of the left child, the right one follows; a leaf
    names itself, with a threshold of infinity), nan_left (whether a missing value goes left), value (of a leaf, else 0).
    parent : place of the node above, -1 of a root. own : feature of the split above, -1 of a root. same : the nearest node
    above whose split above is on the same feature, -1 for none. share : of the training rows that come to the split above,
    those that come here, multiplied over the splits on the same feature down to here.
    members, columns : how many boosters, and features of a row. base : (members,) mean of each over its training rows.
    most_features : the most different features on a way from a root to a leaf.
    """

    first: Ints
    member: Ints
    depth: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    nan_left: NDArray[np.bool_]
    value: Floats
    parent: Ints
    own: Ints
    same: Ints
    share: Floats
    members: int
    columns: int
    base: Floats
    most_features: int


@lru_cache(maxsize=16)
def trees_of(members: tuple[lgb.Booster, ...]) -> Trees | None:
    """Return the trees of some boosters, read once; None where a booster has trees of another kind.

    Another kind are splits by category, zeros that count as missing, linear leaves and leaves without training rows.
    """
    texts = [member.model_to_string(num_iteration=-1) for member in members]
    parts = [_fields(text) for text in texts]
    trees = [tree for part in parts for tree in part]
    if any(_is_other(tree) for tree in trees):
        return None
    nodes = [_nodes(tree) for tree in trees]
    first = np.concatenate([[0], np.cumsum([len(own["feature"]) for own in nodes])]).astype(np.int32)
    joined: dict[str, Any] = {name: np.concatenate([own[name] for own in nodes]) for name in nodes[0]}
    shift = np.repeat(first[:-1], np.diff(first))
    for name in ("left", "parent", "same"):
        joined[name] = np.where(joined[name] >= 0, joined[name] + shift, -1).astype(np.int32)
    level, features = joined.pop("level"), joined.pop("features")
    return Trees(
        first=first, member=np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int32),
        depth=np.maximum.reduceat(level, first[:-1]).astype(np.int32), members=len(members),
        columns=int(members[0].num_feature()), most_features=int(features.max()),
        base=np.array([sum(map(_mean, part)) for part in parts]), **joined,
    )  # fmt: skip


@lru_cache(maxsize=64)
def unit_quadrature(features: int) -> tuple[Floats, Floats]:
    """Return (points, weights) on [0, 1] of the Gauss–Legendre sum that is exact for Shapley values of so many features."""
    points, weights = np.polynomial.legendre.leggauss(max(1, -(-features // 2)))
    return (points + 1.0) / 2.0, weights / 2.0


def _fields(text: str) -> list[dict[str, str]]:
    """Return the lines of each tree of a LightGBM text file as name -> values."""
    parts = text.partition("\nend of trees")[0].split("\nTree=")[1:]
    return [dict(line.split("=", 1) for line in part.splitlines()[1:] if "=" in line) for part in parts]


def _numbers(tree: dict[str, str], name: str, kind: Any = np.float64) -> NDArray[Any]:
    return np.array(tree.get(name, "").split(), dtype=kind)


def _is_other(tree: dict[str, str]) -> bool:
    if tree.get("num_cat", "0") != "0" or tree.get("is_linear", "0") != "0":
        return True
    if tree["num_leaves"] == "1":
        return False
    decision = _numbers(tree, "decision_type", np.int32)
    counts = np.concatenate([_numbers(tree, "leaf_count"), _numbers(tree, "internal_count")])
    return bool((((decision >> MISSING_TYPE) & 3) == ZERO_IS_MISSING).any() or (counts <= 0).any())


def _mean(tree: dict[str, str]) -> float:
    """Return the mean of a tree's values over its training rows."""
    value = _numbers(tree, "leaf_value")
    if tree["num_leaves"] == "1":
        return float(value[0])
    return float(np.sum(_numbers(tree, "leaf_count") / _numbers(tree, "internal_count")[0] * value))


def _nodes(tree: dict[str, str]) -> dict[str, NDArray[Any]]:
    """Return one tree's nodes in the order of `Trees`, each with its level and the different features above it."""
    leaf_value, leaf_count = _numbers(tree, "leaf_value"), _numbers(tree, "leaf_count").tolist()
    count, split = _numbers(tree, "internal_count").tolist(), _numbers(tree, "split_feature", np.int32)
    threshold, decision = _numbers(tree, "threshold"), _numbers(tree, "decision_type", np.int32)
    left, right = (_numbers(tree, name, np.int32).tolist() for name in ("left_child", "right_child"))
    # LightGBM keeps a missing value where its training had some, else it counts as 0
    nan_left = np.where((decision >> MISSING_TYPE) & 3, (decision >> DEFAULT_LEFT) & 1 == 1, threshold >= 0.0)
    numbers, parents = [0 if left else -1], [-1]  # LightGBM's numbers, below 0 for leaves; places of the nodes above
    first_child, own, same, share, level, features = [], [-1], [-1], [1.0], [0], [0]
    for place, number in enumerate(numbers):
        first_child.append(len(numbers) if number >= 0 else place)
        for child in (left[number], right[number]) if number >= 0 else ():
            above, feature = place, int(split[number])
            while above >= 0 and own[above] != feature:
                above = parents[above]
            rows = count[child] if child >= 0 else leaf_count[~child]
            share.append(rows / count[number] * (share[above] if above >= 0 else 1.0))
            features.append(features[place] + (above < 0))
            numbers.append(child)
            parents.append(place)
            own.append(feature)
            same.append(above)
            level.append(level[place] + 1)
    at = np.array(numbers, dtype=np.int64)
    is_split = at >= 0
    splits = np.where(is_split, at, 0)

    def of_split(values: NDArray[Any], else_: Any) -> NDArray[Any]:
        return np.where(is_split, values[splits], else_) if len(values) else np.full(len(at), else_)

    return {
        "feature": of_split(split, 0).astype(np.int32), "threshold": of_split(threshold, np.inf),
        "left": np.array(first_child, dtype=np.int32), "nan_left": of_split(nan_left, True).astype(np.bool_),
        "value": np.where(is_split, 0.0, leaf_value[np.where(is_split, 0, ~at)]),
        "parent": np.array(parents, dtype=np.int32), "own": np.array(own, dtype=np.int32),
        "same": np.array(same, dtype=np.int32), "share": np.array(share), "level": np.array(level, dtype=np.int32),
        "features": np.array(features, dtype=np.int32),
    }  # fmt: skip
