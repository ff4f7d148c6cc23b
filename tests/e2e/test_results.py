"""From the provider's link to the posted file: dead, cut off, empty, disguised, endless and too large ones."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import aiohttp
import pytest

from bot.domain.jobs import FailureReason, JobState
from bot.errors.failures import FAILURE_TEXTS
from sandbox.discord_server import Fault as DiscordFault
from sandbox.discord_server import text_of, videos_of
from sandbox.kie_server import Body, Call, Download, EdgePage, Fault, LostAnswer, Refusal, Scenario, Slow
from sandbox.movies import MovieRequest, MovieSize, padded, shared_studio
from sandbox.person import Person
from tests.e2e.stage import FOX, PATIENCE, PRICE, Stage

MEBIBYTE = 1024 * 1024
PAGE = "<!doctype html><html><body>Sign in</body></html>"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A playable video that is larger than an ordinary guild allows."""
    request = MovieRequest(
        prompt=FOX, model="m", seconds=1, aspect="16:9", label="", has_sound=False, size=MovieSize.DRAFT
    )
    small = shared_studio().movie(request, tmp_path / "small.mp4")
    return padded(small, 11 * MEBIBYTE, tmp_path / "large.mp4")


@pytest.fixture
def stubborn(tmp_path: Path) -> Path:
    """As large, and with nothing in it that could be encoded again."""
    path = tmp_path / "stubborn.mp4"
    kind = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"
    with path.open("wb") as file:
        file.write(kind + (11 * MEBIBYTE - len(kind)).to_bytes(4, "big") + b"free")
        file.truncate(11 * MEBIBYTE)
    return path


def leftovers(stage: Stage) -> list[str]:
    return [path.name for path in (stage.folder / "data" / "results").iterdir()]


@pytest.mark.parametrize(
    "fault",
    [
        EdgePage(403),
        EdgePage(502),
        Refusal(code=404, text="gone", status=404),
        LostAnswer(),
        Body(PAGE, content_type="text/html"),
        Body("", content_type="video/mp4"),
    ],
    ids=["403", "502", "404", "dropped", "html", "empty"],
)
async def test_link_that_fails_twice_is_asked_for_afresh_and_followed(fault: Fault, stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.RESULT, fault, times=2)
    await ada.types("/video", prompt=FOX)

    await stage.until_state(JobState.DELIVERED, passing=1)

    await ada.waits_for_video()
    assert len(stage.kie.tasks) == 1
    assert stage.kie.tasks[0].polls > 1
    assert stage.kie.counts[Call.RESULT] == 3
    await stage.until(lambda: leftovers(stage) == [], "the posted file to be gone")


@pytest.mark.parametrize(
    "download",
    [
        Download(status=404),
        Download(is_empty=True),
        Download(is_endless=True),
        Download(truncated_to=1000),
    ],
    ids=["dead", "empty", "endless", "cut off"],
)
async def test_link_that_never_leads_to_a_video_is_refunded(download: Download, stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(download=download))
    await ada.types("/video", prompt=FOX)

    await stage.until_state(JobState.FAILED, passing=100)

    message = await ada.waits_for_message(lambda each: "could not be made" in text_of(each), PATIENCE)
    assert FAILURE_TEXTS[FailureReason.NO_RESULT] in text_of(message)
    assert await stage.balance(ada) == 500
    await stage.until(lambda: leftovers(stage) == [], "what arrived of it to be gone")
    assert stage.videos() == []


async def test_video_whose_address_has_died_is_had_by_a_temporary_link(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(download=Download(status=403)))

    await ada.types("/video", prompt=FOX)

    await ada.waits_for_video()
    assert stage.kie.counts[Call.DOWNLOAD_LINK] == 1
    assert await stage.balance(ada) == 500 - PRICE


async def test_video_that_is_called_something_else_is_still_a_video(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(download=Download(content_type="text/html")))

    await ada.types("/video", prompt=FOX)

    posted = await ada.waits_for_video()
    assert videos_of(posted)[0].filename == "cutscene-1.mp4"


async def test_slow_result_host_is_waited_for(stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.RESULT, Slow(0.7))

    await ada.types("/video", prompt=FOX)

    await ada.waits_for_video()
    assert stage.kie.counts[Call.RESULT] == 1


async def test_video_that_is_too_large_for_the_guild_is_encoded_to_fit(stage: Stage, ada: Person, large: Path) -> None:
    stage.kie.scenarios.next(Scenario(movie=large))

    await ada.types("/video", prompt=FOX)

    posted = await ada.waits_for_video(PATIENCE)
    assert 0 < videos_of(posted)[0].size <= 10 * MEBIBYTE
    await stage.until_state(JobState.DELIVERED)
    await stage.until(lambda: leftovers(stage) == [], "both versions to be gone")


async def test_video_that_cannot_be_made_to_fit_is_posted_as_a_link_of_ours(
    stage: Stage, ada: Person, stubborn: Path
) -> None:
    stage.kie.scenarios.next(Scenario(movie=stubborn))

    handle = await ada.types("/video", prompt=FOX)

    posted = await ada.waits_for_message(lambda each: "too large for this channel" in text_of(each), PATIENCE)
    text = text_of(posted)
    assert posted.mentions == [ada.user]
    assert "The link dies <t:" in text
    assert f"{PRICE} credits" in text
    assert stage.posts() == [posted]
    await stage.until_state(JobState.DELIVERED)
    assert leftovers(stage) == ["1.mp4"]  # the host keeps the file
    link = next(word for word in text.split() if "/videos/" in word)
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        assert (answer.status, len(await answer.read())) == (200, 11 * MEBIBYTE)
    await stage.until(lambda: str(posted.id) in handle.text(), "the card's last word", passing=1)


async def test_guild_with_a_higher_limit_gets_the_same_video_as_a_file(stage: Stage, ada: Person, large: Path) -> None:
    stage.discord.set_upload_limit(stage.guild, 50 * MEBIBYTE)
    stage.kie.scenarios.next(Scenario(movie=large))

    await ada.types("/video", prompt=FOX)

    posted = await ada.waits_for_video(PATIENCE)
    assert videos_of(posted)[0].size == 11 * MEBIBYTE
    await stage.until_state(JobState.DELIVERED)
    await stage.until(lambda: leftovers(stage) == [], "the posted file to be gone")


async def test_limit_that_has_shrunk_meanwhile_leads_to_the_link(stage: Stage, ada: Person, stubborn: Path) -> None:
    stage.discord.set_upload_limit(stage.guild, 50 * MEBIBYTE)
    stage.kie.scenarios.next(Scenario(movie=stubborn, seconds=30))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    stage.discord.set_upload_limit(stage.guild, 10 * MEBIBYTE)

    stage.clock.advance(seconds=40)

    await ada.waits_for_message(lambda each: "too large for this channel" in text_of(each), PATIENCE)
    await stage.until_state(JobState.DELIVERED)
    assert len(stage.posts()) == 1


@pytest.mark.parametrize("is_page", [True, False], ids=["edge", "API"])
async def test_413_at_the_post_leads_to_the_link(is_page: bool, stage: Stage, ada: Person) -> None:
    fault = DiscordFault(method="POST", path=r"/channels/\d+/messages$", status=413, code=40005, html=is_page)
    stage.discord.faults.add(fault)

    await ada.types("/video", prompt=FOX)

    posted = await ada.waits_for_message(lambda each: "too large for this channel" in text_of(each), PATIENCE)
    await stage.until_state(JobState.DELIVERED)
    assert stage.posts() == [posted]


async def test_buttons_under_a_link_work_like_those_under_a_file(stage: Stage, ada: Person, stubborn: Path) -> None:
    stage.kie.scenarios.next(Scenario(movie=stubborn))
    await ada.types("/video", prompt=FOX)
    posted = await ada.waits_for_message(lambda each: "too large for this channel" in text_of(each), PATIENCE)
    await stage.until_state(JobState.DELIVERED)

    await ada.clicks(posted, "Again")

    await ada.waits_for_video(PATIENCE)
    assert len(stage.kie.tasks) == 2


async def test_result_addresses_inside_the_network_are_refused_unless_the_host_allows_them(
    world: Stage, ada: Person, log: StringIO
) -> None:
    # The sandbox's own result host is on loopback, which a bot in the wild must not be sent to.
    world.environ["ALLOW_PRIVATE_ADDRESSES"] = "false"
    await world.start()
    await ada.types("/video", prompt=FOX)

    await world.until_state(JobState.FAILED, passing=20)

    assert (await world.job()).failure is FailureReason.NO_RESULT
    assert world.kie.counts[Call.RESULT] == 0
    assert await world.balance(ada) == 500
