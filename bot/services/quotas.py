"""What a guild's staff decides: the pool, the default allowance, grants. Every method checks the right itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.credits import Balance
from bot.domain.ids import GuildId, UserId
from bot.domain.periods import Period
from bot.domain.policies import Pool
from bot.domain.quotas import MAX_CREDITS, Quota
from bot.errors import NotAllowedError, PoolTooSmallError
from bot.ports import Clock
from bot.store import balances, ledger, policies
from bot.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who acts, where, and whether Discord says that they may manage the server."""

    user_id: UserId
    guild_id: GuildId
    can_manage: bool


class Quotas:
    """A guild's rules for spending."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def show(self, staff: Staff) -> Quota:
        check_staff(staff)
        return await self._database.read(ledger.quota, staff.guild_id)

    async def set_default(self, staff: Staff, allowance: int) -> Quota:
        """What each member may spend per day from now on, in credits."""
        check_staff(staff)
        _check_amount(allowance, least=0)

        def change(connection: Connection) -> Quota:
            policy = policies.load(connection, staff.guild_id, lock=True)
            policies.save(connection, replace(policy, allowance=allowance, period=Period.DAY))
            return ledger.quota(connection, staff.guild_id)

        return await self._database.write(change)

    async def set_pool(self, staff: Staff, credits: int | None) -> Quota:
        """What all members together may still spend out of their allowances; None lifts the limit."""
        check_staff(staff)
        _check_amount(credits or 0, least=0)
        now = self._clock.now()

        def change(connection: Connection) -> Quota:
            policy = policies.load(connection, staff.guild_id, lock=True)
            pool = None if credits is None else Pool(refilled_at=now)
            policies.save(connection, replace(policy, pool=pool))
            ledger.set_pool(connection, staff.guild_id, staff.user_id, credits or 0, now)
            return ledger.quota(connection, staff.guild_id)

        return await self._database.write(change)

    async def grant(self, staff: Staff, member: UserId, credits: int, reason: str | None) -> Balance:
        """Bonus credits for a member, out of the pool where that is limited. Raises PoolTooSmallError."""
        check_staff(staff)
        _check_amount(credits, least=1)
        now = self._clock.now()

        def change(connection: Connection) -> Balance:
            pool = ledger.quota(connection, staff.guild_id).pool
            try:
                ledger.grant(
                    connection,
                    staff.guild_id,
                    member,
                    staff.user_id,
                    credits,
                    reason,
                    now,
                    is_pool_limited=pool is not None,
                )
            except ledger.OverdrawnError as error:
                raise PoolTooSmallError(needed=credits, balance=pool) from error
            return balances.find(connection, staff.guild_id, member, now)

        return await self._database.write(change)


def check_staff(staff: Staff) -> None:
    """Discord hides staff commands from others only in its own client; the right is checked here."""
    if not staff.can_manage:
        raise NotAllowedError


def _check_amount(credits: int, *, least: int) -> None:
    """The commands offer only these; whoever else calls this has a bug."""
    if not least <= credits <= MAX_CREDITS:
        raise ValueError(f"{credits} credits are not between {least} and {MAX_CREDITS}")
