"""Knows whether new jobs can be stored safely, stops them when not, and lets them in again by itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

from bot import logs
from bot.errors import StoreError, StoreTrouble
from bot.errors.intake import StorageTroubleError
from bot.ports import Clock, Publisher
from bot.store.database import Database
from bot.store.epochs import Epoch
from bot.store.integrity import check_pages

log = logs.get(__name__)

# How often the database is written to see whether it can be, in good days and in bad ones.
LOOK_EVERY = timedelta(seconds=10)
LOOK_AGAIN = timedelta(seconds=3)

# So many good looks in a row end a trouble: on a full disk the first small write may fit where no job would.
GOOD_LOOKS = 2

# Below this nothing new is accepted, long before the disk is full: what is already paid for still has to be fetched and
# delivered, four videos at once of some tens of megabytes each, and the database needs room to write that down.
FLOOR = 200 * 2**20
# Free again only with some distance, or one video more or less would open and close the door all day.
ENOUGH = 250 * 2**20

# What a later and lighter trouble must not make us forget: pages are checked, and what is unsure ends the process.
_WEIGHT = {StoreTrouble.DAMAGED: 1, StoreTrouble.UNSURE: 2}


def free_space(folder: Path) -> int:
    """Bytes that we could still write there."""
    return shutil.disk_usage(folder).free


class StorageGuard:
    """Watches one database and the folders of its files. Without `run` it only counts what is reported to it."""

    def __init__(
        self,
        *,
        database: Database,
        epoch: Epoch,
        folders: Collection[Path],
        clock: Clock,
        free: Callable[[Path], int] = free_space,
    ) -> None:
        self._database = database
        self._epoch = epoch
        self._folders = tuple(folders)
        self._clock = clock
        self._free = free
        self._error: StoreError | None = None
        self._since: datetime | None = None
        self._good_looks = 0
        self._is_told = False
        self._wake = asyncio.Event()
        self._messages: asyncio.Queue[str] = asyncio.Queue()
        database.listen(self.report)

    @property
    def trouble(self) -> str | None:
        """What is wrong, in a line for the host; None while all is well."""
        return None if self._error is None else str(self._error)

    def check_intake(self) -> None:
        """Raise StorageTroubleError while nothing new can be stored safely."""
        if self._error is not None:
            raise StorageTroubleError

    def report(self, error: StoreError) -> None:
        """Somebody could not use the database or the disk: nothing new from now on, and a look at it right away."""
        self._good_looks = 0
        if self._error is None:
            self._since = self._clock.now()
            self._is_told = False
            log.error("storage_trouble", reason=str(error), kind=error.trouble)
        elif _WEIGHT.get(error.trouble, 0) < _WEIGHT.get(self._error.trouble, 0):
            return
        if self._error is None or error.trouble is StoreTrouble.UNSURE:
            self._wake.set()
        self._error = error

    async def run(self, stop: asyncio.Event, publisher: Publisher) -> None:
        """Look after the storage until *stop*, or a cancel, which is quicker, and tell the host of trouble.

        Raises StoreError when only a new start can tell what is stored.
        """
        unsure: StoreError | None = None
        async with asyncio.TaskGroup() as tasks:
            # Discord may take a minute to take a message; the disk is looked at meanwhile.
            telling = tasks.create_task(self._tell(publisher), name="storage messages")
            try:
                while not stop.is_set():
                    self._wake.clear()
                    await self.look()
                    if self._error is not None and self._error.trouble is StoreTrouble.UNSURE:
                        unsure = self._error
                        break
                    await self._clock.wait(self._wake, LOOK_EVERY if self._error is None else LOOK_AGAIN)
            finally:
                telling.cancel()
        if unsure is not None:
            raise unsure

    async def look(self) -> None:
        """See once whether the storage can be used, and note what follows from that."""
        try:
            if self._error is not None and self._error.trouble is StoreTrouble.DAMAGED:
                # A write to a sound page says nothing about the others.
                await self._database.read(check_pages)
            await self._epoch.beat(self._clock.now())
            await self._check_space()
        except StoreError as error:
            self.report(error)
            self._tell_beginning()
        else:
            self._note_good_look()

    async def _check_space(self) -> None:
        wanted = FLOOR if self._error is None else ENOUGH
        for folder in self._folders:
            try:
                free = await asyncio.to_thread(self._free, folder)
            except OSError as error:
                raise StoreError(f"{folder} cannot be looked at ({error.strerror})") from error
            if free < wanted:
                raise StoreError(
                    f"{folder} has {free // 2**20} MiB left and {wanted // 2**20} MiB are needed: free some space",
                    StoreTrouble.FULL,
                )

    def _tell_beginning(self) -> None:
        if not self._is_told:
            self._is_told = True
            self._messages.put_nowait(
                f"Storage trouble: {self.trouble}. No new videos are accepted, and nothing is charged. "
                "Jobs on their way are kept and go on when it is over."
            )

    def _note_good_look(self) -> None:
        if self._error is None or self._since is None:
            return
        self._good_looks += 1
        if self._good_looks < GOOD_LOOKS:
            return
        lasted = self._clock.now() - self._since
        log.warning("storage_recovered", reason=self.trouble, seconds=round(lasted.total_seconds()))
        if self._is_told:
            self._messages.put_nowait(
                f"The storage works again after {round(lasted.total_seconds())} seconds. New videos are accepted."
            )
        self._error = self._since = None
        self._good_looks = 0

    async def _tell(self, publisher: Publisher) -> None:
        while True:
            text = await self._messages.get()
            while not await publisher.tell_host(text):
                await self._clock.wait(asyncio.Event(), LOOK_EVERY)


async def through_trouble(watch: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event, clock: Clock) -> None:
    """Run *watch*, and again whenever the store could not be used: that is for the guard to say and for us to wait."""
    while not stop.is_set():
        try:
            await watch(stop)
        except StoreError:
            await clock.wait(stop, LOOK_EVERY)
        else:
            return
