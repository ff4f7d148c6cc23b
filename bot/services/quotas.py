"""What a guild's staff lets its members spend: allowances, the pool, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

from bot.domain.credits import AccountKind
from bot.domain.ids import RoleId, UserId
from bot.domain.periods import Period
from bot.domain.policies import GuildPolicy, MemberRule, Overview, Pool, RoleRule
from bot.domain.quotas import DEFAULT_ALLOWANCE, MAX_CREDITS
from bot.ports import Clock
from bot.services.policies import change, tell
from bot.services.staff import Staff, check_staff
from bot.store import balances, grants, ledger, policies
from bot.store.database import Connection, Database


class Part(StrEnum):
    """What of the quotas can be put back to how a new guild has it."""

    DEFAULT = "default"
    ROLES = "roles"
    MEMBERS = "members"
    POOL = "pool"
    ALL = "all"


class Quotas:
    """A guild's rules for spending."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def show(self, staff: Staff) -> Overview:
        check_staff(staff)
        return await self._database.read(self._look, staff)

    async def set_default(self, staff: Staff, allowance: int, period: Period | None = None) -> Overview:
        """What each member may spend per period from now on, in credits; without *period* it stays as long as it is."""
        _check_amount(allowance)
        return await self._change(
            staff, lambda policy: replace(policy, allowance=allowance, period=period or policy.period)
        )

    async def set_role(self, staff: Staff, role: RoleId, allowance: int | None, *, is_exempt: bool = False) -> Overview:
        """What members with a role may spend; neither an allowance nor an exemption takes the role's rule away."""
        _check_amount(allowance or 0)

        def decide(policy: GuildPolicy) -> GuildPolicy:
            known = policy.roles.get(role, RoleRule())
            rule = replace(known, allowance=None if is_exempt else allowance, is_exempt=is_exempt)
            return replace(policy, roles=_with(policy.roles, role, rule))

        return await self._change(staff, decide)

    async def set_member(self, staff: Staff, member: UserId, rule: MemberRule | None) -> Overview:
        """Decide about one member, whatever their roles; None leaves them to those again."""
        check_staff(staff)
        _check_amount((rule.allowance if rule is not None else None) or 0)

        def store(connection: Connection) -> Overview:
            # With the guild's row in hand nobody is being charged by the old rule at this moment.
            policies.load(connection, staff.guild_id, lock=True)
            before = policies.member(connection, staff.guild_id, member)
            policies.set_member(connection, staff.guild_id, member, rule)
            if before != rule:
                details = {"name": "member", "before": _written(before), "after": _written(rule), "user": str(member)}
                tell(connection, staff, details, self._clock.now())
            return self._look(connection, staff)

        return await self._database.write(store)

    async def set_pool(self, staff: Staff, credits: int | None, period: Period | None = None) -> Overview:
        """What all members together may still spend out of their allowances; None lifts the limit.

        With *period* the pool is filled to that number again at the start of each.
        """
        check_staff(staff)
        _check_amount(credits or 0)

        def store(connection: Connection) -> Overview:
            self._bring_pool_to(connection, staff, credits, period)
            return self._look(connection, staff)

        return await self._database.write(store)

    async def reset(self, staff: Staff, part: Part) -> Overview:
        """Put this part of the quotas back to how a new guild has it."""
        check_staff(staff)

        def store(connection: Connection) -> Overview:
            now = self._clock.now()
            if part in {Part.DEFAULT, Part.ALL}:
                change(connection, staff, _with_default_allowance, now)
            if part in {Part.ROLES, Part.ALL}:
                change(connection, staff, _without_role_allowances, now)
            if part in {Part.POOL, Part.ALL}:
                self._bring_pool_to(connection, staff, None, None)
            if part in {Part.MEMBERS, Part.ALL}:
                policies.load(connection, staff.guild_id, lock=True)
                forgotten = policies.forget_members(connection, staff.guild_id)
                if forgotten:
                    tell(connection, staff, {"name": "members", "before": str(forgotten), "after": "-"}, now)
            return self._look(connection, staff)

        return await self._database.write(store)

    async def _change(self, staff: Staff, how: Callable[[GuildPolicy], GuildPolicy]) -> Overview:
        check_staff(staff)

        def store(connection: Connection) -> Overview:
            change(connection, staff, how, self._clock.now())
            return self._look(connection, staff)

        return await self._database.write(store)

    def _bring_pool_to(self, connection: Connection, staff: Staff, credits: int | None, period: Period | None) -> None:
        now = self._clock.now()
        refill = credits if period is not None and credits else None
        pool = Pool(refill=refill, period=None if refill is None else period, refilled_at=now)
        change(connection, staff, lambda policy: replace(policy, pool=None if credits is None else pool), now)
        ledger.set_pool(connection, staff.guild_id, staff.user_id, credits or 0, now)

    def _look(self, connection: Connection, staff: Staff) -> Overview:
        now, guild_id = self._clock.now(), staff.guild_id
        policy = policies.load(connection, guild_id)
        return Overview(
            policy=policy,
            members=policies.members(connection, guild_id),
            pool=balances.pool(connection, policy, now),
            held=ledger.balance_of(connection, guild_id, AccountKind.HELD),
            spent=ledger.balance_of(connection, guild_id, AccountKind.SPENT),
            open_grants=grants.open_count(connection, guild_id, now),
        )


def _with(roles: Mapping[RoleId, RoleRule], role: RoleId, rule: RoleRule) -> dict[RoleId, RoleRule]:
    changed = {**roles, role: rule}
    return {known: each for known, each in changed.items() if not each.is_empty}


def _with_default_allowance(policy: GuildPolicy) -> GuildPolicy:
    return replace(policy, allowance=DEFAULT_ALLOWANCE, period=Period.DAY)


def _without_role_allowances(policy: GuildPolicy) -> GuildPolicy:
    # Which roles may use the bot at all is not a matter of quotas.
    kept = {role: RoleRule(is_allowed=True) for role, rule in policy.roles.items() if rule.is_allowed}
    return replace(policy, roles=kept)


def _written(rule: MemberRule | None) -> str:
    if rule is None:
        return "-"
    return "∞" if rule.allowance is None else str(rule.allowance)


def _check_amount(credits: int) -> None:
    """The commands offer only these; whoever else calls this has a bug."""
    if not 0 <= credits <= MAX_CREDITS:
        raise ValueError(f"{credits} credits are not between 0 and {MAX_CREDITS}")
