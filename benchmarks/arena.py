"""A fresh local Discord and provider with one bot between them, and the crowd that types `/video` there."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders import BotUnderTest, Contender
from sandbox.bot_process import REPOSITORY, Connections
from sandbox.discord_server import DiscordServer, Member, Message
from sandbox.discord_server.composing import Composer
from sandbox.discord_server.interactions import ACKNOWLEDGE_WITHIN, Interaction, Kind
from sandbox.discord_server.reading import videos_of
from sandbox.discord_server.world import Channel
from sandbox.kie_server import KieServer, Limits, Scenario
from sandbox.kie_server.tasks import Task

# For everything a bot should do; whoever needs longer has failed and the run says so.
PATIENCE = 120.0
# Members of one guild, so many to a channel: a crowd in one channel would meet Discord's limit per channel.
PER_CHANNEL = 10
# Seconds after which Discord takes no first answer any more, and a little.
LOST_AFTER = ACKNOWLEDGE_WITHIN.total_seconds() + 0.5
LOOK_AGAIN = 0.3
# Seconds; ours asks the provider about its models in that time.
SETTLING = 1.0
# Much more than any run spends.
RICH = 1e9
MODEL_FILE = "kling-3-0-turbo.toml"
NO_LIMITS = Limits(creates=None, records=None, running=None)


@dataclass(frozen=True, slots=True)
class Order:
    """One `/video` of one member; its number stands in the prompt and finds the task again."""

    number: int
    member: Member
    interaction: Interaction

    @property
    def asked_at(self) -> float:
        return self.interaction.made_at.timestamp()

    @property
    def acknowledged_at(self) -> float:
        if self.interaction.answered_at is None:
            raise AssertionError("asked before the answer was there")
        return self.interaction.answered_at.timestamp()

    @property
    def is_acknowledged(self) -> bool:
        return self.interaction.answer is not None

    @property
    def is_lost(self) -> bool:
        """Whether it got no answer in time and never will: Discord no longer takes one."""
        return not self.is_acknowledged and time.time() > self.asked_at + LOST_AFTER

    @property
    def shows_text(self) -> bool:
        original = self.interaction.original
        return original is not None and not original.is_loading


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    discord: DiscordServer
    kie: KieServer
    bot: BotUnderTest
    channels: Sequence[Channel]

    def order(self, count: int, *, first: int = 0) -> list[Order]:
        """*count* members, with numbers from *first* on, type `/video` at the same moment."""
        start = self.discord.interactions.start
        written = []
        for number in range(first, first + count):
            channel = self.channels[number // PER_CHANNEL % len(self.channels)]
            if channel.guild is None:
                raise AssertionError("the arena's channels are in its guild")
            member = self.discord.add_member(channel.guild, f"member {number}")
            options = {"prompt": f"A paper boat on a rainy street, number {number}", "duration": 5}
            composed = Composer(self.discord.world, member.user, channel).slash("/video", options)
            written.append((number, member, channel, composed.data))
        # Typing takes the sandbox longer than sending, so everybody types first and then all press enter.
        return [
            Order(number, member, start(Kind.COMMAND, member.user, channel, data))
            for number, member, channel, data in written
        ]

    async def settled(self) -> None:
        """Return when the bot has come to rest after its start."""
        # From outside only the processor tells, and not on every system; the start is over long before this.
        await asyncio.sleep(SETTLING)

    async def created(self, count: int) -> None:
        """Return when the provider has got *count* tasks."""
        async with self._patience(f"the provider did not get {count} tasks"):
            while len(self.kie.tasks) < count:
                await asyncio.sleep(0.01)

    async def acknowledged(self, orders: Sequence[Order]) -> list[Order]:
        """Those that got a first answer, once each has it or is lost."""
        await self.until(orders, lambda order: order.is_acknowledged, "an order got no answer")
        return [order for order in orders if order.is_acknowledged]

    async def answered(self, orders: Sequence[Order]) -> dict[int, float]:
        """When each order got an answer that one can read, by its number, once all have that are not lost."""
        return await self.until(orders, lambda order: order.shows_text, "an order still says thinking")

    async def until(
        self, orders: Sequence[Order], is_done: Callable[[Order], bool], complaint: str
    ) -> dict[int, float]:
        """When each order was first seen to be done; without those that were lost."""
        waiting = {order.interaction.id: order for order in orders}
        done_at: dict[int, float] = {}
        looked_at = time.monotonic()

        def look_at(order: Order | None) -> None:
            if order is not None and is_done(order):
                done_at.setdefault(order.number, self.discord.clock().timestamp())
                waiting.pop(order.interaction.id, None)

        with self.discord.changes.listening() as news:
            for order in orders:
                look_at(order)
            async with self._patience(complaint):
                while waiting:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN):
                            change = await news.get()
                            if change.kind == "INTERACTION_ANSWER":
                                look_at(waiting.get(change.subject.id))
                    # Nothing tells that an order is lost; only the time.
                    if time.monotonic() > looked_at + LOOK_AGAIN:
                        looked_at = time.monotonic()
                        waiting = {key: order for key, order in waiting.items() if not order.is_lost}
        return done_at

    async def posted(self, orders: Sequence[Order]) -> dict[int, Message]:
        """The message with the video, by the order's number, once all are there."""
        number_of = {order.member.id: order.number for order in orders}
        found: dict[int, Message] = {}

        def look_at(message: object) -> None:
            if isinstance(message, Message) and videos_of(message):
                for user in message.mentions:
                    if user.id in number_of:
                        found[number_of[user.id]] = message

        with self.discord.changes.listening() as news:
            for channel in self.channels:
                for message in channel.messages.values():
                    look_at(message)
            async with self._patience("not every video was posted"):
                while len(found) < len(orders):
                    look_at((await news.get()).subject)
        return found

    def tasks(self) -> dict[int, Task]:
        """The provider's tasks by their order's number."""
        return {int(task.prompt.rpartition(" ")[2]): task for task in self.kie.tasks}

    @contextlib.asynccontextmanager
    async def _patience(self, wanted: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        except TimeoutError as error:
            raise TimeoutError(f"{wanted} after {PATIENCE:g} s; the bot's log ends:\n{self.bot.log_tail()}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a measure needs of its arena."""

    default: Scenario = field(default_factory=Scenario)  # what becomes of a task
    queued: Sequence[Scenario] = ()  # and of the first ones
    typical_seconds: int = 130  # what our catalogue says about the model
    clock: Callable[[], float] = time.time  # the provider's
    settings: Mapping[str, str] = field(default_factory=dict)  # of the bot, beyond what it cannot do without
    prepare: Callable[[Path], Awaitable[None]] | None = None  # the bot's data folder, before it starts


@contextlib.asynccontextmanager
async def arena(contender: Contender, setup: Setup) -> AsyncIterator[Arena]:
    """Everything up and the bot connected; everything gone afterwards."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="cutscene-bench-"))
    await asyncio.to_thread(_write_model, folder / "data" / "catalogue", setup.typical_seconds)
    if setup.prepare is not None:
        await setup.prepare(folder / "data")
    kie = KieServer(balance=RICH, limits=NO_LIMITS, clock=setup.clock)
    kie.scenarios.default = setup.default
    kie.scenarios.next(*setup.queued)
    try:
        async with DiscordServer() as discord, kie:
            guild = discord.add_guild("Bench")
            channels = [discord.add_channel(guild, f"videos-{number}") for number in range(50)]
            connections = Connections.to(discord, kie)
            bot = BotUnderTest(contender, connections, folder, setup.settings)
            try:
                await bot.start()
                await _connected(discord, bot)
                yield Arena(discord=discord, kie=kie, bot=bot, channels=channels)
            finally:
                await bot.kill()
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _write_model(folder: Path, typical_seconds: int) -> None:
    """Make the model that the baseline uses the default of ours, as a host would."""
    model = (REPOSITORY / "bot" / "catalogue" / MODEL_FILE).read_text(encoding="utf-8")
    changed = re.sub(
        r"^typical_seconds = \d+$", f"default = true\ntypical_seconds = {typical_seconds}", model, flags=re.M
    )
    if changed == model:
        raise AssertionError(f"{MODEL_FILE} no longer says how long it typically takes")
    folder.mkdir(parents=True)
    (folder / MODEL_FILE).write_text(changed, encoding="utf-8")


async def _connected(discord: DiscordServer, bot: BotUnderTest) -> None:
    """Return when the bot can be asked for videos; raise when it ends instead."""

    async def ready() -> None:
        await discord.gateway.wait_connected(timeout=PATIENCE)
        await discord.wait_for_commands("video", timeout=PATIENCE)

    tasks = {asyncio.create_task(ready()), asyncio.create_task(bot.died())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
