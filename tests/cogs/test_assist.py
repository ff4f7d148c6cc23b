"""/video assist: the member sees what became of their words, and decides before anything is charged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.ids import GuildId
from bot.domain.jobs import JobState
from bot.domain.policies import AssistMode
from bot.errors import ProviderUnavailableError
from bot.rendering.rewrites import NO_HELP
from bot.services.assistance import OFFER_LIFE, NoHelp
from bot.store import policies
from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, answered, asked, clicked, connected, dies_before_its_answer, given_up_by_discord

ANSWER = "Wide shot: a fox in the morning light."


async def offered(person: Person, **options: object) -> Handle:
    """Type /video with the assistant and wait for what it made of it, which only the member sees."""
    handle = await person.types("/video", **{"prompt": "a red fox", "duration": 4, "assist": "assist", **options})
    await handle.until(lambda now: now.followups)
    assert handle.followups[0].is_ephemeral
    return handle


async def test_offer_shows_the_rewrite_the_price_and_charges_nothing(stage: Stage, ana: Person) -> None:
    handle = await offered(ana)

    text = handle.text()
    assert ANSWER in text
    assert "Your own words: a red fox" in text
    assert "Price: 100 credits" in text
    assert "Nothing is charged before you choose." in text
    # The public "thinking" is gone.
    assert handle.message is None
    assert await stage.find(1) is None
    assert await stage.balance(ana) == 500


@pytest.mark.parametrize(("button", "prompt"), [("Create", ANSWER), ("Use my words", "a red fox")])
async def test_click_makes_the_video_once_with_the_words_that_were_chosen(
    stage: Stage, ana: Person, button: str, prompt: str
) -> None:
    handle = await offered(ana)

    card = await clicked(ana, handle.followups[0], button)
    again = await clicked(ana, handle.followups[0], button)

    job = await stage.job()
    assert (job.video.prompt, job.video.price) == (prompt, 100)
    assert not card.is_ephemeral
    assert again.text() == "You have decided about this offer already. Nothing more was charged."
    assert await stage.find(2) is None
    assert await stage.balance(ana) == 400


async def test_form_of_an_offer_that_was_used_meanwhile_does_not_deny_that_it_was_paid(
    stage: Stage, ana: Person
) -> None:
    offer = (await offered(ana)).followups[0]
    form = await clicked(ana, offer, "Edit")
    await clicked(ana, offer, "Create")

    late = await answered(await ana.submits(form, Prompt="two foxes"))

    assert late.text() == "You have decided about this offer already. Nothing more was charged."
    assert await stage.find(2) is None
    assert await stage.balance(ana) == 400


@pytest.mark.parametrize("button", ["Create", "Use my words", "Edit"])
async def test_offer_never_costs_more_than_it_said(stage: Stage, ana: Person, button: str) -> None:
    offer = (await offered(ana)).followups[0]
    stage.doubles_prices()

    handle = await clicked(ana, offer, button)
    if handle.modal is not None:
        handle = await answered(await ana.submits(handle, Prompt="two foxes"))

    assert handle.text() == (
        "The price has changed to 199 credits. Nothing was charged; ask again if you still want it."
    )
    assert await stage.find(1) is None
    assert await stage.balance(ana) == 500


async def test_offer_of_yesterday_is_said_to_be_too_old(stage: Stage, ana: Person) -> None:
    offer = (await offered(ana)).followups[0]
    stage.clock.advance(OFFER_LIFE + timedelta(seconds=1))

    late = await clicked(ana, offer, "Create")

    assert late.text() == "This offer is too old. Nothing was charged; type `/video` again."
    assert await stage.find(1) is None


async def test_offer_is_edited_before_it_is_paid_for(stage: Stage, ana: Person) -> None:
    handle = await offered(ana)
    form = await clicked(ana, handle.followups[0], "Edit")
    assert form.modal is not None
    assert form.modal["title"] == "Change the prompt"

    await (await ana.submits(form, Prompt="Wide shot: two foxes.")).until(lambda now: now.text())

    assert (await stage.job()).video.prompt == "Wide shot: two foxes."


async def test_cancelled_offer_costs_nothing_and_is_over(stage: Stage, ana: Person) -> None:
    handle = await offered(ana)
    message = handle.followups[0]

    await (await ana.clicks(message, "Cancel")).until(lambda now: "Nothing was made" in str(message.content))

    assert message.components == []
    assert await stage.find(1) is None
    assert await stage.balance(ana) == 500


async def test_offer_survives_a_restart(stage: Stage, ana: Person) -> None:
    handle = await offered(ana)
    await stage.bot.close()

    async with connected(stage):
        await clicked(ana, handle.followups[0], "Create")

        assert (await stage.job()).video.prompt == ANSWER


async def test_offer_that_cannot_be_paid_any_more_may_be_used_later(stage: Stage, ana: Person) -> None:
    handle = await offered(ana)
    await stage.allow(50)

    refused = await clicked(ana, handle.followups[0], "Create")
    await stage.allow(500)
    await clicked(ana, handle.followups[0], "Create")

    assert "100 credits" in refused.text()
    assert (await stage.job()).video.prompt == ANSWER


async def test_assistant_that_fails_stops_nothing_and_that_is_said(stage: Stage, ana: Person) -> None:
    stage.assistant.answers.then(ProviderUnavailableError("503"))

    handle = await offered(ana)

    assert handle.followups[0].content == (
        "The prompt assistant did not answer with anything useful, so your own words are used."
    )
    assert handle.message is not None and not handle.is_ephemeral
    assert (await stage.job()).video.prompt == "a red fox"


def test_every_reason_for_no_help_has_its_text() -> None:
    assert set(NO_HELP) == {reason.value for reason in NoHelp}


async def test_answer_is_shown_without_effect(stage: Stage, ana: Person) -> None:
    stage.assistant.answers.then("A **fox** @everyone [free](https://evil.test/x) <@1>")

    handle = await offered(ana)

    message = handle.followups[0]
    assert message.mentions == [] and "evil.test" not in handle.text()
    assert "\\*\\*fox" in handle.text()


async def test_words_that_the_server_forbids_are_never_sent_to_the_assistant(
    stage: Stage, ana: Person, mod: Person
) -> None:
    await asked(mod, "/words add", word="fox")

    handle = await asked(ana, "/video", prompt="a red fox", assist="assist")

    assert "This server does not allow what the prompt says." in handle.text()
    assert stage.assistant.asked == []
    assert await stage.find(1) is None


async def test_server_decides_for_everybody(stage: Stage, ana: Person) -> None:
    policy = await stage.database.read(policies.load, GuildId(stage.guild.id))
    await stage.database.write(policies.save, replace(policy, assist=AssistMode.MEME))
    handle = await ana.types("/video", prompt="a red fox")
    await handle.until(lambda now: now.followups)
    assert "aspect 1:1" in handle.text()

    await stage.database.write(policies.save, replace(policy, assist=AssistMode.OFF))
    refused = await asked(ana, "/video", prompt="a red fox", assist="assist")

    assert refused.text() == "**assist**: this server does not use the prompt assistant. Leave it out."


async def test_without_the_option_nobody_is_asked(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await asked(ana, "/video", prompt="a red fox", assist="off")

    assert stage.assistant.asked == []
    assert await stage.find(2) is not None


@pytest.mark.parametrize("button", ["Create", "Use my words"])
async def test_a_process_that_dies_before_it_answers_the_choice_leaves_no_thinking_and_a_replay_is_answered(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch, button: str
) -> None:
    offer = (await offered(ana)).followups[0]

    lost = await dies_before_its_answer(stage, monkeypatch, ana.clicks(offer, button))
    stage.server.redeliver(lost.interaction)
    await answered(lost)

    assert "Job 1: waiting" in lost.text()
    assert await stage.find(2) is None
    assert await stage.balance(ana) == 400
    assert await stage.differences() == []


async def test_a_choice_that_discord_gave_up_charges_nothing_and_leaves_the_offer(stage: Stage, ana: Person) -> None:
    offer = (await offered(ana)).followups[0]

    await given_up_by_discord(stage, ana.clicks(offer, "Create"))
    assert (await stage.job(1)).state is JobState.CANCELLED
    await clicked(ana, offer, "Create")

    assert (await stage.job(2)).state is JobState.QUEUED
    assert await stage.balance(ana) == 400
    assert await stage.differences() == []


async def test_a_choice_is_answered_with_the_card_itself(stage: Stage, ana: Person) -> None:
    card = await clicked(ana, (await offered(ana)).followups[0], "Create")

    assert not card.deferred
    assert "Job 1: waiting" in card.text()
