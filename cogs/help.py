"""/help and /models: what there is and how to use it."""

from __future__ import annotations

from decimal import Decimal

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client import DynamicItemType, defer
from bot.client.controls import Control, client_of, cog_of, texts_of
from bot.domain.models import Mode
from bot.i18n import N_
from bot.rendering import replies
from bot.rendering.model_list import Listed, model_pages
from bot.services.availability import Availability
from bot.services.estimates import Estimates
from bot.services.model_health import ModelHealth


class Help(commands.Cog):
    """What somebody reads before the first video."""

    def __init__(
        self, *, availability: Availability, estimates: Estimates, health: ModelHealth, markup: Decimal
    ) -> None:
        self._availability = availability
        self._estimates = estimates
        self._health = health
        self._markup = markup

    @app_commands.command(name="help", description=locale_str(N_("How to make videos here")))
    @app_commands.guild_only()
    async def help(self, interaction: discord.Interaction) -> None:
        client = client_of(interaction)
        mentions = {command: client.command_mention(command) for command in replies.HELP_COMMANDS.values()}
        card = replies.help_page(texts_of(interaction), mentions)
        await interaction.response.send_message(embed=card, ephemeral=True)

    @app_commands.command(name="models", description=locale_str(N_("What each model can do, costs and takes")))
    @app_commands.guild_only()
    async def models(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        card, view = self._page(interaction, 1)
        await interaction.edit_original_response(embed=card, view=view)

    async def turn(self, interaction: discord.Interaction, number: int) -> None:
        """Another page in the same message."""
        card, view = self._page(interaction, number)
        await interaction.response.edit_message(embed=card, view=view)

    def _page(self, interaction: discord.Interaction, number: int) -> tuple[discord.Embed, discord.ui.View | None]:
        _ = texts_of(interaction)
        listed = []
        for model in self._availability.visible.models.values():
            modes = self._availability.modes(model)
            typical = self._estimates.typical(model, modes[0] if modes else Mode.TEXT)
            is_well = self._health.is_well(model)
            listed.append(Listed(model=model, modes=modes, typical=typical, is_well=is_well))
        pages = model_pages(_, listed, self._availability.visible, self._markup)
        # Models may have come and gone since the button was made.
        number = min(max(1, number), len(pages))
        return pages[number - 1], replies.page_buttons(_, "page:models", number, has_more=number < len(pages))


class ModelPageButton(Control, template=r"page:models:(?P<number>[0-9]{1,6})"):
    """Turns the pages of /models."""

    async def act(self, interaction: discord.Interaction) -> None:
        await cog_of(interaction, Help).turn(interaction, int(self.match["number"]))


CONTROLS: tuple[DynamicItemType, ...] = (ModelPageButton,)
