"""What the steps need of the world around them, and what they share: patience and back-off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from bot.domain.ids import ProviderId
from bot.domain.jobs import FailureReason, Job, JobState, LateResults, Move
from bot.errors import ProviderUnavailableError
from bot.ports import Cards, Clock, Downloads, Encoder, LinkMaker, Provider, Publisher
from bot.services.availability import Availability, ProviderGate
from bot.services.estimates import Estimates
from bot.services.lifecycle import Lifecycle
from bot.services.model_health import ModelHealth
from bot.services.queue import Queue
from bot.services.troubles import Troubles
from bot.worker import schedule
from bot.worker.limits import Rates
from bot.worker.odd_answers import OddAnswers

# How long a job is ours while its create call, its transfer or its post is under way: longer than the call's own
# timeouts, so that nobody else takes a job that is still being worked on.
SUBMIT_LEASE = timedelta(minutes=5)
POLL_LEASE = timedelta(minutes=2)
TRANSFER_LEASE = timedelta(minutes=20)

# How often an answer that nobody understands, or a message that does not get through, is tried again.
MAX_ODD_ANSWERS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where pictures wait for their job and videos for their post."""

    inputs: Path
    results: Path
    odd_answers: Path | None = None  # of providers; None where none are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Everything that a step may use. `kept` is how long a video that could not be posted waits for its member."""

    providers: Mapping[ProviderId, Provider]
    rates: Rates
    downloads: Downloads
    publisher: Publisher
    cards: Cards
    lifecycle: Lifecycle
    queue: Queue
    availability: Availability
    gate: ProviderGate
    health: ModelHealth
    troubles: Troubles
    estimates: Estimates
    clock: Clock
    folders: Folders
    public_url: str | None
    random: Random
    encoder: Encoder | None = None
    links: LinkMaker | None = None
    odd_answers: OddAnswers | None = None
    kept: timedelta = timedelta(days=14)

    def provider(self, job: Job) -> Provider:
        """Who makes the job's video. Raises ProviderUnavailableError when the host has taken its key away."""
        found = self.providers.get(job.provider)
        if found is None:
            raise ProviderUnavailableError(f"the provider {job.provider} is not set up any more")
        return found

    def back_off(self, attempt: int, *, first: float, longest: float) -> timedelta:
        """Seconds to wait before the next try, spread a little."""
        return schedule.back_off(
            attempt, self.random, first=timedelta(seconds=first), longest=timedelta(seconds=longest)
        )

    def parked(self, detail: str) -> Move:
        """The video stays here until its member claims it."""
        return Move(to=JobState.PARKED, after=self.kept, detail=detail)

    def next_late_look(self, job: Job) -> timedelta | None:
        """Rarer and rarer, and never again once the provider no longer keeps the record."""
        if self.lifecycle.policy.late is LateResults.IGNORE:
            return None
        terms = self.rates.terms(job.provider)
        age = self.clock.now() - (job.submitted_at or job.created_at)
        # A video that is not kept for long is worth a look before it is gone.
        longest = min(timedelta(days=1), terms.results_kept / 2)
        return None if age > terms.records_kept else min(max(age, timedelta(hours=1)), longest)


def failed(reason: FailureReason, detail: str) -> Move:
    return Move(to=JobState.FAILED, failure=reason, detail=detail)
