"""What a member has, what became of it, and what they give to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain import periods
from bot.domain.admission import NOBODY_SPECIAL, Requester
from bot.domain.credits import AccountKind, Balance, HistoryLine
from bot.domain.ids import GuildId, InteractionId, UserId
from bot.domain.quotas import MAX_CREDITS
from bot.errors.credits import GiftsPerPeriodError, GiftTooLargeError, NoGiftsError, SelfGiftError, TooLittleBonusError
from bot.ports import Clock
from bot.services.grants import collect, has_waiting
from bot.services.screening import check_block
from bot.store import balances, history, ledger, policies
from bot.store.database import Connection, Database

PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Some of a member's entries, newest first; `has_more` says whether there is a next page."""

    lines: list[HistoryLine]
    number: int  # from 1
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """Bonus credits that went from one member to another, and what the giver has left of theirs."""

    receiver: UserId
    credits: int
    left: int


class Credits:
    """A member's side of the ledger."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def balance(self, guild_id: GuildId, user_id: UserId, requester: Requester = NOBODY_SPECIAL) -> Balance:
        """What the member can spend, after they have been given what waits for them."""
        now = self._clock.now()

        def look(connection: Connection) -> Balance | None:
            policy = policies.load(connection, guild_id)
            if has_waiting(connection, policy, user_id, requester, now):
                return None
            return balances.find(connection, guild_id, user_id, now, role_ids=requester.role_ids, policy=policy)

        found = await self._database.read(look)
        if found is not None:
            return found
        return await self._database.write(_collected, guild_id, user_id, requester, now)

    async def history(self, guild_id: GuildId, user_id: UserId, number: int = 1) -> HistoryPage:
        number = max(1, number)
        found = await self._database.read(history.of_member, guild_id, user_id, PAGE + 1, (number - 1) * PAGE)
        return HistoryPage(lines=found[:PAGE], number=number, has_more=len(found) > PAGE)

    async def give(
        self, guild_id: GuildId, giver: UserId, receiver: UserId, credits: int, interaction_id: InteractionId
    ) -> Gift:
        """Move bonus credits to another member, once per interaction. Raises UserError, having moved nothing."""
        if not 1 <= credits <= MAX_CREDITS:
            raise ValueError(f"{credits} credits are not between 1 and {MAX_CREDITS}")
        if giver == receiver:
            raise SelfGiftError
        return await self._database.write(_give, guild_id, giver, receiver, credits, interaction_id, self._clock.now())


def _collected(
    connection: Connection, guild_id: GuildId, user_id: UserId, requester: Requester, now: datetime
) -> Balance:
    policy = balances.refill(connection, policies.load(connection, guild_id, lock=True), now)
    collect(connection, policy, user_id, requester, now)
    return balances.find(connection, guild_id, user_id, now, role_ids=requester.role_ids, policy=policy)


def _give(
    connection: Connection,
    guild_id: GuildId,
    giver: UserId,
    receiver: UserId,
    credits: int,
    interaction_id: InteractionId,
    now: datetime,
) -> Gift:
    # With the guild's row in hand nobody gives twice at the same moment, and no charge takes what is being given.
    policy = policies.load(connection, guild_id, lock=True)
    bonus = ledger.balance_of(connection, guild_id, AccountKind.BONUS, giver)
    if ledger.is_done(connection, interaction_id):
        return Gift(receiver=receiver, credits=credits, left=bonus)
    limits = policy.gifts
    if not limits.are_allowed or policy.is_closed:
        raise NoGiftsError
    check_block(connection, guild_id, giver, now)
    if limits.most_at_once is not None and credits > limits.most_at_once:
        raise GiftTooLargeError(limit=limits.most_at_once)
    if limits.most_per_period is not None:
        span = periods.span(now, policy.period, policy.time_zone)
        given = ledger.given_since(connection, guild_id, giver, span.starts_at)
        if given + credits > limits.most_per_period:
            renews = f"<t:{int(span.ends_at.timestamp())}:R>"
            raise GiftsPerPeriodError(given=given, limit=limits.most_per_period, renews=renews)
    if credits > bonus:
        raise TooLittleBonusError(balance=bonus)
    ledger.transfer(connection, guild_id, giver, receiver, credits, now, interaction_id=interaction_id)
    return Gift(receiver=receiver, credits=credits, left=bonus - credits)
