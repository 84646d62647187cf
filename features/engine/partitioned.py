"""Build histories in parts of customers, each by the same code, on Dask workers or one after the other.

Customers that share rows or sums (mergers, parent groups) lie in one part; what crosses parts (peers of an industry or
country) is added up from whole numbers once and given to all. So every part gives exactly the rows that one process would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.engine.histories import build
from features.engine.peers import Groups, Peers, groups_of, peers_of
from features.engine.prepared import PreparedLedger, prepare, topmost_parent
from features.engine.snapshots import active
from ledger.contract import TABLES
from ledger.errors import InputError
from ledger.ledger import Ledger, read_ledger, source_of
from ledger.settlement import settle
from ledger.validation import connect

CUSTOMERS_A_PART = 20_000
ROW_SUMS = b"tradecredit.row_sums"  # of the part's ledger, in a histories file: two ledgers are not taken for one
Watch = Callable[[Iterable[Any]], Iterable[Any]]
Whom = Callable[[PreparedLedger, Sequence[pd.Timestamp]], pd.DataFrame]


def build_partitioned(
    ledger: Path, days: Sequence[pd.Timestamp], out: Path, *, columns: Sequence[str] | None = None, cluster: str | None = None,
    parts: int | None = None, watch: Watch = iter,
) -> dict[str, Any]:  # fmt: skip
    """Write the histories of all active customers on each day to the folder `out`, one Parquet file a part.

    cluster : the address of a running Dask scheduler; None starts two workers of one thread each for the time of the call.
    parts : how many parts; None: one for each 20,000 customers, and at least two.
    Returns rows, columns, days, out. Raises InputError for a ledger that is not a folder of Parquet tables, and as `build`.
    """
    from distributed import Client, LocalCluster

    if cluster is not None:
        with Client(cluster) as client:
            return _on(client, ledger, days, out, columns, parts, watch)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        Client(local) as client,
    ):
        return _on(client, ledger, days, out, columns, parts, watch)


def build_in_turn(
    ledger: Path, days: Sequence[pd.Timestamp], out: Path, *, columns: Sequence[str] | None = None, parts: int | None = None,
    whom: Whom = active, watch: Watch = iter,
) -> dict[str, Any]:  # fmt: skip
    """Return the same without Dask: one part after the other in this process, so that memory is bounded by one part.

    whom : the snapshots of a part's book on the given days.
    """
    out.mkdir(parents=True, exist_ok=True)
    members, groups = part_members(ledger, parts)
    span = span_of(ledger)
    whole = None
    for ids in watch(members if any(groups.values()) else members[:1]):
        found = part_peers(ledger, ids, groups, span)
        whole = found if whole is None else whole + found
    written = [
        write_part(ledger, ids, whole, days, out, number, columns, whom) for number, ids in enumerate(watch(members))
    ]
    return {"rows": sum(written), "columns": _width(out), "days": len(days), "out": str(out)}


def _on(
    client: Any,
    ledger: Path,
    days: Sequence[pd.Timestamp],
    out: Path,
    columns: Sequence[str] | None,
    parts: int | None,
    watch: Watch,
) -> dict[str, Any]:
    from distributed import as_completed

    out.mkdir(parents=True, exist_ok=True)
    members, groups = part_members(ledger, parts)
    span = span_of(ledger)
    # a worker that dies loses its parts only: Dask computes them again elsewhere, and a part writes the same file again
    sums = [client.submit(part_peers, ledger, ids, groups, span, pure=False, retries=3) for ids in members]
    whole = client.submit(_added, sums, pure=False, retries=3)
    futures = [
        client.submit(write_part, ledger, ids, whole, list(days), out, number, columns, pure=False, retries=3)
        for number, ids in enumerate(members)
    ]
    rows = sum(future.result() for future in watch(as_completed(futures)))
    return {"rows": rows, "columns": _width(out), "days": len(days), "out": str(out)}


def _added(sums: Sequence[Peers]) -> Peers:
    whole = sums[0]
    for part in sums[1:]:
        whole = whole + part
    return whole


def part_members(ledger: Path, parts: int | None) -> tuple[list[list[str]], Groups]:
    """Return (the customers of each part, the peer groups of all): merged customers and parent groups are never
    parted.
    """
    if not ledger.is_dir() or source_of(ledger, "customers") is None:
        raise InputError(f"{ledger}: partitions are read from a folder of tables; write the ledger as Parquet first.")
    customers = _query(
        ledger, "customers", "SELECT customer_id, country, industry, parent_id FROM {source} ORDER BY customer_id"
    ).astype("str")
    if customers["customer_id"].duplicated().any():
        raise InputError(
            f"{ledger}: customers have several dated rows, and peers of parts would not follow them; build the histories in one "
            "piece (--engine compiled)."
        )
    links = [*customers.loc[customers["parent_id"].notna(), ["customer_id", "parent_id"]].itertuples(index=False)]
    if source_of(ledger, "events") is not None:
        merged = _query(
            ledger,
            "events",
            "SELECT customer_id, detail FROM {source} WHERE kind = 'merged_into' AND detail IS NOT NULL",
        )
        links += merged.itertuples(index=False)
    order, groups = list(customers["customer_id"]), groups_of(customers)
    above = _joined([(a, b) for a, b in links])
    root = {name: topmost_parent(name, above) for name in order} if above else {}
    order.sort(key=lambda name: (root.get(name, name), name))
    count = parts or max(2, -(-len(order) // CUSTOMERS_A_PART))
    bounds = np.linspace(0, len(order), min(count, max(len(order), 1)) + 1).astype(int)
    found: list[list[str]] = []
    start = 0
    for bound in bounds[1:]:
        end = max(int(bound), start)
        while root and 0 < end < len(order) and root[order[end]] == root[order[end - 1]]:
            end += 1
        if end > start:
            found.append(order[start:end])
        start = end
    return found, groups


def _joined(links: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return links between customers as a forest: each customer's next one towards the smallest id that it is linked
    with.
    """
    above: dict[str, str] = {}
    for a, b in links:
        low, high = sorted((topmost_parent(a, above), topmost_parent(b, above)))
        if low != high:
            above[high] = low
    return above


def span_of(ledger: Path) -> tuple[int, int]:
    """Return the days that the peers' sums run over: from the first due day to the last on which an item is due or booked."""
    found = _query(ledger, "invoices", "SELECT min(CAST(due_on AS DATE)) AS first, max(greatest(CAST(due_on AS DATE), CAST(issued_on AS DATE), "
                                       "coalesce(CAST(booked_on AS DATE), CAST(issued_on AS DATE)))) AS last FROM {source}")  # fmt: skip
    if source_of(ledger, "instalments") is not None:
        plans = _query(ledger, "instalments", "SELECT min(CAST(due_on AS DATE)) AS first, max(greatest(CAST(due_on AS DATE), "
                                              "coalesce(CAST(booked_on AS DATE), CAST(due_on AS DATE)))) AS last FROM {source}")  # fmt: skip
        both = pd.concat([found, plans], ignore_index=True)
        found = pd.DataFrame({"first": [both["first"].min()], "last": [both["last"].max()]})
    days = found.iloc[0].to_numpy().astype("datetime64[D]")
    return (0, 0) if np.isnat(days).any() else (int(days[0].astype(np.int64)), int(days[1].astype(np.int64)))


def part_peers(ledger: Path, ids: Sequence[str], groups: Groups, span: tuple[int, int]) -> Peers:
    """Return what one part's customers add to the peers' sums."""
    return part_peers_of(read_ledger(ledger, customers=ids), groups, span)


def part_peers_of(part: Ledger, groups: Groups, span: tuple[int, int]) -> Peers:
    """Return the same of a part that was read already."""
    return peers_of(part, settle(part), groups, span)


def write_part(
    ledger: Path,
    ids: Sequence[str],
    whole: Peers | None,
    days: Sequence[pd.Timestamp],
    out: Path,
    number: int,
    columns: Sequence[str] | None,
    whom: Whom = active,
) -> int:
    """Compute one part and write it as `part-NUMBER.parquet`, whole or not at all; the number of rows."""
    prepared = prepare(read_ledger(ledger, customers=ids), whole_peers=whole)
    snapshots = whom(prepared, days)
    matrix = build(prepared, snapshots, columns, is_narrow=columns is not None).reset_index()
    path = out / f"part-{number:05d}.parquet"
    draft = path.with_suffix(".draft")
    table = pa.Table.from_pandas(matrix, preserve_index=False)
    sums = json.dumps(prepared.ledger.row_sums).encode()
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), ROW_SUMS: sums}), draft)
    draft.replace(path)
    return len(matrix)


def read_rows(out: Path, snapshots: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Return the rows of some snapshots from a folder of histories, (snapshots, columns) float64, in their order.

    out : a folder that `build_partitioned` or `build_in_turn` wrote, in any number of parts. snapshots : frame with
    customer_id and as_of.

    Raises
    ------
    InputError : no such folder, a column or a snapshot that is not in it.
    """
    files = _parts(out)
    lacking = sorted(set(columns) - set(pq.read_schema(files[0]).names))
    if lacking:
        raise InputError(
            f"{out}: the histories lack {len(lacking)} of {len(columns)} columns, e.g. {lacking[0]}: build them again, "
            "with --for-model default or with all columns."
        )
    wanted = pd.DataFrame({"customer_id": snapshots["customer_id"].drop_duplicates()})
    names = ", ".join(f'"{column}"' for column in columns)
    with connect() as connection:
        connection.register("wanted", wanted)
        found = connection.execute(
            f"SELECT customer_id, CAST(as_of AS DATE) - DATE '1970-01-01' AS day, {names} FROM read_parquet(?) "
            "SEMI JOIN wanted USING (customer_id) WHERE customer_id BETWEEN ? AND ?",
            [[str(file) for file in files], wanted["customer_id"].min(), wanted["customer_id"].max()],
        ).df()
    ids = pd.Index(wanted["customer_id"])
    day = snapshots["as_of"].to_numpy().astype("datetime64[D]").astype(np.int64)
    held = ids.get_indexer(pd.Index(found["customer_id"])).astype(np.int64) << 32 | found["day"].to_numpy(np.int64)
    asked = ids.get_indexer(pd.Index(snapshots["customer_id"])).astype(np.int64) << 32 | day
    place = pd.Index(held).get_indexer(pd.Index(asked))
    if (place < 0).any():
        first = snapshots.iloc[int(np.flatnonzero(place < 0)[0])]
        raise InputError(
            f"{out}: the histories lack {int((place < 0).sum()):,} of {len(snapshots):,} snapshots, e.g. customer "
            f"'{first['customer_id']}' on {first['as_of'].date()}: build them for every month end of the ledger "
            "(--every month --from … --to …)."
        )
    return found[list(columns)].to_numpy(np.float64)[place]


def row_sums_of(out: Path) -> dict[str, tuple[int, int]]:
    """Return the sums of `Ledger.row_sums` over a folder of histories: those of the ledger that it was made from.

    Of tables that belong to no customer, those of the first part. Raises InputError where a part does not hold them.
    """
    found: dict[str, tuple[int, int]] = {}
    for number, file in enumerate(_parts(out)):
        stored = (pq.read_schema(file).metadata or {}).get(ROW_SUMS)
        if stored is None:
            raise InputError(f"{file}: does not say which ledger it was made from; build the histories again.")
        found = added_sums(found, {name: (row[0], row[1]) for name, row in json.loads(stored).items()}, number)
    return found


def added_sums(
    whole: dict[str, tuple[int, int]], part: dict[str, tuple[int, int]], number: int
) -> dict[str, tuple[int, int]]:
    """Return row sums with those of part `number`: tables that belong to no customer are in every part, and count once."""
    found = dict(whole)
    for name, (count, total) in part.items():
        if "customer_id" in TABLES[name].columns or name == "instalments":
            before = found.get(name, (0, 0))
            found[name] = before[0] + count, before[1] + total
        elif number == 0:
            found[name] = count, total
    return found


def last_known_on(ledger: Path) -> date:
    """Return the last day on which a ledger folder held something new, without reading the ledger into memory."""
    days = []
    for table in ("invoices", "payments", "events"):
        if source_of(ledger, table) is not None:
            for column in (TABLES[table].event, TABLES[table].known):
                days.append(
                    _query(ledger, table, f"SELECT max(CAST({column} AS DATE)) AS day FROM {{source}}")["day"].iloc[0]
                )
    known = [pd.Timestamp(day) for day in days if not pd.isna(day)]
    if not known:
        raise InputError(f"{ledger}: holds no invoice, payment or event: nothing is known on any day.")
    return max(known).date()


def _parts(out: Path) -> list[Path]:
    files = sorted(out.glob("part-*.parquet"))
    if not files:
        raise InputError(
            f"{out}: no histories there (part-*.parquet). Write them with tradecredit features LEDGER --engine in-turn or "
            "dask --out FOLDER."
        )
    return files


def _query(ledger: Path, table: str, query: str) -> pd.DataFrame:
    # optional columns may be absent from the files
    declared = ", ".join(f"NULL AS {column}" for column in TABLES[table].columns)
    source = f"(SELECT {declared} WHERE false UNION ALL BY NAME SELECT * FROM {source_of(ledger, table)})"
    with connect() as connection:
        return connection.execute(query.format(source=source)).df()


def _width(out: Path) -> int:
    return len(pq.read_schema(next(iter(sorted(out.glob("part-*.parquet"))))).names) - 2
