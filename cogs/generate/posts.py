"""What is done with the message that a video was posted in."""

from __future__ import annotations

import discord

from bot import logs
from bot.client import defer, missing_permissions
from bot.client.controls import member_of, texts_of
from bot.domain.ids import JobId
from bot.errors.jobs import NotYoursError
from bot.errors.requests import MissingPermissionsError
from bot.services.jobs import Jobs

log = logs.get(__name__)


class Posts:
    """Delete under a posted video."""

    def __init__(self, *, jobs: Jobs) -> None:
        self._jobs = jobs

    async def delete(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Take the posted video away, for its requester and for those who may delete messages here."""
        guild_id, user_id = member_of(interaction)
        found = await self._jobs.details(guild_id, user_id, job_id, is_staff=True)
        may_delete_any = interaction.permissions.manage_messages or interaction.permissions.administrator
        if found.job.user_id != user_id and not may_delete_any:
            raise NotYoursError
        await defer(interaction, ephemeral=True)
        if interaction.message is not None:
            try:
                await interaction.message.delete()
            except discord.NotFound:
                log.info("message_already_deleted", job=job_id)
            except discord.Forbidden as err:
                missing = missing_permissions(interaction)
                if missing:
                    raise MissingPermissionsError(permissions=", ".join(missing)) from err
                raise
        _ = texts_of(interaction)
        await interaction.edit_original_response(content=_("The video of job {job} is deleted here.", job=job_id))
