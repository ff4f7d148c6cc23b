"""One PostgreSQL database for test after test: making one takes the server longer than most tests take."""

from __future__ import annotations

import uuid

import asyncpg
from sqlalchemy.engine import URL

from bot.store.database import Database
from bot.store.schema import migrate
from bot.store.tables import metadata

_WHAT_THERE_IS = """
    SELECT array_agg(format('%s %s %s', attrelid::regclass, attname, atttypid::regtype) ORDER BY attrelid, attnum),
        (SELECT array_agg(pg_get_constraintdef(oid) ORDER BY oid) FROM pg_constraint),
        (SELECT array_agg(indexrelid::regclass::text ORDER BY indexrelid) FROM pg_index),
        (SELECT array_agg(version_num) FROM alembic_version)
    FROM pg_attribute WHERE attrelid >= 16384 AND NOT attisdropped
"""
_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
_DELETES = "; ".join(f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables))  # noqa: S608 - our names
_FIRST_NUMBERS = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""


class Shared:
    """A database with the schema and without rows, again and again."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._name: str | None = None
        self._made: object = None

    async def url(self) -> str:
        """Where it is; the schema is made if there is none."""
        if self._name is None:
            self._name = await create(self._server)
            opened = Database.connect(url_of(self._server, self._name))
            await migrate(opened)
            await opened.close()
            connection = await connect(self._server, self._name)
            self._made = await connection.fetchrow(_WHAT_THERE_IS)
            await connection.close()
        return url_of(self._server, self._name)

    async def empty(self) -> None:
        """Throw out whoever is still there, and their rows; a schema that somebody has changed goes as a whole."""
        connection = await connect(self._server, self._name)
        try:
            await connection.execute(_OTHERS, connection.get_server_pid())
            is_as_made = await connection.fetchrow(_WHAT_THERE_IS) == self._made
            if is_as_made:
                async with connection.transaction():
                    await connection.execute(_DELETES)
                    await connection.execute(_FIRST_NUMBERS)
        except asyncpg.UndefinedTableError:
            is_as_made = False
        finally:
            await connection.close()
        if not is_as_made:
            await self.drop()

    async def drop(self) -> None:
        if self._name is not None:
            await drop(self._server, self._name)
            self._name = None


async def create(server: URL) -> str:
    """An empty database of a name that nobody else has."""
    name = f"cutscene_{uuid.uuid4().hex[:12]}"
    connection = await connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return name


async def drop(server: URL, name: str) -> None:
    connection = await connect(server)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def connect(server: URL, name: str | None = None) -> asyncpg.Connection:
    url = server if name is None else server.set(database=name)
    return await asyncpg.connect(url.set(drivername="postgresql").render_as_string(False))


def url_of(server: URL, name: str) -> str:
    return server.set(database=name).render_as_string(hide_password=False)
