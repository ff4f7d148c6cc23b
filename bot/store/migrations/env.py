"""What Alembic runs to apply migrations; the connection comes from `bot.store.schema`."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=False)
# The caller's transaction holds all migrations together.
context.run_migrations()
