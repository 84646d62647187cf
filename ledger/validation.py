"""Validate and type every ledger table, once; raise LedgerError that names the rows that break a rule."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from ledger.contract import REFERENCES, SQL_TYPES, TABLES, LedgerError, Table
from ledger.dated_master import master_known_from
from ledger.odd_rows import OddRow, named, odd_rows

ARROW_TYPES = {"DATE": "TIMESTAMP_S"}
FRAME_TYPES = {"date": "datetime64[s]", "text": "str"}
BATCH = 1 << 24  # rows handed over in one piece


def quoted(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def connect() -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB that loads nothing from the network and prints no progress bar of its own."""
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 2}
    )
    connection.execute("SET enable_progress_bar = false")
    return connection


def typed(
    connection: duckdb.DuckDBPyConnection, name: str, query: str, left_out: list[OddRow] | None = None
) -> pd.DataFrame:
    """Return the rows of `query` as a frame with exactly the columns of table `name`, each of its type.

    left_out : a list to which rows with a value of another type are added, and without which the frame is; None: such rows
    are refused with a LedgerError.
    """
    table = TABLES[name]
    relation = connection.sql(query)
    found = dict(zip(relation.columns, (str(t) for t in relation.types), strict=True))
    lacking = [
        c
        for c, column in table.columns.items()
        if c not in found and (column.required or c in table.key) and c != "country"
    ]
    if lacking:
        raise LedgerError(f"{name}: columns {', '.join(lacking)} are missing; found {', '.join(found)}.")
    casts, tests = [], []
    for column, declared in table.columns.items():
        sql_type = SQL_TYPES[declared.type]
        if column not in found:
            casts.append(f"CAST(NULL AS {ARROW_TYPES.get(sql_type, sql_type)}) AS {column}")
        else:
            cast = f'TRY_CAST("{column}" AS {sql_type})'
            # dates as the seconds that frames hold: handed over without a conversion
            casts.append(f"{f'CAST({cast} AS TIMESTAMP_S)' if sql_type == 'DATE' else cast} AS {column}")
            if found[column] != sql_type:
                tests.append((column, f'"{column}" IS NOT NULL AND TRY_CAST("{column}" AS {sql_type}) IS NULL'))
    for column, test in tests:
        example_of = f'any_value(CAST("{column}" AS VARCHAR)) FILTER ({test})'
        count, example, total = connection.execute(
            f"SELECT count(*) FILTER ({test}), {example_of}, count(*) FROM ({query})"
        ).fetchall()[0]
        if count and left_out is not None:
            reason = f"{name}.{column} must be a {table.columns[column].type}"
            shown = f'CAST("{column}" AS VARCHAR)'
            rows = connection.execute(f"SELECT {shown} FROM ({query}) WHERE {test} ORDER BY 1").fetchall()
            left_out += [OddRow(table=name, row=-1, key=str(value), reason=reason) for (value,) in rows]
            query = f"SELECT * FROM ({query}) WHERE NOT coalesce({test}, false)"
        elif count:
            raise LedgerError(
                f"{name}.{column}: must be a {table.columns[column].type}; "
                f"fails in {count:,} of {total:,} rows, "
                f"e.g. '{example}'. Correct it, or use `tradecredit import`, which quarantines such rows."
            )
    connection.execute("SET arrow_large_buffer_size = true")  # texts with the wide offsets that pandas wants
    found = connection.sql(f"SELECT {', '.join(casts)} FROM ({query})").to_arrow_table(BATCH)
    return _frame(found)


def _frame(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame, each column in one piece and handed over by itself, so that nothing is held twice."""
    columns = {}
    names = table.column_names
    for name in names:
        column = table.column(name)
        table = table.drop_columns([name])
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            array = _no_texts(len(column)) if column.null_count == len(column) else column.combine_chunks()
            columns[name] = pd.Series(array if isinstance(array, pa.Array) else array.chunk(0), dtype="str")
        else:
            columns[name] = column.to_pandas()
        del column
    return pd.DataFrame(columns, columns=names, copy=False)


def _no_texts(rows: int) -> pa.Array:
    """Return a column of missing texts. Its offsets are zeros that are never written, so that they take no memory."""
    offsets, valid = np.zeros(rows + 1, dtype=np.int64), np.zeros(-(-rows // 8), dtype=np.uint8)
    return pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(b""), pa.py_buffer(valid), rows)


def checked(
    frames: Mapping[str, pd.DataFrame], *, references: bool, left_out: list[OddRow] | None = None
) -> dict[str, pd.DataFrame]:
    """Return the frames with every table present (perhaps empty) and every known date filled.

    Parameters
    ----------
    frames : typed tables by name. references : whether rules across tables must hold.
    left_out : a list to which the rows that break a rule are added, and without which the tables are returned; None: such
        rows are refused.

    Raises
    ------
    LedgerError : rows break a rule; where they break several, every reason is named with its rows.
    """
    complete = _complete(frames)
    try:
        _hold_all(complete, references=references)
    except LedgerError as first:
        odd = odd_rows(complete) if references else []
        if left_out is None:
            if len({row.reason for row in odd}) < 2:
                raise
            count = len({(row.table, row.row) for row in odd})
            raise LedgerError(
                f"{count:,} rows break rules of the ledger:\n{named(odd)}\nCorrect them, or read without them (--quarantine)."
            ) from first
        while odd:
            complete = _without(complete, odd, left_out)
            odd = odd_rows(complete)
        _hold_all(complete, references=references)
    if left_out is not None and references:
        while odd := odd_rows(complete, with_money=True):
            complete = _without(complete, odd, left_out)
    return complete


def _without(frames: Mapping[str, pd.DataFrame], odd: list[OddRow], left_out: list[OddRow]) -> dict[str, pd.DataFrame]:
    left_out += odd
    places = {name: sorted({row.row for row in odd if row.table == name}) for name in frames}
    return {
        name: f.drop(index=places[name]).reset_index(drop=True) if places[name] else f for name, f in frames.items()
    }


def _complete(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    connection = connect()
    complete = {}
    for name, table in TABLES.items():
        frame = frames.get(name)
        if frame is None:
            nothing = ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {n}" for n, c in table.columns.items())
            frame = typed(connection, name, f"SELECT {nothing} WHERE false")
        if table.event and table.known and frame[table.known].hasnans:
            frame = frame.assign(**{table.known: frame[table.known].fillna(frame[table.event])})
        wrong = {
            column: dtype for column, declared in table.columns.items()
            if (dtype := FRAME_TYPES.get(declared.type)) and str(frame[column].dtype) != dtype
        }  # fmt: skip
        frame = frame.astype(wrong) if wrong else frame
        complete[name] = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index(drop=True)
    if complete["payments"]["customer_id"].hasnans:
        complete["payments"] = _named_payers(complete["payments"], complete["invoices"])
    return complete


def _named_payers(payments: pd.DataFrame, invoices: pd.DataFrame) -> pd.DataFrame:
    """Return payments in which those without a customer have the one of the invoice that they name."""
    owner = invoices.drop_duplicates("invoice_id").set_index("invoice_id")["customer_id"]
    named_by = payments["invoice_id"].map(owner)
    return payments.assign(customer_id=payments["customer_id"].fillna(named_by).astype("str"))


def _hold_all(complete: Mapping[str, pd.DataFrame], *, references: bool) -> None:
    """Raise LedgerError for the first rule that a row breaks."""
    connection = connect()
    for name, table in TABLES.items():
        if len(complete[name]):
            connection.register(name, pa.Table.from_pandas(complete[name], preserve_index=False))
            _hold(connection, name, table, complete[name])
    if references:
        _hold_together(connection, complete)


def _hold(connection: duckdb.DuckDBPyConnection, name: str, table: Table, frame: pd.DataFrame) -> None:
    """Raise LedgerError for a broken rule of one table: all are tested in one pass, one by one only to say what is wrong."""
    rules = []
    for column, declared in table.columns.items():
        if declared.required:
            rules.append((f"{column} IS NULL", f"{column} must not be empty", "fill it", column))
        if declared.rule != "true":
            broken = f"{column} IS NOT NULL AND NOT ({declared.rule.format(column=column)})"
            rules.append((broken, f"{column} must be {declared.words}", "correct the rows", column))
    counts = ", ".join(f"count(*) FILTER ({rule[0]})" for rule in rules)
    found = connection.execute(f"SELECT {counts} FROM {name}").fetchall()[0]
    for count, rule in zip(found, rules, strict=True):
        if count:
            _refuse(connection, name, len(frame), *rule)
    if len(table.key) == 1 and _are_different(frame, table.key[0]):
        return
    if name == "customers":
        _hold_dated(connection, frame)
        return
    current = "WHERE superseded_on IS NULL" if "superseded_on" in table.columns else ""
    key = ", ".join(table.key)
    groups = f"SELECT concat_ws(' ', {key}) AS k FROM {name} {current} GROUP BY {key} HAVING count(*) > 1"
    repeated = connection.execute(f"SELECT count(*), any_value(k) FROM ({groups})").fetchall()[0]
    if repeated[0]:
        raise LedgerError(
            f"{name}: {key} must be unique; {repeated[0]:,} values stand more than once, e.g. '{repeated[1]}'. "
            "Remove the copies, or give a corrected row's predecessor a superseded_on."
        )


def _hold_dated(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> None:
    """Raise LedgerError where two rows of a customer count from the same day: which one holds could not be told."""
    connection.register("dated", pa.table({"id": frame["customer_id"], "since": master_known_from(frame)}))
    groups = "SELECT id AS k FROM dated GROUP BY id, since HAVING count(*) > 1"
    count, example = connection.execute(f"SELECT count(*), any_value(k) FROM ({groups})").fetchall()[0]
    connection.unregister("dated")
    if count:
        raise LedgerError(
            f"customers: customer_id must be unique, or its rows differ in effective_on or booked_on; {count:,} values stand "
            f"more than once for the same day, e.g. '{example}'. Remove the copies, or date the rows."
        )


def _are_different(frame: pd.DataFrame, key: str) -> bool:
    """Return whether no two rows have one key; rows that a correction superseded may (False then: SQL looks closer)."""
    from ledger.text_codes import Dictionary  # compiled: not for those who merely name the ledger

    return len(Dictionary.of(frame[key])) == len(frame)


def _hold_together(connection: duckdb.DuckDBPyConnection, complete: Mapping[str, pd.DataFrame]) -> None:
    """The rules across tables. They hold where every id is found and each payment's currency is its invoice's; SQL says
    what is wrong where they do not."""
    from ledger.text_codes import Dictionary  # compiled: not for those who merely name the ledger

    customers = Dictionary.of(complete["customers"]["customer_id"])
    invoices, payments = complete["invoices"], complete["payments"]
    ids = Dictionary.of(invoices["invoice_id"])
    named = ids.look_up(payments["invoice_id"])
    is_alone = len(set(Dictionary.of(invoices["currency"]).words) | set(Dictionary.of(payments["currency"]).words)) <= 1
    holds = {
        name: not len(complete[name]) or int(customers.look_up(complete[name]["customer_id"]).min()) >= 0
        for name in ("invoices", "payments", "events", "orders")
    }
    holds["instalments"] = (
        not len(complete["instalments"]) or int(ids.look_up(complete["instalments"]["invoice_id"]).min()) >= 0
    )
    holds["payments"] &= is_alone and int((named < 0).sum()) == int(payments["invoice_id"].isna().sum())
    for name in complete:
        if len(complete[name]) and not holds.get(name, True):
            connection.register("customers", pa.Table.from_pandas(complete["customers"], preserve_index=False))
            connection.register("invoices", pa.Table.from_pandas(invoices, preserve_index=False))
            for table, offending, words, remedy in REFERENCES:
                if table == name:
                    _refuse(connection, name, len(complete[name]), offending, words, remedy)


def _refuse(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    total: int,
    offending: str,
    words: str,
    remedy: str,
    column: str | None = None,
) -> None:
    key = "concat_ws(' ', " + ", ".join(TABLES[name].key) + ")"
    value = f"CAST({column} AS VARCHAR)" if column else "''"
    found = connection.execute(
        f"SELECT count(*), min_by({key}, {key}), min_by({value}, {key}) FROM {name} WHERE {offending}"
    ).fetchall()[0]
    if found[0]:
        shown = f" ('{found[2]}')" if column else ""
        raise LedgerError(f"{name}.{words}; fails in {found[0]:,} of {total:,} rows, e.g. {found[1]}{shown}: {remedy}.")
