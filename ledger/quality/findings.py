"""How the quality checks ask DuckDB, and what they answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing found: how grave, what, and what it means."""

    level: str
    what: str
    meaning: str = ""


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Return the single row of a query."""
    return tuple(connection.execute(sql).fetchall()[0])


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries, days as text."""
    result = connection.execute(sql)
    names = [d[0] for d in result.description or []]
    return [
        dict(zip(names, (str(v) if hasattr(v, "isoformat") else v for v in row), strict=True))
        for row in result.fetchall()
    ]
