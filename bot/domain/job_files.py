"""One job with everything that is written about it, as a guild's staff sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.credits import JobEntry
from bot.domain.jobs import Job, JobState
from bot.domain.safety import Block

# Its video has been made and paid for.
POSTED = (JobState.DELIVERED, JobState.PARKED)


def is_redeliverable(job: Job) -> bool:
    """Whether the video can be brought to its place again: it is here, or its provider may still have it."""
    return job.state in POSTED and (job.stored is not None or job.result is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """One job with everything that is written about it. `given_back` is what staff has refunded after its end."""

    job: Job
    timeline: Sequence[tuple[datetime, JobState]]
    entries: Sequence[JobEntry]
    charged: int
    given_back: int | None
    block: Block | None
    is_in_doubt: bool = False  # nobody can see whether its video was posted, and somebody has to decide

    @property
    def can_cancel(self) -> bool:
        return self.job.state is JobState.QUEUED or self.is_in_doubt

    @property
    def can_refund(self) -> bool:
        return self.job.state in POSTED and self.charged > 0 and self.given_back is None

    @property
    def can_redeliver(self) -> bool:
        return is_redeliverable(self.job)
