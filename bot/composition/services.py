"""The rules, in memory and in the database: what commands and the worker share."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from prometheus_client import CollectorRegistry

from bot import logs
from bot.catalogue import loader
from bot.composition.outside import Outside
from bot.domain.models import Catalogue
from bot.metrics import Metrics
from bot.ports import Clock
from bot.services.assistance import Assistance
from bot.services.availability import Availability, ProviderGate
from bot.services.estimates import Estimates
from bot.services.generation import Generation
from bot.services.host_limits import Budget
from bot.services.hosting import Hosting
from bot.services.jobs import Jobs
from bot.services.keys import CallbackTokens, Keys
from bot.services.lifecycle import Lifecycle
from bot.services.memory import Memory
from bot.services.model_health import ModelHealth
from bot.services.privacy import Privacy
from bot.services.queue import Queue
from bot.services.screening import Screening
from bot.services.sharing import Sharing
from bot.services.staff_log import StaffLog
from bot.services.storage import StorageGuard
from bot.services.substitutes import Substitutes
from bot.settings import Settings
from bot.store.database import Database, file_of
from bot.store.epochs import Epoch
from bot.worker.needs import Folders
from bot.worker.retention import remove_files

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What is there once per process. What only one command needs is built where that is (`client.py`)."""

    catalogue: Catalogue
    markup: Decimal
    collectors: CollectorRegistry
    metrics: Metrics
    availability: Availability
    gate: ProviderGate
    lifecycle: Lifecycle
    model_health: ModelHealth
    tokens: CallbackTokens
    storage: StorageGuard
    hosting: Hosting
    generation: Generation
    jobs: Jobs
    substitutes: Substitutes
    estimates: Estimates
    queue: Queue
    memory: Memory
    folders: Folders
    privacy: Privacy
    staff_log: StaffLog
    assistance: Assistance


def build(settings: Settings, database: Database, epoch: Epoch, keys: Keys, clock: Clock, outside: Outside) -> Services:
    loaded = loader.load(settings.folders.catalogue)
    for problem in loaded.problems:
        log.error("catalogue_problem", problem=str(problem))
    catalogue, markup = loaded.catalogue, settings.price_markup
    metrics = Metrics(collectors := CollectorRegistry())
    availability = Availability(catalogue, outside.providers)
    gate = ProviderGate(Sharing(outside.providers))
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
        screening=Screening(database, clock, outside.moderator),
        sources_kept={
            name: one.terms.sources_kept
            for name, one in outside.providers.items()
            if one.terms.sources_kept is not None
        },
    )
    estimates = Estimates(database, clock, availability)
    folders = Folders(
        inputs=settings.folders.inputs, results=settings.folders.results, odd_answers=settings.folders.odd_answers
    )
    return Services(
        catalogue=catalogue,
        markup=markup,
        collectors=collectors,
        metrics=metrics,
        availability=availability,
        gate=gate,
        lifecycle=lifecycle,
        model_health=model_health,
        tokens=tokens,
        storage=storage,
        hosting=hosting,
        generation=generation,
        jobs=Jobs(database, clock, lifecycle),
        substitutes=Substitutes(
            database=database, availability=availability, gate=gate, health=model_health, markup=markup
        ),
        estimates=estimates,
        queue=Queue(database, clock),
        memory=Memory(database),
        folders=folders,
        privacy=Privacy(database, clock, estimates, partial(remove_files, folders)),
        staff_log=StaffLog(database, clock),
        assistance=Assistance(database, clock, assistant=outside.assistant, budget=budget),
    )
