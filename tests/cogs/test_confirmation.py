"""Where a server wants it, a member sees the price and decides before anything is charged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.client import edge
from bot.domain.ids import GuildId, UserId
from bot.domain.jobs import JobState
from bot.services.policies import Policies
from bot.services.staff import Staff
from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, answered, asked, clicked, connected, dies_before_its_answer, given_up_by_discord


async def asks_above(stage: Stage, price: int) -> None:
    staff = Staff(user_id=UserId(9), guild_id=GuildId(stage.guild.id), can_manage=True)
    await Policies(stage.database, stage.clock).change(staff, lambda policy: replace(policy, confirm_above=price))


async def question(stage: Stage, person: Person) -> Handle:
    await asks_above(stage, 100)
    return await asked(person, "/video", prompt="a red fox")


async def test_the_price_is_told_privately_and_nothing_is_charged(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)

    assert handle.is_ephemeral
    assert "This video costs 124 credits" in handle.text()
    assert "Nothing is charged before you press Create." in handle.text()
    assert "Left to spend: 500 credits" in handle.text()
    assert [button.label for button in handle.buttons] == ["Create", "Edit", "Cancel"]
    assert await stage.find(1) is None
    assert await stage.balance(ana) == 500


async def test_a_cheaper_video_is_made_at_once(stage: Stage, ana: Person) -> None:
    await asks_above(stage, 124)

    handle = await asked(ana, "/video", prompt="a red fox")

    assert not handle.is_ephemeral
    assert (await stage.job()).video.price == 124


async def test_create_makes_it_in_public_for_the_price_that_was_told(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)

    made = await clicked(ana, handle, "Create")

    assert not made.is_ephemeral
    job = await stage.job()
    assert (job.video.price, job.video.prompt, job.user_id) == (124, "a red fox", ana.user.id)
    assert await stage.balance(ana) == 376
    assert await stage.differences() == []


async def test_two_clicks_make_one_video(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)

    clicks = [await ana.clicks(handle, "Create"), await ana.clicks(handle, "Create")]
    texts = [(await answered(click)).text() for click in clicks]

    assert sum("You have just asked for exactly this: job 1" in text for text in texts) == 1
    assert await stage.find(2) is None
    assert await stage.balance(ana) == 376


async def test_create_works_after_a_restart(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)
    await stage.bot.close()

    async with connected(stage):
        await clicked(ana, handle, "Create")

        assert (await stage.job()).video.prompt == "a red fox"


async def test_cancel_charges_nothing_and_create_is_over_then(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)

    dropped = await clicked(ana, handle, "Cancel")

    assert dropped.text() == "Nothing was charged."
    assert dropped.buttons == []
    assert await stage.find(1) is None


async def test_edit_asks_again_with_the_new_words(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)
    form = await clicked(ana, handle, "Edit")

    again = await answered(await ana.submits(form, Prompt="a blue whale"))

    assert "a blue whale" in again.text()
    assert await stage.find(1) is None
    await clicked(ana, again, "Create")
    assert (await stage.job()).video.prompt == "a blue whale"


async def test_what_has_become_too_dear_meanwhile_is_refused(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)
    await stage.allow(100)

    refused = await clicked(ana, handle, "Create")

    assert "This video costs 124 credits; you have 100." in refused.text()
    assert await stage.find(1) is None


async def test_the_question_is_the_first_answer(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)

    assert not handle.deferred
    assert handle.followups == []


async def test_the_question_stays_private_where_a_slow_store_has_let_everybody_see_thinking(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "FIRST_ANSWER", timedelta(0))

    handle = await question(stage, ana)

    assert handle.deferred
    assert handle.message is None
    [asking] = handle.followups
    assert asking.is_ephemeral
    assert "This video costs 124 credits" in handle.text()


async def test_a_click_that_discord_gave_up_charges_nothing_and_leaves_the_question(stage: Stage, ana: Person) -> None:
    handle = await question(stage, ana)

    await given_up_by_discord(stage, ana.clicks(handle, "Create"))
    assert (await stage.job(1)).state is JobState.CANCELLED
    await clicked(ana, handle, "Create")

    assert (await stage.job(2)).state is JobState.QUEUED
    assert await stage.balance(ana) == 376
    assert await stage.differences() == []


async def test_create_is_answered_with_the_card_itself(stage: Stage, ana: Person) -> None:
    card = await clicked(ana, await question(stage, ana), "Create")

    assert not card.deferred
    assert "Job 1: waiting" in card.text()
    assert not card.is_ephemeral


async def test_a_process_that_dies_before_it_answers_create_leaves_no_thinking_and_a_replay_is_answered(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await question(stage, ana)

    lost = await dies_before_its_answer(stage, monkeypatch, ana.clicks(handle, "Create"))
    stage.server.redeliver(lost.interaction)
    await answered(lost)

    assert "Job 1: waiting" in lost.text()
    assert await stage.find(2) is None
    assert await stage.balance(ana) == 376
    assert await stage.differences() == []
