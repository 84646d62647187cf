"""The feed of changes: whose score became another one, in the order in which that was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from serving.errors import Problem
from serving.store import Store
from serving.store.tables import CHANGES

MOST = 10_000


def after(store: Store, change: int, most: int) -> dict[str, Any]:
    """Return the changes after a number of the feed, oldest first, and the number to ask from next time."""
    query = select(CHANGES).where(CHANGES.c.change > change).order_by(CHANGES.c.change).limit(min(most, MOST))
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return {
        "changes": [
            {
                "change": int(row.change), "kind": row.kind, "customer_id": row.customer_id, "position": int(row.position),
                "changed_at": row.changed_at, **json.loads(row.content),
            }
            for row in rows
        ],
        "next": int(rows[-1].change) if rows else change,
    }  # fmt: skip


def number_of(query: Mapping[str, str], name: str, default: int) -> int:
    """Return a query's whole number. Raises Problem 422 for anything else."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Problem(
            status=422, error="invalid_request", detail=f"{name}: must be a whole number of 0 or above.",
            fields=[{"field": name, "expected": "must be a whole number of 0 or above"}],
        )  # fmt: skip
    return int(text)
