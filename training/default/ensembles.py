"""A bag of LightGBM boosters over folds of customers: one margin in log-odds, and one for customers never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ledger.errors import InputError
from training.default.milder_outcome import continuing
from training.splits import customer_folds

Floats = NDArray[np.float64]
THREADS = 2  # members side by side, each on one thread: no waiting for one another on a busy machine


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The shape of the bag and of its trees. Depth is a product decision: TreeSHAP costs by its square.

    smallest_leaf counts rows: a customer has one a month, so 120 rows may be ten customers. Each member sees one month
    in `every_month` (neighbouring months of a customer say almost the same), each another one. near_rounds of trees are
    fitted first on the milder outcome (training/default/milder_outcome.py), `rounds` then on the default. extra_trees draws one
    threshold a column instead of searching all (Geurts et al. 2006): members differ more. A bag that is judged has
    judged_repeats foldings, so that a customer is judged by as many members as never saw it; 0: repeats, as it is served.
    """

    rounds: int = 80
    learning_rate: float = 0.05
    leaves: int = 8
    depth: int = 4
    smallest_leaf: int = 60
    l2: float = 10.0
    feature_share: float = 0.2
    folds: int = 5
    repeats: int = 2
    every_month: int = 3
    bins: int = 63
    near_rounds: int = 0
    judged_repeats: int = 0
    extra_trees: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def parameters(self, monotone: Sequence[int], seed: int) -> dict[str, Any]:
        """LightGBM's parameters: the same seed gives the same trees."""
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "max_depth": self.depth,
            "min_data_in_leaf": self.smallest_leaf,
            "min_sum_hessian_in_leaf": 0.5,
            "lambda_l2": self.l2,
            "feature_fraction": self.feature_share,
            "monotone_constraints": list(monotone),
            # 'intermediate' and 'advanced' let single trees fall where they must rise (found by tests/property/
            # test_cold_start.py; LightGBM issues 5358, 6155); 'basic' never did
            "monotone_constraints_method": "basic",
            "max_bin": self.bins,
            "extra_trees": self.extra_trees,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What a bag is fitted on: matrix (rows, columns), outcome, offset in log-odds and weight a row, whose, and when.

    offset is added to the margin as it stands (LightGBM's init_score): the margin learns what is left.
    """

    matrix: Floats
    y: Floats
    offset: Floats
    weight: Floats
    customer: NDArray[np.object_]
    month: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {
            len(self.matrix),
            len(self.y),
            len(self.offset),
            len(self.weight),
            len(self.customer),
            len(self.month),
        }
        if len(lengths) != 1:
            raise InputError(f"Rows must have one length. Got {sorted(lengths)} instead.")
        if self.y.sum() < 10 or (self.y == 0).sum() < 10:
            raise InputError(
                f"a default model needs at least 10 snapshots of each outcome; got {int(self.y.sum())} with a default "
                f"in {len(self.y):,}. Use a longer ledger, or a policy with fewer days and a shorter horizon."
            )


@dataclass(frozen=True, kw_only=True)
class Bag:
    """Boosters and, for each, the fold of customers that it has not seen (of the folding called by its salt)."""

    members: tuple[lgb.Booster, ...]
    unseen_fold: tuple[int, ...]
    salts: tuple[str, ...]
    folds: int

    def member_margins(self, matrix: Floats) -> Floats:
        """(members, rows)."""
        matrix = np.ascontiguousarray(matrix)
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            found = pool.map(lambda b: np.asarray(b.predict(matrix, raw_score=True, num_threads=1)), self.members)
            return np.stack(list(found))

    def margin(self, matrix: Floats) -> Floats:
        """The mean margin of all members."""
        return np.asarray(self.member_margins(matrix).mean(axis=0))

    def margin_of_unseen(self, matrix: Floats, customer: NDArray[np.object_]) -> Floats:
        """The mean margin of those members only that were fitted without the row's customer."""
        return self.mean_of_unseen(self.member_margins(matrix), customer)

    def mean_of_unseen(self, members: Floats, customer: NDArray[np.object_]) -> Floats:
        """Return the mean over those members only that were fitted without the row's customer; members : (members, rows)."""
        folds = {salt: customer_folds(customer, self.folds, salt) for salt in set(self.salts)}
        is_unseen = np.stack([folds[s] == f for s, f in zip(self.salts, self.unseen_fold, strict=True)])
        return np.asarray(np.average(members, axis=0, weights=is_unseen))


def fit_bag(
    rows: Rows, monotone: Sequence[int], shape: Shape, *, seed: int, start: Sequence[lgb.Booster] | None = None
) -> Bag:
    """Fit folds × repeats boosters, each on the customers outside of one fold.

    monotone : per column 1 (the margin never falls when the value rises), −1 or 0. start : a booster for each member to
    continue, fitted on the same folds of customers; its trees come first in the member.
    """
    whole = lgb.Dataset(
        rows.matrix, rows.y, weight=rows.weight, init_score=rows.offset, free_raw_data=False,
        params={"max_bin": shape.bins, "verbosity": -1, "num_threads": 1},
    ).construct()  # fmt: skip
    salts = [f"{seed}/{repeat}" for repeat in range(shape.repeats)]
    unseen = [(salt, fold) for salt in salts for fold in range(shape.folds)]
    # a history of few months is not thinned: each member needs outcomes of both kinds
    every = shape.every_month if len(np.unique(rows.month)) >= 4 * shape.every_month else 1
    folding = {salt: customer_folds(rows.customer, shape.folds, salt) for salt in salts}

    def member(number: int) -> lgb.Booster:
        salt, left_out = unseen[number]
        is_kept = (folding[salt] != left_out) & (rows.month % every == number % every)
        part = whole.subset(np.flatnonzero(is_kept).tolist())
        parameters = shape.parameters(monotone, seed * 1000 + number)
        if start is None:
            return lgb.train(parameters, part, shape.rounds)
        loss = continuing(rows.y[is_kept], rows.offset[is_kept], rows.weight[is_kept])
        return lgb.train({**parameters, "objective": loss}, part, shape.rounds, init_model=start[number])

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        members = tuple(pool.map(member, range(len(unseen))))
    return Bag(
        members=members, unseen_fold=tuple(f for _, f in unseen), salts=tuple(s for s, _ in unseen), folds=shape.folds
    )


def jackknife_widening(folds: int) -> float:
    """What turns the spread of members, each fitted without one of `folds` folds, into the error of a fit on all.

    The delete-a-group jackknife: var = (K − 1)/K · Σ (θ_k − θ̄)². Source: Shao and Wu, A general theory for jackknife
    variance estimation (1989).
    """
    return float(np.sqrt(folds - 1))


def gains(bag: Bag, columns: Sequence[str]) -> Mapping[str, float]:
    """Each column's share of the total gain of the bag's splits."""
    total = np.sum([b.feature_importance("gain") for b in bag.members], axis=0)
    return dict(zip(columns, (total / max(float(total.sum()), 1e-12)).tolist(), strict=True))
