"""Bringing a finished video here, posting it, and telling a member of a failure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.jobs import FailureReason, Job, JobState, Move, Result
from bot.errors import (
    AccessMissingError,
    DeliveryUnavailableError,
    HistoryClosedError,
    PlaceGoneError,
    ProviderAuthError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
    TooLargeError,
)
from bot.ports import Done, Refused
from bot.worker.delivery import ACCESS_WAIT, MAX_DEAD_LINKS, MAX_POSTS, NONCE_HOLDS
from bot.worker.needs import MAX_ODD_ANSWERS
from tests.fakes import OVERLOADED, PENDING
from tests.worker.rig import Rig

URL = "https://files.test/old.mp4"
DEAD = ProviderRejectedError(FailureReason.NO_RESULT, "404")
UNAVAILABLE = DeliveryUnavailableError("Discord said 500")
GONE = PlaceGoneError("no such channel")
DENIED = AccessMissingError("HTTP 403, code 50001")
CLOSED = HistoryClosedError("Missing Access")


async def finished_job(rig: Rig, *, price: int = 100, **values: object) -> Job:
    job = await rig.accept(price)
    fields = {"task_id": "task-1", "submitted_at": rig.clock.now(), "result_url": URL, **values}
    return await rig.put(job, JobState.FETCHING, **fields)


async def stored_job(rig: Rig, *, size: int = 5, **values: object) -> Job:
    job = await finished_job(rig)
    (rig.folders.results / f"{job.id}.mp4").write_bytes(b"video")
    return await rig.put(job, JobState.DELIVERING, stored_name=f"{job.id}.mp4", stored_size=size, **values)


def file_of(rig: Rig, job: Job) -> bool:
    return (rig.folders.results / f"{job.id}.mp4").exists()


async def test_the_link_that_the_answer_named_is_fetched_without_asking_again(rig: Rig) -> None:
    await finished_job(rig)

    async with rig.running():
        await rig.go()

    assert rig.downloads.fetched == [URL]
    assert rig.provider.asked == []


@pytest.mark.parametrize(
    "trouble",
    [
        OVERLOADED,
        DEAD,
        OSError(28, "No space left on device"),
        # Where the video lies behind the host's key, or in the answer itself.
        ProviderAuthError("HTTP 401"),
        ProviderProtocolError("the answer is larger than 16777216 bytes"),
    ],
    ids=repr,
)
async def test_a_transfer_that_fails_is_repeated_with_a_fresh_link(rig: Rig, trouble: Exception) -> None:
    rig.downloads.answers.then(trouble, 8_000_000)
    job = await finished_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=1)

    assert rig.downloads.fetched == [URL, "https://files.test/1.mp4"]
    assert await rig.state(job) is JobState.DELIVERED


@pytest.mark.parametrize(
    "answer",
    [PENDING, OVERLOADED, ProviderAuthError("key"), ProviderProtocolError("<html>"), DEAD],
    ids=lambda answer: type(answer).__name__,
)
async def test_without_a_fresh_link_the_old_one_is_tried_again(rig: Rig, answer: object) -> None:
    rig.downloads.answers.then(OVERLOADED, 8_000_000)
    rig.provider.statuses.then(answer)
    job = await finished_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=1)

    assert rig.downloads.fetched == [URL, URL]
    assert await rig.state(job) is JobState.DELIVERED


async def test_a_dead_link_that_stays_dead_fails_the_job(rig: Rig) -> None:
    rig.downloads.answers.then(DEAD)
    job = await finished_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=10)

    assert len(rig.downloads.fetched) == MAX_DEAD_LINKS
    assert (await rig.find(job)).failure is FailureReason.NO_RESULT
    assert await rig.kinds(job) == ["charge", "refund"]


@pytest.mark.parametrize("outage", [ProviderUnavailableError("host is down"), ProviderAuthError("the key is refused")])
async def test_a_paid_video_is_fetched_after_an_outage_of_two_hours(rig: Rig, outage: Exception) -> None:
    rig.downloads.answers.then(outage)
    job = await finished_job(rig)

    async with rig.running():
        await rig.pass_time(hours=2)
        tries = len(rig.downloads.fetched)
        rig.downloads.answers.then(8_000_000)
        await rig.pass_time(minutes=7)

    assert tries < MAX_POSTS
    assert await rig.state(job) is JobState.DELIVERED
    assert await rig.kinds(job) == ["charge", "settle"], "never given up in between"


async def test_a_host_that_is_down_for_good_fails_the_job_in_the_end(rig: Rig) -> None:
    rig.downloads.answers.then(ProviderUnavailableError("host is down"))
    job = await finished_job(rig)

    async with rig.running():
        await rig.pass_time(hours=6)

    assert (await rig.find(job)).failure is FailureReason.NO_RESULT


async def test_the_member_pays_what_the_provider_charged_and_hears_it_in_the_receipt(rig: Rig) -> None:
    before = await rig.accept()
    rig.provider.statuses.then(Done(result=Result(url=URL, credits=61.2)))

    async with rig.running():
        await rig.pass_time(minutes=2)

    post = rig.publisher.posts[before.nonce]
    balance = await rig.credits.balance(before.place.guild_id, before.user_id)
    assert post.receipt is not None
    assert (post.receipt.charged, post.receipt.returned) == (62, 38)
    assert post.receipt.spendable == balance.spendable
    assert await rig.differences() == []


async def test_a_receipt_after_midnight_does_not_promise_yesterdays_allowance(rig: Rig) -> None:
    job = await finished_job(rig, provider_credits=60.0)
    rig.clock.advance(days=1)

    async with rig.running():
        await rig.go()

    post = rig.publisher.posts[job.nonce]
    balance = await rig.credits.balance(job.place.guild_id, job.user_id)
    assert post.receipt is not None
    assert post.receipt.spendable == balance.spendable == balance.allowance


async def test_a_video_larger_than_the_place_allows_is_linked_and_kept(rig: Rig) -> None:
    job = await stored_job(rig, size=11_000_000)

    async with rig.running():
        await rig.go()

    assert [what for what, _ in rig.publisher.sent] == ["link"]
    assert not rig.publisher.posts[job.nonce].is_file
    assert await rig.state(job) is JobState.DELIVERED
    assert file_of(rig, job)


async def test_a_video_that_discord_finds_too_large_all_the_same_is_linked_and_kept(rig: Rig) -> None:
    rig.publisher.videos.then(TooLargeError("413"))
    job = await stored_job(rig)

    async with rig.running():
        await rig.go()

    assert [what for what, _ in rig.publisher.sent] == ["video", "link"]
    assert await rig.state(job) is JobState.DELIVERED
    assert file_of(rig, job)


async def test_a_posted_video_is_removed_from_our_disk(rig: Rig) -> None:
    job = await stored_job(rig)

    async with rig.running():
        await rig.go()

    assert rig.publisher.posts[job.nonce].is_file
    assert not file_of(rig, job)


async def test_a_place_that_is_gone_sends_the_video_to_the_member(rig: Rig) -> None:
    rig.publisher.videos.then(GONE, None)
    job = await stored_job(rig)

    async with rig.running():
        await rig.go()

    (posted,) = rig.publisher.posts.values()
    assert posted.post.channel_id != job.place.channel_id
    assert await rig.state(job) is JobState.DELIVERED
    assert (await rig.find(job)).is_direct


@pytest.mark.parametrize("can_read", [True, False])
async def test_a_place_that_denies_its_access_for_a_moment_gets_the_video_after_all(rig: Rig, can_read: bool) -> None:
    rig.publisher.videos.then(DENIED, None)
    rig.publisher.finds.then(None if can_read else CLOSED)
    job = await stored_job(rig)

    async with rig.running():
        await rig.go()
        assert await rig.wait_of(job) == ACCESS_WAIT
        assert (await rig.find(job)).posting_at is None, "it was refused, so there is nothing to look for"
        await rig.pass_time(ACCESS_WAIT)

    (posted,) = rig.publisher.posts.values()
    assert posted.post.channel_id == job.place.channel_id
    assert [what for what, _ in rig.publisher.sent] == ["video", "video"]
    assert await rig.state(job) is JobState.DELIVERED


async def test_a_place_that_denies_its_access_twice_sends_the_video_to_the_member(rig: Rig) -> None:
    rig.publisher.videos.then(DENIED, DENIED, None)
    rig.publisher.finds.then(None)
    job = await stored_job(rig)

    async with rig.running():
        await rig.pass_time(ACCESS_WAIT)

    (posted,) = rig.publisher.posts.values()
    assert posted.post.channel_id != job.place.channel_id
    assert (await rig.find(job)).is_direct
    assert await rig.state(job) is JobState.DELIVERED


async def test_an_access_that_is_denied_after_another_trouble_is_tried_once_more_there(rig: Rig) -> None:
    rig.publisher.videos.then(UNAVAILABLE, DENIED, None)
    job = await stored_job(rig)

    async with rig.running():
        await rig.go()
        intent = (await rig.find(job)).posting_at
        await rig.pass_time(seconds=10)
        assert await rig.state(job) is JobState.DELIVERING
        assert (await rig.find(job)).posting_at == intent, "an earlier try may have got through: it is looked for"
        await rig.pass_time(ACCESS_WAIT)

    (posted,) = rig.publisher.posts.values()
    assert posted.post.channel_id == job.place.channel_id
    assert [what for what, _ in rig.publisher.sent] == ["video", "look", "video", "look", "video"]
    assert await rig.state(job) is JobState.DELIVERED


async def test_a_post_that_lands_after_the_look_is_not_sent_to_its_member_too(rig: Rig) -> None:
    job = await stored_job(rig)

    async def land_late() -> None:
        rig.publisher.appear(job)
        raise DENIED

    rig.publisher.videos.then(UNAVAILABLE, land_late)

    async with rig.running():
        await rig.pass_time(minutes=5)

    found = await rig.find(job)
    assert (found.state, found.is_direct) == (JobState.DELIVERED, False)
    assert rig.publisher.attempts("video") == 2
    assert len(rig.publisher.posts) == 1


@pytest.mark.parametrize("can_read", [True, False])
async def test_an_access_that_stays_denied_after_another_trouble_sends_the_video_to_the_member(
    rig: Rig, can_read: bool
) -> None:
    """The look before the first denial saw that nothing had got through; a place that is closed now changes nothing."""
    rig.publisher.videos.then(UNAVAILABLE, DENIED, DENIED, None)
    rig.publisher.finds.then(None, *([None] if can_read else [CLOSED]), None)
    job = await stored_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=5)

    found = await rig.find(job)
    assert (found.state, found.is_direct) == (JobState.DELIVERED, True)
    assert found.posting_at is not None
    assert rig.publisher.attempts("video") == 4  # three times to the channel, then to the member
    assert len(rig.publisher.posts) == 1


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_look_that_is_denied_for_a_moment_is_repeated_before_it_is_believed(rig: Rig, is_there: bool) -> None:
    rig.publisher.finds.then(CLOSED, None)
    job = await stored_job(rig, posting_at=rig.clock.now() - timedelta(minutes=10), attempts=3)
    if is_there:
        rig.publisher.appear(job)

    async with rig.running():
        await rig.go()
        assert (await rig.state(job), await rig.wait_of(job)) == (JobState.DELIVERING, ACCESS_WAIT)
        assert rig.publisher.attempts("video") == 0
        await rig.pass_time(ACCESS_WAIT)

    (posted,) = rig.publisher.posts.values()
    assert posted.post.channel_id == job.place.channel_id
    assert [what for what, _ in rig.publisher.sent] == ["look", "look"] + ([] if is_there else ["video"])
    assert await rig.state(job) is JobState.DELIVERED


async def test_a_look_that_is_denied_twice_is_believed_and_posts_nothing(rig: Rig) -> None:
    rig.publisher.finds.then(CLOSED)
    job = await stored_job(rig, posting_at=rig.clock.now() - timedelta(minutes=10))

    async with rig.running():
        await rig.pass_time(ACCESS_WAIT)

    assert await rig.state(job) is JobState.PARKED
    assert [what for what, _ in rig.publisher.sent] == ["look", "look"]
    assert not (await rig.find(job)).is_direct


async def test_a_place_that_goes_on_between_closed_and_open_is_not_tried_for_ever(rig: Rig) -> None:
    rig.publisher.finds.then(*[CLOSED, None] * MAX_POSTS)
    rig.publisher.videos.then(UNAVAILABLE)
    job = await stored_job(rig, posting_at=rig.clock.now() - timedelta(minutes=10))

    async with rig.running():
        await rig.pass_time(hours=6)

    assert await rig.state(job) is JobState.PARKED
    assert len(rig.publisher.sent) < 2 * MAX_POSTS


@pytest.mark.parametrize("size", [5, 11_000_000], ids=["file", "link"])
async def test_a_video_that_nobody_can_be_sent_is_parked_and_kept(rig: Rig, size: int) -> None:
    rig.publisher.videos.then(GONE)
    rig.publisher.links.then(GONE)
    job = await stored_job(rig, size=size)

    async with rig.running():
        await rig.pass_time(days=13)
        kept = file_of(rig, job)
        await rig.pass_time(days=2)

    assert await rig.path(job) == ["queued", "parked"]
    assert await rig.kinds(job) == ["charge", "settle"]
    assert rig.publisher.attempts("video") + rig.publisher.attempts("link") == 2  # To the channel, to the member.
    assert (kept, file_of(rig, job)) == (True, False)


async def test_an_unanswered_post_that_got_through_is_found_and_not_repeated(rig: Rig) -> None:
    job = await stored_job(rig)

    async def appear_without_an_answer() -> None:
        rig.publisher.appear(job)
        raise UNAVAILABLE

    rig.publisher.videos.then(appear_without_an_answer)
    async with rig.running():
        await rig.pass_time(minutes=1)

    assert [what for what, _ in rig.publisher.sent] == ["video", "look"]
    assert await rig.state(job) is JobState.DELIVERED
    assert len(rig.publisher.posts) == 1
    assert not file_of(rig, job)


async def test_a_post_that_did_not_get_through_is_repeated_after_a_look(rig: Rig) -> None:
    rig.publisher.videos.then(UNAVAILABLE, UNAVAILABLE, None)
    job = await stored_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=1)

    assert [what for what, _ in rig.publisher.sent] == ["video", "look", "video", "look", "video"]
    assert await rig.state(job) is JobState.DELIVERED


async def test_where_nobody_can_look_a_post_is_repeated_while_its_nonce_protects_and_then_never(rig: Rig) -> None:
    rig.publisher.finds.then(CLOSED)
    rig.publisher.videos.then(UNAVAILABLE)
    job = await stored_job(rig)

    async with rig.running():
        await rig.go()
        await rig.pass_time(NONCE_HOLDS)
        assert rig.publisher.sent.count(("video", job.id)) > 1
        await rig.pass_time(minutes=20)

    found = await rig.find(job)
    assert found.state is JobState.PARKED
    assert found.posting_at is not None
    tries = [what for what, _ in rig.publisher.sent if what == "video"]
    assert len(tries) < 8
    assert not found.is_direct, "a copy in direct messages would be a second video, too"
    assert file_of(rig, job)
    assert await rig.differences() == []


async def test_where_nobody_can_look_a_place_that_closed_sends_no_second_copy_to_the_member(rig: Rig) -> None:
    rig.publisher.finds.then(CLOSED)
    rig.publisher.videos.then(GONE)
    job = await stored_job(rig, posting_at=rig.clock.now())

    async with rig.running():
        await rig.go()

    assert await rig.state(job) is JobState.PARKED
    assert not (await rig.find(job)).is_direct


@pytest.mark.parametrize("state", [JobState.UNKNOWN, JobState.RUNNING, JobState.FETCHING])
async def test_a_restored_job_whose_video_is_in_the_channel_is_never_refunded(rig: Rig, state: JobState) -> None:
    """The database is from before the post; what the provider once had for the job is gone."""
    job = await finished_job(rig)
    rig.publisher.appear(job, receipt=None)
    long_ago = rig.clock.now() - timedelta(days=2)
    rig.provider.statuses.then(Refused(reason=FailureReason.UPSTREAM, detail="record gone"))
    rig.downloads.answers.then(DEAD)
    task = {"task_id": None} if state is JobState.UNKNOWN else {}
    await rig.put(job, state, posting_at=long_ago, submitted_at=long_ago, attempts=MAX_DEAD_LINKS - 1, **task)

    async with rig.running():
        await rig.go()

    found = await rig.find(job)
    assert found.state is JobState.DELIVERED
    assert found.message_id == rig.publisher.posts[job.nonce].message_id
    assert await rig.kinds(job) == ["charge", "settle"]
    assert rig.publisher.told == []
    assert await rig.differences() == []


async def test_a_restored_job_is_not_refunded_before_discord_says_whether_it_was_posted(rig: Rig) -> None:
    job = await finished_job(rig)
    rig.publisher.finds.then(UNAVAILABLE)
    long_ago = rig.clock.now() - timedelta(days=2)
    await rig.put(job, JobState.UNKNOWN, posting_at=long_ago, submitted_at=long_ago, task_id=None)

    async with rig.running():
        await rig.go()
        assert await rig.state(job) is JobState.UNKNOWN
        rig.publisher.finds.then(None)
        await rig.pass_time(minutes=10)

    assert await rig.state(job) is JobState.FAILED
    assert len(await rig.told()) == 1


@pytest.mark.parametrize(("trouble", "state"), [(UNAVAILABLE, JobState.DELIVERING), (GONE, JobState.PARKED)])
async def test_a_look_that_fails_posts_nothing(rig: Rig, trouble: Exception, state: JobState) -> None:
    rig.publisher.finds.then(trouble)
    job = await stored_job(rig, posting_at=rig.clock.now())

    async with rig.running():
        await rig.go()

    assert rig.publisher.attempts("video") == 0
    assert await rig.state(job) is state


async def test_posting_is_tried_less_and_less_often_and_parked_in_the_end(rig: Rig) -> None:
    rig.publisher.videos.then(UNAVAILABLE)
    job = await stored_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=10)
        in_ten_minutes = rig.publisher.attempts("video")
        await rig.pass_time(hours=5)

    assert in_ten_minutes <= 10
    assert rig.publisher.attempts("video") == MAX_POSTS
    assert await rig.state(job) is JobState.PARKED
    assert file_of(rig, job)


async def test_a_failure_is_announced_once(rig: Rig) -> None:
    job = await failed_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=10)

    assert rig.publisher.sent == [("failure", job.id)]
    assert (await rig.find(job)).due_at is None


@pytest.mark.parametrize(
    ("trouble", "attempts"),
    [(UNAVAILABLE, MAX_ODD_ANSWERS), (GONE, 1), (DENIED, 2)],
    ids=["500", "gone", "access denied"],
)
async def test_a_failure_that_cannot_be_announced_is_let_go(rig: Rig, trouble: Exception, attempts: int) -> None:
    rig.publisher.failures.then(trouble)
    job = await failed_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=30)

    assert rig.publisher.attempts("failure") == attempts
    assert (await rig.find(job)).due_at is None
    assert await rig.kinds(job) == ["charge", "refund"]


async def failed_job(rig: Rig) -> Job:
    """A job that the provider refused, before the member has heard of it."""
    job = await rig.accept()
    running = await rig.put(job, JobState.RUNNING, task_id="task-1")
    return await rig.lifecycle.apply(running, Move(to=JobState.FAILED, failure=FailureReason.MODERATION))


async def test_waiting_longer_between_failures_never_takes_days(rig: Rig) -> None:
    rig.publisher.videos.then(UNAVAILABLE)
    job = await stored_job(rig)
    await rig.put(job, JobState.DELIVERING, attempts=30)

    async with rig.running():
        await rig.go()

    assert timedelta(minutes=3) < await rig.wait_of(job) < timedelta(minutes=7)
