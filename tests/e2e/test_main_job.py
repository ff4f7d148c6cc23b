"""The product's one job: from a command to a posted video with a receipt."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bot.catalogue import loader
from bot.domain.jobs import JobState
from bot.domain.models import Mode, ModelState
from bot.i18n import texts
from sandbox.discord_server import text_of, videos_of
from sandbox.kie_server import Call, Scenario
from sandbox.person import Person
from tests.e2e.stage import FOX, OF_MEMBERS, PATIENCE, PRICE, Stage, asks
from tests.media.drawings import drawn

# One of each family; what each of the others is sent is held in tests/catalogue/test_every_model_at_kie.py.
LIVE = sorted(
    {
        model.family: model.id
        for model in reversed(loader.load().catalogue.models.values())
        if model.state is ModelState.LIVE
        and model.provider.startswith("kie")
        and not {Mode.TEXT, Mode.IMAGE}.isdisjoint(model.modes)
    }.values()
)
# Long enough for every model, and the same for all, so that the local provider renders it once.
PROMPT = "A paper boat sails down a rainy street"


async def test_words_become_one_posted_video(stage: Stage, ada: Person) -> None:
    handle = await ada.types("/video", prompt=FOX)

    posted = await ada.waits_for_video()
    assert not handle.is_ephemeral
    assert [task.prompt for task in stage.kie.tasks] == [FOX]
    assert stage.posts() == [posted]
    job = await stage.until_state(JobState.DELIVERED)
    assert job.message_id == posted.id
    assert job.task_id == stage.kie.tasks[0].id


async def test_post_is_a_new_message_with_a_playable_file(stage: Stage, ada: Person, tmp_path: Path) -> None:
    handle = await ada.types("/video", prompt=FOX)

    posted = await ada.waits_for_video()
    video = videos_of(posted)[0]
    saved = await ada.saves(video, tmp_path / "saved.mp4")
    assert handle.message is not None
    assert posted.id != handle.message.id
    assert video.filename == "cutscene-1.mp4"
    assert saved.read_bytes()[4:8] == b"ftyp"
    assert saved.stat().st_size == video.size


async def test_post_mentions_only_who_asked_whatever_the_prompt_says(stage: Stage, ada: Person, bob: Person) -> None:
    await ada.types("/video", prompt=f"{FOX} @everyone @here {bob.user.mention}")

    posted = await ada.waits_for_video()
    assert posted.mentions == [ada.user]
    assert not posted.mentions_everyone
    assert not posted.mentioned_roles


async def test_post_leaves_under_a_nonce_that_discord_enforces(stage: Stage, ada: Person) -> None:
    await ada.types("/video", prompt=FOX)
    await ada.waits_for_video()

    [request] = stage.discord.requests.find("POST", f"/channels/{stage.channel.id}/messages")
    assert isinstance(request.json, dict)
    assert request.json["nonce"] == "cutscene-1-video"
    assert request.json["enforce_nonce"] is True


async def test_receipt_names_model_options_price_and_what_is_left(stage: Stage, ada: Person) -> None:
    await ada.types("/video", prompt=FOX)

    text = text_of(await ada.waits_for_video())
    assert "Seedance 2 Fast" in text
    for option in ("aspect 16:9", "duration 5", "quality 720p", "audio True"):
        assert option in text
    assert f"{PRICE} credits" in text
    assert f"{500 - PRICE} credits left" in text
    assert "job 1" in text
    assert await stage.balance(ada) == 500 - PRICE


async def test_card_ends_with_the_way_to_the_post(stage: Stage, ada: Person) -> None:
    handle = await ada.types("/video", prompt=FOX)
    posted = await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)

    await stage.until(lambda: str(posted.id) in handle.text(), "the card's last word", passing=1)

    [button] = handle.buttons
    assert button.url is not None
    assert button.url.endswith(f"/{stage.guild.id}/{stage.channel.id}/{posted.id}")
    assert "Job 1: posted" in handle.text()


async def test_card_shows_how_the_job_goes_on(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=60))

    handle = await asks(ada, "/video", prompt=FOX)

    assert f"Price: {PRICE} credits" in handle.text()
    await stage.until_state(JobState.RUNNING)
    await stage.until(lambda: "being made" in handle.text(), "a card that says so", passing=1)
    stage.clock.advance(seconds=90)
    await ada.waits_for_video()


async def test_every_option_reaches_the_provider_in_its_own_words(stage: Stage, ada: Person) -> None:
    await ada.types("/video", prompt=FOX, aspect="9:16", duration=4, quality="480p", audio=False)

    text = text_of(await ada.waits_for_video())
    [task] = stage.kie.tasks
    wanted = {
        "prompt": FOX,
        "aspect_ratio": "9:16",
        "duration": 4,
        "resolution": "480p",
        "generate_audio": False,
    }
    assert {name: task.input.get(name) for name in wanted} == wanted
    assert not task.unknown_fields
    assert "47 credits" in text  # 4 seconds at 11.7, rounded up


async def test_picture_becomes_the_first_frame(stage: Stage, ada: Person) -> None:
    picture = drawn("PNG", (640, 360))

    await ada.types("/video", prompt=FOX, image=picture)

    await ada.waits_for_video()
    [task], [upload] = stage.kie.tasks, stage.kie.uploads
    assert str(task.input["first_frame_url"]).endswith(upload.path)
    assert task.input["aspect_ratio"] == "adaptive"
    assert upload.content_type == "image/png"
    assert (await stage.job()).video.mode is Mode.IMAGE


async def test_picture_alone_is_enough_for_a_model_that_needs_no_words(stage: Stage, ada: Person) -> None:
    await ada.types("/video", image=drawn("JPEG", (640, 360)))

    await ada.waits_for_video()
    [task] = stage.kie.tasks
    assert "prompt" not in task.input


async def test_picture_is_judged_by_its_content_and_not_by_its_name(stage: Stage, ada: Person) -> None:
    disguised = stage.discord.add_attachment(drawn("PNG", (640, 360)), "holiday.jpg", stage.channel)

    await ada.types("/video", prompt=FOX, image=disguised)

    await ada.waits_for_video()
    [upload] = stage.kie.uploads
    assert upload.content_type == "image/png"
    assert upload.file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("model", LIVE)
async def test_model_is_made_posted_and_billed_as_the_catalogue_says(model: str, stage: Stage, ada: Person) -> None:
    mod = stage.joins("Mod", is_moderator=True)
    await asks(mod, "/quota default", credits=100_000)
    known = loader.load().catalogue.get(model).modes
    modes = {mode: spec for mode, spec in known.items() if mode in (Mode.TEXT, Mode.IMAGE)}
    before = await stage.balance(ada)

    for number, mode in enumerate(modes, start=1):
        picture = drawn("PNG", (1280, 720)) if mode is Mode.IMAGE else None
        await ada.types("/video", model=model, prompt=PROMPT, image=picture)
        await ada.waits_for_video(PATIENCE)
        await stage.until_state(JobState.DELIVERED, number=number)

    assert [task.slug for task in stage.kie.tasks] == [spec.slug for spec in modes.values()]
    assert not any(task.unknown_fields for task in stage.kie.tasks)
    # The provider takes exactly what the member was told.
    shown = [(await stage.job(number)).video.price for number in range(1, len(modes) + 1)]
    assert shown == [math.ceil(task.price) for task in stage.kie.tasks]
    assert before - await stage.balance(ada) == sum(shown)


@pytest.mark.parametrize(
    ("real", "charged"),
    [
        (100.0, 100),  # the rest goes back
        (99.2, 100),  # rounded up
        (0.0, PRICE),  # "did not say": a missing number must not make a paid video free
        (200.0, PRICE),  # never more than was shown
    ],
)
async def test_member_pays_the_real_cost_and_never_more_than_the_price(
    real: float, charged: int, stage: Stage, ada: Person
) -> None:
    stage.kie.scenarios.next(Scenario(cost=real))

    await ada.types("/video", prompt=FOX)

    text = text_of(await ada.waits_for_video())
    await stage.until_state(JobState.DELIVERED)
    assert await stage.balance(ada) == 500 - charged
    assert f"{charged} credits" in text
    assert f"{500 - charged} credits left" in text
    assert (f"{PRICE - charged} credits returned" in text) is (charged < PRICE)


async def test_members_at_the_same_time_each_get_their_own(stage: Stage) -> None:
    people = [stage.joins(name) for name in ("Ada", "Bob", "Cy", "Dee")]

    for person in people:
        await person.types("/video", prompt=f"{FOX} for {person.name}")

    for person in people:
        posted = await person.waits_for_video(PATIENCE)
        assert f"for {person.name}" in text_of(posted)
    assert len(stage.posts()) == len(stage.kie.tasks) == len(people)
    members = [task for task in stage.kie.requests if task.call is Call.CREATE and OF_MEMBERS in task.body]
    assert len(members) == len(people)


@pytest.mark.parametrize("locale", ["ru", "zh-CN"])
async def test_post_speaks_the_servers_language_and_private_answers_the_readers(locale: str, world: Stage) -> None:
    world.guild.locale = locale
    await world.start()
    ada = world.joins("Ada", locale="en-US")
    reader = world.joins("Reader", locale=locale)
    _ = texts(locale)

    handle = await asks(ada, "/video", prompt=FOX)
    posted = await ada.waits_for_video()
    balance = await asks(reader, "/credits balance")
    english = await asks(ada, "/credits balance")

    assert _("{credits} left", credits=_.plural("{count} credit", "{count} credits", 500 - PRICE)) in text_of(posted)
    assert _("Model") in handle.text()
    assert _("Your credits") in balance.text()
    assert "Your credits" in english.text()


async def test_video_in_a_thread_is_posted_in_the_thread(stage: Stage, ada: Person) -> None:
    thread = stage.discord.add_channel(stage.guild, "foxes", "thread", parent=stage.channel)

    await ada.types("/video", prompt=FOX, channel=thread)

    posted = await ada.waits_for_video(channel=thread)
    assert stage.posts() == [posted]
