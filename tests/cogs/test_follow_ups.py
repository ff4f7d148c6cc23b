"""Extend and Upscale: what is offered under which video, what it costs, and whose video it may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.ids import JobId, TaskId
from bot.domain.models import Mode, OptionName
from sandbox.discord_server import Message
from sandbox.person import Person
from tests.cogs.conftest import Stage, answered, asked, clicked
from tests.media import clips

GROK = {"prompt": "a red fox", "model": "grok-imagine"}
ALLOWANCE = 500
# So long Kie keeps what it made.
KEPT = timedelta(days=14)
TOO_OLD = "The provider no longer keeps that video, so that cannot be done with it any more."


@pytest.fixture
async def posted(stage: Stage, ana: Person, tmp_path: Path) -> Message:
    """Ana's video by a model that can go on with it: 6 s at 480p, 15 credits."""
    stage.video = clips.made(tmp_path / "posted.mp4", seconds=1).read_bytes()
    await asked(ana, "/video", **GROK)
    return (await stage.delivers())[1]


def labels(message: Message) -> list[str]:
    return [button["label"] for row in message.components for button in row["components"]]


async def test_a_video_has_the_buttons_of_what_can_be_done_with_it(stage: Stage, posted: Message, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", model="hailuo-02-pro")
    other = (await stage.delivers(2))[1]

    assert labels(posted) == ["Again", "Edit", "Extend", "Upscale", "Restyle", "Delete", "Report"]
    # How long that one is nobody wrote down, and Topaz is paid by the second.
    assert labels(other) == ["Again", "Edit", "Restyle", "Delete", "Report"]


async def test_extend_shows_its_prices_to_the_one_who_clicks_and_takes_nothing_yet(
    stage: Stage, posted: Message, ben: Person
) -> None:
    handle = await clicked(ben, posted, "Extend")

    assert handle.is_ephemeral
    assert "What should be done with the video of job 1?" in handle.text()
    assert [button.label for button in handle.buttons] == [
        "Grok Imagine · 6 s · 480p · 10 credits",
        "Grok Imagine · 10 s · 480p · 20 credits",
    ]
    assert await stage.balance(ben) == ALLOWANCE
    assert await stage.find(2) is None


async def test_extending_asks_what_happens_next_and_goes_on_from_the_end_of_the_task(
    stage: Stage, posted: Message, ben: Person
) -> None:
    offers = await clicked(ben, posted, "Extend")
    form = await clicked(ben, offers, "Grok Imagine · 10 s · 480p · 20 credits")
    assert form.modal is not None

    await answered(await ben.submits(form, Prompt="the fox sleeps"))

    job = await stage.job(2)
    assert (job.user_id, job.video.mode, job.video.prompt) == (ben.user.id, Mode.EXTEND, "the fox sleeps")
    assert job.video.options == {OptionName.DURATION: 10, OptionName.QUALITY: "480p"}
    assert job.video.source is not None
    assert (job.video.source.job, job.video.source.seconds) == (JobId(1), 6)
    assert (job.video.source.task_id, job.video.source.clip) == (TaskId("t-1"), None)
    assert await stage.balance(ben) == ALLOWANCE - 20
    assert await stage.differences() == []


async def test_upscaling_by_another_model_brings_the_posted_file(stage: Stage, posted: Message, ana: Person) -> None:
    offers = await clicked(ana, posted, "Upscale")
    assert [button.label for button in offers.buttons] == [
        "Grok Imagine · 10 credits",
        "Topaz · 2x · 48 credits",
        "Topaz · 4x · 84 credits",
    ]

    await clicked(ana, offers, "Topaz · 2x · 48 credits")

    job = await stage.job(2)
    assert (job.model, job.video.mode, job.video.price) == ("topaz-upscale", Mode.UPSCALE, 48)
    assert job.video.source is not None
    assert job.video.source.clip is not None
    assert job.video.source.task_id is None
    assert stage.clips.path(job.video.source.clip).read_bytes() == stage.video
    assert await stage.balance(ana) == ALLOWANCE - 15 - 48


async def test_the_same_once_more_is_possible_as_long_as_the_file_is_kept(
    stage: Stage, posted: Message, ana: Person
) -> None:
    offers = await clicked(ana, posted, "Upscale")
    await clicked(ana, offers, "Topaz · 2x · 48 credits")
    sharper = (await stage.delivers(2))[1]

    await clicked(ana, sharper, "Again")

    third = await stage.job(3)
    assert third.video == (await stage.job(2)).video
    source = third.video.source
    assert source is not None
    assert source.clip is not None
    stage.clips.path(source.clip).unlink()
    handle = await clicked(ana, (await stage.delivers(3))[1], "Again")
    assert handle.text().startswith("The file of that video cannot be had any more.")
    assert await stage.find(4) is None


async def test_a_video_whose_file_is_gone_costs_nothing(stage: Stage, posted: Message, ana: Person) -> None:
    offers = await clicked(ana, posted, "Upscale")
    await clicked(ana, posted, "Delete")

    handle = await clicked(ana, offers, "Topaz · 2x · 48 credits")

    assert handle.text().startswith("The file of that video cannot be had any more.")
    assert await stage.balance(ana) == ALLOWANCE - 15


@pytest.mark.parametrize(
    ("button", "offer"),
    [("Upscale", "Topaz · 2x · 48 credits"), ("Restyle", "Aleph · 110 credits")],
    ids=["at once", "with words"],
)
async def test_a_video_is_not_fetched_for_whoever_may_not_have_what_is_made_of_it(
    stage: Stage, posted: Message, ben: Person, button: str, offer: str
) -> None:
    offers = await clicked(ben, posted, button)
    await stage.allow(40)

    handle = await clicked(ben, offers, offer)
    if handle.modal is not None:
        handle = await answered(await ben.submits(handle, Prompt="in the snow"))

    assert "you have 40" in handle.text()
    assert list(stage.inputs.glob("*")) == []
    assert await stage.find(2) is None


async def test_two_clicks_on_the_same_offer_are_one_wish(stage: Stage, posted: Message, ana: Person) -> None:
    offers = await clicked(ana, posted, "Upscale")
    await clicked(ana, offers, "Grok Imagine · 10 credits")

    handle = await clicked(ana, offers, "Grok Imagine · 10 credits")

    assert "job 2 is on its way" in handle.text()
    assert await stage.balance(ana) == ALLOWANCE - 15 - 10


@pytest.mark.parametrize(
    ("button", "offer"),
    [
        ("Upscale", "Grok Imagine · 10 credits"),
        ("Upscale", "Topaz · 2x · 48 credits"),
        ("Extend", "Grok Imagine · 10 s · 480p · 20 credits"),
    ],
)
async def test_an_offer_never_costs_more_than_it_said(
    stage: Stage, posted: Message, ana: Person, button: str, offer: str
) -> None:
    offers = await clicked(ana, posted, button)
    stage.doubles_prices()

    handle = await clicked(ana, offers, offer)

    assert handle.modal is None
    assert handle.text().startswith("The price has changed to ")
    assert await stage.find(2) is None
    assert await stage.balance(ana) == ALLOWANCE - 15


async def test_two_offers_one_right_after_the_other_are_two_wishes(stage: Stage, posted: Message, ana: Person) -> None:
    offers = await clicked(ana, posted, "Upscale")
    await clicked(ana, offers, "Grok Imagine · 10 credits")

    await clicked(ana, offers, "Topaz · 2x · 48 credits")
    handle = await clicked(ana, offers, "Topaz · 4x · 84 credits")

    assert "Job 4: waiting" in handle.text()
    assert await stage.balance(ana) == ALLOWANCE - 15 - 10 - 48 - 84
    assert await stage.differences() == []


async def test_a_click_beside_another_offer_is_still_the_second_of_its_own(
    stage: Stage, posted: Message, ana: Person
) -> None:
    offers = await clicked(ana, posted, "Upscale")
    await clicked(ana, offers, "Topaz · 2x · 48 credits")
    await clicked(ana, offers, "Grok Imagine · 10 credits")

    handle = await clicked(ana, offers, "Topaz · 2x · 48 credits")

    assert "job 2 is on its way" in handle.text()
    assert await stage.balance(ana) == ALLOWANCE - 15 - 48 - 10


async def test_an_offer_that_is_no_longer_made_is_refused(stage: Stage, posted: Message, ana: Person) -> None:
    offers = await clicked(ana, posted, "Upscale")
    model = stage.catalogue.get("grok-imagine")
    modes = {mode: spec for mode, spec in model.modes.items() if mode is not Mode.UPSCALE}
    models = {**stage.catalogue.models, model.id: replace(model, modes=modes)}
    stage.availability.catalogue = replace(stage.catalogue, models=models)

    handle = await clicked(ana, offers, "Grok Imagine · 10 credits")

    assert handle.text() == "No model can do that with this video at the moment."
    assert await stage.find(2) is None


async def test_what_the_provider_no_longer_keeps_is_not_offered_to_be_gone_on_with(
    stage: Stage, posted: Message, ana: Person
) -> None:
    stage.clock.advance(KEPT)

    extend = await clicked(ana, posted, "Extend")
    upscale = await clicked(ana, posted, "Upscale")

    assert extend.text().startswith(TOO_OLD)
    assert extend.is_ephemeral
    # Topaz is brought the posted file.
    assert [button.label for button in upscale.buttons] == ["Topaz · 2x · 48 credits", "Topaz · 4x · 84 credits"]


async def test_an_offer_that_has_grown_too_old_costs_nothing(stage: Stage, posted: Message, ana: Person) -> None:
    offers = await clicked(ana, posted, "Upscale")
    extensions = await clicked(ana, posted, "Extend")
    form = await clicked(ana, extensions, "Grok Imagine · 6 s · 480p · 10 credits")
    stage.clock.advance(KEPT)

    shown = [
        await clicked(ana, offers, "Grok Imagine · 10 credits"),
        await clicked(ana, extensions, "Grok Imagine · 6 s · 480p · 10 credits"),
        await answered(await ana.submits(form, Prompt="the fox sleeps")),
    ]

    assert [handle.text().startswith(TOO_OLD) for handle in shown] == [True, True, True]
    assert await stage.find(2) is None


async def test_an_extension_is_made_again_only_as_long_as_the_provider_keeps_its_beginning(
    stage: Stage, posted: Message, ana: Person
) -> None:
    extensions = await clicked(ana, posted, "Extend")
    form = await clicked(ana, extensions, "Grok Imagine · 6 s · 480p · 10 credits")
    await answered(await ana.submits(form, Prompt="the fox sleeps"))
    extended = (await stage.delivers(2))[1]
    stage.clock.advance(KEPT - timedelta(hours=1))
    await clicked(ana, extended, "Again")
    assert (await stage.job(3)).video.source == (await stage.job(2)).video.source
    stage.clock.advance(timedelta(hours=1))

    again, edit = await clicked(ana, extended, "Again"), await clicked(ana, extended, "Edit")

    assert again.text().startswith(TOO_OLD)
    assert (edit.modal, edit.text()[: len(TOO_OLD)]) == (None, TOO_OLD)
    assert await stage.find(4) is None


async def test_an_old_video_that_is_itself_no_follow_up_is_made_again(
    stage: Stage, posted: Message, ana: Person
) -> None:
    stage.clock.advance(3 * KEPT)

    await clicked(ana, posted, "Again")

    assert (await stage.job(2)).video == (await stage.job(1)).video
