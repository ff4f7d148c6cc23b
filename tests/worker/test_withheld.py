"""What becomes of videos that are on their way when their member is blocked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.ids import UserId
from bot.domain.jobs import JobState
from bot.domain.policies import ModelRule, Spoilers
from bot.domain.safety import Block
from bot.errors.jobs import StoppedError
from bot.errors.screening import BlockedError
from bot.store import moderation, policies
from bot.store.database import Connection
from tests.samples import ANNA, BORIS, STAFF, place, spot
from tests.worker.rig import Rig
from tests.worker.test_delivery import stored_job


async def block(rig: Rig, member: UserId, span: timedelta | None = None) -> None:
    now = rig.clock.now()
    until = None if span is None else now + span
    made = Block(user_id=member, actor_id=STAFF, reason="spam", at=now, until=until)
    await rig.database.write(moderation.block, place().guild_id, made)


async def test_a_blocked_members_video_is_kept_and_not_posted(rig: Rig) -> None:
    job = await stored_job(rig)
    await block(rig, ANNA)

    async with rig.running():
        await rig.go()

    assert rig.publisher.sent == []
    assert await rig.state(job) is JobState.PARKED
    assert await rig.kinds(job) == ["charge", "settle"]
    assert (rig.folders.results / f"{job.id}.mp4").exists()
    assert await rig.differences() == []


async def test_a_video_of_a_stopped_guild_is_kept_and_only_claimed_in_direct_messages(rig: Rig) -> None:
    job = await stored_job(rig)

    def stop(connection: Connection) -> None:
        policies.save(connection, replace(policies.load(connection, place().guild_id), is_closed=True))

    await rig.database.write(stop)
    async with rig.running():
        await rig.go()
        assert await rig.state(job) is JobState.PARKED
        with pytest.raises(StoppedError):
            await rig.jobs.claim(ANNA, job.id, spot(place().channel_id), 10**7)
        await rig.jobs.claim(ANNA, job.id, None, 10**7)
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED
    assert await rig.differences() == []


async def test_a_spoiler_is_posted_as_one_where_the_guild_wants_it(rig: Rig) -> None:
    job = await stored_job(rig)

    def decide(connection: Connection) -> None:
        policy = policies.load(connection, place().guild_id)
        rules = {job.model: ModelRule(is_restricted=True)}
        policies.save(connection, replace(policy, spoilers=Spoilers.RESTRICTED, models=rules))

    await rig.database.write(decide)
    async with rig.running():
        await rig.go()

    assert rig.publisher.spoilers == [True]


async def test_the_block_of_another_member_keeps_nothing_back(rig: Rig) -> None:
    job = await stored_job(rig)
    await block(rig, BORIS)

    async with rig.running():
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED


async def test_a_kept_video_is_claimed_in_direct_messages_at_once_and_in_the_channel_when_the_block_is_over(
    rig: Rig,
) -> None:
    job = await stored_job(rig)
    other = await stored_job(rig)
    await block(rig, ANNA, timedelta(days=1))
    async with rig.running():
        await rig.go()
        with pytest.raises(BlockedError):
            await rig.jobs.claim(ANNA, job.id, spot(place().channel_id), 10**7)

        await rig.jobs.claim(ANNA, job.id, None, 10**7)
        await rig.go()
        assert await rig.state(job) is JobState.DELIVERED

        rig.clock.advance(days=1)
        await rig.jobs.claim(ANNA, other.id, spot(place().channel_id), 10**7)
        await rig.go()

    assert await rig.state(other) is JobState.DELIVERED
    assert [(await rig.find(each)).is_direct for each in (job, other)] == [True, False]
    assert await rig.differences() == []
