"""From an accepted job to a finished task: each step does one job's network work and returns the move that follows.

A step never holds a transaction. Before a call whose effect cannot be taken back (create, post) the intent is written
first, so that a crash in between leaves a trace of what may have happened.
"""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

from bot import logs
from bot.domain.ids import ProviderId
from bot.domain.jobs import FailureReason, Job, JobState, Move
from bot.domain.models import ModeSpec, VideoModel
from bot.domain.pictures import Clip, Picture
from bot.domain.vendor_inputs import attached, vendor_fields
from bot.errors import (
    AccountFault,
    AnswerLostError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import (
    Done,
    Empty,
    NotVisible,
    Pending,
    Provider,
    Reference,
    Refused,
    Submission,
    SubmittedValue,
)
from bot.worker import hints, schedule, watches
from bot.worker.hold import Hold
from bot.worker.needs import MAX_ODD_ANSWERS, SUBMIT_LEASE, Needs, failed

log = logs.get(__name__)

# How long a job waits in the queue for a provider that takes nothing before its credits go back.
QUEUE_PATIENCE = timedelta(hours=1)

# A record may be invisible right after its task was made (one client allows 90 s).
VISIBLE_AFTER = timedelta(seconds=90)

# How often a job looks whether its broken model may be tried again.
MODEL_NAP = timedelta(seconds=20)

# On top of the model's outer limit: the time in which a callback could still name a task whose answer was lost.
CALLBACK_MARGIN = timedelta(minutes=15)

# On top of the model's outer limit: how long an outage, of the provider or of ourselves, may keep us from asking.
OUTAGE_PATIENCE = timedelta(hours=12)

# The longest wait that a provider's answer may ask for: its clock or its configuration may be wrong.
LONGEST_WISH = timedelta(minutes=10)


class Making:
    """The steps of QUEUED, SUBMITTING, UNKNOWN and RUNNING; which state goes where is in `bot/worker/loop.py`."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._outages: dict[ProviderId, int] = {}  # queries in a row that found nobody, by provider

    async def submit(self, hold: Hold) -> Move:
        """QUEUED: bring the picture over, write the intent, ask for the task once."""
        job = hold.job
        model = self._needs.availability.catalogue.find(job.model)
        provider = self._needs.providers.get(job.provider)
        if model is None or job.video.mode not in model.modes:
            return failed(FailureReason.REJECTED, "the catalogue no longer has this model")
        if provider is None:
            return failed(FailureReason.NOT_NOW, "the provider is not set up any more")
        pause = self._needs.gate.find(job.provider)
        if pause is not None:
            return failed(FailureReason.BALANCE if pause.is_empty else FailureReason.NOT_NOW, "the provider is paused")
        spec = model.modes[job.video.mode]
        if not self._needs.health.may_submit(job):
            return self._wait_for_model(job)
        try:
            fields = await self._fields(job, spec, provider)
        except (ProviderUnavailableError, AnswerLostError) as error:
            return self._wait_in_queue(job, error)
        except ProviderProtocolError as error:
            # There is no task yet, so it may be tried again; but nobody who talks nonsense is waited for for an hour.
            return await self._odd_answer(job, FailureReason.UPSTREAM, str(error))
        except ProviderAuthError as error:
            return await self._not_now(job, error)
        except ProviderRejectedError as error:
            return failed(error.reason, error.detail)
        except FileNotFoundError:
            if job.video.has_picture:
                return failed(FailureReason.IMAGE_GONE, "the stored picture is gone")
            return failed(FailureReason.SOURCE_GONE, "the stored video is gone")
        # Known before the call: nothing may go wrong between its answer and the move that keeps it.
        first_poll = await self._next_poll(job, model, timedelta(0))
        submission = Submission(slug=spec.slug, fields=fields, callback_url=self._callback_url(job))
        await hold.turn()
        job = await hold.advance(Move(to=JobState.SUBMITTING), SUBMIT_LEASE)
        return await self._create(job, spec, provider, submission, first_poll)

    async def recover(self, hold: Hold) -> Move:
        """SUBMITTING whose process died, or UNKNOWN: nothing is ever sent again; a callback may still name the task."""
        job = hold.job
        grace_over = (job.submitted_at or job.created_at) + self.grace(job)
        left = grace_over - self._needs.clock.now()
        try:
            task_id = await hints.hinted_task(self._needs, job)
        except ProviderError as error:
            if left > timedelta(0):
                wait = min(left, self._needs.back_off(job.attempts, first=2, longest=60))
                return Move(to=JobState.UNKNOWN, after=wait, is_retry=True, detail=str(error))
            # Whoever named it knew the job's secret: a guess that is better than giving up a task that may be ours.
            task_id = await self._needs.queue.hinted_task(job)
        if task_id is not None:
            return Move(to=JobState.RUNNING, task_id=task_id, detail="a callback named the task")
        if left > timedelta(0):
            return Move(to=JobState.UNKNOWN, after=left, detail="the create call's answer was lost")
        return failed(FailureReason.NO_ANSWER, "possible orphan at the provider")

    async def poll(self, hold: Hold) -> Move:
        """RUNNING: ask what became of the task."""
        job = hold.job
        model = self._needs.availability.catalogue.find(job.model)
        elapsed = self._needs.clock.now() - (job.submitted_at or job.created_at)
        if job.task_id is None:
            raise AssertionError("the store keeps no running job without its task")
        await hold.turn()
        try:
            status = await self._needs.provider(job).status(job.task_id)
        except (ProviderUnavailableError, AnswerLostError) as error:
            wait = max(self._outage_wait(job.provider), _wish(error))
            return self._patiently(job, model, elapsed, Move(to=JobState.RUNNING, after=wait), OUTAGE_PATIENCE)
        except ProviderAuthError as error:
            # The task goes on without us; the key may work again long before it ends.
            await self._pause(job.provider, error)
            move = Move(to=JobState.RUNNING, after=timedelta(seconds=60))
            return self._patiently(job, model, elapsed, move, OUTAGE_PATIENCE)
        except (ProviderProtocolError, ProviderRejectedError) as error:
            # Where the question itself was refused, that says nothing about the task yet.
            return await self._odd_answer(job, FailureReason.UPSTREAM, str(error))
        self._outages.pop(job.provider, None)
        match status:
            case Done(result=result):
                return Move(to=JobState.FETCHING, result=result)
            case Refused(reason=reason, detail=detail):
                if reason is FailureReason.BALANCE:
                    await self._pause(job.provider, ProviderAuthError(detail, AccountFault.BALANCE))
                return failed(reason, detail)
            case Empty(detail=detail):
                return await self._odd_answer(job, FailureReason.NO_RESULT, detail)
            case NotVisible() if elapsed > VISIBLE_AFTER:
                return await self._odd_answer(job, FailureReason.NO_RESULT, "the provider does not know the task")
            case NotVisible():
                return Move(to=JobState.RUNNING, after=timedelta(seconds=5))
            case Pending():
                wait = await self._next_poll(job, model, elapsed)
                return self._patiently(job, model, elapsed, Move(to=JobState.RUNNING, after=wait))
            case _:
                assert_never(status)

    async def _create(
        self, job: Job, spec: ModeSpec, provider: Provider, submission: Submission, first_poll: timedelta
    ) -> Move:
        try:
            task_id = await provider.create(submission)
        except (AnswerLostError, ProviderProtocolError) as error:
            log.warning("create_answer_lost", job=job.id, model=job.model, reason=str(error))
            detail = await self._kept_answer(job, str(error))
            return Move(to=JobState.UNKNOWN, after=self.grace(job), detail=detail)
        except ProviderUnavailableError as error:
            return self._wait_in_queue(job, error)
        except ProviderAuthError as error:
            return await self._not_now(job, error)
        except ProviderRejectedError as error:
            if error.reason is FailureReason.MODEL_PAUSED:
                self._needs.availability.note_paused(job.provider, spec.slug, error.detail)
            return failed(error.reason, error.detail)
        self._needs.gate.took_job(job.provider)
        return Move(to=JobState.RUNNING, after=first_poll, task_id=task_id)

    async def _fields(self, job: Job, spec: ModeSpec, provider: Provider) -> dict[str, SubmittedValue]:
        fields: dict[str, SubmittedValue] = {**vendor_fields(job.video, spec)}
        uploaded: dict[str, Reference] = {}  # the same file may fill two places
        for place in attached(job.video, spec):
            for file in place.files:
                if file.name not in uploaded:
                    path = self._needs.folders.inputs / file.name
                    uploaded[file.name] = await provider.upload(path, content_type_of(file))
            references = [uploaded[file.name] for file in place.files]
            fields[place.vendor_field] = references if place.as_list else references[0]
        return fields

    async def _next_poll(self, job: Job, model: VideoModel | None, elapsed: timedelta) -> timedelta:
        if model is None:
            return schedule.LONGEST
        history = self._needs.estimates.history(model.id, job.video.mode)
        durations = schedule.Durations.learnt(model.typical, history)
        running = await self._needs.queue.at_provider(*self._needs.rates.sharing(job.provider))
        per_second = self._needs.rates.terms(job.provider).queries_per_second
        return schedule.next_poll(
            elapsed, durations, running=running, per_second=per_second, soft_limit=model.soft_limit
        )

    def _patiently(
        self, job: Job, model: VideoModel | None, elapsed: timedelta, move: Move, more: timedelta = timedelta(0)
    ) -> Move:
        """The move, unless the model's outer limit is over, with *more* of it where the provider did not say."""
        if model is not None:
            if elapsed > model.outer_limit + more:
                return failed(FailureReason.TIMEOUT, f"no result after {elapsed}")
            if elapsed > model.soft_limit:
                self._needs.cards.changed(job)
        return move

    def _wait_in_queue(self, job: Job, error: ProviderError) -> Move:
        """Back to the queue, as long as the member's patience may be assumed."""
        if self._needs.clock.now() - job.created_at > QUEUE_PATIENCE:
            return failed(FailureReason.NOT_NOW, str(error))
        wait = self._needs.back_off(job.attempts, first=5, longest=120)
        return Move(to=JobState.QUEUED, after=max(wait, _wish(error)), is_retry=True, detail=str(error))

    def _wait_for_model(self, job: Job) -> Move:
        """The model is broken: wait for it, as long as the member's patience may be assumed."""
        if self._needs.clock.now() - job.created_at > QUEUE_PATIENCE:
            return failed(FailureReason.NOT_NOW, "the model has failed several times in a row")
        return Move(to=JobState.QUEUED, after=MODEL_NAP, detail="the model has failed several times in a row")

    async def _odd_answer(self, job: Job, reason: FailureReason, detail: str) -> Move:
        is_last = job.attempts + 1 >= MAX_ODD_ANSWERS
        if is_last or job.attempts == 0:
            detail = await self._kept_answer(job, detail)
        if is_last:
            return failed(reason, detail)
        wait = self._needs.back_off(job.attempts, first=3, longest=60)
        return Move(to=job.state, after=wait, is_retry=True, detail=detail)

    async def _kept_answer(self, job: Job, detail: str) -> str:
        """The detail, with the name of the file in which the host finds the whole answer."""
        if self._needs.odd_answers is None:
            return detail
        name = await self._needs.odd_answers.keep(job, detail, self._needs.clock.now())
        return detail if name is None else f"{detail} (odd-answers/{name})"

    async def _not_now(self, job: Job, error: ProviderAuthError) -> Move:
        await self._pause(job.provider, error)
        is_empty = error.fault in (AccountFault.BALANCE, AccountFault.CAP)
        return failed(FailureReason.BALANCE if is_empty else FailureReason.NOT_NOW, str(error))

    async def _pause(self, provider: ProviderId, error: ProviderAuthError) -> None:
        await watches.refuse(self._needs.gate, self._needs.troubles, provider, error, self._needs.clock.now())

    def _outage_wait(self, provider: ProviderId) -> timedelta:
        """Back-off of the provider as a whole: a hundred running jobs must not make its outage worse."""
        missed = self._outages[provider] = self._outages.get(provider, 0) + 1
        return self._needs.back_off(missed // 4, first=4, longest=60)

    def grace(self, job: Job) -> timedelta:
        """How long a callback may still name the task of a create call whose answer was lost."""
        model = self._needs.availability.catalogue.find(job.model)
        return (model.outer_limit if model else timedelta(hours=1)) + CALLBACK_MARGIN

    def _callback_url(self, job: Job) -> str | None:
        if self._needs.public_url is None:
            return None
        return self._needs.public_url + hints.callback_path(job)


def _wish(error: ProviderError) -> timedelta:
    """How long the provider asked us to stay away, if it did."""
    if isinstance(error, ProviderUnavailableError) and error.retry_after is not None:
        return min(error.retry_after, LONGEST_WISH)
    return timedelta(0)


def content_type_of(file: Picture | Clip) -> str:
    return "video/mp4" if isinstance(file, Clip) else f"image/{file.format.value}"
