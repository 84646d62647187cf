"""The first form of the store: every table, and triggers that let the decision log only grow."""

from __future__ import annotations

from alembic import op

from serving.store.tables import METADATA

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("decisions", "ledger_rows")
WORDS = "only ever appended"

_SQLITE = """
CREATE TRIGGER {table}_never_{what} BEFORE {action} ON {table}{when}
BEGIN SELECT RAISE(ABORT, '{table} is {words}'); END
"""
_POSTGRESQL = """
CREATE FUNCTION {table}_only_grows() RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'decisions' AND OLD.sequence <=
        (SELECT coalesce(max(last_sequence), 0) FROM archives) THEN RETURN OLD; END IF;
    RAISE EXCEPTION '{table} is {words}';
END $$ LANGUAGE plpgsql;
"""


def upgrade() -> None:
    """Create the tables and the triggers. A decision may go once an archive holds it, see serving.decision_log."""
    bind = op.get_bind()
    METADATA.create_all(bind)
    for table in APPEND_ONLY:
        if bind.dialect.name == "sqlite":
            archived = " WHEN OLD.sequence > (SELECT coalesce(max(last_sequence), 0) FROM archives)"
            op.execute(_SQLITE.format(table=table, what="changes", action="UPDATE", when="", words=WORDS))
            when = archived if table == "decisions" else ""
            op.execute(_SQLITE.format(table=table, what="goes", action="DELETE", when=when, words=WORDS))
        else:
            body = _POSTGRESQL if table == "decisions" else _POSTGRESQL.replace("OLD.sequence <=", "false AND 0 <=")
            op.execute(body.format(table=table, words=WORDS))
            op.execute(
                f"CREATE TRIGGER {table}_only_grow BEFORE UPDATE OR DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION {table}_only_grows()"
            )


def downgrade() -> None:
    """Refuse: the decision log would be lost."""
    raise RuntimeError("the store's first form has no earlier one: going back would drop the decision log")
