"""/server: how the bot behaves in a server, set by its staff with menus, buttons and forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Self

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import DynamicItemType, defer, guarded
from bot.client.controls import Control, cog_of, staff_of, texts_of
from bot.domain.ids import ChannelId, ModelId, RoleId
from bot.domain.periods import is_zone
from bot.domain.policies import (
    AssistMode,
    Gifts,
    GuildPolicy,
    Section,
    Spoilers,
    with_allowed_models,
    with_allowed_roles,
    with_restricted_models,
    without,
)
from bot.domain.quotas import MAX_CREDITS
from bot.errors.requests import StaleControlError
from bot.errors.staff import BadNumberError, BadZoneError
from bot.i18n import N_, Texts
from bot.rendering import server_settings as panels
from bot.services.availability import Availability
from bot.services.policies import Policies
from bot.services.staff import check_staff

# The command whose assignments count for its panels and forms too.
SERVER = "server"

Change = Callable[[GuildPolicy], GuildPolicy]

# A form that nobody sends stays in memory until then.
FORM_LIFE = timedelta(hours=1)
MAX_JOBS = 1000
MAX_DAYS = 3650
MAX_COOLDOWN = 7 * 24 * 3600

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
                policy = await self._policies.find(staff.guild_id)
                await interaction.response.send_modal(FORMS[section](self, section, policy, texts_of(interaction)))
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


class SectionForm(discord.ui.Modal):
    """Asks for the numbers of a section. Subclasses say which."""

    def __init__(self, cog: ServerCog, section: Section, policy: GuildPolicy, _: Texts) -> None:
        super().__init__(title=_(panels.TITLES[section]), timeout=FORM_LIFE.total_seconds())
        self._cog = cog
        self._section = section
        self._texts = _
        self._fields: dict[str, discord.ui.TextInput[Self]] = {}
        self.build(policy)

    def build(self, policy: GuildPolicy) -> None:
        raise NotImplementedError

    def change(self) -> Change:
        """What the form says. Raises UserError."""
        raise NotImplementedError

    def ask(self, name: str, label: str, value: object) -> None:
        """One more field; what it is called in the text of an error is its label."""
        field: discord.ui.TextInput[Self] = discord.ui.TextInput(
            custom_id=name, default=None if value is None else str(value), required=False, max_length=60
        )
        self._fields[name] = field
        self.add_item(discord.ui.Label(text=self._texts(label), component=field))

    def text(self, name: str) -> str:
        return self._fields[name].value.strip()

    def number(self, name: str, label: str, lowest: int, highest: int) -> int | None:
        """The number in a field; None when it is empty. Raises BadNumberError."""
        typed = self.text(name)
        if not typed:
            return None
        if not typed.isascii() or not typed.isdigit() or not lowest <= int(typed) <= highest:
            given = typed.replace("`", "'")
            raise BadNumberError(field=self._texts(label), given=given, lowest=lowest, highest=highest)
        return int(typed)

    @guarded
    async def on_submit(self, interaction: discord.Interaction) -> None:
        await self._cog.change(interaction, self._section, self.change())


class LimitsForm(SectionForm):
    PRICE = N_("Highest price of one video, in credits")
    MEMBER = N_("Videos on their way per member")
    GUILD = N_("Videos on their way in the server")
    COOLDOWN = N_("Seconds between two videos of a member")
    CONFIRM = N_("Ask first above this price, in credits")

    def build(self, policy: GuildPolicy) -> None:
        self.ask("price", self.PRICE, policy.highest_price)
        self.ask("member", self.MEMBER, policy.member_jobs)
        self.ask("guild", self.GUILD, policy.guild_jobs)
        self.ask("cooldown", self.COOLDOWN, round(policy.cooldown.total_seconds()) or None)
        self.ask("confirm", self.CONFIRM, policy.confirm_above)

    def change(self) -> Change:
        price = self.number("price", self.PRICE, 1, MAX_CREDITS)
        member = self.number("member", self.MEMBER, 1, MAX_JOBS)
        guild = self.number("guild", self.GUILD, 1, MAX_JOBS)
        cooldown = timedelta(seconds=self.number("cooldown", self.COOLDOWN, 0, MAX_COOLDOWN) or 0)
        confirm = self.number("confirm", self.CONFIRM, 0, MAX_CREDITS)
        return lambda policy: replace(
            policy,
            highest_price=price,
            member_jobs=member,
            guild_jobs=guild,
            cooldown=cooldown,
            confirm_above=confirm,
        )


class ZoneForm(SectionForm):
    ZONE = N_("Time zone, for example Europe/Berlin")

    def build(self, policy: GuildPolicy) -> None:
        self.ask("zone", self.ZONE, policy.time_zone)

    def change(self) -> Change:
        zone = self.text("zone") or "UTC"
        if not is_zone(zone):
            raise BadZoneError(given=zone.replace("`", "'"))
        return lambda policy: replace(policy, time_zone=zone)


class GiftsForm(SectionForm):
    ONCE = N_("Most credits at once")
    PERIOD = N_("Most credits per period of the allowance")

    def build(self, policy: GuildPolicy) -> None:
        self.ask("once", self.ONCE, policy.gifts.most_at_once)
        self.ask("period", self.PERIOD, policy.gifts.most_per_period)

    def change(self) -> Change:
        once = self.number("once", self.ONCE, 1, MAX_CREDITS)
        period = self.number("period", self.PERIOD, 1, MAX_CREDITS)
        return lambda policy: replace(
            policy,
            gifts=Gifts(are_allowed=policy.gifts.are_allowed, most_at_once=once, most_per_period=period),
        )


class DaysForm(SectionForm):
    PROMPTS = N_("Days for which prompts are kept")
    MEDIA = N_("Days for which pictures and videos are kept")

    def build(self, policy: GuildPolicy) -> None:
        self.ask("prompts", self.PROMPTS, policy.keep_prompts_days)
        self.ask("media", self.MEDIA, policy.keep_media_days)

    def change(self) -> Change:
        prompts = self.number("prompts", self.PROMPTS, 1, MAX_DAYS)
        media = self.number("media", self.MEDIA, 1, MAX_DAYS)
        return lambda policy: replace(policy, keep_prompts_days=prompts, keep_media_days=media)


FORMS: Mapping[Section, type[SectionForm]] = {
    Section.LIMITS: LimitsForm,
    Section.LANGUAGE: ZoneForm,
    Section.GIFTS: GiftsForm,
    Section.PRIVACY: DaysForm,
}

_SECTIONS = "|".join(Section)


class SectionButton(Control, template=rf"server:(?P<section>{_SECTIONS}):(?P<what>[a-z]{{1,20}})"):
    """A button below a section."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog = cog_of(interaction, ServerCog)
        await cog.press(interaction, Section(self.match["section"]), self.match["what"])


class SectionMenu(Control, template=rf"choose:(?P<section>{_SECTIONS}):(?P<what>[a-z]{{1,20}}(?:_[0-9])?)"):
    """A menu below a section."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog = cog_of(interaction, ServerCog)
        values = [str(value) for value in _values(interaction)]
        await cog.choose(interaction, Section(self.match["section"]), self.match["what"], values)


CONTROLS: tuple[DynamicItemType, ...] = (SectionButton, SectionMenu)


def _values(interaction: discord.Interaction) -> Sequence[object]:
    """The chosen values as Discord sent them: of roles and channels their ids."""
    data: Mapping[str, Any] = interaction.data or {}
    return data.get("values") or ()


def _one_channel(values: list[str]) -> ChannelId | None:
    return ChannelId(int(values[0])) if values else None
