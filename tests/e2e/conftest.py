"""A stage with the bot on it, and the promise that after every test the books balance and no bug was met.

Nor has any host of files seen a key of the host's.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
import warnings
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 the library imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

from sandbox.person import Person
from tests.e2e.stage import Stage, opened
from tests.logged import logged

# Who tells of faults in our own code; the library's gateway log shows the outside world's troubles with tracebacks too.
OURS = ("bot", "cogs", "asyncio", "discord.app_commands", "discord.ui", "aiohttp.server")


class BugWatch(logging.Handler):
    """Keeps every exception that somebody logged instead of handling it. No trouble of the outside world ends there."""

    def __init__(self) -> None:
        super().__init__()
        self.met: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        event = record.msg if isinstance(record.msg, dict) else {}
        trouble = event.get("exc_info") or record.exc_info
        if trouble is True:
            trouble = sys.exc_info()
        error = trouble[1] if isinstance(trouble, tuple) else trouble
        if not record.name.startswith(OURS) or not isinstance(error, BaseException):
            return
        text = "".join(traceback.format_exception(error))
        # The local servers notice clients that have hung up.
        if record.name == "aiohttp.server" and f"{os.sep}sandbox{os.sep}" in text:
            return
        self.met.append(text)


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses that the App gives to the library for good are given back."""
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)


@pytest.fixture
def log() -> Iterator[StringIO]:
    """Everything that is logged, as at DEBUG and without any masking of listed secrets."""
    with logged() as stream:
        yield stream


@pytest.fixture
def bugs() -> Iterator[BugWatch]:
    watch = BugWatch()
    logging.getLogger().addHandler(watch)
    yield watch
    logging.getLogger().removeHandler(watch)


@pytest.fixture
async def world(tmp_path: Path, migrated_file: Path, log: StringIO, bugs: BugWatch) -> AsyncIterator[Stage]:
    """A guild with a channel, and a bot that a test starts itself."""
    async with opened(tmp_path, migrated_file) as stage:
        yield stage
        await stage.stop()
        assert await stage.differences() == []
        assert stage.kie.leaks + stage.discord.leaks == []
    assert bugs.met == [], log.getvalue()


@pytest.fixture
async def stage(world: Stage) -> Stage:
    """The same with the bot running."""
    await world.start()
    return world


@pytest.fixture
def ada(world: Stage) -> Person:
    return world.joins("Ada")


@pytest.fixture
def bob(world: Stage) -> Person:
    return world.joins("Bob")


@pytest.fixture
def mod(world: Stage) -> Person:
    return world.joins("Mod", is_moderator=True)
