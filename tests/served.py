"""A small ledger and two small but real models, made once a test process: what a service needs to answer."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from features.catalogue import CATALOGUE, columns
from features.engine.histories import build
from features.engine.snapshots import active, month_ends
from ledger.accounts import accounts
from ledger.default_status import PRIMARY, in_default
from ledger.ledger import Ledger, read_ledger
from models.calibration import Calibration
from models.default.calibrated_ensemble import CalibratedBag
from models.default.cold_start import ColdStart
from models.default.model import DefaultModel
from models.default.term_structure import evenly_spread
from models.delay.model import DelayModel
from models.rating_scale import MASTER_SCALE
from models.registry import DEFAULT_MODEL, DELAY_MODEL, Served
from sample.generator import write_sample
from serving.champions import Champions
from training.default.cold_start import DOOR
from training.delay.fit import outcomes, questions, train

CUSTOMERS, MONTHS, SEED = 120, 24, 3
QUALITY = {
    "trained_until": "2023-06-30",
    "unsettled": {
        "snapshots": 150.0, "defaulters": 15.0, "auc": 0.71, "auc_low": 0.55, "auc_high": 0.84, "pd_mean": 0.03,
        "default_rate": 0.04,
    },
    "first_months": {"snapshots": 200.0, "defaulters": 6.0}, "door": {"snapshots": 9000.0, "defaulters": 100.0},
}  # fmt: skip
COLUMNS = tuple(c.name for c in columns(level="customer") if c.family in ("timeliness", "exposure", "tenure"))


@dataclass(frozen=True, kw_only=True)
class Small:
    """The ledger, as read and as prepared, and the models."""

    ledger: Ledger
    prepared: ScoringLedger
    default: DefaultModel
    delay: DelayModel

    @property
    def scorer(self) -> Scorer:
        return Scorer.with_models(self.prepared, self.default, self.delay)


@cache
def small() -> Small:
    """120 customers over 24 months and models of a few trees: quick to make, real in every step."""
    with tempfile.TemporaryDirectory() as place:
        write_sample(Path(place) / "ledger", customers=CUSTOMERS, months=MONTHS, seed=SEED)
        ledger = _with_every_status(read_ledger(Path(place) / "ledger"))
    prepared = ScoringLedger.of(ledger)
    return Small(ledger=ledger, prepared=prepared, default=_default(prepared), delay=_delay(prepared))


def _with_every_status(ledger: Ledger) -> Ledger:
    """The ledger and a customer of each status without a PD, whatever the sample's dice say."""
    first, last = ledger.invoices["issued_on"].min(), pd.Timestamp(ledger.last_known_on)
    added = {
        "customers": [{"customer_id": c, "country": "DE"} for c in ("X-NEW", "X-INSOLVENT", "X-ASLEEP", "X-MERGED")],
        "invoices": [
            {"invoice_id": f"x-{c}", "customer_id": c, "kind": "invoice", "issued_on": on,
             "due_on": on + pd.Timedelta(days=30),
             "amount": 1000.0, "currency": "EUR"}
            for c, on in (("X-INSOLVENT", last - pd.Timedelta(days=90)), ("X-ASLEEP", first), ("X-MERGED", first))
        ],
        "payments": [
            {"payment_id": f"x-{c}", "customer_id": c, "invoice_id": f"x-{c}", "paid_on": first + pd.Timedelta(days=33),
             "amount": 1000.0, "currency": "EUR", "kind": "payment"}
            for c in ("X-ASLEEP", "X-MERGED")
        ],
        "events": [
            {"event_id": "x-1", "customer_id": "X-INSOLVENT", "occurred_on": last - pd.Timedelta(days=20),
             "kind": "insolvency"},
            {"event_id": "x-2", "customer_id": "X-MERGED", "occurred_on": last - pd.Timedelta(days=50),
             "kind": "merged_into", "detail": str(ledger.customers["customer_id"].iloc[0])},
        ],
    }  # fmt: skip
    frames: dict[str, Any] = {name: frame for name, frame in ledger.tables.items() if len(frame)}
    for name, rows in added.items():
        both = pd.concat([frames[name].astype(object), pd.DataFrame(rows).astype(object)], ignore_index=True)
        frames[name] = both.map(lambda value: None if pd.isna(value) else str(value)).astype("str")
    return Ledger.from_frames(**frames)


def _default(prepared: ScoringLedger) -> DefaultModel:
    """Ranks customers by what is overdue three months later: no default model, but one with a real one's parts."""
    ends = month_ends(
        pd.Timestamp(prepared.data_known_to) - pd.DateOffset(months=12), pd.Timestamp(prepared.data_known_to)
    )
    rows = active(prepared.prepared, ends[:-3])
    X = build(prepared.prepared, rows, columns=COLUMNS)
    later = rows.assign(as_of=rows["as_of"] + pd.DateOffset(months=3))
    y = in_default(prepared.ledger, later, PRIMARY, settlement=prepared.prepared.settlement).to_numpy(dtype=float)
    y[:: max(1, len(y) // 40)] = 1.0  # some of each kind whatever the sample holds
    door = CalibratedBag(
        columns=DOOR, members=_members(build(prepared.prepared, rows, columns=DOOR), y),
        calibration=Calibration(slope=0.8, intercept=-0.1), interval_widening=2.0,
    )  # fmt: skip
    return DefaultModel(
        columns=COLUMNS, members=_members(X, y), term_structure=evenly_spread(12), policy=PRIMARY,
        calibration=Calibration(slope=0.9, intercept=-0.2), scale=MASTER_SCALE, facts={"rows": len(X), "as_of": "test"},
        cold=ColdStart(door=door, half_months=1.0, quality=QUALITY),
    )  # fmt: skip


def _members(X: pd.DataFrame, y: np.ndarray) -> tuple[lgb.Booster, ...]:
    monotone = [int(CATALOGUE[name].risk) for name in X.columns]
    parameters = {
        "objective": "binary", "num_leaves": 6, "min_data_in_leaf": 10, "verbosity": -1, "num_threads": 1,
        "monotone_constraints": monotone, "bagging_fraction": 0.7, "bagging_freq": 1,
    }  # fmt: skip
    return tuple(lgb.train({**parameters, "seed": k}, lgb.Dataset(X.to_numpy(), y), 15) for k in range(10))


def _delay(prepared: ScoringLedger) -> DelayModel:
    asked = outcomes(prepared.ledger, pd.Timestamp(prepared.data_known_to))
    some = questions(asked.only(np.arange(0, len(asked.items), 4)), 1)
    return train(prepared.prepared, some, seed=1, trees=12, members=1, facts={"as_of": "test"})


def served(name: str, version: str = "1") -> Served:
    """What the registry says of a model, without a registry."""
    return Served(
        name=name, version=version, run_id="run-" + name, folder=Path("."), digest="0" * 64,
        promoted_at="2026-01-01T00:00:00+00:00", promoted_by="test",
        metrics={"auc": 0.8, "auc_low": 0.7, "auc_high": 0.9},
        parameters={}, tags={},
    )  # fmt: skip


def champions() -> Champions:
    """The small models as champions."""
    return Champions(
        default=served(DEFAULT_MODEL),
        delay=served(DELAY_MODEL),
        scorer=small().scorer,
        served_since="2026-01-01T00:00:00+00:00",
    )


def customer_with(special: str | None) -> str:
    """A customer of the small ledger with this status on its last day, and with open items where it has none."""
    scorer = small().scorer
    found = scorer.score(list(scorer.served.prepared.owners.ids)).customers
    wanted = (
        found[found["special"].isna() & (found["balance"] > 0)]
        if special is None
        else found[found["special"] == special]
    )
    return str(wanted.index[0])


__all__ = ["accounts", "champions", "customer_with", "served", "small"]
