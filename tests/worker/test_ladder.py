"""Each rung of the delivery ladder: as it is, encoded to fit, linked, to the member, kept until it is claimed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from bot.domain.ids import ChannelId
from bot.domain.jobs import FailureReason, Job, JobState, Move
from bot.errors import DeliveryUnavailableError, PlaceGoneError, ProviderRejectedError, TooLargeError
from bot.errors.jobs import NotFoundError, NotKeptError, NotWaitingError
from bot.ports import Link, NotVisible
from bot.video_links import OwnLinks
from bot.worker.delivery import MAX_DEAD_LINKS, SAFE_UPLOAD
from bot.worker.hold import Hold
from bot.worker.needs import TRANSFER_LEASE
from bot.worker.steps import Steps
from tests.fakes import FakeEncoder, FakeLinks, Gate
from tests.samples import ANNA, BORIS, spot
from tests.worker.rig import Rig

MEBIBYTE = 1024 * 1024
LARGE = 60 * MEBIBYTE
BOOSTED = 50 * MEBIBYTE
ELSEWHERE = ChannelId(777)
GONE = PlaceGoneError("no such channel")
UNAVAILABLE = DeliveryUnavailableError("Discord said 500")
REFUSED = TooLargeError("413")


async def stored(rig: Rig, *, size: int = 5, upload_limit: int = 10 * MEBIBYTE, **values: object) -> Job:
    """A job whose video is on our disk."""
    job = await rig.accept(upload_limit=upload_limit)
    (rig.folders.results / f"{job.id}.mp4").write_bytes(b"video")
    fields = {
        "task_id": "task-1",
        "submitted_at": rig.clock.now(),
        "result_url": "https://files.test/1.mp4",
        "stored_name": f"{job.id}.mp4",
        "stored_size": size,
        **values,
    }
    return await rig.put(job, JobState.DELIVERING, **fields)


@asynccontextmanager
async def keeping(rig: Rig, *, provider_credits: float | None = None) -> AsyncIterator[Job]:
    """A worker that runs, and a job that neither its channel nor its member took."""
    job = await stored(rig, provider_credits=provider_credits)
    rig.publisher.videos.then(GONE, GONE, None)
    async with rig.running():
        await rig.go()
        assert await rig.state(job) is JobState.PARKED
        yield job


def encoding(rig: Rig, size: int | None) -> FakeEncoder:
    rig.encoder = FakeEncoder(size)
    rig.build()
    return rig.encoder


def files(rig: Rig) -> list[str]:
    return sorted(path.name for path in rig.folders.results.iterdir())


async def settled_once(rig: Rig, job: Job) -> None:
    assert await rig.kinds(job) == ["charge", "settle"]
    assert await rig.differences() == []


# Encoded to fit


async def test_a_video_is_encoded_for_the_limit_that_the_interaction_promised(rig: Rig) -> None:
    encoder = encoding(rig, 40 * MEBIBYTE)
    job = await stored(rig, size=LARGE, upload_limit=BOOSTED)

    async with rig.running():
        await rig.go()

    assert encoder.asked == [BOOSTED]
    assert [what for what, _ in rig.publisher.sent] == ["video"]
    assert files(rig) == []
    await settled_once(rig, job)


async def test_a_place_that_takes_less_than_it_promised_gets_what_every_place_takes(rig: Rig) -> None:
    encoder = encoding(rig, 9 * MEBIBYTE)
    rig.publisher.videos.then(REFUSED, None)
    await stored(rig, size=40 * MEBIBYTE, upload_limit=BOOSTED)

    async with rig.running():
        await rig.go()

    assert encoder.asked == [SAFE_UPLOAD]  # the first try was the file itself
    assert [what for what, _ in rig.publisher.sent] == ["video", "video"]
    assert files(rig) == []


async def test_a_worker_that_lost_its_job_during_a_long_encoding_posts_nothing(rig: Rig) -> None:
    """Its lease was over, and another process may have posted the video long before."""
    encoding_turn = Gate()
    encoding(rig, 9 * MEBIBYTE).turns.then(encoding_turn)
    job = await stored(rig, size=40 * MEBIBYTE)

    async with rig.running():
        await rig.go_until(encoding_turn.reached)
        rig.clock.advance(TRANSFER_LEASE)
        taken = await rig.queue.claim([JobState.DELIVERING], 1, TRANSFER_LEASE)
        encoding_turn.opened.set()
        await rig.go()

    assert [claimed.job.id for claimed in taken] == [job.id]
    assert rig.publisher.sent == []


async def test_a_video_that_is_refused_in_both_sizes_is_linked(rig: Rig) -> None:
    encoder = encoding(rig, 9 * MEBIBYTE)
    rig.publisher.videos.then(REFUSED)
    job = await stored(rig, size=LARGE, upload_limit=BOOSTED)

    async with rig.running():
        await rig.go()

    assert encoder.asked == [BOOSTED, SAFE_UPLOAD]
    assert [what for what, _ in rig.publisher.sent] == ["video", "video", "link"]
    assert f"{job.id}.mp4" in files(rig)
    await settled_once(rig, job)


async def test_a_video_that_cannot_be_made_to_fit_is_linked(rig: Rig) -> None:
    encoder = encoding(rig, None)
    job = await stored(rig, size=LARGE)

    async with rig.running():
        await rig.go()

    assert encoder.asked == [10 * MEBIBYTE]
    assert not rig.publisher.posts[job.nonce].is_file


async def test_a_process_that_dies_while_it_encodes_posts_one_video_after_its_restart(rig: Rig) -> None:
    encoder = encoding(rig, 9 * MEBIBYTE)
    job = await stored(rig, size=LARGE)
    gate = Gate(UNAVAILABLE)
    rig.publisher.videos.then(gate, None)

    async with rig.running():
        await rig.go_until(gate.reached)
        await rig.kill()
        rig.start_again()
        await rig.pass_time(minutes=1)

    assert len(encoder.asked) == 2
    assert len(rig.publisher.posts) == 1
    assert files(rig) == []
    await settled_once(rig, job)


# Linked


async def test_the_hosts_own_link_goes_before_the_providers(rig: Rig) -> None:
    own = Link(url="https://videos.test/1.mp4", expires_at=None)
    rig.links = FakeLinks(own)
    rig.build()
    job = await stored(rig, size=LARGE)

    async with rig.running():
        await rig.go()

    assert rig.publisher.posts[job.nonce].link == own


async def test_without_a_link_of_the_host_the_providers_is_posted_with_its_end(rig: Rig) -> None:
    rig.links = FakeLinks(None)  # a bucket that does not answer, and no server of our own
    rig.build()
    expires_at = rig.clock.now() + timedelta(hours=1)
    job = await stored(rig, size=LARGE, result_expires_at=expires_at)

    async with rig.running():
        await rig.go()

    assert rig.publisher.posts[job.nonce].link == Link(url="https://files.test/1.mp4", expires_at=expires_at)


async def test_a_video_of_which_only_a_dead_link_is_left_is_kept(rig: Rig) -> None:
    job = await stored(rig, size=LARGE, result_expires_at=rig.clock.now())

    async with rig.running():
        await rig.go()

    assert rig.publisher.sent == []
    assert await rig.state(job) is JobState.PARKED
    assert files(rig) == [f"{job.id}.mp4"]
    await settled_once(rig, job)


@pytest.mark.parametrize(("kept", "lives"), [(3, 3), (14, 7)])
async def test_our_own_link_never_promises_more_days_than_the_file_is_kept(rig: Rig, kept: int, lives: int) -> None:
    job = await stored(rig, size=LARGE)
    own = OwnLinks("https://bot.test", b"k" * 32, rig.clock, timedelta(days=kept))

    link = await own.link(job, rig.folders.results / f"{job.id}.mp4")

    assert link is not None
    assert link.expires_at == rig.clock.now() + timedelta(days=lives)


# To the member


async def test_the_member_gets_the_video_under_a_nonce_of_its_own(rig: Rig) -> None:
    rig.publisher.videos.then(GONE, None)
    job = await stored(rig)

    async with rig.running():
        await rig.go()

    after = await rig.find(job)
    assert list(rig.publisher.posts) == [after.nonce]
    assert after.nonce != job.nonce
    assert len(after.nonce) <= 25
    assert after.message_channel_id == rig.publisher.posts[after.nonce].post.channel_id != job.place.channel_id
    await settled_once(rig, job)


@pytest.mark.parametrize("got_through", [True, False], ids=["got through", "did not"])
async def test_a_direct_message_whose_process_died_is_looked_for_before_it_is_repeated(
    rig: Rig, got_through: bool
) -> None:
    job = await stored(rig)
    gate = Gate(UNAVAILABLE)
    rig.publisher.videos.then(GONE, gate, None)

    async with rig.running():
        await rig.go_until(gate.reached)
        if got_through:
            rig.publisher.appear(await rig.find(job))
        await rig.kill()
        rig.start_again()
        await rig.pass_time(minutes=1)

    assert rig.publisher.attempts("video") == (2 if got_through else 3)
    assert len(rig.publisher.posts) == 1
    assert await rig.state(job) is JobState.DELIVERED
    await settled_once(rig, job)


async def test_a_direct_message_takes_only_what_every_place_takes(rig: Rig) -> None:
    encoder = encoding(rig, 9 * MEBIBYTE)
    rig.publisher.videos.then(GONE, None)
    await stored(rig, size=40 * MEBIBYTE, upload_limit=BOOSTED)

    async with rig.running():
        await rig.go()

    assert encoder.asked == [SAFE_UPLOAD]
    assert [what for what, _ in rig.publisher.sent] == ["video", "look", "video"]


# Kept


async def test_what_is_kept_is_settled_once_and_forgotten_after_its_days(rig: Rig) -> None:
    async with keeping(rig) as job:
        await settled_once(rig, job)
        assert await rig.wait_of(job) == timedelta(days=14)
        (rig.folders.results / f"{job.id}-{SAFE_UPLOAD}.mp4").write_bytes(b"smaller")

        await rig.pass_time(days=15)

    after = await rig.find(job)
    assert (after.state, after.stored, after.due_at) == (JobState.PARKED, None, None)
    assert files(rig) == []
    assert rig.publisher.attempts("video") == 2
    await settled_once(rig, job)


async def test_a_kept_video_survives_restarts_until_its_days_are_over(rig: Rig) -> None:
    async with keeping(rig) as job:
        await rig.kill()
        rig.start_again()
        await rig.pass_time(days=13)
        await rig.kill()
        rig.start_again()
        await rig.go()

    assert files(rig) == [f"{job.id}.mp4"]


# Claimed


@pytest.mark.parametrize("channel", [ELSEWHERE, None], ids=["channel", "direct messages"])
async def test_a_claimed_video_goes_where_its_member_is(rig: Rig, channel: ChannelId | None) -> None:
    async with keeping(rig) as job:
        await rig.jobs.claim(ANNA, job.id, spot(channel), 10 * MEBIBYTE)
        await rig.go()

    after = await rig.find(job)
    (posted,) = rig.publisher.posts.values()
    assert after.state is JobState.DELIVERED
    assert after.is_direct is (channel is None)
    assert posted.post.channel_id == after.message_channel_id
    assert (posted.post.channel_id == ELSEWHERE) is (channel is not None)
    assert files(rig) == []
    await settled_once(rig, job)


async def test_the_receipt_of_a_claimed_video_tells_what_was_paid_for_it(rig: Rig) -> None:
    async with keeping(rig, provider_credits=60.0) as job:
        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)
        await rig.go()

    (posted,) = rig.publisher.posts.values()
    balance = await rig.credits.balance(job.place.guild_id, ANNA)
    assert posted.receipt is not None
    assert (posted.receipt.charged, posted.receipt.returned) == (60, 40)
    assert posted.receipt.spendable == balance.spendable


async def test_a_claim_is_its_members_alone_and_counts_once(rig: Rig) -> None:
    async with keeping(rig) as job:
        with pytest.raises(NotFoundError):
            await rig.jobs.claim(BORIS, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)
        claims = [
            rig.jobs.claim(ANNA, job.id, spot(channel), 10 * MEBIBYTE) for channel in (ELSEWHERE, None, ELSEWHERE)
        ]
        answers = await asyncio.gather(*claims, return_exceptions=True)
        await rig.go()

    assert [type(answer) for answer in answers] == [Job, NotWaitingError, NotWaitingError]
    assert [posted.post.channel_id for posted in rig.publisher.posts.values()] == [ELSEWHERE]
    await settled_once(rig, job)


async def test_a_claim_into_a_place_that_is_gone_too_falls_to_the_member_and_is_kept_again(rig: Rig) -> None:
    async with keeping(rig) as job:
        rig.publisher.videos.then(GONE)

        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)
        await rig.go()
        assert await rig.state(job) is JobState.PARKED
        rig.publisher.videos.then(None)
        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)
        await rig.go()

    assert await rig.path(job) == ["queued", "parked", "delivering", "parked", "delivering", "delivered"]
    await settled_once(rig, job)


async def test_a_claimed_video_whose_file_is_gone_is_fetched_again(rig: Rig) -> None:
    async with keeping(rig) as job:
        (rig.folders.results / f"{job.id}.mp4").unlink()

        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)
        await rig.go()

    assert rig.downloads.fetched == ["https://files.test/1.mp4"]
    assert await rig.state(job) is JobState.DELIVERED
    assert len(rig.publisher.posts) == 1
    await settled_once(rig, job)


async def test_a_claimed_video_that_is_gone_everywhere_stays_paid_and_is_kept_no_longer(rig: Rig) -> None:
    rig.downloads.answers.then(ProviderRejectedError(FailureReason.NO_RESULT, "404"))
    rig.provider.statuses.then(NotVisible())
    async with keeping(rig) as job:
        (rig.folders.results / f"{job.id}.mp4").unlink()
        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)

        await rig.pass_time(minutes=10)
        with pytest.raises(NotKeptError):
            await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)

    assert len(rig.downloads.fetched) == MAX_DEAD_LINKS
    assert await rig.state(job) is JobState.PARKED
    await settled_once(rig, job)


async def test_a_claimed_video_that_breaks_its_transfer_again_and_again_stays_paid(rig: Rig) -> None:
    rig.downloads.answers.then(ZeroDivisionError("a fault of ours"))
    async with keeping(rig) as job:
        (rig.folders.results / f"{job.id}.mp4").unlink()
        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)

        await rig.pass_time(minutes=2)

    assert await rig.state(job) is JobState.PARKED
    await settled_once(rig, job)


@pytest.mark.parametrize("got_through", [True, False], ids=["got through", "did not"])
async def test_a_claim_whose_process_died_is_posted_once(rig: Rig, got_through: bool) -> None:
    async with keeping(rig) as job:
        gate = Gate(UNAVAILABLE)
        rig.publisher.videos.then(gate, None)
        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)
        await rig.go_until(gate.reached)
        if got_through:
            rig.publisher.appear(await rig.find(job))
        await rig.kill()
        rig.start_again()
        await rig.pass_time(minutes=1)

    assert [posted.post.channel_id for posted in rig.publisher.posts.values()] == [ELSEWHERE]
    assert await rig.state(job) is JobState.DELIVERED
    await settled_once(rig, job)


async def test_a_claim_while_the_file_is_being_forgotten_still_brings_the_video(rig: Rig) -> None:
    class SlowForgetting(Steps):
        async def forget(self, hold: Hold) -> Move:
            move = await super().forget(hold)
            reached.set()
            await opened.wait()
            return move

    reached, opened = asyncio.Event(), asyncio.Event()
    rig.steps_class = SlowForgetting
    rig.build()
    async with keeping(rig) as job:
        rig.clock.advance(days=14)
        rig.wake.set()
        await rig.go_until(reached)
        await rig.jobs.claim(ANNA, job.id, spot(ELSEWHERE), 10 * MEBIBYTE)
        opened.set()
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED
    await settled_once(rig, job)
