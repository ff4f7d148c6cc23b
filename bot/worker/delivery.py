"""From a finished task to a video that its member can see: fetch it, post it once, or keep it for them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot import logs
from bot.domain.ids import JobId
from bot.domain.jobs import FailureReason, Job, JobState, Move, Result, StoredVideo
from bot.errors import (
    AccessMissingError,
    CannotFitError,
    DeliveryError,
    DeliveryUnavailableError,
    HistoryClosedError,
    PlaceGoneError,
    ProviderError,
    ProviderRejectedError,
    TooLargeError,
)
from bot.ports import Done, Link, Post
from bot.worker.hold import Hold
from bot.worker.needs import TRANSFER_LEASE, Needs

log = logs.get(__name__)

MAX_DEAD_LINKS = 6
# With the back-off of up to five minutes: about three hours. The provider's link lives for a day.
MAX_FETCHES = 40
MAX_POSTS = 40

# Discord promises that a nonce is remembered for "the past few minutes" (Create Message); this much we count on, from
# the first try on.
NONCE_HOLDS = timedelta(seconds=60)

# A place to which Discord denies us the access, to post or to look, is tried once more after this, before the video
# goes to its member or is kept.
ACCESS_WAIT = timedelta(seconds=30)

# About to send the result.
POSTING = Move(to=JobState.DELIVERING, is_posting=True)

# Discord took files of this size from everybody for years; places that promise more have been seen to refuse more.
SAFE_UPLOAD = 10 * 1024 * 1024


class Delivery:
    """The steps of FETCHING, DELIVERING and PARKED."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        # Jobs that Discord has just denied the access, and whether nothing of them can be in their place for all that.
        # A restart forgets them, which costs one more look.
        self._denied: dict[JobId, bool] = {}

    async def fetch(self, hold: Hold) -> Move:
        """FETCHING: bring the video to our disk before its link dies."""
        job = hold.job
        result = job.result
        if job.attempts > 0:
            result = await self._fresh_link(job) or result
        if result is None:
            raise AssertionError("a job is only fetched once its result is known")
        name = f"{job.id}.mp4"
        try:
            size = await self._bring(job, result, self._needs.folders.results / name)
        except ProviderRejectedError as error:
            if job.attempts + 1 >= MAX_DEAD_LINKS:
                return self.not_fetched(job, error.detail)
            wait = self._needs.back_off(job.attempts, first=2, longest=60)
            return Move(to=JobState.FETCHING, after=wait, result=result, is_retry=True, detail=error.detail)
        except (ProviderError, OSError) as error:
            # A rendered video is paid for: neither a slow host nor a refused key nor our own full disk loses it soon.
            if job.attempts + 1 >= MAX_FETCHES:
                return self.not_fetched(job, str(error))
            log.warning("video_not_fetched", job=job.id, reason=str(error))
            wait = self._needs.back_off(job.attempts, first=2, longest=300)
            return Move(to=JobState.FETCHING, after=wait, result=result, is_retry=True, detail=str(error))
        return Move(to=JobState.DELIVERING, result=result, stored=StoredVideo(name=name, size=size))

    async def _bring(self, job: Job, result: Result, to: Path) -> int:
        provider = self._needs.providers.get(job.provider)
        if provider is None:  # The host has taken its key away; most links are open to everybody.
            return await self._needs.downloads.fetch(result.url, to)
        return await provider.fetch(result, to, self._needs.downloads)

    async def deliver(self, hold: Hold) -> Move:
        """DELIVERING: post the video once, whatever happens in between: here, else to the member, else keep it."""
        job = hold.job
        is_untried = job.posting_at is None
        denied = self._denied.pop(job.id, None)
        # Discord has been seen to deny the access for a moment, in error: only a second denial in a row is believed.
        may_wait = denied is None and job.attempts + 1 < MAX_POSTS and not (is_untried and job.attempts > 0)
        is_doubtful = False  # whether an earlier try has got through, nobody can see
        try:
            try:
                found = await self._earlier_post(job)
            except HistoryClosedError as error:
                is_doubtful = denied is not True
                if job.posting_at is None or self._needs.clock.now() - job.posting_at > NONCE_HOLDS:
                    if may_wait:
                        return self._once_more(job, error, is_clear=False)
                    # Never a second post: whoever has not seen the video claims it.
                    return self._elsewhere(job, f"nobody can see whether it was posted: {error}", is_doubtful)
                found = None
            else:
                # A place that can be read again was denied in error.
                may_wait = may_wait or denied is False
            if found is not None:
                return _delivered(found, detail="found in the channel")
            showing = await self._needs.queue.showing(job)
            if showing.withheld is not None:
                return self._needs.parked(showing.withheld)
            if not await self._is_here(job):
                return Move(to=JobState.FETCHING, detail="the stored video is gone")
            job = await hold.advance(POSTING, TRANSFER_LEASE)
            return await self._post(hold, is_spoiler=showing.is_spoiler)
        except PlaceGoneError as error:
            if may_wait and isinstance(error, AccessMissingError):
                move = self._once_more(job, error, is_clear=not is_doubtful)
                # Refused is not posted: the intent goes, or the next try would look for a post where it may not read.
                return replace(move, is_unposted=is_untried)
            return self._elsewhere(job, str(error), is_doubtful)
        except DeliveryUnavailableError as error:
            if job.attempts + 1 >= MAX_POSTS:
                return self._needs.parked(str(error))
            wait = self._needs.back_off(job.attempts, first=2, longest=300)
            return Move(to=JobState.DELIVERING, after=wait, is_retry=True, detail=str(error))

    def _elsewhere(self, job: Job, detail: str, is_doubtful: bool) -> Move:
        """To the member, unless their copy could be a second one; else nowhere for now."""
        if job.is_direct or is_doubtful:
            return self._needs.parked(detail)
        return Move(to=JobState.DELIVERING, is_direct=True, detail=detail)

    def _once_more(self, job: Job, error: DeliveryError, *, is_clear: bool) -> Move:
        """Try again soon what was denied; *is_clear* says that nothing of an earlier try was seen, by one who could."""
        self._denied[job.id] = is_clear
        return Move(to=JobState.DELIVERING, after=ACCESS_WAIT, is_retry=True, detail=str(error))

    async def already_posted(self, job: Job) -> Move | None:
        """To be asked before a job is given up: its video may be in the channel, and its member have both.

        That happens where the database was brought back from before the post: the job has no task, or the provider does
        not have its video any more. None when there is no such post. Raises HistoryClosedError when nobody can tell.
        """
        try:
            found = await self._earlier_post_anywhere(job)
        except DeliveryUnavailableError as error:
            wait = self._needs.back_off(job.attempts, first=2, longest=300)
            return Move(to=job.state, after=wait, is_retry=True, detail=str(error))
        return None if found is None else _delivered(found, detail="found in the channel")

    async def _earlier_post_anywhere(self, job: Job) -> Post | None:
        """Also with its member: in the time that is lost the channel may have been gone."""
        if job.posting_at is not None and not job.is_direct:
            with contextlib.suppress(HistoryClosedError):
                found = await self._earlier_post(replace(job, is_direct=True))
                if found is not None:
                    return found
        return await self._earlier_post(job)

    async def _earlier_post(self, job: Job) -> Post | None:
        """What an earlier try has posted. The nonce protects for minutes, the channel's history for good."""
        return None if job.posting_at is None else await self._needs.publisher.find_post(job)

    async def forget(self, hold: Hold) -> Move:
        """PARKED for so long that nobody will come for it: the file goes, what happened stays known."""
        job = hold.job
        if job.stored is not None:
            await asyncio.to_thread(_remove_versions, self._needs.folders.results, job)
        return Move(to=JobState.PARKED, after=None, is_cleared=True, detail="kept long enough")

    async def _post(self, hold: Hold, *, is_spoiler: bool) -> Move:
        """Down the ladder: as it is, encoded again to fit, as a link.

        After an encoding the intent is written anew: it may have taken longer than the lease, and whoever has the job
        by now has posted it.
        """
        job = hold.job
        if job.stored is None:
            raise AssertionError("a job is only delivered once its video is stored")
        receipt = await self._needs.lifecycle.receipt(job)
        original = self._needs.folders.results / job.stored.name
        for limit in _limits(job):
            path = original if job.stored.size <= limit else await self._smaller(job, original, limit)
            if path is None:
                break
            if path is not original:
                job = await hold.advance(POSTING, TRANSFER_LEASE)
                receipt = await self._needs.lifecycle.receipt(job)
            with contextlib.suppress(TooLargeError):
                return _delivered(await self._needs.publisher.post_video(job, path, receipt, is_spoiler=is_spoiler))
        link = await self._link(job, original)
        if link is None:
            return self._needs.parked("too large for this place, and there is no link to it")
        job = await hold.advance(POSTING, TRANSFER_LEASE)
        receipt = await self._needs.lifecycle.receipt(job)
        post = await self._needs.publisher.post_link(job, link, receipt, is_spoiler=is_spoiler)
        return _delivered(post, is_link=True)

    async def _smaller(self, job: Job, original: Path, limit: int) -> Path | None:
        if self._needs.encoder is None:
            return None
        target = original.with_name(f"{job.id}-{limit}.mp4")
        try:
            size = await self._needs.encoder.fit(original, target, limit)
        except CannotFitError as error:
            log.info("video_not_encoded_again", job=job.id, limit=limit, reason=str(error))
            return None
        log.info("video_encoded_again", job=job.id, limit=limit, size=size)
        return target

    async def _is_here(self, job: Job) -> bool:
        if job.stored is None:
            return False
        return await asyncio.to_thread((self._needs.folders.results / job.stored.name).is_file)

    async def _link(self, job: Job, original: Path) -> Link | None:
        """The host's own address where there is one, else the provider's as long as that lives."""
        if self._needs.links is not None and (own := await self._needs.links.link(job, original)) is not None:
            return own
        result = job.result
        if result is None or not self._needs.rates.terms(job.provider).has_public_links:
            return None
        if result.expires_at is not None and result.expires_at <= self._needs.clock.now():
            return None
        return Link(url=result.url, expires_at=result.expires_at)

    def not_fetched(self, job: Job, detail: str, reason: FailureReason = FailureReason.NO_RESULT) -> Move:
        """The video cannot be had. Whether that is a failure depends on how the job has ended before."""
        if job.is_closed and (job.stored is not None or not job.is_late):
            # It was here and was kept for its member: what they have paid for it stays paid.
            return Move(to=JobState.PARKED, after=None, is_cleared=True, detail=detail)
        # A late video that cannot be had either is looked for again at the late pace, not at once.
        after = self._needs.next_late_look(job) if job.is_late else timedelta(0)
        return Move(to=JobState.FAILED, after=after, failure=reason, detail=detail)

    async def discard(self, job: Job, move: Move) -> None:
        """Remove a video that is posted as a file, with its smaller versions; a linked or parked one is kept."""
        if job.state is not JobState.DELIVERED or job.stored is None or move.is_link:
            return
        try:
            await asyncio.to_thread(_remove_versions, self._needs.folders.results, job)
        except OSError as error:
            log.warning("video_not_removed", job=job.id, reason=str(error))

    async def _fresh_link(self, job: Job) -> Result | None:
        """The provider's link as it is now; links die sooner than files."""
        if job.task_id is None:
            return None
        with contextlib.suppress(ProviderError):
            status = await self._needs.provider(job).status(job.task_id)
            if isinstance(status, Done):
                return status.result
        return None


def _delivered(post: Post, *, is_link: bool = False, detail: str | None = None) -> Move:
    return Move(
        to=JobState.DELIVERED,
        after=None,
        message_id=post.message_id,
        message_channel_id=post.channel_id,
        is_link=is_link,
        detail=detail,
    )


def _limits(job: Job) -> list[int]:
    """File sizes to try, in bytes: what the interaction promised, then what every place takes."""
    promised = SAFE_UPLOAD if job.is_direct else job.place.upload_limit
    return [promised, *([SAFE_UPLOAD] if promised > SAFE_UPLOAD else [])]


def _remove_versions(folder: Path, job: Job) -> None:
    for path in (folder / f"{job.id}.mp4", *folder.glob(f"{job.id}-*.mp4")):
        path.unlink(missing_ok=True)
