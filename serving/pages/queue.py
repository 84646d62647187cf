"""The queue page: one line a case, why it is here, what is at stake, who has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serving.book import BookRow, QueueRow, steps_worse
from serving.pages import texts
from serving.pages.layout import Notice, Session, render
from serving.pages.search import folded
from serving.translations import translate

A_PAGE = 50  # cases on one page


def queue_page(
    rows: Sequence[QueueRow], everybody: Sequence[BookRow], *, language: str, currency: str, session: Session,
    query: Mapping[str, str], message: Notice | None = None,
) -> str:  # fmt: skip
    """Return the queue as HTML. query : search text `q`, filter `why`, `page`; a search finds every customer."""
    t = translate(language)
    search, why = folded(query.get("q", "")), query.get("why", "")
    shown = [row for row in rows if not why or why in row.why]
    if search:
        by_id = {row.row.customer_id: row for row in rows}
        shown = [
            by_id.get(row.customer_id) or QueueRow(row=row, why=(), stake=row.exposure, waiting_days=None, taken_by=None)
            for row in everybody if search in row.search
        ]  # fmt: skip
    counts = {key: sum(key in row.why for row in rows) for key in texts.WHY_HERE}
    number = query.get("page", "1")
    pages = max(1, -(-len(shown) // A_PAGE))
    page = min(max(1, int(number) if number.isdigit() and len(number) < 9 else 1), pages)
    return render(
        "queue.html", language=language, here="queue", path="/", query=query, session=session, message=message,
        rows=shown[(page - 1) * A_PAGE : page * A_PAGE], total=len(shown), page=page, pages=pages, q=query.get("q", ""),
        why=why, currency=currency, arrow=arrow, steps=steps_worse,
        reasons=[(key, t.text(text), counts[key]) for key, text in texts.WHY_HERE.items() if counts[key]],
        why_text=lambda key: t.text(texts.WHY_HERE[key]),
    )  # fmt: skip


def arrow(row: BookRow) -> str:
    """Return how the grade moved in three months: up is worse, down is better."""
    steps = steps_worse(row)
    return "" if steps == 0 else "▲" if steps > 0 else "▼"
