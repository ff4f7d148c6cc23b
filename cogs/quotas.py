"""/quota: what a server's staff lets its members spend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import DynamicItemType, defer
from bot.client.controls import Control, cog_of, staff_of, texts_of
from bot.domain.grants import Target
from bot.domain.ids import GrantId, InteractionId, RoleId, UserId
from bot.domain.periods import Period
from bot.domain.policies import MemberRule, Overview
from bot.domain.quotas import MAX_CREDITS
from bot.errors.credits import NoTargetError
from bot.i18n import N_
from bot.ports import Clock
from bot.rendering import policies as cards
from bot.services.grants import Grants
from bot.services.quotas import Part, Quotas
from bot.services.staff import Staff

# The command whose assignments count for its buttons too.
QUOTA = "quota"

Amount = app_commands.Range[int, 0, MAX_CREDITS]
Some = app_commands.Range[int, 1, MAX_CREDITS]
Reason = app_commands.Range[str, 1, 200]

PERIODS = [
    Choice(name=locale_str(N_("day")), value=Period.DAY.value),
    Choice(name=locale_str(N_("week")), value=Period.WEEK.value),
    Choice(name=locale_str(N_("month")), value=Period.MONTH.value),
]
PARTS = [
    Choice(name=locale_str(N_("the allowance of every member")), value=Part.DEFAULT.value),
    Choice(name=locale_str(N_("allowances of roles")), value=Part.ROLES.value),
    Choice(name=locale_str(N_("allowances of single members")), value=Part.MEMBERS.value),
    Choice(name=locale_str(N_("the pool")), value=Part.POOL.value),
    Choice(name=locale_str(N_("all of it")), value=Part.ALL.value),
]


# Discord hides these from members without the right; the service checks it, by what their server has assigned.
@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class QuotasCog(
    commands.GroupCog,
    name=QUOTA,
    group_name=QUOTA,
    group_description=locale_str(N_("What members of this server may spend")),
):
    """The staff's side of the ledger."""

    def __init__(self, *, quotas: Quotas, grants: Grants, clock: Clock) -> None:
        self._quotas = quotas
        self._grants = grants
        self._clock = clock

    @app_commands.command(name="show", description=locale_str(N_("The rules of this server and what was spent")))
    async def show(self, interaction: discord.Interaction) -> None:
        await self._answer(interaction, self._quotas.show)

    @app_commands.command(name="default", description=locale_str(N_("Set what each member may spend")))
    @app_commands.describe(
        credits=locale_str(N_("Credits per member and period; 0 closes the bot for everybody")),
        period=locale_str(N_("How often they renew; left out, it stays as it is")),
    )
    @app_commands.choices(period=PERIODS)
    async def default(self, interaction: discord.Interaction, credits: Amount, period: str | None = None) -> None:
        await self._answer(interaction, lambda staff: self._quotas.set_default(staff, credits, _period(period)))

    @app_commands.command(name="role", description=locale_str(N_("Set what members with a role may spend")))
    @app_commands.describe(
        role=locale_str(N_("Which role; of several the best one counts")),
        credits=locale_str(N_("Credits per member and period; leave it out to take the rule away")),
        exempt=locale_str(N_("No limit for one member at all; what limits all together still holds")),
    )
    async def role(
        self, interaction: discord.Interaction, role: discord.Role, credits: Amount | None = None, exempt: bool = False
    ) -> None:
        role_id = RoleId(role.id)
        await self._answer(interaction, lambda staff: self._quotas.set_role(staff, role_id, credits, is_exempt=exempt))

    @app_commands.command(
        name="member", description=locale_str(N_("Set what one member may spend, whatever the roles"))
    )
    @app_commands.describe(
        member=locale_str(N_("Who")),
        credits=locale_str(N_("Credits per period; leave it out to take the rule away")),
        unlimited=locale_str(N_("No limit at all")),
    )
    async def member(
        self,
        interaction: discord.Interaction,
        member: discord.User,
        credits: Amount | None = None,
        unlimited: bool = False,
    ) -> None:
        rule = MemberRule(allowance=None if unlimited else credits) if unlimited or credits is not None else None
        await self._answer(interaction, lambda staff: self._quotas.set_member(staff, UserId(member.id), rule))

    @app_commands.command(name="pool", description=locale_str(N_("Set what all members together may spend")))
    @app_commands.describe(
        credits=locale_str(N_("Credits left for all; leave it out for no limit")),
        period=locale_str(N_("How often it is filled to that number again; left out, never")),
    )
    @app_commands.choices(period=PERIODS)
    async def pool(
        self, interaction: discord.Interaction, credits: Amount | None = None, period: str | None = None
    ) -> None:
        await self._answer(interaction, lambda staff: self._quotas.set_pool(staff, credits, _period(period)))

    @app_commands.command(name="grant", description=locale_str(N_("Give extra credits that do not expire")))
    @app_commands.describe(
        credits=locale_str(N_("How many; they come out of the pool if it is limited")),
        member=locale_str(N_("Who gets them")),
        role=locale_str(N_("Or: every member with this role; @everyone is all members")),
        reason=locale_str(N_("Why; the member sees it in their history")),
    )
    async def grant(
        self,
        interaction: discord.Interaction,
        credits: Some,
        member: discord.User | None = None,
        role: discord.Role | None = None,
        reason: Reason | None = None,
    ) -> None:
        target = target_of(member, role)
        await defer(interaction, ephemeral=True)
        asked = await self._grants.ask(
            await staff_of(interaction, QUOTA), target, credits, reason, InteractionId(interaction.id)
        )
        _ = texts_of(interaction)
        view = cards.question_buttons(_, asked.id)
        await interaction.edit_original_response(content=cards.question(_, asked), view=view)

    async def give(self, interaction: discord.Interaction, grant_id: GrantId) -> None:
        """The staff member has seen what would be given, and means it."""
        await interaction.response.defer()
        given = await self._grants.give(await staff_of(interaction, QUOTA), grant_id)
        text = cards.given(texts_of(interaction), given)
        await interaction.edit_original_response(content=text, view=None)

    async def drop(self, interaction: discord.Interaction, grant_id: GrantId) -> None:
        """They have thought better of it."""
        await interaction.response.defer()
        await self._grants.drop(await staff_of(interaction, QUOTA), grant_id)
        _ = texts_of(interaction)
        await interaction.edit_original_response(content=_("Nothing was given."), view=None)

    @app_commands.command(name="revoke", description=locale_str(N_("Take extra credits back from a member")))
    @app_commands.describe(
        member=locale_str(N_("From whom")),
        credits=locale_str(N_("How many, at most what they have; leave it out for all")),
        reason=locale_str(N_("Why; the member sees it in their history")),
    )
    async def revoke(
        self,
        interaction: discord.Interaction,
        member: discord.User,
        credits: Some | None = None,
        reason: Reason | None = None,
    ) -> None:
        await defer(interaction, ephemeral=True)
        whom = UserId(member.id)
        done = await self._grants.revoke(
            await staff_of(interaction, QUOTA), whom, credits, reason, InteractionId(interaction.id)
        )
        await interaction.edit_original_response(content=cards.revoked(texts_of(interaction), whom, done))

    @app_commands.command(name="reset", description=locale_str(N_("Put rules for spending back to how they began")))
    @app_commands.describe(what=locale_str(N_("Which of them")))
    @app_commands.choices(what=PARTS)
    async def reset(self, interaction: discord.Interaction, what: str) -> None:
        await self._answer(interaction, lambda staff: self._quotas.reset(staff, Part(what)))

    async def _answer(self, interaction: discord.Interaction, does: Callable[[Staff], Awaitable[Overview]]) -> None:
        """Do it as the staff member who asks, and show the rules as they are then."""
        await defer(interaction, ephemeral=True)
        overview = await does(await staff_of(interaction, QUOTA))
        card = cards.card(texts_of(interaction), overview, self._clock.now())
        await interaction.edit_original_response(embed=card)


class GrantButton(Control, template=r"grant:(?P<id>[0-9]{1,18}):(?P<action>give|drop)"):
    """The answer to the question whether credits shall be given."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, grant_id = cog_of(interaction, QuotasCog), GrantId(int(self.match["id"]))
        if self.match["action"] == "give":
            await cog.give(interaction, grant_id)
        else:
            await cog.drop(interaction, grant_id)


CONTROLS: tuple[DynamicItemType, ...] = (GrantButton,)


def target_of(member: discord.User | None, role: discord.Role | None) -> Target:
    """Who is meant. Raises NoTargetError."""
    if (member is None) == (role is None):
        raise NoTargetError
    if member is not None:
        return Target(user_id=UserId(member.id))
    return Target(role_id=None if role is None or role.is_default() else RoleId(role.id))


def _period(typed: str | None) -> Period | None:
    return None if typed is None else Period(typed)
