"""A class's default rate as a column: never made of the row's own outcome."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.default_folds import CLASS_PRIOR, class_rates

Y = np.tile([1.0, 0.0, 0.0, 0.0], 50)  # a quarter, 200 rows


def test_a_row_alone_in_its_class_gets_the_mean_rate_whatever_came_of_it():
    alone = np.arange(200).reshape(-1, 1)
    train, _ = class_rates(alone, Y, alone[:1])
    assert train == pytest.approx(np.full((200, 1), 0.25), abs=0.005)  # its own outcome would move it by 1 / 21


def test_a_later_row_gets_the_rate_of_its_class_drawn_to_the_mean():
    bad = np.where(Y > 0, 1, 0).reshape(-1, 1)  # class 1: all 50 defaulted
    _, test = class_rates(bad, Y, np.array([[1], [0], [9]]))
    drawn = (50 + CLASS_PRIOR * 0.25) / (50 + CLASS_PRIOR)
    assert test[:, 0] == pytest.approx([drawn, CLASS_PRIOR * 0.25 / (150 + CLASS_PRIOR), 0.25])  # 9 was never seen


def test_each_kind_of_class_is_a_column_of_its_own():
    kinds = np.column_stack([np.arange(200) % 2, np.arange(200) % 4])
    train, test = class_rates(kinds, Y, kinds[:3])
    assert train.shape == (200, 2)
    assert test[0, 1] > test[0, 0] > test[1, 0]  # every fourth row defaulted: half of the even ones
