"""What becomes of a job between its command and the moment at which Discord has taken the answer to that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from bot import logs
from bot.domain.admission import Requester
from bot.domain.ids import JobId, UserId
from bot.domain.jobs import Job, JobState, Move, Place
from bot.errors import StoreError
from bot.ports import Clock
from bot.services import lifecycle
from bot.services.generation import Accepted, earlier_of
from bot.services.lifecycle import Lifecycle
from bot.store import drafts, events, jobs, moves, rewrites
from bot.store.database import Connection, Database

log = logs.get(__name__)

# How long the storage is given between two tries of taking a job back: together less than the time for which nobody
# works on the job (`ANSWER_WAIT`).
TRIES_AFTER = (timedelta(seconds=0.5), timedelta(seconds=1), timedelta(seconds=2))


class Answers:
    """Lets the worker have what was answered, and takes back what nobody will ever see an answer to."""

    def __init__(self, database: Database, clock: Clock, moves: Lifecycle, wake: Callable[[], None]) -> None:
        """*wake* tells the worker that there is something to do."""
        self._database = database
        self._clock = clock
        self._moves = moves
        self._wake = wake
        self._answered: list[JobId] = []
        self._turn = asyncio.Lock()

    async def given(self, job: Job) -> None:
        """The member has the answer: the job may go on at once. Those that come together share a commit."""
        self._answered.append(job.id)
        async with self._turn:
            released, self._answered = self._answered, []
            if not released:
                return  # Whoever had the turn has taken this one along.
            try:
                are_held = await self._database.write(jobs.release_all, released, self._clock.now())
            except StoreError as error:
                # It was promised, and their time comes in a moment anyway.
                log.info("jobs_not_released", jobs=released, reason=str(error))
                return
        if are_held:
            self._wake()

    async def earlier(self, user_id: UserId, place: Place, requester: Requester) -> Accepted | None:
        """What the same interaction has brought before, in a process that died before it answered."""
        return await self._database.read(earlier_of, user_id, place, requester, self._clock.now())

    async def lost(self, accepted: Accepted, *, rewrite: int | None = None) -> None:
        """Discord takes no answer: credits, the question about the price and the assistant's offer are as before.

        A job that an earlier delivery of the interaction has brought stays. So does one that the worker has sent on,
        which is paid for at the provider, and one that stands in for another, to which there is no way back.

        Raises StoreError when the storage fails for longer than a moment; then the job is made.
        """
        if not accepted.is_new:
            return
        if accepted.replaced is not None:
            await self.given(accepted.job)
            return
        undone = await self._taken_back(accepted.job.id, rewrite)
        if undone is not None:
            self._moves.announce(undone)

    async def _taken_back(self, job_id: JobId, rewrite: int | None) -> Job | None:
        for wait in TRIES_AFTER:
            try:
                return await self._database.write(self._undo, job_id, rewrite)
            except StoreError as error:
                log.warning("job_not_taken_back", job=job_id, reason=str(error))
                await self._clock.wait(asyncio.Event(), wait)
        return await self._database.write(self._undo, job_id, rewrite)

    def _undo(self, connection: Connection, job_id: JobId, rewrite: int | None) -> Job | None:
        waiting = moves.take_over(connection, job_id, JobState.QUEUED)
        if waiting is None:
            return None
        drafts.unmade(connection, job_id)
        if rewrite is not None:
            rewrites.give_back(connection, rewrite)
        move = Move(to=JobState.CANCELLED, after=None, detail=events.UNANSWERED)
        return lifecycle.apply(connection, waiting, move, self._clock.now(), self._moves.policy)
