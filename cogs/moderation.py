"""/moderate: what a server's staff does about members and jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import DynamicItemType, at_once, defer, guarded
from bot.client.controls import Control, cog_of, member_of, staff_of, suggestions, texts_of
from bot.domain import spans
from bot.domain.ids import JobId, UserId
from bot.errors.staff import BadSpanError
from bot.i18n import N_, Texts
from bot.rendering import job_files
from bot.rendering import moderation as cards
from bot.rendering import staff_log as staff_lines
from bot.services.availability import Availability
from bot.services.job_desk import JobDesk
from bot.services.moderation import Moderation
from bot.services.staff_log import StaffLog

# The command whose assignments count for its buttons and forms too.
MODERATE = "moderate"

# Ids that fit the database's integers and Discord's option of type integer (up to 2^53).
JobNumber = app_commands.Range[int, 1, 9_007_199_254_740_991]
Reason = app_commands.Range[str, 1, 200]
# A form that nobody sends stays in memory until then.
FORM_LIFE = timedelta(hours=1)
LONGEST_REPORT = 500


# Discord hides these from members without the right; the service checks it, by what their server has assigned.
@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class ModerationCog(
    commands.GroupCog,
    name=MODERATE,
    group_name=MODERATE,
    group_description=locale_str(N_("Stop abuse: block members, look at any job")),
):
    """What moderators do about members."""

    def __init__(
        self, *, moderation: Moderation, staff_log: StaffLog, desk: JobDesk, availability: Availability
    ) -> None:
        self._moderation = moderation
        self._staff_log = staff_log
        self._desk = desk
        self._availability = availability

    @app_commands.command(name="block", description=locale_str(N_("Let a member make no videos here")))
    @app_commands.describe(
        member=locale_str(N_("Who")),
        reason=locale_str(N_("Why; the member and the staff see it")),
        expiry=locale_str(N_("For how long: 30m, 12h, 3d, 2w or forever")),
    )
    async def block(
        self, interaction: discord.Interaction, member: discord.User, reason: Reason, expiry: str = spans.FOR_GOOD
    ) -> None:
        await self.blocks(interaction, UserId(member.id), reason, expiry)

    @app_commands.command(name="unblock", description=locale_str(N_("Let a member make videos again")))
    @app_commands.describe(member=locale_str(N_("Who")), reason=locale_str(N_("Why; the staff sees it")))
    async def unblock(
        self, interaction: discord.Interaction, member: discord.User, reason: Reason | None = None
    ) -> None:
        await defer(interaction, ephemeral=True)
        await self._moderation.unblock(await staff_of(interaction, MODERATE), UserId(member.id), reason)
        text = cards.unblocked(texts_of(interaction), UserId(member.id))
        await interaction.edit_original_response(content=text)

    @app_commands.command(name="stop", description=locale_str(N_("Stop all videos in this server, at once")))
    @app_commands.describe(reason=locale_str(N_("Why; members and the staff see it")))
    async def stop(self, interaction: discord.Interaction, reason: Reason) -> None:
        await defer(interaction, ephemeral=True)
        cancelled = await self._moderation.stop(await staff_of(interaction, MODERATE), reason)
        await interaction.edit_original_response(content=cards.stopped(texts_of(interaction), len(cancelled)))

    @app_commands.command(name="resume", description=locale_str(N_("Let videos be made in this server again")))
    @app_commands.describe(reason=locale_str(N_("Why; the staff sees it")))
    async def resume(self, interaction: discord.Interaction, reason: Reason | None = None) -> None:
        await defer(interaction, ephemeral=True)
        await self._moderation.resume(await staff_of(interaction, MODERATE), reason)
        await interaction.edit_original_response(content=cards.resumed(texts_of(interaction)))

    @app_commands.command(
        name="job", description=locale_str(N_("Everything about one job, and what can be done with it"))
    )
    @app_commands.describe(job=locale_str(N_("The job's number; it stands under every video")))
    async def job(self, interaction: discord.Interaction, job: JobNumber) -> None:
        await self.open(interaction, JobId(job))

    async def open(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """The card of a job, seen by nobody else."""
        await defer(interaction, ephemeral=True)
        file = await self._desk.open(await staff_of(interaction, MODERATE), job_id)
        _ = texts_of(interaction)
        card = job_files.card(_, file, self._availability.catalogue)
        await interaction.edit_original_response(embed=card, view=job_files.view(_, file))

    async def act(self, interaction: discord.Interaction, job_id: JobId, action: str) -> None:
        """What a button of the card does; the card is drawn anew by opening it again."""
        await defer(interaction, ephemeral=True)
        staff, credits = await staff_of(interaction, MODERATE), 0
        match action:
            case "redeliver":
                await self._desk.redeliver(staff, job_id)
            case "refund":
                credits = await self._desk.refund(staff, job_id)
            case _:
                await self._desk.cancel(staff, job_id)
        text = cards.done(texts_of(interaction), action, job_id, credits)
        await interaction.edit_original_response(content=text)

    async def ask_block(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Ask why and for how long the job's member is to be blocked."""
        file = await at_once(self._desk.open(await staff_of(interaction, MODERATE), job_id))
        await interaction.response.send_modal(BlockForm(self, file.job.user_id, texts_of(interaction)))

    async def blocks(self, interaction: discord.Interaction, member: UserId, reason: str, expiry: str) -> None:
        """The form came back."""
        span = span_of(expiry)
        await defer(interaction, ephemeral=True)
        done = await self._moderation.block(await staff_of(interaction, MODERATE), member, reason, span)
        text = cards.blocked(texts_of(interaction), done.block, len(done.cancelled))
        await interaction.edit_original_response(content=text)

    @app_commands.command(name="log", description=locale_str(N_("The last lines of the staff log")))
    async def log(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        found = await self._staff_log.newest(await staff_of(interaction, MODERATE))
        await interaction.edit_original_response(embed=staff_lines.newest(texts_of(interaction), found))

    async def report(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Ask a member what is wrong with a video."""
        member_of(interaction)
        await interaction.response.send_modal(ReportForm(self, job_id, texts_of(interaction)))

    async def reported(self, interaction: discord.Interaction, job_id: JobId, reason: str) -> None:
        """The form came back."""
        await defer(interaction, ephemeral=True)
        done = await self._staff_log.report(*member_of(interaction), job_id, reason)
        text = cards.reported(texts_of(interaction), has_channel=done.has_channel)
        await interaction.edit_original_response(content=text)

    @app_commands.command(name="blocked", description=locale_str(N_("Who is blocked, until when and why")))
    async def blocked(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        found = await self._moderation.blocked(await staff_of(interaction, MODERATE))
        await interaction.edit_original_response(embed=cards.block_list(texts_of(interaction), found))

    @block.autocomplete("expiry")
    async def suggest_spans(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._spans(interaction, typed))

    async def _spans(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        _ = texts_of(interaction)
        return [Choice(name=_(text), value=span) for span, text in cards.SPANS.items() if span.startswith(typed)]


class ReportForm(discord.ui.Modal):
    """Asks what is wrong with a video."""

    def __init__(self, cog: ModerationCog, job_id: JobId, _: Texts) -> None:
        super().__init__(title=_("Report this video"), timeout=FORM_LIFE.total_seconds())
        self._cog = cog
        self._job_id = job_id
        self._reason: discord.ui.TextInput[Self] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, max_length=LONGEST_REPORT
        )
        self.add_item(discord.ui.Label(text=_("What is wrong with it?"), component=self._reason))

    @guarded
    async def on_submit(self, interaction: discord.Interaction) -> None:
        await self._cog.reported(interaction, self._job_id, self._reason.value)


class ReportButton(Control, template=r"job:(?P<id>[0-9]{1,18}):report"):
    """Under a posted video, for everybody who sees it."""

    async def act(self, interaction: discord.Interaction) -> None:
        await cog_of(interaction, ModerationCog).report(interaction, JobId(int(self.match["id"])))


class BlockForm(discord.ui.Modal):
    """Asks why and for how long."""

    def __init__(self, cog: ModerationCog, member: UserId, _: Texts) -> None:
        super().__init__(title=_("Block this member"), timeout=FORM_LIFE.total_seconds())
        self._cog = cog
        self._member = member
        self._reason: discord.ui.TextInput[Self] = discord.ui.TextInput(max_length=200)
        self._expiry: discord.ui.TextInput[Self] = discord.ui.TextInput(max_length=20, default=spans.FOR_GOOD)
        self.add_item(discord.ui.Label(text=_("Reason"), component=self._reason))
        self.add_item(discord.ui.Label(text=_("For how long: 30m, 12h, 3d, 2w or forever"), component=self._expiry))

    @guarded
    async def on_submit(self, interaction: discord.Interaction) -> None:
        await self._cog.blocks(interaction, self._member, self._reason.value, self._expiry.value)


class JobFileButton(Control, template=r"staff:(?P<id>[0-9]{1,18}):(?P<action>card|redeliver|refund|cancel|block)"):
    """Under a job's card and under the reports in the staff's log."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, job_id = cog_of(interaction, ModerationCog), JobId(int(self.match["id"]))
        match self.match["action"]:
            case "card":
                await cog.open(interaction, job_id)
            case "block":
                await cog.ask_block(interaction, job_id)
            case action:
                await cog.act(interaction, job_id, action)


CONTROLS: tuple[DynamicItemType, ...] = (ReportButton, JobFileButton)


def span_of(text: str) -> timedelta | None:
    """Raises BadSpanError."""
    try:
        return spans.parse(text)
    except ValueError as error:
        raise BadSpanError(given=text) from error
