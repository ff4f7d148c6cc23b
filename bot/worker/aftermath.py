"""After a failure: the member is told once, and a video that is finished after all is not thrown away."""

from __future__ import annotations

import contextlib
from typing import assert_never

from bot import logs
from bot.domain.jobs import FailureReason, Job, JobState, LateResults, Move
from bot.errors import AccessMissingError, DeliveryUnavailableError, PlaceGoneError, ProviderError
from bot.ports import Done, Empty, NotVisible, Pending, Refused
from bot.worker import hints
from bot.worker.delivery import ACCESS_WAIT
from bot.worker.hold import Hold
from bot.worker.needs import MAX_ODD_ANSWERS, Needs

log = logs.get(__name__)

# Failures after which the provider may still finish, and bill, the task.
MAY_FINISH_LATE = frozenset(
    {
        FailureReason.TIMEOUT,
        FailureReason.NO_ANSWER,
        FailureReason.NO_RESULT,
        FailureReason.BUSY,
        FailureReason.UPSTREAM,
        FailureReason.BROKEN,
    }
)


class Aftermath:
    """The step of FAILED."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs

    async def after_failure(self, hold: Hold) -> Move:
        """FAILED: tell the member once that the credits are back; later, see whether the video came after all."""
        job = hold.job
        if not job.is_announced:
            return await self._announce(job)
        if self._needs.lifecycle.policy.late is LateResults.IGNORE or job.failure not in MAY_FINISH_LATE:
            return Move(to=JobState.FAILED, after=None)
        await hold.turn()
        try:
            task_id = job.task_id or await hints.hinted_task(self._needs, job)
            if task_id is None:
                return Move(to=JobState.FAILED, after=None)
            status = await self._needs.provider(job).status(task_id)
        except ProviderError as error:
            return Move(to=JobState.FAILED, after=self._needs.next_late_look(job), detail=str(error))
        match status:
            case Done(result=result):
                log.warning("late_result", job=job.id)
                return Move(to=JobState.FETCHING, task_id=task_id, result=result, is_late=True)
            case Refused():
                return Move(to=JobState.FAILED, after=None, task_id=task_id, is_unbilled=True)
            case Empty():
                return Move(to=JobState.FAILED, after=None, task_id=task_id)
            case Pending() | NotVisible():
                return Move(to=JobState.FAILED, after=self._needs.next_late_look(job), task_id=task_id)
            case _:
                assert_never(status)

    async def _announce(self, job: Job) -> Move:
        try:
            await self._needs.publisher.post_failure(job)
        except PlaceGoneError as error:
            if isinstance(error, AccessMissingError) and job.attempts == 0:
                return Move(to=JobState.FAILED, after=ACCESS_WAIT, is_retry=True, detail=str(error))
            log.info("failure_not_announced", job=job.id, reason=str(error))
        except DeliveryUnavailableError as error:
            if job.attempts + 1 < MAX_ODD_ANSWERS:
                wait = self._needs.back_off(job.attempts, first=5, longest=300)
                return Move(to=JobState.FAILED, after=wait, is_retry=True, detail=str(error))
            log.warning("failure_not_announced", job=job.id, reason=str(error))
        after = None
        if job.failure in MAY_FINISH_LATE and job.task_id is not None:
            after = self._needs.next_late_look(job)
            if after is None:
                # Nobody will look for the video any more. If it still renders, stopping it may save the host its price.
                with contextlib.suppress(ProviderError):
                    await self._needs.provider(job).cancel(job.task_id)
        return Move(to=JobState.FAILED, after=after, is_announced=True)
