"""What ends a process, or the step that it is in."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.ids import JobId
from bot.errors.trunk import CutsceneError


class ConfigurationError(CutsceneError):
    """Settings that cannot work; one line per problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnreachableError(CutsceneError):
    """A server that the bot cannot do without does not answer, in a line for the host; starting again may help."""


class StoreTrouble(StrEnum):
    """What keeps a database from being used, as far as it matters what is done about it."""

    FULL = "full"
    READ_ONLY = "read-only"
    LOCKED = "locked"  # another program holds it
    DAMAGED = "damaged"
    UNSURE = "unsure"  # nobody can say whether the last commit is on the disk; only a new start finds out
    SERVER = "server"  # the database is on a server, and that does not answer
    OTHER = "other"


class StoreError(CutsceneError):
    """The database cannot be used, and why, in a line for the host."""

    def __init__(self, message: str, trouble: StoreTrouble = StoreTrouble.OTHER) -> None:
        super().__init__(message)
        self.trouble = trouble


class StaleJobError(CutsceneError):
    """Somebody else moved the job meanwhile; what this step knew is worth nothing now. Stop silently."""

    def __init__(self, job_id: JobId) -> None:
        super().__init__(f"job {job_id} was moved by somebody else")
