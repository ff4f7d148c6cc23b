"""/jobs and the button that cancels a waiting job."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import DynamicItemType, defer, missing_permissions
from bot.client.controls import Control, acts_as_staff, cog_of, member_of, requester_of, suggestions, texts_of
from bot.domain.ids import ChannelId, JobId, UserId
from bot.domain.jobs import JobState
from bot.errors.requests import MissingPermissionsError
from bot.i18n import N_
from bot.rendering import choices, replies
from bot.services.availability import Availability
from bot.services.jobs import Jobs, Spot

# Ids that fit the database's integers and Discord's option of type integer (up to 2^53).
# Who may use this command, which opens any job, is staff for ours too.
MODERATE = "moderate"

JobNumber = app_commands.Range[int, 1, 9_007_199_254_740_991]
PageNumber = app_commands.Range[int, 1, 100_000]


# A member whose channel or guild is gone claims from the direct messages; the rest asks for a guild by itself.
@app_commands.allowed_contexts(guilds=True, dms=True)
class JobsCog(
    commands.GroupCog,
    name="jobs",
    group_name="jobs",
    group_description=locale_str(N_("Your videos: what was made, what is on its way")),
):
    """A member's view of their jobs; staff may look at any job of their server."""

    def __init__(self, *, jobs: Jobs, availability: Availability) -> None:
        self._jobs = jobs
        self._availability = availability

    @app_commands.command(name="list", description=locale_str(N_("Your videos, newest first")))
    @app_commands.describe(page=locale_str(N_("Which page; the first has the newest")))
    async def list_jobs(self, interaction: discord.Interaction, page: PageNumber = 1) -> None:
        await defer(interaction, ephemeral=True)
        card, view = await self._page(interaction, page)
        await interaction.edit_original_response(embed=card, view=view)

    @app_commands.command(name="show", description=locale_str(N_("Everything about one video")))
    @app_commands.describe(job=locale_str(N_("The job's number")))
    async def show(self, interaction: discord.Interaction, job: JobNumber) -> None:
        await defer(interaction, ephemeral=True)
        staff = await acts_as_staff(interaction, MODERATE)
        found = await self._jobs.details(*member_of(interaction), JobId(job), is_staff=staff)
        card = replies.job_details(
            texts_of(interaction),
            found.job,
            [(event.at, event.target) for event in found.timeline],
            found.charged,
            self._availability.catalogue,
            is_staff=staff,
        )
        await interaction.edit_original_response(embed=card)

    @app_commands.command(name="cancel", description=locale_str(N_("Stop a video that is still waiting")))
    @app_commands.describe(job=locale_str(N_("The job's number")))
    async def cancel(self, interaction: discord.Interaction, job: JobNumber) -> None:
        await self.stop(interaction, JobId(job))

    @app_commands.command(name="claim", description=locale_str(N_("Get a finished video that could not be posted")))
    @app_commands.describe(job=locale_str(N_("The job's number")))
    async def claim(self, interaction: discord.Interaction, job: JobNumber) -> None:
        is_direct = interaction.guild_id is None
        missing = [] if is_direct else missing_permissions(interaction)
        if missing:
            raise MissingPermissionsError(permissions=", ".join(missing))
        await defer(interaction, ephemeral=True)
        spot = None if is_direct else self._spot(interaction)
        claimed = await self._jobs.claim(UserId(interaction.user.id), JobId(job), spot, interaction.filesize_limit)
        _ = texts_of(interaction)
        await interaction.edit_original_response(content=_("The video of job {job} is coming here.", job=claimed.id))

    def _spot(self, interaction: discord.Interaction) -> Spot:
        return Spot(
            guild_id=member_of(interaction)[0],
            channel_id=ChannelId(interaction.channel_id or 0),
            requester=requester_of(interaction),
            catalogue=self._availability.catalogue,
        )

    async def stop(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Cancel for the command and for the button; the card follows the job by itself."""
        await defer(interaction, ephemeral=True)
        staff = await acts_as_staff(interaction, MODERATE)
        job = await self._jobs.cancel(*member_of(interaction), job_id, is_staff=staff)
        await interaction.edit_original_response(content=replies.cancelled(texts_of(interaction), job))

    async def turn(self, interaction: discord.Interaction, number: int) -> None:
        """Another page in the same message."""
        card, view = await self._page(interaction, number)
        await interaction.response.edit_message(embed=card, view=view)

    async def _page(
        self, interaction: discord.Interaction, number: int
    ) -> tuple[discord.Embed, discord.ui.View | None]:
        _ = texts_of(interaction)
        page = await self._jobs.page(*member_of(interaction), number)
        card = replies.job_list(_, page.jobs, page.number, self._availability.catalogue)
        return card, replies.page_buttons(_, "page:jobs", page.number, has_more=page.has_more)

    @show.autocomplete("job")
    async def suggest_any(self, interaction: discord.Interaction, typed: str) -> list[Choice[int]]:
        return await suggestions(interaction, self._newest(interaction, typed, frozenset(JobState)))

    @cancel.autocomplete("job")
    async def suggest_waiting(self, interaction: discord.Interaction, typed: str) -> list[Choice[int]]:
        return await suggestions(interaction, self._newest(interaction, typed, frozenset({JobState.QUEUED})))

    @claim.autocomplete("job")
    async def suggest_parked(self, interaction: discord.Interaction, typed: str) -> list[Choice[int]]:
        return await suggestions(interaction, self._parked(interaction, typed))

    async def _parked(self, interaction: discord.Interaction, typed: str) -> list[Choice[int]]:
        found = await self._jobs.parked(UserId(interaction.user.id))
        meant = [job for job in found if str(job.id).startswith(str(typed).strip())]
        return [Choice(name=choices.job_choice(texts_of(interaction), job), value=job.id) for job in meant]

    async def _newest(
        self, interaction: discord.Interaction, typed: str, states: frozenset[JobState]
    ) -> list[Choice[int]]:
        page = await self._jobs.page(*member_of(interaction))
        # Discord sends what was typed into a number's field as text or as a number.
        meant = [job for job in page.jobs if job.state in states and str(job.id).startswith(str(typed).strip())]
        return [Choice(name=choices.job_choice(texts_of(interaction), job), value=job.id) for job in meant]


class CancelButton(Control, template=r"job:(?P<id>[0-9]{1,18}):cancel"):
    """On the card of a waiting job, for its requester and for staff."""

    async def act(self, interaction: discord.Interaction) -> None:
        await cog_of(interaction, JobsCog).stop(interaction, JobId(int(self.match["id"])))


class JobPageButton(Control, template=r"page:jobs:(?P<number>[0-9]{1,6})"):
    """Turns the pages of /jobs list."""

    async def act(self, interaction: discord.Interaction) -> None:
        await cog_of(interaction, JobsCog).turn(interaction, int(self.match["number"]))


CONTROLS: tuple[DynamicItemType, ...] = (CancelButton, JobPageButton)
