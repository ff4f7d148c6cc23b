"""The last credits as one would otherwise spend them: look whether the balance is enough, then write what is left.

It is meant to be good at that: an engine as SQLAlchemy makes it, one transaction for each command, an interaction that
counts once by its primary key. What it lacks is the question inside the statement that takes the credits, or a lock
before the first look. On SQLite the driver begins a transaction with the first write, and PostgreSQL reads what was
committed: either way others have looked at the same balance in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from random import Random

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.domain.ids import UserId
from chaos import money
from chaos.progress import Report, unheard

_metadata = sa.MetaData()
balances = sa.Table(
    "balances",
    _metadata,
    sa.Column("member", sa.BigInteger, primary_key=True),
    sa.Column("credits", sa.Integer, nullable=False),
)
jobs = sa.Table(
    "jobs",
    _metadata,
    sa.Column("interaction", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("member", sa.BigInteger, nullable=False),
)
MEMBER = UserId(1)


class Answer(Enum):
    """What a member is told."""

    ACCEPTED = auto()
    KNOWN = auto()  # the interaction came twice
    TOO_DEAR = auto()


@dataclass(slots=True)
class Tally:
    """What came of it."""

    backend: str
    runs: int = 0
    broken: int = 0  # runs that accepted other than the balance allows
    allowed: int = 0
    accepted: int = 0
    failed: int = 0  # commands that ended with an error
    errors: set[str] = field(default_factory=set)

    def line(self) -> str:
        errors = f", {self.failed} failed ({', '.join(sorted(self.errors))})" if self.failed else ""
        return (
            f"the same read and then written, {self.backend}: {self.runs} runs, {self.accepted} accepted where "
            f"{self.allowed} could be paid{errors}, broken runs: {self.broken}"
        )


async def order(engine: AsyncEngine, member: int, interaction: int, price: int) -> Answer:
    """One command."""
    try:
        async with engine.begin() as connection:
            of_member = balances.c.member == member
            credits = (await connection.execute(sa.select(balances.c.credits).where(of_member))).scalar_one()
            if credits < price:
                return Answer.TOO_DEAR
            await connection.execute(sa.insert(jobs).values(interaction=interaction, member=member))
            await connection.execute(sa.update(balances).where(of_member).values(credits=credits - price))
            return Answer.ACCEPTED
    except sa.exc.IntegrityError:
        return Answer.KNOWN


async def run(url: str, seed: int, tally: Tally, commands: int = money.COMMANDS) -> None:
    """The price and the commands that ours gets with this seed, on a member's balance."""
    random = Random(seed)
    _, price = money.drawn(random)
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_metadata.create_all)
            await connection.execute(sa.insert(balances).values(member=MEMBER, credits=money.CREDITS))
        clicks = money.clicks(random, [MEMBER], commands)
        orders = (order(engine, member, interaction, price) for member, interaction in clicks)
        answers = await asyncio.gather(*orders, return_exceptions=True)
        async with engine.connect() as connection:
            written = (await connection.execute(sa.select(sa.func.count()).select_from(jobs))).scalar_one()
    finally:
        await engine.dispose()
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    allowed, accepted = money.CREDITS // price, answers.count(Answer.ACCEPTED)
    tally.runs += 1
    tally.allowed += allowed
    tally.accepted += accepted
    tally.broken += accepted != allowed or written != allowed
    tally.failed += len(errors)
    tally.errors |= {type(error).__name__ for error in errors}


async def run_all(
    seeds: Sequence[int], folder: Path, server: str = "", commands: int = money.COMMANDS, report: Report = unheard
) -> list[Tally]:
    """Every seed on a fresh SQLite file, and on a fresh database of the PostgreSQL *server* where there is one."""
    tallies = [Tally("SQLite")]
    for seed in seeds:
        await run(f"sqlite+aiosqlite:///{folder / f'naive-{seed}.db'}", seed, tallies[0], commands)
        report(tallies[0].runs, 0)
    if server:
        tallies.append(Tally("PostgreSQL"))
        for seed in seeds:
            async with money.fresh(server) as url:
                await run(url, seed, tallies[1], commands)
            report(tallies[0].runs + tallies[1].runs, 0)
    return tallies
