"""The shortcuts around SQLAlchemy change how long a simulated run takes, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store.tables import guilds, metadata
from chaos.simulation.disk import Disk
from chaos.simulation.run import Outcome, simulator
from chaos.simulation.scenarios import Calling, Command, Create, Post, Scenario
from chaos.simulation.sweep import random_plan

SCENARIOS = (
    Scenario(name="two", commands=(Command(user=1), Command(user=2)), creates=(Create.LOST,), calling=Calling.ONCE),
    Scenario(name="post lost", posts=(Post.LOST,)),
    Scenario(name="two at the last credit", commands=(Command(), Command()), allowance=150),
)


def rows_of(disk: Disk) -> dict[str, list[tuple[Any, ...]]]:
    """All that is stored but the secrets, which are random."""
    columns = {
        name: ", ".join(column.name for column in table.c if column.name != "callback_secret")
        for name, table in metadata.tables.items()
    }
    return {
        name: disk.rows(f"SELECT {listed} FROM {name} ORDER BY {listed}")  # noqa: S608 - the names are of our own schema
        for name, listed in columns.items()
    }


def played(disk: Disk) -> list[tuple[Outcome, Any]]:
    with simulator(disk) as world:
        return [
            (world.run(scenario, random_plan(seed, 60)), rows_of(disk)) for scenario in SCENARIOS for seed in range(4)
        ]


def test_runs_with_shortcuts_leave_the_same_rows_as_runs_without() -> None:
    assert played(Disk()) == played(Disk(connect=Connection))


def test_what_the_database_refuses_is_told_alike_the_first_time_and_later() -> None:
    disk = Disk()
    statement = sa.insert(guilds)

    disk.transaction(Connection.execute, statement, {"guild_id": 1})
    disk.transaction(Connection.execute, statement, {"guild_id": 2})

    for _ in range(2):
        with pytest.raises(sa.exc.IntegrityError, match="UNIQUE constraint failed"):
            disk.transaction(Connection.execute, statement, {"guild_id": 1})
    assert disk.rows("SELECT guild_id FROM guilds") == [(1,), (2,)]
    disk.close()
