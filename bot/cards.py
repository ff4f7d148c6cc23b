"""Keeps the progress cards up to date: soon after each move, at a polite rate, and until Discord lets us edit no more.

Best effort: a card that cannot be edited costs nobody anything, since the video is posted as a message of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot import i18n, logs
from bot.domain.ids import JobId
from bot.domain.jobs import ACTIVE, Job, JobState
from bot.domain.models import Catalogue
from bot.domain.substitutes import Substitute
from bot.errors import DeliveryUnavailableError, PlaceGoneError
from bot.ports import Clock
from bot.rendering.cards import Card, Progress, card
from bot.rendering.replies import model_name

log = logs.get(__name__)

# Between two edits of one card; the end of a job does not wait for it. Old reports say that a channel takes about
# thirty such edits a minute, so that many jobs at once must each ask for less.
SPACING = timedelta(seconds=3)
CROWDED_SPACING = timedelta(seconds=10)
CROWD = 20
# The command itself shows the first card. Its edit must not come after ours and bring back an earlier state.
HEAD_START = timedelta(seconds=1)
# Between any two edits, and how many may be on their way at once: far below the 50 requests a second that one bot has.
OVERALL_SPACING = timedelta(milliseconds=100)
AT_ONCE = 8

# How often a waiting job's place in the queue is looked up, and how far an estimate may drift before it is shown.
QUEUE_LOOK = timedelta(seconds=10)
DRIFT = timedelta(seconds=30)

# The last words are said this long before the interaction's token dies.
FAREWELL = timedelta(minutes=1)
RETRY_AFTER = timedelta(seconds=10)
MOST_TRIES = 3
# More than a host's worst hour; beyond it the cards that have been still for longest are given up.
MOST_CARDS = 2000
IDLE = timedelta(minutes=1)


class Editor(Protocol):
    """Puts a card in place of the answer to a job's command."""

    async def edit_card(self, job: Job, card: Card) -> None:
        """Raises PlaceGoneError when it can never be edited again, DeliveryUnavailableError for now."""
        ...


class Places(Protocol):
    async def queue_place(self, job: Job) -> int:
        """How many jobs are before this one."""
        ...


class Outlook(Protocol):
    def ready_at(self, job: Job) -> datetime | None:
        """When the job will probably be finished; None when nobody can say."""
        ...


class Substitutes(Protocol):
    def is_broken(self, job: Job) -> bool:
        """Whether the job waits because its model fails again and again."""
        ...

    async def find(self, job: Job) -> Substitute | None:
        """What its member may have instead; None when there is nothing."""
        ...


@dataclass(slots=True, eq=False)
class Tracked:
    """One card: the job as it is now, and what the card shows of it."""

    job: Job
    look_at: datetime
    seen_at: datetime  # when it was first heard of
    edited_at: datetime | None = None
    shown: str | None = field(default=None, repr=False)
    ready_at: datetime | None = None
    tries: int = 0
    is_in_flight: bool = False


class ProgressCards:
    """Follows the moves of jobs. `changed` only notes; `run` does the edits."""

    def __init__(
        self,
        editor: Editor,
        *,
        jobs: Places,
        estimates: Outlook,
        catalogue: Catalogue,
        clock: Clock,
        substitutes: Substitutes | None = None,
    ) -> None:
        """Without *substitutes* no card offers another model."""
        self._substitutes = substitutes
        self._editor = editor
        self._jobs = jobs
        self._estimates = estimates
        self._catalogue = catalogue
        self._clock = clock
        self._tracked: dict[JobId, Tracked] = {}
        self._wake = asyncio.Event()
        self._free_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._tracked)

    def changed(self, job: Job) -> None:
        """The job has moved; its card follows when it may."""
        now = self._clock.now()
        # Taken out and put back: the order is that of the last moves.
        tracked = self._tracked.pop(job.id, None)
        if tracked is None:
            tracked = Tracked(job=job, look_at=now, seen_at=now)
        tracked.job, tracked.tries = job, 0
        tracked.look_at = self._allowed_at(tracked, now)
        self._tracked[job.id] = tracked
        while len(self._tracked) > MOST_CARDS:
            del self._tracked[next(iter(self._tracked))]
        self._wake.set()

    async def run(self) -> None:
        """Edit cards until cancelled."""
        async with asyncio.TaskGroup() as edits:
            while True:
                self._wake.clear()
                now = self._clock.now()
                due = self._next(now)
                if due is None:
                    await self._clock.wait(self._wake, IDLE)
                    continue
                at = due.look_at if self._free_at is None else max(due.look_at, self._free_at)
                if at > now:
                    await self._clock.wait(self._wake, at - now)
                    continue
                due.is_in_flight = True
                edits.create_task(self._follow(due), name=f"card-{due.job.id}")
                self._free_at = now + OVERALL_SPACING

    def _next(self, now: datetime) -> Tracked | None:
        """The card to look at next; of those that are due, ended jobs first: somebody is waiting for them."""
        if sum(tracked.is_in_flight for tracked in self._tracked.values()) >= AT_ONCE:
            return None
        still = (tracked for tracked in self._tracked.values() if not tracked.is_in_flight)
        return min(still, key=lambda one: (max(one.look_at, now), one.job.state in ACTIVE), default=None)

    def _allowed_at(self, tracked: Tracked, now: datetime) -> datetime:
        """When the card may be edited: not too soon after the last edit, and at once for an end."""
        if tracked.job.state not in ACTIVE:
            return max(now, tracked.seen_at + HEAD_START)
        if tracked.edited_at is None and tracked.job.created_at < tracked.seen_at - SPACING:
            return now
        spacing = CROWDED_SPACING if len(self._tracked) > CROWD else SPACING
        return max(now, (tracked.edited_at or tracked.seen_at) + spacing)

    async def _follow(self, tracked: Tracked) -> None:
        """Bring one card up to date and decide when to look at it again, if ever."""
        job = tracked.job
        is_over = False
        try:
            is_over = await self._update(tracked, job)
        except PlaceGoneError as err:
            log.debug("card_gone", job=job.id, reason=str(err))
            self._forget(tracked)
        except DeliveryUnavailableError as err:
            log.debug("card_not_edited", job=job.id, reason=str(err))
            tracked.tries += 1
            tracked.look_at = self._clock.now() + RETRY_AFTER
            is_over = tracked.tries >= MOST_TRIES
        except Exception as err:
            # A card must never end the process that makes the videos.
            log.info("card_failed", job=job.id, exc_info=err)
            is_over = True
        finally:
            tracked.is_in_flight = False
            self._wake.set()
        if tracked.job is not job:
            # It moved while the edit was on its way.
            tracked.look_at = self._allowed_at(tracked, self._clock.now())
        elif is_over:
            self._forget(tracked)

    async def _update(self, tracked: Tracked, job: Job) -> bool:
        """Edit the card if it would look different; True when it will never look different again."""
        now = self._clock.now()
        if now >= job.token_expires_at:
            return True
        progress = await self._progress(tracked, job, now)
        latest = card(i18n.texts(job.place.guild_locale), job, progress)
        if latest.fingerprint != tracked.shown:
            await self._editor.edit_card(job, latest)
            tracked.shown, tracked.edited_at = latest.fingerprint, self._clock.now()
        tracked.tries = 0
        tracked.look_at = self._look_again_at(job, progress, self._clock.now())
        return job.state not in ACTIVE

    def _forget(self, tracked: Tracked) -> None:
        if self._tracked.get(tracked.job.id) is tracked:
            del self._tracked[tracked.job.id]

    async def _progress(self, tracked: Tracked, job: Job, now: datetime) -> Progress:
        is_waiting = job.state is JobState.QUEUED
        is_leaving = job.state in ACTIVE and now >= job.token_expires_at - FAREWELL
        ready_at = self._estimates.ready_at(job) if job.state in ACTIVE else None
        shown = tracked.ready_at
        # An estimate that moves by seconds with every look is not news.
        if shown is not None and ready_at is not None and shown > now and abs(ready_at - shown) < DRIFT:
            ready_at = shown
        tracked.ready_at = ready_at
        return Progress(
            model=model_name(job, self._catalogue),
            ahead=await self._jobs.queue_place(job) if is_waiting else None,
            ready_at=ready_at,
            is_late=self._late_at(job) <= now,
            is_broken=self._substitutes is not None and self._substitutes.is_broken(job),
            substitute=None if self._substitutes is None else await self._substitutes.find(job),
            is_leaving=is_leaving,
        )

    def _late_at(self, job: Job) -> datetime:
        model = self._catalogue.find(job.model)
        if job.state is JobState.QUEUED or job.submitted_at is None or model is None:
            return job.token_expires_at
        return job.submitted_at + model.soft_limit

    def _look_again_at(self, job: Job, progress: Progress, now: datetime) -> datetime:
        """When the card will look different although the job has not moved."""
        moments = [job.token_expires_at - FAREWELL, job.token_expires_at, self._late_at(job)]
        if progress.ready_at is not None:
            moments.append(progress.ready_at)
        if job.state is JobState.QUEUED:
            moments.append(now + QUEUE_LOOK)
        return min(moment for moment in [*moments, now + timedelta(minutes=15)] if moment > now)
