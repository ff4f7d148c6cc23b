"""A local Discord with one guild, one channel and one member."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.discord_server import Channel, DiscordServer, Guild
from sandbox.person import Person


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as running:
        yield running


@pytest.fixture
def guild(server: DiscordServer) -> Guild:
    return server.add_guild("Film club")


@pytest.fixture
def channel(server: DiscordServer, guild: Guild) -> Channel:
    return server.add_channel(guild, "videos")


@pytest.fixture
def ana(server: DiscordServer, guild: Guild, channel: Channel) -> Person:
    return Person.joins(server, guild, "ana", channel)
