"""When Discord repeats, refuses, forgets or hangs up: exactly one video, and the money where it belongs."""

from __future__ import annotations

import asyncio
from io import StringIO

import pytest

from bot.domain.jobs import JobState
from sandbox.discord_server import Fault, Permission, text_of, videos_of
from sandbox.kie_server import Call, Failures, Scenario
from sandbox.person import Person
from tests.e2e.stage import FOX, OF_MEMBERS, PATIENCE, PRICE, Stage, asks

POST = r"/channels/\d+/messages$"


def creates(stage: Stage) -> int:
    return sum(1 for each in stage.kie.requests if each.call is Call.CREATE and OF_MEMBERS in each.body)


async def delivered_once(stage: Stage, person: Person, *, passing: float = 0.0) -> None:
    await stage.until_state(JobState.DELIVERED, passing=passing)
    posted = await person.waits_for_video(PATIENCE)
    assert stage.posts() == [posted]
    assert (await stage.job()).message_id == posted.id
    assert len(stage.kie.tasks) == creates(stage) == 1
    assert await stage.balance(person) == 500 - PRICE


async def test_interaction_that_comes_twice_at_once_is_one_job(stage: Stage, ada: Person) -> None:
    stage.discord.interactions.deliver_twice = 1

    await ada.types("/video", prompt=FOX)

    await delivered_once(stage, ada)
    assert await stage.find(2) is None


async def test_interaction_that_comes_again_after_the_video_is_one_job(stage: Stage, ada: Person) -> None:
    handle = await ada.types("/video", prompt=FOX)
    await delivered_once(stage, ada)
    answers = len(stage.discord.requests.find("POST", "/callback"))

    stage.discord.redeliver(handle.interaction)

    await stage.discord.wait_for_request("POST", "/callback", count=answers + 1)
    await asks(ada, "/jobs list")
    assert await stage.find(2) is None
    assert len(stage.posts()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="POST", path=POST, status=503, after_effect=True),
        Fault(method="POST", path=POST, status=502, html=True, after_effect=True),
        Fault(method="POST", path=POST, drop=True, after_effect=True),
    ],
    ids=["503", "502 page", "dropped"],
)
async def test_post_whose_answer_is_lost_is_there_once(fault: Fault, stage: Stage, ada: Person) -> None:
    stage.discord.faults.add(fault)

    await ada.types("/video", prompt=FOX)

    await delivered_once(stage, ada, passing=1)
    assert fault.hits == 1


async def test_post_whose_answer_is_lost_for_longer_than_the_nonce_lives_is_there_once(
    stage: Stage, ada: Person
) -> None:
    # The look for an earlier post fails as well, for longer than Discord remembers nonces.
    post = stage.discord.faults.add(Fault(method="POST", path=POST, status=503, after_effect=True))
    look = stage.discord.faults.add(Fault(method="GET", path=POST, status=503, times=4))

    await ada.types("/video", prompt=FOX)

    await delivered_once(stage, ada, passing=20)
    assert (post.hits, look.hits) == (1, 4)
    assert len(stage.discord.requests.find("POST", f"/channels/{stage.channel.id}/messages")) == 1


async def test_post_whose_look_is_denied_in_error_is_there_once_and_nothing_is_kept(stage: Stage, ada: Person) -> None:
    post = stage.discord.faults.add(Fault(method="POST", path=POST, status=503, after_effect=True))
    # By the time of the denial the nonce alone protects no more.
    look = stage.discord.faults.add(Fault(method="GET", path=POST, status=503, times=4))
    denied = stage.discord.faults.add(Fault(method="GET", path=POST, status=403, code=50001))

    await ada.types("/video", prompt=FOX)

    await delivered_once(stage, ada, passing=20)
    assert (post.hits, look.hits, denied.hits) == (1, 4, 1)
    assert len(stage.discord.requests.find("POST", f"/channels/{stage.channel.id}/messages")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="POST", path=POST, status=503, times=3),
        Fault(method="POST", path=POST, drop=True, times=2),
        Fault(method="POST", path=POST, status=429, retry_after=0.3),
        Fault(method="POST", path=POST, status=429, retry_after=0.3, is_global=True),
        Fault(method="POST", path=POST, status=429, has_via=False, html=True),
        Fault(method="POST", path=POST, status=401),
        Fault(method="POST", path=POST, status=403, code=50001),
    ],
    ids=["503", "dropped", "429", "429 global", "429 by the edge", "401", "no access"],
)
async def test_post_that_is_refused_for_now_is_tried_again(fault: Fault, stage: Stage, ada: Person) -> None:
    stage.discord.faults.add(fault)

    await ada.types("/video", prompt=FOX)

    await delivered_once(stage, ada, passing=1)
    assert fault.hits == fault.times


async def test_discord_that_is_down_for_an_hour_gets_the_video_afterwards(stage: Stage, ada: Person) -> None:
    fault = stage.discord.faults.add(Fault(method="POST", path=POST, status=503, times=None))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.DELIVERING)
    await stage.until(lambda: fault.hits > 10, "a dozen tries", passing=60)

    stage.discord.faults.clear()

    await delivered_once(stage, ada, passing=60)


async def test_strict_rate_limits_are_kept(stage: Stage) -> None:
    stage.discord.limits.be_strict()
    people = [stage.joins(f"Member {number}") for number in range(4)]

    for person in people:
        await person.types("/video", prompt=FOX)
    for person in people:
        await person.waits_for_video(PATIENCE)

    assert len(stage.posts()) == len(stage.kie.tasks) == len(people)
    refused = [request for request in stage.discord.requests if request.status == 429]
    assert len(refused) <= len(people)


async def close_channel(stage: Stage, how: str) -> None:
    """Take the place of the job away from the bot."""
    match how:
        case "deleted":
            stage.discord.delete_channel(stage.channel)
        case "forbidden":
            stage.discord.deny(stage.channel, Permission.SEND_MESSAGES)
        case "hidden":
            stage.discord.deny(stage.channel, Permission.VIEW_CHANNEL)
        case _:
            stage.discord.remove_bot(stage.guild)


@pytest.mark.parametrize("how", ["deleted", "forbidden", "hidden"])
async def test_video_whose_channel_is_gone_goes_to_its_member(how: str, stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    await close_channel(stage, how)

    stage.clock.advance(seconds=40)

    # A channel that is hidden is tried once more.
    await stage.until_state(JobState.DELIVERED, passing=2)
    posted = await ada.waits_for_message(videos_of, PATIENCE, ada.direct_messages)
    assert f"{PRICE} credits" in text_of(posted)
    assert stage.posts() == []
    assert await stage.balance(ada) == 500 - PRICE


@pytest.mark.parametrize("how", ["deleted", "thrown out"])
async def test_video_that_nobody_takes_is_kept_until_it_is_claimed(how: str, stage: Stage, ada: Person) -> None:
    elsewhere = stage.discord.add_channel(stage.guild, "elsewhere")
    stage.kie.scenarios.next(Scenario(seconds=30))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    await close_channel(stage, how)
    stage.discord.close_direct_messages(ada.user)
    stage.clock.advance(seconds=40)
    job = await stage.until_state(JobState.PARKED)
    # Nothing that was paid for is thrown away.
    assert job.stored is not None
    assert (stage.folder / "data" / "results" / job.stored.name).is_file()
    assert await stage.balance(ada) == 500 - PRICE

    if how == "deleted":
        ada.channel = elsewhere
        await ada.types("/jobs claim", job=1)
        await ada.waits_for_video(PATIENCE)
    else:
        # Discord lets a bot write to people with whom it shares a guild.
        stage.discord.add_member(stage.discord.add_guild("Another club"), ada.user)
        stage.discord.open_direct_messages(ada.user)
        await ada.types("/jobs claim", channel=ada.direct_messages, job=1)
        await ada.waits_for_message(videos_of, PATIENCE, ada.direct_messages)

    await stage.until_state(JobState.DELIVERED)
    assert await stage.balance(ada) == 500 - PRICE
    assert len(stage.kie.tasks) == 1


async def test_strangers_cannot_claim_what_is_kept_for_somebody(stage: Stage, ada: Person, bob: Person) -> None:
    elsewhere = stage.discord.add_channel(stage.guild, "elsewhere")
    stage.kie.scenarios.next(Scenario(seconds=30))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    await close_channel(stage, "deleted")
    stage.discord.close_direct_messages(ada.user)
    stage.clock.advance(seconds=40)
    await stage.until_state(JobState.PARKED)
    bob.channel = elsewhere

    handle = await asks(bob, "/jobs claim", job=1)

    assert "no job 1" in handle.text()
    assert (await stage.job()).state is JobState.PARKED


async def test_failure_that_cannot_be_told_is_refunded_all_the_same(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30, failure=Failures.MODERATION))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    stage.discord.delete_channel(stage.channel)

    stage.clock.advance(seconds=40)

    await stage.until_state(JobState.FAILED)
    assert await stage.balance(ada) == 500


async def test_prompt_that_automatic_moderation_blocks_is_left_out(stage: Stage, ada: Person) -> None:
    stage.discord.block_words(stage.guild, "fox")

    await ada.types("/video", prompt=FOX)

    posted = await ada.waits_for_video(PATIENCE)
    assert "fox" not in text_of(posted)
    assert f"{PRICE} credits" in text_of(posted)
    assert stage.posts() == [posted]


async def test_post_that_a_moderator_deletes_at_once_is_not_posted_again(stage: Stage, ada: Person) -> None:
    stage.discord.faults.add(Fault(method="POST", path=POST, status=503, after_effect=True))
    await ada.types("/video", prompt=FOX)
    posted = await ada.waits_for_video()
    stage.discord.delete_message(posted)

    await stage.until_state(JobState.DELIVERED, passing=1)

    assert stage.posts() == []
    assert await stage.balance(ada) == 500 - PRICE


async def test_card_that_was_deleted_does_not_hinder_the_video(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30))
    handle = await asks(ada, "/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    assert handle.message is not None
    stage.discord.delete_message(handle.message)

    stage.clock.advance(seconds=40)

    await delivered_once(stage, ada)


async def test_card_whose_token_has_died_does_not_hinder_the_video(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=1000))
    handle = await asks(ada, "/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    stage.clock.advance(minutes=14, seconds=5)
    await stage.until(lambda: "cannot change any more" in handle.text(), "the card's farewell", passing=1)

    stage.clock.advance(minutes=10)

    await delivered_once(stage, ada, passing=10)


@pytest.mark.parametrize("trouble", ["reconnect", "drop", "invalidate", "close"])
async def test_gateway_that_hangs_up_in_the_middle_costs_nothing(trouble: str, stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30))
    await asks(ada, "/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    gateway = stage.discord.gateway
    match trouble:
        case "reconnect":
            gateway.request_reconnect()
        case "drop":
            gateway.drop_connections()
        case "invalidate":
            gateway.invalidate(is_resumable=True)
        case _:
            gateway.close_connections(4000)

    stage.clock.advance(seconds=40)

    await delivered_once(stage, ada)
    async with asyncio.timeout(PATIENCE):
        await gateway.wait_connected(timeout=PATIENCE)
    assert "500" not in (await asks(ada, "/credits balance")).text().partition("Daily")[0]


async def test_video_is_posted_while_the_gateway_is_away(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30))
    await asks(ada, "/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    stage.discord.gateway.is_down = True
    stage.discord.gateway.drop_connections()
    await stage.discord.gateway.wait_disconnected()

    stage.clock.advance(seconds=40)

    await delivered_once(stage, ada)
    assert stage.discord.gateway.connected == []


async def test_stop_does_not_wait_for_a_gateway_that_stays_away(stage: Stage, log: StringIO) -> None:
    stage.discord.gateway.is_down = True
    stage.discord.gateway.drop_connections()
    await stage.discord.gateway.wait_disconnected()
    await stage.until(lambda: "Attempting a reconnect" in log.getvalue(), "a try to come back")

    async with asyncio.timeout(1):
        await stage.stop()


async def test_acknowledgement_whose_answer_is_lost_is_still_one_job(stage: Stage, ada: Person) -> None:
    stage.discord.faults.add(Fault(method="POST", path="/callback$", drop=True, after_effect=True))

    await ada.types("/video", prompt=FOX)

    await delivered_once(stage, ada)


async def test_card_that_cannot_be_shown_does_not_hinder_the_video(stage: Stage, ada: Person) -> None:
    stage.discord.faults.add(Fault(method="PATCH", path="@original$", status=503, times=None))

    await ada.types("/video", prompt=FOX)

    await delivered_once(stage, ada)
