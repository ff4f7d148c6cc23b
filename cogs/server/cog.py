"""The commands of /server, and what its buttons, menus and forms change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import at_once, defer
from bot.client.controls import staff_of, texts_of
from bot.domain.ids import ChannelId, ModelId, RoleId
from bot.domain.policies import AssistMode, Spoilers
from bot.domain.policy_sections import Section, with_allowed_models, with_allowed_roles, with_restricted_models, without
from bot.errors.requests import StaleControlError
from bot.i18n import N_
from bot.rendering import server_settings as panels
from bot.services.availability import Availability
from bot.services.policies import Policies
from bot.services.staff import check_staff
from cogs.server.forms import FORMS, Change

# The command whose assignments count for its panels and forms too.
SERVER = "server"

SECTIONS = [Choice(name=locale_str(title), value=section.value) for section, title in panels.TITLES.items()]


# Discord hides these from members without the right; the service checks it, by what their server has assigned.
@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class ServerCog(
    commands.GroupCog,
    name=SERVER,
    group_name=SERVER,
    group_description=locale_str(N_("How the bot behaves in this server")),
):
    """The settings of a guild."""

    def __init__(self, *, policies: Policies, availability: Availability) -> None:
        self._policies = policies
        self._availability = availability

    @app_commands.command(name="settings", description=locale_str(N_("All settings of this server")))
    async def settings(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        staff = await staff_of(interaction, SERVER)
        check_staff(staff)
        policy = await self._policies.find(staff.guild_id)
        await interaction.edit_original_response(embed=panels.overview(texts_of(interaction), policy))

    @app_commands.command(name="limits", description=locale_str(N_("Price, number and pace of videos")))
    async def limits(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.LIMITS)

    @app_commands.command(name="channels", description=locale_str(N_("In which channels videos can be asked for")))
    async def channels(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.CHANNELS)

    @app_commands.command(name="roles", description=locale_str(N_("Which roles may ask for videos")))
    async def roles(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.ROLES)

    @app_commands.command(name="models", description=locale_str(N_("Which models can be used, and where")))
    async def models(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.MODELS)

    @app_commands.command(name="language", description=locale_str(N_("Language of public messages, and the time zone")))
    async def language(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.LANGUAGE)

    @app_commands.command(name="videos", description=locale_str(N_("Spoilers, the assistant, and broken models")))
    async def videos(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.VIDEOS)

    @app_commands.command(name="gifts", description=locale_str(N_("Whether members may give credits to each other")))
    async def gifts(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.GIFTS)

    @app_commands.command(name="log", description=locale_str(N_("Where the staff hears what happens")))
    async def log(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.LOG)

    @app_commands.command(name="privacy", description=locale_str(N_("How long prompts and videos are kept")))
    async def privacy(self, interaction: discord.Interaction) -> None:
        await self._open(interaction, Section.PRIVACY)

    @app_commands.command(name="reset", description=locale_str(N_("Put some settings back to how they began")))
    @app_commands.describe(what=locale_str(N_("Which of them")))
    @app_commands.choices(what=SECTIONS)
    async def reset(self, interaction: discord.Interaction, what: str) -> None:
        section = Section(what)
        await defer(interaction, ephemeral=True)
        done = await self._policies.change(await staff_of(interaction, SERVER), lambda policy: without(policy, section))
        card = panels.section(texts_of(interaction), done.after, section)
        await interaction.edit_original_response(embed=card)

    async def _open(self, interaction: discord.Interaction, section: Section) -> None:
        await defer(interaction, ephemeral=True)
        staff = await staff_of(interaction, SERVER)
        check_staff(staff)
        policy = await self._policies.find(staff.guild_id)
        _ = texts_of(interaction)
        view = panels.controls(_, policy, section, self._models())
        await interaction.edit_original_response(embed=panels.section(_, policy, section), view=view)

    async def change(self, interaction: discord.Interaction, section: Section, how: Change) -> None:
        """Change the policy and show the section as it is then, in the same message."""
        await interaction.response.defer()
        done = await self._policies.change(await staff_of(interaction, SERVER), how)
        _ = texts_of(interaction)
        view = panels.controls(_, done.after, section, self._models())
        await interaction.edit_original_response(embed=panels.section(_, done.after, section), view=view)

    async def press(self, interaction: discord.Interaction, section: Section, what: str) -> None:
        """A button of a section."""
        match what:
            case "form":
                staff = await staff_of(interaction, SERVER)
                check_staff(staff)
                policy = await at_once(self._policies.find(staff.guild_id))
                await interaction.response.send_modal(
                    FORMS[section](section, policy, texts_of(interaction), self.change)
                )
            case "reset":
                await self.change(interaction, section, lambda policy: without(policy, section))
            case _ if what in TOGGLES:
                await self.change(interaction, section, TOGGLES[what])
            case _:
                raise StaleControlError

    async def choose(self, interaction: discord.Interaction, section: Section, what: str, values: list[str]) -> None:
        """A choice in a menu of a section."""
        await self.change(interaction, section, self._chosen(section, what, values))

    def _chosen(self, section: Section, what: str, values: list[str]) -> Change:
        match section, what:
            case Section.CHANNELS, "list":
                channels = frozenset(ChannelId(int(value)) for value in values)
                return lambda policy: replace(policy, channels=channels)
            case Section.ROLES, "list":
                roles = frozenset(RoleId(int(value)) for value in values)
                return lambda policy: with_allowed_roles(policy, roles)
            case Section.LANGUAGE, "language":
                language = values[0] if values[0] in panels.LANGUAGES else None
                return lambda policy: replace(policy, language=language)
            case Section.VIDEOS, "spoilers":
                return lambda policy: replace(policy, spoilers=Spoilers(values[0]))
            case Section.VIDEOS, "assist":
                return lambda policy: replace(policy, assist=AssistMode(values[0]))
            case Section.LOG, "log":
                return lambda policy: replace(policy, log_channel_id=_one_channel(values))
            case Section.LOG, "reports":
                return lambda policy: replace(policy, report_channel_id=_one_channel(values))
            case Section.MODELS, _:
                kind, _, number = what.partition("_")
                menus = panels.in_menus(self._models())
                offered = frozenset(menus[int(number)]) if int(number) < len(menus) else frozenset()
                chosen = frozenset(ModelId(value) for value in values) & offered
                change = with_allowed_models if kind == "allowed" else with_restricted_models
                return lambda policy: change(policy, offered, chosen)
            case _:
                raise StaleControlError

    def _models(self) -> list[ModelId]:
        return sorted(model.id for model in self._availability.offered())


TOGGLES: Mapping[str, Change] = {
    "restricted": lambda policy: replace(policy, is_restricted_only=not policy.is_restricted_only),
    "successor": lambda policy: replace(policy, may_offer_successor=not policy.may_offer_successor),
    "allowed": lambda policy: replace(policy, gifts=replace(policy.gifts, are_allowed=not policy.gifts.are_allowed)),
    "prompts": lambda policy: replace(policy, are_prompts_logged=not policy.are_prompts_logged),
}


def _one_channel(values: list[str]) -> ChannelId | None:
    return ChannelId(int(values[0])) if values else None
