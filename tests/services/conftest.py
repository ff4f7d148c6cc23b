"""Services on each kind of database."""

from __future__ import annotations

import pytest

from bot.store.database import Database
from tests.services.desk import Desk


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)
