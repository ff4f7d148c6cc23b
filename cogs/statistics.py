"""/stats and /export: what became of a server's videos in the last days, as a card and as files."""

from __future__ import annotations

import asyncio
import tempfile
from io import BytesIO
from pathlib import Path

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import defer
from bot.client.controls import staff_of, texts_of
from bot.client.uploads import upload_limits
from bot.domain.charts import Theme
from bot.i18n import N_
from bot.media import Charts
from bot.media.downloads import PART
from bot.media.spreadsheets import Spreadsheet
from bot.rendering import statistics as cards
from bot.services.availability import Availability
from bot.services.exports import Exported, Exports
from bot.services.staff import check_staff
from bot.services.statistics import StatisticsDesk

STATS, EXPORT = "stats", "export"

DAYS: list[Choice[int]] = [
    Choice(name=locale_str(N_("the last 7 days")), value=7),
    Choice(name=locale_str(N_("the last 30 days")), value=30),
    Choice(name=locale_str(N_("the last 90 days")), value=90),
]
THEMES: list[Choice[str]] = [
    Choice(name=locale_str(N_("for a dark background")), value=Theme.DARK.value),
    Choice(name=locale_str(N_("for a light background")), value=Theme.LIGHT.value),
]


WHAT: list[Choice[str]] = [
    Choice(name=locale_str(N_("the ledger, line by line")), value=Exported.LEDGER.value),
    Choice(name=locale_str(N_("the jobs")), value=Exported.JOBS.value),
]
# More than these nobody waits for; fewer days make fewer files.
MAX_FILES = 10


class StatisticsCog(commands.Cog):
    """Numbers for staff."""

    def __init__(
        self, *, desk: StatisticsDesk, exports: Exports, charts: Charts, availability: Availability, scratch: Path
    ) -> None:
        self._desk = desk
        self._exports = exports
        self._scratch = scratch
        self._charts = charts
        self._availability = availability

    # Discord hides it from members without the right; the service checks it, by what its server has assigned.
    @app_commands.command(name=STATS, description=locale_str(N_("Videos, credits and failures of the last days")))
    @app_commands.describe(
        days=locale_str(N_("How far back")),
        theme=locale_str(N_("The colours of the chart")),
    )
    @app_commands.choices(days=DAYS)
    @app_commands.choices(theme=THEMES)
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def stats(self, interaction: discord.Interaction, days: int = 30, theme: str = Theme.DARK.value) -> None:
        await defer(interaction, ephemeral=True)
        staff = await staff_of(interaction, STATS)
        check_staff(staff)  # Before a process is started for anybody.
        async with self._charts.pencil() as pencil:
            found = await self._desk.last(staff, days)
            chart = cards.chart(interaction.locale.value, found, self._availability.catalogue, Theme(theme))
            png = await pencil.draw(chart)
        card = cards.card(texts_of(interaction), found, self._availability.catalogue, has_chart=png is not None)
        files = [] if png is None else [discord.File(BytesIO(png), cards.PICTURE)]
        await interaction.edit_original_response(embed=card, attachments=files)

    # Discord hides it from members without the right; the service checks it, by what its server has assigned.
    @app_commands.command(name=EXPORT, description=locale_str(N_("The ledger or the jobs as a file for spreadsheets")))
    @app_commands.describe(what=locale_str(N_("What the file holds")), days=locale_str(N_("How far back")))
    @app_commands.choices(what=WHAT)
    @app_commands.choices(days=DAYS)
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def export(self, interaction: discord.Interaction, what: str, days: int = 30) -> None:
        await defer(interaction, ephemeral=True)
        staff, wanted = await staff_of(interaction, EXPORT), Exported(what)
        check_staff(staff)  # Before anything is written for anybody.
        with tempfile.TemporaryDirectory(prefix="export-", suffix=PART, dir=self._scratch) as folder:
            head, limit = self._exports.head(wanted), upload_limits(interaction)[-1]
            sheet = await asyncio.to_thread(Spreadsheet(Path(folder), wanted.value, head, limit).__enter__)
            try:
                async for rows in self._exports.pages(staff, wanted, days):
                    await asyncio.to_thread(sheet.write, rows)
            finally:
                await asyncio.to_thread(sheet.__exit__, None, None, None)
            texts = texts_of(interaction)
            await interaction.edit_original_response(content=cards.exported(texts, len(sheet.paths), MAX_FILES))
            for path in sheet.paths[:MAX_FILES]:
                await interaction.followup.send(file=discord.File(path), ephemeral=True)
