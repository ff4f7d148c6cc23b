"""What only a server can do to a transaction. Without one, the skip of this file is the line that says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from bot.errors import StoreError
from bot.store import meta
from bot.store.database import Connection, Database
from tests.conftest import NO_SERVER

if NO_SERVER is not None:
    pytest.skip(NO_SERVER, allow_module_level=True)


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[Database]:
    opened = Database.connect(postgresql_url)
    yield opened
    await opened.close()


async def test_transactions_that_collide_on_a_server_are_run_again(database: Database) -> None:
    await database.write(meta.remember, "a", "0")
    await database.write(meta.remember, "b", "0")

    def both(connection: Connection, first: str, second: str) -> None:
        for key in (first, second):
            connection.execute(
                sa.text("UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = :key"),
                {"key": key},
            )
            connection.execute(sa.text("SELECT pg_sleep(0.02)"))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(database.write(both, "a", "b"))
        tasks.create_task(database.write(both, "b", "a"))

    assert await database.read(meta.recall, "a") == await database.read(meta.recall, "b") == "2"


async def test_a_server_that_ends_our_connection_is_a_trouble_of_the_store(database: Database) -> None:
    def end_myself(connection: Connection) -> None:
        connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreError, match="database server"):
        await database.write(end_myself)

    await database.write(meta.remember, "key", "value")  # The next transaction has a new connection.
    assert await database.read(meta.recall, "key") == "value"
