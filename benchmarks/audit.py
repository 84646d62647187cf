"""Time `audit verify` of a large decision log, and say how many bytes a record takes in the store.

    python -m benchmarks.audit [--records 200000] [--payloads 20000]

The log is written by the log's own code: records of stored scores, each naming one of some sealed payloads, as the service
writes them when every customer's score is given ten times between two changes.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
import numpy as np

from cli.output import table
from serving.decision_log import DecisionLog, Packed

AT_ONCE = 5_000
COLUMNS = [f"column_{k}" for k in range(100)]


@click.command()
@click.option("--records", default=200_000, show_default=True, help="Records of the log.")
@click.option("--payloads", default=20_000, show_default=True, help="Different payloads that they name.")
def command(records: int, payloads: int) -> None:
    """Write a log of many records and verify it."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "log.sqlite"
        log = DecisionLog(path)
        started = time.perf_counter()
        entries = _sealed(log, payloads)
        for start in range(0, records, AT_ONCE):
            log.append([entries[k % payloads] for k in range(start, min(start + AT_ONCE, records))])
        written = time.perf_counter() - started
        with log.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        started, used = time.perf_counter(), time.process_time()
        verdict = log.verify()
        seconds, used = time.perf_counter() - started, time.process_time() - used
        log.close()
    if not verdict.is_whole or verdict.records != records:
        raise click.ClickException(f"the log does not hold: record {verdict.broken_at}: {verdict.why}")
    click.echo(table(
        [(
            f"{records:,}", f"{payloads:,}", f"{written:.1f}", f"{seconds:.1f}", f"{used:.1f}", f"{1e6 * used / records:.1f}",
            f"{size / records:,.0f}",
        )],
        ["records", "payloads", "written, s", "verified, s", "processor s", "processor s of 1 M", "bytes a record"],
    ))  # fmt: skip


def _sealed(log: DecisionLog, payloads: int) -> list[dict[str, object]]:
    """Return sealed payloads of as many customers, with numbers of a score's size."""
    rng, found = np.random.default_rng(1), []
    for start in range(0, payloads, AT_ONCE):
        packed = [
            Packed.of({
                "kind": "score", "asked": {"as_of": None, "customer_ids": [f"C{k:07d}"]},
                "inputs": {"default": dict(zip(COLUMNS, rng.integers(0, 1000, 100) / 8, strict=True))},
                "answer": {"customer_id": f"C{k:07d}", "pd": float(rng.random())},
                "models": {"tradecredit-default": {"version": "1"}}, "policies": {}, "ledger_fingerprint": "benchmark",
            })
            for k in range(start, min(start + AT_ONCE, payloads))
        ]  # fmt: skip
        with log.store.writing() as connection:
            found += [{"kind": "score", **log.sealed(connection, one)} for one in packed]
    return found


if __name__ == "__main__":
    command()
