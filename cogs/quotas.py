"""/quota: what a server's staff lets its members spend."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client import defer
from bot.client.controls import can_manage, member_of, texts_of
from bot.domain.ids import UserId
from bot.domain.quotas import MAX_CREDITS, Quota
from bot.i18n import N_
from bot.rendering import replies
from bot.services.quotas import Quotas, Staff

Amount = app_commands.Range[int, 0, MAX_CREDITS]
Gift = app_commands.Range[int, 1, MAX_CREDITS]
Reason = app_commands.Range[str, 1, 200]


# Discord hides these from members without the right; the service checks it, because servers can change who sees them.
@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class QuotasCog(
    commands.GroupCog,
    name="quota",
    group_name="quota",
    group_description=locale_str(N_("What members of this server may spend")),
):
    """The staff's side of the ledger."""

    def __init__(self, *, quotas: Quotas) -> None:
        self._quotas = quotas

    @app_commands.command(name="show", description=locale_str(N_("The rules of this server and what was spent")))
    async def show(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        await self._answer(interaction, await self._quotas.show(staff_of(interaction)))

    @app_commands.command(name="default", description=locale_str(N_("Set what each member may spend per day")))
    @app_commands.describe(credits=locale_str(N_("Credits per member and day; 0 closes the bot for everybody")))
    async def default(self, interaction: discord.Interaction, credits: Amount) -> None:
        await defer(interaction, ephemeral=True)
        await self._answer(interaction, await self._quotas.set_default(staff_of(interaction), credits))

    @app_commands.command(name="pool", description=locale_str(N_("Set what all members together may spend")))
    @app_commands.describe(credits=locale_str(N_("Credits left for all; leave it out for no limit")))
    async def pool(self, interaction: discord.Interaction, credits: Amount | None = None) -> None:
        await defer(interaction, ephemeral=True)
        await self._answer(interaction, await self._quotas.set_pool(staff_of(interaction), credits))

    @app_commands.command(name="grant", description=locale_str(N_("Give a member extra credits that do not expire")))
    @app_commands.describe(
        member=locale_str(N_("Who gets them")),
        credits=locale_str(N_("How many; they come out of the pool if it is limited")),
        reason=locale_str(N_("Why; the member sees it in their history")),
    )
    async def grant(
        self, interaction: discord.Interaction, member: discord.User, credits: Gift, reason: Reason | None = None
    ) -> None:
        await defer(interaction, ephemeral=True)
        member_id = UserId(member.id)
        balance = await self._quotas.grant(staff_of(interaction), member_id, credits, reason)
        text = replies.granted(texts_of(interaction), member_id, credits, balance)
        await interaction.edit_original_response(content=text)

    async def _answer(self, interaction: discord.Interaction, quota: Quota) -> None:
        await interaction.edit_original_response(embed=replies.quota(texts_of(interaction), quota))


def staff_of(interaction: discord.Interaction) -> Staff:
    guild_id, user_id = member_of(interaction)
    return Staff(user_id=user_id, guild_id=guild_id, can_manage=can_manage(interaction))
