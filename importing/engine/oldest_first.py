"""Money onto invoices where the source names no invoice: oldest first, in whole cents, as SQL.

Explicit references always come first and are the formats' own; what they leave is laid out here along one line per
group: the needs of the invoices by due date, the payments by day, and each overlap is an allocation.
"""

from __future__ import annotations


def oldest_first(needs: str, pool: str) -> str:
    """Return SQL of (grp, need_key, pool_key, cents): how the pool covers the needs of the same group.

    needs, pool : SQL of (grp, key, cents, ord); groups are matched, each side is taken in the order of `ord`, then key.
    Pool money that finds no need has no row here: it stays unapplied.
    """

    def line(sql: str) -> str:
        return (
            "SELECT grp, key, sum(cents) OVER w - cents AS low, sum(cents) OVER w AS high "
            f"FROM ({sql}) WHERE cents > 0 WINDOW w AS (PARTITION BY grp ORDER BY ord, key ROWS UNBOUNDED PRECEDING)"
        )

    return (
        "SELECT n.grp, n.key AS need_key, p.key AS pool_key, "
        "CAST(least(n.high, p.high) - greatest(n.low, p.low) AS BIGINT) AS cents "
        f"FROM ({line(needs)}) n JOIN ({line(pool)}) p ON n.grp = p.grp AND n.low < p.high AND p.low < n.high"
    )
