"""The door trained end to end on a small sample ledger: what it may know, what it is measured on, what it hands over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.engine.histories import build
from ledger.default_status import PRIMARY
from ledger.ledger import Ledger
from models.default.cold_start import LENGTH
from models.default.model import DefaultModel
from tests.integration.test_default_training import AS_OF, SMALL, fitted, prepared
from training.default import cold_start
from training.default import fit as default_fit
from training.default.columns import SELECTED
from training.default.data import histories


def test_the_model_handed_over_answers_with_and_without_a_history():
    model = fitted().model
    assert isinstance(model, DefaultModel)
    assert model.cold is not None
    assert set(model.needed) == {*SELECTED, *cold_start.DOOR, LENGTH}
    X = fitted().example
    assert set(X.columns) == set(model.needed)
    known = model.predict(X)
    own = [name for name in X if name not in cold_start.DOOR]
    new = model.predict(X.assign(**dict.fromkeys(own, np.nan)))
    assert (new["history_weight"] == 0.0).all()
    assert (known["history_weight"] > 0.9).all()
    door, _ = model.cold.door.log_odds(X)
    assert np.array_equal(new["margin"].to_numpy(), door)


def test_how_good_it_is_on_later_months_of_unseen_customers_is_logged_and_told():
    found, quality = fitted().metrics, fitted().model.cold.quality
    for population in ("door", "unsettled", "first_months"):
        for name in ("snapshots", "defaulters", "pd_mean", "default_rate", "truth_pd_mean"):
            assert np.isfinite(found[f"cold_{population}_{name}"])
            assert quality[population][name] == found[f"cold_{population}_{name}"]
    assert found["cold_door_snapshots"] == found["snapshots"] > 10 * found["cold_unsettled_snapshots"] > 0
    assert found["cold_door_auc_low"] <= found["cold_door_auc"] <= found["cold_door_auc_high"]
    assert found["cold_door_auc"] > 0.6
    assert found["auc"] > found["cold_door_auc"]  # a history says more than the door
    assert quality["trained_until"] == fitted().parameters["evaluation_origin"]


def test_the_door_knows_nothing_of_the_customers_own_invoices():
    """The same customers without any invoice or payment of their own have the same door, but for their peers' lateness
    and what their groups owe."""
    ledger = prepared().ledger
    data = histories(ledger, AS_OF, PRIMARY, cold_start.with_door(SELECTED))
    others = [name for name in cold_start.DOOR if "late_share" in name or "late_30" in name or "group" in name]
    alone = str(data.customer[data.on == data.on.max()][0])
    rest = ledger.of([c for c in ledger.customers["customer_id"] if c != alone])
    frames = {name: frame for name, frame in ledger.tables.items() if len(frame)}
    frames |= {name: rest[name] for name in ("invoices", "instalments", "payments", "events")}
    rows = pd.DataFrame({"customer_id": [alone], "as_of": [pd.Timestamp(AS_OF)]})
    own = [name for name in cold_start.DOOR if name not in others]
    pd.testing.assert_frame_equal(build(Ledger.from_frames(**frames), rows, own), build(ledger, rows, own))


@pytest.mark.slow
def test_through_the_cycle_moves_the_door_by_the_same_shift():
    options = default_fit.Options(central_tendency=0.05, conservatism=0.1)
    moved = default_fit.fit(prepared().ledger, as_of=AS_OF, seed=1, shape=SMALL, options=options).model
    assert moved.cold.door.calibration.central_shift == pytest.approx(moved.calibration.central_shift)
    assert moved.cold.door.calibration.conservatism == 0.1
    assert fitted().model.cold.door.calibration.central_shift == 0.0


def test_youth_counts_five_times_and_falls_to_once():
    weight = cold_start.youth(np.array([np.nan, 0.0, 91.3, 36525.0]))
    assert weight == pytest.approx([5.0, 5.0, 3.0, 1.0], abs=0.02)
