"""Videos, links and failures get into the channel once, and whatever Discord refuses has a name."""

from __future__ import annotations

import dataclasses
import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import aiohttp
import discord
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bot import i18n
from bot.client import CutsceneClient
from bot.domain.ids import ChannelId, GuildId, InteractionId, UserId
from bot.domain.jobs import FailureReason, Job, JobState, Place, Result
from bot.errors import AccessMissingError, DeliveryUnavailableError, HistoryClosedError, PlaceGoneError, TooLargeError
from bot.ports import Receipt
from bot.publisher import DiscordPublisher
from bot.publisher.discord_errors import delivery_error
from bot.rendering.cards import Progress, card
from sandbox.discord_server import Channel, DiscordServer, Fault, Guild, Message, Permission
from sandbox.person import Handle, Person
from tests.discord_side.conftest import NotedMemory, Starter
from tests.discord_side.making import CATALOGUE, job, link_of, message_of
from tests.logged import logged

MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(2000)
RECEIPT = Receipt(charged=50, returned=12, spendable=438)
POSTS = "/messages"


@pytest.fixture
async def client(start: Starter, memory: NotedMemory) -> CutsceneClient:
    return await start(CutsceneClient(memory=memory))


@pytest.fixture
def publisher(client: CutsceneClient) -> DiscordPublisher:
    return DiscordPublisher(client, catalogue=CATALOGUE)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "12.mp4"
    path.write_bytes(MP4)
    return path


@pytest.fixture
def delivering(server: DiscordServer, channel: Channel, ana: Person) -> Job:
    """Ana's job in the channel, its video about to be posted."""
    assert channel.guild
    place = Place(
        guild_id=GuildId(channel.guild.id),
        channel_id=ChannelId(channel.id),
        application_id=server.application_id,
        interaction_id=InteractionId(1),
        interaction_token="none",
        upload_limit=10 * 1024 * 1024,
        locale="en-US",
        guild_locale="en-US",
    )
    now = server.clock()
    result = Result(url="https://files.test/12.mp4", expires_at=now + timedelta(hours=24), credits=50)
    return job(
        JobState.DELIVERING, place=place, user_id=UserId(ana.user.id), created_at=now, posting_at=now, result=result
    )


def videos_in(channel: Channel) -> list[Message]:
    return [message for message in channel.messages.values() if message.attachments]


# Posting.


async def test_video_is_posted_with_its_receipt_and_mentions_the_requester(
    publisher: DiscordPublisher, delivering: Job, video: Path, ana: Person, tmp_path: Path
) -> None:
    message_id = (await publisher.post_video(delivering, video, RECEIPT)).message_id

    posted = await ana.waits_for_video()
    assert posted.id == message_id
    assert posted.mentions == [ana.user]
    assert "50 credits · 12 credits returned · 438 credits left · job 12" in posted.content
    assert [attachment.filename for attachment in posted.attachments] == ["cutscene-12.mp4"]
    assert (await ana.saves(posted.attachments[0], tmp_path / "saved.mp4")).read_bytes() == MP4
    custom_ids = [button["custom_id"] for button in posted.components[0]["components"]]
    assert custom_ids == ["job:12:again", "job:12:edit", "job:12:delete", "job:12:report"]


async def test_prompt_cannot_mention_anybody(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, video: Path, ana: Person
) -> None:
    server.make_administrator(server.world.guilds[delivering.place.guild_id].members[server.bot.id])
    mod = Person.joins(server, server.world.guilds[delivering.place.guild_id], "mod", ana.channel)
    hostile = dataclasses.replace(
        delivering, video=dataclasses.replace(delivering.video, prompt=f"@everyone <@{mod.user.id}> look")
    )

    await publisher.post_video(hostile, video, RECEIPT)

    posted = await ana.waits_for_video()
    assert posted.mentions == [ana.user]
    assert not posted.mentions_everyone


async def test_second_post_under_the_same_nonce_is_the_first_one(
    publisher: DiscordPublisher, delivering: Job, video: Path, channel: Channel
) -> None:
    first = (await publisher.post_video(delivering, video, RECEIPT)).message_id

    second = (await publisher.post_video(delivering, video, RECEIPT)).message_id

    assert first == second
    assert len(videos_in(channel)) == 1


async def test_post_whose_answer_was_lost_is_found(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, video: Path, channel: Channel
) -> None:
    server.faults.add(Fault(method="POST", path=POSTS, status=None, drop=True, after_effect=True))

    with pytest.raises(DeliveryUnavailableError):
        await publisher.post_video(delivering, video, RECEIPT)

    assert message_of(await publisher.find_post(delivering)) == videos_in(channel)[0].id


async def test_post_that_somebody_deleted_before_the_answer_came_counts_as_posted(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, video: Path, channel: Channel
) -> None:
    await publisher.post_video(delivering, video, RECEIPT)
    server.delete_message(videos_in(channel)[0])

    message_id = (await publisher.post_video(delivering, video, RECEIPT)).message_id

    assert delivering.posting_at
    assert abs(discord.utils.snowflake_time(message_id) - delivering.posting_at) < timedelta(seconds=1)
    assert videos_in(channel) == []


async def test_link_is_posted_in_place_of_a_file(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, ana: Person, channel: Channel
) -> None:
    message_id = (await publisher.post_link(delivering, link_of(delivering), RECEIPT)).message_id

    posted = channel.messages[message_id]
    sent = server.requests.find("POST", POSTS)[0].json
    assert isinstance(sent, dict)
    assert sent["allowed_mentions"] == {"parse": [], "users": [ana.user.id]}
    assert (sent["nonce"], sent["enforce_nonce"]) == ("cutscene-12-video", True)
    assert "https://files.test/12.mp4" in posted.content
    assert posted.mentions == [ana.user]


async def test_failure_is_posted_with_what_came_back(publisher: DiscordPublisher, delivering: Job, ana: Person) -> None:
    failed = dataclasses.replace(delivering, state=JobState.FAILED, failure=FailureReason.TIMEOUT)

    await publisher.post_failure(failed)
    await publisher.post_failure(failed)

    posted = await ana.waits_for_message()
    assert "The provider did not finish in time." in posted.content
    assert "Your 62 credits are back." in posted.content
    assert posted.mentions == [ana.user]
    assert len(ana.messages()) == 1


async def test_post_is_in_the_guild_s_language(
    publisher: DiscordPublisher, delivering: Job, channel: Channel, tmp_path: Path
) -> None:
    path = tmp_path / "locale" / "ru" / "LC_MESSAGES" / "cutscene.po"
    path.write_text(path.read_text("utf-8") + '\nmsgid "Again"\nmsgstr "Ещё раз"\n', "utf-8")
    i18n.texts.cache_clear()
    russian = dataclasses.replace(delivering, place=dataclasses.replace(delivering.place, guild_locale="ru"))

    message_id = (await publisher.post_link(russian, link_of(russian), RECEIPT)).message_id

    assert channel.messages[message_id].components[0]["components"][0]["label"] == "Ещё раз"


async def test_prompt_that_automatic_moderation_blocks_is_left_out(
    server: DiscordServer, guild: Guild, publisher: DiscordPublisher, delivering: Job, video: Path, ana: Person
) -> None:
    server.block_words(guild, "fox")

    await publisher.post_video(delivering, video, RECEIPT)

    posted = await ana.waits_for_video()
    assert "fox" not in posted.content
    assert "job 12" in posted.content


async def test_guild_that_blocks_our_own_words_is_no_place_for_the_video(
    server: DiscordServer, guild: Guild, publisher: DiscordPublisher, delivering: Job, video: Path
) -> None:
    server.block_words(guild, "credits")

    with pytest.raises(PlaceGoneError, match="200000"):
        await publisher.post_video(delivering, video, RECEIPT)


async def test_large_video_is_streamed_and_never_held_in_memory(
    server: DiscordServer, guild: Guild, publisher: DiscordPublisher, delivering: Job, video: Path, ana: Person
) -> None:
    server.set_upload_limit(guild, 100 * 1024 * 1024)
    with video.open("r+b") as file:
        file.truncate(48 * 1024 * 1024)
    gc.collect()
    tracemalloc.start()
    try:
        await publisher.post_video(delivering, video, RECEIPT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The local Discord is in the same process and counts, too.
    assert peak < 16 * 1024 * 1024
    assert (await ana.waits_for_video()).attachments[0].size == 48 * 1024 * 1024


# What Discord refuses. That no file stays open is seen by every test here: an unclosed one is a failure.


async def test_file_above_the_limit_is_too_large(
    server: DiscordServer, guild: Guild, publisher: DiscordPublisher, delivering: Job, video: Path
) -> None:
    server.set_upload_limit(guild, 1000)

    with pytest.raises(TooLargeError):
        await publisher.post_video(delivering, video, RECEIPT)


def _channel_deleted(server: DiscordServer, channel: Channel) -> None:
    server.delete_channel(channel)


def _bot_kicked(server: DiscordServer, channel: Channel) -> None:
    assert channel.guild
    server.remove_bot(channel.guild)


def _files_denied(server: DiscordServer, channel: Channel) -> None:
    server.deny(channel, Permission.ATTACH_FILES)


@pytest.mark.parametrize("happens", [_channel_deleted, _bot_kicked, _files_denied])
async def test_place_that_takes_no_videos_any_more_is_gone(
    server: DiscordServer,
    channel: Channel,
    publisher: DiscordPublisher,
    delivering: Job,
    video: Path,
    happens: Callable[[DiscordServer, Channel], None],
) -> None:
    happens(server, channel)

    with pytest.raises(PlaceGoneError):
        await publisher.post_video(delivering, video, RECEIPT)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (413, 0, TooLargeError),
        (400, 50045, TooLargeError),
        (403, 160005, PlaceGoneError),
        (403, 50001, AccessMissingError),
        (400, 40058, PlaceGoneError),
        (400, 50083, PlaceGoneError),
        (400, 50035, PlaceGoneError),
        (401, 0, DeliveryUnavailableError),
        (403, 0, DeliveryUnavailableError),
        (403, 40333, DeliveryUnavailableError),
        (503, 0, DeliveryUnavailableError),
    ],
)
async def test_answers_mean_what_discord_means_by_them(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, status: int, code: int, error: type[Exception]
) -> None:
    server.faults.add(Fault(method="POST", path=POSTS, status=status, code=code))

    with pytest.raises(error):
        await publisher.post_link(delivering, link_of(delivering), RECEIPT)


async def test_page_of_the_edge_means_later(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job
) -> None:
    server.faults.add(Fault(method="POST", path=POSTS, status=403, html=True))

    with pytest.raises(DeliveryUnavailableError):
        await publisher.post_link(delivering, link_of(delivering), RECEIPT)


async def test_ban_by_the_edge_means_later(server: DiscordServer, publisher: DiscordPublisher, delivering: Job) -> None:
    server.faults.add(Fault(method="POST", path=POSTS, status=429, has_via=False))

    with pytest.raises(DeliveryUnavailableError):
        await publisher.post_link(delivering, link_of(delivering), RECEIPT)


async def test_rate_limit_is_waited_out(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, channel: Channel
) -> None:
    server.faults.add(Fault(method="POST", path=POSTS, status=429, retry_after=0.01))

    message_id = (await publisher.post_link(delivering, link_of(delivering), RECEIPT)).message_id

    assert message_id in channel.messages


async def test_rate_limit_of_minutes_means_later(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job
) -> None:
    server.faults.add(Fault(method="POST", path=POSTS, status=429, retry_after=600))

    with pytest.raises(DeliveryUnavailableError, match="RateLimited"):
        await publisher.post_link(delivering, link_of(delivering), RECEIPT)


async def test_no_error_shows_the_address_that_holds_an_interaction_s_token() -> None:
    address = URL("https://discord.test/api/v10/webhooks/1/token-canary/messages/@original")
    asked = aiohttp.RequestInfo(address, "PATCH", CIMultiDictProxy(CIMultiDict()), address)

    said = str(delivery_error(aiohttp.TooManyRedirects(asked, (), status=302, message="round and round")))

    assert "round and round" in said
    assert "canary" not in said


async def test_missing_file_is_a_fault_of_ours_and_not_discord_s(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        await publisher.post_video(delivering, tmp_path / "gone.mp4", RECEIPT)

    assert server.requests.find("POST", POSTS) == []


# Finding.


async def test_nothing_is_found_before_anything_was_posted(
    publisher: DiscordPublisher, delivering: Job, video: Path
) -> None:
    assert await publisher.find_post(delivering) is None
    assert await publisher.find_post(dataclasses.replace(delivering, posting_at=None)) is None


async def test_post_is_found_among_many_messages(
    publisher: DiscordPublisher, delivering: Job, video: Path, ana: Person
) -> None:
    for number in range(150):
        await ana.says(f"waiting {number}")
    message_id = (await publisher.post_video(delivering, video, RECEIPT)).message_id
    for number in range(150):
        await ana.says(f"nice {number}")

    assert message_of(await publisher.find_post(delivering)) == message_id


async def test_late_post_in_a_busy_channel_is_found_from_the_end(
    publisher: DiscordPublisher, delivering: Job, video: Path, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.publisher.posts.LOOKED_THROUGH", 20)
    for number in range(50):
        await ana.says(f"waiting {number}")
    message_id = (await publisher.post_video(delivering, video, RECEIPT)).message_id

    assert message_of(await publisher.find_post(delivering)) == message_id


async def test_link_post_is_found_by_its_buttons(publisher: DiscordPublisher, delivering: Job) -> None:
    message_id = (await publisher.post_link(delivering, link_of(delivering), RECEIPT)).message_id

    assert message_of(await publisher.find_post(delivering)) == message_id


async def test_failure_post_is_not_taken_for_a_result(publisher: DiscordPublisher, delivering: Job) -> None:
    await publisher.post_failure(delivering)

    assert await publisher.find_post(delivering) is None


async def test_somebody_else_s_file_of_that_name_is_not_taken_for_the_result(
    publisher: DiscordPublisher, delivering: Job, tmp_path: Path, ana: Person
) -> None:
    path = tmp_path / "cutscene-12.mp4"
    path.write_bytes(MP4)
    await ana.says("look what I made", path)

    assert await publisher.find_post(delivering) is None


async def test_a_history_that_is_closed_to_us_is_not_taken_for_an_empty_one(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, channel: Channel
) -> None:
    server.faults.add(Fault(method="GET", path=POSTS, status=403, code=50001))

    with pytest.raises(HistoryClosedError):
        await publisher.find_post(delivering)


async def test_a_history_that_we_may_not_read_comes_as_an_empty_list_and_is_not_taken_for_one(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, channel: Channel, video: Path
) -> None:
    await publisher.post_video(delivering, video, RECEIPT)
    server.deny(channel, Permission.READ_MESSAGE_HISTORY)

    with pytest.raises(HistoryClosedError):
        await publisher.find_post(delivering)


async def test_nothing_is_found_in_a_place_that_is_gone(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job
) -> None:
    server.faults.add(Fault(method="GET", path=POSTS, status=404, code=10003))

    assert await publisher.find_post(delivering) is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, 0),
        (403, 0),
        (404, 0),
        (403, 40333),
        (401, 0),
    ],
)
async def test_trouble_while_looking_means_later_and_not_nothing(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, status: int, code: int
) -> None:
    server.faults.add(Fault(method="GET", path=POSTS, status=status, code=code))

    with pytest.raises(DeliveryUnavailableError):
        await publisher.find_post(delivering)


@pytest.mark.parametrize("status", [403, 404])
async def test_page_of_the_edge_while_looking_means_later_and_not_nothing(
    server: DiscordServer, publisher: DiscordPublisher, delivering: Job, status: int
) -> None:
    server.faults.add(Fault(method="GET", path=POSTS, status=status, html=True))

    with pytest.raises(DeliveryUnavailableError):
        await publisher.find_post(delivering)


# Telling the host.


async def test_host_without_a_name_in_the_settings_is_the_application_s_owner(
    server: DiscordServer, publisher: DiscordPublisher, guild: Guild
) -> None:
    server.add_member(guild, server.owner)

    await publisher.tell_host("The key is refused.")

    told = list(server.direct_channel(server.owner).messages.values())
    assert [message.content for message in told] == ["The key is refused."]


async def test_every_named_owner_is_told_even_if_one_cannot_be(
    server: DiscordServer, client: CutsceneClient, ana: Person, guild: Guild
) -> None:
    bob = server.add_member(guild, "bob")
    server.close_direct_messages(ana.member)
    publisher = DiscordPublisher(
        client, catalogue=CATALOGUE, owner_ids=[UserId(ana.user.id), UserId(bob.user.id), UserId(1)]
    )

    with logged() as log:
        await publisher.tell_host("The key is refused.")

    told = list(server.direct_channel(bob).messages.values())
    assert [message.content for message in told] == ["The key is refused."]
    assert "host_not_told" in log.getvalue()


async def test_host_is_not_told_before_the_bot_is_logged_in(memory: NotedMemory) -> None:
    publisher = DiscordPublisher(CutsceneClient(memory=memory), catalogue=CATALOGUE)

    with logged() as log:
        assert not await publisher.tell_host("The key is refused.")

    assert "not logged in" in log.getvalue()


async def test_host_whom_discord_cannot_be_asked_for_is_worth_another_try(
    server: DiscordServer, publisher: DiscordPublisher, guild: Guild
) -> None:
    server.add_member(guild, server.owner)
    server.faults.add(Fault(method="POST", path=POSTS, status=403, html=True))

    assert not await publisher.tell_host("The key is refused.")
    assert await publisher.tell_host("The key is refused.")


async def test_host_who_takes_no_direct_messages_is_not_asked_again(
    server: DiscordServer, publisher: DiscordPublisher, guild: Guild
) -> None:
    server.close_direct_messages(server.add_member(guild, server.owner))

    assert await publisher.tell_host("The key is refused.")


# Cards.

Deferred = Callable[[], Awaitable[Handle]]


@pytest.fixture
def deferred(start: Starter, memory: NotedMemory, ana: Person) -> Deferred:
    """Ana's command, answered with "thinking" by a client that is another one than the publisher's."""

    async def begin() -> Handle:
        client = CutsceneClient(memory=memory)

        @client.tree.command()
        async def video(interaction: discord.Interaction) -> None:
            """Make a video"""
            await interaction.response.defer(thinking=True)

        await start(client)
        return await (await ana.types("/video")).acknowledged()

    return begin


def job_of(handle: Handle, delivering: Job) -> Job:
    place = dataclasses.replace(delivering.place, interaction_token=handle.interaction.token)
    return dataclasses.replace(delivering, place=place, state=JobState.QUEUED)


async def test_card_of_an_interaction_of_another_process_is_edited(
    publisher: DiscordPublisher, deferred: Deferred, delivering: Job
) -> None:
    handle = await deferred()
    waiting = job_of(handle, delivering)

    await publisher.edit_card(waiting, card(i18n.texts("en-US"), waiting, Progress(model="Swift 1", ahead=0)))

    await handle.answered()
    assert "Job 12: waiting" in handle.text()
    assert [button.custom_id for button in handle.buttons] == ["job:12:cancel"]


async def test_card_without_buttons_takes_them_away(
    publisher: DiscordPublisher, deferred: Deferred, delivering: Job
) -> None:
    handle = await deferred()
    waiting = job_of(handle, delivering)
    running = dataclasses.replace(waiting, state=JobState.RUNNING)
    await publisher.edit_card(waiting, card(i18n.texts("en-US"), waiting, Progress(model="Swift 1")))

    await publisher.edit_card(running, card(i18n.texts("en-US"), running, Progress(model="Swift 1")))

    assert "Job 12: being made" in handle.text()
    assert handle.buttons == []


async def test_card_that_automatic_moderation_blocks_is_shown_without_the_prompt(
    server: DiscordServer, guild: Guild, publisher: DiscordPublisher, deferred: Deferred, delivering: Job
) -> None:
    server.block_words(guild, "fox")
    handle = await deferred()
    waiting = job_of(handle, delivering)

    await publisher.edit_card(waiting, card(i18n.texts("en-US"), waiting, Progress(model="Swift 1")))

    assert "Job 12: waiting" in handle.text()
    assert "fox" not in handle.text()


async def test_card_whose_token_is_dead_is_gone(
    server: DiscordServer, publisher: DiscordPublisher, deferred: Deferred, delivering: Job
) -> None:
    waiting = job_of(await deferred(), delivering)
    server.advance(minutes=16)

    with pytest.raises(PlaceGoneError, match="50027"):
        await publisher.edit_card(waiting, card(i18n.texts("en-US"), waiting, Progress(model="Swift 1")))


async def test_card_that_was_deleted_is_gone(
    server: DiscordServer, publisher: DiscordPublisher, deferred: Deferred, delivering: Job
) -> None:
    handle = await deferred()
    waiting = job_of(handle, delivering)
    assert handle.message
    server.delete_message(handle.message)

    with pytest.raises(PlaceGoneError, match="10008"):
        await publisher.edit_card(waiting, card(i18n.texts("en-US"), waiting, Progress(model="Swift 1")))


async def test_card_whose_connection_was_cut_may_be_tried_again(
    server: DiscordServer, publisher: DiscordPublisher, deferred: Deferred, delivering: Job
) -> None:
    waiting = job_of(await deferred(), delivering)
    server.faults.add(Fault(method="PATCH", path="@original", status=None, drop=True))

    with pytest.raises(DeliveryUnavailableError):
        await publisher.edit_card(waiting, card(i18n.texts("en-US"), waiting, Progress(model="Swift 1")))


async def test_nothing_we_send_is_remembered_by_the_library(
    client: CutsceneClient, publisher: DiscordPublisher, delivering: Job, video: Path
) -> None:
    await publisher.post_video(delivering, video, RECEIPT)
    await publisher.post_failure(delivering)

    assert client._connection._view_store._views == {}
    assert client._connection._view_store._synced_message_views == {}
