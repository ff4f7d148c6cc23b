"""A job from the queue to the channel, when nothing goes wrong."""

from __future__ import annotations

from tests.fakes import FINISHED, PENDING
from tests.worker.rig import Rig


async def test_an_accepted_job_is_made_fetched_posted_and_settled_once(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING, PENDING, FINISHED)
    job = await rig.accept()

    async with rig.running():
        await rig.pass_time(minutes=2)

    assert await rig.path(job) == ["queued", "submitting", "running", "fetching", "delivering", "delivered"]
    assert await rig.kinds(job) == ["charge", "settle"]
    assert len(rig.provider.tasks) == len(rig.publisher.posts) == 1
    assert rig.publisher.attempts("look") == 0
    assert (await rig.find(job)).message_id == rig.publisher.posts[job.nonce].message_id
    assert not list(rig.folders.results.iterdir())
    assert await rig.differences() == []
