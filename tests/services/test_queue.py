"""What the worker and the health check ask the store."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from bot.errors import StoreError
from bot.services.queue import Queue
from bot.store.database import Database
from tests.services.desk import Desk


async def test_database_is_reached_as_long_as_jobs_can_be_read(database: Database) -> None:
    queue = Queue(database, Desk(database).clock)
    await queue.reach()

    await database.write(lambda connection: connection.exec_driver_sql("ALTER TABLE jobs RENAME TO elsewhere"))

    with pytest.raises((StoreError, DBAPIError)):
        await queue.reach()
