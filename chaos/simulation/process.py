"""One life of the product: all that it builds for jobs, on the simulated world, and nothing remembered."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import cast

from aiohttp import web
from prometheus_client import CollectorRegistry

from bot.domain.admission import NOBODY_SPECIAL
from bot.domain.ids import ChannelId, GuildId, InteractionId, JobId, ModelId, ProviderId, UserId
from bot.domain.jobs import FailureReason, Job, Place
from bot.domain.models import Catalogue, Mode, ModelState, ModeSpec, PriceRow, PriceTable, PromptRules, VideoModel
from bot.domain.videos import VideoSpec
from bot.errors import ProviderRejectedError, ProviderUnavailableError, StoreError, UserError
from bot.http import CallbackReceiver, Patience
from bot.metrics import Metrics
from bot.ports import Credentials, SystemClock
from bot.providers import callback_forms
from bot.providers.kie_jobs import KieJobs
from bot.publisher import DiscordPublisher
from bot.refusals import Refusals
from bot.services import troubles
from bot.services.availability import Availability, ProviderGate
from bot.services.callbacks import Callbacks
from bot.services.estimates import Estimates
from bot.services.generation import Generation
from bot.services.host_limits import Budget
from bot.services.jobs import Jobs, Spot
from bot.services.lifecycle import Lifecycle
from bot.services.model_health import ModelHealth
from bot.services.queue import Queue
from bot.services.storage import through_trouble
from bot.services.troubles import Troubles
from bot.store.epochs import Epoch
from bot.worker.limits import Rates
from bot.worker.loop import LONGEST_NAP, Worker
from bot.worker.needs import Folders, Needs
from bot.worker.steps import Steps
from bot.worker.watches import GateWatch
from chaos.simulation.channel import OWNER, FakeDiscord
from chaos.simulation.disk import InlineDatabase
from chaos.simulation.kie import Callback, FakeKie
from chaos.simulation.loop import Life
from chaos.simulation.scenarios import Fetch, Poll
from chaos.simulation.world import START, Crash, Order, World

PRICE = 100
KIE = KieJobs.id
MODEL = VideoModel(
    id=ModelId("maker"),
    name="Maker",
    provider=ProviderId(KIE),
    family="Maker",
    state=ModelState.LIVE,
    retired_on=None,
    successor=None,
    modes={
        Mode.TEXT: ModeSpec(
            slug="maker/text",
            prompt=PromptRules(min_length=1, max_length=2000, is_required=True),
            options={},
            fixed={},
            price=PriceTable(per_second=False, rows=(PriceRow(when={}, credits=PRICE),)),
            image=None,
            is_probeable=True,
        )
    },
    typical=timedelta(seconds=4),
    soft_limit=timedelta(minutes=1),
    # Short, so that a run whose create call is lost does not look for hours at a clock.
    outer_limit=timedelta(minutes=5),
    is_default=True,
)
CATALOGUE = Catalogue({MODEL.id: MODEL})
# Numbers of the host; no run looks at them, and building them anew for each process would cost more than the process.
REGISTRY = CollectorRegistry()
METRICS = Metrics(REGISTRY)
REFUSALS = Refusals(SystemClock(), REGISTRY)


class SimulatedClock:
    """The loop's time. A worker's look around that could find nothing new is left out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._something_to_tell = asyncio.Event()

    def committed(self) -> None:
        """After each commit of this process."""
        if self._world.disk.rows("SELECT 1 FROM job_notices LIMIT 1"):
            self._something_to_tell.set()
        else:
            self._something_to_tell.clear()

    def now(self) -> datetime:
        return self._world.now()

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        seconds = at_most.total_seconds()
        if at_most == troubles.LOOK_EVERY:
            await self._something_to_tell.wait()
        if at_most == LONGEST_NAP and not self._world.scenario.is_shared:
            # The nap is over early when something happens; else it ends when the next job is due.
            seconds = max(seconds, self._next_due())
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await wake.wait()
        except TimeoutError:
            return

    def _next_due(self) -> float:
        due = "SELECT min(max(due_at, coalesce(lease_until, 0))) FROM jobs WHERE due_at IS NOT NULL"
        (found,) = self._world.disk.rows(due)[0]
        return 0.0 if found is None else found / 1e6 - START.timestamp() - self._world.loop.time()


class SimulatedDownloads:
    """The `Downloads` port: writes which task's video it is instead of the video."""

    def __init__(self, world: World, kie: FakeKie, life: Life) -> None:
        self._world = world
        self._kie = kie
        self._life = life

    async def keep(self, content: bytes, to: Path) -> int:
        raise AssertionError("Kie links to its videos")

    async def fetch(self, url: str, to: Path, credentials: Credentials | None = None) -> int:
        await self._world.touch(self._life, "download leaves")
        match self._kie.next_fetch():
            case Fetch.CUT:
                raise ProviderUnavailableError("cut")
            case Fetch.DEAD:
                raise ProviderRejectedError(FailureReason.NO_RESULT, "HTTP 404")
            case Fetch.OK:
                task_id = url.rsplit("/", 1)[1].removesuffix(".mp4")
        if self._world.disk.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        to.write_text(task_id)  # noqa: ASYNC240 - a few bytes, on a disk in memory
        await self._world.touch(self._life, "download stored")
        return len(task_id)


class NoCards:
    """Progress cards are best effort and promise nothing."""

    def changed(self, job: Job) -> None:
        """Nobody looks."""


class Process:
    """The engine as it is built at a start."""

    def __init__(
        self, world: World, kie: FakeKie, channel: FakeDiscord, folder: Path, life: Life, committed: Callable[[], None]
    ) -> None:
        self.life = life
        self._world = world
        clock = self._clock = SimulatedClock(world)

        def written() -> None:
            clock.committed()
            committed()

        async def touch(name: str) -> None:
            await world.touch(life, name)

        database = InlineDatabase(world.disk, touch, written)
        database.is_sqlite = not world.scenario.is_shared
        self._epoch = Epoch(database, folder) if world.scenario.has_backups else None
        self._is_open = asyncio.Event()
        provider = KieJobs(
            api_key="key",
            api_url="http://kie.test",
            upload_url="http://up.test",
            clock=clock,
            inner=kie.transport(life),
        )
        publisher = DiscordPublisher(channel.client(life), catalogue=CATALOGUE, owner_ids={UserId(OWNER)})
        availability, gate = Availability(CATALOGUE), ProviderGate()
        lifecycle = Lifecycle(database, clock, Decimal(1), world.scenario.late)
        queue = Queue(database, clock)
        wake = asyncio.Event()
        health = ModelHealth(availability, clock, METRICS)
        lifecycle.listen(health.follow)
        lifecycle.listen(lambda _: wake.set())
        self.generation = Generation(
            database=database,
            clock=clock,
            availability=availability,
            gate=gate,
            lifecycle=lifecycle,
            budget=Budget(),
            markup=Decimal(1),
        )
        self.jobs = Jobs(database, clock, lifecycle)
        callbacks = Callbacks(database, clock, wake.set)
        self._receiver = CallbackReceiver(KIE, callbacks, clock, callback_forms.kie(None), Patience(), REFUSALS)
        providers = {KIE: provider}
        rates = Rates(providers)
        self._troubles = Troubles(database, clock, publisher)
        needs = Needs(
            providers=providers,
            rates=rates,
            downloads=SimulatedDownloads(world, kie, life),
            publisher=publisher,
            cards=NoCards(),
            lifecycle=lifecycle,
            queue=queue,
            availability=availability,
            gate=gate,
            health=health,
            troubles=self._troubles,
            estimates=Estimates(database, clock, availability),
            clock=clock,
            folders=Folders(inputs=folder, results=folder),
            public_url="http://bot.test" if world.scenario.has_public_url else None,
            random=Random(7),
        )
        self.worker = Worker(
            steps=Steps(needs),
            queue=queue,
            lifecycle=lifecycle,
            clock=clock,
            metrics=METRICS,
            rates=rates,
            wake=wake,
        )
        self._gates = GateWatch(providers=providers, gate=gate, troubles=self._troubles, clock=clock)

    def start(self) -> None:
        self._working = self.life.spawn(self._work(), "worker")
        if Poll.WRONG_KEY in self._world.scenario.polls:
            # What opens the gate again; in other runs it never closes.
            self.life.spawn(self._gates.run(asyncio.Event()), "gates")

    async def _work(self) -> None:
        try:
            await self._open()
            self.life.spawn(through_trouble(self._troubles.run, asyncio.Event(), self._clock), "troubles")
            await self.worker.run()
        except StoreError:
            # A start that cannot write is over, and whatever runs the bot starts another one.
            self._world.end(self.life, Crash(touch=len(self._world.touches)))
        except Exception as error:  # noqa: BLE001 - whatever it is, a worker that dies by itself is a finding
            if not self.life.is_dead:
                self._world.violated("L0", f"the worker died: {error!r}")

    async def _open(self) -> None:
        """What a start does before anybody can reach it."""
        if self._epoch is not None:
            await self._epoch.open(self._clock.now())
        self._is_open.set()

    def stop(self, stopped: Callable[[], None]) -> None:
        """SIGTERM: the worker ends what it can end in its time, then the process ends."""
        self.generation.is_open = False
        self.worker.stop()

        def end(_: object) -> None:
            if not self.life.is_dead:
                self.life.kill()
                stopped()

        self._working.add_done_callback(end)

    def bring(self, order: Order) -> None:
        """The gateway brings the order's interaction."""
        self.life.spawn(self._request(order), f"order {order.number}")

    async def _request(self, order: Order) -> None:
        await self._is_open.wait()
        command = order.command
        place = Place(
            guild_id=GuildId(command.guild),
            channel_id=ChannelId(100),
            application_id=1,
            interaction_id=InteractionId(1000 + order.number),
            interaction_token="token",
            upload_limit=10**7,
            locale="en-US",
            guild_locale="en-US",
        )
        video = VideoSpec(model=MODEL.id, mode=Mode.TEXT, prompt=order.prompt, options={}, price=PRICE, picture=None)
        try:
            accepted = await self.generation.request(UserId(command.user), place, video)
        except UserError:
            order.is_refused = True
            return
        except StoreError:
            return  # The member is told that something broke, and nothing was taken.
        await self._world.touch(self.life, "acknowledgement leaves")
        order.accepted.add(accepted.job.id)

    def cancel(self, order: Order, guild: int) -> None:
        self.life.spawn(self._cancel(order, GuildId(guild)), f"cancel {order.number}")

    async def _cancel(self, order: Order, guild: GuildId) -> None:
        await self._is_open.wait()
        for job_id in order.accepted:
            try:
                await self.jobs.cancel(guild, UserId(order.command.user), JobId(job_id))
            except (UserError, StoreError):
                continue
            order.is_cancelled = True
            if guild != order.command.guild:
                self._world.violated("I13", f"job {job_id} was cancelled from another guild")

    def claim(self, order: Order) -> None:
        self.life.spawn(self._claim(order), f"claim {order.number}")

    async def _claim(self, order: Order) -> None:
        await self._is_open.wait()
        spot = Spot(
            guild_id=GuildId(order.command.claims_in),
            channel_id=ChannelId(200),
            requester=NOBODY_SPECIAL,
            catalogue=CATALOGUE,
        )
        for job_id in order.accepted:
            with suppress(UserError, StoreError):
                await self.jobs.claim(UserId(order.command.user), JobId(job_id), spot, 10**7)

    def called(self, callback: Callback) -> None:
        """The provider's request arrives at our HTTP server."""
        self.life.spawn(self._receive(callback), "callback")

    async def _receive(self, callback: Callback) -> None:
        await self._is_open.wait()
        *_, job_id, secret = callback.url.split("/")

        async def read() -> bytes:
            return json.dumps({"code": 200, "data": {"taskId": callback.task_id}}).encode()

        request = SimpleNamespace(read=read, match_info={"job_id": job_id, "secret": secret}, headers={})
        try:
            await self._receiver.receive(cast("web.Request", request))
        except (web.HTTPException, StoreError):
            return
