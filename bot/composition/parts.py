"""All that runs, built and connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from bot import health, logs, media
from bot.cards import ProgressCards
from bot.client import CutsceneClient
from bot.composition import client as discord_side
from bot.composition import outside as outside_world
from bot.composition import services as rules
from bot.domain.ids import ProviderId
from bot.domain.jobs import Job, JobState
from bot.http import HTTPServer, VideoFiles
from bot.metrics import Metrics
from bot.ports import Clock
from bot.providers import registry
from bot.publisher import DiscordPublisher, DiscordStaffRoom
from bot.services import assistance
from bot.services.accounts import Accounts
from bot.services.callbacks import Callbacks
from bot.services.estimates import Estimates
from bot.services.generation import Generation
from bot.services.hosting import Hosting
from bot.services.keys import Keys
from bot.services.model_health import ModelHealth
from bot.services.queue import Queue
from bot.services.sharing import Sharing
from bot.services.storage import StorageGuard
from bot.services.troubles import Troubles
from bot.settings import Settings
from bot.store.database import Database
from bot.store.epochs import Epoch
from bot.worker import balances, watches
from bot.worker.balances import BalanceWatch
from bot.worker.health_watch import HealthWatch
from bot.worker.host_watch import HostWatch
from bot.worker.limits import Rates
from bot.worker.loop import Worker
from bot.worker.needs import Needs
from bot.worker.odd_answers import OddAnswers
from bot.worker.price_watch import PriceWatch
from bot.worker.retention import Retention
from bot.worker.staff_log import StaffLogDelivery
from bot.worker.steps import Steps
from bot.worker.watches import GateWatch, ModelWatch

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What runs, built and connected."""

    client: CutsceneClient
    cards: ProgressCards
    worker: Worker
    models: ModelWatch
    gates: GateWatch
    health: HealthWatch
    model_health: ModelHealth
    retention: Retention
    staff_log: StaffLogDelivery
    server: HTTPServer
    generation: Generation
    estimates: Estimates
    queue: Queue
    metrics: Metrics
    storage: StorageGuard
    epoch: Epoch
    publisher: DiscordPublisher
    hosting: Hosting
    host_watch: HostWatch
    troubles: Troubles
    balances: BalanceWatch
    prices: PriceWatch


def build(
    settings: Settings,
    database: Database,
    epoch: Epoch,
    keys: Keys,
    clock: Clock,
    random: Random,
    stack: AsyncExitStack,
) -> Parts:
    """Everything, closed when the *stack* is."""
    outside = outside_world.build(settings, keys, clock, stack)
    services = rules.build(settings, database, epoch, keys, clock, outside)
    availability, gate, queue = services.availability, services.gate, services.queue
    wake = asyncio.Event()  # set when there is something to do for the worker
    client = discord_side.build(settings, database, clock, outside, services, wake.set)
    publisher = DiscordPublisher(
        client,
        catalogue=services.catalogue,
        owner_ids=settings.discord_owner_ids,
        offered=availability.offered,
    )
    troubles = Troubles(database, clock, publisher, is_past=_trouble_without_its_cause(outside))
    services.assistance.report_to(troubles)
    cards = ProgressCards(
        publisher,
        jobs=services.jobs,
        estimates=services.estimates,
        catalogue=services.catalogue,
        clock=clock,
        substitutes=services.substitutes,
    )

    # The worker.
    rates = Rates(outside.providers)
    needs = Needs(
        providers=outside.providers,
        rates=rates,
        downloads=outside.downloads,
        publisher=publisher,
        cards=cards,
        lifecycle=services.lifecycle,
        queue=queue,
        availability=availability,
        gate=gate,
        health=services.model_health,
        troubles=troubles,
        estimates=services.estimates,
        clock=clock,
        folders=services.folders,
        public_url=settings.public_url,
        random=random,
        encoder=media.Reencoder(),
        links=outside.links,
        kept=timedelta(days=settings.keep_videos_days),
        odd_answers=OddAnswers(settings.folders.odd_answers),
    )
    worker = Worker(
        steps=Steps(needs),
        queue=queue,
        lifecycle=services.lifecycle,
        clock=clock,
        metrics=services.metrics,
        rates=rates,
        wake=wake,
    )

    def follow(job: Job) -> None:
        log.info("job", id=job.id, state=job.state, model=job.model)
        if job.state is JobState.FAILED and not job.is_announced:
            # What the provider said is for those who read the log and for staff, not for members.
            log.info("job_failed", id=job.id, reason=job.failure, detail=job.failure_detail)
        cards.changed(job)
        services.metrics.moved(job.state, job.model)
        wake.set()

    services.lifecycle.listen(follow)
    return Parts(
        client=client,
        cards=cards,
        worker=worker,
        models=ModelWatch(
            providers=outside.providers,
            availability=availability,
            gate=gate,
            rates=rates,
            memory=services.memory,
            clock=clock,
        ),
        gates=GateWatch(providers=outside.providers, gate=gate, troubles=troubles, clock=clock),
        health=HealthWatch(
            providers=outside.providers,
            availability=availability,
            health=services.model_health,
            rates=rates,
            troubles=troubles,
            clock=clock,
        ),
        model_health=services.model_health,
        retention=Retention(
            queue=queue,
            clock=clock,
            folders=services.folders,
            videos_kept=timedelta(days=settings.keep_videos_days),
            privacy=services.privacy,
        ),
        staff_log=StaffLogDelivery(staff_log=services.staff_log, room=DiscordStaffRoom(client), clock=clock),
        server=HTTPServer(
            host=settings.http_host,
            port=settings.http_port,
            health=health.Health(queue, services.storage, client, worker),
            callbacks=Callbacks(database, clock, wake.set, services.tokens),
            videos=VideoFiles(services.folders.results, keys.derive("videos"), clock),
            registry=services.collectors,
            clock=clock,
            callback_forms=registry.callback_forms_of(settings),
        ),
        generation=services.generation,
        estimates=services.estimates,
        queue=queue,
        metrics=services.metrics,
        storage=services.storage,
        epoch=epoch,
        publisher=publisher,
        hosting=services.hosting,
        host_watch=HostWatch(services.hosting, troubles, clock, lambda: availability.cheapest(services.markup)),
        troubles=troubles,
        balances=BalanceWatch(
            providers=outside.providers,
            gate=gate,
            accounts=Accounts(database, clock, services.markup),
            troubles=troubles,
            queue=queue,
            clock=clock,
            low=settings.low_balance_credits,
        ),
        prices=PriceWatch(
            prices=outside.prices,
            availability=availability,
            queue=queue,
            troubles=troubles,
            clock=clock,
        ),
    )


def _trouble_without_its_cause(outside: outside_world.Outside) -> Callable[[str], bool]:
    """Whether a trouble is about a provider, or an assistant, that is not set up any more."""
    accounts = set(Sharing(outside.providers).firsts())

    def is_past(name: str) -> bool:
        kind, colon, provider = name.partition(":")
        if kind + colon in (balances.LOW, balances.ELSEWHERE, watches.trouble_of(ProviderId(""))):
            return provider not in accounts
        return name == assistance.TROUBLE and outside.assistant is None

    return is_past
