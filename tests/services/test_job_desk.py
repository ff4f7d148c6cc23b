"""Staff's hand on one job: what it may do, once, and with books that stay balanced."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.credits import AccountKind, EntryKind
from bot.domain.jobs import JobState, LateResults, Move, Result
from bot.errors.jobs import AlreadyEndedError, TooLateError
from bot.errors.staff import (
    AlreadyRefundedError,
    NotAllowedError,
    NotEndedError,
    NothingPaidError,
    NotInGuildError,
    NotPostedError,
    WithheldError,
)
from bot.services.job_desk import JobDesk
from bot.services.lifecycle import Policy
from bot.services.moderation import Moderation
from bot.store import privacy, staff_log
from tests.samples import ANNA, GUILD, ONE, OTHER_GUILD, STAFF
from tests.services.desk import Desk, staff

LATE = Result(url="https://files.test/late.mp4")


@pytest.fixture
def job_desk(desk: Desk) -> JobDesk:
    return JobDesk(desk.database, desk.clock, desk.lifecycle)


async def told(desk: Desk) -> list[tuple[str, dict[str, object]]]:
    lines = await desk.database.read(staff_log.due, GUILD, desk.clock.now(), 100)
    return [(line.event.kind.value, dict(line.event.details)) for line in lines]


async def test_refund_of_a_delivered_job_comes_as_bonus_and_keeps_the_books_balanced(
    desk: Desk, job_desk: JobDesk
) -> None:
    job = await desk.deliver(await desk.job(100), cost=80)
    before = await desk.balance()

    assert await job_desk.refund(staff(), job.id) == 80

    after, totals = await desk.balance(), await desk.totals()
    assert (after.bonus - before.bonus, after.allowance_left) == (80, before.allowance_left)
    assert (totals[AccountKind.SPENT], totals[AccountKind.BONUS], totals[AccountKind.ISSUED]) == (0, 80, -80)
    assert await desk.differences() == []
    assert await told(desk) == [("refund", {"credits": 80})]
    newest = (await desk.credits.history(GUILD, ANNA)).lines[0]
    assert (newest.kind, newest.credits, newest.job_id) == (EntryKind.REVERSAL, 80, job.id)


async def test_a_double_click_refunds_once(desk: Desk, job_desk: JobDesk) -> None:
    job = await desk.deliver(await desk.job(100))

    results = await asyncio.gather(*(job_desk.refund(staff(), job.id) for _ in range(8)), return_exceptions=True)

    assert sorted(map(repr, results)).count("100") == 1
    assert sum(isinstance(each, AlreadyRefundedError) for each in results) == 7
    assert (await desk.balance()).bonus == 100
    assert await desk.differences() == []


async def test_what_has_cost_nothing_or_has_not_ended_is_not_refunded(desk: Desk, job_desk: JobDesk) -> None:
    waiting = await desk.job(10)
    failed = await desk.fail(await desk.lifecycle.apply(await desk.job(10), Move(to=JobState.SUBMITTING)))

    with pytest.raises(NotEndedError):
        await job_desk.refund(staff(), waiting.id)
    with pytest.raises(NothingPaidError):
        await job_desk.refund(staff(), failed.id)

    assert await desk.differences() == []
    assert await told(desk) == []


async def test_a_refunded_job_can_still_be_delivered_again_for_nothing(desk: Desk, job_desk: JobDesk) -> None:
    job = await desk.deliver(await desk.job(100))
    await job_desk.refund(staff(), job.id)
    again = await job_desk.redeliver(staff(), job.id)
    await desk.lifecycle.apply(again, Move(to=JobState.DELIVERED, after=None))

    assert (await desk.balance()).bonus == 100
    assert await desk.differences() == []


async def test_redelivery_is_an_act_of_its_own_with_its_own_nonce(desk: Desk, job_desk: JobDesk) -> None:
    job = await desk.deliver(await desk.job(100))

    again = await job_desk.redeliver(staff(), job.id)

    assert (again.state, again.redelivery, again.posting_at) == (JobState.DELIVERING, 1, None)
    assert again.nonce != job.nonce
    assert len(again.nonce) <= 25
    assert await told(desk) == [("redeliver", {})]
    file = await job_desk.open(staff(), job.id)
    assert [state for _, state in file.timeline][-2:] == [JobState.DELIVERED, JobState.DELIVERING]
    assert await desk.differences() == []


async def test_a_double_click_redelivers_once_however_fast_the_post_is(desk: Desk, job_desk: JobDesk) -> None:
    job = await desk.deliver(await desk.job(100))

    results = await asyncio.gather(*(job_desk.redeliver(staff(), job.id) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, NotPostedError) for each in results) == 3
    await desk.lifecycle.apply(await desk.find(job), Move(to=JobState.DELIVERED, after=None))
    with pytest.raises(NotPostedError):
        await job_desk.redeliver(staff(), job.id)

    desk.clock.advance(seconds=11)
    assert (await job_desk.redeliver(staff(), job.id)).redelivery == 2


async def test_what_the_guild_keeps_back_is_not_delivered_again(desk: Desk, job_desk: JobDesk) -> None:
    moderation = Moderation(desk.database, desk.clock, desk.lifecycle)
    job = await desk.deliver(await desk.job(100))

    await moderation.block(staff(), ANNA, "spam", None)
    with pytest.raises(WithheldError):
        await job_desk.redeliver(staff(), job.id)
    await moderation.unblock(staff(), ANNA, None)
    await moderation.stop(staff(), "raid")
    with pytest.raises(WithheldError):
        await job_desk.redeliver(staff(), job.id)
    await moderation.resume(staff(), None)

    assert (await job_desk.redeliver(staff(), job.id)).state is JobState.DELIVERING


async def test_a_late_video_that_was_free_is_free_again(desk: Desk, job_desk: JobDesk) -> None:
    desk.lifecycle.policy = Policy(markup=ONE, late=LateResults.FREE)
    job = await desk.fail(await desk.lifecycle.apply(await desk.job(50), Move(to=JobState.SUBMITTING)))
    job = await desk.lifecycle.apply(job, Move(to=JobState.FETCHING, result=LATE, is_late=True))
    job = await desk.lifecycle.apply(job, Move(to=JobState.DELIVERING))
    job = await desk.lifecycle.apply(job, Move(to=JobState.PARKED))
    desk.lifecycle.policy = Policy(markup=ONE, late=LateResults.CHARGE)

    again = await job_desk.redeliver(staff(), job.id)
    await desk.lifecycle.apply(again, Move(to=JobState.PARKED))

    assert (await desk.totals())[AccountKind.SPENT] == 0
    assert await desk.differences() == []


async def test_only_a_waiting_job_is_cancelled(desk: Desk, job_desk: JobDesk) -> None:
    waiting, sent = await desk.job(10), await desk.job(10)
    await desk.lifecycle.apply(sent, Move(to=JobState.SUBMITTING))

    assert (await job_desk.cancel(staff(), waiting.id)).state is JobState.CANCELLED
    with pytest.raises(AlreadyEndedError):
        await job_desk.cancel(staff(), waiting.id)
    with pytest.raises(TooLateError):
        await job_desk.cancel(staff(), sent.id)

    assert await told(desk) == [("cancel", {})]
    assert await desk.differences() == []


async def test_the_file_of_a_job_holds_its_ledger(desk: Desk, job_desk: JobDesk) -> None:
    job = await desk.deliver(await desk.job(100), cost=80)
    await job_desk.refund(staff(), job.id)

    file = await job_desk.open(staff(), job.id)

    assert [(entry.kind, entry.actor_id, sum(credits for _, credits in entry.lines)) for entry in file.entries] == [
        (EntryKind.CHARGE, ANNA, 0),
        (EntryKind.SETTLE, 0, 0),
        (EntryKind.REVERSAL, STAFF, 0),
    ]
    assert file.entries[2].lines == [(AccountKind.SPENT, -80), (AccountKind.BONUS, 80)]
    assert (file.charged, file.given_back, file.can_refund, file.can_redeliver) == (80, 80, False, True)


async def test_staff_of_another_guild_and_members_reach_nothing(desk: Desk, job_desk: JobDesk) -> None:
    job = await desk.deliver(await desk.job(100))

    for act in (job_desk.open, job_desk.cancel, job_desk.refund, job_desk.redeliver):
        with pytest.raises(NotInGuildError):
            await act(staff(OTHER_GUILD), job.id)
        with pytest.raises(NotAllowedError):
            await act(staff(can_manage=False), job.id)

    assert (await desk.find(job)).state is JobState.DELIVERED
    assert await desk.differences() == []


async def test_a_video_of_which_nothing_is_left_is_not_delivered_again(desk: Desk, job_desk: JobDesk) -> None:
    job = await desk.deliver(await desk.job(100))
    await desk.database.write(privacy.erase, ANNA, desk.clock.now())

    assert not (await job_desk.open(staff(), job.id)).can_redeliver
    with pytest.raises(NotPostedError):
        await job_desk.redeliver(staff(), job.id)

    assert (await desk.find(job)).state is JobState.DELIVERED
