"""Makes our commands known to Discord: only when they have changed, with their texts in every language we have."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import discord
from discord import app_commands

from bot import i18n, logs
from bot.client.edge import Edge
from bot.errors.host import NotServedError

if TYPE_CHECKING:
    from bot.client import CutsceneClient

log = logs.get(__name__)

Tree = app_commands.CommandTree["CutsceneClient"]

# Under this name the bot remembers which commands Discord has.
COMMANDS_KEY = "discord_commands"

NAMES = frozenset(
    {
        app_commands.TranslationContextLocation.command_name,
        app_commands.TranslationContextLocation.group_name,
        app_commands.TranslationContextLocation.parameter_name,
    }
)


class Memory(Protocol):
    """Small facts that outlive the process, by name."""

    async def recall(self, key: str) -> str | None: ...

    async def remember(self, key: str, value: str) -> None: ...


class Translations(app_commands.Translator):
    """Descriptions and choices through our catalogues. Names stay English, so that texts can speak of `/video`."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        if context.location in NAMES or locale.value not in i18n.CATALOGUES:
            return None
        translated = i18n.texts(locale.value)(string.message)
        return None if translated == string.message else translated


class EdgeTree(app_commands.CommandTree["CutsceneClient"]):
    """The command tree; everything that goes wrong in a command ends at the client's edge."""

    @property
    def edge(self) -> Edge:
        return self.client.edge

    async def interaction_check(self, interaction: discord.Interaction[CutsceneClient], /) -> bool:
        if self.edge.serves(interaction):
            return True
        await self.edge.answer(interaction, NotServedError())
        return False

    async def on_error(
        self, interaction: discord.Interaction[CutsceneClient], error: app_commands.AppCommandError, /
    ) -> None:
        await self.edge.answer(interaction, error)

    async def _call(self, interaction: discord.Interaction[CutsceneClient]) -> None:
        # Not public, and yet needed: the library lets what a check raises fall out of its task, and nobody would be
        # answered. A test holds it.
        await self.edge.catch(interaction, super()._call(interaction))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What Discord was told last: a digest of everything sent, and the ids that it gave in return."""

    digest: str
    ids: dict[str, int]

    def to_json(self) -> str:
        return json.dumps({"digest": self.digest, "ids": self.ids})

    @classmethod
    def from_json(cls, text: str | None) -> Known | None:
        if text is None:
            return None
        try:
            found = json.loads(text)
            return cls(digest=str(found["digest"]), ids={str(name): int(id_) for name, id_ in found["ids"].items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            return None  # Another version wrote it; sending the commands again is all that it costs.


async def sync(tree: Tree, memory: Memory, api_url: str, application_id: int) -> dict[str, int]:
    """Send the global commands if they differ from those sent last; their ids by name, for `</video:123>`.

    Discord allows 200 new commands a day, and a list that is sent at every start would be gone in a bad night.
    """
    known = Known.from_json(await memory.recall(COMMANDS_KEY))
    digest = digest_of(await payload_of(tree), api_url, application_id)
    if known is not None and known.digest == digest:
        return known.ids
    try:
        synced = await tree.sync()
    except (discord.DiscordServerError, discord.RateLimited) as err:
        if known is None:
            raise
        # The commands of the last version still work; the next start tries again.
        log.error("commands_not_synced", error=str(err))
        return known.ids
    ids = {command.name: command.id for command in synced}
    await memory.remember(COMMANDS_KEY, Known(digest=digest, ids=ids).to_json())
    log.info("commands_synced", count=len(ids))
    return ids


async def payload_of(tree: Tree) -> list[dict[str, Any]]:
    translations = Translations()
    return [await command.get_translated_payload(tree, translations) for command in tree.get_commands()]


def digest_of(payload: list[dict[str, Any]], api_url: str, application_id: int) -> str:
    told = json.dumps([api_url, application_id, payload], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
