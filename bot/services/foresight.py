"""Sees what would be refused anyway before anything is fetched or looked at for it; decides nothing for good."""

from __future__ import annotations

from datetime import datetime

from bot.domain.admission import Asked, PolicyRule, Requester, refusal
from bot.domain.ids import UserId
from bot.domain.jobs import Place
from bot.domain.videos import VideoSpec
from bot.errors.policies import refused
from bot.services import host_limits
from bot.services.grants import has_waiting
from bot.services.screening import check_block
from bot.store import balances, jobs, policies
from bot.store.database import Connection

# These may turn out otherwise once the member has been given what waits for them.
OF_CREDITS = frozenset(
    {PolicyRule.ALLOWANCE, PolicyRule.ALLOWANCE_TOO_SMALL, PolicyRule.POOL, PolicyRule.POOL_REFILLED}
)


def check(
    connection: Connection, user_id: UserId, place: Place, video: VideoSpec, requester: Requester, now: datetime
) -> None:
    """Raises the UserError with which the request would end, as things stand now."""
    if jobs.find_by_interaction(connection, place.interaction_id) is not None:
        return
    host_limits.admit(connection, place.guild_id)
    check_block(connection, place.guild_id, user_id, now)
    policy = policies.load(connection, place.guild_id)
    balance = balances.find(connection, place.guild_id, user_id, now, role_ids=requester.role_ids, policy=policy)
    asked = Asked(channel_id=place.channel_id, model=video.model, price=video.price)
    why_not = refusal(policy, requester, asked, balances.so_far(connection, policy, user_id, balance), now)
    if why_not is None:
        return
    if why_not.rule in OF_CREDITS and has_waiting(connection, policy, user_id, requester, now):
        return
    raise refused(why_not)
