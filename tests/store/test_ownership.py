"""One process per SQLite file, shown with real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.store import ownership
from bot.store.ownership import owned

OWNER = """
import sys
from pathlib import Path
from bot.store.ownership import owned
with owned(Path(sys.argv[1])):
    print("owned", flush=True)
    sys.stdin.read()
"""


# As the bot does with a program that looks at a picture.
PARENT = """
import subprocess, sys
from pathlib import Path
from bot.store.ownership import owned
with owned(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL)
    print("owned", child.pid, sep="\\n", flush=True)
    sys.stdin.read()
"""


@contextmanager
def owner_of(database: Path, program: str = OWNER) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", program, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "owned\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    database = tmp_path / "cutscene.db"

    with (
        owner_of(database) as first,
        pytest.raises(StoreError, match=f"in use by process {first.pid}"),
        owned(database),
    ):
        pass


def test_a_process_that_is_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    database = tmp_path / "cutscene.db"
    with owner_of(database) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()

        with owned(database):
            note = (tmp_path / "cutscene.db.owner").read_text()

    assert note.startswith(f"process {os.getpid()} on {socket.gethostname()}, started ")


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        (1, "1 second"),
        (59, "59 seconds"),
        (90, "1 minute"),
        (7_300, "2 hours"),
        (90_000, "1 day"),
        (200_000, "2 days"),
        (-3_600, "0 seconds"),
    ],
)
def test_the_refusal_tells_how_long_the_owner_has_been_there(
    tmp_path: Path, seconds: int, age: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "cutscene.db"
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    now = noon

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return now

    monkeypatch.setattr(ownership, "datetime", Clock)
    with owned(database):
        now = noon + timedelta(seconds=seconds)
        with pytest.raises(StoreError) as caught, owned(database):
            pass

    expected = f"process {os.getpid()} on {socket.gethostname()}, started 2026-11-20 12:00:00 UTC ({age} ago)."
    assert f"{database} is in use by {expected} Stop that one first" in str(caught.value)


def test_a_database_under_two_names_has_one_owner(tmp_path: Path) -> None:
    database, link, folder = tmp_path / "cutscene.db", tmp_path / "link.db", tmp_path / "folder"
    database.touch()
    link.symlink_to(database)
    folder.symlink_to(tmp_path, target_is_directory=True)

    for other in (link, folder / "cutscene.db"):
        with owned(database), pytest.raises(StoreError, match="in use"), owned(other):
            pass


def test_an_owner_that_could_not_sign_is_another_process(tmp_path: Path) -> None:
    database = tmp_path / "cutscene.db"
    with owned(database):
        (tmp_path / "cutscene.db.owner").write_text("")

        with pytest.raises(StoreError, match="in use by another process"), owned(database):
            pass


def test_a_child_that_outlives_its_process_does_not_hold_the_database(tmp_path: Path) -> None:
    database = tmp_path / "cutscene.db"
    with owner_of(database, PARENT) as first:
        assert first.stdout is not None
        child = int(first.stdout.readline())
        first.kill()
        first.wait()

        try:
            with owned(database):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_file_that_was_given_back_can_be_owned_again(tmp_path: Path) -> None:
    database = tmp_path / "cutscene.db"
    with owned(database):
        pass

    with owned(database), pytest.raises(StoreError), owned(database):
        pass


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"), owned(tmp_path / "missing" / "cutscene.db"):
        pass


def test_a_server_has_no_file_to_own() -> None:
    with owned(None), owned(None):
        pass
