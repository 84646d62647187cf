"""A bag's mean does not depend on how many rows are asked about at once."""

from __future__ import annotations

import numpy as np

from models.ensembles import mean_of_members


def test_one_row_gets_the_number_of_the_batch_to_the_last_bit() -> None:
    members = np.random.default_rng(1).normal(size=(10, 500)) ** 3
    batch = mean_of_members(members)
    alone = np.concatenate([mean_of_members(members[:, [row]]) for row in range(500)])
    assert np.array_equal(batch, alone)
    # what this guards against: numpy's own mean over the first axis does depend on it
    assert not np.array_equal(members.mean(axis=0), [members[:, [row]].mean(axis=0)[0] for row in range(500)])
