"""/credits: what a member has, and what became of it."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client import DynamicItemType, defer
from bot.client.controls import Control, cog_of, member_of, requester_of, texts_of
from bot.domain.ids import InteractionId, UserId
from bot.domain.quotas import MAX_CREDITS
from bot.errors.credits import BotGiftError
from bot.i18n import N_, texts
from bot.rendering import replies
from bot.services.credits import Credits

Gift = app_commands.Range[int, 1, MAX_CREDITS]
PageNumber = app_commands.Range[int, 1, 100_000]


@app_commands.guild_only()
class CreditsCog(
    commands.GroupCog,
    name="credits",
    group_name="credits",
    group_description=locale_str(N_("Your credits in this server")),
):
    """A member's side of the ledger."""

    def __init__(self, *, credits: Credits) -> None:
        self._credits = credits

    @app_commands.command(name="balance", description=locale_str(N_("What you can spend now")))
    async def balance(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        balance = await self._credits.balance(*member_of(interaction), requester_of(interaction))
        await interaction.edit_original_response(embed=replies.balance(texts_of(interaction), balance))

    @app_commands.command(name="history", description=locale_str(N_("What became of your credits, newest first")))
    @app_commands.describe(page=locale_str(N_("Which page; the first has the newest")))
    async def history(self, interaction: discord.Interaction, page: PageNumber = 1) -> None:
        await defer(interaction, ephemeral=True)
        card, view = await self._page(interaction, page)
        await interaction.edit_original_response(embed=card, view=view)

    @app_commands.command(name="give", description=locale_str(N_("Give some of your bonus credits to another member")))
    @app_commands.describe(member=locale_str(N_("Who gets them")), credits=locale_str(N_("How many")))
    async def give(self, interaction: discord.Interaction, member: discord.User, credits: Gift) -> None:
        if member.bot:
            raise BotGiftError
        await defer(interaction, ephemeral=True)
        guild_id, giver = member_of(interaction)
        gift = await self._credits.give(guild_id, giver, UserId(member.id), credits, InteractionId(interaction.id))
        text = replies.gave(texts_of(interaction), gift.receiver, gift.credits, gift.left)
        await interaction.edit_original_response(content=text)
        # Whoever gets something is told where everybody can see it: their direct messages may be closed.
        everybody = texts((interaction.guild_locale or interaction.locale).value)
        await interaction.followup.send(
            replies.got(everybody, giver, gift.receiver, gift.credits),
            allowed_mentions=discord.AllowedMentions(users=[discord.Object(gift.receiver)]),
        )

    async def turn(self, interaction: discord.Interaction, number: int) -> None:
        """Another page in the same message."""
        card, view = await self._page(interaction, number)
        await interaction.response.edit_message(embed=card, view=view)

    async def _page(
        self, interaction: discord.Interaction, number: int
    ) -> tuple[discord.Embed, discord.ui.View | None]:
        _ = texts_of(interaction)
        page = await self._credits.history(*member_of(interaction), number)
        card = replies.history(_, page.lines, page.number)
        return card, replies.page_buttons(_, "page:credits", page.number, has_more=page.has_more)


class CreditPageButton(Control, template=r"page:credits:(?P<number>[0-9]{1,6})"):
    """Turns the pages of /credits history."""

    async def act(self, interaction: discord.Interaction) -> None:
        await cog_of(interaction, CreditsCog).turn(interaction, int(self.match["number"]))


CONTROLS: tuple[DynamicItemType, ...] = (CreditPageButton,)
