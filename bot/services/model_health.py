"""Which models break: a circuit breaker for each model string, opened by failures that are the vendor's own.

It is per model and not per provider, because a vendor's models break one at a time. What is known here is lost with the
process; three failures later it is known again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot import logs
from bot.domain.ids import JobId, ProviderId
from bot.domain.jobs import FailureReason, Job, JobState
from bot.domain.models import VideoModel
from bot.metrics import Metrics
from bot.ports import Clock
from bot.services.availability import Availability

log = logs.get(__name__)

# One failure is bad luck and two may be one member's prompt; with three in a row the fourth would fail as well.
MOST_FAILURES = 3
# How long a broken model is left alone; doubled when it fails again after that.
SHORTEST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
# A trial that has not ended by then says nothing any more.
TRIAL_PATIENCE = timedelta(hours=2)
# Ends of so many jobs are remembered, as a job is announced several times after its end.
MOST_REMEMBERED = 1000

# Failures that another request would meet, too; what a filter or a picture is to blame for is none.
VENDORS_OWN = frozenset({FailureReason.UPSTREAM, FailureReason.TIMEOUT, FailureReason.NO_RESULT, FailureReason.BUSY})

Key = tuple[ProviderId, str]


class Condition(StrEnum):
    WELL = "well"
    BROKEN = "broken"  # nothing is sent
    ON_TRIAL = "on_trial"  # one job is sent, or may be, to see whether it works again


@dataclass(slots=True)
class _Breaker:
    """What is known of one model string. `opened_at` is None while it is well."""

    failures: int = 0
    opened_at: datetime | None = None
    pause: timedelta = SHORTEST_PAUSE
    is_confirmed: bool = False  # its pause is over and nothing speaks against a trial
    trial: JobId | None = None
    trial_at: datetime | None = None


class ModelHealth:
    """Hears how jobs end (`follow`), and says whether the next may be sent."""

    def __init__(self, availability: Availability, clock: Clock, metrics: Metrics) -> None:
        self._availability = availability
        self._clock = clock
        self._metrics = metrics
        self._breakers: dict[Key, _Breaker] = {}
        self._ended: OrderedDict[JobId, None] = OrderedDict()

    def follow(self, job: Job) -> None:
        """A job has moved; to be called by the lifecycle."""
        key = self._key(job)
        if key is None:
            return
        match job.state:
            case JobState.FETCHING:
                self._succeeded(key)
            case JobState.FAILED if self._is_new_end(job.id):
                if job.failure in VENDORS_OWN:
                    self._failed(key, job.id)
                else:
                    self._end_trial(key, job.id)
            case JobState.CANCELLED:
                self._end_trial(key, job.id)
            case _:
                pass

    def may_submit(self, job: Job) -> bool:
        """Whether the job may be sent now; to a model on trial one at a time."""
        key = self._key(job)
        breaker = self._breakers.get(key) if key is not None else None
        if breaker is None or breaker.opened_at is None:
            return True
        now = self._clock.now()
        if breaker.trial_at is not None and now - breaker.trial_at > TRIAL_PATIENCE:
            breaker.trial = breaker.trial_at = None
        if breaker.is_confirmed and breaker.trial is None:
            breaker.trial, breaker.trial_at = job.id, now
        return breaker.trial == job.id

    def condition(self, provider: ProviderId, slug: str) -> Condition:
        breaker = self._breakers.get((provider, slug))
        if breaker is None or breaker.opened_at is None:
            return Condition.WELL
        return Condition.ON_TRIAL if breaker.is_confirmed else Condition.BROKEN

    def is_broken(self, job: Job) -> bool:
        """Whether the job waits, or would wait, because its model is broken."""
        key = self._key(job)
        return key is not None and self.condition(*key) is not Condition.WELL

    def is_well(self, model: VideoModel) -> bool:
        """Whether each mode of the model works."""
        return all(self.condition(model.provider, slug) is Condition.WELL for slug in model.slugs())

    def broken(self) -> list[Key]:
        """The model strings that are not well."""
        return [key for key, breaker in self._breakers.items() if breaker.opened_at is not None]

    def due(self) -> Iterator[Key]:
        """Broken model strings whose pause is over, so that somebody may find out whether they are there again."""
        now = self._clock.now()
        for key, breaker in self._breakers.items():
            if breaker.opened_at is not None and not breaker.is_confirmed and now >= breaker.opened_at + breaker.pause:
                yield key

    def confirm(self, key: Key) -> None:
        """Nothing speaks against a trial."""
        self._breakers[key].is_confirmed = True
        log.info("model_on_trial", provider=key[0], slug=key[1])

    def wait_longer(self, key: Key) -> None:
        """It is still broken, or nobody can say."""
        breaker = self._breakers[key]
        breaker.opened_at, breaker.pause = self._clock.now(), min(2 * breaker.pause, LONGEST_PAUSE)

    def _key(self, job: Job) -> Key | None:
        model = self._availability.catalogue.find(job.model)
        spec = None if model is None else model.modes.get(job.video.mode)
        return None if spec is None else (job.provider, spec.slug)

    def _is_new_end(self, job_id: JobId) -> bool:
        if job_id in self._ended:
            return False
        self._ended[job_id] = None
        if len(self._ended) > MOST_REMEMBERED:
            self._ended.popitem(last=False)
        return True

    def _succeeded(self, key: Key) -> None:
        breaker = self._breakers.pop(key, None)
        if breaker is not None and breaker.opened_at is not None:
            log.warning("model_works_again", provider=key[0], slug=key[1])
            self._metrics.model_broken(*key, is_broken=False)

    def _failed(self, key: Key, job_id: JobId) -> None:
        breaker = self._breakers.setdefault(key, _Breaker())
        breaker.failures += 1
        now = self._clock.now()
        if breaker.opened_at is not None:
            if breaker.trial == job_id:
                breaker.trial = breaker.trial_at = None
                breaker.is_confirmed = False
                self.wait_longer(key)
        elif breaker.failures >= MOST_FAILURES:
            breaker.opened_at = now
            log.warning("model_broken", provider=key[0], slug=key[1], failures=breaker.failures)
            self._metrics.model_broken(*key, is_broken=True)

    def _end_trial(self, key: Key, job_id: JobId) -> None:
        """The trial ended without a word about the model: the next job is one."""
        breaker = self._breakers.get(key)
        if breaker is not None and breaker.trial == job_id:
            breaker.trial = breaker.trial_at = None
