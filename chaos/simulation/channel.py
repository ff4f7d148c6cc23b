"""A Discord that counts: one channel with nonces and a history, direct messages, and sends that get lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord

from chaos.simulation.loop import Life
from chaos.simulation.scenarios import History, Post
from chaos.simulation.world import World, unheard

BOT = 900
OWNER = 901
DIRECT = 1_000_000  # direct messages have this plus the person's id as their id

# The documentation says "past few minutes"; nobody may count on more than these.
NONCE_LIFE = 180.0
LANDS_AFTER = 20.0


@dataclass(frozen=True, slots=True)
class Message:
    """What is in the channel. `shows` is the content of its file, None for a text."""

    id: int
    channel: int
    at: float
    nonce: str
    content: str
    file_name: str | None
    shows: str | None
    custom_ids: tuple[str, ...]


class FakeDiscord:
    """Discord's side: the messages, and how often somebody sent one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.messages: list[Message] = []
        self.told: list[str] = []  # direct messages to the host
        self._gone: set[int] = set()  # channels that do not exist, or take nothing from us, any more
        self._posts = 0
        self._looks = 0
        self.before_post: Callable[[str], None] = unheard

    def state(self) -> Hashable:
        """What it has seen and done; of each kind it only ever becomes more."""
        return self._posts, self._looks, len(self.messages), len(self.told), len(self._gone)

    def client(self, life: Life) -> discord.Client:
        """What a process of ours holds of it."""
        return cast("discord.Client", ClientDouble(self, self._world, life))

    def next_post(self) -> Post:
        self._posts += 1
        posts = self._world.scenario.posts
        return posts[self._posts - 1] if self._posts <= len(posts) else Post.OK

    def lose(self, channel: int) -> None:
        self._gone.add(channel)

    def is_lost(self, channel: int) -> bool:
        return channel in self._gone

    def look(self) -> None:
        """Somebody looks through a channel. Raises what Discord has to say against it."""
        self._looks += 1
        if self._looks == 1 and self._world.scenario.history is History.DOWN_ONCE:
            raise _http_error(discord.DiscordServerError, 503, 0, "upstream connect error")
        if self._looks == 1 and self._world.scenario.history is History.NO_ACCESS_ONCE:
            raise _http_error(discord.Forbidden, 403, 50001, "Missing Access")

    def land(self, draft: Message) -> Message:
        """The message arrives; under a nonce that was used a moment ago it is the earlier one that is answered."""
        self.before_post(draft.nonce)
        now = self._world.loop.time()
        for message in self.messages:
            is_twin = draft.nonce and message.nonce == draft.nonce and message.channel == draft.channel
            if is_twin and now - message.at <= NONCE_LIFE:
                return message
        snowflake = discord.utils.time_snowflake(self._world.now()) + len(self.messages) + 1
        landed = replace(draft, id=snowflake, at=now)
        self.messages.append(landed)
        return landed


class ClientDouble:
    """As much of `discord.Client` as the publisher uses."""

    def __init__(self, discord_side: FakeDiscord, world: World, life: Life) -> None:
        self._discord = discord_side
        self._world = world
        self._life = life
        self.user = SimpleNamespace(id=BOT)
        self.application = None

    def get_partial_messageable(self, channel_id: int, *, guild_id: int | None = None) -> ChannelDouble:
        return ChannelDouble(channel_id, self._discord, self._world, self._life)

    async def create_dm(self, user: discord.Object) -> ChannelDouble:
        return ChannelDouble(DIRECT + user.id, self._discord, self._world, self._life)


class ChannelDouble:
    """A channel, or somebody's direct messages, as the publisher writes to it and reads it."""

    def __init__(self, channel_id: int, discord_side: FakeDiscord, world: World, life: Life) -> None:
        self.id = channel_id
        self._discord = discord_side
        self._world = world
        self._life = life

    async def send(
        self,
        content: str,
        *,
        nonce: str | None = None,
        view: discord.ui.View | None = None,
        file: discord.File | None = None,
        allowed_mentions: discord.AllowedMentions | None = None,
    ) -> SimpleNamespace:
        if self.id == DIRECT + OWNER:
            await self._world.touch(self._life, "message to the host leaves")
            if self._world.loop.time() < self._world.scenario.host_hears_from:
                raise _http_error(discord.DiscordServerError, 503, 0, "upstream connect error")
            self._discord.told.append(content)
            await self._world.touch(self._life, "message to the host answered")
            return SimpleNamespace(id=0)
        draft = Message(
            0,
            self.id,
            0.0,
            nonce or "",
            content,
            None if file is None else file.filename,
            None if file is None else file.fp.read().decode(),
            () if view is None else tuple(str(getattr(item, "custom_id", "")) for item in view.children),
        )
        await self._world.touch(self._life, "post leaves")
        # Only results are hit; failures are told on the quiet path.
        is_result = file is not None or any(custom_id.endswith(":delete") for custom_id in draft.custom_ids)
        fate = self._discord.next_post() if is_result else Post.OK
        if fate is Post.GONE or (self.id > DIRECT and self._world.scenario.is_direct_closed):
            self._discord.lose(self.id)
        if self._discord.is_lost(self.id):
            raise _http_error(discord.NotFound, 404, 10003, "Unknown Channel")
        match fate:
            case Post.TOO_LARGE:
                raise _http_error(discord.HTTPException, 413, 40005, "Request entity too large")
            case Post.NO_ACCESS:
                raise _http_error(discord.Forbidden, 403, 50001, "Missing Access")
            case Post.DOWN:
                raise _http_error(discord.DiscordServerError, 503, 0, "upstream connect error")
            case Post.DROPPED:
                await self._world.touch(self._life, "post cut")
                raise aiohttp.ServerDisconnectedError
            case Post.LOST:
                self._discord.land(draft)
                await self._world.touch(self._life, "post cut")
                raise aiohttp.ServerDisconnectedError
            case Post.LATE:
                self._world.later(LANDS_AFTER, partial(self._discord.land, draft))
                await self._world.touch(self._life, "post cut")
                raise aiohttp.ServerDisconnectedError
            case _:
                landed = self._discord.land(draft)
        await self._world.touch(self._life, "post answered")
        return SimpleNamespace(id=landed.id, channel=SimpleNamespace(id=self.id))

    async def history(
        self, *, limit: int, after: discord.Object | None = None, oldest_first: bool = False
    ) -> AsyncIterator[Any]:
        await self._world.touch(self._life, "look leaves")
        if self._world.scenario.history is History.CLOSED:
            return  # It is not refused, it looks empty ("Get Channel Messages").
        self._discord.look()
        found = [
            message
            for message in self._discord.messages
            if message.channel == self.id and (after is None or message.id > after.id)
        ]
        for message in (found if oldest_first else found[::-1])[:limit]:
            yield SimpleNamespace(
                id=message.id,
                channel=SimpleNamespace(id=self.id),
                author=SimpleNamespace(id=BOT),
                attachments=[] if message.file_name is None else [SimpleNamespace(filename=message.file_name)],
                components=[SimpleNamespace(custom_id=custom_id) for custom_id in message.custom_ids],
            )

    async def fetch_message(self, message_id: int) -> None:
        """A look for one message, which nobody here asks for but to see whether the channel can be read."""
        await self._world.touch(self._life, "second look leaves")
        if self._world.scenario.history is History.CLOSED:
            raise _http_error(discord.Forbidden, 403, 50001, "Missing Access")
        if all(message.id != message_id for message in self._discord.messages):
            raise _http_error(discord.NotFound, 404, 10008, "Unknown Message")


def _http_error(kind: type[discord.HTTPException], status: int, code: int, text: str) -> discord.HTTPException:
    response = cast("aiohttp.ClientResponse", SimpleNamespace(status=status, reason=text))
    return kind(response, {"code": code, "message": text})
