"""`python -m bot`: every command as a host types it, and what each says of a wrong use."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import __main__ as command_line
from bot.store import tables
from bot.store.database import Database
from bot.store.ownership import owned
from tests.samples import PICTURE
from tests.services.desk import Desk

SOME = {"DISCORD_TOKEN": "no.such.token", "KIE_API_KEY": "no-such-key"}


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host's shell in an empty folder, with nothing of ours set that is not named here."""
    monkeypatch.chdir(tmp_path)
    for name, value in {**SOME, "DATA_DIR": str(tmp_path / "data")}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(data: Path, migrated_file: Path) -> Path:
    """The database of a bot that has one delivered job and one in the queue, with its picture."""
    path = data / "cutscene.db"
    (data / "inputs").mkdir(parents=True)
    (data / "inputs" / PICTURE.name).write_bytes(b"picture")
    shutil.copyfile(migrated_file, path)
    asyncio.run(_use(path))
    return path


async def _use(path: Path) -> None:
    opened = Database.connect(f"sqlite+aiosqlite:///{path}")
    desk = Desk(opened)
    await desk.deliver(await desk.job())
    job = await desk.job()
    picture = {"name": PICTURE.name, "format": "png", "width": 1, "height": 1, "size": 7}
    with_picture = sa.update(tables.jobs).where(tables.jobs.c.id == job.id).values(picture=picture)
    await opened.write(lambda connection: connection.execute(with_picture))
    await opened.close()


def count(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        found: int = connection.execute("SELECT count(*) FROM jobs").fetchone()[0]
        return found


def forget_a_job(database: Path) -> None:
    """What a balance looks like that somebody has mended by hand."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE accounts SET balance = balance + 1 WHERE kind = 'spent'")


# Migrate and doctor.


def test_migrate_makes_the_database_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["migrate"]) == 0
    assert command_line.main(["migrate"]) == 0

    assert capsys.readouterr().out == "migrated\nalready up to date\n"
    assert count(data / "cutscene.db") == 0


def test_migrate_is_refused_beside_a_running_bot(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with owned(database):
        code = command_line.main(["migrate"])

    assert code == command_line.EX_IOERR
    assert f"database: {database} is in use by process" in capsys.readouterr().err


def test_doctor_says_that_the_ledger_balances(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with owned(database):  # It only reads, so a running bot is not in its way.
        code = command_line.main(["doctor", "--ledger"])

    assert code == 0
    assert capsys.readouterr().out.startswith("balanced\nissued ")


def test_doctor_says_which_providers_are_set_up_and_what_the_others_need(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["doctor"]) == 0

    told = capsys.readouterr().out
    assert "provider kie_jobs: set up\n" in told
    assert "openai_videos (needs OPENAI_API_KEY)\n" in told
    assert "google_veo, google_omni (needs GOOGLE_API_KEY)\n" in told
    assert told.splitlines()[-2] == "balanced"


def test_doctor_shows_the_first_difference(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forget_a_job(database)

    assert command_line.main(["doctor", "--ledger"]) == 1

    assert re.match(
        r"not balanced:\naccount \d+ \(spent of guild 10\): holds 101, its lines say 100\n", capsys.readouterr().out
    )


def test_doctor_without_a_database_says_what_to_do(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["doctor"]) == command_line.EX_IOERR

    assert "see whether DATA_DIR or DATABASE_URL names the right one" in capsys.readouterr().err


# Backup.


def test_backup_goes_below_the_data_folder_beside_a_running_bot(
    database: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with owned(database):
        code = command_line.main(["backup"])

    said = capsys.readouterr().out.splitlines()
    (made,) = (data / "backups").iterdir()
    assert code == 0
    assert re.fullmatch(r"cutscene-\d{8}T\d{6}Z\.db", made.name)
    assert re.fullmatch(rf"backed up to {re.escape(str(made))} \(\d+ KiB, 2 jobs, ledger balanced\)", said[0])
    assert said[1:] == ["not in it: 1 file (1 KiB) of jobs on their way or parked; --with-files copies them too"]


def test_backup_into_a_folder_or_under_a_name(database: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()

    assert command_line.main(["backup", str(tmp_path / "there")]) == 0
    assert command_line.main(["backup", "mine.db"]) == 0

    assert [path.suffix for path in (tmp_path / "there").iterdir()] == [".db"]
    assert count(tmp_path / "mine.db") == 2


def test_backup_replaces_only_by_force(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.db").write_text("my diary")

    refused = command_line.main(["backup", "mine.db"])
    kept = (tmp_path / "mine.db").read_text()
    forced = command_line.main(["backup", "mine.db", "--force"])

    assert (refused, kept, forced) == (command_line.EX_IOERR, "my diary", 0)
    assert "database: mine.db exists: name another file, or add --force" in capsys.readouterr().err
    assert count(tmp_path / "mine.db") == 2


def test_backup_takes_the_files_of_unfinished_jobs_along(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["backup", "mine.db", "--with-files"]) == 0
    again = command_line.main(["backup", "mine.db", "--with-files"])

    assert "files: 1 copied to mine.files (1 KiB)" in capsys.readouterr().out
    assert (tmp_path / "mine.files" / "inputs" / PICTURE.name).read_bytes() == b"picture"
    assert again == command_line.EX_IOERR


def test_backup_of_no_files_names_no_folder_that_is_not_there(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command_line.main(["migrate"])

    assert command_line.main(["backup", "mine.db", "--with-files"]) == 0

    assert "files: none are needed\n" in capsys.readouterr().out
    assert not Path("mine.files").exists()


def test_backup_of_a_server_names_its_own_tool(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://nobody@127.0.0.1:1/none")

    codes = [command_line.main(["backup"]), command_line.main(["restore", "mine.db"])]

    assert codes == [command_line.EX_IOERR] * 2
    assert capsys.readouterr().err.count("use pg_dump and pg_restore") == 2


def test_backup_without_a_database_makes_none(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["backup"]) == command_line.EX_IOERR

    assert "there is no database at" in capsys.readouterr().err
    assert not (data / "cutscene.db").exists()


# Restore.


def test_restore_says_what_it_did_and_what_comes_of_it(
    database: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line.main(["backup", "mine.db", "--with-files"])
    (data / "inputs" / PICTURE.name).unlink()
    capsys.readouterr()

    code = command_line.main(["restore", "mine.db"])

    said = capsys.readouterr().out.splitlines()
    assert code == 0
    assert re.fullmatch(r"restored mine\.db \(\d+ KiB, 2 jobs, ledger balanced\)", said[0])
    aside = said[1].removeprefix("the database before is kept as ")
    assert count(Path(aside)) == 2
    assert said[2:] == [
        "files: 1 put back from mine.files",
        "at the next start: 1 may have been submitted since: not sent again, refunded unless a callback names the task",
    ]
    assert (data / "inputs" / PICTURE.name).read_bytes() == b"picture"
    assert count(database) == 2


def test_restore_is_refused_while_the_bot_runs(database: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command_line.main(["backup", "mine.db"])
    before = database.read_bytes()
    with owned(database):
        code = command_line.main(["restore", "mine.db"])

    assert code == command_line.EX_IOERR
    assert "in use by process" in capsys.readouterr().err
    assert database.read_bytes() == before
    assert not list(data.glob("*.before-restore-*"))


def test_restore_of_something_else_changes_nothing(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.db").write_text("my diary" * 1000)

    assert command_line.main(["restore", "mine.db"]) == command_line.EX_IOERR

    assert "database: the file is not a Cutscene database" in capsys.readouterr().err
    assert count(database) == 2


def test_restore_onto_a_new_machine(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line.main(["backup", "mine.db"])
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "new"))
    capsys.readouterr()

    assert command_line.main(["restore", "mine.db"]) == 0
    assert command_line.main(["doctor"]) == 0

    said = capsys.readouterr().out
    assert "is kept as" not in said
    assert "\nbalanced\n" in said


# Wrong uses.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dance"], "invalid choice: 'dance'"),
        (["restore"], "the following arguments are required: FROM"),
        (["backup", "one", "two"], "unrecognized arguments: two"),
        (["doctor", "--cure"], "unrecognized arguments: --cure"),
        (["migrate", "--force"], "unrecognized arguments: --force"),
    ],
)
def test_a_wrong_use_is_named_and_does_nothing(
    arguments: list[str], said: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert not data.exists()


NEEDING_ALL = command_line.COMMANDS.keys() - command_line.OFFLINE.keys() - {"restore"}


@pytest.mark.parametrize("command", [[], *([name] for name in sorted(NEEDING_ALL)), ["restore", "x"]])
def test_every_command_that_needs_it_names_a_setting_that_is_missing(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")

    assert command_line.main(command) == command_line.EX_CONFIG

    assert capsys.readouterr().err.startswith("DISCORD_TOKEN: is missing.")


def test_help_tells_what_each_command_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--help"])

    said = capsys.readouterr().out
    assert ended.value.code == 0
    for name in command_line.COMMANDS:
        assert re.search(rf"^    {name}\s+[A-Z]", said, re.MULTILINE), name


def test_a_second_bot_is_refused_with_the_name_of_the_first(database: Path) -> None:
    # In a process of its own, because it brings its own warnings along.
    with owned(database):
        second = subprocess.run(
            [sys.executable, "-m", "bot", "run"], capture_output=True, text=True, check=False, env=environment_of_bot()
        )

    assert second.returncode == command_line.EX_IOERR
    assert re.fullmatch(
        rf"database: {re.escape(str(database))} is in use by process {os.getpid()} on \S+, started .* UTC "
        r"\(\d+ seconds? ago\)\. Stop that one first, or set another DATA_DIR\.\n",
        second.stderr,
    )


def environment_of_bot() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


# The host's decisions.


def made_today(database: Path) -> None:
    """What was made on the day of the tests was made today, whatever day it is."""
    today = int(datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE guild_usage SET day = ?", (today,))


def test_host_sees_and_decides_beside_the_running_bot(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*arguments: str) -> str:
        with owned(database):
            assert command_line.main(["host", *arguments]) == 0
        return capsys.readouterr().out

    status = told()
    assert "New videos are accepted.\nOn their way: 1 waiting\n" in status
    assert re.search(r"^Disk: \d+ MiB free, the database takes 1 MiB$", status, re.MULTILINE)
    assert told("budget", "--daily", "2.50").startswith("Today: $0.00 of $2.50 (0 %)\n")
    assert "without a limit" in told("budget", "--daily", "none")
    assert "Members read: Back on Monday." in told("pause", "Back on Monday.")
    assert told("resume") == "New videos are accepted.\n"
    assert "10: denied" in told("guilds", "deny", "10")
    assert "10: denied · at most $1.00 per day" in told("budget", "--server", "10", "--daily", "1")
    assert "Only servers that you have allowed" in told("guilds", "invitation-only")
    assert "10: at most $1.00 per day" in told("guilds", "forget", "10")
    assert told("usage", "--server", "20") == "Nothing was made in this time.\n"
    made_today(database)
    assert "10: $1.00 · 2 videos\n  maker: $1.00 · 2 videos\n" in told("usage", "--days", "2")
    assert "seedance-2-fast: switched off · decided by you" in told("models", "seedance-2-fast", "off")
    assert "seedance-2-fast: on offer\n" in told("models", "seedance-2-fast", "auto")
    assert told("doctor") == "Every balance agrees with its entries.\n"
    assert told("orphans") == "Every create call was answered.\n"
    assert "Job 2 · waiting · maker · kie_jobs · 10" in told("stuck")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["budget", "--daily", "five"], 2, "'five' is no amount of US dollars"),
        (["guilds", "deny", "Film club"], 2, "'Film club' is not a server's number"),
        (["guilds", "deny"], command_line.EX_CONFIG, "name the server by its number"),
        (["models", "seedance-9", "off"], command_line.EX_CONFIG, "there is no model 'seedance-9'"),
        (["usage", "--days", "0"], 2, "a number from 1 to 366"),
    ],
)
def test_host_with_nonsense_is_refused(
    database: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    try:
        ended: object = command_line.main(["host", *arguments])
    except SystemExit as error:
        ended = error.code

    assert ended == code
    assert said in capsys.readouterr().err


def test_host_without_a_database_says_what_to_do(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["host", "status"]) == command_line.EX_IOERR

    assert "see whether DATA_DIR or DATABASE_URL names the right one" in capsys.readouterr().err
