"""The real client on a local Discord."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 the library imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

from bot import i18n
from bot.client import CutsceneClient, point_library_at
from bot.errors import ConfigurationError
from sandbox.discord_server import DiscordServer, Guild
from tests.local_discord import ana, channel, guild, server

__all__ = ["ana", "channel", "guild", "server"]

CATALOGUE = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=1; plural=0;\\n"

msgid "Make a video"
msgstr "{video}"

msgid "Only people who may manage this server can do this."
msgstr "{refusal}"
"""


class NotedMemory:
    """Remembers for as long as a test."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}

    async def recall(self, key: str) -> str | None:
        return self.facts.get(key)

    async def remember(self, key: str, value: str) -> None:
        self.facts[key] = value


@pytest.fixture(autouse=True)
def catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Catalogues of two texts, so that these tests do not depend on how the real ones are worded."""
    words = {"ru": ("Снять видео", "Только для модераторов."), "zh_CN": ("制作视频", "仅限管理员。")}
    for folder, (video, refusal) in words.items():
        path = tmp_path / "locale" / folder / "LC_MESSAGES" / "cutscene.po"
        path.parent.mkdir(parents=True)
        path.write_text(CATALOGUE.format(video=video, refusal=refusal), encoding="utf-8")
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path / "locale")
    i18n.texts.cache_clear()
    yield
    i18n.texts.cache_clear()


@pytest.fixture
def memory() -> NotedMemory:
    return NotedMemory()


Starter = Callable[..., Awaitable[CutsceneClient]]


@pytest.fixture
async def start(server: DiscordServer, guild: Guild, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Starter]:
    """Start a client against the server and return it once it is connected; raises what its start raises."""
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)
    point_library_at(server.api_url, server.gateway_url)
    started: list[tuple[CutsceneClient, asyncio.Task[None]]] = []

    async def begin(client: CutsceneClient, token: str | None = None) -> CutsceneClient:
        connected = asyncio.Event()

        async def on_connect() -> None:
            connected.set()

        client.add_listener(on_connect)
        task = asyncio.create_task(client.start(token or server.token))
        started.append((client, task))
        waiting = asyncio.create_task(connected.wait())
        await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        waiting.cancel()
        if task.done():
            task.result()
        return client

    yield begin
    for client, task in started:
        await client.close()
        with contextlib.suppress(discord.DiscordException, ConfigurationError):
            await task
