"""One process of the bot: what `bot/composition/` has built, started and stopped in good order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from random import Random
from typing import Any

from bot import health, logs, media
from bot.composition.parts import Parts, build
from bot.errors import ConfigurationError, StoreError, UnreachableError
from bot.ports import Clock, SystemClock
from bot.services import troubles
from bot.services.keys import Keys
from bot.services.memory import Memory
from bot.services.storage import through_trouble
from bot.settings import Settings, create_folders, is_open_to_others
from bot.store import schema
from bot.store.database import Database, file_of
from bot.store.epochs import Epoch
from bot.store.ownership import owned

log = logs.get(__name__)

# What goes on beside the rest until it is told to stop.
Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


class App:
    """One bot process. `started` is set when it serves; `stop` ends it in good order."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, random: Random | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._random = random or Random()  # noqa: S311 - spreads retries; no secret depends on it  # nosec B311
        self.started = asyncio.Event()
        self._stop = asyncio.Event()
        self.http_port = 0

    def stop(self) -> None:
        """Take nothing new, finish what runs for a moment, and return from `run`."""
        self._stop.set()

    async def run_until_signal(self) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        logs.setup(self._settings.log_level, self._settings.log_format, self._settings.redact)
        await self.run()

    async def run(self) -> None:
        """Build everything, serve until `stop`, close everything. Raises ConfigurationError or StoreError."""
        settings, clock = self._settings, self._clock
        create_folders(settings)
        if is_open_to_others(settings.data_dir):
            # Not closed by ourselves: a mounted volume may belong to somebody else, or be shared on purpose.
            log.warning(
                "data_dir_open",
                note=f"other users of this machine can read prompts and keys: chmod o-rwx {settings.data_dir}",
            )
        async with AsyncExitStack() as stack:
            stack.enter_context(owned(file_of(settings.database_url)))
            database = Database.connect(settings.database_url)
            stack.push_async_callback(database.close)
            if await schema.migrate(database):
                log.info("schema_migrated", to=schema.HEAD)
            # Before anything can be submitted or posted: the database may be from the past.
            epoch = Epoch(database, settings.data_dir)
            opened = await epoch.open(clock.now())
            if opened.origin is not None:
                log.warning("database_from_the_past", why=opened.origin, jobs=opened.counts.total)
            await self._serve(stack, database, epoch, clock)

    async def _serve(self, stack: AsyncExitStack, database: Database, epoch: Epoch, clock: Clock) -> None:
        settings = self._settings
        for name in settings.unused:
            log.warning("setting_unused", name=name, note="set, but this version does nothing with it")
        keys = await Keys.load(Memory(database))
        parts = build(settings, database, epoch, keys, clock, self._random, stack)
        await parts.hosting.refresh()
        await parts.model_health.recall(database)
        stack.push_async_callback(parts.client.close)
        for folder in (settings.folders.inputs, settings.folders.results, settings.folders.cache):
            await asyncio.to_thread(media.remove_leftovers, folder)
        await parts.server.start()
        stack.push_async_callback(parts.server.close)
        self.http_port = parts.server.port
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._run(parts, tasks)
        except* (ConfigurationError, StoreError, UnreachableError) as group:
            # One line for the host; what else ended because of it is of no interest.
            raise first_of(group) from None
        log.info("stopped")

    async def _run(self, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        """Start everything, wait for `stop`, and end it in the order in which it needs each other."""
        connected = asyncio.Event()

        async def on_connect() -> None:
            connected.set()

        async def work() -> None:
            # Not before Discord has answered once: a wrong token should end the process, not cost anybody a job.
            await connected.wait()
            self.started.set()
            await parts.worker.run()

        def when_connected(run: Loop) -> Loop:
            """What these find may have to be told to the host or to staff, by a message."""

            async def wait_and_run(stop: asyncio.Event) -> None:
                await connected.wait()
                await run(stop)

            return wait_and_run

        async def watch_storage() -> None:
            await connected.wait()
            await parts.storage.run(self._stop, parts.publisher)

        async def tell_of_the_past(stop: asyncio.Event) -> None:
            untold = await parts.epoch.untold()
            if untold is None:
                return
            while not await parts.publisher.tell_host(untold):
                await self._clock.wait(stop, troubles.LOOK_EVERY)
                if stop.is_set():
                    return
            await parts.epoch.told()

        parts.client.add_listener(on_connect)
        token = self._settings.discord_token.get_secret_value()
        discord_task = tasks.create_task(parts.client.start(token), name="discord")
        after_connecting: dict[str, Loop] = {
            "gates": parts.gates.run,
            "health": parts.health.run,
            "staff log": parts.staff_log.run,
            "balances": parts.balances.run,
            "prices": parts.prices.run,
            "hosting": parts.host_watch.run,
            "troubles": parts.troubles.run,
            "past": tell_of_the_past,
        }
        looping: dict[str, Loop] = {
            "estimates": parts.estimates.run,
            "models": parts.models.run,
            "retention": parts.retention.run,
        }
        looping |= {name: when_connected(run) for name, run in after_connecting.items()}
        watching = [
            tasks.create_task(parts.cards.run(), name="cards"),
            tasks.create_task(watch_storage(), name="storage"),
            tasks.create_task(health.measure(parts.metrics, parts.queue), name="metrics"),
            *(
                tasks.create_task(through_trouble(run, self._stop, self._clock), name=name)
                for name, run in looping.items()
            ),
        ]
        working = tasks.create_task(work(), name="worker")
        await self._stop.wait()
        log.info("stopping")
        parts.generation.is_open = False
        parts.worker.stop()
        if not connected.is_set():
            working.cancel()
        await asyncio.wait({working})
        # Before the client: a card's edit on its way would find the connection closed under it.
        for task in watching:
            task.cancel()
        await asyncio.wait(watching)
        await parts.client.close()
        # While the gateway is away it sleeps for minutes between two tries.
        discord_task.cancel()


def first_of(group: BaseExceptionGroup[Exception]) -> Exception:
    """The first error itself: a part with a task group of its own wraps what ended it once more."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
