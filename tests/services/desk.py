"""The services on a real database, and the moves that a worker would make, without one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from bot.domain.admission import NOBODY_SPECIAL, Requester
from bot.domain.credits import AccountKind, Balance
from bot.domain.grants import Given, Target
from bot.domain.ids import GuildId, InteractionId, JobId, MessageId, TaskId, UserId
from bot.domain.jobs import FailureReason, Job, JobState, Move, Place, Result
from bot.domain.policies import GuildPolicy
from bot.domain.videos import VideoRequest
from bot.services.availability import Availability, ProviderGate
from bot.services.callbacks import Callbacks
from bot.services.credits import Credits
from bot.services.estimates import Estimates
from bot.services.generation import Accepted, Generation
from bot.services.grants import Grants
from bot.services.host_limits import Budget
from bot.services.hosting import Hosting
from bot.services.jobs import Jobs
from bot.services.lifecycle import Lifecycle
from bot.services.policies import Policies
from bot.services.queue import Queue
from bot.services.quotas import Quotas
from bot.services.staff import Staff
from bot.store import audit, jobs, rewrites, spending, tables
from bot.store.database import Connection, Database
from bot.store.rewrites import Rewrite
from tests.fakes import HandClock
from tests.samples import ANNA, CATALOGUE, GUILD, ONE, STAFF, place, video


class Desk:
    """All services of one process."""

    def __init__(
        self, database: Database, *, budget: Budget | None = None, markup: Decimal = ONE, clock: HandClock | None = None
    ) -> None:
        self.database = database
        self.clock = clock or HandClock()
        self.availability = Availability(CATALOGUE)
        self.gate = ProviderGate()
        self.lifecycle = Lifecycle(database, self.clock, markup)
        self.hosting = Hosting(database, self.clock, budget=budget or Budget(markup=markup))
        self.generation = Generation(
            database=database,
            clock=self.clock,
            availability=self.availability,
            gate=self.gate,
            lifecycle=self.lifecycle,
            budget=budget or Budget(),
            markup=markup,
            hosting=self.hosting,
        )
        self.jobs = Jobs(database, self.clock, self.lifecycle)
        self.credits = Credits(database, self.clock)
        self.quotas = Quotas(database, self.clock)
        self.policies = Policies(database, self.clock)
        self.grants = Grants(database, self.clock)
        self.queue = Queue(database, self.clock)
        self.estimates = Estimates(database, self.clock, self.availability)
        self.woken = 0
        self._interactions = itertools.count(1)
        self.callbacks = Callbacks(database, self.clock, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def request(
        self,
        price: int = 100,
        *,
        user_id: UserId = ANNA,
        guild_id: GuildId = GUILD,
        where: Place | None = None,
        again_of: JobId | None = None,
        requester: Requester = NOBODY_SPECIAL,
    ) -> Accepted:
        return await self.generation.request(
            user_id, where or place(guild_id), video(price), again_of=again_of, requester=requester
        )

    async def job(self, price: int = 100, **who: GuildId | UserId) -> Job:
        return (await self.request(price, **who)).job  # type: ignore[arg-type]  # names of `request`

    async def deliver(self, job: Job, cost: float | None = None, to: JobState = JobState.DELIVERED) -> Job:
        """All moves from the queue to the channel; *cost* is what the provider says that it charged."""
        result = Result(url="https://files.test/1.mp4", credits=cost)
        job = await self.lifecycle.apply(job, Move(to=JobState.SUBMITTING))
        job = await self.lifecycle.apply(job, Move(to=JobState.RUNNING, task_id=TaskId("task")))
        job = await self.lifecycle.apply(job, Move(to=JobState.FETCHING, result=result))
        job = await self.lifecycle.apply(job, Move(to=JobState.DELIVERING))
        return await self.lifecycle.apply(job, Move(to=to, after=None, message_id=MessageId(1)))

    async def fail(self, job: Job) -> Job:
        return await self.lifecycle.apply(job, Move(to=JobState.FAILED, failure=FailureReason.UPSTREAM))

    async def find(self, job: Job) -> Job:
        found = await self.database.read(jobs.find, job.id)
        assert found is not None
        return found

    async def balance(
        self, user_id: UserId = ANNA, guild_id: GuildId = GUILD, requester: Requester = NOBODY_SPECIAL
    ) -> Balance:
        return await self.credits.balance(guild_id, user_id, requester)

    async def grant(self, by: Staff, member: UserId, credits: int, reason: str | None) -> Given:
        """What staff does in two steps."""
        here = InteractionId(next(self._interactions))
        asked = await self.grants.ask(by, Target(user_id=member), credits, reason, here)
        return await self.grants.give(by, asked.id)

    async def decide(self, guild_id: GuildId = GUILD, **values: Any) -> GuildPolicy:
        """Change the guild's policy; *values* are its fields."""
        return (await self.policies.change(staff(guild_id), lambda policy: replace(policy, **values))).after

    async def totals(self) -> dict[AccountKind, int]:
        return await self.database.read(audit.totals)

    async def differences(self) -> list[str]:
        return await self.database.read(audit.differences)

    async def spent_in(self, period: str) -> int:
        return await self.database.read(spending.spent_in, period)

    async def entries(self, guild_id: GuildId = GUILD) -> list[tuple[str, int]]:
        """Every entry of the guild, oldest first, with what it moved."""

        def read(connection: Connection) -> list[tuple[str, int]]:
            moved = sa.func.sum(tables.lines.c.credits).filter(tables.lines.c.credits > 0)
            rows = connection.execute(
                sa.select(tables.entries.c.kind, moved)
                .join(tables.lines, tables.lines.c.entry_id == tables.entries.c.id)
                .where(tables.entries.c.guild_id == guild_id)
                .group_by(tables.entries.c.id, tables.entries.c.kind)
                .order_by(tables.entries.c.id)
            )
            return [(kind, int(credits)) for kind, credits in rows]

        return await self.database.read(read)

    async def count(self, table: sa.Table = tables.jobs) -> int:
        def read(connection: Connection) -> int:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

        return await self.database.read(read)


def staff(guild_id: GuildId = GUILD, *, can_manage: bool = True) -> Staff:
    return Staff(user_id=STAFF, guild_id=guild_id, can_manage=can_manage)


def asked(connection: Connection, user_id: UserId, request: VideoRequest, now: datetime) -> int:
    """A question to the assistant that is on its way."""
    number = rewrites.ask(connection, GUILD, user_id, request, now, most=100, since=now - timedelta(hours=1))
    assert number is not None
    return number


def offered(connection: Connection, user_id: UserId, request: VideoRequest, text: str, now: datetime) -> Rewrite:
    """What the assistant has made of the member's words."""
    found = rewrites.answer(connection, asked(connection, user_id, request, now), request, text)
    assert found is not None
    return found
