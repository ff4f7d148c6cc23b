"""/moderate: staff stops abuse, and nobody else; nor do members get at the list of /words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.ids import JobId
from bot.domain.jobs import JobState
from bot.i18n import texts
from bot.rendering import buttons
from sandbox.discord_server import NotOfferedError
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked, clicked

NOT_STAFF = "Only people who may manage this server can do this."


async def test_blocked_member_is_told_why_and_until_when_and_pays_nothing(
    stage: Stage, mod: Person, ana: Person, ben: Person
) -> None:
    done = await asked(mod, "/moderate block", member=ana.member, reason="spam @everyone", expiry="3d")
    refused = await asked(ana, "/video", prompt="a red fox")
    other = await asked(ben, "/video", prompt="a red fox")

    assert done.is_ephemeral
    assert f"<@{ana.user.id}> is blocked; it ends <t:" in done.text()
    assert done.message is not None
    assert done.message.mentions == []
    assert "You are blocked from making videos in this server. Reason: spam" in refused.text()
    assert refused.is_ephemeral or refused.followups[0].is_ephemeral
    assert await stage.balance(ana) == 500
    assert (await stage.job(1)).user_id == ben.user.id
    assert "waiting" in other.text() or other.message is not None


async def test_block_ends_by_itself(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(mod, "/moderate block", member=ana.member, reason="spam", expiry="12h")
    stage.clock.advance(timedelta(hours=12))

    await asked(ana, "/video", prompt="a red fox")

    assert (await stage.job(1)).user_id == ana.user.id


async def test_unblocked_member_makes_videos_again(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(mod, "/moderate block", member=ana.member, reason="spam")
    assert "for good" in (await asked(mod, "/moderate blocked")).text()

    lifted = await asked(mod, "/moderate unblock", member=ana.member)
    again = await asked(mod, "/moderate unblock", member=ana.member)
    await asked(ana, "/video", prompt="a red fox")

    assert lifted.text() == f"<@{ana.user.id}> can make videos again."
    assert again.text() == f"<@{ana.user.id}> is not blocked in this server."
    assert (await asked(mod, "/moderate blocked")).text().endswith("Nobody is blocked.")
    assert (await stage.job(1)).user_id == ana.user.id


async def test_waiting_jobs_of_a_blocked_member_are_cancelled_and_refunded(
    stage: Stage, mod: Person, ana: Person
) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await asked(ana, "/video", prompt="a blue fox")
    await stage.submits(2)

    done = await asked(mod, "/moderate block", member=ana.member, reason="spam")

    assert "1 waiting job was cancelled and its credits are back." in done.text()
    assert [(await stage.job(number)).state for number in (1, 2)] == [JobState.CANCELLED, JobState.SUBMITTING]
    assert await stage.differences() == []


async def test_stopped_server_takes_nothing_and_gives_back_what_waits(
    stage: Stage, mod: Person, ana: Person, ben: Person
) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await asked(ben, "/video", prompt="a blue fox")

    done = await asked(mod, "/moderate stop", reason="raid")
    twice = await asked(mod, "/moderate stop", reason="raid")
    refused = await asked(ana, "/video", prompt="a red fox")
    opened = await asked(mod, "/moderate resume")
    again = await asked(mod, "/moderate resume")
    await asked(ana, "/video", prompt="a red fox")

    assert "2 waiting jobs were cancelled and their credits are back." in done.text()
    assert twice.text() == "Videos are stopped in this server already."
    assert "raid" in refused.text()
    assert opened.text() == "Videos can be made in this server again."
    assert again.text() == "Videos are not stopped in this server."
    states = [(await stage.job(number)).state for number in (1, 2, 3)]
    assert states == [JobState.CANCELLED, JobState.CANCELLED, JobState.QUEUED]
    assert await stage.differences() == []


async def test_report_without_a_channel_stands_in_the_list(stage: Stage, mod: Person, ana: Person, ben: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")
    _, post = await stage.delivers(1)

    for _ in range(2):
        form = await clicked(ben, post, "Report")
        answer = await ben.submits(form, **{"What is wrong with it?": "rude"})
        await answer.until(lambda now: not now.is_thinking and now.text(), wanted="an answer")
    listed = await asked(mod, "/moderate log")

    assert answer.text() == "You have reported job 1 already."
    assert listed.text().count(f"<@{ben.user.id}> · reported job 1 of <@{ana.user.id}> · Reason: rude") == 1


async def test_card_of_a_job_shows_it_whole_and_its_buttons_act_once(
    stage: Stage, mod: Person, ana: Person, ben: Person
) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await stage.delivers(1, credits=100)

    card = await asked(mod, "/moderate job", job=1)
    refunded = await clicked(mod, card, "Refund")
    twice = await clicked(mod, card, "Refund")
    redelivered = await clicked(mod, card, "Redeliver")
    again = await clicked(mod, card, "Redeliver")
    after = await asked(mod, "/moderate job", job=1)

    assert card.is_ephemeral
    for wanted in ("a red fox", "kie_jobs · t-1", "held", "spent +100", f"<@{ana.user.id}>", "duration"):
        assert wanted in card.text()
    assert refunded.text() == "100 credits for job 1 are given back as bonus."
    assert twice.text() == "What job 1 has cost was given back already."
    assert redelivered.text() == "The video of job 1 is being delivered again."
    assert again.text() == "Job 1 has no video that could be delivered again now."
    assert "Given back by the staff: 100 credits" in after.text()
    job = await stage.job(1)
    assert (job.state, job.redelivery) == (JobState.DELIVERING, 1)
    assert await stage.differences() == []


async def test_card_cancels_a_waiting_job_and_blocks_its_member(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")

    card = await asked(mod, "/moderate job", job=1)
    cancelled = await clicked(mod, card, "Cancel")
    form = await clicked(mod, card, "Block")
    blocked = await mod.submits(form, **{"Reason": "rude", "For how long: 30m, 12h, 3d, 2w or forever": "3d"})
    await blocked.until(lambda now: not now.is_thinking and now.text(), wanted="an answer")
    after = await asked(mod, "/moderate job", job=1)

    assert cancelled.text() == "Job 1 is cancelled, and its credits are back."
    assert "is blocked; it ends" in blocked.text()
    assert "Its member is blocked" in after.text()
    assert "rude" in after.text()


async def test_buttons_of_a_card_do_nothing_for_a_member_who_gets_hold_of_them(
    stage: Stage, mod: Person, ana: Person
) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await stage.delivers(1)
    there = stage.bot.get_partial_messageable(stage.channel.id, guild_id=stage.guild.id)
    sent = await there.send("stolen", view=buttons.of_reports(texts("en-US"), [JobId(1)]))

    handle = await clicked(ana, stage.channel.messages[sent.id], "Job 1")

    assert handle.text() == NOT_STAFF
    assert "a red fox" in (await clicked(mod, stage.channel.messages[sent.id], "Job 1")).text()


async def test_job_of_another_server_is_not_found(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")
    other = stage.server.add_guild("Somewhere else")
    there = stage.server.add_channel(other, "videos")
    stranger = Person.joins(stage.server, other, "eve", there, is_moderator=True)

    handle = await asked(stranger, "/moderate job", job=1)

    assert handle.text() == "There is no job 1 in this server."


async def test_block_that_nobody_can_read_is_refused(stage: Stage, mod: Person, ana: Person) -> None:
    handle = await asked(mod, "/moderate block", member=ana.member, reason="spam", expiry="soon")

    assert handle.text() == "**expiry**: `soon` is no span of time. Write 30m, 12h, 3d, 2w or forever."


async def test_spans_are_suggested_in_the_readers_language(stage: Stage) -> None:
    sveta = Person.joins(stage.server, stage.guild, "sveta", stage.channel, is_moderator=True, locale="ru")

    offered = await sveta.suggestions("/moderate block", "expiry", "")

    assert [choice.value for choice in offered] == ["1h", "1d", "7d", "30d", "forever"]
    assert offered[-1].name == "навсегда"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("/moderate block", {"reason": "revenge"}),
        ("/moderate unblock", {}),
        ("/moderate blocked", {}),
        ("/moderate stop", {"reason": "revenge"}),
        ("/moderate resume", {}),
        ("/moderate log", {}),
        ("/moderate job", {"job": 1}),
        ("/words add", {"word": "fox"}),
        ("/words pattern", {"pattern": "fox"}),
        ("/words remove", {"entry": "fox"}),
        ("/words list", {}),
        ("/words test", {"text": "fox"}),
    ],
)
async def test_member_is_refused_even_when_the_server_shows_the_command(
    stage: Stage, ana: Person, ben: Person, command: str, options: dict[str, object]
) -> None:
    if command in {"/moderate block", "/moderate unblock"}:
        options = {**options, "member": ben.member}

    handle = await (await ana.types(command, force=True, **options)).until(lambda now: now.text())

    assert handle.is_ephemeral
    assert handle.text() == NOT_STAFF
    await asked(ben, "/video", prompt="a red fox")
    assert (await stage.job(1)).user_id == ben.user.id


async def test_members_client_does_not_offer_the_commands(stage: Stage, ana: Person) -> None:
    for command in ("/moderate blocked", "/words list"):
        with pytest.raises(NotOfferedError):
            await ana.types(command)
