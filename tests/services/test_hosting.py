"""What the host decides counts from the next charge on, for every process: it is read where the credits are taken."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from bot.domain.credits import AccountKind
from bot.domain.hosting import NO_LIMIT, usd_of
from bot.domain.ids import UserId
from bot.domain.jobs import FailureReason, JobState, Move
from bot.errors import UserError
from bot.errors.host import NotHostError, NotServedError
from bot.errors.intake import BudgetReachedError, CeilingReachedError, IntakePausedError
from bot.services.generation import Accepted
from bot.services.host_limits import Budget
from bot.services.hosting import Hosting, Owner
from bot.services.troubles import Troubles
from bot.store import hosting
from bot.store.database import Connection, Database
from tests.fakes import FakePublisher
from tests.samples import ANNA, BORIS, GUILD, MAKER, OTHER_GUILD
from tests.services.desk import Desk

OWNER = Owner(user_id=UserId(7), is_owner=True)
SOMEBODY = Owner(user_id=UserId(8), is_owner=False)


async def test_paused_intake_takes_nothing_and_says_what_the_host_wrote(desk: Desk) -> None:
    await desk.hosting.pause(OWNER, "Back on Monday.")

    with pytest.raises(IntakePausedError) as refused:
        await desk.request(100)

    assert refused.value.values == {"message": "Back on Monday."}
    assert await desk.count() == 0
    await desk.hosting.resume(OWNER)
    assert (await desk.request(100)).is_new


async def test_pause_by_another_process_is_found_by_the_transaction(desk: Desk, database: Database) -> None:
    other = Hosting(database, desk.clock, budget=Budget())

    await other.pause(OWNER, "")

    assert desk.hosting.terms.pause_message is None
    with pytest.raises(IntakePausedError):
        await desk.request(100)
    assert (await desk.totals())[AccountKind.HELD] == 0


async def test_replayed_interaction_still_finds_its_job_while_the_intake_is_paused(
    desk: Desk, database: Database
) -> None:
    accepted = await desk.request(100)
    await Hosting(database, desk.clock, budget=Budget()).pause(OWNER, "")

    again = await desk.request(100, where=accepted.job.place)

    assert (again.job.id, again.is_new) == (accepted.job.id, False)


async def test_written_budget_counts_instead_of_the_settings_and_is_lifted_again(database: Database) -> None:
    desk = Desk(database, budget=Budget(daily=100))
    await desk.request(100)
    with pytest.raises(BudgetReachedError):
        await desk.request(100)

    # 1 USD is 200 credits.
    await desk.hosting.set_budget(OWNER, daily=Decimal("1.00"))
    await desk.request(100)
    with pytest.raises(BudgetReachedError):
        await desk.request(1, user_id=BORIS)

    await desk.hosting.set_budget(OWNER, daily=NO_LIMIT)
    await desk.request(300, user_id=BORIS)
    await desk.hosting.set_budget(OWNER, daily="")
    with pytest.raises(BudgetReachedError):
        await desk.request(1, user_id=BORIS)


async def test_budget_tells_what_is_spent_in_money_without_the_markup(database: Database) -> None:
    desk = Desk(database, markup=Decimal(2))
    await desk.hosting.set_budget(OWNER, daily=Decimal(1), monthly=Decimal("12.50"))
    await desk.request(200)

    day, month = await desk.hosting.budget(OWNER)

    assert (day.period, day.spent, day.limit, day.share) == ("day 2026-11-20", Decimal("0.5"), Decimal(1), 0.5)
    assert (month.period, month.spent, month.limit) == ("month 2026-11", Decimal("0.5"), Decimal("12.5"))


async def test_ceiling_of_one_server_stops_that_server_only(desk: Desk) -> None:
    await desk.hosting.set_ceiling(OWNER, GUILD, daily=Decimal(1), monthly=Decimal("1.50"))
    await desk.request(200)

    with pytest.raises(CeilingReachedError) as refused:
        await desk.request(1)
    await desk.request(1, guild_id=OTHER_GUILD)

    assert refused.value.values == {"renews": "<t:1795219200:R>"}
    desk.clock.advance(days=1)
    await desk.request(100)
    with pytest.raises(CeilingReachedError) as refused:
        await desk.request(1)
    assert refused.value.values == {"renews": "<t:1796083200:R>"}
    await desk.hosting.set_ceiling(OWNER, GUILD, daily=NO_LIMIT, monthly=NO_LIMIT)
    await desk.request(1)


async def test_many_at_once_pass_a_ceiling_exactly_as_far_as_it_goes(desk: Desk) -> None:
    await desk.hosting.set_ceiling(OWNER, GUILD, daily=Decimal("0.25"))

    found = await asyncio.gather(
        *(desk.request(10, user_id=UserId(1000 + number)) for number in range(40)), return_exceptions=True
    )

    assert all(isinstance(each, (Accepted, UserError)) for each in found)
    assert sum(isinstance(each, Accepted) for each in found) == 5
    assert await desk.differences() == []


async def test_what_did_not_cost_anything_after_all_comes_back_to_server_and_usage(desk: Desk) -> None:
    await desk.hosting.set_ceiling(OWNER, GUILD, daily=Decimal(1))
    failed = await desk.job(150)
    cheaper = await desk.job(50)

    await desk.fail(failed)
    await desk.deliver(cheaper, cost=20)

    [usage] = await desk.hosting.usage(OWNER, 1)
    assert (usage.guild_id, usage.model, usage.jobs, usage.credits) == (GUILD, MAKER.id, 2, 20)
    await desk.request(180)


async def test_refund_of_a_job_from_before_the_count_takes_nothing_below_zero(desk: Desk) -> None:
    job = await desk.job(150)

    def forget(connection: Connection) -> None:
        hosting.give_back(connection, GUILD, desk.clock.now().replace(hour=0, minute=0), job.model, 150)

    await desk.database.write(forget)

    await desk.fail(job)

    [usage] = await desk.hosting.usage(OWNER, 1)
    assert usage.credits == 0


async def test_usage_is_of_the_days_that_were_asked_for(desk: Desk) -> None:
    await desk.request(100)
    desk.clock.advance(days=1)
    await desk.request(30)
    await desk.request(200, guild_id=OTHER_GUILD)

    assert [(each.guild_id, each.credits) for each in await desk.hosting.usage(OWNER, 1)] == [
        (OTHER_GUILD, 200),
        (GUILD, 30),
    ]
    assert [each.credits for each in await desk.hosting.usage(OWNER, 2, GUILD)] == [130]


async def test_denied_server_is_served_no_more_and_others_are(desk: Desk) -> None:
    await desk.hosting.allow(OWNER, GUILD, is_allowed=False)

    with pytest.raises(NotServedError):
        await desk.request(100)

    await desk.request(100, guild_id=OTHER_GUILD)
    assert not desk.hosting.serves(GUILD)
    await desk.hosting.allow(OWNER, GUILD, is_allowed=None)
    assert desk.hosting.serves(GUILD)


async def test_by_invitation_only_what_was_allowed_is_served(desk: Desk) -> None:
    await desk.hosting.allow(OWNER, GUILD, is_allowed=True)
    await desk.hosting.invite_only(OWNER, is_invitation_only=True)

    await desk.request(100)
    with pytest.raises(NotServedError):
        await desk.request(100, guild_id=OTHER_GUILD)


async def test_decision_never_opens_what_the_settings_leave_out(desk: Desk, database: Database) -> None:
    bound = Hosting(database, desk.clock, budget=Budget(), bound={GUILD})

    await bound.allow(OWNER, OTHER_GUILD, is_allowed=True)

    assert (bound.serves(GUILD), bound.serves(OTHER_GUILD)) == (True, False)


async def test_nobody_but_the_host_decides_or_sees_anything(desk: Desk) -> None:
    acts = [
        desk.hosting.pause(SOMEBODY, ""),
        desk.hosting.resume(SOMEBODY),
        desk.hosting.invite_only(SOMEBODY, is_invitation_only=True),
        desk.hosting.set_budget(SOMEBODY, daily=Decimal(1)),
        desk.hosting.allow(SOMEBODY, GUILD, is_allowed=False),
        desk.hosting.set_ceiling(SOMEBODY, GUILD, daily=Decimal(0)),
        desk.hosting.budget(SOMEBODY),
        desk.hosting.usage(SOMEBODY, 30),
    ]

    outcomes = await asyncio.gather(*acts, return_exceptions=True)

    assert all(isinstance(each, NotHostError) for each in outcomes)
    assert (await desk.request(100, user_id=ANNA)).is_new


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("5", "5"),
        (" $12.50 ", "12.50"),
        ("12,5", "12.5"),
        ("0", "0"),
        ("-1", None),
        ("nan", None),
        ("Infinity", None),
        ("1e9", None),
        ("five", None),
        ("", None),
    ],
)
def test_amount_is_read_as_people_write_it_or_not_at_all(typed: str, amount: str | None) -> None:
    assert usd_of(typed) == (None if amount is None else Decimal(amount))


async def test_what_the_host_has_to_hear_of_jobs_waits_until_it_is_told(desk: Desk, database: Database) -> None:
    publisher = FakePublisher(is_reachable=False)
    troubles = Troubles(database, desk.clock, publisher)
    for number in range(2):
        job = await desk.lifecycle.apply(await desk.job(100), Move(to=JobState.SUBMITTING, is_put_aside=number == 1))
        job = await desk.lifecycle.apply(job, Move(to=JobState.UNKNOWN, is_put_aside=number == 1))
        await desk.lifecycle.apply(job, Move(to=JobState.FAILED, failure=FailureReason.NO_ANSWER))
    await troubles.tell()
    publisher.is_reachable = True

    await troubles.tell()
    await troubles.tell()

    orphans, put_aside = publisher.told
    assert orphans.startswith("2 create calls were never answered")
    assert put_aside.startswith("Job 2 (maker) took the bot down")
