"""/stats: what became of a server's videos in the last days."""

from __future__ import annotations

from io import BytesIO

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import defer
from bot.client.controls import can_manage, member_of, texts_of
from bot.domain.charts import Theme
from bot.i18n import N_
from bot.media import Charts
from bot.rendering import statistics as cards
from bot.services.availability import Availability
from bot.services.staff import Staff, check_staff
from bot.services.statistics import StatisticsDesk

DAYS: list[Choice[int]] = [
    Choice(name=locale_str(N_("the last 7 days")), value=7),
    Choice(name=locale_str(N_("the last 30 days")), value=30),
    Choice(name=locale_str(N_("the last 90 days")), value=90),
]
THEMES: list[Choice[str]] = [
    Choice(name=locale_str(N_("for a dark background")), value=Theme.DARK.value),
    Choice(name=locale_str(N_("for a light background")), value=Theme.LIGHT.value),
]


class StatisticsCog(commands.Cog):
    """Numbers for staff."""

    def __init__(self, *, desk: StatisticsDesk, charts: Charts, availability: Availability) -> None:
        self._desk = desk
        self._charts = charts
        self._availability = availability

    # Discord hides it from members without the right; the service checks it, because servers can change who sees it.
    @app_commands.command(name="stats", description=locale_str(N_("Videos, credits and failures of the last days")))
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
        guild_id, user_id = member_of(interaction)
        staff = Staff(user_id=user_id, guild_id=guild_id, can_manage=can_manage(interaction))
        check_staff(staff)  # Before a process is started for anybody.
        async with self._charts.pencil() as pencil:
            found = await self._desk.last(staff, days)
            chart = cards.chart(interaction.locale.value, found, self._availability.catalogue, Theme(theme))
            png = await pencil.draw(chart)
        card = cards.card(texts_of(interaction), found, self._availability.catalogue, has_chart=png is not None)
        files = [] if png is None else [discord.File(BytesIO(png), cards.PICTURE)]
        await interaction.edit_original_response(embed=card, attachments=files)
