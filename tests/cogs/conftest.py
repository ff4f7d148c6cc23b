"""The bot's commands on a local Discord: the real client, cogs and services, and a real database file."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import warnings
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import yarl
from prometheus_client import CollectorRegistry

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 the library imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

from bot.catalogue import loader
from bot.client import CutsceneClient, edge
from bot.domain import follow_ups
from bot.domain.ids import ChannelId, GuildId, JobId, MessageId, ProviderId, TaskId, UserId
from bot.domain.jobs import FailureReason, Job, JobState, Move, Result, StoredVideo, finished_of
from bot.domain.models import Catalogue
from bot.domain.policies import GuildPolicy
from bot.i18n import texts
from bot.media import Charts, Clips, Pictures, VideoDownloads
from bot.metrics import Metrics
from bot.rendering import buttons
from bot.services.answers import Answers
from bot.services.assistance import Assistance
from bot.services.availability import Availability, ProviderGate
from bot.services.credits import Credits
from bot.services.estimates import Estimates
from bot.services.exports import Exports
from bot.services.generation import Generation
from bot.services.grants import Grants
from bot.services.host_limits import Budget
from bot.services.hosting import Hosting
from bot.services.job_desk import JobDesk
from bot.services.jobs import Jobs
from bot.services.lifecycle import Lifecycle
from bot.services.model_health import ModelHealth
from bot.services.moderation import Moderation
from bot.services.policies import Policies
from bot.services.privacy import Privacy
from bot.services.quotas import Quotas
from bot.services.staff_log import StaffLog
from bot.services.statistics import StatisticsDesk
from bot.services.substitutes import Substitutes
from bot.services.words import Words
from bot.store import audit, policies, schema
from bot.store import jobs as rows
from bot.store.database import Database
from bot.worker.needs import Folders
from bot.worker.retention import remove_files
from cogs import (  # Called what the commands are.
    credits,
    generate,
    help,  # noqa: A004
    host,
    jobs,
    moderation,
    privacy,
    quotas,
    statistics,
    words,
)
from cogs import server as cog_server
from sandbox.discord_server import Channel, DiscordServer, Fault, Guild, Message
from sandbox.person import Handle, Person
from tests.fakes import FakeAssistant

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
MARKUP = Decimal(1)

SUBMITTED = Move(to=JobState.SUBMITTING)


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        return self._now

    def advance(self, span: timedelta) -> None:
        self._now += span

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        raise AssertionError("no cog waits")


class NoMemory:
    """Every start is the first one."""

    async def recall(self, key: str) -> str | None:
        return None

    async def remember(self, key: str, value: str) -> None:
        return


@dataclass
class Stage:
    """Everything a test acts on and looks at."""

    server: DiscordServer
    guild: Guild
    channel: Channel
    database: Database
    catalogue: Catalogue
    pictures: Pictures
    inputs: Path
    video: bytes | None = None  # what `posts` attaches
    clock: HandClock = field(default_factory=HandClock)
    bot: CutsceneClient = field(init=False)  # the process that is connected now

    def __post_init__(self) -> None:
        self.availability = Availability(self.catalogue)
        self.gate = ProviderGate()
        self.folders = Folders(inputs=self.inputs, results=self.inputs.parent / "results")
        self.lifecycle = Lifecycle(self.database, self.clock, MARKUP)
        self.hosting = Hosting(self.database, self.clock, budget=Budget())
        self.hosting.listen(lambda terms: self.availability.decide(terms.models))
        self.assistant = FakeAssistant()
        self.assistance = Assistance(self.database, self.clock, assistant=self.assistant, budget=Budget())
        self.host_ids: set[UserId] = set()  # as the settings name them; whoever is added counts at once
        self.generation = Generation(
            database=self.database,
            clock=self.clock,
            availability=self.availability,
            gate=self.gate,
            lifecycle=self.lifecycle,
            budget=Budget(),
            markup=MARKUP,
            hosting=self.hosting,
            sources_kept={ProviderId("kie_jobs"): timedelta(days=14)},
        )
        self.downloads = VideoDownloads(allow_private=True)
        self.clips = Clips(inputs=self.inputs, results=self.inputs.parent / "results", downloads=self.downloads)
        self.health = ModelHealth(self.availability, self.clock, Metrics(CollectorRegistry()))
        self.lifecycle.listen(self.health.follow)
        self.jobs = Jobs(self.database, self.clock, self.lifecycle)
        self.substitutes = Substitutes(
            database=self.database,
            availability=self.availability,
            gate=self.gate,
            health=self.health,
            markup=MARKUP,
        )
        self.credits = Credits(self.database, self.clock)
        self.woken = asyncio.Event()  # what the worker would wait for

    def client(self) -> CutsceneClient:
        """The client as the application builds it."""
        estimates = Estimates(self.database, self.clock, self.availability)
        return CutsceneClient(
            memory=NoMemory(),
            is_served=self.hosting.serves,
            cogs=[
                generate.Generate(
                    generation=self.generation,
                    pictures=self.pictures,
                    availability=self.availability,
                    estimates=estimates,
                    jobs=self.jobs,
                    clips=self.clips,
                    credits=self.credits,
                    substitutes=self.substitutes,
                    answers=Answers(self.database, self.clock, self.lifecycle, self.woken.set),
                    markup=MARKUP,
                    assistance=self.assistance,
                ),
                jobs.JobsCog(jobs=self.jobs, availability=self.availability),
                credits.CreditsCog(credits=self.credits),
                cog_server.ServerCog(policies=Policies(self.database, self.clock), availability=self.availability),
                quotas.QuotasCog(
                    quotas=Quotas(self.database, self.clock),
                    grants=Grants(self.database, self.clock),
                    clock=self.clock,
                ),
                moderation.ModerationCog(
                    moderation=Moderation(self.database, self.clock, self.lifecycle),
                    staff_log=StaffLog(self.database, self.clock),
                    desk=JobDesk(self.database, self.clock, self.lifecycle),
                    availability=self.availability,
                ),
                privacy.PrivacyCog(
                    privacy=Privacy(self.database, self.clock, estimates, partial(remove_files, self.folders)),
                    inputs=self.folders.inputs,
                    results=self.folders.results,
                    scratch=self.inputs.parent,
                ),
                words.WordsCog(words=Words(self.database, self.clock)),
                host.HostCog(hosting=self.hosting, availability=self.availability, owner_ids=self.host_ids),
                statistics.StatisticsCog(
                    desk=StatisticsDesk(self.database, self.clock),
                    exports=Exports(self.database, self.clock),
                    scratch=self.inputs.parent,
                    charts=Charts(self.inputs.parent / "cache"),
                    availability=self.availability,
                ),
                help.Help(availability=self.availability, estimates=estimates, health=self.health, markup=MARKUP),
            ],
            dynamic_items=[
                *generate.CONTROLS,
                *jobs.CONTROLS,
                *credits.CONTROLS,
                *quotas.CONTROLS,
                *cog_server.CONTROLS,
                *help.CONTROLS,
                *moderation.CONTROLS,
                *privacy.CONTROLS,
            ],
        )

    async def find(self, number: int) -> Job | None:
        return await self.database.read(rows.find, JobId(number))

    async def job(self, number: int = 1) -> Job:
        found = await self.find(number)
        assert found is not None
        return found

    async def balance(self, person: Person) -> int:
        found = await self.credits.balance(GuildId(self.guild.id), UserId(person.user.id))
        return found.spendable

    async def allow(self, allowance: int) -> None:
        """Set what each member may spend per day."""
        await self.database.write(policies.save, GuildPolicy(guild_id=GuildId(self.guild.id), allowance=allowance))

    def doubles_prices(self) -> None:
        """As after a restart with other model files or another markup."""
        models = {}
        for name, model in self.catalogue.models.items():
            modes = {}
            for mode, spec in model.modes.items():
                rows = tuple(replace(row, credits=2 * row.credits) for row in spec.price.rows)
                modes[mode] = replace(spec, price=replace(spec.price, rows=rows))
            models[name] = replace(model, modes=modes)
        self.availability.catalogue = replace(self.catalogue, models=models)

    async def differences(self) -> list[str]:
        return await self.database.read(audit.differences)

    async def delivers(self, number: int = 1, *, credits: float | None = None) -> tuple[Job, Message]:
        """Take a waiting job through all its states, and post the message that its video would have."""
        job, posted = await self.job(number), await self.posts(number)
        for move in (
            SUBMITTED,
            Move(to=JobState.RUNNING, task_id=TaskId(f"t-{number}")),
            Move(to=JobState.FETCHING, result=Result(url="https://files.test/v.mp4", credits=credits)),
            Move(to=JobState.DELIVERING, stored=StoredVideo(name=f"{number}.mp4", size=1000)),
            Move(
                to=JobState.DELIVERED,
                after=None,
                message_id=MessageId(posted.id),
                message_channel_id=ChannelId(self.channel.id),
            ),
        ):
            self.clock.advance(timedelta(seconds=30))
            job = await self.lifecycle.apply(job, move)
        return job, posted

    async def submits(self, number: int) -> Job:
        return await self.lifecycle.apply(await self.job(number), SUBMITTED)

    async def fails(self, number: int, reason: FailureReason, detail: str) -> Job:
        failed = Move(to=JobState.FAILED, after=None, failure=reason, detail=detail)
        return await self.lifecycle.apply(await self.submits(number), failed)

    async def posts(self, number: int) -> Message:
        """The bot's message with the buttons of a result, and with its video where a test has one."""
        there = self.bot.get_partial_messageable(self.channel.id, guild_id=self.guild.id)
        job = await self.find(number)
        # Its task is made afterwards here.
        finished = None if job is None else replace(finished_of(job), task_id=TaskId(f"t-{number}"))
        modes = () if finished is None else follow_ups.purposes(self.availability.offered(), finished)
        files = [] if self.video is None else [discord.File(io.BytesIO(self.video), "video.mp4")]
        view = buttons.of_result(texts("en-US"), JobId(number), modes)
        sent = await there.send(f"video {number}", view=view, files=files)
        return self.channel.messages[sent.id]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return loader.load().catalogue


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: Alembic takes longer than most tests here."""
    path = tmp_path_factory.mktemp("store") / "empty.db"

    async def make() -> None:
        database = Database.connect(f"sqlite+aiosqlite:///{path}")
        await schema.migrate(database)
        await database.close()

    asyncio.run(make())
    return path


@pytest.fixture
async def database(empty_database: Path, tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "cutscene.db"
    shutil.copy(empty_database, path)
    database = Database.connect(f"sqlite+aiosqlite:///{path}")
    yield database
    await database.close()


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return tmp_path / "inputs"


@pytest.fixture
async def pictures(inputs: Path) -> AsyncIterator[Pictures]:
    found = Pictures(inputs, allow_private=True)
    yield found
    await found.aclose()


@pytest.fixture
async def stage(
    database: Database, catalogue: Catalogue, pictures: Pictures, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    """The bot in a guild with one channel, connected and with its commands registered."""
    async with DiscordServer() as server:
        guild = server.add_guild("Film club")
        channel = server.add_channel(guild, "videos")
        monkeypatch.setattr(discord.http.Route, "BASE", server.api_url)
        # A busy machine is no slow store; who wants one sets this to nothing.
        monkeypatch.setattr(edge, "FIRST_ANSWER", timedelta(seconds=20))
        monkeypatch.setattr(edge, "ONLY_ANSWER", timedelta(seconds=20))
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
        stage = Stage(server, guild, channel, database, catalogue, pictures, inputs)
        async with connected(stage):
            yield stage


@contextlib.asynccontextmanager
async def connected(stage: Stage) -> AsyncIterator[CutsceneClient]:
    """A process of the bot, for as long as the block runs."""
    client = stage.client()
    before = len(stage.server.gateway.connected)
    running = asyncio.create_task(client.start(stage.server.token))
    ready = asyncio.create_task(stage.server.gateway.wait_connected(before + 1))
    stage.bot = client
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.done():
            running.result()
        yield client
    finally:
        await client.close()
        await asyncio.wait({running})
        await stage.downloads.aclose()


@pytest.fixture
def ana(stage: Stage) -> Person:
    return Person.joins(stage.server, stage.guild, "ana", stage.channel)


@pytest.fixture
def ben(stage: Stage) -> Person:
    return Person.joins(stage.server, stage.guild, "ben", stage.channel)


@pytest.fixture
def mod(stage: Stage) -> Person:
    return Person.joins(stage.server, stage.guild, "mod", stage.channel, is_moderator=True)


async def asked(person: Person, command: str, /, **options: object) -> Handle:
    """Type the command and wait for the answer."""
    return await answered(await person.types(command, **options))


async def clicked(person: Person, target: Message | Handle, button: str) -> Handle:
    """Click the button and wait for the answer."""
    return await answered(await person.clicks(target, button))


async def answered(handle: Handle) -> Handle:
    """A refusal after a public "thinking" takes that away first, so that nothing is there for a moment."""
    return await handle.until(
        lambda now: not (now.is_thinking or now.is_updating) and (now.text() or now.modal), wanted="an answer"
    )


async def settled(stage: Stage) -> None:
    """Wait until the client has ended what it does for what people asked."""
    await stage.bot.edge.settle(timedelta(seconds=10))


async def dies_before_its_answer(stage: Stage, patch: pytest.MonkeyPatch, doing: Awaitable[Handle]) -> Handle:
    """What somebody has asked of a process that is killed between what it writes and what it answers."""
    died = asyncio.Event()

    async def die(*_: object, **__: object) -> None:
        died.set()
        raise asyncio.CancelledError  # Nothing after this line runs, as after a kill.

    with patch.context() as patched:
        patched.setattr(discord.InteractionResponse, "send_message", die)
        handle = await doing
        async with asyncio.timeout(10):
            await died.wait()
        await settled(stage)
    assert not handle.deferred
    assert handle.message is None
    return handle


async def given_up_by_discord(stage: Stage, doing: Awaitable[Handle]) -> None:
    """What somebody has asked, done to its end, while Discord says that it waits for an answer no more."""
    stage.server.faults.add(Fault(method="POST", path="/callback", status=404, code=10062))
    lost = (await doing).interaction
    await stage.server.wait_for_request("POST", f"/interactions/{lost.id}/{lost.token}/callback")
    await settled(stage)
