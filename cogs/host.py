"""/host: what the people who run the bot see and decide, in servers and in direct messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import defer
from bot.client.controls import client_of, suggestions, texts_of
from bot.client.owners import is_owner
from bot.domain.hosting import NO_LIMIT, usd_of
from bot.domain.ids import GuildId, UserId
from bot.domain.models import ModelState, closest_model_id
from bot.errors.host import BadAmountError, BadServerError
from bot.errors.requests import UnknownModelError
from bot.i18n import N_
from bot.rendering import choices, host, replies
from bot.rendering.prompts import harmless
from bot.rendering.words import moment
from bot.services.availability import Availability
from bot.services.hosting import Hosting, Owner

Message = app_commands.Range[str, 1, 300]
Amount = app_commands.Range[str, 1, 20]
Days = app_commands.Range[int, 1, 366]

ACTS = (N_("list"), N_("allow"), N_("deny"), N_("forget"), N_("invitation only"), N_("open to all"))


# Discord hides these from everybody but administrators; the service checks the right, because it is not theirs either.
@app_commands.allowed_contexts(guilds=True, dms=True)
@app_commands.default_permissions()
class HostCog(
    commands.GroupCog,
    name="host",
    group_name="host",
    group_description=locale_str(N_("For the people who run this bot")),
):
    """The host's side of everything."""

    def __init__(self, *, hosting: Hosting, availability: Availability, owner_ids: Collection[UserId]) -> None:
        self._hosting = hosting
        self._availability = availability
        self._owner_ids = owner_ids

    @app_commands.command(name="status", description=locale_str(N_("How the bot is doing: queue, budget, providers")))
    async def status(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        found = await self._hosting.status(self._owner(interaction))
        await self._answer(interaction, N_("The bot"), host.status(texts_of(interaction), found, moment))

    @app_commands.command(name="budget", description=locale_str(N_("Show or set what may be spent")))
    @app_commands.describe(
        daily=locale_str(N_("US dollars per day, none, or default for what the settings say")),
        monthly=locale_str(N_("US dollars per month, none, or default for what the settings say")),
        server=locale_str(N_("Only for this server; left out, for all together")),
    )
    async def budget(
        self,
        interaction: discord.Interaction,
        daily: Amount | None = None,
        monthly: Amount | None = None,
        server: str | None = None,
    ) -> None:
        day, month = budget_of("daily", daily), budget_of("monthly", monthly)
        guild_id = None if server is None else guild_of(server)
        await defer(interaction, ephemeral=True)
        owner, _ = self._owner(interaction), texts_of(interaction)
        if guild_id is not None:
            # A server has no default of its own: without a decision it has no limit.
            day, month = (NO_LIMIT if each == "" else each for each in (day, month))
            terms = await self._hosting.set_ceiling(owner, guild_id, daily=day, monthly=month)
            await self._answer(interaction, N_("Servers"), host.guilds(_, terms, self._names(interaction)))
            return
        if day is not None or month is not None:
            await self._hosting.set_budget(owner, daily=day, monthly=month)
        await self._answer(interaction, N_("Budget"), host.budget(_, await self._hosting.budget(owner)))

    @app_commands.command(name="pause", description=locale_str(N_("Accept no new videos; what runs goes on")))
    @app_commands.describe(message=locale_str(N_("What members read")))
    async def pause(self, interaction: discord.Interaction, message: Message | None = None) -> None:
        await defer(interaction, ephemeral=True)
        terms = await self._hosting.pause(self._owner(interaction), message or "")
        await self._answer(interaction, N_("The bot"), host.intake(texts_of(interaction), terms))

    @app_commands.command(name="resume", description=locale_str(N_("Accept new videos again")))
    async def resume(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        terms = await self._hosting.resume(self._owner(interaction))
        await self._answer(interaction, N_("The bot"), host.intake(texts_of(interaction), terms))

    @app_commands.command(name="guilds", description=locale_str(N_("Which servers are served")))
    @app_commands.describe(
        act=locale_str(N_("What to do; left out, the list is shown")), server=locale_str(N_("Which server"))
    )
    @app_commands.choices(act=[Choice(name=locale_str(text), value=text) for text in ACTS])
    async def guilds(self, interaction: discord.Interaction, act: str = "list", server: str | None = None) -> None:
        guild_id = guild_of(server) if act in ("allow", "deny", "forget") else None
        await defer(interaction, ephemeral=True)
        owner = self._owner(interaction)
        if guild_id is not None:
            terms = await self._hosting.allow(owner, guild_id, {"allow": True, "deny": False}.get(act))
        elif act in ("invitation only", "open to all"):
            terms = await self._hosting.invite_only(owner, is_invitation_only=act == "invitation only")
        else:
            terms = (await self._hosting.status(owner)).terms
        lines = host.guilds(texts_of(interaction), terms, self._names(interaction))
        await self._answer(interaction, N_("Servers"), lines)

    @app_commands.command(name="usage", description=locale_str(N_("What each server had made, with which models")))
    @app_commands.describe(days=locale_str(N_("How many days, today included")), server=locale_str(N_("Which server")))
    async def usage(self, interaction: discord.Interaction, days: Days = 30, server: str | None = None) -> None:
        guild_id = None if server is None else guild_of(server)
        await defer(interaction, ephemeral=True)
        found = await self._hosting.usage(self._owner(interaction), days, guild_id)
        lines = host.usage(texts_of(interaction), found, self._hosting.in_usd, self._names(interaction))
        await self._answer(interaction, N_("Usage"), lines)

    @app_commands.command(name="models", description=locale_str(N_("Show the models, or switch one on or off")))
    @app_commands.describe(
        model=locale_str(N_("Which model")), state=locale_str(N_("on, off, or auto for what file and provider say"))
    )
    async def models(
        self,
        interaction: discord.Interaction,
        model: str | None = None,
        state: Literal["on", "off", "auto"] | None = None,
    ) -> None:
        catalogue = self._availability.catalogue
        found = None if model is None else catalogue.find(model)
        if model is not None and found is None:
            given = model[:100].replace("`", "'")
            raise UnknownModelError(given=given, nearest=closest_model_id(model, catalogue) or "/models")
        await defer(interaction, ephemeral=True)
        owner = self._owner(interaction)
        terms = (await self._hosting.status(owner)).terms
        if found is not None and state is not None:
            decided = {"on": ModelState.LIVE, "off": ModelState.PAUSED}.get(state)
            terms = await self._hosting.set_model(owner, found.id, decided)
        lines = host.models(texts_of(interaction), catalogue, terms, self._availability.is_offered)
        await self._answer(interaction, N_("Models"), lines)

    @app_commands.command(name="doctor", description=locale_str(N_("Recompute every balance from its entries")))
    async def doctor(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        wrong = await self._hosting.examine(self._owner(interaction))
        await self._answer(interaction, N_("Ledger"), host.ledger(texts_of(interaction), wrong))

    @app_commands.command(name="stuck", description=locale_str(N_("Videos that stand still")))
    async def stuck(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        found = await self._hosting.stuck(self._owner(interaction))
        lines = host.stuck(texts_of(interaction), found, moment, self._names(interaction))
        await self._answer(interaction, N_("Standing still"), lines)

    @app_commands.command(name="orphans", description=locale_str(N_("Create calls that the provider never answered")))
    async def orphans(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        found = await self._hosting.orphans(self._owner(interaction))
        lines = host.orphans(texts_of(interaction), found, moment, self._names(interaction), self._hosting.in_usd)
        await self._answer(interaction, N_("Never answered"), lines)

    @models.autocomplete("model")
    async def suggest_models(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._models_like(interaction, typed))

    @budget.autocomplete("server")
    @guilds.autocomplete("server")
    @usage.autocomplete("server")
    async def suggest_servers(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._servers_like(interaction, typed))

    async def _models_like(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        if not self._owner(interaction).is_owner:
            return []
        meant = [each for each in self._availability.catalogue.models.values() if choices.is_meant(each, typed)]
        return [Choice(name=each.name[:100], value=each.id) for each in meant[: choices.MAX_CHOICES]]

    async def _servers_like(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        # Where the bot is, is nobody else's business.
        if not self._owner(interaction).is_owner:
            return []
        known = [(guild.name, str(guild.id)) for guild in client_of(interaction).guilds]
        meant = [each for each in known if typed.casefold() in each[0].casefold() or each[1].startswith(typed)]
        return [Choice(name=choices.cut(f"{name} · {number}", 100), value=number) for name, number in meant][
            : choices.MAX_CHOICES
        ]

    def _owner(self, interaction: discord.Interaction) -> Owner:
        may = is_owner(interaction.user.id, self._owner_ids, client_of(interaction).application)
        return Owner(user_id=UserId(interaction.user.id), is_owner=may)

    def _names(self, interaction: discord.Interaction) -> host.Name:
        client = client_of(interaction)

        def name(guild_id: GuildId) -> str:
            guild = client.get_guild(guild_id)
            return str(guild_id) if guild is None else f"{harmless(guild.name, 100)} ({guild_id})"

        return name

    async def _answer(self, interaction: discord.Interaction, title: str, lines: Sequence[str]) -> None:
        text = replies.joined(lines, replies.MAX_DESCRIPTION)
        await interaction.edit_original_response(embed=replies.embed(texts_of(interaction)(title), text))


def budget_of(field: str, typed: str | None) -> Decimal | str | None:
    """What was typed as a budget: an amount, NO_LIMIT, "" for the default, None for nothing."""
    if typed is None:
        return None
    word = typed.strip().casefold()
    if word in (NO_LIMIT, "default"):
        return NO_LIMIT if word == NO_LIMIT else ""
    amount = usd_of(word)
    if amount is None:
        raise BadAmountError(field=field, given=typed[:20].replace("`", "'"))
    return amount


def guild_of(typed: str | None) -> GuildId:
    """The server that was typed by its number or chosen from the suggestions."""
    word = (typed or "").strip()
    if not (word.isdecimal() and word.isascii() and 0 < int(word[:20]) < 2**63):
        raise BadServerError
    return GuildId(int(word))
