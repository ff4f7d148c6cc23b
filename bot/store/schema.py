"""Brings a database to the schema of this version, or says why not."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.errors import StoreError
from bot.store.database import Database

# The newest migration. A test holds it against the folder; with it, an up-to-date start needs no Alembic at all.
HEAD = "0014"
# Any number that nothing else locks on the same server: "CUTS" in ASCII.
MIGRATION_LOCK = 0x43555453
MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(database: Database) -> bool:
    """Apply the migrations that are missing; True when there were any."""
    found = await _checked_revision(database)
    if found == HEAD:
        return False
    async with database.exclusive() as connection:
        await connection.run_sync(upgrade)
    return True


async def check(database: Database) -> None:
    """Raise StoreError unless the schema is this version's; changes nothing."""
    found = await _checked_revision(database)
    if found is None:
        raise StoreError(
            "there is nothing in it: see whether DATA_DIR or DATABASE_URL names the right one, or start the bot once"
        )
    if found != HEAD:
        raise StoreError(f"the database has schema {found}, this version needs {HEAD}: run `migrate` first")


async def _checked_revision(database: Database) -> str | None:
    found = await database.read(revision)
    if found is not None and found > HEAD:
        raise StoreError(
            f"the database is from a newer version of Cutscene (schema {found}, this version knows {HEAD}): "
            "install that version again, or bring back a backup"
        )
    return found


def revision(connection: Connection) -> str | None:
    """The database's schema revision; None for an empty database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def upgrade(connection: Connection, target: str = HEAD) -> None:
    """Apply the migrations up to *target*, in the transaction of this connection."""
    # Alembic costs 0.2 s of start-up, so it is only loaded when there is something to do.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        # Two processes that start together take turns; the second finds nothing left to do.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
