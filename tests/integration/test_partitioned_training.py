"""A default model fitted from a ledger read in parts of customers is the one of the whole ledger, to the last bit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cli.main import commands
from features.engine.partitioned import build_in_turn, last_known_on, read_rows
from ledger.default_status import SHORT_HISTORY
from ledger.errors import InputError
from ledger.ledger import read_ledger
from models.registry import DIGEST_TAG, NAMES, Settings, client, digest, load
from sample.generator import write_sample
from training.default import cold_start
from training.default.columns import SELECTED
from training.default.data import histories
from training.default.fit import checked_origin, fit, fit_parts, outcome_days
from training.default.fit_in_parts import fit_in_parts
from training.default.partitioned import Goods, LedgerParts, histories_of_parts, read_parts
from training.default.stages import SHAPE, Options

DAY = "2024-12-31"
SMALL = replace(SHAPE, rounds=4, near_rounds=4, folds=2, repeats=1, judged_repeats=0)
COLUMNS = cold_start.with_door(SELECTED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ledger")
    write_sample(place, customers=300, months=30, seed=4)
    return place


@pytest.fixture(scope="module")
def book(folder: Path) -> LedgerParts:
    return read_parts(folder, DAY, parts=3)


@pytest.fixture(scope="module")
def written(folder: Path, book: LedgerParts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Histories as the features command writes them, in other parts than the fit reads."""
    out = tmp_path_factory.mktemp("histories")
    build_in_turn(folder, list(book.days), out, parts=4)
    return out


def test_histories_from_parquet_give_the_model_of_the_whole_ledger_to_the_last_bit(
    folder: Path, book: LedgerParts, written: Path, tmp_path: Path
) -> None:
    ledger = read_ledger(folder)
    whole = fit(ledger, as_of=pd.Timestamp(DAY), policy=SHORT_HISTORY, shape=SMALL)
    read = fit_in_parts(book, policy=SHORT_HISTORY, shape=SMALL, histories=written)
    assert book.fingerprint == ledger.fingerprint
    assert last_known_on(folder) == ledger.last_known_on
    for fitted, name in ((whole, "whole"), (read, "read")):
        fitted.model.save(tmp_path / name)
    assert digest(tmp_path / "read") == digest(tmp_path / "whole")  # trees, calibration, LGD, peers, lineage
    assert read.metrics == whole.metrics
    assert read.parameters == whole.parameters
    assert all(read.evidence[name].equals(frame) for name, frame in whole.evidence.items())


def test_histories_of_another_ledger_or_of_too_few_days_are_refused(
    folder: Path, book: LedgerParts, written: Path, tmp_path: Path
) -> None:
    days = outcome_days(DAY, SHORT_HISTORY)
    other = replace(book, row_sums={**book.row_sums, "payments": (1, 2)})
    with pytest.raises(InputError, match=r"made from another ledger .*: payments had .* rows and has 1"):
        histories_of_parts(other, SHORT_HISTORY, COLUMNS, days, histories=written)
    build_in_turn(folder, list(book.days[-2:]), tmp_path, parts=2)
    with pytest.raises(InputError, match=r"lack [\d,]+ of [\d,]+ snapshots, e.g. customer"):
        histories_of_parts(book, SHORT_HISTORY, COLUMNS, days, histories=tmp_path)
    with pytest.raises(InputError, match=r"lack 1 of 2 columns, e.g. item_amount"):
        read_rows(written, pd.DataFrame(), ["overdue_share", "item_amount"])
    with pytest.raises(InputError, match=r"part-\*.parquet"):
        histories_of_parts(book, SHORT_HISTORY, COLUMNS, days, histories=tmp_path / "none")


def test_sampled_goods_stand_for_all_of_them(folder: Path, book: LedgerParts) -> None:
    """Kept rows are the whole's; what is seen of defaults is all kept; weights add up to the rows on average over draws."""
    whole = histories(read_ledger(folder), DAY, SHORT_HISTORY, COLUMNS)
    origin = checked_origin(book.days[0], book.as_of, SHORT_HISTORY)
    days = outcome_days(DAY, SHORT_HISTORY)
    key = pd.MultiIndex.from_frame(whole.snapshots)
    seen = whole.outcomes(book.as_of)
    late = whole.column("days_past_due_oldest") > 0
    totals, of_late = [], []
    for seed in range(3):
        goods = Goods(share=0.25, seed=seed, unsampled_after=origin)
        drawn = histories_of_parts(book, SHORT_HISTORY, COLUMNS, days, goods=goods)
        place = key.get_indexer(pd.MultiIndex.from_frame(drawn.snapshots))
        assert np.all(np.diff(place) > 0)
        assert np.array_equal(drawn.matrix[:, : len(COLUMNS)], whole.matrix[place], equal_nan=True)
        assert set(np.unique(drawn.weight)) == {1.0, 4.0}
        has_default = np.flatnonzero(seen.default_month > 0)
        assert np.isin(has_default, place).all()
        evaluates = np.flatnonzero(seen.usable(SHORT_HISTORY.horizon_months) & (whole.on > np.datetime64(origin, "D")))
        assert np.isin(evaluates, place).all()
        assert drawn.sampling is not None
        assert (drawn.sampling.rows, drawn.sampling.kept) == (len(key), len(place))
        totals.append(drawn.weight.sum() / len(key))
        of_late.append(drawn.weight[late[place]].sum() / late.sum())
    # each of 3 draws leaves at most 5,000 goods to chance: the standard error of the mean is below 1 %
    assert np.mean(totals) == pytest.approx(1.0, abs=0.02)
    assert np.mean(of_late) == pytest.approx(1.0, abs=0.03)


def test_a_draw_does_not_depend_on_the_parts_and_all_goods_are_the_unsampled_model(
    folder: Path, book: LedgerParts
) -> None:
    origin, days = checked_origin(book.days[0], book.as_of, SHORT_HISTORY), outcome_days(DAY, SHORT_HISTORY)
    goods = Goods(share=0.25, seed=1, unsampled_after=origin)
    one, other = (
        histories_of_parts(read, SHORT_HISTORY, COLUMNS, days, goods=goods)
        for read in (book, read_parts(folder, DAY, parts=2))
    )
    assert one.snapshots.equals(other.snapshots)
    assert np.array_equal(one.weight, other.weight)
    fitted = [
        fit_parts(
            histories_of_parts(book, SHORT_HISTORY, COLUMNS, days, goods=drawn), SELECTED, seed=1, truth=None,
            shape=SMALL, options=Options(),
        )
        for drawn in (None, replace(goods, share=1.0), goods)
    ]  # fmt: skip
    texts = [[m.model_to_string() for m in parts.model.members] for parts in fitted]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    # the sampled model evaluates the same rows, without weights, at about the same level
    counts = [parts.judged.metrics["snapshots"] for parts in fitted]
    assert counts[0] == counts[2]
    assert fitted[2].judged.metrics["pd_mean"] == pytest.approx(fitted[0].judged.metrics["pd_mean"], rel=0.2)


def test_a_share_outside_of_0_to_1_is_refused() -> None:
    with pytest.raises(InputError, match="above 0 and at most 1"):
        Goods(share=0.0, seed=1, unsampled_after=pd.Timestamp(DAY))


@pytest.mark.slow  # two fits of the full shape, through MLflow
def test_the_commands_write_histories_and_train_on_them_as_on_the_whole_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """features → Parquet parts → train --histories registers the model that train registers; --sample-goods says so in its run."""
    write_sample(tmp_path / "ledger", customers=200, months=30, seed=4)
    (tmp_path / "ledger" / "truth.parquet").unlink()  # as of a real ledger: a fit in parts does not read it
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def invoked(*words: str) -> dict[str, Any]:
        found = CliRunner().invoke(commands, [*words, "--json"], catch_exceptions=False)
        assert found.exit_code == 0, found.output
        return dict(json.loads(found.stdout))

    span = ("--every", "month", "--from", "2022-09-30", "--to", "2024-12-31")
    summary = invoked("features", "ledger", *span, "--engine", "in-turn", "--for-model", "default", "--out", "parts")
    assert summary["days"] == 28
    train = ("train", "ledger", "--model", "default", "--policy", "short_history", "--as-of", DAY)
    runs = [invoked(*train, *more) for more in ((), ("--histories", "parts"), ("--sample-goods", "0.2"))]
    store = client(settings := Settings.from_environment())
    tags = [store.get_run(run["models"]["default"]["run_id"]).data for run in runs]
    assert runs[0]["ledger_fingerprint"] == runs[1]["ledger_fingerprint"]
    assert tags[0].tags[DIGEST_TAG] == tags[1].tags[DIGEST_TAG]
    assert tags[0].tags[DIGEST_TAG] != tags[2].tags[DIGEST_TAG]
    assert (tags[2].params["sample_goods"], tags[2].params["sample_goods_seed"]) == ("0.2", "1")
    assert int(tags[2].params["rows_kept"]) < int(tags[2].params["rows_before_sampling"]) == summary["rows"]
    assert load(settings, NAMES["default"], runs[1]["models"]["default"]["version"]).digest == tags[1].tags[DIGEST_TAG]
    refused = CliRunner().invoke(commands, ["train", "ledger", "--histories", "parts"])
    assert refused.exit_code != 0
