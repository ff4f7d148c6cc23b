"""What one would otherwise write, in the same simulated world: jobs in a table, resumed after a restart.

It is meant to be good at that: job and credits are one transaction, what fails is refunded, a task whose name is stored
is never made again. What it lacks are intents, leases, nonces and doubt.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import discord
import httpx

from chaos.simulation import scenarios
from chaos.simulation.channel import FakeDiscord
from chaos.simulation.kie import Callback, FakeKie
from chaos.simulation.loop import Life
from chaos.simulation.run import OURS, Contender, Outcome, simulator
from chaos.simulation.scenarios import Fetch, Scenario
from chaos.simulation.sweep import LATER, SOON, each_touch
from chaos.simulation.world import Order, World

PRICE = 100
POLL_SECONDS = 10.0
POLLS = 180  # half an hour
QUIET = "create ok, video, callback never"

_TABLES = """
    CREATE TABLE IF NOT EXISTS naive (number INTEGER PRIMARY KEY, member INTEGER, state TEXT, task TEXT);
    CREATE TABLE IF NOT EXISTS purses (member INTEGER PRIMARY KEY, credits INTEGER NOT NULL);
"""
_REFUND = "UPDATE purses SET credits = credits + ? WHERE member = (SELECT member FROM naive WHERE number = ?)"


class RefusedError(Exception):
    """The provider said no."""


class NaiveBot:
    """One process of it."""

    def __init__(
        self, world: World, kie: FakeKie, channel: FakeDiscord, folder: Path, life: Life, committed: Callable[[], None]
    ) -> None:
        self.life = life
        self._world = world
        self._kie = kie
        self._committed = committed
        self._http = httpx.AsyncClient(transport=kie.transport(life), base_url="http://kie.test")
        self._channel = channel.client(life).get_partial_messageable(100)
        self._folder = folder

    def start(self) -> None:
        for number, task in self._world.disk.rows("SELECT number, task FROM naive WHERE state = 'open'"):
            self.life.spawn(self._work(number, task), f"job {number}")

    def stop(self, stopped: Callable[[], None]) -> None:
        self.life.kill()
        stopped()

    def bring(self, order: Order) -> None:
        self.life.spawn(self._order(order), f"order {order.number}")

    def cancel(self, order: Order, guild: int) -> None:
        """It has no such command."""

    def claim(self, order: Order) -> None:
        """It keeps nothing."""

    def called(self, callback: Callback) -> None:
        """It has no public address."""

    async def _order(self, order: Order) -> None:
        rows = self._world.disk.rows
        if rows("SELECT number FROM naive WHERE number = ?", order.number):
            order.accepted.add(order.number)
            return
        member = order.command.user
        (purse,) = rows("SELECT credits FROM purses WHERE member = ?", member) or [(self._world.scenario.allowance,)]
        if purse[0] < PRICE:
            order.is_refused = True
            return
        await self._write(
            ("INSERT OR REPLACE INTO purses VALUES (?, ?)", (member, purse[0] - PRICE)),
            ("INSERT INTO naive VALUES (?, ?, 'open', NULL)", (order.number, member)),
        )
        await self._world.touch(self.life, "acknowledgement leaves")
        order.accepted.add(order.number)
        await self._work(order.number, None)

    async def _work(self, number: int, task: str | None) -> None:
        try:
            if task is None:
                task = await self._create(number)
                await self._write(("UPDATE naive SET task = ? WHERE number = ?", (task, number)))
            path = await self._download(number, await self._wait(task))
            with closing(discord.File(path, f"{number}.mp4")) as file:
                await self._channel.send(f"job {number}", file=file)
            await self._write(("UPDATE naive SET state = 'done' WHERE number = ?", (number,)))
        except (RefusedError, httpx.HTTPError, aiohttp.ClientError, discord.HTTPException):
            await self._write(
                ("UPDATE naive SET state = 'refunded' WHERE number = ?", (number,)),
                (_REFUND, (PRICE, number)),
            )

    async def _create(self, number: int) -> str:
        body = {"model": "maker/text", "input": {"prompt": f"order {number}"}}
        return str((await self._ask("POST", "/api/v1/jobs/createTask", json=body))["taskId"])

    async def _wait(self, task: str) -> str:
        """The address of the finished video."""
        for _ in range(POLLS):
            record = await self._ask("GET", "/api/v1/jobs/recordInfo", params={"taskId": task})
            if record["state"] == "success":
                return str(json.loads(str(record["resultJson"]))["resultUrls"][0])
            if record["state"] == "fail":
                raise RefusedError(record["failMsg"])
            await asyncio.sleep(POLL_SECONDS)
        raise RefusedError("took too long")

    async def _download(self, number: int, url: str) -> Path:
        await self._world.touch(self.life, "download leaves")
        if self._kie.next_fetch() is not Fetch.OK:
            raise httpx.ReadError("cut")
        path = self._folder / f"naive-{number}.mp4"
        path.write_text(url.rsplit("/", 1)[1])
        return path

    async def _ask(self, method: str, url: str, **arguments: object) -> dict[str, object]:
        response = await self._http.request(method, url, timeout=110.0, **arguments)  # type: ignore[arg-type] # by name
        response.raise_for_status()
        body = response.json()
        if body["code"] != 200:
            raise RefusedError(body["msg"])
        content: dict[str, object] = body["data"]
        return content

    async def _write(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        """One transaction."""
        await self._world.touch(self.life, "before write")
        raw = self._world.disk.raw
        raw.execute("BEGIN")
        for statement, values in statements:
            raw.execute(statement, values)
        raw.execute("COMMIT")
        self._committed()
        await self._world.touch(self.life, "after write")


class NaiveJudge:
    """The same promises, as far as this bot could make them."""

    def __init__(self, world: World, kie: FakeKie, channel: FakeDiscord) -> None:
        self._world = world
        self._kie = kie
        self._channel = channel
        world.disk.make_tables(_TABLES)

    def committed(self) -> None:
        """It has no history to look at."""

    def is_at_rest(self) -> bool:
        return not self._world.disk.rows("SELECT number FROM naive WHERE state = 'open'")

    def states(self) -> tuple[str, ...]:
        return tuple(state for (state,) in self._world.disk.rows("SELECT state FROM naive ORDER BY number"))

    def at_the_end(self, *, is_over: bool) -> None:
        if not is_over:
            self._world.violated("I2", "the run does not come to rest")
        for number, state in self._world.disk.rows("SELECT number, state FROM naive"):
            posts = [message for message in self._channel.messages if message.file_name == f"{number}.mp4"]
            tasks = [task for task in self._kie.tasks.values() if task.prompt == f"order {number}"]
            if len(tasks) > 1:
                self._world.violated("I5", f"job {number} has {len(tasks)} tasks")
            if len(posts) > 1:
                self._world.violated("I3", f"job {number} has {len(posts)} messages")
            if state == "refunded" and posts:
                self._world.violated("I7", f"job {number} is refunded and posted")
            if state == "refunded" and any(task.ending is scenarios.Ending.VIDEO for task in tasks):
                self._world.violated("I2", f"job {number} is refunded though its task has a video")
            if state == "done" and not posts:
                self._world.violated("I6", f"job {number} is done and not posted")


NAIVE = Contender(NaiveBot, NaiveJudge)


def worlds() -> Iterator[Scenario]:
    """What both bots are put through: no callbacks, no cancelling, which one of them does not know."""
    yield from (one for one in scenarios.single_jobs() if not one.has_public_url)
    yield from scenarios.deliveries()


def crashes(contender: Contender) -> Iterator[Outcome]:
    """A crash at every touch of every world, back at once and back when nonces are forgotten."""
    with simulator() as simulated:
        for scenario in worlds():
            for downtime in (SOON, LATER):
                yield from each_touch(simulated, scenario, downtime=downtime, contender=contender)


@dataclass(slots=True)
class Tally:
    """How many runs broke a promise, with a crash alone and with trouble of the network on top of it."""

    runs: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        shares = (f"{what} {self.broken[what]} of {self.runs[what]}" for what in self.runs)
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        return f"broken runs: {'; '.join(shares)} ({kinds or 'nothing'})"


def run(contender: Contender) -> Tally:
    tally = Tally()
    for outcome in crashes(contender):
        what = "with a crash alone" if outcome.scenario.name == QUIET else "with a crash and faults"
        tally.runs[what] += 1
        tally.broken[what] += bool(outcome.violations)
        tally.kinds.update({violation.invariant for violation in outcome.violations})
    return tally


def main() -> int:
    """Both bots in the same worlds, one line each."""
    print(f"naive: {run(NAIVE).line()}", flush=True)
    ours = run(OURS)
    print(f"ours: {ours.line()}")
    return 1 if ours.kinds else 0
