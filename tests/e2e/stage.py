"""The whole product on one machine: the real App between a local Discord and a local Kie.ai, on a real SQLite file."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.app import App
from bot.domain.ids import GuildId, JobId, UserId
from bot.domain.jobs import Job, JobState
from bot.settings import Settings, load_settings
from bot.store import audit, balances, jobs
from bot.store.database import Database
from sandbox.discord_server import Channel, DiscordServer, Guild, Message, videos_of
from sandbox.kie_server import Call, Fault, KieServer
from sandbox.person import Handle, Person
from tests.e2e.clock import SkippingClock

# Nothing here takes long; who waits longer than this waits in vain.
PATIENCE = 60.0
# Jobs and the provider's records tell nobody that they have changed, so they are looked at again and again.
ANSWER = 2.0  # real seconds that a bot has for its first answer, before the time is moved on
LOOK_AGAIN = 0.01
LOOK_IDLY = 0.03  # where no time is to pass: each look costs the bot beside it some of its processor

# Members' create requests carry words; the questions whether a model is sold carry nothing.
OF_MEMBERS = '"prompt"'

FOX = "a red fox"
PRICE = 124  # of the default model with its default options


@dataclass
class Stage:
    """Everything a test acts on and looks at. `start` and `stop` are the bot's; the rest of the world goes on."""

    discord: DiscordServer
    kie: KieServer
    clock: SkippingClock
    folder: Path
    guild: Guild
    channel: Channel
    database: Database
    environ: dict[str, str]
    app: App | None = field(default=None)
    _running: asyncio.Task[None] | None = field(default=None)

    # The bot.

    def settings(self) -> Settings:
        return load_settings(self.environ, env_file=None)

    async def start(self) -> App:
        """Start the bot and return once members can use it; raises what its start raises."""
        self.app = App(self.settings(), clock=self.clock)
        self._running = asyncio.create_task(self.app.run())
        before = len(self.discord.gateway.connected)
        started = asyncio.ensure_future(self._serves(self.app, before + 1))
        try:
            await asyncio.wait({self._running, started}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            started.cancel()
        if self._running.done():
            running, self._running = self._running, None
            running.result()
            raise AssertionError("the bot has ended by itself")
        return self.app

    async def _serves(self, app: App, sessions: int) -> None:
        await app.started.wait()
        await self.discord.gateway.wait_connected(sessions)
        await self.discord.wait_for_commands("video")

    async def stop(self) -> None:
        """As after SIGTERM."""
        if self._running is not None and self.app is not None:
            self.app.stop()
            running, self._running = self._running, None
            async with asyncio.timeout(PATIENCE):
                await running

    async def crash(self) -> None:
        """Everything stops where it stands, as far as that is possible inside one process."""
        if self._running is not None:
            running, self._running = self._running, None
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    # People.

    def joins(self, name: str, *, is_moderator: bool = False, is_owner: bool = False, locale: str = "en-US") -> Person:
        return Person.joins(
            self.discord,
            self.guild,
            name,
            self.channel,
            is_moderator=is_moderator,
            is_owner=is_owner,
            locale=locale,
        )

    # What is true.

    async def find(self, number: int = 1) -> Job | None:
        return await self.database.read(jobs.find, JobId(number))

    async def job(self, number: int = 1) -> Job:
        found = await self.find(number)
        assert found is not None, f"there is no job {number}"
        return found

    async def balance(self, person: Person) -> int:
        now = self.clock.now()
        found = await self.database.read(balances.find, GuildId(self.guild.id), UserId(person.user.id), now)
        return found.spendable

    async def differences(self) -> list[str]:
        return await self.database.read(audit.differences)

    def posts(self) -> list[Message]:
        """All results that stand in the guild's channels, as files or as links."""
        return [
            message
            for channel in self.guild.channels.values()
            for message in channel.messages.values()
            if message.author is self.discord.bot and not message.is_deleted and message.nonce is not None
        ]

    def videos(self) -> list[Message]:
        return [message for message in self.posts() if videos_of(message)]

    # Waiting.

    async def until(
        self, is_so: Callable[[], Awaitable[object] | object], wanted: str, *, passing: float = 0.0
    ) -> None:
        """Look until *is_so*; with *passing*, let so many seconds pass before each further look.

        But not at once: Discord's three seconds for a first answer would be over before the bot has had any of ours.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = is_so()
                    if await found if isinstance(found, Awaitable) else found:
                        return
                    if passing and not (self._is_somebody_waiting() and loop.time() < began + ANSWER):
                        self.clock.advance(seconds=passing)
                    await asyncio.sleep(LOOK_AGAIN if passing else LOOK_IDLY)
        except TimeoutError as error:
            raise TimeoutError(f"waited for {wanted} in vain; {await self._where_jobs_are()}") from error

    def _is_somebody_waiting(self) -> bool:
        return any(each.answer is None for each in self.discord.interactions.by_id.values())

    async def until_state(self, *states: JobState, number: int = 1, passing: float = 0.0) -> Job:
        """Wait until the job is in one of *states* and at rest there."""

        async def is_there() -> bool:
            job = await self.find(number)
            return job is not None and job.state in states

        await self.until(is_there, f"job {number} to be {' or '.join(states)}", passing=passing)
        return await self.job(number)

    async def until_seen(self, call: Call, *, count: int = 1, fault: Fault | None = None) -> None:
        """Wait until the provider has had so many requests, of those that met *fault* if it is given."""

        def has_seen() -> bool:
            seen = [each for each in self.kie.requests if each.call is call and fault in (None, each.fault)]
            return len(seen) >= count

        await self.until(has_seen, f"{count} requests of the kind {call.value}")

    async def _where_jobs_are(self) -> str:
        found = [await self.find(number) for number in range(1, 6)]
        told = [f"job {job.id} is {job.state} ({job.failure_detail})" for job in found if job is not None]
        return ", ".join(told) or "there is no job"


async def answered(handle: Handle) -> Handle:
    """A refusal after a public "thinking" takes that away first, so that for a moment nothing is there."""
    return await handle.until(
        lambda now: not (now.is_thinking or now.is_updating) and (now.text() or now.modal), PATIENCE, "an answer"
    )


async def asks(person: Person, command: str, /, **options: Any) -> Handle:
    """Type the command and wait for the answer."""
    return await answered(await person.types(command, **options))


async def clicks(person: Person, target: Message | Handle, button: str) -> Handle:
    """Click the button and wait for the answer."""
    return await answered(await person.clicks(target, button))


def is_private(handle: Handle) -> bool:
    """Whether nobody else sees any of the answers."""
    shown = [*([handle.message] if handle.message else []), *handle.followups]
    return bool(shown) and all(message.is_ephemeral for message in shown)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def opened(folder: Path, migrated_file: Path, **environ: str) -> AsyncIterator[Stage]:
    """The world without the bot; *environ* adds to its settings. The bot is stopped at the end."""
    data = folder / "data"
    data.mkdir()
    shutil.copyfile(migrated_file, data / "cutscene.db")
    clock = SkippingClock()
    async with contextlib.AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordServer(clock=clock))
        kie = await stack.enter_async_context(KieServer(clock=clock.timestamp, seconds=0.05))
        guild = discord.add_guild("Film Club")
        channel = discord.add_channel(guild, "videos")
        database = Database.connect(f"sqlite+aiosqlite:///{data}/cutscene.db")
        stack.push_async_callback(database.close)
        port = free_port()
        stage = Stage(
            discord=discord,
            kie=kie,
            clock=clock,
            folder=folder,
            guild=guild,
            channel=channel,
            database=database,
            environ={
                "DISCORD_TOKEN": discord.token,
                "DISCORD_API_URL": discord.api_url,
                "DISCORD_GATEWAY_URL": discord.gateway_url,
                "KIE_API_KEY": kie.api_key,
                "KIE_API_URL": kie.api_url,
                "KIE_UPLOAD_URL": kie.upload_url,
                "DATA_DIR": str(data),
                "HTTP_PORT": str(port),
                "PUBLIC_URL": f"http://127.0.0.1:{port}",
                "ALLOW_PRIVATE_ADDRESSES": "true",
                **environ,
            },
        )
        stack.push_async_callback(stage.stop)
        yield stage
