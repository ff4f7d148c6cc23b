"""What a callback says about a job whose create call was never answered, if the provider's record bears it out."""

from __future__ import annotations

from bot import logs
from bot.domain.ids import TaskId
from bot.domain.jobs import Job
from bot.worker.needs import Needs

log = logs.get(__name__)


def callback_path(job: Job) -> str:
    """Where callbacks about this job arrive; whoever knows it has seen the create call, or a log of it."""
    return f"/callbacks/{job.provider}{_ending(job)}"


def _ending(job: Job) -> str:
    return f"/{job.id}/{job.callback_secret}"


async def hinted_task(needs: Needs, job: Job) -> TaskId | None:
    """The task that a callback named for *job*; None when none did, or when that task was made for another one.

    Raises ProviderError while the provider cannot say whose task it is.
    """
    task_id = await needs.queue.hinted_task(job)
    if task_id is None:
        return None
    address = await needs.provider(job).callback_url(task_id)
    # By its end: the host may have moved the bot to another public address since, and paths had another name once.
    if address is not None and not address.endswith(_ending(job)):
        log.warning("callback_named_a_foreign_task", job=job.id)
        return None
    return task_id
