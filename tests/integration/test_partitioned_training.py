"""A default model fitted from a ledger read in parts of customers is the one of the whole ledger, to the last bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ledger.default_status import SHORT_HISTORY
from ledger.errors import InputError
from ledger.ledger import read_ledger
from sample.generator import write_sample
from training.default import cold_start
from training.default.columns import SELECTED
from training.default.data import histories
from training.default.fit import fit_parts, outcome_days
from training.default.partitioned import histories_of_parts
from training.default.stages import SHAPE, Options

DAY = "2024-12-31"
SMALL = replace(SHAPE, rounds=4, near_rounds=4, folds=2, repeats=1, judged_repeats=0)


def test_parts_give_the_same_rows_and_the_same_model(tmp_path: Path) -> None:
    write_sample(tmp_path, customers=300, months=30, seed=4)
    columns = cold_start.with_door(SELECTED)
    whole = histories(read_ledger(tmp_path), DAY, SHORT_HISTORY, columns)
    read = histories_of_parts(tmp_path, DAY, SHORT_HISTORY, columns, outcome_days(DAY, SHORT_HISTORY), parts=3)
    assert read.snapshots.equals(whole.snapshots)
    assert cold_start.only(read, columns).matrix.tobytes() == whole.matrix.tobytes()
    assert len(read.ledger.invoices) == 0
    models = [fit_parts(data, SELECTED, seed=1, truth=None, shape=SMALL, options=Options()) for data in (whole, read)]
    first, second = ([m.model_to_string() for m in fitted.model.members] for fitted in models)
    assert first == second
    assert models[0].calibration == models[1].calibration
    assert models[0].judged.metrics == models[1].judged.metrics
    with pytest.raises(InputError, match="read in parts"):
        read.outcomes(np.datetime64("2024-03-31"))
