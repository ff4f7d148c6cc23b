"""While a model is broken, one button has a waiting job's video made with another one at no higher price."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.ids import GuildId, JobId
from bot.domain.jobs import FailureReason, Job, JobState
from bot.domain.policies import GuildPolicy
from bot.i18n import texts
from bot.rendering import buttons
from bot.services.model_health import MOST_FAILURES
from bot.store import policies
from sandbox.discord_server import Fault, Message
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked, clicked

BUTTON = "Make it with Seedance 2 Fast"


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
    offer = await stage.substitutes.offer(job)
    name = None if offer is None else offer.model.name
    there = stage.bot.get_partial_messageable(stage.channel.id, guild_id=stage.guild.id)
    sent = await there.send("card", view=buttons.of_waiting(texts("en-US"), JobId(job.id), name))
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

    await clicked(ana, shown, BUTTON)

    assert await stage.find(job.id + 2) is None
    assert await stage.balance(ana) == after
    assert await stage.differences() == []


async def test_a_click_that_discord_gave_up_leaves_the_waiting_job(stage: Stage, ana: Person) -> None:
    job, shown = await waiting(stage, ana)
    before = await stage.balance(ana)
    stage.server.faults.add(Fault(method="POST", path="/callback", status=404, code=10062, times=1))

    lost = await ana.clicks(shown, BUTTON)
    callback = f"/interactions/{lost.interaction.id}/{lost.interaction.token}/callback"
    await stage.server.wait_for_request("POST", callback)

    assert (await stage.job(job.id)).state is JobState.QUEUED
    assert await stage.find(job.id + 1) is None
    assert await stage.balance(ana) == before


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

    assert await stage.substitutes.offer(job) is None
    assert "This button is no longer active." in handle.text()
    assert (await stage.job(job.id)).state is JobState.QUEUED


async def test_while_the_model_works_nothing_is_offered(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", duration=4)

    assert await stage.substitutes.offer(await stage.job(1)) is None
