"""Databases for tests: a fresh SQLite file each, and, where TEST_POSTGRES_URL names a server, PostgreSQL as well."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web_app
from hypothesis import settings
from sqlalchemy.engine import make_url

from bot.store import schema
from bot.store.database import Database
from tests.postgresql import Shared, create, drop, url_of

# A slow machine is no wrong answer, and one version passes or fails always; --hypothesis-profile=default tries others.
settings.register_profile("every run the same", deadline=None, derandomize=True)
settings.load_profile("every run the same")


# Looking through ever more modules and tests for garbage, of which there is none, is a third of collecting them.
gc.disable()


def pytest_collection_finish() -> None:
    """What is there now stays until the end: garbage is not looked for in it again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_runtest_logfinish() -> None:
    """aiohttp remembers the last thousand applications, and behind each of them a whole bot would stay in memory."""
    web_app._cached_build_middleware.cache_clear()


SERVER = os.environ.get("TEST_POSTGRES_URL", "")


def why_no_server() -> str | None:
    """Why the tests on PostgreSQL are left out; None when they are not."""
    if not SERVER:
        return "TEST_POSTGRES_URL is not set: the store is tested on SQLite only"
    url = make_url(SERVER)
    try:
        socket.create_connection((url.host or "localhost", url.port or 5432), timeout=2).close()
    except OSError as error:
        return f"no PostgreSQL answers at TEST_POSTGRES_URL ({error}): the store is tested on SQLite only"
    return None


NO_SERVER = why_no_server()
BACKENDS = ["sqlite"] if NO_SERVER else ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the schema and nothing else, made once."""
    path = tmp_path_factory.mktemp("template") / "cutscene.db"
    asyncio.run(_migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def shared_postgresql() -> Iterator[Shared]:
    """A PostgreSQL database that the tests of this process use one after the other."""
    shared = Shared(make_url(SERVER))
    yield shared
    asyncio.run(shared.drop())


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a fresh SQLite file with the schema."""
    path = tmp_path / "cutscene.db"
    shutil.copyfile(migrated_file, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def postgresql_url(shared_postgresql: Shared) -> Iterator[str]:
    """The URL of a PostgreSQL database with the schema and nothing else."""
    yield asyncio.run(shared_postgresql.url())
    asyncio.run(shared_postgresql.empty())


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
def empty_url(backend: str, tmp_path: Path) -> Iterator[str]:
    """A database without any schema."""
    if backend == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
        return
    server = make_url(SERVER)
    name = asyncio.run(create(server))
    yield url_of(server, name)
    asyncio.run(drop(server, name))


@pytest.fixture
def database_url(request: pytest.FixtureRequest, backend: str) -> str:
    """A fresh database with the schema."""
    url: str = request.getfixturevalue(f"{backend}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database.connect(database_url)
    yield opened
    await opened.close()


async def _migrate(url: str) -> None:
    opened = Database.connect(url)
    await schema.migrate(opened)
    await opened.close()
