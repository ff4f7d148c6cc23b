"""/privacy: everybody's own data, to take away or to have deleted; works in direct messages, too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client import DynamicItemType, defer
from bot.client.controls import Control, cog_of, texts_of
from bot.domain.ids import UserId
from bot.errors.privacy import ExportTooLargeError
from bot.i18n import N_
from bot.media.archives import Archive, pack
from bot.rendering import privacy as cards
from bot.services.privacy import Privacy


@app_commands.allowed_contexts(guilds=True, dms=True)
class PrivacyCog(
    commands.GroupCog,
    name="privacy",
    group_name="privacy",
    group_description=locale_str(N_("Your data: take a copy, or have it deleted")),
):
    """A person's own data. Nobody acts for anybody else."""

    def __init__(self, *, privacy: Privacy, inputs: Path, results: Path) -> None:
        self._privacy = privacy
        self._folders = (inputs, results)

    @app_commands.command(name="export", description=locale_str(N_("Everything that is stored about you, as a file")))
    async def export(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        copy = await self._privacy.copy(UserId(interaction.user.id))
        limit = interaction.filesize_limit
        archive = await asyncio.to_thread(self._pack, copy.text, copy.file_names, limit)
        if len(archive.content) > limit:
            raise ExportTooLargeError
        text = cards.copied(texts_of(interaction), left_out=archive.left_out)
        file = discord.File(BytesIO(archive.content), cards.FILE)
        await interaction.edit_original_response(content=text, attachments=[file])

    def _pack(self, text: bytes, names: Sequence[str], limit: int) -> Archive:
        found = [path for name in names for folder in self._folders if (path := folder / name).is_file()]
        packed = pack("data.json", text, found, limit)
        return Archive(content=packed.content, left_out=packed.left_out + len(names) - len(found))

    @app_commands.command(name="delete", description=locale_str(N_("Have everything about you deleted")))
    async def delete(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        _ = texts_of(interaction)
        bonus = await self._privacy.loses(UserId(interaction.user.id))
        await interaction.edit_original_response(content=cards.question(_, bonus), view=cards.confirmation(_))

    async def confirmed(self, interaction: discord.Interaction) -> None:
        """Whoever clicks means themselves."""
        await defer(interaction, ephemeral=True)
        await self._privacy.erase(UserId(interaction.user.id))
        await interaction.edit_original_response(content=cards.deleted(texts_of(interaction)))


class DeleteButton(Control, template=r"privacy:delete"):
    """Under the question whether somebody is sure."""

    async def act(self, interaction: discord.Interaction) -> None:
        await cog_of(interaction, PrivacyCog).confirmed(interaction)


CONTROLS: tuple[DynamicItemType, ...] = (DeleteButton,)
