"""Videos that are finished after their refund: delivered once, with a note, and paid for as the host decided."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
import sqlalchemy as sa

from bot.domain.credits import EntryKind
from bot.domain.ids import ChannelId, TaskId
from bot.domain.jobs import FailureReason, Job, JobState, LateResults, Move, Result
from bot.errors import AnswerLostError, DeliveryUnavailableError, PlaceGoneError, ProviderRejectedError
from bot.ports import Done, Empty, NotVisible, Refused
from bot.services import host_limits
from bot.services.lifecycle import Policy
from bot.store import hosting, privacy, spending, tables
from bot.store.database import Connection
from bot.worker.delivery import MAX_DEAD_LINKS, SAFE_UPLOAD
from bot.worker.making import CALLBACK_MARGIN
from tests.fakes import FINISHED, OVERLOADED, PENDING, FakeEncoder, Gate
from tests.samples import ANNA, GUILD, MAKER, spot
from tests.worker.rig import RICH, Rig

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
    """A job whose credits went back a moment ago, before its member has heard of it. No worker may run meanwhile."""
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


async def budget(rig: Rig, job: Job) -> list[int]:
    """What the host's day and month have seen, in credits."""
    return [await rig.database.read(host_limits.spent_in, each) for each in spending.periods(job.created_at)]


async def until_late(rig: Rig, gate: Gate) -> None:
    """The member has heard of the refund; an hour later the video comes, as far as *gate* lets it."""
    await rig.go()
    rig.clock.advance(hours=1)
    rig.wake.set()
    await rig.go_until(gate.reached)


async def until_posting(rig: Rig, gate: Gate, credits: int = 10_000) -> None:
    """The video of the refunded job comes late, and its post is under way, for a member who may spend so much."""
    rig.publisher.videos.then(gate, None)
    await rig.go()
    await allow(rig, credits)
    rig.clock.advance(hours=1)
    rig.wake.set()
    await rig.go_until(gate.reached)


def told(rig: Rig) -> int:
    """What the post says that the video costs."""
    (posted,) = rig.publisher.posts.values()
    assert posted.receipt is not None
    return posted.receipt.charged


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
    assert await budget(rig, job) == [100, 100]


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


def held(rig: Rig, where: str) -> Gate:
    """The first call of this kind for a late video hangs until its process has died."""
    gate = Gate(UNAVAILABLE)
    match where:
        case "question":
            rig.provider.statuses.then(gate, FINISHED)
        case "transfer":
            rig.downloads.answers.then(gate, 8_000_000)
        case _:
            rig.publisher.videos.then(gate, None)
    return gate


@pytest.mark.parametrize("late", [LateResults.FREE, LateResults.CHARGE])
@pytest.mark.parametrize("where", ["question", "transfer", "post", "post that got through"])
async def test_a_process_that_dies_over_a_late_video_changes_nothing(rig: Rig, late: LateResults, where: str) -> None:
    policy(rig, late)
    gate = held(rig, where)
    job = await refunded(rig)

    async with rig.running():
        await until_late(rig, gate)
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


async def test_credits_that_come_while_a_late_video_is_posted_for_nothing_are_not_taken(rig: Rig) -> None:
    policy(rig, LateResults.CHARGE)
    gate = Gate()
    job = await refunded(rig)
    async with rig.running():
        await until_posting(rig, gate, credits=50)
        await enrich(rig)
        gate.opened.set()
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED
    assert told(rig) == 0
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await budget(rig, job) == [100, 100]
    assert await rig.differences() == []


async def test_a_late_video_whose_member_has_nothing_left_when_it_is_posted_costs_nothing(rig: Rig) -> None:
    """The post says that it is charged; who cannot pay any more never pays later."""
    policy(rig, LateResults.CHARGE)
    gate = Gate()
    job = await refunded(rig)
    async with rig.running():
        await until_posting(rig, gate)
        await impoverish(rig)
        gate.opened.set()
        await rig.go()
        await enrich(rig)
        await rig.pass_time(days=2)

    assert told(rig) == 100
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await budget(rig, job) == [100, 100]
    assert await rig.differences() == []


@pytest.mark.parametrize("is_there", [True, False], ids=["the first post got through", "it did not"])
@pytest.mark.parametrize(
    ("before", "between"), [(50, "credits"), (10_000, "setting"), (10_000, "price")], ids=["poor", "free", "cheap"]
)
async def test_what_the_first_post_of_a_late_video_says_is_never_raised(
    rig: Rig, before: int, between: str, is_there: bool
) -> None:
    """Between the two tries the process dies, and credits, the host's setting or the price are others."""
    policy(rig, LateResults.FREE if between == "setting" else LateResults.CHARGE)
    if between == "price":
        rig.provider.statuses.then(Done(result=Result(url="https://files.test/1.mp4", credits=40.0)))
    gate = Gate()
    job = await refunded(rig)
    async with rig.running():
        await until_posting(rig, gate, credits=before)
        first = await rig.find(job)
        if is_there:
            rig.publisher.appear(first, receipt=await rig.lifecycle.receipt(first))
        await rig.kill()
        await enrich(rig)
        if between == "price":
            rig.markup = Decimal(2)
        restart(rig, LateResults.CHARGE)
        await rig.pass_time(hours=3)

    costs = 40 if between == "price" else 0
    assert await rig.state(job) is JobState.DELIVERED
    assert told(rig) == costs
    assert await history(rig, job) == [
        (EntryKind.CHARGE, -100),
        (EntryKind.REFUND, 100),
        *([(EntryKind.LATE, -costs)] if costs else []),
    ]
    assert await rig.differences() == []


async def test_a_late_video_that_is_posted_again_for_who_cannot_pay_any_more_says_that_it_costs_nothing(
    rig: Rig,
) -> None:
    policy(rig, LateResults.CHARGE)
    gate = Gate(UNAVAILABLE)
    job = await refunded(rig)
    async with rig.running():
        await until_posting(rig, gate)
        await impoverish(rig)
        gate.opened.set()
        await rig.pass_time(minutes=10)

    assert rig.publisher.attempts("video") == 2
    assert told(rig) == 0
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_late_video_that_takes_long_to_encode_says_what_it_costs_by_then(rig: Rig) -> None:
    rig.encoder = FakeEncoder(size=SAFE_UPLOAD - 1)
    gate = Gate()
    rig.encoder.turns.then(gate)
    rig.build()
    policy(rig, LateResults.CHARGE)
    rig.downloads.answers.then(SAFE_UPLOAD + 1)
    job = await refunded(rig)
    async with rig.running():
        await until_late(rig, gate)
        await impoverish(rig)
        gate.opened.set()
        await rig.go()

    assert told(rig) == 0
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_late_video_that_nobody_could_post_is_kept_at_no_more_than_its_post_would_have_said(rig: Rig) -> None:
    policy(rig, LateResults.CHARGE)
    gate = Gate(GONE)
    rig.publisher.videos.then(GONE, gate)
    job = await refunded(rig)
    async with rig.running():
        await rig.go()
        await impoverish(rig)
        rig.clock.advance(hours=1)
        rig.wake.set()
        await rig.go_until(gate.reached)
        await enrich(rig)
        gate.opened.set()
        await rig.go()

    assert await rig.state(job) is JobState.PARKED
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_late_video_that_was_posted_in_a_lost_time_is_not_charged_by_a_post_that_nobody_knows(rig: Rig) -> None:
    policy(rig, LateResults.CHARGE)
    job = await refunded(rig)
    await rig.put(job, JobState.FAILED, posting_at=rig.clock.now())
    rig.publisher.appear(job)

    async with rig.running():
        await rig.pass_time(hours=2)

    assert await rig.state(job) is JobState.DELIVERED
    assert rig.publisher.attempts("video") == 0
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await budget(rig, job) == [100, 100]


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


# A create call that was never answered: refunded, and perhaps billed all the same.


async def orphaned(rig: Rig) -> Job:
    """A job whose create call was not answered within its grace."""
    rig.provider.creates.then(AnswerLostError("cut"))
    job = await rig.accept()
    async with rig.running():
        await rig.pass_time(MAKER.outer_limit + CALLBACK_MARGIN + timedelta(minutes=1))
    assert (await rig.find(job)).failure is FailureReason.NO_ANSWER
    return job


async def test_a_create_call_that_was_never_answered_goes_on_counting_for_the_host_alone(rig: Rig) -> None:
    job = await orphaned(rig)

    async with rig.running():
        await rig.pass_time(days=20)

    balance = await rig.credits.balance(job.place.guild_id, ANNA)
    assert await budget(rig, job) == [100, 100]
    assert await usage(rig) == 100
    assert balance.spendable == RICH
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await rig.differences() == []


@pytest.mark.parametrize("late", [LateResults.FREE, LateResults.CHARGE, LateResults.IGNORE])
@pytest.mark.parametrize("cost", [None, 60.0, 0.0], ids=["price unknown", "cheaper", "for nothing"])
async def test_a_create_call_whose_video_comes_late_is_counted_once(
    rig: Rig, late: LateResults, cost: float | None
) -> None:
    rig.provider.statuses.then(Done(result=Result(url="https://files.test/1.mp4", credits=cost)))
    job = await orphaned(rig)
    policy(rig, late)

    async with rig.running():
        await call_back(rig, job)
        await rig.pass_time(hours=3)
        await call_back(rig, job)
        await rig.pass_time(hours=3)

    counted = 100 if cost is None or late is LateResults.IGNORE else int(cost)
    assert await rig.state(job) is (JobState.FAILED if late is LateResults.IGNORE else JobState.DELIVERED)
    assert await budget(rig, job) == [counted, counted]
    assert await usage(rig) == counted
    assert (await rig.find(job)).orphan_cost == (100 if late is LateResults.IGNORE else None)
    assert await rig.differences() == []


async def test_a_create_call_whose_task_has_failed_counts_no_more(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    job = await orphaned(rig)

    async with rig.running():
        await call_back(rig, job)
        await rig.go()
        assert await budget(rig, job) == [100, 100]
        rig.provider.statuses.then(Refused(reason=FailureReason.UPSTREAM, detail="501"))
        await rig.pass_time(days=3)
        assert await budget(rig, job) == [0, 0]
        await call_back(rig, job)
        await rig.pass_time(days=3)

    assert await budget(rig, job) == [0, 0]
    assert await usage(rig) == 0
    assert await rig.differences() == []


async def test_a_create_call_whose_task_has_ended_without_a_video_may_be_billed(rig: Rig) -> None:
    rig.provider.statuses.then(Empty(detail="no links"))
    job = await orphaned(rig)

    async with rig.running():
        await call_back(rig, job)
        await rig.pass_time(days=3)

    assert await budget(rig, job) == [100, 100]


@pytest.mark.parametrize("where", ["question", "transfer", "post", "post that got through"])
async def test_a_process_that_dies_over_a_late_video_never_counts_its_create_call_twice(rig: Rig, where: str) -> None:
    job = await orphaned(rig)
    gate = held(rig, where)

    async with rig.running():
        await call_back(rig, job)
        rig.wake.set()
        await rig.go_until(gate.reached)
        if where == "post that got through":
            rig.publisher.appear(await rig.find(job))
        await rig.kill()
        assert await budget(rig, job) == [100, 100]
        rig.start_again()
        await rig.pass_time(hours=3)

    assert await rig.state(job) is JobState.DELIVERED
    assert await budget(rig, job) == [100, 100]
    assert await usage(rig) == 100


async def test_a_task_that_was_known_and_came_to_nothing_does_not_count(rig: Rig) -> None:
    job = await refunded(rig, FailureReason.UPSTREAM)

    assert await budget(rig, job) == [0, 0]
    assert (await rig.find(job)).orphan_cost is None


async def usage(rig: Rig) -> int:
    """Credits that the guild has used of the host's, for the ceiling of its own."""
    return await rig.database.read(hosting.used_since, GUILD, rig.clock.now() - timedelta(days=60))
