"""Which rule of a guild refuses, with which numbers, and when asking again helps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.admission import NOBODY_SPECIAL, Asked, PolicyRule, Requester, SoFar, refusal
from bot.domain.credits import Balance, split
from bot.domain.ids import ChannelId, GuildId, ModelId, RoleId
from bot.domain.policies import GuildPolicy, ModelRule, RoleRule

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPEN = GuildPolicy(guild_id=GuildId(1))
FANS, HELPERS, CREW = RoleId(11), RoleId(12), RoleId(13)
ASKED = Asked(channel_id=ChannelId(5), model=ModelId("maker"), price=100)


def balance(**values: object) -> Balance:
    rich: dict[str, object] = {"allowance": 1000, "allowance_left": 1000, "bonus": 0, "held": 0, "pool": None}
    days = {"starts_at": NOW - timedelta(hours=12), "renews_at": NOW + timedelta(hours=12)}
    return Balance(**{**rich, **days, **values})  # type: ignore[arg-type]  # names of the fields


def so_far(**values: object) -> SoFar:
    nothing: dict[str, object] = {"balance": balance(), "member_jobs": 0, "guild_jobs": 0, "last_at": None}
    return SoFar(**{**nothing, **values})  # type: ignore[arg-type]  # names of the fields


def rule_of(
    policy: GuildPolicy, requester: Requester = NOBODY_SPECIAL, asked: Asked = ASKED, **values: object
) -> PolicyRule | None:
    found = refusal(policy, requester, asked, so_far(**values), NOW)
    return None if found is None else found.rule


def test_a_guild_that_has_decided_nothing_refuses_nobody_who_can_pay() -> None:
    assert rule_of(OPEN) is None


@pytest.mark.parametrize(
    ("policy", "requester", "rule"),
    [
        (replace(OPEN, is_closed=True), NOBODY_SPECIAL, PolicyRule.CLOSED),
        (replace(OPEN, is_closed=True, closed_reason="Spring cleaning"), NOBODY_SPECIAL, PolicyRule.CLOSED_REASON),
        (replace(OPEN, channels=frozenset({ChannelId(6)})), NOBODY_SPECIAL, PolicyRule.CHANNEL),
        (replace(OPEN, channels=frozenset({ChannelId(5)})), NOBODY_SPECIAL, None),
        # A thread is as the channel that it belongs to.
        (replace(OPEN, channels=frozenset({ChannelId(6)})), Requester(parent_id=ChannelId(6)), None),
        (replace(OPEN, roles={FANS: RoleRule(is_allowed=True)}), NOBODY_SPECIAL, PolicyRule.ROLE),
        (replace(OPEN, roles={FANS: RoleRule(is_allowed=True)}), Requester(role_ids=frozenset({FANS})), None),
        # A role that only has an allowance lets nobody in and keeps nobody out.
        (replace(OPEN, roles={FANS: RoleRule(allowance=5)}), NOBODY_SPECIAL, None),
        (replace(OPEN, is_restricted_only=True), NOBODY_SPECIAL, PolicyRule.RESTRICTED_ONLY),
        (replace(OPEN, is_restricted_only=True), Requester(is_restricted_channel=True), None),
        (replace(OPEN, models={ModelId("other"): ModelRule(is_allowed=True)}), NOBODY_SPECIAL, PolicyRule.MODEL),
        (replace(OPEN, models={ModelId("other"): ModelRule(is_restricted=True)}), NOBODY_SPECIAL, None),
        (
            replace(OPEN, models={ModelId("maker"): ModelRule(is_restricted=True)}),
            NOBODY_SPECIAL,
            PolicyRule.RESTRICTED_MODEL,
        ),
        (
            replace(OPEN, models={ModelId("maker"): ModelRule(is_restricted=True)}),
            Requester(is_restricted_channel=True),
            None,
        ),
        (replace(OPEN, highest_price=99), NOBODY_SPECIAL, PolicyRule.PRICE),
        (replace(OPEN, highest_price=100), NOBODY_SPECIAL, None),
    ],
)
def test_rules_of_who_where_and_what(policy: GuildPolicy, requester: Requester, rule: PolicyRule | None) -> None:
    assert rule_of(policy, requester) is rule


def test_caps_count_what_is_on_its_way() -> None:
    policy = replace(OPEN, member_jobs=2, guild_jobs=5)

    assert rule_of(policy, member_jobs=1, guild_jobs=4) is None
    found = refusal(policy, NOBODY_SPECIAL, ASKED, so_far(member_jobs=2, guild_jobs=4), NOW)
    assert found is not None
    assert (found.rule, found.values) == (PolicyRule.MEMBER_JOBS, {"running": 2, "limit": 2})
    assert rule_of(policy, member_jobs=1, guild_jobs=5) is PolicyRule.GUILD_JOBS


def test_a_cooldown_says_when_it_is_over() -> None:
    policy = replace(OPEN, cooldown=timedelta(minutes=2))

    found = refusal(policy, NOBODY_SPECIAL, ASKED, so_far(last_at=NOW - timedelta(seconds=119)), NOW)

    assert found is not None
    assert (found.rule, found.values) == (PolicyRule.COOLDOWN, {"seconds": 120})
    assert found.renews_at == NOW + timedelta(seconds=1)
    assert rule_of(policy, last_at=NOW - timedelta(minutes=2)) is None


def test_an_exempt_role_lifts_what_limits_one_member_and_nothing_that_limits_all() -> None:
    policy = replace(
        OPEN,
        roles={CREW: RoleRule(is_exempt=True)},
        highest_price=1,
        member_jobs=1,
        guild_jobs=9,
        cooldown=timedelta(hours=1),
    )
    crew = Requester(role_ids=frozenset({CREW}))
    busy = {"member_jobs": 5, "last_at": NOW}

    assert rule_of(policy, crew, guild_jobs=8, **busy) is None
    assert rule_of(policy, crew, guild_jobs=9, **busy) is PolicyRule.GUILD_JOBS
    assert rule_of(replace(policy, is_closed=True), crew) is PolicyRule.CLOSED


@pytest.mark.parametrize(
    ("has", "rule"),
    [
        ({"allowance_left": 60, "bonus": 40}, None),
        ({"allowance_left": 60, "bonus": 39}, PolicyRule.ALLOWANCE),
        ({"allowance": 60, "allowance_left": 60, "bonus": 39}, PolicyRule.ALLOWANCE_TOO_SMALL),
        ({"pool": 99}, PolicyRule.POOL),
        ({"pool": 99, "bonus": 1}, None),
        ({"pool": 99, "pool_renews_at": NOW}, PolicyRule.POOL_REFILLED),
        ({"allowance": None, "allowance_left": None, "pool": 99}, PolicyRule.POOL),
        ({"allowance": None, "allowance_left": None}, None),
    ],
)
def test_credits_refuse_by_what_is_lacking(has: dict[str, object], rule: PolicyRule | None) -> None:
    assert rule_of(OPEN, balance=balance(**has)) is rule


def test_a_refusal_of_credits_has_the_numbers_and_the_moment() -> None:
    found = refusal(OPEN, NOBODY_SPECIAL, ASKED, so_far(balance=balance(allowance_left=30, bonus=7)), NOW)

    assert found is not None
    assert found.values == {"needed": 100, "balance": 37, "left": 30, "allowance": 1000, "bonus": 7}
    assert found.renews_at == NOW + timedelta(hours=12)


amounts = st.integers(min_value=0, max_value=300)


@given(
    price=st.integers(min_value=1, max_value=300),
    allowance=st.none() | amounts,
    left=amounts,
    bonus=amounts,
    pool=st.none() | amounts,
)
def test_credits_refuse_exactly_what_cannot_be_paid(
    price: int, allowance: int | None, left: int, bonus: int, pool: int | None
) -> None:
    has = balance(
        allowance=allowance, allowance_left=None if allowance is None else min(left, allowance), bonus=bonus, pool=pool
    )

    assert (rule_of(OPEN, asked=replace(ASKED, price=price), balance=has) is None) == (split(price, has) is not None)
