"""Videos that are finished after their refund: delivered once, with a note, and paid for as the host decided."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from bot.domain.credits import EntryKind
from bot.domain.ids import ChannelId, TaskId
from bot.domain.jobs import FailureReason, Job, JobState, LateResults, Move, Result
from bot.errors import DeliveryUnavailableError, PlaceGoneError, ProviderRejectedError
from bot.ports import Done, NotVisible, Refused
from bot.services import host_limits
from bot.services.lifecycle import Policy
from bot.store import privacy, spending, tables
from bot.store.database import Connection
from bot.worker.delivery import MAX_DEAD_LINKS
from tests.fakes import FINISHED, OVERLOADED, PENDING, Gate
from tests.samples import ANNA, spot
from tests.worker.rig import Rig

ELSEWHERE = ChannelId(777)
GONE = PlaceGoneError("no such channel")
UNAVAILABLE = DeliveryUnavailableError("Discord said 500")
DEAD = ProviderRejectedError(FailureReason.NO_RESULT, "404")


def policy(rig: Rig, late: LateResults) -> None:
    """What the host decided, for this process."""
    rig.lifecycle.policy = Policy(markup=rig.markup, late=late)


def restart(rig: Rig, late: LateResults) -> None:
    rig.build()
    policy(rig, late)
    rig.start()


async def refunded(rig: Rig, failure: FailureReason = FailureReason.TIMEOUT, task_id: str | None = "task-1") -> Job:
    """A job whose credits went back a moment ago, before its member has heard of it."""
    job = await rig.accept()
    state = JobState.UNKNOWN if task_id is None else JobState.RUNNING
    job = await rig.put(job, state, task_id=task_id, submitted_at=rig.clock.now())
    return await rig.lifecycle.apply(job, Move(to=JobState.FAILED, failure=failure))


async def impoverish(rig: Rig) -> None:
    """From now on the guild allows nobody enough for a video."""
    await allow(rig, 50)


async def enrich(rig: Rig) -> None:
    await allow(rig, 10_000)


async def allow(rig: Rig, credits: int) -> None:
    def write(connection: Connection) -> None:
        connection.execute(sa.update(tables.guilds).values(allowance=credits))

    await rig.database.write(write)


async def call_back(rig: Rig, job: Job, task_id: str = "task-9") -> None:
    assert await rig.callbacks.hint(job.id, job.callback_secret, TaskId(task_id))


async def history(rig: Rig, job: Job) -> list[tuple[EntryKind, int]]:
    """What the member reads in /credits history about this job, oldest first."""
    page = await rig.credits.history(job.place.guild_id, ANNA)
    return [(line.kind, line.credits) for line in reversed(page.lines)]


@pytest.mark.parametrize(
    ("late", "can_pay", "kinds", "charged"),
    [
        (LateResults.FREE, True, ["charge", "refund"], 0),
        (LateResults.CHARGE, True, ["charge", "refund", "late"], 100),
        (LateResults.CHARGE, False, ["charge", "refund"], 0),
    ],
    ids=["free", "charged", "cannot pay"],
)
@pytest.mark.parametrize("how", ["watched", "called back"])
async def test_a_late_video_is_delivered_once_and_paid_for_as_the_host_decided(
    rig: Rig, late: LateResults, can_pay: bool, kinds: list[str], charged: int, how: str
) -> None:
    policy(rig, late)
    rig.provider.statuses.then(FINISHED)
    is_watched = how == "watched"
    job = await refunded(
        rig, FailureReason.TIMEOUT if is_watched else FailureReason.NO_ANSWER, "task-1" if is_watched else None
    )
    if not can_pay:
        await impoverish(rig)

    async with rig.running():
        await rig.go()
        assert rig.publisher.sent == [("failure", job.id)]
        if not is_watched:
            await call_back(rig, job)
        await rig.pass_time(hours=3)

    after = await rig.find(job)
    (posted,) = rig.publisher.posts.values()
    balance = await rig.credits.balance(job.place.guild_id, ANNA)
    assert [what for what, _ in rig.publisher.sent] == ["failure", "video"]
    assert (after.state, after.is_late, after.task_id) == (
        JobState.DELIVERED,
        True,
        "task-1" if is_watched else "task-9",
    )
    assert posted.receipt is not None
    assert (posted.receipt.charged, posted.receipt.spendable) == (charged, balance.spendable)
    assert await rig.kinds(job) == kinds
    assert await rig.differences() == []
    # Whoever paid for it, the provider has its money: the host's budget counts it, once.
    spent = [await rig.database.read(host_limits.spent_in, each) for each in spending.periods(job.created_at)]
    assert spent == [100, 100]


async def test_what_a_late_video_cost_is_in_the_members_history(rig: Rig) -> None:
    policy(rig, LateResults.CHARGE)
    rig.provider.statuses.then(Done(result=Result(url="https://files.test/1.mp4", credits=60.0)))
    job = await refunded(rig)

    async with rig.running():
        await rig.pass_time(hours=2)

    assert await history(rig, job) == [(EntryKind.CHARGE, -100), (EntryKind.REFUND, 100), (EntryKind.LATE, -60)]


@pytest.mark.parametrize("how", ["watched", "called back"])
async def test_a_host_who_wants_no_late_videos_gets_none_and_no_questions_either(rig: Rig, how: str) -> None:
    policy(rig, LateResults.IGNORE)
    job = await refunded(rig)

    async with rig.running():
        await rig.go()
        if how == "called back":
            await call_back(rig, job)
        await rig.pass_time(days=2)

    assert rig.provider.asked == []
    assert [what for what, _ in rig.publisher.sent] == ["failure"]
    assert (await rig.find(job)).due_at is None


async def test_a_late_task_is_watched_ever_less_often_and_never_after_two_weeks(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    job = await refunded(rig)
    began = rig.clock.now()

    async with rig.running():
        await rig.pass_time(days=20)

    moments = [at - began for at in rig.provider.asked_at]
    gaps = [after - before for before, after in pairwise(moments)]
    assert moments[0] == timedelta(hours=1)
    assert gaps == sorted(gaps)
    assert gaps[-1] == timedelta(days=1)
    assert 10 < len(moments) < 25
    assert moments[-1] <= timedelta(days=15)
    assert (await rig.find(job)).due_at is None
    assert rig.publisher.sent == [("failure", job.id)]


@pytest.mark.parametrize("answer", [OVERLOADED, NotVisible()], ids=["down", "not visible"])
async def test_a_question_about_a_late_task_that_is_not_answered_is_asked_again(rig: Rig, answer: object) -> None:
    rig.provider.statuses.then(answer, FINISHED)
    job = await refunded(rig)

    async with rig.running():
        await rig.pass_time(hours=6)

    assert await rig.state(job) is JobState.DELIVERED
    assert rig.publisher.sent == [("failure", job.id), ("video", job.id)]


async def test_a_late_task_that_failed_is_left_alone(rig: Rig) -> None:
    rig.provider.statuses.then(Refused(reason=FailureReason.UPSTREAM, detail="501"))
    job = await refunded(rig)

    async with rig.running():
        await rig.pass_time(days=3)

    assert len(rig.provider.asked) == 1
    assert (await rig.find(job)).failure is FailureReason.TIMEOUT
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_refusal_is_final_and_nobody_waits_for_its_video(rig: Rig) -> None:
    job = await refunded(rig, FailureReason.MODERATION)

    async with rig.running():
        await rig.go()
        await call_back(rig, job)
        await rig.pass_time(days=1)

    assert rig.provider.asked == []
    assert rig.publisher.sent == [("failure", job.id)]


async def test_a_late_video_whose_link_is_dead_is_looked_for_again_at_the_late_pace(rig: Rig) -> None:
    policy(rig, LateResults.CHARGE)
    rig.provider.statuses.then(FINISHED)
    rig.downloads.answers.then(DEAD)
    job = await refunded(rig)

    async with rig.running():
        await rig.pass_time(hours=1, minutes=10)
        assert len(rig.downloads.fetched) == MAX_DEAD_LINKS
        assert await rig.state(job) is JobState.FAILED
        await rig.pass_time(minutes=30)
        assert len(rig.downloads.fetched) == MAX_DEAD_LINKS
        rig.downloads.answers.then(8_000_000)
        await rig.pass_time(hours=4)

    assert await rig.state(job) is JobState.DELIVERED
    assert rig.publisher.sent == [("failure", job.id), ("video", job.id)]
    assert await rig.kinds(job) == ["charge", "refund", "late"]
    assert await rig.differences() == []


async def test_a_late_video_that_was_kept_and_is_claimed_is_charged_once(rig: Rig) -> None:
    policy(rig, LateResults.CHARGE)
    rig.publisher.videos.then(GONE, GONE, None)
    job = await refunded(rig)
    async with rig.running():
        await rig.pass_time(hours=2)
        assert await rig.state(job) is JobState.PARKED
        assert await rig.kinds(job) == ["charge", "refund", "late"]

        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10**7)
        await rig.go()

    (posted,) = rig.publisher.posts.values()
    assert posted.receipt is not None
    assert posted.receipt.charged == 100
    assert await rig.state(job) is JobState.DELIVERED
    assert await rig.kinds(job) == ["charge", "refund", "late"]
    assert await rig.differences() == []


@pytest.mark.parametrize("why", ["could not pay", "was free then"])
async def test_a_late_video_that_was_kept_for_nothing_is_claimed_for_nothing(rig: Rig, why: str) -> None:
    policy(rig, LateResults.CHARGE if why == "could not pay" else LateResults.FREE)
    rig.publisher.videos.then(GONE, GONE, None)
    job = await refunded(rig)
    if why == "could not pay":
        await impoverish(rig)
    async with rig.running():
        await rig.pass_time(hours=2)
        assert await rig.state(job) is JobState.PARKED
        policy(rig, LateResults.CHARGE)
        await enrich(rig)

        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10**7)
        await rig.go()

    (posted,) = rig.publisher.posts.values()
    assert posted.receipt is not None
    assert posted.receipt.charged == 0
    assert await rig.state(job) is JobState.DELIVERED
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await rig.differences() == []


async def test_a_late_video_that_was_kept_and_is_lost_is_not_charged_again(rig: Rig) -> None:
    policy(rig, LateResults.CHARGE)
    rig.publisher.videos.then(GONE, GONE, None)
    job = await refunded(rig)
    async with rig.running():
        await rig.pass_time(hours=2)
        (rig.folders.results / f"{job.id}.mp4").unlink()
        rig.downloads.answers.then(DEAD)

        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10**7)
        await rig.pass_time(days=3)

    assert (await rig.find(job)).stored is None
    assert await rig.state(job) is JobState.PARKED
    assert await rig.kinds(job) == ["charge", "refund", "late"]
    assert await rig.differences() == []


async def test_a_late_video_that_is_lost_before_anybody_had_it_is_not_charged(rig: Rig) -> None:
    policy(rig, LateResults.CHARGE)
    rig.downloads.answers.then(DEAD)
    job = await refunded(rig)
    name = f"{job.id}.mp4"
    # A backup was put back without its files.
    await rig.put(
        job,
        JobState.DELIVERING,
        is_late=True,
        is_announced=True,
        stored_name=name,
        stored_size=5,
        result_url="https://files.test/1.mp4",
    )

    async with rig.running():
        await rig.pass_time(days=1)

    assert rig.publisher.posts == {}
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await rig.differences() == []


@pytest.mark.parametrize("late", [LateResults.FREE, LateResults.CHARGE])
@pytest.mark.parametrize("where", ["question", "transfer", "post", "post that got through"])
async def test_a_process_that_dies_over_a_late_video_changes_nothing(rig: Rig, late: LateResults, where: str) -> None:
    policy(rig, late)
    gate = Gate(UNAVAILABLE)
    match where:
        case "question":
            rig.provider.statuses.then(gate, FINISHED)
        case "transfer":
            rig.downloads.answers.then(gate, 8_000_000)
        case _:
            rig.publisher.videos.then(gate, None)
    job = await refunded(rig)

    async with rig.running():
        await rig.go()
        rig.clock.advance(hours=1)
        rig.wake.set()
        await rig.go_until(gate.reached)
        if where == "post that got through":
            rig.publisher.appear(await rig.find(job))
        await rig.kill()
        restart(rig, late)
        await rig.pass_time(hours=3)

    assert await rig.state(job) is JobState.DELIVERED
    assert len(rig.publisher.posts) == 1
    assert rig.publisher.attempts("failure") == 1
    assert await rig.kinds(job) == ["charge", "refund", *(["late"] if late is LateResults.CHARGE else [])]
    assert await rig.differences() == []


async def test_a_process_that_dies_over_the_announcement_tells_the_member_and_watches_on(rig: Rig) -> None:
    gate = Gate()
    rig.publisher.failures.then(gate, None)
    job = await refunded(rig)

    async with rig.running():
        await rig.go_until(gate.reached)
        await rig.kill()
        rig.start_again()
        await rig.pass_time(hours=2)

    assert await rig.state(job) is JobState.DELIVERED


async def test_many_callbacks_after_the_end_bring_one_video(rig: Rig) -> None:
    job = await refunded(rig, FailureReason.NO_ANSWER, None)

    async with rig.running():
        await rig.go()
        for _ in range(5):
            await call_back(rig, job)
            await rig.go()

    assert rig.publisher.sent == [("failure", job.id), ("video", job.id)]
    assert await rig.differences() == []


async def test_a_task_whose_video_nobody_wants_any_more_is_stopped(rig: Rig) -> None:
    policy(rig, LateResults.IGNORE)
    rig.provider.statuses.then(PENDING)
    async with rig.running():
        job = await rig.accept()
        await rig.pass_time(hours=2)

        assert (await rig.find(job)).failure is FailureReason.TIMEOUT
        assert rig.provider.cancelled == [TaskId("task-1")]


async def test_a_member_who_is_forgotten_while_we_look_gets_no_late_video(rig: Rig) -> None:
    job = await refunded(rig)
    look = Gate(FINISHED)
    rig.provider.statuses.then(look)

    async with rig.running():
        await rig.go()
        rig.clock.advance(hours=1)
        rig.wake.set()
        await rig.go_until(look.reached)
        await rig.database.write(privacy.erase, job.user_id, rig.clock.now())
        look.opened.set()
        await rig.go()

    found = await rig.find(job)
    assert (found.state, found.task_id, found.result) == (JobState.FAILED, None, None)
    assert rig.publisher.posts == {}
