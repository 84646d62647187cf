"""The mean of a bag's members, the same to the last bit for one row and for many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray


def merged(members: Sequence[lgb.Booster]) -> lgb.Booster:
    """Return one booster with the trees of all members: its raw score is the sum of theirs.

    One call to it costs as much as one call to a member; the mean that a bag answers with is its answer divided by the
    number of members, up to the order of additions (some 1e-15).
    """
    texts = [member.model_to_string(num_iteration=-1) for member in members]
    head, _, _ = texts[0].partition("\nTree=")
    head = "\n".join(line for line in head.split("\n") if not line.startswith("tree_sizes="))
    trees, count = [], 0
    for text in texts:
        body = text[text.index("\nTree=") : text.index("\nend of trees")]
        for tree in body.split("\nTree=")[1:]:
            trees.append(f"Tree={count}\n{tree.partition(chr(10))[2].rstrip(chr(10))}\n")
            count += 1
    tail = texts[0][texts[0].index("\nend of trees") :]
    return lgb.Booster(model_str=head.rstrip("\n") + "\n\n" + "\n\n".join(trees) + "\n" + tail)


def mean_of_members(members: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean over members of arrays of one shape, added one after the other.

    numpy's own mean over the first axis adds in another order when there is one row only, which changes the last digit:
    then a customer asked about alone would not get the number of the batch, nor a replay the number of the day.
    """
    found = [np.asarray(member, dtype=np.float64) for member in members]
    return np.asarray(reduce(np.add, found) / len(found))
