"""The store's tables, declared once for SQLite and PostgreSQL; migrations/ brings a database to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

METADATA = MetaData()
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite's row numbers are its INTEGER

# One row a decision, only ever appended: triggers of the migration refuse anything else. `content` is canonical JSON
# and hashed into the chain; what it says of a customer stands in `payloads`, encrypted, under its digest.
DECISIONS = Table(
    "decisions", METADATA,
    Column("sequence", NUMBER, primary_key=True, autoincrement=False),
    Column("decision_id", Text, nullable=False, unique=True),
    Column("previous", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, index=True),
    Column("about", Text, unique=True),  # the decision that this one is a person's answer to: it gets one only
)  # fmt: skip

# Content by its digest: contexts (models, policies, ledger) in clear text, payloads encrypted with the subject's key.
PAYLOADS = Table(
    "payloads", METADATA,
    Column("digest", Text, primary_key=True), Column("subject", Text, index=True), Column("body", LargeBinary, nullable=False),
)  # fmt: skip

# One key a subject (a customer); destroying it makes the subject's payloads unreadable for ever.
SUBJECT_KEYS = Table(
    "subject_keys", METADATA,
    Column("subject", Text, primary_key=True), Column("key", LargeBinary), Column("created_at", Text, nullable=False),
    Column("destroyed_at", Text), Column("destroyed_by", Text),
)  # fmt: skip

# Parts of the decision log that were moved out, with the hashes that join them to what is left.
ARCHIVES = Table(
    "archives", METADATA,
    Column("last_sequence", NUMBER, primary_key=True, autoincrement=False),
    Column("first_sequence", NUMBER, nullable=False), Column("previous", Text, nullable=False),
    Column("head", Text, nullable=False), Column("path", Text, nullable=False), Column("archived_at", Text, nullable=False),
)  # fmt: skip

# Rows that came after the ledger was read, in the order in which they were taken in.
LEDGER_ROWS = Table(
    "ledger_rows", METADATA,
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("ledger", Text, nullable=False),  # fingerprint of the ledger that the rows follow
    Column("table_name", Text, nullable=False), Column("row_key", Text, nullable=False),
    Column("customer_id", Text), Column("content", Text, nullable=False), Column("digest", Text, nullable=False),
    Column("received_at", Text, nullable=False), Column("received_from", Text, nullable=False),
    Index("ledger_rows_by_key", "ledger", "table_name", "row_key"),
)  # fmt: skip

# The read model: the current answer of each customer.
SCORES = Table(
    "scores", METADATA,
    Column("customer_id", Text, primary_key=True), Column("ledger", Text, nullable=False),
    Column("position", NUMBER, nullable=False), Column("as_of", Text, nullable=False),
    Column("models", Text, nullable=False), Column("answer", LargeBinary, nullable=False),
    Column("payload", Text, nullable=False), Column("scored_at", Text, nullable=False),
)  # fmt: skip

# What stands beside a customer's score in the read model: its explanations and payment curves, as the decision log would
# hold them (compressed, encrypted with the customer's key); it holds for the score of the same position, day and models.
KEPT_ANSWERS = Table(
    "kept_answers", METADATA,
    Column("customer_id", Text, primary_key=True), Column("kind", Text, primary_key=True),
    Column("position", NUMBER, nullable=False), Column("as_of", Text, nullable=False), Column("models", Text, nullable=False),
    Column("context", Text, nullable=False), Column("payload", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip

CHANGES = Table(
    "changes", METADATA,
    Column("change", NUMBER, primary_key=True, autoincrement=False),
    Column("position", NUMBER, nullable=False), Column("changed_at", Text, nullable=False),
    Column("customer_id", Text, nullable=False), Column("kind", Text, nullable=False), Column("content", Text, nullable=False),
    Index("changes_of_customers", "customer_id", "change"),
)  # fmt: skip

KEYS = Table(
    "api_keys", METADATA,
    Column("key_id", Text, primary_key=True), Column("digest", Text, nullable=False, unique=True),
    Column("subject", Text, nullable=False), Column("scopes", Text, nullable=False),
    Column("created_at", Text, nullable=False), Column("expires_at", Text), Column("revoked_at", Text),
    Column("replaced_by", Text),
)  # fmt: skip

SESSIONS = Table(
    "sessions", METADATA,
    Column("digest", Text, primary_key=True),
    Column("key_id", Text, ForeignKey("api_keys.key_id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Text, nullable=False), Column("expires_at", Text, nullable=False),
)  # fmt: skip

IDEMPOTENCY = Table(
    "idempotency", METADATA,
    Column("subject", Text, primary_key=True), Column("route", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True), Column("request_digest", Text, nullable=False),
    Column("answer", Text, nullable=False), Column("answered_at", Text, nullable=False),
)  # fmt: skip

JOBS = Table(
    "jobs", METADATA,
    Column("job_id", Text, primary_key=True), Column("kind", Text, nullable=False), Column("subject", Text, nullable=False),
    Column("status", Text, nullable=False), Column("done", Integer, nullable=False), Column("total", Integer, nullable=False),
    Column("request", Text, nullable=False), Column("result", Text), Column("detail", Text),
    Column("created_at", Text, nullable=False), Column("finished_at", Text),
)  # fmt: skip

FACTS = Table(
    "facts", METADATA, Column("name", Text, primary_key=True), Column("value", Text, nullable=False)
)  # small facts of the store itself: the secret that signs sessions, the key that signs heads
