"""The moments at which the bot's process is killed: anywhere, and right at each touch with the world outside."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from sandbox.bot_process import BotDiedError, BotProcess
from sandbox.discord_server import DiscordServer, Fault
from sandbox.kie_server import Call, KieServer, Slow

# Seconds. Whoever waits longer for a touch is killed anyway.
PATIENCE = 2.0
ANYWHERE = 0.8
STARTING = 0.7  # less than any start takes, so that the process dies before it serves
HELD = 60.0

MESSAGES = r"/channels/\d+/messages$"
ANSWERS = r"^/(interactions/\d+/|webhooks/\d+/)"
# Members' create requests carry words; the questions whether a model is sold carry nothing.
OF_MEMBERS = '"prompt"'


class Moment(Enum):
    """Each value says what the dead process does not know any more."""

    ANYWHERE = "at any time"
    STARTING = "while it starts"
    ANSWERING = "while it answers a member"
    CREATING = "after the provider has made the task, before its name came back"
    POLLING = "while it asks for the record"
    FETCHING = "while it fetches the video"
    POSTING = "while the post is on its way"
    POSTED = "after the message appeared, before it heard so"


WEIGHTS = {Moment.ANYWHERE: 6, Moment.STARTING: 2, Moment.CREATING: 2, Moment.POSTING: 2, Moment.POSTED: 2}


@dataclass(slots=True)
class Killer:
    """Kills one bot again and again. The world around it goes on."""

    discord: DiscordServer
    kie: KieServer
    bot: BotProcess
    random: Random
    _released: list[asyncio.Task[None]] = field(default_factory=list)

    async def kill(self) -> Moment:
        """Wait for a moment, kill the bot there, and say which it was. The bot must be running."""
        moments = list(Moment)
        moment = self.random.choices(moments, [WEIGHTS.get(each, 1) for each in moments])[0]
        reached = await self._strike(moment)
        self.kie.faults.clear()
        self.discord.faults.clear()
        return moment if reached else Moment.ANYWHERE

    async def close(self) -> None:
        """Let everything happen that was still held back."""
        await asyncio.gather(*self._released)
        self._released.clear()

    async def _strike(self, moment: Moment) -> bool:
        match moment:
            case Moment.ANYWHERE:
                await asyncio.sleep(self.random.uniform(0, ANYWHERE))
                await self.bot.kill()
                return True
            case Moment.STARTING:
                return await self._while_starting()
            case Moment.CREATING:
                return await self._at(Call.CREATE, OF_MEMBERS)
            case Moment.POLLING:
                return await self._at(Call.RECORD)
            case Moment.FETCHING:
                return await self._at(Call.RESULT)
            case Moment.ANSWERING:
                return await self._while_held("POST|PATCH", ANSWERS)
            case Moment.POSTING:
                return await self._while_held("POST", MESSAGES)
            case Moment.POSTED:
                return await self._after_post()

    async def _at(self, call: Call, containing: str = "") -> bool:
        """The provider does what it is asked and keeps its answer to itself."""
        self.kie.faults.add(call, Slow(HELD), containing=containing)
        seen = len(self.kie.tasks) if call is Call.CREATE else self.kie.counts[call]
        reached = await self._until(
            lambda: (len(self.kie.tasks) if call is Call.CREATE else self.kie.counts[call]) > seen
        )
        await self.bot.kill()
        return reached

    async def _while_held(self, method: str, path: str) -> bool:
        """Discord holds the request; after the kill it takes effect, sooner or later, or never."""
        hold = asyncio.Event()
        is_lost = self.random.random() < 0.3
        fault = self.discord.faults.add(Fault(method=method, path=path, status=None, drop=is_lost, hold=hold))
        reached = await self._until(lambda: fault.hits)
        await self.bot.kill()
        self._released.append(asyncio.create_task(self._release(hold, self.random.choice((0.0, 0.3, 1.5)))))
        return reached

    async def _after_post(self) -> bool:
        """The process stands still while its message appears, and never hears of it."""
        hold = asyncio.Event()
        fault = self.discord.faults.add(Fault(method="POST", path=MESSAGES, status=None, hold=hold))
        reached = await self._until(lambda: fault.hits)
        if reached:
            os.kill(self.bot.pid, signal.SIGSTOP)
            before = self._posts()
            hold.set()
            reached = await self._until(lambda: self._posts() > before)
        await self.bot.kill()
        hold.set()
        return reached

    async def _while_starting(self) -> bool:
        await self.bot.kill()
        starting = asyncio.create_task(self.bot.start())
        await asyncio.sleep(self.random.uniform(0.1, STARTING))
        await self.bot.kill()
        with suppress(BotDiedError):
            await starting
            return False
        return True

    async def _release(self, hold: asyncio.Event, after: float) -> None:
        await asyncio.sleep(after)
        hold.set()

    async def _until(self, is_so: Callable[[], object]) -> bool:
        """Look again and again: nobody may come between the touch and the kill."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not is_so():
                    await asyncio.sleep(0.005)
                return True
        return False

    def _posts(self) -> int:
        return sum(len(channel.messages) for channel in self.discord.world.channels.values())
