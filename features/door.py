"""The ledger's door: gives every table its types and refuses what breaks a rule, once, with a clear sentence."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pandas as pd

from features.tables import REFERENCES, SQL_TYPES, TABLES, LedgerError, Table


def quoted(text: str) -> str:
    """Text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def connect() -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that loads nothing from the network and prints no progress bar of its own."""
    return duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 2}
    )


def typed(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> pd.DataFrame:
    """The rows of `query` as a frame with exactly the columns of table `name`, each of its type."""
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
            casts.append(f"CAST(NULL AS {sql_type}) AS {column}")
        else:
            casts.append(f'TRY_CAST("{column}" AS {sql_type}) AS {column}')
            if found[column] != sql_type:
                tests.append((column, f'"{column}" IS NOT NULL AND TRY_CAST("{column}" AS {sql_type}) IS NULL'))
    for column, test in tests:
        example_of = f'any_value(CAST("{column}" AS VARCHAR)) FILTER ({test})'
        count, example, total = connection.execute(
            f"SELECT count(*) FILTER ({test}), {example_of}, count(*) FROM ({query})"
        ).fetchall()[0]
        if count:
            raise LedgerError(
                f"{name}.{column}: must be a {table.columns[column].type}; "
                f"fails in {count:,} of {total:,} rows, "
                f"e.g. '{example}'. Correct it, or use `tradecredit import`, which quarantines such rows."
            )
    return connection.sql(f"SELECT {', '.join(casts)} FROM ({query})").to_arrow_table().to_pandas(date_as_object=False)


def checked(frames: Mapping[str, pd.DataFrame], *, references: bool) -> dict[str, pd.DataFrame]:
    """The frames with every table present (perhaps empty), every known date filled; LedgerError for a broken rule."""
    connection = connect()
    complete = {}
    for name, table in TABLES.items():
        frame = frames.get(name)
        if frame is None:
            nothing = ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {n}" for n, c in table.columns.items())
            frame = typed(connection, name, f"SELECT {nothing} WHERE false")
        if table.event and table.known:
            frame = frame.assign(**{table.known: frame[table.known].fillna(frame[table.event])})
        for column, declared in table.columns.items():
            if declared.type == "date":
                frame[column] = frame[column].astype("datetime64[s]")
            elif declared.type == "text":
                frame[column] = frame[column].astype("str")
        complete[name] = frame.reset_index(drop=True)
        connection.register(name, complete[name])
    for name, table in TABLES.items():
        if len(complete[name]):
            _hold(connection, name, table, len(complete[name]))
    if references:
        for name, offending, words, remedy in REFERENCES:
            _refuse(connection, name, len(complete[name]), offending, words, remedy)
    return complete


def _hold(connection: duckdb.DuckDBPyConnection, name: str, table: Table, total: int) -> None:
    for column, declared in table.columns.items():
        if declared.required:
            _refuse(connection, name, total, f"{column} IS NULL", f"{column} must not be empty", "fill it", column)
        if declared.rule != "true":
            broken = f"{column} IS NOT NULL AND NOT ({declared.rule.format(column=column)})"
            _refuse(connection, name, total, broken, f"{column} must be {declared.words}", "correct the rows", column)
    current = "WHERE superseded_on IS NULL" if "superseded_on" in table.columns else ""
    key = ", ".join(table.key)
    groups = f"SELECT concat_ws(' ', {key}) AS k FROM {name} {current} GROUP BY {key} HAVING count(*) > 1"
    repeated = connection.execute(f"SELECT count(*), any_value(k) FROM ({groups})").fetchall()[0]
    if repeated[0]:
        raise LedgerError(
            f"{name}: {key} must be unique; {repeated[0]:,} values stand more than once, e.g. '{repeated[1]}'. "
            "Remove the copies, or give a corrected row's predecessor a superseded_on."
        )


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
