"""Callbacks in crowds: forged ones never reach the database, true ones share commits, and none is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from bot.domain.ids import JobId, TaskId
from bot.domain.jobs import Job, JobState
from bot.errors import StoreError
from bot.services.callbacks import BATCH, LARGEST_ID, Callbacks
from bot.services.keys import CallbackTokens
from bot.store import hints, tables
from bot.store.database import Connection, Database
from tests.services.desk import Desk

TOKENS = CallbackTokens(b"the key of this bot")
TROUBLE = StoreError("the disk is full")


class Counted:
    """What reached the databases of this process."""

    def __init__(self) -> None:
        self.begun = 0
        self.statements: list[str] = []

    @property
    def updates(self) -> int:
        return sum(statement.startswith("UPDATE") for statement in self.statements)


@contextmanager
def counting() -> Iterator[Counted]:
    counted = Counted()

    def begin(_connection: object) -> None:
        counted.begun += 1

    def execute(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        counted.statements.append(statement)

    sa.event.listen(sa.Engine, "begin", begin)
    sa.event.listen(sa.Engine, "before_cursor_execute", execute)
    try:
        yield counted
    finally:
        sa.event.remove(sa.Engine, "begin", begin)
        sa.event.remove(sa.Engine, "before_cursor_execute", execute)


@pytest.fixture
def callbacks(desk: Desk) -> Callbacks:
    return Callbacks(desk.database, desk.clock, desk._wake, TOKENS)


async def unknown(desk: Desk, secret: str | None = None) -> Job:
    """A job that waits for a callback to name its task."""
    job = await desk.job(1)
    values = {"state": JobState.UNKNOWN, "callback_secret": secret or TOKENS.mint(), "due_at": None}

    def put(connection: Connection) -> None:
        connection.execute(sa.update(tables.jobs).where(tables.jobs.c.id == job.id).values(values))

    await desk.database.write(put)
    return await desk.find(job)


async def named(desk: Desk, job: Job) -> TaskId | None:
    return await desk.database.read(hints.hinted_task, job.id)


class Unwilling(Database):
    """A database whose next writes end as the test wants."""

    @classmethod
    def instead_of(cls, database: Database, *ends: BaseException | asyncio.Event) -> Unwilling:
        self = cls.__new__(cls)
        self.__dict__.update(vars(database))
        self.ends = list(ends)
        self.reached = asyncio.Event()
        return self

    ends: list[BaseException | asyncio.Event]
    reached: asyncio.Event

    async def write(self, *arguments: object, **named: object) -> object:  # type: ignore[override]  # any transaction
        self.reached.set()
        match self.ends.pop(0) if self.ends else None:
            case BaseException() as error:
                raise error
            case asyncio.Event() as opened:
                await opened.wait()
        return await super().write(*arguments, **named)  # type: ignore[arg-type]


# Forged ones


async def test_a_secret_that_we_did_not_make_never_reaches_the_database(desk: Desk, callbacks: Callbacks) -> None:
    job = await unknown(desk)
    secret = job.callback_secret
    forged = ["", "x", secret[:-1], secret[::-1], secret.upper(), secret + "A", "é" * 44, CallbackTokens(b"x").mint()]

    with counting() as counted:
        answers = [await callbacks.hint(job.id, each, "task-1") for each in forged]
        answers += [await callbacks.hint(number, secret, "task-1") for number in (-1, 0, LARGEST_ID + 1)]

    assert answers == [False] * 11
    assert (counted.begun, counted.statements) == (0, [])
    assert desk.woken == 0


async def test_a_secret_of_another_job_changes_no_row(desk: Desk, callbacks: Callbacks) -> None:
    job, other = await unknown(desk), await unknown(desk)

    with counting() as counted:
        assert not await callbacks.hint(job.id, other.callback_secret, "task-1")

    assert counted.updates == 0
    assert await desk.find(job) == job
    assert desk.woken == 0


def test_no_two_secrets_are_alike_and_each_is_known_by_its_key_alone() -> None:
    minted = {TOKENS.mint() for _ in range(500)}

    assert len(minted) == 500
    assert all(TOKENS.is_ours(secret) for secret in minted)
    assert not any(CallbackTokens(b"another").is_ours(secret) for secret in minted)


# Crowds


async def test_many_at_once_share_their_commits(desk: Desk, callbacks: Callbacks) -> None:
    waiting = [await unknown(desk) for _ in range(20)]

    with counting() as counted:
        answers = await asyncio.gather(
            *(callbacks.hint(job.id, job.callback_secret, f"task-{job.id}") for job in waiting for _ in range(15))
        )

    assert answers == [True] * 300
    # The first goes alone, the rest in batches: at most the commits of a leader, of a batch and of what came after it.
    assert counted.begun <= 2 + 300 // BATCH
    assert counted.updates <= counted.begun
    assert [await named(desk, job) for job in waiting] == [f"task-{job.id}" for job in waiting]


async def test_a_batch_tells_true_ones_from_wrong_ones(desk: Desk, callbacks: Callbacks) -> None:
    waiting = [await unknown(desk) for _ in range(4)]

    answers = await asyncio.gather(
        *(
            callbacks.hint(job.id, job.callback_secret if number % 2 else TOKENS.mint(), "task-1")
            for number, job in enumerate(waiting)
        ),
        callbacks.hint(JobId(999_999), TOKENS.mint(), "task-1"),
    )

    assert answers == [False, True, False, True, False]
    assert [await named(desk, job) for job in waiting] == [None, "task-1", None, "task-1"]


async def test_the_answer_comes_after_the_commit(desk: Desk) -> None:
    job = await unknown(desk)
    opened = asyncio.Event()
    database = Unwilling.instead_of(desk.database, opened)
    callbacks = Callbacks(database, desk.clock, desk._wake, TOKENS)

    answer = asyncio.ensure_future(callbacks.hint(job.id, job.callback_secret, "task-1"))
    await database.reached.wait()
    assert (answer.done(), await named(desk, job)) == (False, None)
    opened.set()

    assert await answer
    assert await named(desk, job) == "task-1"


# Troubles


async def test_a_store_in_trouble_acknowledges_nothing_and_takes_the_repetition(desk: Desk) -> None:
    waiting = [await unknown(desk) for _ in range(3)]
    callbacks = Callbacks(
        Unwilling.instead_of(desk.database, TROUBLE, TROUBLE, TROUBLE), desk.clock, desk._wake, TOKENS
    )

    async def all_of_them() -> list[object]:
        calls = (callbacks.hint(job.id, job.callback_secret, "task-1") for job in waiting)
        return list(await asyncio.gather(*calls, return_exceptions=True))

    assert [type(answer) for answer in await all_of_them()] == [StoreError] * 3
    assert [await named(desk, job) for job in waiting] == [None] * 3
    assert desk.woken == 0
    assert await all_of_them() == [True] * 3


async def test_whoever_goes_away_while_storing_for_all_leaves_the_others_to_store_for_themselves(desk: Desk) -> None:
    waiting = [await unknown(desk) for _ in range(5)]
    database = Unwilling.instead_of(desk.database, asyncio.Event())
    callbacks = Callbacks(database, desk.clock, desk._wake, TOKENS)
    calls = [asyncio.ensure_future(callbacks.hint(job.id, job.callback_secret, "task-1")) for job in waiting]
    await database.reached.wait()

    calls[0].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [True] * 4
    assert [await named(desk, job) for job in waiting[1:]] == ["task-1"] * 4


async def test_whoever_goes_away_before_their_turn_takes_nobody_with_them(desk: Desk) -> None:
    first, second, third = [await unknown(desk) for _ in range(3)]
    opened = asyncio.Event()
    database = Unwilling.instead_of(desk.database, opened)
    callbacks = Callbacks(database, desk.clock, desk._wake, TOKENS)
    leader = asyncio.ensure_future(callbacks.hint(first.id, first.callback_secret, "task-1"))
    await database.reached.wait()
    gone, patient = (
        asyncio.ensure_future(callbacks.hint(job.id, job.callback_secret, "task-1")) for job in (second, third)
    )
    await asyncio.sleep(0)

    gone.cancel()
    opened.set()

    assert await leader
    assert await patient
    assert await named(desk, third) == "task-1"


async def test_a_call_that_cannot_be_stored_takes_no_other_with_it(desk: Desk, callbacks: Callbacks) -> None:
    waiting = [await unknown(desk) for _ in range(7)]
    poison = "\ud800"  # half a character: no database stores it

    answers = await asyncio.gather(
        *(
            callbacks.hint(job.id, job.callback_secret, poison if number == 3 else "task-1")
            for number, job in enumerate(waiting)
        ),
        return_exceptions=True,
    )

    assert [answer is True for answer in answers] == [number != 3 for number in range(7)]
    assert isinstance(answers[3], Exception)
    assert [await named(desk, job) for job in waiting] == [None if number == 3 else "task-1" for number in range(7)]
    assert await callbacks.hint(waiting[3].id, waiting[3].callback_secret, "task-2")


async def test_the_same_call_again_and_again_is_one_hint(desk: Desk, callbacks: Callbacks) -> None:
    job = await unknown(desk)

    for _ in range(3):
        assert await callbacks.hint(job.id, job.callback_secret, "task-1")

    assert await named(desk, job) == "task-1"
    assert (await desk.find(job)).due_at == desk.clock.now()
