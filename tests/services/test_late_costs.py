"""What a late video costs its member is decided once; what a lost create call may cost the host is counted once."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from bot.domain.hosting import Spent
from bot.domain.ids import MessageId, TaskId, UserId
from bot.domain.jobs import FailureReason, Job, JobState, LateResults, Move, Result
from bot.errors import StaleJobError
from bot.errors.intake import BudgetReachedError, CeilingReachedError
from bot.services.host_limits import Budget
from bot.services.hosting import Owner
from bot.services.lifecycle import Policy
from bot.store import hosting
from bot.store.database import Database
from bot.worker.delivery import POSTING
from bot.worker.needs import TRANSFER_LEASE
from tests.samples import ANNA, BORIS, GUILD, OTHER_GUILD
from tests.services.desk import Desk, staff

OWNER = Owner(user_id=UserId(7), is_owner=True)
UNANSWERED = Move(to=JobState.FAILED, failure=FailureReason.NO_ANSWER)
DELIVERED = Move(to=JobState.DELIVERED, after=None, message_id=MessageId(1))


async def unanswered(desk: Desk, price: int = 100, *, user_id: UserId = ANNA) -> Job:
    """A job whose create call may have got through; its grace is over now."""
    job = await desk.lifecycle.apply(await desk.job(price, user_id=user_id), Move(to=JobState.SUBMITTING))
    return await desk.lifecycle.apply(job, Move(to=JobState.UNKNOWN))


async def orphan(desk: Desk, price: int = 100, *, user_id: UserId = ANNA) -> Job:
    return await desk.lifecycle.apply(await unanswered(desk, price, user_id=user_id), UNANSWERED)


async def arrived(desk: Desk, job: Job, credits: float | None = None) -> Job:
    """Its video is here after all, and no post of it was about to leave yet."""
    result = Result(url="https://files.test/1.mp4", credits=credits)
    found = Move(to=JobState.FETCHING, task_id=TaskId("task"), result=result, is_late=True)
    job = await desk.lifecycle.apply(job, found)
    return await desk.lifecycle.apply(job, Move(to=JobState.DELIVERING))


async def leaving(desk: Desk, job: Job) -> Job:
    return await desk.lifecycle.apply(job, POSTING, lease=TRANSFER_LEASE)


async def spent(desk: Desk) -> list[Spent]:
    """The host's day and month, in US dollars."""
    return await desk.hosting.spent()


async def counted(desk: Desk) -> set[int]:
    """Credits in the host's day and in their month, and of the guild."""
    used = await desk.database.read(hosting.used_since, GUILD, desk.clock.now().replace(day=1))
    return {*(int(each.spent * 200) for each in await spent(desk)), used}


@pytest.fixture
def charging(desk: Desk) -> Desk:
    desk.lifecycle.policy = Policy(markup=Decimal(1), late=LateResults.CHARGE)
    return desk


async def test_the_receipt_of_a_late_video_stands_whatever_its_member_is_given_meanwhile(charging: Desk) -> None:
    desk = charging
    job = await arrived(desk, await orphan(desk))
    await desk.decide(GUILD, allowance=1)
    job = await leaving(desk, job)
    receipt = await desk.lifecycle.receipt(job)

    await desk.grant(staff(), ANNA, 1000, None)
    await desk.lifecycle.apply(job, DELIVERED)

    assert receipt.charged == 0
    assert (await desk.balance()).bonus == 1000
    assert [kind for kind, _ in await desk.entries()] == ["charge", "refund", "grant"]
    assert await counted(desk) == {100}
    assert await desk.differences() == []


async def test_the_receipt_of_a_late_video_tells_what_is_left_once_it_is_charged(charging: Desk) -> None:
    desk = charging
    await desk.decide(GUILD, allowance=150)
    job = await leaving(desk, await arrived(desk, await orphan(desk), credits=60))

    receipt = await desk.lifecycle.receipt(job)
    await desk.lifecycle.apply(job, DELIVERED)

    assert (receipt.charged, receipt.spendable) == (60, 90)
    assert (await desk.balance()).spendable == 90
    assert await counted(desk) == {60}


async def test_a_late_video_is_never_charged_beyond_what_its_member_has(charging: Desk) -> None:
    """Two late videos say at once that they are charged, and there are credits for one."""
    desk = charging
    one, other = await orphan(desk), await orphan(desk)
    await desk.decide(GUILD, allowance=150)
    one = await leaving(desk, await arrived(desk, one))
    other = await leaving(desk, await arrived(desk, other))
    assert (one.late_cost, other.late_cost) == (100, 100)

    await asyncio.gather(desk.lifecycle.apply(one, DELIVERED), desk.lifecycle.apply(other, DELIVERED))

    assert [kind for kind, _ in await desk.entries()].count("late") == 1
    assert (await desk.balance()).spendable == 50
    assert await counted(desk) == {200}
    assert await desk.differences() == []


async def test_a_lost_create_call_keeps_its_place_in_the_budget(database: Database) -> None:
    desk = Desk(database, budget=Budget(daily=150, monthly=250))
    await orphan(desk)

    with pytest.raises(BudgetReachedError):
        await desk.request(100, user_id=BORIS)
    await desk.request(50, user_id=BORIS)
    desk.clock.advance(days=1)
    await desk.request(100)
    with pytest.raises(BudgetReachedError):
        await desk.request(1, user_id=BORIS)

    assert await desk.differences() == []


async def test_a_lost_create_call_keeps_its_place_below_the_ceiling_of_its_server(desk: Desk) -> None:
    await desk.hosting.set_ceiling(OWNER, GUILD, daily=Decimal("0.75"))
    await orphan(desk)

    with pytest.raises(CeilingReachedError):
        await desk.request(51)
    await desk.request(51, guild_id=OTHER_GUILD)
    await desk.request(50)


async def test_the_member_of_a_lost_create_call_has_everything_back(desk: Desk) -> None:
    before = await desk.balance()

    await orphan(desk)

    after = await desk.balance()
    assert (after.spendable, after.allowance_left) == (before.spendable, before.allowance_left)
    assert await desk.entries() == [("charge", 100), ("refund", 100)]
    assert await desk.differences() == []


async def test_the_end_of_a_lost_create_call_counts_once_however_often_it_is_written(database: Database) -> None:
    """Two processes on one job, and a step that is repeated after its lease."""
    desk, other = Desk(database), Desk(database)
    job = await unanswered(desk)

    found = await asyncio.gather(
        *(each.lifecycle.apply(job, UNANSWERED) for each in (desk, other, desk, other)), return_exceptions=True
    )

    assert sum(isinstance(each, StaleJobError) for each in found) == 3
    assert await counted(desk) == {100}


@pytest.mark.parametrize("late", [LateResults.FREE, LateResults.CHARGE])
@pytest.mark.parametrize("to", [JobState.DELIVERED, JobState.PARKED])
async def test_a_late_video_takes_the_place_of_its_lost_create_call_once(
    desk: Desk, late: LateResults, to: JobState
) -> None:
    desk.lifecycle.policy = Policy(markup=Decimal(1), late=late)
    job = await leaving(desk, await arrived(desk, await orphan(desk), credits=70))
    assert await counted(desk) == {100}
    end = Move(to=to, after=None, message_id=MessageId(1))

    found = await asyncio.gather(*(desk.lifecycle.apply(job, end) for _ in range(3)), return_exceptions=True)

    assert sum(isinstance(each, StaleJobError) for each in found) == 2
    assert await counted(desk) == {70}
    assert (await desk.find(job)).orphan_cost is None
    assert await desk.spent_in("day 2026-11-20") == (70 if late is LateResults.CHARGE else 0)
    assert await desk.differences() == []


async def test_a_late_video_that_cannot_be_had_leaves_its_lost_create_call_where_it_is(desk: Desk) -> None:
    job = await orphan(desk)
    result = Result(url="https://files.test/1.mp4")
    job = await desk.lifecycle.apply(job, Move(to=JobState.FETCHING, result=result, is_late=True))

    await desk.lifecycle.apply(job, Move(to=JobState.FAILED, failure=FailureReason.NO_RESULT))

    assert await counted(desk) == {100}
    assert (await desk.find(job)).orphan_cost == 100


async def test_a_lost_create_call_of_a_job_that_breaks_the_bot_counts_too(desk: Desk) -> None:
    job = await unanswered(desk)

    await desk.lifecycle.apply(job, Move(to=JobState.FAILED, failure=FailureReason.BROKEN))

    assert await counted(desk) == {100}
    assert [each.job_id for each in (await desk.hosting.orphans(OWNER)).jobs] == [job.id]


async def test_what_the_provider_refused_counts_no_more(desk: Desk) -> None:
    job = await desk.lifecycle.apply(await desk.job(100), Move(to=JobState.SUBMITTING))

    await desk.lifecycle.apply(job, Move(to=JobState.FAILED, failure=FailureReason.REJECTED))

    assert await counted(desk) == {0}


async def test_the_host_sees_what_lost_create_calls_count_until_they_do_not(database: Database) -> None:
    desk = Desk(database, markup=Decimal(2))
    await desk.job(60, user_id=BORIS)
    desk.clock.advance(days=-1)
    earlier = await orphan(desk, 40)
    desk.clock.advance(days=1)
    job = await orphan(desk)

    day, month = await desk.hosting.budget(OWNER)
    assert (day.spent, day.unanswered) == (Decimal("0.4"), Decimal("0.25"))
    assert (month.spent, month.unanswered) == (Decimal("0.5"), Decimal("0.35"))
    listed = (await desk.hosting.orphans(OWNER)).jobs
    assert [(each.job_id, each.orphan_cost) for each in listed] == [(earlier.id, 40), (job.id, 100)]

    await desk.lifecycle.apply(job, Move(to=JobState.FAILED, after=None, is_unbilled=True))

    day, month = await desk.hosting.budget(OWNER)
    assert (day.spent, day.unanswered) == (Decimal("0.15"), Decimal(0))
    assert (month.spent, month.unanswered) == (Decimal("0.25"), Decimal("0.1"))
    listed = (await desk.hosting.orphans(OWNER)).jobs
    assert [(each.job_id, each.orphan_cost) for each in listed] == [(earlier.id, 40), (job.id, 0)]


async def test_many_ends_of_every_kind_at_once_add_up(charging: Desk) -> None:
    """On PostgreSQL they meet at the host's rows: none waits for another that waits for it."""
    desk = charging
    await desk.decide(GUILD, allowance=100_000)
    members = [UserId(1000 + number) for number in range(8)]
    lost = [await unanswered(desk, 10, user_id=member) for member in members]
    charged = [await leaving(desk, await arrived(desk, await orphan(desk, 10, user_id=one))) for one in members]
    desk.lifecycle.policy = Policy(markup=Decimal(1), late=LateResults.FREE)
    free = [await leaving(desk, await arrived(desk, await orphan(desk, 10, user_id=one))) for one in members]
    failed = [await orphan(desk, 10, user_id=member) for member in members]
    unbilled = Move(to=JobState.FAILED, after=None, is_unbilled=True)

    await asyncio.gather(
        *(desk.lifecycle.apply(job, UNANSWERED) for job in lost),
        *(desk.lifecycle.apply(job, DELIVERED) for job in charged),
        *(desk.lifecycle.apply(job, DELIVERED) for job in free),
        *(desk.lifecycle.apply(job, unbilled) for job in failed),
        *(desk.request(10, user_id=member) for member in members),
    )

    assert await counted(desk) == {4 * 8 * 10}
    assert await desk.spent_in("month 2026-11") == 2 * 8 * 10
    assert await desk.differences() == []
