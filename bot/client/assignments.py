"""Asks Discord to whom a guild has given or denied commands, and remembers the answer for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
import discord

from bot import logs
from bot.domain.assignments import Assignment, Whom
from bot.domain.ids import GuildId

log = logs.get(__name__)

# Discord tells of every change; this is for what is said while the gateway is away.
LIFE = 60.0
# A button that opens a form has to be answered within three seconds, and cannot be put off.
PATIENCE = 1.5

# A guild's assignments by the id of the command, or of the application for what stands for all of its commands.
Assigned = Mapping[int, Sequence[Assignment]]


class Assignments:
    """What the Integrations page of each guild says."""

    def __init__(self, client: discord.Client, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._now = now
        self._known: dict[GuildId, tuple[float, Assigned]] = {}
        self._changes = 0

    async def of(self, guild_id: GuildId) -> Assigned | None:
        """None when Discord cannot be asked: then nobody was given anything."""
        asked_at, found = self._known.get(guild_id, (0.0, None))
        if found is not None and self._now() - asked_at < LIFE:
            return found
        changes, asked_at = self._changes, self._now()
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._ask(guild_id)
        except (discord.DiscordException, aiohttp.ClientError, OSError, LookupError, TypeError, ValueError) as err:
            log.warning("assignments_not_read", guild_id=guild_id, error=repr(err))
            return None
        if changes == self._changes:  # Otherwise the answer may be older than the change.
            self._known[guild_id] = asked_at, found
        return found

    def forget(self, guild_id: GuildId) -> None:
        """The page has changed."""
        self._changes += 1
        self._known.pop(guild_id, None)

    async def _ask(self, guild_id: GuildId) -> Assigned:
        application_id = self._client.application_id
        if application_id is None:
            raise LookupError("not logged in")
        # One request for all commands; the library's public method asks for a single one.
        answer = await self._client.http.get_guild_application_command_permissions(application_id, guild_id)
        return {int(each["id"]): [_assignment(line) for line in each["permissions"]] for each in answer}


def _assignment(line: Mapping[str, Any]) -> Assignment:
    return Assignment(whom=Whom(line["type"]), target_id=int(line["id"]), is_allowed=line["permission"] is True)
