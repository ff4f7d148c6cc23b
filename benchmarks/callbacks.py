"""How many of the provider's callbacks a second are stored before they are acknowledged, and what forged ones cost.

The bot's own HTTP server runs in a process of its own on a real SQLite file; this process calls it over sockets. The
baseline is the same server with one transaction for each callback, and without a seal in the secret by which a forged
one is known: it has to be looked up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from benchmarks.contenders import Contender
from benchmarks.table import Better, Row, percentile
from bot.domain.ids import ChannelId, GuildId, InteractionId, JobId, ModelId, ProviderId, TaskId, UserId
from bot.domain.jobs import Place
from bot.domain.models import Mode
from bot.domain.videos import VideoSpec
from bot.http import HTTPServer
from bot.ports import SystemClock
from bot.providers import callback_forms
from bot.services.callbacks import Callbacks
from bot.services.keys import CallbackTokens
from bot.store import hints, jobs, schema, tables
from bot.store.database import Connection, Database
from bot.store.jobs import NewJob
from bot.store.ledger import Payment
from sandbox.bot_process import REPOSITORY

CALLS = 2000
CONNECTIONS = 64
KEY = b"a key for the benchmark"

ROWS = (
    Row("rate", f"callbacks over {CONNECTIONS} connections, each stored before its 200", "/s", Better.HIGH),
    Row("p99", "the same, wait of each, p99", "ms"),
    Row("forged", "forged callbacks, refused", "/s", Better.HIGH),
    Row("looks", "the same, transactions for each hundred", "", Better.LOW),
)


class OneByOne:
    """What the baseline does with a callback."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        raise AssertionError("nobody here has one address for all jobs")

    async def hint(self, job_id: JobId, secret: str, task_id: TaskId) -> bool:
        found = await self._database.write(hints.note, job_id, secret, task_id, SystemClock().now())
        return found is not None


class NoHealth:
    """Nobody asks for it here."""

    async def broken(self) -> Sequence[str]:
        return []

    async def missing(self) -> Sequence[str]:
        return []


async def play(contender: Contender) -> Mapping[str, float]:
    """One round on an empty file with one job for each callback. Raises RuntimeError when an answer is wrong."""
    with tempfile.TemporaryDirectory(prefix="cutscene-bench-callbacks-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'bench.db')}"
        database = Database.connect(url)
        try:
            await schema.migrate(database)
            secrets = await database.write(_fill)
        finally:
            await database.close()
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, url, contender.name, cwd=REPOSITORY, stdin=-1, stdout=-1
        )
        try:
            if server.stdin is None or server.stdout is None:
                raise AssertionError("both were asked for")
            port = int(await server.stdout.readline())
            true = [f"/callbacks/kie/{number}/{secret}" for number, secret in secrets.items()]
            forged = [f"/callbacks/kie/{number}/{secret[::-1]}" for number, secret in secrets.items()]
            waits, took = await _call(port, true, wanted=200)
            server.stdin.write(b"begin\n")
            before = int(await server.stdout.readline())
            _, took_forged = await _call(port, forged, wanted=404)
            server.stdin.write(b"end\n")
            after = int(await server.stdout.readline())
        finally:
            # Whatever was answered with 200 must be on the disk now.
            with contextlib.suppress(ProcessLookupError):
                server.kill()
            await server.wait()
        stored = await _stored(url)
        if stored != CALLS:
            raise RuntimeError(f"{CALLS} callbacks were acknowledged, {stored} are stored")
    return {
        "rate": CALLS / took,
        "p99": percentile(waits, 0.99) * 1000,
        "forged": CALLS / took_forged,
        "looks": (after - before) * 100 / CALLS,
    }


async def _call(port: int, paths: Sequence[str], *, wanted: int) -> tuple[list[float], float]:
    """Post a callback to each path; how long each waited, and how long all took together, in seconds."""
    left, waits = list(enumerate(paths)), []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            while left:
                number, path = left.pop()
                body = json.dumps({"code": 200, "data": {"taskId": f"task-{number}", "state": "success"}})
                head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
                asked_at = time.perf_counter()
                writer.write((head + body).encode())
                answer = await reader.readuntil(b"\r\n\r\n")
                waits.append(time.perf_counter() - asked_at)
                if int(answer.split(b" ", 2)[1]) != wanted:
                    raise RuntimeError(f"a callback was answered with {answer.splitlines()[0]!r}, not {wanted}")
                length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return waits, time.perf_counter() - began


async def _stored(url: str) -> int:
    def count(connection: Connection) -> int:
        hinted = sa.select(sa.func.count()).where(tables.jobs.c.is_hinted, tables.jobs.c.hinted_task_id.is_not(None))
        return connection.execute(hinted).scalar_one()

    database = Database.connect(url)
    try:
        return await database.read(count)
    finally:
        await database.close()


def _fill(connection: Connection) -> dict[int, str]:
    """The jobs, and their secrets."""
    now, tokens = SystemClock().now(), CallbackTokens(KEY)
    payment = Payment(allowance=1, bonus=0, is_pool_limited=False, paid_at=now)
    video = VideoSpec(model=ModelId("m"), mode=Mode.TEXT, prompt="a red fox", options={}, price=1)
    secrets = {}
    for number in range(CALLS):
        place = Place(
            guild_id=GuildId(1),
            channel_id=ChannelId(2),
            application_id=3,
            interaction_id=InteractionId(1000 + number),
            interaction_token="token",
            upload_limit=10**7,
            locale="en-US",
            guild_locale="en-US",
        )
        secret = tokens.mint()
        new = NewJob(
            user_id=UserId(4), place=place, video=video, provider=ProviderId("kie_jobs"), callback_secret=secret
        )
        job = jobs.insert(connection, new, payment, now)
        if job is None:
            raise AssertionError("each interaction is another one")
        secrets[int(job.id)] = secret
    return secrets


async def serve(url: str, contender: Contender) -> None:
    """The process under test: tells its port, and at each line that it reads how many transactions there were."""
    database, transactions = Database.connect(url), 0

    def count(_connection: object) -> None:
        nonlocal transactions
        transactions += 1

    sa.event.listen(sa.Engine, "begin", count)
    clock = SystemClock()
    ours = Callbacks(database, clock, lambda: None, CallbackTokens(KEY))
    server = HTTPServer(
        host="127.0.0.1",
        port=0,
        health=NoHealth(),
        callbacks=OneByOne(database) if contender is Contender.BASELINE else ours,
        registry=CollectorRegistry(),
        clock=clock,
        callback_forms={"kie": callback_forms.kie(None)},
    )
    await server.start()
    print(server.port, flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(transactions, flush=True)
    await server.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Contender[sys.argv[2]]))
