"""The engine under test, on SQLite: what depends on the database is shown in tests/store and tests/services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.database import Database
from tests.worker.rig import Rig


@pytest.fixture
async def rig(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    database = Database.connect(sqlite_url)
    yield Rig(database, tmp_path)
    await database.close()
