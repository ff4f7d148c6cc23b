"""The buttons under a posted video: Again, Edit and Delete, also for others and after a restart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.ids import ProviderId
from bot.domain.jobs import JobState
from bot.ports import NotSold
from sandbox.discord_server import Fault, Message, Permission
from sandbox.person import Person
from tests.cogs.conftest import Stage, answered, asked, clicked, connected
from tests.media.drawings import drawn

KIE = ProviderId("kie_jobs")


@pytest.fixture
async def posted(stage: Stage, ana: Person) -> Message:
    """Ana's first video, as it stands in the channel."""
    await asked(ana, "/video", prompt="a red fox", duration=4, quality="480p")
    _, message = await stage.delivers(1)
    return message


async def test_again_makes_the_same_video_for_whoever_clicks(stage: Stage, posted: Message, ben: Person) -> None:
    handle = await clicked(ben, posted, "Again")

    first, second = await stage.job(1), await stage.job(2)
    assert second.video == first.video
    assert (second.user_id, second.again_of) == (ben.user.id, first.id)
    assert await stage.balance(ben) == 500 - 47
    assert "Job 2: waiting" in handle.text()
    assert not handle.is_ephemeral
    assert not posted.is_deleted


async def test_second_click_in_a_moment_is_the_same_wish(stage: Stage, posted: Message, ana: Person) -> None:
    await clicked(ana, posted, "Again")

    handle = await clicked(ana, posted, "Again")

    assert "You have just asked for exactly this: job 2 is on its way." in handle.text()
    assert await stage.find(3) is None


async def test_click_a_while_later_is_a_new_wish(stage: Stage, posted: Message, ana: Person) -> None:
    await clicked(ana, posted, "Again")
    stage.clock.advance(timedelta(seconds=6))

    await clicked(ana, posted, "Again")

    assert (await stage.job(3)).again_of == 1


async def test_again_is_refused_once_the_model_is_switched_off(stage: Stage, posted: Message, ana: Person) -> None:
    stage.availability.note(KIE, "bytedance/seedance-2-fast", NotSold(is_known=True, detail="paused"))

    handle = await clicked(ana, posted, "Again")

    assert "Seedance 2 Fast is switched off at the moment" in handle.text()
    assert handle.is_ephemeral
    assert await stage.find(2) is None


async def test_again_is_refused_when_the_picture_is_gone(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", image=stage.server.add_attachment(drawn("PNG", (640, 360)), "f.png", stage.channel))
    job, posted = await stage.delivers(1)
    assert job.video.picture is not None
    stage.pictures.path(job.video.picture).unlink()

    handle = await clicked(ana, posted, "Again")

    assert "no longer kept" in handle.text()
    assert await stage.find(2) is None


async def test_again_of_a_picture_uses_the_same_file(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", image=stage.server.add_attachment(drawn("PNG", (640, 360)), "f.png", stage.channel))
    job, posted = await stage.delivers(1)

    await clicked(ana, posted, "Again")

    assert (await stage.job(2)).video.picture == job.video.picture


async def test_again_is_refused_where_the_bot_may_not_post(stage: Stage, posted: Message, ana: Person) -> None:
    stage.server.deny(stage.channel, Permission.SEND_MESSAGES)

    handle = await clicked(ana, posted, "Again")

    assert "Send Messages" in handle.text()
    assert await stage.find(2) is None


async def test_button_of_a_job_that_does_not_exist_says_so(stage: Stage, ana: Person) -> None:
    message = await stage.posts(77)

    for button in ("Again", "Edit", "Delete"):
        handle = await clicked(ana, message, button)
        assert "You have no job 77 in this server." in handle.text()


async def test_button_of_another_guilds_job_reaches_nothing(stage: Stage, posted: Message, ana: Person) -> None:
    elsewhere = stage.server.add_guild("Elsewhere")
    channel = stage.server.add_channel(elsewhere, "videos")
    eve = Person.joins(stage.server, elsewhere, "eve", channel)
    stage.channel = channel
    foreign = await stage.posts(1)

    handle = await clicked(eve, foreign, "Again")

    assert "You have no job 1 in this server." in handle.text()
    assert await stage.find(2) is None


async def test_edit_shows_the_prompt_and_keeps_the_other_options(stage: Stage, posted: Message, ben: Person) -> None:
    opened = await clicked(ben, posted, "Edit")
    assert opened.modal is not None
    assert opened.modal["components"][0]["component"]["value"] == "a red fox"

    handle = await answered(await ben.submits(opened, Prompt="a red fox at night"))

    first, second = await stage.job(1), await stage.job(2)
    assert second.video.prompt == "a red fox at night"
    assert (second.video.options, second.video.model) == (first.video.options, first.video.model)
    assert second.user_id == ben.user.id
    assert "Job 2: waiting" in handle.text()


async def test_edit_to_nothing_is_refused(stage: Stage, posted: Message, ana: Person) -> None:
    opened = await clicked(ana, posted, "Edit")

    handle = await answered(await ana.submits(opened, Prompt=""))

    assert "write what the video should show" in handle.text()
    assert handle.is_ephemeral
    assert await stage.find(2) is None


async def test_long_prompt_is_edited_in_two_fields_without_loss(stage: Stage, ana: Person) -> None:
    prompt = "".join(f"word{number} " for number in range(700)).strip()
    await asked(ana, "/video", prompt=prompt)
    _, posted = await stage.delivers(1)

    opened = await clicked(ana, posted, "Edit")
    await answered(await ana.submits(opened))

    assert len(prompt) > 4000
    assert (await stage.job(2)).video.prompt == prompt


async def test_requester_deletes_the_video(stage: Stage, posted: Message, ana: Person) -> None:
    handle = await clicked(ana, posted, "Delete")

    assert posted.is_deleted
    assert "The video of job 1 is deleted here." in handle.text()
    assert handle.is_ephemeral


async def test_somebody_else_does_not(stage: Stage, posted: Message, ben: Person) -> None:
    handle = await clicked(ben, posted, "Delete")

    assert not posted.is_deleted
    assert "Only the person who asked for this video can do this." in handle.text()


async def test_delete_where_the_bot_sees_nothing_says_what_is_missing(
    stage: Stage, posted: Message, ana: Person
) -> None:
    stage.server.deny(stage.channel, Permission.VIEW_CHANNEL)

    handle = await clicked(ana, posted, "Delete")

    assert "View Channel" in handle.text()
    assert not posted.is_deleted


async def test_delete_of_a_message_that_is_gone_is_done(stage: Stage, posted: Message, ana: Person) -> None:
    stage.server.faults.add(Fault(method="DELETE", path="/channels/", status=404, code=10008))

    handle = await clicked(ana, posted, "Delete")

    assert "The video of job 1 is deleted here." in handle.text()


async def test_moderator_deletes_it(stage: Stage, posted: Message, mod: Person) -> None:
    await clicked(mod, posted, "Delete")

    assert posted.is_deleted


async def test_buttons_work_after_a_restart(stage: Stage, posted: Message, ben: Person) -> None:
    await stage.bot.close()
    await stage.server.gateway.wait_disconnected()

    async with connected(stage):
        await clicked(ben, posted, "Again")

    assert (await stage.job(2)).user_id == ben.user.id


async def test_cancel_on_the_card_returns_the_credits(stage: Stage, ana: Person) -> None:
    card = await asked(ana, "/video", prompt="a red fox")

    handle = await clicked(ana, card, "Cancel")

    assert (await stage.job()).state is JobState.CANCELLED
    assert handle.text() == "Job 1 is cancelled. Its 124 credits are back."
    assert handle.is_ephemeral
    assert await stage.balance(ana) == 500


async def test_somebody_else_cannot_cancel(stage: Stage, ana: Person, ben: Person) -> None:
    card = await asked(ana, "/video", prompt="a red fox")

    handle = await clicked(ben, card, "Cancel")

    assert (await stage.job()).state is JobState.QUEUED
    assert "Only the person who asked for this video" in handle.text()


async def test_staff_can_cancel(stage: Stage, ana: Person, mod: Person) -> None:
    card = await asked(ana, "/video", prompt="a red fox")

    await clicked(mod, card, "Cancel")

    assert (await stage.job()).state is JobState.CANCELLED
    assert await stage.balance(ana) == 500
