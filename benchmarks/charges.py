"""What it takes to decide about one command and to charge it, when the ledger is a million lines long.

Both write to the same SQLite file, made once: one guild of 2,000 members with 250,000 finished jobs, each with a charge
and a settle. The baseline decides by adding up what its tables say of the member and of the guild, as one would without
running totals; both commit as durably (`synchronous=FULL`).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.contenders import Contender
from benchmarks.rows import insert_jobs
from benchmarks.table import Row, percentile
from bot.domain.admission import Requester
from bot.domain.ids import ChannelId, GuildId, InteractionId, ModelId, ProviderId, RoleId, UserId
from bot.domain.jobs import ACTIVE, Place
from bot.domain.models import Mode
from bot.domain.periods import Period, span
from bot.domain.policies import GuildPolicy, ModelRule, RoleRule
from bot.domain.videos import VideoSpec
from bot.services.generation import accept
from bot.services.host_limits import Budget
from bot.store import policies, schema, tables
from bot.store.database import Database
from bot.store.jobs import NewJob

JOBS, MEMBERS = 250_000, 2_000
LINES = 4 * JOBS
CHARGES = 200
GUILD, MODEL, ROLE = GuildId(1), ModelId("model"), RoleId(3)
PRICE = 60

ROWS = (
    Row("median", f"policy and charge of one command, ledger of {LINES:,} lines, SQLite FULL, median", "ms"),
    Row("p99", "the same, p99", "ms"),
)

# All that a guild can decide, so that every rule is looked at.
POLICY = GuildPolicy(
    guild_id=GUILD,
    allowance=10_000,
    period=Period.MONTH,
    time_zone="Europe/Berlin",
    highest_price=1000,
    member_jobs=50,
    guild_jobs=100_000,
    cooldown=timedelta(microseconds=1),
    roles={ROLE: RoleRule(allowance=1_000_000, is_allowed=True), RoleId(4): RoleRule(allowance=5)},
    models={MODEL: ModelRule(is_allowed=True), ModelId("other"): ModelRule(is_allowed=True, is_restricted=True)},
    channels=frozenset(ChannelId(number) for number in range(2, 12)),
)

_FILL = (
    "INSERT INTO accounts (id, guild_id, user_id, kind, balance) VALUES "
    "(1, :guild, 0, 'issued', -:price * :jobs), (2, :guild, 0, 'held', 0), (3, :guild, 0, 'spent', :price * :jobs)",
    "INSERT INTO entries (id, guild_id, user_id, actor_id, kind, job_id, at) "
    "SELECT 2 * n - 1, :guild, n % :members + 1, n % :members + 1, 'charge', n, n FROM numbers",
    "INSERT INTO entries (id, guild_id, user_id, actor_id, kind, job_id, at) "
    "SELECT 2 * n, :guild, n % :members + 1, 0, 'settle', n, n FROM numbers",
    "INSERT INTO lines (entry_id, account_id, credits) SELECT 2 * n - 1, 1, -:price FROM numbers",
    "INSERT INTO lines (entry_id, account_id, credits) SELECT 2 * n - 1, 2, :price FROM numbers",
    "INSERT INTO lines (entry_id, account_id, credits) SELECT 2 * n, 2, -:price FROM numbers",
    "INSERT INTO lines (entry_id, account_id, credits) SELECT 2 * n, 3, :price FROM numbers",
)

_numbers = count(10 * JOBS)


async def play(contender: Contender) -> Mapping[str, float]:
    """A round of charges on the file that all rounds share."""
    database = Database.connect(f"sqlite+aiosqlite:///{Path(_folder().name, 'bench.db')}")
    charge: Callable[[Connection, NewJob], object] = _by_adding_up if contender is Contender.BASELINE else _ours
    waits: list[float] = []
    try:
        if await schema.migrate(database):
            await database.write(_fill)
        for _ in range(CHARGES):
            new = _command()
            began = time.perf_counter()
            await database.write(charge, new)
            waits.append(time.perf_counter() - began)
    finally:
        await database.close()
    return {"median": percentile(waits, 0.5) * 1000, "p99": percentile(waits, 0.99) * 1000}


def _ours(connection: Connection, new: NewJob) -> None:
    """The product's own transaction."""
    accept(connection, new, Requester(role_ids=frozenset({ROLE})), Budget(), datetime.now(UTC))


def _by_adding_up(connection: Connection, new: NewJob) -> None:
    """The same questions asked of the jobs and the lines themselves, and one row written."""
    jobs, lines, accounts = tables.jobs, tables.lines, tables.accounts
    now = datetime.now(UTC)
    policy = policies.load(connection, GUILD)
    since = span(now, policy.period, policy.time_zone).starts_at
    of_guild = jobs.c.guild_id == GUILD
    of_member = sa.and_(of_guild, jobs.c.user_id == new.user_id)
    used = sa.select(sa.func.sum(jobs.c.paid_allowance)).where(of_member, jobs.c.created_at >= since)
    running = sa.select(sa.func.count()).where(jobs.c.state.in_(ACTIVE))
    held = (
        sa.select(sa.func.sum(lines.c.credits))
        .join(accounts, accounts.c.id == lines.c.account_id)
        .where(accounts.c.guild_id == GUILD, accounts.c.kind == "held")
    )
    for question in (used, running.where(of_guild), running.where(of_member), held):
        connection.execute(question).scalar()
    connection.execute(
        sa.insert(tables.entries).values(guild_id=GUILD, user_id=new.user_id, actor_id=new.user_id, kind="fund", at=now)
    )


def _command() -> NewJob:
    number = next(_numbers)
    place = Place(
        guild_id=GUILD,
        channel_id=ChannelId(2),
        application_id=1,
        interaction_id=InteractionId(number),
        interaction_token="token",
        upload_limit=10**7,
        locale="en-US",
        guild_locale="en-US",
    )
    video = VideoSpec(model=MODEL, mode=Mode.TEXT, prompt="a red fox", options={}, price=PRICE)
    return NewJob(
        user_id=UserId(number % MEMBERS + 1),
        place=place,
        video=video,
        provider=ProviderId("kie_jobs"),
        callback_secret="secret",
    )


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cutscene-bench-charges-")


def _fill(connection: Connection) -> None:
    """One statement for each table, and SQLite makes the million by itself."""
    today = int(datetime.now(UTC).timestamp())
    at = f"({today} - (n % 90) * 86400 - n % 3600) * 1000000"
    special = {
        "id": "n",
        "interaction_id": "n",
        "guild_id": str(GUILD),
        "user_id": f"n % {MEMBERS} + 1",
        "state": "'delivered'",
        "message_id": "n",
        "is_closed": "1",
        "price": str(PRICE),
        "paid_allowance": str(PRICE),
        "paid_at": at,
        "created_at": at,
        "due_at": "NULL",
    }
    insert_jobs(connection, 1, JOBS, special)
    given = {"jobs": JOBS, "members": MEMBERS, "guild": GUILD, "price": PRICE}
    connection.exec_driver_sql(
        "CREATE TEMP TABLE numbers AS WITH RECURSIVE numbers(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :jobs) SELECT n FROM numbers",
        given,
    )
    for statement in _FILL:
        connection.exec_driver_sql(statement, given)
    connection.exec_driver_sql("DROP TABLE numbers")
    policies.save(connection, POLICY)
