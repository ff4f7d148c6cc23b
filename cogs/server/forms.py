"""The forms for what a menu or a button cannot say: numbers, and a time zone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Self

import discord

from bot.client import guarded
from bot.domain.periods import is_zone
from bot.domain.policies import Gifts, GuildPolicy
from bot.domain.policy_sections import Section
from bot.domain.quotas import MAX_CREDITS
from bot.errors.staff import BadNumberError, BadZoneError
from bot.i18n import N_, Texts
from bot.rendering import server_settings as panels

# A form that nobody sends stays in memory until then.
FORM_LIFE = timedelta(hours=1)
MAX_JOBS = 1000
MAX_DAYS = 3650
MAX_COOLDOWN = 7 * 24 * 3600

Change = Callable[[GuildPolicy], GuildPolicy]
# What follows once the form has been sent.
Done = Callable[[discord.Interaction, Section, Change], Awaitable[None]]


class SectionForm(discord.ui.Modal):
    """Asks for the numbers of a section. Subclasses say which."""

    def __init__(self, section: Section, policy: GuildPolicy, _: Texts, done: Done) -> None:
        super().__init__(title=_(panels.TITLES[section]), timeout=FORM_LIFE.total_seconds())
        self._section = section
        self._done = done
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
        await self._done(interaction, self._section, self.change())


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
