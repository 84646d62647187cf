"""Histories on a real Dask scheduler with two worker processes: the same bits as in one process, also when a worker dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from features.engine.histories import build
from features.engine.partitioned import build_in_turn, build_partitioned, part_members
from features.engine.snapshots import active
from tests.books import odd_ledger

DAYS = [pd.Timestamp(d) for d in ("2022-12-31", "2023-06-30", "2024-03-31")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ledger")
    odd_ledger().write(place)
    return place


def expected() -> pd.DataFrame:
    return build(odd_ledger(), active(odd_ledger(), DAYS)).reset_index()


def written(out: Path) -> pd.DataFrame:
    found = pd.concat([pd.read_parquet(p) for p in sorted(out.glob("part-*.parquet"))])
    return found.sort_values(["as_of", "customer_id"]).reset_index(drop=True)


def same(out: Path) -> None:
    left, right = written(out), expected().sort_values(["as_of", "customer_id"]).reset_index(drop=True)
    numbers = [c for c in right if c not in ("customer_id", "as_of")]
    assert left["customer_id"].tolist() == right["customer_id"].tolist()
    assert_frame_equal(left[numbers], right[numbers], check_exact=True)
    assert left[numbers].to_numpy().tobytes() == right[numbers].to_numpy().tobytes()


def test_mergers_and_groups_stay_together(folder: Path) -> None:
    members, _ = part_members(folder, 8)
    home = {name: number for number, ids in enumerate(members) for name in ids}
    assert len(home) == 12
    assert len(members) > 3
    assert home["c09"] == home["c10"] == home["c11"]
    assert home["c00"] == home["c01"] == home["c02"]


def test_parts_in_turn_give_the_same_bits(folder: Path, tmp_path: Path) -> None:
    summary = build_in_turn(folder, DAYS, tmp_path / "out", parts=4)
    assert summary["rows"] == len(expected())
    same(tmp_path / "out")


@pytest.mark.slow
def test_a_cluster_gives_the_same_bits_though_a_worker_is_killed(folder: Path, tmp_path: Path) -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        killed: list[int] = []

        def kill() -> None:
            pids = list(client.run(os.getpid).values())
            while not any((tmp_path / "out").glob("part-*.parquet")):
                time.sleep(0.02)
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])

        killer = threading.Thread(target=kill)
        killer.start()
        build_partitioned(folder, DAYS, tmp_path / "out", cluster=cluster.scheduler_address, parts=9)
        killer.join()
        assert killed, "no worker was killed while parts were computed"
    same(tmp_path / "out")
