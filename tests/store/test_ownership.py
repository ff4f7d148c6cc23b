"""One process per SQLite file, shown with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.store.ownership import owned

OWNER = """
import sys
from pathlib import Path
from bot.store.ownership import owned
with owned(Path(sys.argv[1])):
    print("owned", flush=True)
    sys.stdin.read()
"""


@contextmanager
def owner_of(database: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(database)],
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

    assert note.startswith(f"process {os.getpid()}, started ")


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
