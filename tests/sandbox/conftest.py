"""A local Discord with one guild and two people and the unmodified discord.py client for it; a local Kie.ai."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import httpx
import pytest
import yarl

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 the library imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord import app_commands

from sandbox.discord_server import Channel, DiscordServer, Guild
from sandbox.kie_server import KieServer, Limits
from sandbox.person import Person
from tests.local_discord import ana, channel, guild, server
from tests.sandbox.vendors import HandClock, KieKey

__all__ = ["ana", "channel", "guild", "server"]


class Bot(discord.Client):
    """A small bot; tests add the commands they need to its tree before it starts."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("intents", discord.Intents(guilds=True))
        self.seen: list[tuple[str, Any]] = []
        self.run_task: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        super().__init__(guild_ready_timeout=0.05, allowed_mentions=discord.AllowedMentions.none(), **options)
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once; the library would wait five seconds."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        super().dispatch(event, *args, **kwargs)
        self.seen.append((event, args[0] if args else None))
        for waiting in [each for each in self._waiting if not each.done()]:
            waiting.set_result(None)
        self._waiting.clear()

    async def sees(self, event: str, times: int = 1) -> Any:
        """Wait until *event* was dispatched *times* times and return what came with the last one."""
        async with asyncio.timeout(5):
            while len(found := [args for name, args in self.seen if name == event]) < times:
                news = asyncio.get_running_loop().create_future()
                self._waiting.append(news)
                await news
        return found[times - 1]


@pytest.fixture
def mod(server: DiscordServer, guild: Guild, channel: Channel) -> Person:
    return Person.joins(server, guild, "mod", channel, is_moderator=True)


@pytest.fixture
def new_bot() -> type[Bot]:
    """Makes bots with options of their own."""
    return Bot


@pytest.fixture
def bot() -> Bot:
    return Bot()


Starter = Callable[..., Awaitable[Bot]]


@pytest.fixture
async def start(server: DiscordServer, guild: Guild, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Starter]:
    """Start a client against the server and return it once its session is known there."""
    monkeypatch.setattr(discord.http.Route, "BASE", server.api_url)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
    started: list[Bot] = []

    async def begin(client: Bot, token: str | None = None) -> Bot:
        before = len(server.gateway.connected)
        client.run_task = asyncio.create_task(client.start(token or server.token))
        started.append(client)
        ready = asyncio.create_task(server.gateway.wait_connected(before + 1))
        await asyncio.wait({ready, client.run_task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if client.run_task.done():
            client.run_task.result()
        return client

    yield begin
    for client in started:
        await client.close()
        assert client.run_task
        with contextlib.suppress(discord.DiscordException):
            await client.run_task


class Rest:
    """Plain HTTP with the bot's token, for requests that discord.py would not let out."""

    def __init__(self, server: DiscordServer, session: aiohttp.ClientSession) -> None:
        self._server = server
        self._session = session

    async def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> tuple[int, Any]:
        headers = options.pop("headers", {"Authorization": f"Bot {self._server.token}"})
        url = yarl.URL(self._server.api_url + path, encoded=True)
        async with self._session.request(method, url, json=json, headers=headers, **options) as response:
            return response.status, await response.json() if response.content_type == "application/json" else None


@pytest.fixture
async def rest(server: DiscordServer) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        yield Rest(server, session)


@pytest.fixture
def clock() -> HandClock:
    """The clock of a vendor."""
    return HandClock()


@pytest.fixture
async def kie(clock: HandClock) -> AsyncIterator[KieServer]:
    async with KieServer(clock=clock, seconds=60, limits=Limits(records=None)) as server:
        yield server


@pytest.fixture
async def api(kie: KieServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=kie.api_url, auth=KieKey(kie)) as client:
        yield client
