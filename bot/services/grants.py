"""Bonus credits that staff gives and takes back. What is given is asked about first, and given once."""

from __future__ import annotations

from datetime import datetime

from bot.domain.admission import Requester
from bot.domain.credits import AccountKind
from bot.domain.grants import COLLECT_WITHIN, Given, Grant, Revoked, Target, is_for
from bot.domain.ids import GrantId, InteractionId, UserId
from bot.domain.policies import GuildPolicy
from bot.domain.quotas import MAX_CREDITS
from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.errors.credits import AlreadyGivenError, NothingToRevokeError, PoolTooSmallError
from bot.ports import Clock
from bot.services.staff import Staff, check_staff
from bot.store import balances, grants, ledger, policies, staff_log
from bot.store.database import Connection, Database


class Grants:
    """The staff's hand in the members' bonus credits."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def ask(
        self, staff: Staff, target: Target, credits: int, reason: str | None, interaction_id: InteractionId
    ) -> Grant:
        """Note what is about to be given; nothing is, until `give`. The same command brings the same grant."""
        check_staff(staff)
        _check_amount(credits)
        return await self._database.write(
            grants.ask,
            guild_id=staff.guild_id,
            actor_id=staff.user_id,
            target=target,
            credits=credits,
            reason=reason,
            interaction_id=interaction_id,
            now=self._clock.now(),
        )

    async def give(self, staff: Staff, grant_id: GrantId) -> Given:
        """Confirm a grant, once. Raises AlreadyGivenError, and PoolTooSmallError for a member's."""
        check_staff(staff)
        return await self._database.write(give, staff, grant_id, self._clock.now())

    async def drop(self, staff: Staff, grant_id: GrantId) -> None:
        """Do not give it after all. Raises AlreadyGivenError."""
        check_staff(staff)
        if not await self._database.write(grants.drop, staff.guild_id, grant_id):
            raise AlreadyGivenError

    async def revoke(
        self,
        staff: Staff,
        member: UserId,
        credits: int | None,
        reason: str | None,
        interaction_id: InteractionId,
    ) -> Revoked:
        """Take back bonus credits, as many as the member still has; None takes all. Raises NothingToRevokeError."""
        check_staff(staff)
        _check_amount(credits or 1)
        return await self._database.write(_revoke, staff, member, credits, reason, interaction_id, self._clock.now())


def give(connection: Connection, staff: Staff, grant_id: GrantId, now: datetime) -> Given:
    """The transaction behind `Grants.give`."""
    policy = policies.load(connection, staff.guild_id, lock=True)
    asked = grants.find(connection, staff.guild_id, grant_id)
    if asked is None or asked.given_at is not None:
        raise AlreadyGivenError
    member = asked.target.user_id
    given = grants.give(connection, grant_id, None if member is not None else now + COLLECT_WITHIN, now)
    if given is None:
        raise AlreadyGivenError
    policy = balances.refill(connection, policy, now)
    bonus = None
    if member is not None:
        if not _hand_out(connection, policy, given, member, now):
            raise PoolTooSmallError(needed=given.credits, balance=balances.pool(connection, policy, now))
        bonus = ledger.balance_of(connection, staff.guild_id, AccountKind.BONUS, member)
    event = StaffEvent(
        guild_id=staff.guild_id,
        kind=StaffEventKind.GRANT,
        actor_id=staff.user_id,
        user_id=member,
        reason=given.reason,
        details={"credits": given.credits, "role": given.target.role_id or 0},
    )
    staff_log.note(connection, event, now)
    return Given(grant=given, bonus=bonus)


def collect(connection: Connection, policy: GuildPolicy, user_id: UserId, requester: Requester, now: datetime) -> int:
    """Give the member what their roles or everybody were given and they have not had yet; how many credits that is.

    The caller holds the guild's row. Where the pool has too little, the grant waits for it.
    """
    waiting = [
        grant for grant in grants.to_collect(connection, policy.guild_id, user_id, now) if is_for(grant, requester)
    ]
    if waiting:
        policy = balances.refill(connection, policy, now)
    return sum(grant.credits for grant in waiting if _hand_out(connection, policy, grant, user_id, now))


def has_waiting(
    connection: Connection, policy: GuildPolicy, user_id: UserId, requester: Requester, now: datetime
) -> bool:
    """Whether `collect` would find something."""
    waiting = grants.to_collect(connection, policy.guild_id, user_id, now)
    return any(is_for(grant, requester) for grant in waiting)


def _hand_out(connection: Connection, policy: GuildPolicy, grant: Grant, member: UserId, now: datetime) -> bool:
    pool = balances.pool(connection, policy, now)
    if pool is not None and pool < grant.credits:
        return False
    ledger.grant(
        connection,
        grant.guild_id,
        member,
        grant.actor_id,
        grant.credits,
        grant.reason,
        now,
        is_pool_limited=pool is not None,
        grant_id=grant.id,
    )
    return True


def _revoke(
    connection: Connection,
    staff: Staff,
    member: UserId,
    credits: int | None,
    reason: str | None,
    interaction_id: InteractionId,
    now: datetime,
) -> Revoked:
    policy = policies.load(connection, staff.guild_id, lock=True)
    has = ledger.balance_of(connection, staff.guild_id, AccountKind.BONUS, member)
    if ledger.is_done(connection, interaction_id):
        return Revoked(credits=credits or 0, bonus=has)
    taken = has if credits is None else min(credits, has)
    if taken == 0:
        raise NothingToRevokeError
    ledger.revoke(
        connection,
        staff.guild_id,
        member,
        staff.user_id,
        taken,
        reason,
        now,
        is_pool_limited=policy.pool is not None,
        interaction_id=interaction_id,
    )
    event = StaffEvent(
        guild_id=staff.guild_id,
        kind=StaffEventKind.REVOKE,
        actor_id=staff.user_id,
        user_id=member,
        reason=reason,
        details={"credits": taken},
    )
    staff_log.note(connection, event, now)
    return Revoked(credits=taken, bonus=has - taken)


def _check_amount(credits: int) -> None:
    """The commands offer only these; whoever else calls this has a bug."""
    if not 1 <= credits <= MAX_CREDITS:
        raise ValueError(f"{credits} credits are not between 1 and {MAX_CREDITS}")
