"""Before a job is given up and refunded: its video may have been posted in a time that the database does not know.

Where the bot may not read the channel nobody can tell. Then somebody has to say it, and only after a long silence the
member is believed. See docs/adr/0027-doubt-about-a-post.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot import logs
from bot.domain.jobs import Job, JobState, Move
from bot.errors.delivery import HistoryClosedError
from bot.services.troubles import doubt_of
from bot.worker.aftermath import MAY_FINISH_LATE
from bot.worker.delivery import Delivery
from bot.worker.needs import Needs

log = logs.get(__name__)

# How often it is tried whether the channel can be read now.
LOOK_AGAIN = timedelta(hours=1)

# How long the word of the host or of the guild's staff is waited for.
PATIENCE = timedelta(days=7)


class Doubts:
    """Decides whether a job may be given up."""

    def __init__(self, needs: Needs, delivery: Delivery) -> None:
        self._needs = needs
        self._delivery = delivery

    async def unless_posted(self, job: Job, move: Move, *, again_after: timedelta = LOOK_AGAIN) -> Move:
        """*move*; where it gives up a job whose video is there, or may be, the one that is right instead.

        Where nobody can tell, the step comes again *again_after* that.
        """
        if job.posting_at is None or move.to is job.state:
            return move
        if move.to is not JobState.FAILED:
            await self._end(job, "it goes on after all")
            return move
        try:
            found = await self._delivery.already_posted(job)
        except HistoryClosedError as error:
            return await self._wait(job, move, again_after, str(error))
        if found is None:
            await self._end(job, "its video is not in its channel, so its credits went back")
        elif found.to is JobState.DELIVERED:
            await self._end(job, "its video was found where it belongs, so it is paid for")
        return found or move

    async def _wait(self, job: Job, move: Move, again_after: timedelta, reason: str) -> Move:
        """Hold the credits until somebody has said what is right, or nobody has for too long."""
        if job.is_closed or move.failure not in MAY_FINISH_LATE:
            return move  # There is nothing to go back, or the provider itself says that there never was a video.
        now = self._needs.clock.now()
        began_at = await self._began(job, now)
        if now - began_at >= PATIENCE:
            log.warning("given_up_without_a_look", job=job.id, reason=reason)
            await self._end(job, "nobody has said whether its video was posted, so its credits went back")
            return move
        return Move(to=job.state, after=again_after, is_retry=True, detail=f"perhaps posted: {reason}")

    async def _began(self, job: Job, now: datetime) -> datetime:
        """Since when the host knows; from now on if that was not so."""
        name, place = doubt_of(job.id), job.place
        known = await self._needs.troubles.find(name)
        if known is not None:
            return known.began_at
        text = (
            f"Job {job.id} ({job.model}) has no result, and its video may have been posted before the database was "
            f"brought back; the bot may not read channel {place.channel_id} of server {place.guild_id} to see. Its "
            "credits are held meanwhile. Let the bot read the history of that channel: it looks once an hour. Or have "
            f"the server's staff open /moderate job {job.id} and press Cancel, which gives the credits back. If "
            f"nothing happens that is done on {now + PATIENCE:%Y-%m-%d}."
        )
        await self._needs.troubles.begin(name, text)
        return now

    async def _end(self, job: Job, outcome: str) -> None:
        await self._needs.troubles.end(doubt_of(job.id), f"Job {job.id}: {outcome}.")
