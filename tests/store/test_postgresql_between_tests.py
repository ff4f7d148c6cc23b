"""What one test leaves in the PostgreSQL database that all share, no other test finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from bot.store.database import Database
from bot.store.tables import entries, guilds
from tests.conftest import NO_SERVER, SERVER
from tests.postgresql import Shared, connect

pytestmark = pytest.mark.skipif(NO_SERVER is not None, reason=NO_SERVER or "")


@pytest.fixture
async def shared() -> AsyncIterator[Shared]:
    made = Shared(make_url(SERVER))
    yield made
    await made.drop()


@asynccontextmanager
async def left_behind(shared: Shared, *statements: str) -> AsyncIterator[str]:
    """A test that runs these and forgets to close what it has opened; the URL that it had."""
    url = await shared.url()
    connection = await connect(make_url(url))
    for statement in statements:
        await connection.execute(statement)
    yield url
    connection.terminate()


def rows(connection: sa.Connection) -> list[int | None]:
    return [connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in (guilds, entries)]


async def test_rows_numbers_and_connections_are_gone(shared: Shared) -> None:
    entry = "INSERT INTO entries (guild_id, user_id, actor_id, kind, at) VALUES (1, 1, 1, 'grant', 0) RETURNING id"
    guild = "INSERT INTO guilds (guild_id, is_pool_limited) VALUES (1, false)"

    async with left_behind(shared, guild, entry, "BEGIN; LOCK TABLE jobs") as first:
        await shared.empty()

    assert await shared.url() == first
    database = Database.connect(first)
    assert await database.read(rows) == [0, 0]
    await database.close()
    connection = await connect(make_url(first))
    assert await connection.fetchval(entry) == 1
    await connection.close()


@pytest.mark.parametrize("change", ["ALTER TABLE jobs RENAME TO elsewhere", "DROP INDEX jobs_due"])
async def test_a_schema_that_somebody_has_changed_is_made_anew(shared: Shared, change: str) -> None:
    async with left_behind(shared, change) as first:
        await shared.empty()

    second = await shared.url()
    assert second != first
    database = Database.connect(second)
    assert await database.read(rows) == [0, 0]
    await database.close()
