"""Alembic's entry: runs the versions on the connection that the store passes."""

from alembic import context

from dbmanager.services.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
