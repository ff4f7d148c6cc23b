"""The slow things, in one place for the loop: each step does one job's network work and returns the move that follows.

A step never holds a transaction. Before a call whose effect cannot be taken back (create, post) the intent is written
first, so that a crash in between leaves a trace of what may have happened.
"""

from __future__ import annotations

import contextlib

from bot.domain.jobs import FailureReason, Job, JobState, Move
from bot.errors import HistoryClosedError
from bot.worker.aftermath import Aftermath
from bot.worker.delivery import Delivery
from bot.worker.doubts import PATIENCE, Doubts
from bot.worker.hold import Hold
from bot.worker.making import Making
from bot.worker.needs import Needs, failed


class Steps:
    """One method per kind of work; which states lead to which is in `bot/worker/loop.py`."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._making = Making(needs)
        self._delivery = Delivery(needs)
        self._aftermath = Aftermath(needs)
        self._doubts = Doubts(needs, self._delivery)

    async def submit(self, hold: Hold) -> Move:
        return await self._making.submit(hold)

    async def recover(self, hold: Hold) -> Move:
        with contextlib.suppress(HistoryClosedError):
            found = await self._delivery.already_posted(hold.job)
            if found is not None:
                return found
        return await self._doubts.unless_posted(hold.job, await self._making.recover(hold))

    async def poll(self, hold: Hold) -> Move:
        return await self._doubts.unless_posted(hold.job, await self._making.poll(hold))

    async def fetch(self, hold: Hold) -> Move:
        return await self._doubts.unless_posted(hold.job, await self._delivery.fetch(hold))

    async def deliver(self, hold: Hold) -> Move:
        return await self._delivery.deliver(hold)

    async def forget(self, hold: Hold) -> Move:
        return await self._delivery.forget(hold)

    async def after_failure(self, hold: Hold) -> Move:
        return await self._aftermath.after_failure(hold)

    async def discard(self, job: Job, move: Move) -> None:
        await self._delivery.discard(job, move)

    def follow(self, job: Job) -> None:
        """Let the job's card catch up with what an earlier process has done."""
        self._needs.cards.changed(job)

    async def give_up(self, job: Job, *, may_look: bool) -> Move:
        """What becomes of a job that crashed its step again and again, or the whole process three times.

        Without a look at what was posted where that look may be what crashes.
        """
        move = self._given_up(job)
        # Its own step is not run again while somebody makes up their mind.
        return await self._doubts.unless_posted(job, move, again_after=PATIENCE) if may_look else move

    def _given_up(self, job: Job) -> Move:
        match job.state:
            case JobState.SUBMITTING:
                return Move(to=JobState.UNKNOWN, after=self._making.grace(job), detail="quarantined")
            case JobState.FETCHING:
                return self._delivery.not_fetched(job, "quarantined", FailureReason.BROKEN)
            case JobState.DELIVERING:
                return self._needs.parked("quarantined")
            case JobState.FAILED | JobState.PARKED:
                return Move(to=job.state, after=None, is_announced=True, detail="quarantined")
            case _:
                return failed(FailureReason.BROKEN, "quarantined")
