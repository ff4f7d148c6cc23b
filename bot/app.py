"""The composition root: the only place that builds concrete things, and the one that starts and stops them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry

from bot import health, logs, media
from bot.cards import ProgressCards
from bot.catalogue import loader
from bot.client import CutsceneClient, point_library_at
from bot.domain.ids import ProviderId
from bot.domain.jobs import Job, JobState
from bot.errors import ConfigurationError, StoreError, UnreachableError
from bot.http import HTTPServer, VideoFiles
from bot.metrics import Metrics
from bot.ports import Assistant, Clock, LinkMaker, Moderator, Provider, SystemClock
from bot.providers import registry
from bot.providers.buckets import Bucket
from bot.providers.chat import ChatAssistant, TokenPrices
from bot.providers.moderations import Moderations
from bot.publisher import DiscordPublisher
from bot.services.accounts import Accounts
from bot.services.assistance import Assistance
from bot.services.availability import Availability, ProviderGate
from bot.services.callbacks import Callbacks
from bot.services.credits import Credits
from bot.services.estimates import Estimates
from bot.services.exports import Exports
from bot.services.generation import Generation
from bot.services.grants import Grants
from bot.services.host_limits import Budget
from bot.services.hosting import Hosting
from bot.services.job_desk import JobDesk
from bot.services.jobs import Jobs
from bot.services.keys import CallbackTokens, Keys
from bot.services.lifecycle import Lifecycle
from bot.services.memory import Memory
from bot.services.model_health import ModelHealth
from bot.services.moderation import Moderation
from bot.services.policies import Policies
from bot.services.privacy import Privacy
from bot.services.queue import Queue
from bot.services.quotas import Quotas
from bot.services.screening import Screening
from bot.services.sharing import Sharing
from bot.services.staff_log import StaffLog
from bot.services.statistics import StatisticsDesk
from bot.services.storage import StorageGuard, through_trouble
from bot.services.substitutes import Substitutes
from bot.services.troubles import Troubles
from bot.services.words import Words
from bot.settings import Settings, create_folders
from bot.store import schema
from bot.store.database import Database, file_of
from bot.store.epochs import Epoch
from bot.store.ownership import owned
from bot.video_links import BucketLinks, OwnLinks
from bot.worker.balances import BalanceWatch
from bot.worker.health_watch import HealthWatch
from bot.worker.host_watch import HostWatch
from bot.worker.limits import Rates
from bot.worker.loop import Worker
from bot.worker.needs import Folders, Needs
from bot.worker.odd_answers import OddAnswers
from bot.worker.price_watch import PriceWatch
from bot.worker.retention import Retention, remove_files
from bot.worker.staff_log import StaffLogDelivery
from bot.worker.steps import Steps
from bot.worker.watches import GateWatch, ModelWatch
from cogs import credits as credits_cog
from cogs import generate as generate_cog
from cogs import help as help_cog
from cogs import jobs as jobs_cog
from cogs import moderation as moderation_cog
from cogs import privacy as privacy_cog
from cogs import quotas as quotas_cog
from cogs import server as server_cog
from cogs.credits import CreditsCog
from cogs.generate import Generate
from cogs.help import Help
from cogs.host import HostCog
from cogs.jobs import JobsCog
from cogs.moderation import ModerationCog, WordsCog
from cogs.privacy import PrivacyCog
from cogs.quotas import QuotasCog
from cogs.server import ServerCog
from cogs.statistics import StatisticsCog

log = logs.get(__name__)

# What goes on beside the rest until it is told to stop.
Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

# The buttons that outlive a restart, by the module of the cog that acts for them.
CONTROLS = (
    *generate_cog.CONTROLS,
    *jobs_cog.CONTROLS,
    *credits_cog.CONTROLS,
    *quotas_cog.CONTROLS,
    *server_cog.CONTROLS,
    *help_cog.CONTROLS,
    *moderation_cog.CONTROLS,
    *privacy_cog.CONTROLS,
)


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
        parts = _build(settings, database, epoch, keys, clock, self._random, stack)
        await parts.hosting.refresh()
        stack.push_async_callback(parts.client.close)
        for folder in (settings.folders.inputs, settings.folders.results):
            await asyncio.to_thread(media.remove_leftovers, folder)
        await parts.server.start()
        stack.push_async_callback(parts.server.close)
        self.http_port = parts.server.port
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._run(parts, tasks)
        except* (ConfigurationError, StoreError, UnreachableError) as group:
            # One line for the host; what else ended because of it is of no interest.
            raise group.exceptions[0] from None
        log.info("stopped")

    async def _run(self, parts: _Parts, tasks: asyncio.TaskGroup) -> None:
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

        async def tell_of_the_past(_stop: asyncio.Event) -> None:
            untold = await parts.epoch.untold()
            if untold is not None:
                await parts.publisher.tell_host(untold)
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
        looping: dict[str, Loop] = {"models": parts.models.run, "retention": parts.retention.run}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What runs, built and connected."""

    client: CutsceneClient
    cards: ProgressCards
    worker: Worker
    models: ModelWatch
    gates: GateWatch
    health: HealthWatch
    retention: Retention
    staff_log: StaffLogDelivery
    server: HTTPServer
    generation: Generation
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


def _build(
    settings: Settings,
    database: Database,
    epoch: Epoch,
    keys: Keys,
    clock: Clock,
    random: Random,
    stack: AsyncExitStack,
) -> _Parts:
    loaded = loader.load(settings.folders.catalogue)
    for problem in loaded.problems:
        log.error("catalogue_problem", problem=str(problem))
    catalogue, markup = loaded.catalogue, settings.price_markup

    # The outside world.
    adapters = registry.build(settings, clock)
    providers: dict[ProviderId, Provider] = {**adapters}
    pictures = media.Pictures(settings.folders.inputs, allow_private=settings.allow_private_addresses)
    downloads = media.VideoDownloads(allow_private=settings.allow_private_addresses)
    price_list = registry.price_list(settings)
    if price_list is not None:
        stack.push_async_callback(price_list.aclose)
    for closing in (*(adapter.aclose for adapter in adapters.values()), pictures.aclose, downloads.aclose):
        stack.push_async_callback(closing)

    # The rules.
    metrics = Metrics(collectors := CollectorRegistry())
    availability = Availability(catalogue, providers)
    gate = ProviderGate(Sharing(providers))
    lifecycle = Lifecycle(database, clock, markup, settings.late_results)
    model_health = ModelHealth(availability, clock, metrics)
    lifecycle.listen(model_health.follow)
    tokens = CallbackTokens(keys.derive("callbacks"))
    file = file_of(settings.database_url)
    storage = StorageGuard(
        database=database,
        epoch=epoch,
        folders={settings.data_dir, file.parent if file else settings.data_dir},
        clock=clock,
    )
    budget = Budget.of_usd(settings.budget_daily_usd, settings.budget_monthly_usd, markup)
    hosting = Hosting(
        database,
        clock,
        budget=budget,
        bound=settings.discord_guild_ids,
        folder=settings.data_dir,
        database_file=file_of(settings.database_url),
    )
    hosting.listen(lambda terms: availability.decide(terms.models))
    generation = Generation(
        database=database,
        clock=clock,
        availability=availability,
        gate=gate,
        lifecycle=lifecycle,
        budget=budget,
        markup=markup,
        storage=storage,
        tokens=tokens,
        hosting=hosting,
        screening=Screening(database, clock, _moderator(settings, stack)),
    )
    jobs = Jobs(database, clock, lifecycle)
    substitutes = Substitutes(
        database=database, availability=availability, gate=gate, health=model_health, markup=markup
    )
    estimates, queue = Estimates(database, clock, availability), Queue(database, clock)
    memory = Memory(database)
    folders = Folders(inputs=settings.folders.inputs, results=settings.folders.results)
    privacy = Privacy(database, clock, estimates, partial(remove_files, folders))
    staff_lines = StaffLog(database, clock)

    assistance = Assistance(database, clock, assistant=_assistant(settings, stack), budget=budget)

    # Discord.
    point_library_at(settings.discord_api_url, settings.discord_gateway_url)
    client = CutsceneClient(
        cogs=[
            Generate(
                generation=generation,
                pictures=pictures,
                availability=availability,
                estimates=estimates,
                jobs=jobs,
                clips=media.Clips(
                    inputs=settings.folders.inputs, results=settings.folders.results, downloads=downloads
                ),
                credits=Credits(database, clock),
                substitutes=substitutes,
                markup=markup,
                assistance=assistance,
            ),
            JobsCog(jobs=jobs, availability=availability),
            CreditsCog(credits=Credits(database, clock)),
            ServerCog(policies=Policies(database, clock), availability=availability),
            QuotasCog(quotas=Quotas(database, clock), grants=Grants(database, clock), clock=clock),
            ModerationCog(
                moderation=Moderation(database, clock, lifecycle),
                staff_log=staff_lines,
                desk=JobDesk(database, clock, lifecycle),
                availability=availability,
            ),
            PrivacyCog(privacy=privacy, inputs=folders.inputs, results=folders.results),
            WordsCog(words=Words(database, clock)),
            HostCog(hosting=hosting, availability=availability, owner_ids=settings.discord_owner_ids),
            StatisticsCog(
                desk=StatisticsDesk(database, clock),
                exports=Exports(database, clock),
                scratch=settings.folders.cache,
                charts=media.Charts(settings.folders.cache),
                availability=availability,
            ),
            Help(availability=availability, estimates=estimates, health=model_health, markup=markup),
        ],
        dynamic_items=CONTROLS,
        is_served=hosting.serves,
        owner_ids=settings.discord_owner_ids,
        memory=memory,
    )
    publisher = DiscordPublisher(
        client, catalogue=catalogue, owner_ids=settings.discord_owner_ids, offered=availability.offered
    )
    troubles = Troubles(database, clock, publisher)
    assistance.report_to(troubles)
    cards = ProgressCards(
        publisher, jobs=jobs, estimates=estimates, catalogue=catalogue, clock=clock, alternatives=substitutes
    )

    # The worker.
    wake = asyncio.Event()
    rates = Rates(providers)
    needs = Needs(
        providers=providers,
        rates=rates,
        downloads=downloads,
        publisher=publisher,
        cards=cards,
        lifecycle=lifecycle,
        queue=queue,
        availability=availability,
        gate=gate,
        health=model_health,
        troubles=troubles,
        estimates=estimates,
        clock=clock,
        folders=folders,
        public_url=settings.public_url,
        random=random,
        encoder=media.Reencoder(),
        links=_link_maker(settings, keys, clock, stack),
        kept=timedelta(days=settings.keep_videos_days),
        odd_answers=OddAnswers(settings.folders.odd_answers),
    )
    worker = Worker(
        steps=Steps(needs), queue=queue, lifecycle=lifecycle, clock=clock, metrics=metrics, rates=rates, wake=wake
    )

    def follow(job: Job) -> None:
        log.info("job", id=job.id, state=job.state, model=job.model)
        if job.state is JobState.FAILED and not job.is_announced:
            # What the provider said is for those who read the log and for staff, not for members.
            log.info("job_failed", id=job.id, reason=job.failure, detail=job.failure_detail)
        cards.changed(job)
        metrics.moved(job.state, job.model)
        wake.set()

    lifecycle.listen(follow)
    return _Parts(
        client=client,
        cards=cards,
        worker=worker,
        models=ModelWatch(
            providers=providers, availability=availability, gate=gate, rates=rates, memory=memory, clock=clock
        ),
        gates=GateWatch(providers=providers, gate=gate, troubles=troubles, clock=clock),
        health=HealthWatch(
            providers=providers,
            availability=availability,
            health=model_health,
            rates=rates,
            troubles=troubles,
            clock=clock,
        ),
        retention=Retention(
            queue=queue,
            clock=clock,
            folders=folders,
            videos_kept=timedelta(days=settings.keep_videos_days),
            privacy=privacy,
        ),
        staff_log=StaffLogDelivery(staff_log=staff_lines, room=publisher, clock=clock),
        server=HTTPServer(
            host=settings.http_host,
            port=settings.http_port,
            health=health.Health(queue, storage, client, worker),
            callbacks=Callbacks(database, clock, wake.set, tokens),
            videos=VideoFiles(folders.results, keys.derive("videos"), clock),
            registry=collectors,
            clock=clock,
            callback_forms=registry.callback_forms_of(settings),
        ),
        generation=generation,
        queue=queue,
        metrics=metrics,
        storage=storage,
        epoch=epoch,
        publisher=publisher,
        hosting=hosting,
        host_watch=HostWatch(hosting, troubles, clock, lambda: availability.cheapest(markup)),
        troubles=troubles,
        balances=BalanceWatch(
            providers=providers,
            gate=gate,
            accounts=Accounts(database, clock, markup),
            troubles=troubles,
            queue=queue,
            clock=clock,
            low=settings.low_balance_credits,
        ),
        prices=PriceWatch(prices=price_list, availability=availability, queue=queue, troubles=troubles, clock=clock),
    )


def _assistant(settings: Settings, stack: AsyncExitStack) -> Assistant | None:
    """The chat model that rewrites prompts, if the host has one."""
    if settings.assist_base_url is None or settings.assist_api_key is None:
        return None
    asked, answered = settings.assist_prompt_usd, settings.assist_answer_usd
    assistant = ChatAssistant(
        base_url=settings.assist_base_url,
        api_key=settings.assist_api_key.get_secret_value(),
        model=settings.assist_model,
        prices=None if asked is None or answered is None else TokenPrices(prompt=asked, answer=answered),
    )
    stack.push_async_callback(assistant.aclose)
    return assistant


def _moderator(settings: Settings, stack: AsyncExitStack) -> Moderator | None:
    """The host's moderation endpoint, if there is one."""
    if settings.moderation_api_key is None:
        return None
    moderations = Moderations(
        base_url=settings.moderation_base_url,
        api_key=settings.moderation_api_key.get_secret_value(),
        model=settings.moderation_model,
        is_open=settings.moderation_on_trouble == "open",
    )
    stack.push_async_callback(moderations.aclose)
    return moderations


def _link_maker(settings: Settings, keys: Keys, clock: Clock, stack: AsyncExitStack) -> LinkMaker | None:
    """The host's bucket, else the bot's own server if others can reach it, else nothing of our own."""
    kept = timedelta(days=settings.keep_videos_days)
    own = None if settings.public_url is None else OwnLinks(settings.public_url, keys.derive("videos"), clock, kept)
    if settings.bucket is None:
        return own
    bucket = Bucket(settings.bucket, clock=clock)
    stack.push_async_callback(bucket.aclose)
    return BucketLinks(bucket, clock, own)
