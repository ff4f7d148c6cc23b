"""A stage with the bot on it, and the promise that after every test the books balance and no bug was met."""

from __future__ import annotations

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

# What the product logs about faults of its own; no trouble of the outside world may lead there.
BUGS = ("step_failed", "interaction_failed", "card_failed", "job_quarantined", "Traceback (most recent call last)")


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
async def world(tmp_path: Path, migrated_file: Path, log: StringIO) -> AsyncIterator[Stage]:
    """A guild with a channel, and a bot that a test starts itself."""
    async with opened(tmp_path, migrated_file) as stage:
        yield stage
        await stage.stop()
        assert await stage.differences() == []
    assert not any(bug in log.getvalue() for bug in BUGS), log.getvalue()


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
