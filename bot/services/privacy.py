"""What a person can have of their data: a copy of it, or its end. It concerns all guilds at once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import logs
from bot.domain.ids import JobId, UserId
from bot.domain.jobs import Job
from bot.errors.privacy import JobsRunningError
from bot.ports import Clock
from bot.services.assistance import OFFER_LIFE
from bot.services.estimates import Estimates
from bot.store import drafts, grants, privacy, rewrites
from bot.store.database import Connection, Database
from bot.store.privacy import Erased

log = logs.get(__name__)

# Removes files by name, and every version of the videos of these jobs.
Remove = Callable[[Collection[str], Sequence[JobId]], Awaitable[None]]

# When nobody can say how long a job takes, this is how soon it is worth asking again.
SOON = timedelta(minutes=10)
SHOWN_JOBS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Everything that is stored about a person, as JSON, and the names of their files."""

    text: bytes
    file_names: Sequence[str]


class Privacy:
    """A person's own data."""

    def __init__(self, database: Database, clock: Clock, estimates: Estimates, remove: Remove) -> None:
        self._database = database
        self._clock = clock
        self._estimates = estimates
        self._remove = remove

    async def copy(self, user_id: UserId) -> Copy:
        """Every row about the person, in every guild."""

        def read(connection: Connection) -> Copy:
            rows = privacy.copy_of(connection, user_id)
            about = {"user": str(user_id), "made_at": self._clock.now().isoformat(), "stored": rows}
            text = json.dumps(about, ensure_ascii=False, indent=2, default=str)
            names = sorted(privacy.file_names_of(connection, user_id))
            return Copy(text=text.encode(), file_names=names)

        return await self._database.read(read)

    async def loses(self, user_id: UserId) -> int:
        """The bonus credits that the person has left in all guilds."""
        return await self._database.read(privacy.bonus_of, user_id)

    async def erase(self, user_id: UserId) -> None:
        """Forget the person. Raises JobsRunningError, having changed nothing, while a job of theirs is on its way."""
        now = self._clock.now()

        def forget(connection: Connection) -> Erased | list[Job]:
            return privacy.running(connection, user_id) or privacy.erase(connection, user_id, now)

        done = await self._database.write(forget)
        if isinstance(done, list):
            raise JobsRunningError(
                jobs=", ".join(str(job.id) for job in done[:SHOWN_JOBS]), ready=f"<t:{self._ready(done)}:R>"
            )
        await self._remove(done.file_names, done.job_ids)
        if not await self._database.scrub():
            log.info("log_not_emptied", note="somebody reads; the next sweep does it")
        log.info("member_forgotten", jobs=len(done.job_ids))

    def _ready(self, jobs: Sequence[Job]) -> int:
        moments = [self._estimates.ready_at(job) or self._clock.now() + SOON for job in jobs]
        return int(max(moments).timestamp())

    async def sweep(self, now: datetime) -> None:
        """What guilds keep only for so long, what nobody has answered, and what was left of the departed; then the log
        is emptied."""

        def forget(connection: Connection) -> set[str]:
            privacy.forget_departures(connection, now)
            drafts.forget(connection, now)
            grants.forget_unanswered(connection, now)
            rewrites.forget(connection, now - OFFER_LIFE)
            privacy.forget_prompts(connection, now)
            return privacy.forget_media(connection, now)

        names = await self._database.write(forget)
        if names:
            await self._remove(names, [])
        await self._database.scrub()
