"""Which models break: a circuit breaker for each model string, opened by failures that are the vendor's own.

It is per model and not per provider, because a vendor's models break one at a time. What is known here is kept in
memory; the next process learns it from what became of the newest jobs (`recall`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import itemgetter

from bot import logs
from bot.domain.ids import JobId, ModelId, ProviderId
from bot.domain.jobs import FailureReason, Job, JobState
from bot.domain.models import Mode, VideoModel
from bot.metrics import Metrics
from bot.ports import Clock
from bot.services.availability import Availability
from bot.store import outcomes
from bot.store.database import Database
from bot.store.outcomes import Outcome

log = logs.get(__name__)

# One failure is bad luck and two may be one member's prompt; with three in a row the fourth would fail as well.
MOST_FAILURES = 3
# How long a broken model is left alone; doubled when it fails again after that.
SHORTEST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
# A trial that has not ended by then says nothing any more.
TRIAL_PATIENCE = timedelta(hours=2)
# How far back a process that starts looks. Whoever was broken before that has had many an hour to be mended.
LOOK_BACK = timedelta(hours=6)
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

    def fail(self, at: datetime, *, is_trial: bool) -> bool:
        """One more failure; True when it is the one that opens the breaker."""
        self.failures += 1
        if self.opened_at is None:
            self.opened_at = at if self.failures >= MOST_FAILURES else None
            return self.opened_at is not None
        if is_trial:
            self.end_trial()
            self.is_confirmed = False
            self.wait_longer(at)
        return False

    def wait_longer(self, at: datetime) -> None:
        self.opened_at, self.pause = at, min(2 * self.pause, LONGEST_PAUSE)

    def begin_trial(self, job_id: JobId, at: datetime) -> None:
        self.trial, self.trial_at = job_id, at

    def was_tried_by(self, outcome: Outcome) -> bool:
        """While it is open nothing but trials is sent."""
        return self.opened_at is not None and outcome.sent_at > self.opened_at

    def end_trial(self) -> None:
        self.trial = self.trial_at = None


class ModelHealth:
    """Hears how jobs end (`follow`), and says whether the next may be sent."""

    def __init__(self, availability: Availability, clock: Clock, metrics: Metrics) -> None:
        self._availability = availability
        self._clock = clock
        self._metrics = metrics
        self._breakers: dict[Key, _Breaker] = {}
        self._ended: OrderedDict[JobId, None] = OrderedDict()
        self._began_at = clock.now()

    async def recall(self, database: Database) -> None:
        """Learn what an earlier process knew; to be called before any job moves."""
        sent = await database.read(outcomes.newest, self._clock.now() - LOOK_BACK)
        for at, outcome in sorted(_verdicts(sent), key=itemgetter(0)):
            self._recall_verdict(at, outcome)
        for outcome in sent:
            self._recall_trial(outcome)
        for key in self.broken():
            self._tell_broken(key)

    def follow(self, job: Job) -> None:
        """A job has moved; to be called by the lifecycle."""
        key = self._key(job)
        if key is None:
            return
        match job.state:
            case JobState.FETCHING:
                self._succeeded(key)
            case JobState.FAILED if self._is_new_end(job):
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
            breaker.end_trial()
        if breaker.is_confirmed and breaker.trial is None:
            breaker.begin_trial(job.id, now)
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
        self._breakers[key].wait_longer(self._clock.now())

    def _key(self, job: Job) -> Key | None:
        return self._key_of(job.provider, job.model, job.video.mode)

    def _key_of(self, provider: ProviderId, model_id: ModelId, mode: Mode) -> Key | None:
        model = self._availability.catalogue.find(model_id)
        spec = None if model is None else model.modes.get(mode)
        return None if spec is None else (provider, spec.slug)

    def _recall_verdict(self, at: datetime, outcome: Outcome) -> None:
        key = self._key_of(outcome.provider, outcome.model, outcome.mode)
        if key is None:
            return
        if at == outcome.rendered_at:
            self._breakers.pop(key, None)
            return
        breaker = self._breakers.setdefault(key, _Breaker())
        breaker.fail(at, is_trial=breaker.was_tried_by(outcome))

    def _recall_trial(self, outcome: Outcome) -> None:
        """A trial goes on over a restart."""
        key = self._key_of(outcome.provider, outcome.model, outcome.mode)
        breaker = None if key is None else self._breakers.get(key)
        if breaker is not None and outcome.is_at_provider and breaker.was_tried_by(outcome):
            breaker.is_confirmed = True
            breaker.begin_trial(outcome.job_id, outcome.sent_at)

    def _is_new_end(self, job: Job) -> bool:
        """False for an end that was heard of, or that an earlier process has seen: a job also moves after its end."""
        if job.id in self._ended or (job.finished_at is not None and job.finished_at < self._began_at):
            return False
        self._ended[job.id] = None
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
        if breaker.fail(self._clock.now(), is_trial=breaker.trial == job_id):
            self._tell_broken(key)

    def _tell_broken(self, key: Key) -> None:
        log.warning("model_broken", provider=key[0], slug=key[1], failures=self._breakers[key].failures)
        self._metrics.model_broken(*key, is_broken=True)

    def _end_trial(self, key: Key, job_id: JobId) -> None:
        """The trial ended without a word about the model: the next job is one."""
        breaker = self._breakers.get(key)
        if breaker is not None and breaker.trial == job_id:
            breaker.end_trial()


def _verdicts(sent: Iterable[Outcome]) -> Iterator[tuple[datetime, Outcome]]:
    """When each job said something of its model. One whose finished video could not be had has said two things."""
    for outcome in sent:
        if outcome.rendered_at is not None:
            yield outcome.rendered_at, outcome
        if outcome.failed_at is not None and outcome.failure in VENDORS_OWN:
            yield outcome.failed_at, outcome
