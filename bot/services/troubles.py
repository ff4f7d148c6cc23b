"""Tells the host of troubles, once when one begins and once when it ends, and of single jobs, whatever restarts.

An outage of Discord must not end in a flood: what has come together meanwhile is one message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import assert_never

from bot import logs
from bot.domain.hosting import JobNotice, NoticeKind, Trouble
from bot.domain.ids import JobId
from bot.ports import Clock, Publisher
from bot.store import notices, troubles
from bot.store.database import Database

log = logs.get(__name__)

LOOK_EVERY = timedelta(minutes=1)

# More troubles than these at once are one message.
SINGLE_MESSAGES = 5
# What one message lists; Discord takes 2000 characters.
LISTED = 10
LISTED_LETTERS = 150

# So many jobs at most are one message.
JOBS_AT_ONCE = 1000
# What could not be told for so long is no news any more; `/host orphans` shows it for two months.
NOTICES_KEPT = timedelta(days=7)


def doubt_of(job_id: JobId) -> str:
    """The name of the trouble that nobody can see whether the job's video was posted."""
    return f"doubt:{job_id}"


class Troubles:
    """Named troubles. What is noted here is stored before it is told."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        publisher: Publisher,
        *,
        is_past: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """*is_past* says of a trouble's name whether it is about something that the host has taken out since."""
        self._database = database
        self._clock = clock
        self._publisher = publisher
        self._telling = asyncio.Lock()
        self._is_past = is_past

    async def begin(self, name: str, text: str) -> bool:
        """Note that something is wrong; False, and nothing more is said, when that was known."""
        if not await self._database.write(troubles.begin, name, text, self._clock.now()):
            return False
        log.warning("trouble_began", name=name, text=text)
        await self.tell()
        return True

    async def end(self, name: str, text: str | None = None) -> bool:
        """Note that it is over; without a text nobody is told. False when it was not there."""
        if not await self._database.write(troubles.end, name, text):
            return False
        log.warning("trouble_ended", name=name, text=text)
        await self.tell()
        return True

    async def find(self, name: str) -> Trouble | None:
        """The trouble of this name, if it is there now."""
        return await self._database.read(troubles.find, name)

    async def present(self) -> Sequence[Trouble]:
        """What is wrong now."""
        return await self._database.read(troubles.all_of)

    async def run(self, stop: asyncio.Event) -> None:
        """Tell what an earlier process, or another one, could not."""
        for trouble in await self.present():
            # Nobody asks about it any more, so nobody would ever say that it is over.
            if self._is_past(trouble.name):
                await self.end(trouble.name)
        while not stop.is_set():
            await self.tell()
            await self._clock.wait(stop, LOOK_EVERY)

    async def tell(self) -> None:
        """Say what the host has not heard; while Discord is away, that waits for the next look.

        A kill between the message and its note makes it be said twice.
        """
        async with self._telling:
            if not (await self._tell_of_troubles() and await self._tell_of_jobs()):
                old = await self._database.write(notices.forget, self._clock.now() - NOTICES_KEPT)
                if old:
                    log.warning("host_not_told_of_jobs", jobs=old)

    async def _tell_of_troubles(self) -> bool:
        untold = await self._database.read(troubles.untold)
        together = [untold] if len(untold) > SINGLE_MESSAGES else [[trouble] for trouble in untold]
        for those in together:
            if not await self._publisher.tell_host(_text_of_troubles([_news_of(trouble) for trouble in those])):
                return False
            for trouble in those:
                await self._database.write(troubles.told, trouble)
        return True

    async def _tell_of_jobs(self) -> bool:
        """Only here and not at once, so that jobs that ended together are told of together."""
        for kind in NoticeKind:
            untold = await self._database.read(notices.untold, kind, JOBS_AT_ONCE)
            if untold:
                if not await self._publisher.tell_host(_text_of_jobs(kind, untold)):
                    return False
                await self._database.write(notices.told, kind, untold)
        return True


def _news_of(trouble: Trouble) -> str:
    return trouble.text if trouble.end_text is None else trouble.end_text


def _text_of_troubles(news: Sequence[str]) -> str:
    if len(news) == 1:
        return news[0]
    lines = [text if len(text) <= LISTED_LETTERS else f"{text[:LISTED_LETTERS]}…" for text in news[:LISTED]]
    return _listed(
        f"{len(news)} troubles have begun or ended; `/host status` shows what is wrong now.", lines, len(news)
    )


def _text_of_jobs(kind: NoticeKind, found: Sequence[JobNotice]) -> str:
    match kind:
        case NoticeKind.ORPHAN:
            return _text_of_orphans(found)
        case NoticeKind.PUT_ASIDE:
            return _text_of_put_aside(found)
        case _:
            assert_never(kind)


def _text_of_orphans(found: Sequence[JobNotice]) -> str:
    if len(found) == 1:
        (job,) = found
        return (
            f"Job {job.job_id} ({job.model}): the provider never answered the create call of {_moment(job)}. "
            "The member was refunded; a paid task may exist in your logs there, and counts towards your budgets "
            "until it is known what came of it."
        )
    head = (
        f"{len(found)} create calls were never answered by their provider. The members were refunded; paid tasks may "
        "exist in your logs there, and count towards your budgets meanwhile. `/host orphans` shows these jobs."
    )
    return _listed(head, [f"Job {job.job_id} ({job.model}): {_moment(job)}" for job in found[:LISTED]], len(found))


def _text_of_put_aside(found: Sequence[JobNotice]) -> str:
    if len(found) == 1:
        (job,) = found
        return (
            f"Job {job.job_id} ({job.model}) took the bot down again and again and was put aside; it is {job.state} "
            "now. The log of the crashes says what happened."
        )
    head = (
        f"{len(found)} jobs took the bot down again and again and were put aside. The log of the crashes says what "
        "happened."
    )
    return _listed(head, [f"Job {job.job_id} ({job.model}): {job.state}" for job in found[:LISTED]], len(found))


def _listed(head: str, lines: Sequence[str], total: int) -> str:
    hidden = total - len(lines)
    return "\n".join([head, *lines, *([f"… and {hidden} more"] if hidden else [])])


def _moment(job: JobNotice) -> str:
    return f"{job.submitted_at:%Y-%m-%d %H:%M:%S} UTC"
