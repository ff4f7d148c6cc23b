"""The engine with everything that is not ours replaced by fakes, on a real database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from bot.domain.ids import JobId, ProviderId, UserId
from bot.domain.jobs import Job, JobState
from bot.domain.models import Catalogue, VideoModel
from bot.domain.pictures import Picture
from bot.metrics import Metrics
from bot.ports import Provider
from bot.services.availability import Availability, ProviderGate
from bot.services.callbacks import Callbacks
from bot.services.credits import Credits
from bot.services.estimates import Estimates
from bot.services.generation import Generation
from bot.services.host_limits import Budget
from bot.services.jobs import Jobs
from bot.services.lifecycle import Lifecycle
from bot.services.model_health import ModelHealth
from bot.services.queue import Queue
from bot.services.sharing import Sharing
from bot.services.troubles import Troubles
from bot.store import audit, events, jobs, statistics, tables
from bot.store.database import Connection, Database
from bot.worker.limits import Rates
from bot.worker.loop import DRAIN, Worker
from bot.worker.needs import Folders, Needs
from bot.worker.odd_answers import OddAnswers
from bot.worker.steps import Steps
from tests.fakes import KIE, FakeDownloads, FakeEncoder, FakeLinks, FakeProvider, FakePublisher, HandClock, SilentCards
from tests.samples import ANNA, CATALOGUE, MAKER, place, video

RICH = 1_000_000


class Rig:
    """One database, one outside world, and as many processes one after the other as the test starts."""

    def __init__(
        self, database: Database, folder: Path, *, catalogue: Catalogue = CATALOGUE, public_url: str | None = None
    ) -> None:
        self.database = database
        self.clock = HandClock()
        self.provider = FakeProvider(self.clock)
        self.downloads = FakeDownloads()
        self.others: dict[ProviderId, Provider] = {}
        self.publisher = FakePublisher()
        self.cards = SilentCards()
        self.folders = Folders(inputs=folder / "inputs", results=folder / "results")
        self.catalogue = catalogue
        self.public_url = public_url
        self.drain = DRAIN
        self.encoder: FakeEncoder | None = None
        self.links: FakeLinks | None = None
        self.markup = Decimal(1)
        for path in (self.folders.inputs, self.folders.results):
            path.mkdir(exist_ok=True)
        self.lifecycle_class = Lifecycle
        self.steps_class = Steps
        self._task: asyncio.Task[None] | None = None
        self.build()

    def build(self) -> None:
        """What a process builds when it starts: nothing in it survives the process."""
        self.availability = Availability(self.catalogue)
        self.lifecycle = self.lifecycle_class(self.database, self.clock, self.markup)
        self.queue = Queue(self.database, self.clock)
        self.estimates = Estimates(self.database, self.clock, self.availability)
        providers: dict[ProviderId, Provider] = {KIE: self.provider, **self.others}
        self.gate = ProviderGate(Sharing(providers))
        self.rates = Rates(providers)
        self.creates = self.rates.creates(KIE)
        self.wake = asyncio.Event()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.health = ModelHealth(self.availability, self.clock, self.metrics)
        self.lifecycle.listen(self.health.follow)
        self.lifecycle.listen(lambda _: self.wake.set())
        self.lifecycle.listen(self.cards.changed)
        self.generation = Generation(
            database=self.database,
            clock=self.clock,
            availability=self.availability,
            gate=self.gate,
            lifecycle=self.lifecycle,
            budget=Budget(),
            markup=self.markup,
        )
        self.jobs = Jobs(self.database, self.clock, self.lifecycle)
        self.credits = Credits(self.database, self.clock)
        self.callbacks = Callbacks(self.database, self.clock, self.wake.set)
        self.needs = Needs(
            providers=providers,
            rates=self.rates,
            downloads=self.downloads,
            publisher=self.publisher,
            cards=self.cards,
            lifecycle=self.lifecycle,
            queue=self.queue,
            availability=self.availability,
            gate=self.gate,
            health=self.health,
            troubles=Troubles(self.database, self.clock, self.publisher),
            estimates=self.estimates,
            clock=self.clock,
            folders=self.folders,
            public_url=self.public_url,
            random=Random(7),
            encoder=self.encoder,
            links=self.links,
            odd_answers=OddAnswers(self.folders.results.parent / "odd-answers"),
        )
        self.steps = self.steps_class(self.needs)
        self.worker = Worker(
            steps=self.steps,
            queue=self.queue,
            lifecycle=self.lifecycle,
            clock=self.clock,
            metrics=self.metrics,
            rates=self.rates,
            wake=self.wake,
            drain=self.drain,
        )

    # A process's life.

    def start(self) -> None:
        self._task = asyncio.create_task(self.worker.run())

    async def stop(self) -> None:
        """SIGTERM."""
        self.worker.stop()
        assert self._task is not None
        await self._task
        self._task = None

    async def kill(self) -> None:
        """What is left of a process that dies here: the database, the folders and what the world has seen."""
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    def start_again(self) -> None:
        """The next process."""
        self.build()
        self.start()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.start()
        try:
            yield
        finally:
            if self._task is not None:
                await self.kill()

    # The test's hands.

    async def told(self) -> list[str]:
        """What the host has heard, after the look that comes every minute."""
        await self.needs.troubles.tell()
        return self.publisher.told

    async def accept(
        self,
        price: int = 100,
        *,
        user_id: UserId = ANNA,
        picture: Picture | None = None,
        last_frame: Picture | None = None,
        upload_limit: int = 10**7,
        of: VideoModel = MAKER,
        is_answered: bool = True,
    ) -> Job:
        """A paid job in the queue, as `/video` writes it. The allowance is no matter here."""
        await self.database.write(_make_rich, place().guild_id)
        if picture is not None:
            (self.folders.inputs / picture.name).write_bytes(b"image")
        wanted = replace(video(price, picture, of=of), last_frame=last_frame)
        here = place(upload_limit=upload_limit)
        accepted = await self.generation.request(user_id, here, wanted, is_answered=is_answered)
        return accepted.job

    async def go(self) -> None:
        """Let the worker do all that can be done at this moment."""
        await self._until(lambda: self.worker.under_way == 0)

    async def go_until(self, event: asyncio.Event) -> None:
        """Let the worker work until it reaches the call that the event stands for."""
        async with asyncio.timeout(10):
            waiting = asyncio.ensure_future(event.wait())
            assert self._task is not None
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                await self._task

    async def until_waiting(self, count: int) -> None:
        """Let the worker work until so many wait for the time: its loop, and steps that wait for their turn."""
        await self._until(lambda: self.clock.waiting == count)

    async def _until(self, is_so: object) -> None:
        assert self._task is not None
        assert callable(is_so)
        async with asyncio.timeout(20):
            while not (self.clock.waiting and not self.wake.is_set() and is_so()):
                self.clock.entered.clear()
                entered = asyncio.ensure_future(self.clock.entered.wait())
                await asyncio.wait({entered, self._task}, return_when=asyncio.FIRST_COMPLETED)
                if not entered.done():
                    entered.cancel()
                    await self._task
                    raise AssertionError("the worker has stopped")

    async def pass_time(self, by: timedelta | None = None, *, most_rounds: int = 500, **parts: float) -> None:
        """Let the time go by, from one due job to the next; what the worker does between them is only looking."""
        end = self.clock.now() + (timedelta(**parts) if by is None else by)
        await self.go()
        while self.clock.now() < end:
            assert most_rounds, "jobs are due too often"
            most_rounds -= 1
            due_at = (await self.queue.due()).next_at or end
            self.clock.until(min(due_at, end))
            self.wake.set()
            await self.go()

    async def skip(self, by: timedelta | None = None, **parts: float) -> None:
        """Let the time jump, as for a process that was asleep."""
        await self.go()
        self.clock.advance(by, **parts)
        self.wake.set()
        await self.go()

    def broken_models(self) -> dict[str, float]:
        """What /metrics says of the health of models."""
        (family,) = (one for one in self.registry.collect() if one.name == "cutscene_model_broken")
        return {sample.labels["slug"]: sample.value for sample in family.samples}

    async def find(self, job: Job | JobId) -> Job:
        job_id = job if isinstance(job, int) else job.id
        found = await self.database.read(jobs.find, JobId(job_id))
        assert found is not None
        return found

    async def state(self, job: Job) -> JobState:
        return (await self.find(job)).state

    async def path(self, job: Job) -> list[str]:
        """The states that the job has seen, in order."""
        return [str(event.target) for event in await self.database.read(events.timeline, job.id)]

    async def put(self, job: Job, state: JobState, **values: object) -> Job:
        """Put the job into a state as an earlier process left it."""
        await self.database.write(_put, job.id, {"state": state, **values})
        return await self.find(job)

    async def kinds(self, job: Job) -> list[str]:
        """The job's ledger entries."""

        def read(connection: Connection) -> list[str]:
            rows = connection.execute(
                sa.select(tables.entries.c.kind).where(tables.entries.c.job_id == job.id).order_by(tables.entries.c.id)
            )
            return list(rows.scalars())

        return await self.database.read(read)

    async def differences(self) -> list[str]:
        return await self.database.read(audit.differences)

    async def wait_of(self, job: Job) -> timedelta:
        """How long from now until the job is due."""
        due_at = (await self.find(job)).due_at
        assert due_at is not None
        return due_at - self.clock.now()


def _make_rich(connection: Connection, guild_id: int) -> None:
    known = connection.execute(sa.select(tables.guilds.c.guild_id).where(tables.guilds.c.guild_id == guild_id)).scalar()
    if known is None:
        connection.execute(sa.insert(tables.guilds).values(guild_id=guild_id, allowance=RICH, is_pool_limited=False))


def _put(connection: Connection, job_id: JobId, values: dict[str, object]) -> None:
    before = jobs.find(connection, job_id)
    connection.execute(sa.update(tables.jobs).where(tables.jobs.c.id == job_id).values(**values))
    after = jobs.find(connection, job_id)
    assert before is not None
    assert after is not None
    if after.state is not before.state:
        statistics.moved(connection, before.state, after)
