"""What a model keeps of the ledger that it learned from: peers, lineage, loss given default; and when a ledger is too short."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from decisions.scorer import FILLED_PEERS, OWN_PEERS, REFERENCE_PEERS, Scorer
from features.engine.peer_reference import FEWEST_DUE, OWN, REFERENCE, PeerReference
from ledger.default_status import PRIMARY
from ledger.lgd import lgd_table
from models.default.model import DefaultModel
from models.delay.late_calibration import LateCalibration
from models.delay.model import DelayModel
from models.lineage import LearnedFrom
from tests.served import small
from training.default.fit import TooShort, evaluation_origin


def scorer_with_reference() -> Scorer:
    served = small().prepared
    reference = PeerReference.of(served.prepared, served.data_known_to)
    return Scorer.with_models(served, replace(small().default, peers=reference), None)


def everybody() -> list[str]:
    return [str(i) for i in small().prepared.prepared.owners.ids]


def alone(count: int) -> list[str]:
    """Some customers outside of any group: a group's sums need the rows of its other members."""
    customers = small().ledger.customers
    inside = set(customers["parent_id"].dropna()) | set(customers.loc[customers["parent_id"].notna(), "customer_id"])
    who = small().prepared.prepared.owners
    moved = who.member != who.owner
    merged = set(map(str, who.ids[who.member[moved]])) | set(map(str, who.ids[who.owner[moved]]))
    return [i for i in everybody() if i not in inside | merged][:count]


def test_a_customer_sent_alone_has_the_books_pd_when_both_use_the_reference():
    scorer = scorer_with_reference()
    book = replace(scorer, peer_values=REFERENCE_PEERS).score(alone(25)).customers
    own = scorer.score(alone(25)).customers
    assert scorer.peer_values == OWN_PEERS
    compared = 0
    for customer_id in alone(25):
        sent = scorer.on(small().ledger.of([customer_id]))
        assert sent.peer_values == FILLED_PEERS
        # a customer's own rows may end before the book does: both answer for the same day
        known_to = small().prepared.data_known_to
        sent = replace(sent, served=replace(sent.served, data_known_to=known_to), peer_values=REFERENCE_PEERS)
        found = sent.score([customer_id])
        pd_alone, pd_book = found.customers["pd"].iloc[0], book.loc[customer_id, "pd"]
        if np.isnan(pd_book):
            continue
        assert pd_alone == pytest.approx(pd_book, abs=1e-9)
        compared += own.loc[customer_id, "pd"] == pytest.approx(pd_book, abs=1e-9)
        sources = sent.peer_sources(customer_id, found.as_of)
        assert sources is not None
        assert set(sources.values()) <= {REFERENCE, None}
    assert compared > 10  # on the day of training the book's own shares are the reference's


def test_a_group_with_enough_invoices_keeps_its_own_lateness():
    served, scorer = small().prepared, scorer_with_reference()
    reference, peers = scorer.default.peers, served.prepared.peers
    assert isinstance(reference, PeerReference)
    changed = replace(
        reference, counts={kind: dict.fromkeys(groups, (FEWEST_DUE, 0, 0)) for kind, groups in reference.counts.items()}
    )
    filled, sources = changed.filled(peers, served.data_known_to)
    for kind, groups in reference.counts.items():
        for name, (due, late, _) in groups.items():
            place = peers.groups[kind][name]
            kept = due >= FEWEST_DUE
            assert sources[kind][name] == (OWN if kept else REFERENCE)
            assert filled.counts[kind][place, 0, 1] == (late if kept else 0)
    assert {OWN, REFERENCE} == {source for groups in sources.values() for source in groups.values()}
    assert PeerReference.from_json(reference.to_json()) == reference


def test_what_the_model_keeps_of_its_ledger_survives_saving(tmp_path):
    served = small().prepared
    kept = {
        "peers": PeerReference.of(served.prepared, served.data_known_to),
        "learned_from": LearnedFrom.of(served.ledger, served.data_known_to),
        "lgd": lgd_table(served.ledger, PRIMARY, settlement=served.prepared.settlement),
    }
    replace(small().default, **kept).save(tmp_path)
    loaded = DefaultModel.load(tmp_path)
    assert {name: getattr(loaded, name) for name in kept} == kept
    calibration = LateCalibration(intercept=0.5, slope=1.1, new=-0.2)
    replace(small().delay, learned_from=kept["learned_from"], late_calibration=calibration).save(tmp_path / "delay")
    delay = DelayModel.load(tmp_path / "delay")
    assert (delay.learned_from, delay.late_calibration) == (kept["learned_from"], calibration)


def test_short_history_is_advised_only_where_it_can_be_evaluated():
    def refused(first: str, as_of: str) -> TooShort:
        data = SimpleNamespace(
            on=pd.to_datetime([first]).to_numpy(), as_of=pd.Timestamp(as_of), policy=PRIMARY, default_status=None
        )
        with pytest.raises(TooShort) as caught:
            evaluation_origin(data)
        return caught.value

    # 12 months + 90 days + 6 months do not fit into 15 months; 6 months + 60 days + 3 months do
    longer = refused("2023-04-30", "2024-07-31")
    assert longer.short_history_helps
    assert "short_history" in str(longer)
    shorter = refused("2023-12-31", "2024-07-31")
    assert not shorter.short_history_helps
    assert "short_history" not in str(shorter)
