"""Run the migrations on the connection that `serving.store.Store` hands over."""

from __future__ import annotations

from alembic import context

from serving.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
