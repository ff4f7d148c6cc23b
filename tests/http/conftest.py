"""The server as it is, and one that waits for nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.http import Patience
from tests.http.making import House, running


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with running() as opened:
        yield opened


@pytest.fixture
async def hasty_house() -> AsyncIterator[House]:
    moment = timedelta(milliseconds=20)
    async with running(patience=Patience(body=moment, answer=moment, check=moment)) as opened:
        yield opened
