"""Tells the host of troubles: once when one begins and once when it ends, whatever restarts in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from bot import logs
from bot.domain.hosting import Trouble
from bot.domain.ids import JobId
from bot.ports import Clock, Publisher
from bot.store import troubles
from bot.store.database import Database

log = logs.get(__name__)

LOOK_EVERY = timedelta(minutes=1)


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
            for trouble in await self._database.read(troubles.untold):
                if not await self._publisher.tell_host(trouble.text if trouble.end_text is None else trouble.end_text):
                    return
                await self._database.write(troubles.told, trouble)
