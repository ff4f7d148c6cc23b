"""Policies hold inside the charging transaction: nothing passes a limit, and what changes holds from then on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.admission import PolicyRule, Requester
from bot.domain.credits import AccountKind
from bot.domain.grants import Target
from bot.domain.ids import ChannelId, GrantId, InteractionId, ModelId, RoleId
from bot.domain.periods import Period
from bot.domain.policies import AssistMode, Gifts, GuildPolicy, MemberRule, ModelRule, Pool, RoleRule, Spoilers
from bot.errors.policies import InsufficientCreditsError, PolicyRefusedError
from bot.errors.staff import NotAllowedError
from bot.services.quotas import Part
from bot.store import audit
from tests.samples import ANNA, BORIS, GUILD, OTHER_GUILD, place
from tests.services.desk import Desk, staff

FANS, CREW = RoleId(11), RoleId(12)
FAN = Requester(role_ids=frozenset({FANS}))


async def refused(desk: Desk, price: int = 100, **how: object) -> PolicyRule:
    with pytest.raises(PolicyRefusedError) as error:
        await desk.request(price, **how)  # type: ignore[arg-type]  # names of `request`
    return error.value.refusal.rule


async def test_everything_that_is_decided_is_found_again(desk: Desk) -> None:
    policy = GuildPolicy(
        guild_id=GUILD,
        allowance=70,
        period=Period.MONTH,
        time_zone="Asia/Kathmandu",
        pool=Pool(refill=900, period=Period.WEEK, refilled_at=desk.clock.now()),
        highest_price=300,
        member_jobs=2,
        guild_jobs=20,
        cooldown=timedelta(seconds=90),
        confirm_above=250,
        gifts=Gifts(are_allowed=True, most_at_once=50, most_per_period=100),
        roles={FANS: RoleRule(allowance=100, is_allowed=True), CREW: RoleRule(is_exempt=True)},
        models={ModelId("maker"): ModelRule(is_allowed=True, is_restricted=True)},
        channels=frozenset({ChannelId(100), ChannelId(2**62)}),
        is_restricted_only=True,
        is_closed=True,
        closed_reason="Quiet, please",
        language="ru",
        spoilers=Spoilers.RESTRICTED,
        assist=AssistMode.MEME,
        may_offer_successor=False,
        log_channel_id=ChannelId(7),
        report_channel_id=ChannelId(8),
        are_prompts_logged=False,
        keep_prompts_days=30,
        keep_media_days=7,
    )

    changed = await desk.policies.change(staff(), lambda _: policy)

    assert changed.before == GuildPolicy(guild_id=GUILD)
    assert changed.after == await desk.policies.find(GUILD) == policy
    assert await desk.policies.find(OTHER_GUILD) == GuildPolicy(guild_id=OTHER_GUILD)


async def test_only_staff_decides(desk: Desk) -> None:
    outsider = staff(can_manage=False)

    for attempt in (
        desk.policies.change(outsider, lambda policy: replace(policy, allowance=9)),
        desk.quotas.set_member(outsider, ANNA, MemberRule(allowance=None)),
        desk.quotas.set_role(outsider, FANS, 5),
        desk.quotas.reset(outsider, Part.ALL),
        desk.grants.ask(outsider, Target(user_id=ANNA), 5, None, InteractionId(1)),
        desk.grants.give(outsider, GrantId(1)),
        desk.grants.revoke(outsider, ANNA, 5, None, InteractionId(2)),
    ):
        with pytest.raises(NotAllowedError):
            await attempt
    assert await desk.policies.find(GUILD) == GuildPolicy(guild_id=GUILD)


async def test_a_refusal_of_staff_takes_nothing(desk: Desk) -> None:
    await desk.decide(is_closed=True)

    assert await refused(desk) is PolicyRule.CLOSED
    assert (await desk.balance()).spendable == 500
    assert await desk.count() == 0


async def test_the_guilds_rules_stop_at_its_border(desk: Desk) -> None:
    await desk.decide(is_closed=True)

    assert (await desk.request(guild_id=OTHER_GUILD)).is_new


async def test_a_role_raises_the_allowance_and_its_loss_ends_that(desk: Desk) -> None:
    await desk.decide(allowance=100, roles={FANS: RoleRule(allowance=250)})

    await desk.request(requester=FAN)
    await desk.request(requester=FAN)

    assert (await desk.balance(requester=FAN)).allowance_left == 50
    # Without the role two hundred of a hundred are used: nothing is left, and nothing is owed.
    assert (await desk.balance()).allowance_left == 0
    assert await refused(desk, 1) is PolicyRule.ALLOWANCE


async def test_a_role_that_is_lost_while_the_job_runs_takes_nothing_back(desk: Desk) -> None:
    await desk.decide(allowance=0, roles={FANS: RoleRule(allowance=250)})
    job = (await desk.request(requester=FAN)).job
    await desk.decide(roles={})

    receipt = await desk.lifecycle.receipt(job)
    done = await desk.deliver(job)

    assert done.message_id is not None
    assert receipt.charged == 100
    assert await desk.differences() == []


async def test_a_receipt_reckons_with_the_roles_of_the_command(desk: Desk) -> None:
    await desk.decide(allowance=100, roles={FANS: RoleRule(allowance=250), CREW: RoleRule(is_exempt=True)})
    job = (await desk.request(requester=FAN)).job
    free = (await desk.request(user_id=BORIS, requester=Requester(role_ids=frozenset({CREW})))).job

    assert (await desk.lifecycle.receipt(job)).spendable == 150
    assert (await desk.lifecycle.receipt(free)).spendable is None


async def test_an_exempt_member_pays_without_limit_and_is_counted_all_the_same(desk: Desk) -> None:
    await desk.decide(allowance=100)
    await desk.quotas.set_member(staff(), ANNA, MemberRule(allowance=None))

    accepted = [await desk.request() for _ in range(3)]

    assert [one.spendable for one in accepted] == [None, None, None]
    await desk.quotas.set_member(staff(), ANNA, None)
    assert (await desk.balance()).allowance_left == 0
    assert await desk.differences() == []


async def test_caps_free_up_when_a_job_ends(desk: Desk) -> None:
    await desk.decide(member_jobs=1, guild_jobs=2)
    job = await desk.job()

    assert await refused(desk) is PolicyRule.MEMBER_JOBS
    other = await desk.job(user_id=BORIS)
    assert await refused(desk, user_id=staff().user_id) is PolicyRule.GUILD_JOBS
    await desk.fail(job)
    await desk.deliver(other)
    assert (await desk.request()).is_new


async def test_a_cooldown_is_over_when_it_says(desk: Desk) -> None:
    await desk.decide(cooldown=timedelta(minutes=1))
    await desk.request()
    desk.clock.advance(seconds=59)

    assert await refused(desk) is PolicyRule.COOLDOWN
    desk.clock.advance(seconds=1)
    assert (await desk.request()).is_new


async def test_an_allowance_that_is_lowered_while_a_job_runs_is_what_counts_next(desk: Desk) -> None:
    await desk.decide(allowance=300)
    job = await desk.job(200)

    await desk.decide(allowance=100)

    assert (await desk.balance()).allowance_left == 0
    await desk.fail(job)
    assert (await desk.balance()).allowance_left == 100
    assert await desk.differences() == []


# Pools.


async def test_a_pool_is_refilled_by_the_first_who_asks_in_its_period(desk: Desk) -> None:
    await desk.quotas.set_pool(staff(), 150)
    await desk.decide(pool=Pool(refill=150, period=Period.DAY, refilled_at=desk.clock.now()))
    await desk.request(100)
    assert await refused(desk) is PolicyRule.POOL_REFILLED

    desk.clock.advance(hours=12)

    assert (await desk.balance()).pool == 150
    accepted = await desk.request(100)
    assert (accepted.is_new, (await desk.balance()).pool) == (True, 50)
    kinds = [kind for kind, _ in await desk.entries()]
    assert kinds == ["fund", "charge", "refill", "charge"]
    assert await desk.differences() == []


async def test_what_a_refilled_pool_has_too_much_lapses(desk: Desk) -> None:
    await desk.quotas.set_pool(staff(), 400)
    await desk.decide(pool=Pool(refill=150, period=Period.DAY, refilled_at=desk.clock.now()))

    desk.clock.advance(days=1)
    await desk.request(100)

    assert (await desk.balance()).pool == 50
    assert ("expire", 250) in await desk.entries()
    assert await desk.differences() == []


# Periods.


async def test_an_allowance_per_month_renews_with_the_guilds_month(desk: Desk) -> None:
    desk.clock.until(datetime(2026, 11, 30, 12, tzinfo=UTC))
    await desk.decide(allowance=100, period=Period.MONTH, time_zone="Asia/Tokyo")
    await desk.request()

    with pytest.raises(InsufficientCreditsError) as error:
        await desk.request()
    midnight_in_tokyo = datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert error.value.refusal.renews_at == midnight_in_tokyo
    desk.clock.until(midnight_in_tokyo)
    assert (await desk.request()).is_new


async def test_what_was_used_follows_the_member_into_another_period_or_zone(desk: Desk) -> None:
    """Within one day: nobody gets a second allowance because staff changed how periods are counted."""
    await desk.decide(allowance=300)
    yesterdays = await desk.job(100)
    desk.clock.advance(days=1)
    await desk.request(50)

    left = []
    for period, zone in (
        (Period.MONTH, "UTC"),
        (Period.WEEK, "UTC"),
        (Period.DAY, "Asia/Tokyo"),
        (Period.DAY, "UTC"),
        (Period.MONTH, "Europe/Berlin"),
    ):
        await desk.decide(period=period, time_zone=zone)
        await desk.request(1)
        left.append((await desk.balance()).allowance_left)

    # In Tokyo it is the evening of the day that began, for UTC, in yesterday's afternoon.
    assert left == [149, 148, 247, 246, 145]
    await desk.fail(yesterdays)
    assert (await desk.balance()).allowance_left == 245
    assert await desk.differences() == []


# Crowds.


async def test_of_five_hundred_at_once_exactly_those_pass_that_the_allowance_pays_for(desk: Desk) -> None:
    await desk.decide(allowance=500)

    answers = await asyncio.gather(*(desk.request(100) for _ in range(500)), return_exceptions=True)

    passed = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(passed) == 5
    assert {type(answer) for answer in answers if isinstance(answer, BaseException)} == {InsufficientCreditsError}
    assert (await desk.totals())[AccountKind.HELD] == 500
    assert await desk.differences() == []


async def test_caps_and_cooldowns_hold_for_commands_at_the_same_moment(desk: Desk) -> None:
    await desk.decide(allowance=10_000, member_jobs=3, guild_jobs=4)

    answers = await asyncio.gather(
        *(desk.request(1, user_id=user) for _ in range(10) for user in (ANNA, BORIS)), return_exceptions=True
    )

    assert sum(not isinstance(answer, BaseException) for answer in answers) == 4
    assert await desk.database.read(audit.differences) == []


async def test_the_same_interaction_twice_is_one_job_whatever_the_caps_say(desk: Desk) -> None:
    await desk.decide(member_jobs=1, cooldown=timedelta(hours=1))
    here = place()

    first = await desk.request(where=here)
    second = await desk.request(where=here)

    assert (first.job.id, first.is_new, second.is_new) == (second.job.id, True, False)
