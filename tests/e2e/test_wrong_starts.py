"""What a host reads when the bot cannot start: one line per problem, and a code that tells a supervisor what to do."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import health
from bot.__main__ import main
from bot.errors import StoreError

Start = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def data(tmp_path: Path, migrated_file: Path) -> Path:
    """A DATA_DIR as an earlier run has left it."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copyfile(migrated_file, folder / "cutscene.db")
    return folder


@pytest.fixture
def start(
    data: Path, log: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Start:
    """Start the bot in the way of `python -m bot`, where it ends before it needs any server; its code and its words."""

    def run(**environ: str) -> tuple[int, list[str]]:
        for name in list(os.environ):
            if name.startswith(("DISCORD_", "KIE_", "HTTP_", "DATA", "LOG_", "PUBLIC_", "BUDGET_")):
                monkeypatch.delenv(name)
        settings = {
            "DISCORD_TOKEN": "token.of.a.bot",
            "DISCORD_API_URL": "http://127.0.0.1:9/api/v10",
            "KIE_API_KEY": "key-of-the-host",
            "DATA_DIR": str(data),
            "HTTP_PORT": "0",
            "LOG_LEVEL": "ERROR",
            **environ,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)  # not where a real `.env` may lie
        code = main(["run"])
        return code, capsys.readouterr().err.splitlines()

    return run


def test_database_of_a_newer_version(start: Start, data: Path) -> None:
    connection = sqlite3.connect(data / "cutscene.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    code, lines = start()

    assert code == 74
    [line] = lines
    assert "newer version of Cutscene" in line


def test_file_that_is_no_database_stays_as_it_is(start: Start, data: Path) -> None:
    diary = b"my diary, not a database" * 100
    (data / "cutscene.db").write_bytes(diary)

    code, lines = start()

    assert code == 74
    [line] = lines
    assert line.startswith("database:")
    assert (data / "cutscene.db").read_bytes() == diary


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_database_that_cannot_be_written(start: Start, data: Path) -> None:
    (data / "cutscene.db").chmod(0o400)

    code, lines = start()

    assert code == 74
    [line] = lines
    assert line.startswith("database:")


def test_database_folder_that_is_not_there(start: Start, tmp_path: Path) -> None:
    code, lines = start(DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/nowhere/cutscene.db")

    assert code == 74
    [line] = lines
    assert line.startswith("database:")
    assert "nowhere" in line


def test_data_folder_that_is_a_file(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "not-a-folder"
    path.write_text("x", encoding="utf-8")

    code, lines = start(DATA_DIR=str(path))

    assert code == 78
    [line] = lines
    assert line.startswith("DATA_DIR")


def test_port_that_is_taken(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code, lines = start(HTTP_PORT=str(port))

    assert code == 78
    [line] = lines
    assert line.startswith(f"HTTP_PORT: {port}")


def test_trouble_in_a_part_that_has_tasks_of_its_own_is_one_line_too(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measure(*_: object) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    async def fail() -> None:
        async with asyncio.TaskGroup():
            raise StoreError("the disk is gone")

    monkeypatch.setattr(health, "measure", measure)

    assert start() == (74, ["database: the disk is gone"])
