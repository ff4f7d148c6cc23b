"""What a guild's policy says of a member's allowance, and when its pool is refilled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.ids import GuildId, RoleId
from bot.domain.periods import Period
from bot.domain.policies import GuildPolicy, MemberRule, Pool, RoleRule, allowance_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPEN = GuildPolicy(guild_id=GuildId(1))
FANS, HELPERS, CREW = RoleId(11), RoleId(12), RoleId(13)


def test_the_best_role_wins_and_a_members_own_rule_stands_above_it() -> None:
    roles = {FANS: RoleRule(allowance=800), HELPERS: RoleRule(allowance=900), CREW: RoleRule(is_exempt=True)}
    policy = replace(OPEN, allowance=500, roles=roles)

    def of(*role_ids: RoleId, member: MemberRule | None = None) -> int | None:
        return allowance_of(policy, member, frozenset(role_ids))

    assert [of(), of(FANS), of(FANS, HELPERS), of(FANS, CREW), of(RoleId(99))] == [500, 800, 900, None, 500]
    assert of(CREW, member=MemberRule(allowance=0)) == 0
    assert of(member=MemberRule(allowance=None)) is None
    # A role never takes away what everybody has.
    assert allowance_of(replace(policy, allowance=850), None, frozenset({FANS})) == 850


@pytest.mark.parametrize(
    ("refilled_at", "is_due"),
    [
        (None, True),
        (datetime(2026, 11, 15, 23, tzinfo=UTC), False),  # Monday has begun in Berlin,
        (datetime(2026, 11, 15, 22, 59, tzinfo=UTC), True),  # and a minute before it had not.
    ],
)
def test_a_pool_is_refilled_once_in_its_period(refilled_at: datetime | None, is_due: bool) -> None:
    pool = Pool(refill=1000, period=Period.WEEK, refilled_at=refilled_at)
    policy = replace(OPEN, time_zone="Europe/Berlin", pool=pool)

    assert policy.is_refill_due(NOW) is is_due
    assert policy.pool_renews_at(NOW) == datetime(2026, 11, 22, 23, tzinfo=UTC)


def test_a_fixed_pool_is_never_refilled() -> None:
    policy = replace(OPEN, pool=Pool())

    assert not policy.is_refill_due(NOW)
    assert policy.pool_renews_at(NOW) is None
