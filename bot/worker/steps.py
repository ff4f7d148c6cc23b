"""The slow things: each step does one job's network work and returns the move that follows from it.

A step never holds a transaction. Before a call whose effect cannot be taken back (create, post) the intent is written
first, so that a crash in between leaves a trace of what may have happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import assert_never

from bot import logs
from bot.domain.ids import ProviderId
from bot.domain.jobs import FailureReason, Job, JobState, LateResults, Move, Result, StoredVideo
from bot.domain.models import ModeSpec, VendorValue, VideoModel
from bot.domain.videos import vendor_fields
from bot.errors import (
    AnswerLostError,
    DeliveryUnavailableError,
    PlaceGoneError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
    TooLargeError,
)
from bot.ports import (
    Cards,
    Clock,
    Done,
    Downloads,
    Empty,
    Encoder,
    Link,
    LinkMaker,
    NotVisible,
    Pending,
    Post,
    Provider,
    Publisher,
    Refused,
    Submission,
)
from bot.services.availability import Availability, ProviderGate
from bot.services.estimates import Estimates
from bot.services.lifecycle import Lifecycle
from bot.services.queue import Queue
from bot.worker import schedule, watches
from bot.worker.hold import Hold

log = logs.get(__name__)

# How long a job is ours while its create call, its transfer or its post is under way: longer than the call's own
# timeouts, so that nobody else takes a job that is still being worked on.
SUBMIT_LEASE = timedelta(minutes=5)
POLL_LEASE = timedelta(minutes=2)
TRANSFER_LEASE = timedelta(minutes=20)

# How long a job waits in the queue for a provider that takes nothing before its credits go back.
QUEUE_PATIENCE = timedelta(hours=1)

# A record may be invisible right after its task was made (one client allows 90 s).
VISIBLE_AFTER = timedelta(seconds=90)

# On top of the model's outer limit: the time in which a callback could still name a task whose answer was lost.
CALLBACK_MARGIN = timedelta(minutes=15)

# How often something that may heal by itself is tried before the job is given up.
MAX_ODD_ANSWERS = 6
MAX_DEAD_LINKS = 6
# With the back-off of up to five minutes: about three hours. The provider's link lives for a day.
MAX_FETCHES = 40
MAX_POSTS = 40

# Discord took files of this size from everybody for years; places that promise more have been seen to refuse more.
SAFE_UPLOAD = 10 * 1024 * 1024

# Failures after which the provider may still finish, and bill, the task.
MAY_FINISH_LATE = frozenset(
    {
        FailureReason.TIMEOUT,
        FailureReason.NO_ANSWER,
        FailureReason.NO_RESULT,
        FailureReason.UPSTREAM,
        FailureReason.BROKEN,
    }
)
# Kie keeps what it made for 14 days ("Getting started" page).
KEPT_BY_PROVIDER = timedelta(days=14)

# The longest wait that a provider's answer may ask for: its clock or its configuration may be wrong.
LONGEST_WISH = timedelta(minutes=10)

CONTENT_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "bmp": "image/bmp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where pictures wait for their job and videos for their post."""

    inputs: Path
    results: Path


class Steps:
    """One method per kind of work; which states lead to which is in `bot/worker/loop.py`."""

    def __init__(
        self,
        *,
        providers: Mapping[ProviderId, Provider],
        downloads: Downloads,
        publisher: Publisher,
        cards: Cards,
        lifecycle: Lifecycle,
        queue: Queue,
        availability: Availability,
        gate: ProviderGate,
        estimates: Estimates,
        clock: Clock,
        folders: Folders,
        public_url: str | None,
        random: Random,
        encoder: Encoder | None = None,
        links: LinkMaker | None = None,
        kept: timedelta = timedelta(days=14),
    ) -> None:
        """*kept* is how long a video waits for its member when it could not be posted."""
        self._providers = providers
        self._downloads = downloads
        self._publisher = publisher
        self._cards = cards
        self._lifecycle = lifecycle
        self._queue = queue
        self._availability = availability
        self._gate = gate
        self._estimates = estimates
        self._clock = clock
        self._folders = folders
        self._public_url = public_url
        self._random = random
        self._encoder = encoder
        self._links = links
        self._kept = kept
        self._outages: dict[ProviderId, int] = {}  # queries in a row that found nobody, by provider

    async def submit(self, hold: Hold) -> Move:
        """QUEUED: bring the picture over, write the intent, ask for the task once."""
        job = hold.job
        model = self._availability.catalogue.find(job.model)
        provider = self._providers.get(job.provider)
        if model is None or provider is None or job.video.mode not in model.modes:
            return _failed(FailureReason.REJECTED, "the catalogue no longer has this model")
        if self._gate.find(job.provider) is not None:
            return _failed(FailureReason.NOT_NOW, "the provider is paused")
        spec = model.modes[job.video.mode]
        try:
            fields = await self._fields(job, spec, provider)
        except (ProviderUnavailableError, ProviderProtocolError, AnswerLostError) as error:
            return self._wait_in_queue(job, error)
        except ProviderAuthError as error:
            return await self._not_now(job, error)
        except ProviderRejectedError as error:
            return _failed(error.reason, error.detail)
        except FileNotFoundError:
            return _failed(FailureReason.IMAGE, "the stored picture is gone")
        # Known before the call: nothing may go wrong between its answer and the move that keeps it.
        first_poll = await self._next_poll(job, model, timedelta(0))
        submission = Submission(slug=spec.slug, fields=fields, callback_url=self._callback_url(job))
        await hold.turn()
        job = await hold.advance(Move(to=JobState.SUBMITTING), SUBMIT_LEASE)
        return await self._create(job, spec, provider, submission, first_poll)

    async def recover(self, hold: Hold) -> Move:
        """SUBMITTING whose process died, or UNKNOWN: nothing is ever sent again; a callback may still name the task."""
        job = hold.job
        task_id = await self._queue.hinted_task(job)
        if task_id is not None:
            return Move(to=JobState.RUNNING, task_id=task_id, detail="a callback named the task")
        grace_over = (job.submitted_at or job.created_at) + self._grace(job)
        left = grace_over - self._clock.now()
        if left > timedelta(0):
            return Move(to=JobState.UNKNOWN, after=left, detail="the create call's answer was lost")
        await self._publisher.tell_host(
            f"Job {job.id} ({job.model}): the provider never answered the create call of "
            f"{job.submitted_at:%Y-%m-%d %H:%M:%S} UTC. "
            "The member was refunded; a paid task may exist in your logs there."
        )
        return _failed(FailureReason.NO_ANSWER, "possible orphan at the provider")

    async def poll(self, hold: Hold) -> Move:
        """RUNNING: ask what became of the task."""
        job = hold.job
        provider = self._providers[job.provider]
        model = self._availability.catalogue.find(job.model)
        elapsed = self._clock.now() - (job.submitted_at or job.created_at)
        if job.task_id is None:
            raise AssertionError("the store keeps no running job without its task")
        await hold.turn()
        try:
            status = await provider.status(job.task_id)
        except (ProviderUnavailableError, AnswerLostError) as error:
            wait = max(self._outage_wait(job.provider), _wish(error))
            return self._patiently(job, model, elapsed, Move(to=JobState.RUNNING, after=wait))
        except ProviderAuthError as error:
            # The task goes on without us; the key may work again long before it ends.
            await self._pause(job.provider, error)
            return self._patiently(job, model, elapsed, Move(to=JobState.RUNNING, after=timedelta(seconds=60)))
        except (ProviderProtocolError, ProviderRejectedError) as error:
            # Where the question itself was refused, that says nothing about the task yet.
            return self._odd_answer(job, FailureReason.UPSTREAM, str(error))
        self._outages.pop(job.provider, None)
        match status:
            case Done(result=result):
                return Move(to=JobState.FETCHING, result=result)
            case Refused(reason=reason, detail=detail):
                return _failed(reason, detail)
            case Empty(detail=detail):
                return self._odd_answer(job, FailureReason.NO_RESULT, detail)
            case NotVisible() if elapsed > VISIBLE_AFTER:
                return self._odd_answer(job, FailureReason.NO_RESULT, "the provider does not know the task")
            case NotVisible():
                return Move(to=JobState.RUNNING, after=timedelta(seconds=5))
            case Pending():
                wait = await self._next_poll(job, model, elapsed)
                return self._patiently(job, model, elapsed, Move(to=JobState.RUNNING, after=wait))
            case _:
                assert_never(status)

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
            size = await self._downloads.fetch(result.url, self._folders.results / name)
        except ProviderRejectedError as error:
            if job.attempts + 1 >= MAX_DEAD_LINKS:
                return self._not_fetched(job, error.detail)
            wait = self._back_off(job.attempts, first=2, longest=60)
            return Move(to=JobState.FETCHING, after=wait, result=result, is_retry=True, detail=error.detail)
        except (ProviderUnavailableError, OSError) as error:
            # A rendered video is paid for: neither a slow host nor our own full disk loses it soon.
            if job.attempts + 1 >= MAX_FETCHES:
                return self._not_fetched(job, str(error))
            log.warning("video_not_fetched", job=job.id, reason=str(error))
            wait = self._back_off(job.attempts, first=2, longest=300)
            return Move(to=JobState.FETCHING, after=wait, result=result, is_retry=True, detail=str(error))
        return Move(to=JobState.DELIVERING, result=result, stored=StoredVideo(name=name, size=size))

    async def deliver(self, hold: Hold) -> Move:
        """DELIVERING: post the video once, whatever happens in between: here, else to the member, else keep it."""
        job = hold.job
        try:
            if job.posting_at is not None:
                # An earlier try may have got through: the nonce protects for minutes, the history for good.
                found = await self._publisher.find_post(job)
                if found is not None:
                    return _delivered(found, detail="found in the channel")
            job = await hold.advance(Move(to=JobState.DELIVERING, is_posting=True), TRANSFER_LEASE)
            return await self._post(job)
        except PlaceGoneError as error:
            if not job.is_direct:
                return Move(to=JobState.DELIVERING, is_direct=True, detail=str(error))
            return self._parked(str(error))
        except DeliveryUnavailableError as error:
            if job.attempts + 1 >= MAX_POSTS:
                return self._parked(str(error))
            wait = self._back_off(job.attempts, first=2, longest=300)
            return Move(to=JobState.DELIVERING, after=wait, is_retry=True, detail=str(error))

    async def forget(self, hold: Hold) -> Move:
        """PARKED for so long that nobody will come for it: the file goes, what happened stays known."""
        job = hold.job
        if job.stored is not None:
            await asyncio.to_thread((self._folders.results / job.stored.name).unlink, missing_ok=True)
        return Move(to=JobState.PARKED, after=None, is_cleared=True, detail="kept long enough")

    async def after_failure(self, hold: Hold) -> Move:
        """FAILED: tell the member once that the credits are back; later, see whether the video came after all."""
        job = hold.job
        if not job.is_announced:
            return await self._announce(job)
        if self._lifecycle.policy.late is LateResults.IGNORE or job.failure not in MAY_FINISH_LATE:
            return Move(to=JobState.FAILED, after=None)
        task_id = job.task_id or await self._queue.hinted_task(job)
        if task_id is None:
            return Move(to=JobState.FAILED, after=None)
        await hold.turn()
        try:
            status = await self._providers[job.provider].status(task_id)
        except ProviderError as error:
            return Move(to=JobState.FAILED, after=self._next_late_look(job), task_id=task_id, detail=str(error))
        match status:
            case Done(result=result):
                log.warning("late_result", job=job.id)
                return Move(to=JobState.FETCHING, task_id=task_id, result=result, is_late=True)
            case Refused() | Empty():
                return Move(to=JobState.FAILED, after=None, task_id=task_id)
            case Pending() | NotVisible():
                return Move(to=JobState.FAILED, after=self._next_late_look(job), task_id=task_id)
            case _:
                assert_never(status)

    async def _announce(self, job: Job) -> Move:
        try:
            await self._publisher.post_failure(job)
        except PlaceGoneError as error:
            log.info("failure_not_announced", job=job.id, reason=str(error))
        except DeliveryUnavailableError as error:
            if job.attempts + 1 < MAX_ODD_ANSWERS:
                wait = self._back_off(job.attempts, first=5, longest=300)
                return Move(to=JobState.FAILED, after=wait, is_retry=True, detail=str(error))
            log.warning("failure_not_announced", job=job.id, reason=str(error))
        is_watched = job.failure in MAY_FINISH_LATE and job.task_id is not None
        after = self._next_late_look(job) if is_watched else None
        return Move(to=JobState.FAILED, after=after, is_announced=True)

    def _next_late_look(self, job: Job) -> timedelta | None:
        """Rarer and rarer, and never again once the provider no longer keeps the record."""
        if self._lifecycle.policy.late is LateResults.IGNORE:
            return None
        age = self._clock.now() - (job.submitted_at or job.created_at)
        return None if age > KEPT_BY_PROVIDER else min(max(age, timedelta(hours=1)), timedelta(days=1))

    def give_up(self, job: Job) -> Move:
        """What becomes of a job that crashed its step again and again, or the whole process three times."""
        match job.state:
            case JobState.SUBMITTING:
                return Move(to=JobState.UNKNOWN, after=self._grace(job), detail="quarantined")
            case JobState.DELIVERING:
                return self._parked("quarantined")
            case JobState.FAILED | JobState.PARKED:
                return Move(to=job.state, after=None, is_announced=True, detail="quarantined")
            case _:
                return _failed(FailureReason.BROKEN, "quarantined")

    async def discard(self, job: Job, move: Move) -> None:
        """Remove a video that is posted as a file, with its smaller versions; a linked or parked one is kept."""
        if job.state is not JobState.DELIVERED or job.stored is None or move.is_link:
            return
        try:
            await asyncio.to_thread(_remove_versions, self._folders.results, job)
        except OSError as error:
            log.warning("video_not_removed", job=job.id, reason=str(error))

    async def _create(
        self, job: Job, spec: ModeSpec, provider: Provider, submission: Submission, first_poll: timedelta
    ) -> Move:
        try:
            task_id = await provider.create(submission)
        except (AnswerLostError, ProviderProtocolError) as error:
            log.warning("create_answer_lost", job=job.id, model=job.model, reason=str(error))
            return Move(to=JobState.UNKNOWN, after=self._grace(job), detail=str(error))
        except ProviderUnavailableError as error:
            return self._wait_in_queue(job, error)
        except ProviderAuthError as error:
            return await self._not_now(job, error)
        except ProviderRejectedError as error:
            if error.reason is FailureReason.MODEL_PAUSED:
                self._availability.note_paused(job.provider, spec.slug, error.detail)
            return _failed(error.reason, error.detail)
        return Move(to=JobState.RUNNING, after=first_poll, task_id=task_id)

    async def _fields(self, job: Job, spec: ModeSpec, provider: Provider) -> dict[str, VendorValue | list[str]]:
        fields = vendor_fields(job.video, spec)
        picture = job.video.picture
        if picture is not None and spec.image is not None:
            path = self._folders.inputs / picture.name
            content_type = CONTENT_TYPES.get(picture.format.value, f"image/{picture.format.value}")
            url = await provider.upload(path, content_type)
            fields[spec.image.vendor_field] = [url] if spec.image.as_list else url
        return fields

    async def _post(self, job: Job) -> Move:
        """Down the ladder: as it is, encoded again to fit, as a link."""
        if job.stored is None:
            raise AssertionError("a job is only delivered once its video is stored")
        receipt = await self._lifecycle.receipt(job)
        original = self._folders.results / job.stored.name
        for limit in _limits(job):
            path = original if job.stored.size <= limit else await self._smaller(job, original, limit)
            if path is None:
                break
            with contextlib.suppress(TooLargeError):
                return _delivered(await self._publisher.post_video(job, path, receipt))
        link = await self._link(job, original)
        if link is None:
            return self._parked("too large for this place, and there is no link to it")
        return _delivered(await self._publisher.post_link(job, link, receipt), is_link=True)

    async def _smaller(self, job: Job, original: Path, limit: int) -> Path | None:
        if self._encoder is None:
            return None
        target = original.with_name(f"{job.id}-{limit}.mp4")
        size = await self._encoder.fit(original, target, limit)
        log.info("video_encoded_again", job=job.id, limit=limit, size=size)
        return None if size is None else target

    async def _link(self, job: Job, original: Path) -> Link | None:
        """The host's own address where there is one, else the provider's as long as that lives."""
        if self._links is not None and (own := await self._links.link(job, original)) is not None:
            return own
        result = job.result
        if result is None or (result.expires_at is not None and result.expires_at <= self._clock.now()):
            return None
        return Link(url=result.url, expires_at=result.expires_at)

    def _not_fetched(self, job: Job, detail: str) -> Move:
        # A late video that cannot be had either is looked for again at the late pace, not at once.
        after = self._next_late_look(job) if job.is_late else timedelta(0)
        return Move(to=JobState.FAILED, after=after, failure=FailureReason.NO_RESULT, detail=detail)

    def _parked(self, detail: str) -> Move:
        return Move(to=JobState.PARKED, after=self._kept, detail=detail)

    async def _fresh_link(self, job: Job) -> Result | None:
        """The provider's link as it is now; links die sooner than files."""
        if job.task_id is None:
            return None
        with contextlib.suppress(ProviderError):
            status = await self._providers[job.provider].status(job.task_id)
            if isinstance(status, Done):
                return status.result
        return None

    async def _next_poll(self, job: Job, model: VideoModel | None, elapsed: timedelta) -> timedelta:
        if model is None:
            return schedule.LONGEST
        history = await self._estimates.history(model.id, job.video.mode)
        durations = schedule.Durations.learnt(model.typical, history)
        running = await self._queue.at_provider(job.provider)
        return schedule.next_poll(elapsed, durations, running=running, soft_limit=model.soft_limit)

    def _patiently(self, job: Job, model: VideoModel | None, elapsed: timedelta, move: Move) -> Move:
        """The move, unless the model's outer limit is over."""
        if model is not None:
            if elapsed > model.outer_limit:
                return _failed(FailureReason.TIMEOUT, f"no result after {elapsed}")
            if elapsed > model.soft_limit:
                self._cards.changed(job)
        return move

    def _wait_in_queue(self, job: Job, error: ProviderError) -> Move:
        """Back to the queue, as long as the member's patience may be assumed."""
        if self._clock.now() - job.created_at > QUEUE_PATIENCE:
            return _failed(FailureReason.NOT_NOW, str(error))
        wait = self._back_off(job.attempts, first=5, longest=120)
        return Move(to=JobState.QUEUED, after=max(wait, _wish(error)), is_retry=True, detail=str(error))

    def _odd_answer(self, job: Job, reason: FailureReason, detail: str) -> Move:
        if job.attempts + 1 >= MAX_ODD_ANSWERS:
            return _failed(reason, detail)
        wait = self._back_off(job.attempts, first=3, longest=60)
        return Move(to=JobState.RUNNING, after=wait, is_retry=True, detail=detail)

    async def _not_now(self, job: Job, error: ProviderAuthError) -> Move:
        await self._pause(job.provider, error)
        return _failed(FailureReason.NOT_NOW, str(error))

    async def _pause(self, provider: ProviderId, error: ProviderAuthError) -> None:
        await watches.refuse(self._gate, self._publisher, provider, str(error), self._clock.now())

    def _outage_wait(self, provider: ProviderId) -> timedelta:
        """Back-off of the provider as a whole: a hundred running jobs must not make its outage worse."""
        missed = self._outages[provider] = self._outages.get(provider, 0) + 1
        return self._back_off(missed // 4, first=4, longest=60)

    def _grace(self, job: Job) -> timedelta:
        model = self._availability.catalogue.find(job.model)
        return (model.outer_limit if model else timedelta(hours=1)) + CALLBACK_MARGIN

    def _callback_url(self, job: Job) -> str | None:
        if self._public_url is None:
            return None
        return f"{self._public_url}/callbacks/kie/{job.id}/{job.callback_secret}"

    def _back_off(self, attempt: int, *, first: float, longest: float) -> timedelta:
        return schedule.back_off(
            attempt, self._random, first=timedelta(seconds=first), longest=timedelta(seconds=longest)
        )


def _failed(reason: FailureReason, detail: str) -> Move:
    return Move(to=JobState.FAILED, failure=reason, detail=detail)


def _wish(error: ProviderError) -> timedelta:
    """How long the provider asked us to stay away, if it did."""
    if isinstance(error, ProviderUnavailableError) and error.retry_after is not None:
        return min(error.retry_after, LONGEST_WISH)
    return timedelta(0)


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
