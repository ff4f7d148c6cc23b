"""What cannot become a video is refused in private, says what to do instead, and costs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest

from bot.domain.jobs import JobState
from sandbox.discord_server import Fault
from sandbox.kie_server import Call
from sandbox.person import Handle, Person
from tests.e2e.stage import FOX, OF_MEMBERS, Stage, asks, clicks, is_private
from tests.media.drawings import animated, drawn, png_bomb


async def refused(stage: Stage, person: Person, **options: Any) -> str:
    """Type /video and be sure that it was refused without any trace; the refusal's text."""
    handle = await asks(person, "/video", **options)
    await costs_nothing(stage, person, handle)
    return handle.text()


async def costs_nothing(stage: Stage, person: Person, handle: Handle) -> None:
    assert is_private(handle)
    assert await stage.find() is None
    assert await stage.balance(person) == 500
    assert stage.kie.tasks == []
    assert stage.kie.uploads == []
    assert stage.posts() == []


TYPED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["**prompt**", "attach an **image**"]),
    ({"prompt": "  \n "}, ["**prompt**", "attach an **image**"]),
    ({"prompt": "ab"}, ["2 characters are too few", "at least 3"]),
    ({"prompt": "x" * 2501, "model": "kling-3-0-turbo"}, ["2501 characters are too many", "at most 2500"]),
    ({"prompt": FOX, "model": "seedance-2-fats"}, ["no model `seedance-2-fats`", "`seedance-2-fast`"]),
    ({"prompt": FOX, "model": "` @everyone"}, ["there is no model", "/models"]),
    ({"prompt": FOX, "model": "sora-2"}, ["Sora 2", "2026", "`seedance-2`"]),
    ({"prompt": FOX, "model": "sora-2-pro"}, ["Sora 2 Pro", "2026", "`seedance-2-5`"]),
    ({"prompt": FOX, "model": "kling-3-0-turbo", "audio": True}, ["**audio**", "does not have this option"]),
    ({"prompt": FOX, "duration": 60}, ["**duration**: `60`", "4-15", "nearest: `15`"]),
    ({"prompt": FOX, "duration": -3}, ["**duration**: `-3`", "nearest: `4`"]),
    ({"prompt": FOX, "aspect": "16:10"}, ["**aspect**: `16:10`", "nearest: `16:9`"]),
    ({"prompt": FOX, "quality": "4K"}, ["**quality**: `4K`", "480p, 720p", "nearest: `720p`"]),
    ({"prompt": FOX, "quality": "a`b"}, ["**quality**", "480p, 720p"]),
]


async def test_what_was_typed_is_refused_by_the_models_rules(stage: Stage, ada: Person) -> None:
    for options, says in TYPED:
        text = await refused(stage, ada, **options)

        assert [part for part in says if part not in text] == [], (options, text)


@dataclass(frozen=True)
class Spoilt:
    """A file that is no picture for us, and what is said of it."""

    make: Callable[[], bytes]
    says: str
    model: str | None = None


SPOILT = {
    "empty": Spoilt(lambda: b"", "the file is empty"),
    "text": Spoilt(lambda: b"not a picture at all", "not a picture that we can read"),
    "html called png": Spoilt(lambda: b"<html><script>alert(1)</script></html>", "not a picture that we can read"),
    "cut off": Spoilt(lambda: drawn("PNG", (640, 360))[:60], "not a picture that we can read"),
    "bomb": Spoilt(lambda: png_bomb(30_000, 30_000), "too many to open safely"),
    "animated gif": Spoilt(lambda: animated("GIF"), "animated"),
    "animated webp": Spoilt(lambda: animated("WEBP"), "animated"),
    "format": Spoilt(lambda: drawn("WEBP", (640, 360)), "does not take WEBP", "kling-3-0-turbo"),
    "too small": Spoilt(lambda: drawn("PNG", (299, 400)), "each side needs at least 300"),
    "too large": Spoilt(lambda: drawn("PNG", (6001, 4000)), "each side may have at most 6000"),
    "too narrow": Spoilt(lambda: drawn("PNG", (300, 800)), "too long and narrow"),
}


async def test_file_that_is_no_first_frame_is_refused(stage: Stage, ada: Person) -> None:
    for name, spoilt in SPOILT.items():
        file = stage.discord.add_attachment(spoilt.make(), "picture.png", stage.channel)

        text = await refused(stage, ada, prompt=FOX, image=file, model=spoilt.model)

        assert "**image**" in text, name
        assert spoilt.says in text, name
    # What came in raw is gone from our disk; only what was made clean may wait there for the retention.
    assert list((stage.folder / "data" / "inputs").glob("*.part")) == []


async def test_file_that_is_too_large_is_refused_without_fetching_it(stage: Stage, ada: Person) -> None:
    file = stage.discord.add_attachment(drawn("PNG") + bytes(30_000_001), "picture.png", stage.channel)

    text = await refused(stage, ada, prompt=FOX, image=file)

    assert "**image**" in text
    assert "is too large" in text
    assert "30 MB" in text


async def test_retired_model_names_its_successor_for_pictures_too(stage: Stage, ada: Person) -> None:
    text = await refused(stage, ada, prompt=FOX, model="sora-2", image=drawn("PNG", (640, 360)))

    assert "switched off by its maker" in text
    assert "`seedance-2`" in text


async def test_picture_that_needs_words_is_refused_without_them(stage: Stage, ada: Person) -> None:
    text = await refused(stage, ada, model="kling-3-0-turbo", image=drawn("PNG", (640, 360)))

    assert "needs words beside the picture" in text


async def test_every_problem_of_a_second_try_is_found_in_the_edited_form(stage: Stage, ada: Person) -> None:
    await ada.types("/video", prompt=FOX, model="kling-3-0-turbo")
    posted = await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)
    before = await stage.balance(ada)
    form = await clicks(ada, posted, "Edit")

    answer = await ada.submits(form, Prompt="y" * 2600)

    await stage.until(lambda: "2600 characters are too many" in answer.text(), "a refusal")
    assert await stage.balance(ada) == before
    assert len(stage.kie.tasks) == 1


@pytest.fixture
async def watched(stage: Stage) -> AsyncIterator[Stage]:
    """No member's request reaches the provider."""
    yield stage
    seen = [each for each in stage.kie.requests if each.call is Call.CREATE and OF_MEMBERS in each.body]
    assert seen == []


async def test_attachment_that_discord_no_longer_hands_out_is_refused(watched: Stage, ada: Person) -> None:
    file = watched.discord.add_attachment(drawn("PNG", (640, 360)), "picture.png", watched.channel)
    file.path.unlink()

    text = await refused(watched, ada, prompt=FOX, image=file)

    assert "Discord did not hand out the file" in text


async def test_interaction_that_discord_gave_up_on_is_not_charged(watched: Stage, ada: Person) -> None:
    # The acknowledgement comes later than Discord waits; with a picture it comes before anything is written.
    watched.discord.faults.add(Fault(method="POST", path="/callback$", status=404, code=10062))
    file = watched.discord.add_attachment(drawn("PNG", (640, 360)), "picture.png", watched.channel)

    await ada.types("/video", prompt=FOX, image=file)

    await watched.discord.wait_for_request("POST", "/callback")
    watched.clock.advance(seconds=30)
    answer = await asks(ada, "/jobs list")
    assert "There is nothing yet" in answer.text()
    assert await watched.balance(ada) == 500


async def test_whoever_discord_gave_up_on_pays_only_for_a_video_that_comes(stage: Stage, ada: Person) -> None:
    stage.discord.faults.add(Fault(method="POST", path="/callback$", status=404, code=10062))

    await ada.types("/video", prompt=FOX)

    # The worker may have been faster than the word that nobody waits; both ends are fair.
    job = await stage.until_state(JobState.CANCELLED, JobState.DELIVERED, passing=1)
    is_made = job.state is JobState.DELIVERED
    assert len(stage.posts()) == is_made
    assert await stage.balance(ada) == 500 - job.video.price * is_made


async def test_a_wrong_file_of_the_host_is_told_with_its_line_and_the_other_models_serve(
    world: Stage, ada: Person, log: StringIO
) -> None:
    path = world.folder / "data" / "catalogue" / "mine.toml"
    path.parent.mkdir()
    path.write_text('name = "Mine"\nnonsense = 1\n', "utf-8")

    await world.start()
    await ada.types("/video", prompt=FOX)

    await ada.waits_for_video()
    assert f"{path}:2: `nonsense` is not a key that is known here" in log.getvalue()
