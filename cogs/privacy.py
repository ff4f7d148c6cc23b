"""/privacy: everybody's own data, to take away or to have deleted; works in direct messages, too."""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client import DynamicItemType, defer
from bot.client.controls import Control, cog_of, texts_of
from bot.client.uploads import is_too_large, upload_limits
from bot.domain.ids import UserId
from bot.errors.privacy import ExportTooLargeError
from bot.i18n import N_
from bot.media.archives import pack
from bot.rendering import privacy as cards
from bot.services.privacy import Copy, Privacy

# How often a person can have a copy made: once more if something goes wrong.
MOST_COPIES, COPIES_PER = 3, timedelta(minutes=10)


@app_commands.allowed_contexts(guilds=True, dms=True)
class PrivacyCog(
    commands.GroupCog,
    name="privacy",
    group_name="privacy",
    group_description=locale_str(N_("Your data: take a copy, or have it deleted")),
):
    """A person's own data. Nobody acts for anybody else."""

    def __init__(self, *, privacy: Privacy, inputs: Path, results: Path, scratch: Path) -> None:
        self._privacy = privacy
        self._folders = (inputs, results)
        self._scratch = scratch
        # Each may take as much of the disk as Discord takes; one after the other that is bounded.
        self._turn = asyncio.Lock()

    @app_commands.command(name="export", description=locale_str(N_("Everything that is stored about you, as a file")))
    @app_commands.checks.cooldown(MOST_COPIES, COPIES_PER.total_seconds())
    async def export(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        copy = await self._privacy.copy(UserId(interaction.user.id))
        async with self._turn:
            for limit in upload_limits(interaction):
                if await self._sent(interaction, copy, limit):
                    return
        raise ExportTooLargeError

    async def _sent(self, interaction: discord.Interaction, copy: Copy, limit: int) -> bool:
        """Whether Discord took a file of at most *limit* bytes."""
        # Without a name: nothing of it is left behind, whatever happens to us.
        with tempfile.TemporaryFile(dir=self._scratch) as target:
            left_out = await asyncio.to_thread(self._pack, target, copy, limit)
            if target.tell() > limit:
                return False
            target.seek(0)
            text = cards.copied(texts_of(interaction), left_out=left_out)
            try:
                await interaction.edit_original_response(content=text, attachments=[discord.File(target, cards.FILE)])
            except discord.HTTPException as error:
                if not is_too_large(error):
                    raise
                return False
        return True

    def _pack(self, target: BinaryIO, copy: Copy, limit: int) -> int:
        names = copy.file_names
        found = [path for name in names for folder in self._folders if (path := folder / name).is_file()]
        left_out = pack(target, "data.json", copy.text, found, limit)
        target.seek(0, os.SEEK_END)
        return left_out + len(names) - len(found)

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
