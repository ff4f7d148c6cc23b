"""A thousand commands at once on a hundred credits: `python -m chaos money` counts how many are accepted."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from random import Random

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from bot.catalogue import loader
from bot.domain.ids import ChannelId, GuildId, InteractionId, UserId
from bot.domain.jobs import Place
from bot.domain.models import Mode
from bot.domain.policies import GuildPolicy, Pool
from bot.domain.videos import VideoRequest, VideoSpec
from bot.errors.policies import InsufficientCreditsError, PoolEmptyError
from bot.ports import SystemClock
from bot.services.availability import Availability, ProviderGate
from bot.services.generation import Accepted, Generation
from bot.services.host_limits import Budget
from bot.services.lifecycle import Lifecycle
from bot.store import audit, ledger, policies, schema, tables
from bot.store.database import Connection, Database
from chaos.progress import Progress, Report, unheard

GUILD = GuildId(1)
STAFF = UserId(99)
CREDITS = 100
COMMANDS = 1_000
SEEDS = 20
RICH = 10**6


class Purse(Enum):
    """Where the hundred credits lie. Each is guarded by another statement."""

    ALLOWANCE = "the allowance of one member"
    BONUS = "the bonus credits of one member"
    POOL = "the guild's pool, under members who may spend more than that"


@dataclass(slots=True)
class Tally:
    """What came of it."""

    backend: str
    runs: int = 0
    commands: int = 0
    accepted: int = 0
    violations: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"commands at once on {CREDITS} credits, {self.backend}: {self.runs} runs, {self.commands} commands, "
            f"{self.accepted} accepted, violations: {len(self.violations)}"
        )


async def run(url: str, seed: int, tally: Tally, commands: int = COMMANDS) -> None:
    """One hundred credits and *commands* commands at once, on the empty database behind *url*."""
    random = Random(seed)
    purse, price = drawn(random)
    members = [UserId(number) for number in range(1, 6)] if purse is Purse.POOL else [UserId(1)]
    database = Database.connect(url)
    try:
        await schema.migrate(database)
        await database.write(_fill, purse)
        generation, video = _counter(database)
        video = replace(video, price=price)
        requests = [
            generation.request(member, _place(interaction), video)
            for member, interaction in clicks(random, members, commands)
        ]
        outcomes = await asyncio.gather(*requests, return_exceptions=True)
        wrong = await _judged(database, outcomes, expected=CREDITS // price, spent=CREDITS // price * price)
    finally:
        await database.close()
    tally.runs += 1
    tally.commands += len(outcomes)
    tally.accepted += sum(1 for outcome in outcomes if isinstance(outcome, Accepted) and outcome.is_new)
    tally.violations += [f"{tally.backend}, seed {seed} ({purse.value}, price {price}): {line}" for line in wrong]


def drawn(random: Random) -> tuple[Purse, int]:
    """Where the credits lie in a run, and what a video costs there."""
    return random.choice(list(Purse)), random.randint(1, 60)


def clicks(random: Random, members: Sequence[UserId], commands: int) -> list[tuple[UserId, InteractionId]]:
    """Who sends which interaction, in which order. One in five arrives twice, as the gateway may do."""
    found: list[tuple[UserId, InteractionId]] = []
    numbers = itertools.count(1)
    while len(found) < commands:
        click = (random.choice(members), InteractionId(next(numbers)))
        found += [click, click] if random.random() < 0.2 else [click]
    found = found[:commands]
    random.shuffle(found)
    return found


async def _judged(
    database: Database, outcomes: Sequence[Accepted | BaseException], *, expected: int, spent: int
) -> list[str]:
    """What is wrong with what they were told and with what is written."""
    wrong = await database.read(audit.differences)
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    told = {outcome.job.id for outcome in accepted}
    new = [outcome for outcome in accepted if outcome.is_new]
    if len(new) != expected or len(told) != expected:
        wrong.append(f"{len(new)} accepted as new, {len(told)} jobs told of, {expected} can be paid")
    for outcome in outcomes:
        if not isinstance(outcome, Accepted | InsufficientCreditsError | PoolEmptyError):
            wrong.append(f"refused with {outcome!r}")
    jobs, held = await database.read(_written)
    if jobs != expected or held != spent:
        wrong.append(f"{jobs} jobs are written and hold {held} credits; it should be {expected} and {spent}")
    return wrong


def _written(connection: Connection) -> tuple[int, int]:
    jobs = connection.execute(sa.select(sa.func.count()).select_from(tables.jobs)).scalar_one()
    held = connection.execute(sa.select(tables.accounts.c.balance).where(tables.accounts.c.kind == "held")).scalar()
    return int(jobs), int(held or 0)


def _fill(connection: Connection, purse: Purse) -> None:
    now = datetime.now(UTC)
    match purse:
        case Purse.ALLOWANCE:
            policies.save(connection, GuildPolicy(guild_id=GUILD, allowance=CREDITS))
        case Purse.BONUS:
            policies.save(connection, GuildPolicy(guild_id=GUILD, allowance=0))
            ledger.grant(connection, GUILD, UserId(1), STAFF, CREDITS, "chaos", now, is_pool_limited=False)
        case Purse.POOL:
            policies.save(connection, GuildPolicy(guild_id=GUILD, allowance=RICH, pool=Pool()))
            ledger.set_pool(connection, GUILD, STAFF, CREDITS, now)


def _counter(database: Database) -> tuple[Generation, VideoSpec]:
    """The way in for videos as the bot builds it, and a video to ask for."""
    clock, markup = SystemClock(), Decimal(1)
    availability = Availability(loader.load().catalogue)
    generation = Generation(
        database=database,
        clock=clock,
        availability=availability,
        gate=ProviderGate(),
        lifecycle=Lifecycle(database, clock, markup),
        budget=Budget(),
        markup=markup,
    )
    model = availability.default(Mode.TEXT)
    assert model is not None
    return generation, generation.check(VideoRequest(prompt="a red fox in the snow", model=model.id))


def _place(interaction_id: InteractionId) -> Place:
    return Place(
        guild_id=GUILD,
        channel_id=ChannelId(1),
        application_id=1,
        interaction_id=interaction_id,
        interaction_token="token",
        upload_limit=10_000_000,
        locale="en-US",
        guild_locale="en-US",
    )


async def run_all(
    seeds: Sequence[int], folder: Path, server: str = "", commands: int = COMMANDS, report: Report = unheard
) -> list[Tally]:
    """Every seed on a fresh SQLite file, and on a fresh database of the PostgreSQL *server* where there is one."""
    tallies = [Tally("SQLite")]
    for seed in seeds:
        await run(f"sqlite+aiosqlite:///{folder / f'{seed}.db'}", seed, tallies[0], commands)
        report(tallies[0].runs, len(tallies[0].violations))
    if server:
        tallies.append(Tally("PostgreSQL"))
        for seed in seeds:
            async with fresh(server) as url:
                await run(url, seed, tallies[1], commands)
            report(sum(tally.runs for tally in tallies), sum(len(tally.violations) for tally in tallies))
    return tallies


@asynccontextmanager
async def fresh(server: str) -> AsyncIterator[str]:
    """A database that exists for as long as the block runs."""
    name = f"cutscene_chaos_{uuid.uuid4().hex[:12]}"
    # No transaction: PostgreSQL makes databases outside of one only.
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            async with engine.connect() as connection:
                await connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        await engine.dispose()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos money", description=__doc__)
    parser.add_argument("--count", type=int, default=SEEDS, help="how many seeds")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    options = parser.parse_args(arguments)
    server = os.environ.get("TEST_POSTGRES_URL", "")
    if not server:
        print("TEST_POSTGRES_URL is not set: on SQLite only")
    with tempfile.TemporaryDirectory(prefix="cutscene-money-") as folder, suppress(KeyboardInterrupt):
        seeds = range(options.seed, options.seed + options.count)
        report = Progress("last credits", len(seeds) * (2 if server else 1))
        tallies = asyncio.run(run_all(seeds, Path(folder), server, report=report))
        for tally in tallies:
            print(*tally.violations, tally.line(), sep="\n")
        return 1 if any(tally.violations for tally in tallies) else 0
    return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
