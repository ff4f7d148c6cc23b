"""The running counts say what the jobs say, whatever happens to them, and a season of them is read at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.jobs import JobState, LateResults, Move
from bot.domain.statistics import Tally, sum_of
from bot.errors.staff import NotAllowedError
from bot.services.lifecycle import Policy
from bot.services.statistics import StatisticsDesk
from tests.samples import ANNA, BORIS, GUILD, ONE, OTHER_GUILD
from tests.services.desk import Desk, staff


@pytest.fixture
def statistics(desk: Desk) -> StatisticsDesk:
    return StatisticsDesk(desk.database, desk.clock)


async def total(statistics: StatisticsDesk, days: int = 7) -> Tally:
    found = await statistics.last(staff(), days)
    return sum_of([day.tally for day in found.days])


def tally(asked: int = 0, **counts: int) -> Tally:
    return Tally(
        **{**dict.fromkeys(("delivered", "kept", "failed", "cancelled", "spent"), 0), "asked": asked, **counts}
    )


async def test_every_end_of_a_job_is_counted_once_on_the_day_it_was_asked_for(
    desk: Desk, statistics: StatisticsDesk
) -> None:
    delivered, parked, failed, cancelled, _waiting = [await desk.job(50) for _ in range(5)]
    desk.clock.advance(days=1)
    await desk.deliver(delivered, cost=30)
    await desk.deliver(parked, to=JobState.PARKED)
    await desk.fail(await desk.lifecycle.apply(failed, Move(to=JobState.SUBMITTING)))
    await desk.jobs.cancel(GUILD, ANNA, cancelled.id)

    found = await statistics.last(staff(), 7)

    (day,) = found.days
    assert day.day == found.until - timedelta(days=1)
    assert day.tally == tally(5, delivered=1, kept=1, failed=1, cancelled=1, spent=80)
    assert day.tally.on_their_way == 1
    assert await desk.differences() == []


async def test_a_late_video_that_is_charged_moves_its_count(desk: Desk, statistics: StatisticsDesk) -> None:
    desk.lifecycle.policy = Policy(markup=ONE, late=LateResults.CHARGE)
    job = await desk.lifecycle.apply(await desk.job(50), Move(to=JobState.SUBMITTING))
    job = await desk.fail(job)
    assert await total(statistics) == tally(1, failed=1)

    job = await desk.lifecycle.apply(job, Move(to=JobState.FETCHING, is_late=True))
    assert await total(statistics) == tally(1)
    job = await desk.lifecycle.apply(job, Move(to=JobState.DELIVERING))
    await desk.lifecycle.apply(job, Move(to=JobState.PARKED))

    assert await total(statistics) == tally(1, kept=1, spent=50)
    assert await desk.differences() == []


async def test_only_the_days_that_are_asked_for_are_summed(desk: Desk, statistics: StatisticsDesk) -> None:
    await desk.job(10)
    desk.clock.advance(days=6)
    await desk.job(10)

    assert (await total(statistics, 7)).asked == 2
    assert (await total(statistics, 6)).asked == 1


async def test_another_guild_is_not_counted(desk: Desk, statistics: StatisticsDesk) -> None:
    await desk.job(10, guild_id=OTHER_GUILD)

    found = await statistics.last(staff(), 90)

    assert (found.days, found.top) == ([], [])


async def test_members_who_spent_most_come_first(desk: Desk, statistics: StatisticsDesk) -> None:
    await desk.deliver(await desk.job(30, user_id=ANNA))
    await desk.deliver(await desk.job(70, user_id=BORIS))

    found = await statistics.last(staff(), 7)

    assert [(member.user_id, member.tally.spent) for member in found.top] == [(BORIS, 70), (ANNA, 30)]


async def test_members_may_not_look(desk: Desk, statistics: StatisticsDesk) -> None:
    with pytest.raises(NotAllowedError):
        await statistics.last(staff(can_manage=False), 7)
