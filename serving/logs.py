"""Write the service's log: one JSON object a line on standard output, nothing of a request but its id, route and outcome."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

ROOT = "tradecredit"  # the logger above all of ours
FIELDS = "fields"  # of a record: what stands in its line beside the instant, level and logger


class JsonLines(logging.Formatter):
    """Format a record as one JSON object: at, level, logger, and its fields (or its message)."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, FIELDS, None) or {"message": record.getMessage()}
        return json.dumps(
            {"at": at, "level": record.levelname.lower(), "logger": record.name, **fields}, ensure_ascii=False
        )


def write_json_lines() -> None:
    """Write the records of our loggers to standard output, from level INFO on; called once, by a worker process."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(ROOT)
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
