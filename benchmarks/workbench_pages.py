"""Time the workbench's pages: customers' pages with all charts, and a queue of ten thousand.

    python -m benchmarks.workbench_pages --pages 100

Uses the ledger and the champions of the settings (TRADECREDIT_HOME). Prints wall-clock and processor time: on a machine
that does other work as well the second says what the page costs.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from models import registry
from serving.book import book, queue
from serving.case import Asked, case
from serving.champions import Champions
from serving.decision_log import DecisionLog
from serving.pages.customer import customer_page
from serving.pages.layout import Session
from serving.pages.queue import queue_page


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100)
    pages = parser.parse_args().pages
    settings = registry.Settings.from_environment()
    default, delay = (registry.load(settings, name) for name in (registry.DEFAULT_MODEL, registry.DELAY_MODEL))
    scorer = Scorer.of(ScoringLedger.read(settings.ledger), default, delay)
    champions = Champions(default=default, delay=delay, scorer=scorer, served_since="2026-01-01T00:00:00+00:00")
    ids = [str(i) for i in scorer.served.prepared.owners.ids]
    chosen = random.Random(1).choices(ids, k=pages)
    with tempfile.TemporaryDirectory() as folder:
        log = DecisionLog(Path(folder) / "log.sqlite")

        def page(customer_id: str) -> None:
            customer_page(case(champions, log, Asked(customer_id=customer_id)), session=Session())

        for customer_id in chosen[:5]:
            page(customer_id)
        report("customer page with all charts", [timed(lambda c=c: page(c)) for c in chosen])
        rows, everybody = queue(champions, log), book(champions)
        many = [
            replace(row, row=replace(row.row, customer_id=f"Q{k}")) for k, row in enumerate((rows * 10_000)[:10_000])
        ]
        report(
            "queue of 10,000 cases",
            [
                timed(lambda: queue_page(many, everybody, language="en", currency="EUR", session=Session(), query={}))
                for _ in range(9)
            ],
        )


def timed(work: object) -> tuple[float, float]:
    """(wall-clock, processor) milliseconds of some work."""
    wall, processor = time.perf_counter(), time.thread_time()
    work()  # type: ignore[operator]
    return 1000 * (time.perf_counter() - wall), 1000 * (time.thread_time() - processor)


def report(name: str, times: list[tuple[float, float]]) -> None:
    """Print the medians of one kind of page."""
    wall, processor = (statistics.median(part) for part in zip(*times, strict=True))
    print(f"{name}: median {wall:.0f} ms wall-clock, {processor:.0f} ms processor time ({len(times)} pages)")


if __name__ == "__main__":
    main()
