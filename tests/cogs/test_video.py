"""/video: what is accepted, what is refused, and that a refusal costs nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import discord
import pytest

from bot.client import CutsceneClient, InteractionGoneError, edge
from bot.domain.ids import ChannelId, GuildId, ProviderId
from bot.domain.jobs import JobState
from bot.domain.models import Mode, OptionName
from bot.domain.policies import GuildPolicy
from bot.ports import NotSold
from bot.services.queue import Queue
from bot.store import policies
from bot.store.claims import Claimed
from cogs.generate.cog import MOST_WITH_PICTURES
from sandbox.discord_server import Fault, Permission
from sandbox.person import Handle, Person
from tests.cogs.conftest import (
    START,
    Stage,
    answered,
    asked,
    clicked,
    dies_before_its_answer,
    given_up_by_discord,
    settled,
)
from tests.media.drawings import animated, drawn

KIE = ProviderId("kie_jobs")
LEASE = timedelta(minutes=5)


async def refused(stage: Stage, person: Person, **options: object) -> Handle:
    """Type /video, and be sure that it was refused in private and has cost nothing."""
    handle = await asked(person, "/video", **options)
    assert handle.is_ephemeral or all(each.is_ephemeral for each in handle.followups)
    assert await stage.find(1) is None
    assert await stage.balance(person) == 500
    return handle


async def test_prompt_alone_makes_a_job_with_the_defaults(stage: Stage, ana: Person) -> None:
    handle = await asked(ana, "/video", prompt="a red fox")

    job = await stage.job()
    assert job.state is JobState.QUEUED
    assert (job.user_id, job.model, job.video.prompt) == (ana.user.id, "seedance-2-fast", "a red fox")
    assert job.video.options == {"aspect": "16:9", "duration": 5, "quality": "720p", "audio": True}
    assert await stage.balance(ana) == 500 - 124
    assert await stage.differences() == []
    assert not handle.deferred
    assert not handle.is_ephemeral


async def test_first_card_says_price_place_and_what_is_left(stage: Stage, ana: Person, ben: Person) -> None:
    await asked(ben, "/video", prompt="a blue whale")

    handle = await asked(ana, "/video", prompt="a red fox")

    text = handle.text()
    assert "Job 2: waiting" in text
    assert "a red fox" in text
    assert "Price: 124 credits" in text
    assert "Place in the queue: 2" in text
    assert "Left to spend: 376 credits" in text
    ready = START + timedelta(seconds=190)
    assert f"Ready: <t:{int(ready.timestamp())}:R>" in text
    assert [button.custom_id for button in handle.buttons] == ["job:2:cancel"]


async def test_every_option_reaches_the_job(stage: Stage, ana: Person) -> None:
    await asked(
        ana,
        "/video",
        prompt="a red fox",
        model="seedance-2-fast",
        aspect="9:16",
        duration=4,
        quality="480P",
        audio=False,
    )

    job = await stage.job()
    assert job.video.options == {
        OptionName.ASPECT: "9:16",
        OptionName.DURATION: 4,
        OptionName.QUALITY: "480p",
        OptionName.AUDIO: False,
    }
    assert job.video.price == 47


async def test_job_remembers_where_it_was_asked_for(stage: Stage, ana: Person) -> None:
    stage.server.set_upload_limit(stage.guild, 50 * 1024 * 1024)

    handle = await asked(ana, "/video", prompt="a red fox")

    place = (await stage.job()).place
    assert (place.guild_id, place.channel_id) == (stage.guild.id, stage.channel.id)
    assert (place.interaction_id, place.application_id) == (handle.interaction.id, stage.server.application_id)
    assert place.interaction_token == handle.interaction.token
    assert place.upload_limit == 50 * 1024 * 1024
    assert (place.locale, place.guild_locale) == ("en-US", "en-US")


async def test_picture_is_taken_at_once_and_kept_by_its_content(stage: Stage, ana: Person) -> None:
    picture = drawn("PNG", (640, 360))

    await asked(ana, "/video", image=stage.server.add_attachment(picture, "holiday.jpg", stage.channel))

    video = (await stage.job()).video
    assert video.mode is Mode.IMAGE
    assert video.picture is not None
    assert (video.picture.format, video.picture.width, video.picture.height) == ("png", 640, 360)
    assert stage.pictures.path(video.picture).is_file()
    assert video.prompt == ""


async def test_last_frame_is_taken_beside_the_first(stage: Stage, ana: Person) -> None:
    first = stage.server.add_attachment(drawn("PNG", (640, 360)), "first.png", stage.channel)
    last = stage.server.add_attachment(drawn("PNG", (360, 640)), "last.png", stage.channel)

    await asked(ana, "/video", prompt="a red fox", image=first, last_frame=last, model="seedance-2-5")

    video = (await stage.job()).video
    assert video.picture is not None
    assert video.last_frame is not None
    assert (video.picture.width, video.last_frame.width) == (640, 360)


async def test_picture_that_cannot_be_read_is_named_by_its_option(stage: Stage, ana: Person) -> None:
    first = stage.server.add_attachment(drawn("PNG", (640, 360)), "first.png", stage.channel)
    broken = stage.server.add_attachment(b"no picture", "last.png", stage.channel)

    handle = await refused(stage, ana, prompt="a fox", image=first, last_frame=broken, model="seedance-2-5")

    assert handle.text().startswith("**last_frame**: this file is not a picture")


async def test_references_that_a_model_does_not_take_are_refused_before_they_are_fetched(
    stage: Stage, ana: Person
) -> None:
    picture = stage.server.add_attachment(drawn("PNG", (640, 360)), "who.png", stage.channel)

    handle = await refused(stage, ana, prompt="a fox", reference1=picture, model="hailuo-2-3")

    assert handle.text().startswith("**reference1**: Hailuo 2.3 takes no reference pictures.")
    assert not handle.deferred


async def test_nothing_at_all_is_refused(stage: Stage, ana: Person) -> None:
    handle = await refused(stage, ana)

    assert handle.text() == "**prompt**: write what the video should show, or attach an **image**."
    assert not handle.deferred


async def test_only_spaces_are_nothing(stage: Stage, ana: Person) -> None:
    # Discord's own client trims; others need not.
    handle = await refused(stage, ana, prompt="\u2003\u00a0")

    assert handle.text().startswith("**prompt**: write what the video should show")


async def test_prompt_beyond_the_models_limit_is_refused_with_the_limit(stage: Stage, ana: Person) -> None:
    handle = await refused(stage, ana, prompt="x" * 5001, model="wan-2-7")

    assert "5001 characters are too many" in handle.text()


async def test_unknown_model_is_refused_with_the_one_that_was_meant(stage: Stage, ana: Person) -> None:
    handle = await refused(stage, ana, prompt="a red fox", model="sedance 2 fst")

    assert "no model `sedance 2 fst`" in handle.text()
    assert "`seedance-2-fast`" in handle.text()


async def test_retired_model_is_refused_with_its_successor(stage: Stage, ana: Person) -> None:
    handle = await refused(stage, ana, prompt="a red fox", model="Sora 2")

    assert "Sora 2 was switched off by its maker on 2026-09-24. Try `seedance-2` instead." in handle.text()


async def test_model_that_the_provider_has_paused_is_refused(stage: Stage, ana: Person) -> None:
    stage.availability.note(KIE, "bytedance/seedance-2-fast", NotSold(is_known=True, detail="paused"))

    handle = await refused(stage, ana, prompt="a red fox", model="seedance-2-fast")

    assert "Seedance 2 Fast is switched off at the moment" in handle.text()


async def test_value_that_is_not_offered_is_refused_with_the_nearest(stage: Stage, ana: Person) -> None:
    handle = await refused(stage, ana, prompt="a red fox", duration=99)

    assert handle.text() == ("**duration**: `99` is not possible. This model offers 4-15; nearest: `15`.")


async def test_wrong_option_beside_a_picture_is_refused_before_the_picture_is_fetched(
    stage: Stage, ana: Person
) -> None:
    picture = stage.server.add_attachment(drawn("PNG", (640, 360)), "fox.png", stage.channel)

    handle = await refused(stage, ana, image=picture, duration=99)

    assert "nearest: `15`" in handle.text()
    assert not handle.deferred
    assert not stage.inputs.exists()


@pytest.mark.parametrize("why", ["blocked", "poor", "elsewhere"])
async def test_whoever_may_have_no_video_has_no_picture_fetched(
    stage: Stage, ana: Person, mod: Person, why: str
) -> None:
    guild = GuildPolicy(guild_id=GuildId(stage.guild.id), allowance=500)
    match why:
        case "blocked":
            await asked(mod, "/moderate block", member=ana.member, reason="spam")
        case "poor":
            await stage.database.write(policies.save, replace(guild, allowance=7))
        case _:
            await stage.database.write(policies.save, replace(guild, channels=frozenset({ChannelId(5)})))
    picture = stage.server.add_attachment(drawn("PNG", (640, 360)), "fox.png", stage.channel)

    handle = await asked(ana, "/video", image=picture)

    assert any(word in handle.text() for word in ("spam", "you have 7", "<#5>"))
    assert await stage.find(1) is None
    assert not stage.inputs.exists()


async def test_credits_that_wait_for_a_member_count_before_a_picture_is_fetched(
    stage: Stage, ana: Person, mod: Person
) -> None:
    ana.member.joined_at = stage.clock.now()
    await stage.allow(7)
    question = await asked(mod, "/quota grant", role=stage.guild.everyone, credits=500)
    await clicked(mod, question, "Give")

    await asked(ana, "/video", image=stage.server.add_attachment(drawn("PNG", (640, 360)), "a.png", stage.channel))

    assert (await stage.job()).video.picture is not None


async def test_pictures_are_fetched_so_often_and_words_as_often_as_one_likes(stage: Stage, ana: Person) -> None:
    empty = stage.server.add_attachment(b"", "fox.png", stage.channel)
    for _ in range(MOST_WITH_PICTURES):
        await refused(stage, ana, image=empty)

    handle = await refused(stage, ana, image=empty)

    assert "too fast" in handle.text()
    await asked(ana, "/video", prompt="a red fox")
    assert await stage.find(1) is not None


async def test_file_that_is_no_picture_is_refused_in_private(stage: Stage, ana: Person) -> None:
    handle = await refused(stage, ana, image=stage.server.add_attachment(b"hello", "fox.png", stage.channel))

    assert "not a picture that we can read" in handle.text()
    assert handle.message is None


async def test_animated_picture_is_refused(stage: Stage, ana: Person) -> None:
    handle = await refused(stage, ana, image=stage.server.add_attachment(animated("GIF"), "fox.gif", stage.channel))

    assert "animated pictures do not work" in handle.text()


async def test_picture_that_the_model_does_not_take_is_refused(stage: Stage, ana: Person) -> None:
    small = stage.server.add_attachment(drawn("PNG", (64, 40)), "fox.png", stage.channel)

    handle = await refused(stage, ana, image=small)

    assert "64x40 pixels are too few; each side needs at least 300" in handle.text()


async def test_price_above_the_balance_is_refused(stage: Stage, ana: Person) -> None:
    await stage.allow(300)
    handle = await asked(ana, "/video", prompt="a red fox", duration=15)

    assert "This video costs 372 credits; you have 300." in handle.text()
    assert handle.is_ephemeral
    assert handle.followups == []
    assert await stage.find(1) is None


async def test_bot_that_may_not_post_here_charges_nothing(stage: Stage, ana: Person) -> None:
    stage.server.deny(stage.channel, Permission.ATTACH_FILES)

    handle = await refused(stage, ana, prompt="a red fox")

    assert "Attach Files" in handle.text()
    assert not handle.deferred


async def test_closed_provider_is_refused_without_charge(stage: Stage, ana: Person) -> None:
    stage.gate.pause(KIE, "no credits", START)

    handle = await refused(stage, ana, prompt="a red fox")

    assert "takes no jobs at the moment" in handle.text()


async def test_closing_bot_takes_nothing(stage: Stage, ana: Person) -> None:
    stage.generation.is_open = False

    handle = await refused(stage, ana, prompt="a red fox")

    assert "about to restart" in handle.text()


async def test_replayed_interaction_is_one_job_and_one_charge(stage: Stage, ana: Person) -> None:
    handle = await asked(ana, "/video", prompt="a red fox")

    stage.server.redeliver(handle.interaction)
    edits = f"/webhooks/{stage.server.application_id}/{handle.interaction.token}/messages/@original"
    await stage.server.wait_for_request("PATCH", edits)

    assert await stage.find(2) is None
    assert await stage.balance(ana) == 376
    assert "Job 1: waiting" in handle.text()


async def test_a_process_that_dies_between_the_job_and_its_answer_leaves_no_thinking_and_a_replay_is_answered(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await dies_before_its_answer(stage, monkeypatch, ana.types("/video", prompt="a red fox"))
    assert (await stage.job()).state is JobState.QUEUED

    stage.server.redeliver(handle.interaction)
    await answered(handle)

    assert "Job 1: waiting" in handle.text()
    assert await stage.find(2) is None
    assert await stage.balance(ana) == 376
    assert await stage.differences() == []


async def test_a_worker_with_nothing_else_to_do_waits_for_discord_to_take_the_answer(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(stage.database, stage.clock)
    send = discord.InteractionResponse.send_message
    early: list[Claimed] = []

    async def send_late(response: discord.InteractionResponse[CutsceneClient], **card: object) -> None:
        early.extend(await queue.claim([JobState.QUEUED], 1, LEASE))
        await send(response, **card)

    monkeypatch.setattr(discord.InteractionResponse, "send_message", send_late)

    await asked(ana, "/video", prompt="a red fox")
    await settled(stage)

    assert early == []
    assert stage.woken.is_set()
    assert [each.job.id for each in await queue.claim([JobState.QUEUED], 1, LEASE)] == [1]


async def test_a_store_that_takes_its_time_lets_discord_see_thinking_first(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "FIRST_ANSWER", timedelta(0))

    handle = await asked(ana, "/video", prompt="a red fox")

    assert handle.deferred
    assert "Job 1: waiting" in handle.text()


async def test_interaction_that_discord_gave_up_charges_nothing(stage: Stage, ana: Person) -> None:
    await given_up_by_discord(stage, ana.types("/video", prompt="a red fox"))

    assert (await stage.job()).state is JobState.CANCELLED
    assert await stage.balance(ana) == 500
    assert await stage.differences() == []


async def test_a_job_that_is_already_made_is_not_taken_back_when_discord_gave_up(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    async def too_late(response: discord.InteractionResponse[CutsceneClient], **_: object) -> None:
        sent.append(1)
        await stage.submits(1)
        raise InteractionGoneError

    monkeypatch.setattr(discord.InteractionResponse, "send_message", too_late)

    await ana.types("/video", prompt="a red fox")
    async with asyncio.timeout(10):
        while not sent:
            await asyncio.sleep(0.01)
    await settled(stage)

    assert (await stage.job()).state is JobState.SUBMITTING
    assert await stage.balance(ana) == 376


async def test_job_counts_although_its_card_cannot_be_shown(stage: Stage, ana: Person) -> None:
    stage.server.faults.add(Fault(method="POST", path="/callback", status=400, times=1))
    stage.server.faults.add(Fault(method="PATCH", path="/webhooks/", status=400))

    handle = await ana.types("/video", prompt="a red fox")
    await stage.server.wait_for_request(
        "POST", f"/interactions/{handle.interaction.id}/{handle.interaction.token}/callback", count=2
    )
    await settled(stage)

    assert (await stage.job()).state is JobState.QUEUED
    assert handle.deferred, "a later card has something to take the place of"
    assert handle.followups == []


async def test_command_asks_for_nothing_that_it_can_do_without(stage: Stage) -> None:
    commands = {each["name"]: each for scope in stage.server.world.commands.values() for each in scope.values()}

    options = commands["video"]["options"]

    assert [each["name"] for each in options] == [
        "prompt",
        "image",
        "last_frame",
        "model",
        "aspect",
        "duration",
        "quality",
        "audio",
        "reference1",
        "reference2",
        "reference3",
        "negative",
        "style",
        "seed",
        "assist",
    ]
    assert not any(each.get("required") for each in options)
