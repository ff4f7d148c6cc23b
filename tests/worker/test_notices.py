"""What the host is to be told of single jobs waits for Discord, survives a restart, and never becomes a flood."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.domain.hosting import NoticeKind
from bot.domain.jobs import FailureReason, Job, JobState, Move
from bot.errors import StaleJobError
from bot.services.troubles import LISTED, NOTICES_KEPT, SINGLE_MESSAGES
from bot.store import notices
from bot.store.database import Connection
from bot.store.tables import job_notices
from bot.worker.loop import MAX_CLAIMS
from tests.worker.rig import Rig


async def orphan(rig: Rig) -> Job:
    """A job whose create call was never answered, right after its refund."""
    job = await rig.accept()
    job = await rig.lifecycle.apply(job, Move(to=JobState.SUBMITTING))
    return await rig.lifecycle.apply(job, Move(to=JobState.FAILED, failure=FailureReason.NO_ANSWER))


async def waiting(rig: Rig) -> int:
    def count(connection: Connection) -> int:
        return connection.execute(sa.select(sa.func.count()).select_from(job_notices)).scalar_one()

    return await rig.database.read(count)


async def test_an_orphan_that_ended_while_discord_was_away_is_told_once_by_the_next_process(rig: Rig) -> None:
    rig.publisher.is_reachable = False
    job = await orphan(rig)
    assert await rig.told() == []

    rig.build()
    assert await rig.told() == []
    rig.publisher.is_reachable = True
    await rig.told()

    assert await rig.told() == [
        f"Job {job.id} (maker): the provider never answered the create call of {job.submitted_at:%Y-%m-%d %H:%M:%S} "
        "UTC. The member was refunded; a paid task may exist in your logs there, "
        "and counts towards your budgets until it is known what came of it."
    ]
    assert await waiting(rig) == 0


async def test_a_job_that_was_put_aside_while_discord_was_away_is_told_afterwards(rig: Rig) -> None:
    rig.publisher.is_reachable = False
    job = await rig.accept()
    await rig.put(job, JobState.RUNNING, task_id="task-1", claims=MAX_CLAIMS)
    async with rig.running():
        await rig.go()
    assert await rig.told() == []
    rig.build()
    rig.publisher.is_reachable = True

    (told,) = await rig.told()

    assert told.startswith(f"Job {job.id} (maker) took the bot down again and again")
    assert "it is failed now" in told
    assert len(await rig.told()) == 1


async def test_many_orphans_are_one_message_that_says_where_to_look(rig: Rig) -> None:
    rig.publisher.is_reachable = False
    found = [await orphan(rig) for _ in range(200)]
    await rig.told()
    rig.publisher.is_reachable = True

    (told,) = await rig.told()

    head, *lines = told.split("\n")
    assert head.startswith("200 create calls were never answered")
    assert "`/host orphans`" in head
    assert [line.split(" (")[0] for line in lines] == [
        *[f"Job {job.id}" for job in found[:LISTED]],
        f"… and {200 - LISTED} more",
    ]
    assert await waiting(rig) == 0


async def test_only_what_was_told_is_taken_for_told(rig: Rig) -> None:
    """One message has its limit; the rest comes with the next look."""
    found = [await orphan(rig) for _ in range(4)]

    first = await rig.database.read(notices.untold, NoticeKind.ORPHAN, 3)
    await rig.database.write(notices.told, NoticeKind.ORPHAN, first)

    assert [notice.job_id for notice in first] == [job.id for job in found[:3]]
    (told,) = await rig.told()
    assert told.startswith(f"Job {found[3].id} ")


async def test_what_could_not_be_told_for_a_week_is_forgotten(rig: Rig) -> None:
    rig.publisher.is_reachable = False
    await orphan(rig)
    rig.clock.advance(NOTICES_KEPT)
    await rig.told()
    assert await waiting(rig) == 1
    rig.clock.advance(seconds=1)

    await rig.told()
    rig.publisher.is_reachable = True

    assert await rig.told() == []
    assert await waiting(rig) == 0


async def test_a_move_that_came_too_late_notes_nothing(rig: Rig) -> None:
    """The notice is a part of the move: without the one there is not the other."""
    job = await rig.accept()
    seen = await rig.lifecycle.apply(job, Move(to=JobState.SUBMITTING))
    await rig.put(job, JobState.UNKNOWN)

    with pytest.raises(StaleJobError):
        await rig.lifecycle.apply(seen, Move(to=JobState.FAILED, failure=FailureReason.NO_ANSWER))

    assert await waiting(rig) == 0


async def test_many_troubles_that_come_together_are_one_message(rig: Rig) -> None:
    rig.publisher.is_reachable = False
    for number in range(50):
        await rig.needs.troubles.begin(
            f"doubt:{number}", f"Job {number} has no result. " + "What to do about it. " * 30
        )
    rig.publisher.is_reachable = True

    (told,) = await rig.told()

    assert told.startswith("50 troubles have begun or ended; `/host status` shows")
    assert f"… and {50 - LISTED} more" in told
    assert len(told) <= 2000
    assert len(await rig.told()) == 1


async def test_a_few_troubles_are_told_each_with_all_that_there_is_to_say(rig: Rig) -> None:
    rig.publisher.is_reachable = False
    texts = [f"Trouble {number}. " + "What to do about it. " * 30 for number in range(SINGLE_MESSAGES)]
    for number, text in enumerate(texts):
        await rig.needs.troubles.begin(f"{number}", text)
    rig.publisher.is_reachable = True

    assert await rig.told() == texts
