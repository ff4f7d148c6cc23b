"""While a model is broken, one button has a waiting job's video made with another one at no higher price."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.ids import GuildId, JobId, ModelId, ProviderId
from bot.domain.jobs import FailureReason, Job, JobState
from bot.domain.policies import GuildPolicy, ModelRule
from bot.i18n import texts
from bot.ports import NotSold
from bot.rendering import buttons
from bot.services.model_health import MOST_FAILURES
from bot.store import policies
from sandbox.discord_server import Message
from sandbox.person import Person
from tests.cogs.conftest import Stage, answered, asked, clicked, dies_before_its_answer, given_up_by_discord

BUTTON = "Make it with Seedance 2 Fast"
KIE = ProviderId("kie_jobs")


async def waiting(stage: Stage, person: Person) -> tuple[Job, Message]:
    """A job for a model that has just failed as often as it takes, and its card as it looks then."""
    await stage.allow(10_000)
    for number in range(1, MOST_FAILURES + 1):
        await asked(person, "/video", prompt=f"fox number {number}", model="seedance-2", duration=4)
        await stage.fails(number, FailureReason.UPSTREAM, "internal error")
    stage.clock.advance(timedelta(seconds=30))
    await asked(person, "/video", prompt="a red fox", model="seedance-2", duration=4)
    job = await stage.job(MOST_FAILURES + 1)
    return job, await card(stage, job)


async def card(stage: Stage, job: Job) -> Message:
    substitute = await stage.substitutes.find(job)
    model = None if substitute is None else substitute.model
    there = stage.bot.get_partial_messageable(stage.channel.id, guild_id=stage.guild.id)
    sent = await there.send("card", view=buttons.of_waiting(texts("en-US"), JobId(job.id), model))
    return stage.channel.messages[sent.id]


async def test_the_click_ends_the_waiting_job_and_starts_one_that_costs_no_more(stage: Stage, ana: Person) -> None:
    job, shown = await waiting(stage, ana)
    before = await stage.balance(ana)

    handle = await clicked(ana, shown, BUTTON)

    old, new = await stage.job(job.id), await stage.job(job.id + 1)
    assert (old.state, new.state) == (JobState.CANCELLED, JobState.QUEUED)
    assert new.model != old.model
    assert new.video.prompt == "a red fox"
    assert new.video.price <= old.video.price
    assert await stage.balance(ana) == before + old.video.price - new.video.price
    assert f"Job {new.id}: waiting" in handle.text()
    assert await stage.differences() == []


async def test_a_second_click_changes_nothing_more(stage: Stage, ana: Person) -> None:
    job, shown = await waiting(stage, ana)
    await clicked(ana, shown, BUTTON)
    after = await stage.balance(ana)

    handle = await clicked(ana, shown, BUTTON)

    assert handle.is_ephemeral
    assert f"Job {job.id} has already ended." in handle.text()
    assert await stage.find(job.id + 2) is None
    assert await stage.balance(ana) == after
    assert await stage.differences() == []


async def test_a_process_that_dies_before_it_answers_leaves_no_thinking_and_a_replay_is_answered(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, shown = await waiting(stage, ana)

    lost = await dies_before_its_answer(stage, monkeypatch, ana.clicks(shown, BUTTON))
    stage.server.redeliver(lost.interaction)
    await answered(lost)

    assert f"Job {job.id + 1}: waiting" in lost.text()
    assert await stage.find(job.id + 2) is None
    assert await stage.differences() == []


async def test_a_click_that_discord_gave_up_is_done_all_the_same_because_the_waiting_job_has_ended(
    stage: Stage, ana: Person
) -> None:
    job, shown = await waiting(stage, ana)

    await given_up_by_discord(stage, ana.clicks(shown, BUTTON))

    assert (await stage.job(job.id)).state is JobState.CANCELLED
    new = await stage.job(job.id + 1)
    assert (new.state, new.due_at) == (JobState.QUEUED, stage.clock.now())
    assert new.video.price <= job.video.price
    assert await stage.differences() == []


async def test_only_whoever_asked_for_the_video_decides(stage: Stage, ana: Person, ben: Person) -> None:
    job, shown = await waiting(stage, ana)

    handle = await clicked(ben, shown, BUTTON)

    assert "Only the person who asked for this video can do this." in handle.text()
    assert (await stage.job(job.id)).state is JobState.QUEUED


async def test_a_guild_may_decide_that_nothing_is_offered(stage: Stage, ana: Person) -> None:
    job, shown = await waiting(stage, ana)
    policy = GuildPolicy(guild_id=GuildId(stage.guild.id), allowance=10_000, may_offer_successor=False)
    await stage.database.write(policies.save, policy)

    handle = await clicked(ana, shown, BUTTON)

    assert await stage.substitutes.find(job) is None
    assert handle.is_ephemeral
    assert f"This offer is over, and nothing was changed: job {job.id} waits for its own model." in handle.text()
    assert (await stage.job(job.id)).state is JobState.QUEUED


async def test_while_the_model_works_nothing_is_offered(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", duration=4)

    assert await stage.substitutes.find(await stage.job(1)) is None


async def test_the_click_makes_what_the_button_said_or_nothing(stage: Stage, ana: Person) -> None:
    job, shown = await waiting(stage, ana)
    before = await stage.balance(ana)
    for slug in stage.catalogue.get("seedance-2-fast").slugs():
        stage.availability.note(KIE, slug, NotSold(is_known=True, detail="paused"))

    handle = await clicked(ana, shown, BUTTON)

    other = await stage.substitutes.find(job)
    assert other is not None
    assert other.model.id != "seedance-2-fast"
    assert "This offer is over" in handle.text()
    assert (await stage.job(job.id)).state is JobState.QUEUED
    assert await stage.balance(ana) == before


async def test_a_model_that_the_guild_does_not_allow_is_not_offered(stage: Stage, ana: Person) -> None:
    job, _ = await waiting(stage, ana)
    allowed = {ModelId(name): ModelRule(is_allowed=True) for name in ("seedance-2", "kling-3-0-turbo")}
    policy = GuildPolicy(guild_id=GuildId(stage.guild.id), allowance=10_000, models=allowed)
    await stage.database.write(policies.save, policy)

    substitute = await stage.substitutes.find(job)

    assert substitute is not None
    assert substitute.model.id == "kling-3-0-turbo"


async def test_a_model_for_channels_with_an_age_limit_is_not_offered_elsewhere(stage: Stage, ana: Person) -> None:
    job, _ = await waiting(stage, ana)
    restricted = {ModelId("seedance-2-fast"): ModelRule(is_restricted=True)}
    policy = GuildPolicy(guild_id=GuildId(stage.guild.id), allowance=10_000, models=restricted)
    await stage.database.write(policies.save, policy)

    substitute = await stage.substitutes.find(job)

    assert substitute is not None
    assert substitute.model.id != "seedance-2-fast"


async def test_the_time_between_two_videos_does_not_hold_the_exchange_back(stage: Stage, ana: Person) -> None:
    job, shown = await waiting(stage, ana)
    policy = GuildPolicy(guild_id=GuildId(stage.guild.id), allowance=10_000, cooldown=timedelta(hours=1), member_jobs=1)
    await stage.database.write(policies.save, policy)

    await clicked(ana, shown, BUTTON)

    assert (await stage.job(job.id)).state is JobState.CANCELLED
    assert (await stage.job(job.id + 1)).state is JobState.QUEUED
    assert await stage.differences() == []


async def test_credits_for_the_old_video_alone_are_enough_for_the_other(stage: Stage, ana: Person) -> None:
    job, shown = await waiting(stage, ana)
    policy = GuildPolicy(guild_id=GuildId(stage.guild.id), allowance=job.video.price)
    await stage.database.write(policies.save, policy)

    await clicked(ana, shown, BUTTON)

    new = await stage.job(job.id + 1)
    assert await stage.balance(ana) == job.video.price - new.video.price
    assert await stage.differences() == []
