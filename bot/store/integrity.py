"""Whether a database can be trusted: its pages, its references, its schema and its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from bot.domain.jobs import JobState
from bot.errors import StoreError, StoreTrouble
from bot.store import audit, jobs, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a database was found to be. `is_audited` is False when its schema is not this version's."""

    revision: str
    is_audited: bool
    counts: Mapping[JobState, int]
    files: frozenset[str]  # pictures and videos that its jobs still need


def examine(connection: Connection) -> Findings:
    """Look all of an SQLite database over. Raises StoreError with the first thing that is wrong."""
    check_pages(connection, "integrity_check")
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise StoreError(f"a row of {broken[0]} refers to a row of {broken[2]} that is not there", StoreTrouble.DAMAGED)
    revision = schema.revision(connection)
    if revision is None:
        raise StoreError("the file is not a Cutscene database")
    if revision > schema.HEAD:
        raise StoreError(
            f"the file is from a newer version of Cutscene (schema {revision}, this version knows {schema.HEAD})"
        )
    if revision != schema.HEAD:
        return Findings(revision=revision, is_audited=False, counts={}, files=frozenset())
    differences = audit.differences(connection)
    if differences:
        raise StoreError(f"the ledger does not balance: {differences[0]}", StoreTrouble.DAMAGED)
    return Findings(
        revision=revision,
        is_audited=True,
        counts=jobs.counts(connection),
        files=frozenset(jobs.files_in_use(connection)),
    )


def check_pages(connection: Connection, pragma: str = "quick_check") -> None:
    """Raise StoreError when SQLite finds its own file damaged; the quick check leaves the indexes out."""
    if connection.dialect.name != "sqlite":
        return
    said = connection.exec_driver_sql(f"PRAGMA {pragma}(1)").scalar_one()
    if said != "ok":
        raise StoreError(f"the database file is damaged: {said}", StoreTrouble.DAMAGED)
