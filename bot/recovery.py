"""Backup and restore as a host runs them: the database, the files that its jobs need, and what to know afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.domain.jobs import JobState
from bot.errors import StoreError
from bot.settings import Folders, Settings
from bot.store import backups
from bot.store.backups import Copied
from bot.store.database import file_of
from bot.store.ownership import owned

FOLDER = "backups"


@dataclass(frozen=True, slots=True)
class _Files:
    """Files that jobs on their way, or parked ones, need."""

    present: Mapping[Path, str]  # its place -> the folder's name below DATA_DIR

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.present if path.exists())


def back_up(settings: Settings, target: Path | None, now: datetime, *, is_forced: bool, has_files: bool) -> list[str]:
    """Copy the database beside a running bot. What was done, in lines. Raises StoreError."""
    database = _database_file(settings)
    named = settings.data_dir / FOLDER if target is None else target
    if target is None:
        _make_folder(named)
    if named.is_dir():
        named /= f"cutscene-{backups.stamp(now)}.db"
    folder = _files_folder(named)
    if has_files and folder.exists() and not is_forced:
        raise StoreError(f"{folder} exists: name another file, or add --force to replace it")
    made = backups.back_up(database, named, now, is_forced=is_forced)
    lines = [f"backed up to {made.path} ({_spoken(made.size)}, {_checked(made)})"]
    files = _find(settings.folders, made.findings.files)
    if has_files:
        size = files.size
        copied = _copy(files, folder)
        # The folder is made with its first file.
        lines.append(f"files: {copied} copied to {folder} ({_spoken(size)})" if copied else "files: none are needed")
    elif files.present:
        count = len(files.present)
        lines.append(
            f"not in it: {count} file{'' if count == 1 else 's'} ({_spoken(files.size)}) of jobs on their way or "
            "parked; --with-files copies them too"
        )
    return lines


def restore(settings: Settings, source: Path, now: datetime) -> list[str]:
    """Put a backup in the database's place. What was done, and what comes of it, in lines. Raises StoreError."""
    database = _database_file(settings)
    with owned(database):
        done = backups.restore(source, database, now)
        files = _files_folder(source)
        returned = _put_back(files, settings) if files.is_dir() else 0
    lines = [f"restored {source} ({_spoken(done.size)}, {_checked(done)})"]
    if done.aside is not None:
        lines.append(f"the database before is kept as {done.aside}")
    if returned:
        lines.append(f"files: {returned} put back from {files}")
    return [*lines, *_what_comes(done.findings.counts)]


def _what_comes(counts: Mapping[JobState, int]) -> list[str]:
    """What the next start does with the jobs that were on their way when the backup was taken."""
    unsure = sum(counts.get(state, 0) for state in (JobState.QUEUED, JobState.SUBMITTING, JobState.UNKNOWN))
    plans = (
        (unsure, "may have been submitted since: not sent again, refunded unless a callback names the task"),
        (counts.get(JobState.RUNNING, 0), "running: the provider is asked"),
        (counts.get(JobState.FETCHING, 0), "finished: the video is fetched"),
        (counts.get(JobState.DELIVERING, 0), "being delivered: the channel is searched before anything is posted"),
    )
    lines = [f"at the next start: {count} {plan}" for count, plan in plans if count]
    return lines or ["at the next start: no job was on its way"]


def _database_file(settings: Settings) -> Path:
    database = file_of(settings.database_url)
    if database is None:
        raise StoreError("it is on a server: use pg_dump and pg_restore, these commands copy SQLite files")
    return database


def _files_folder(backup: Path) -> Path:
    return backup.with_name(f"{backup.stem}.files")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made ({error.strerror}): check the rights of DATA_DIR") from error


def _find(folders: Folders, names: Collection[str]) -> _Files:
    places = [(folder / name, folder.name) for name in sorted(names) for folder in (folders.inputs, folders.results)]
    present = {path: folder for path, folder in places if path.is_file()}
    return _Files(present)


def _copy(files: _Files, to: Path) -> int:
    """Copy what is still there: a video that is posted meanwhile goes, and its job finds the post."""
    copied = 0
    try:
        for path, folder in files.present.items():
            (to / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                shutil.copy2(path, to / folder / path.name)
                copied += 1
            except FileNotFoundError:
                continue
    except OSError as error:
        raise StoreError(f"the database is backed up, its files are not: {to} ({error.strerror})") from error
    return copied


def _put_back(files: Path, settings: Settings) -> int:
    """Copy the files that are missing; one that is there is never replaced."""
    returned = 0
    try:
        for folder in (settings.folders.inputs, settings.folders.results):
            kept = files / folder.name
            for path in sorted(kept.iterdir()) if kept.is_dir() else ():
                if path.is_file() and not (folder / path.name).exists():
                    shutil.copy2(path, folder / path.name)
                    returned += 1
    except OSError as error:
        raise StoreError(f"the database is restored, the files in {files} are not ({error.strerror})") from error
    return returned


def _checked(copied: Copied) -> str:
    if not copied.findings.is_audited:
        return f"schema {copied.findings.revision} of an older version, ledger not checked"
    count = sum(copied.findings.counts.values())
    return f"{count} job{'' if count == 1 else 's'}, ledger balanced"


def _spoken(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{max(1, size // 2**10)} KiB"
