"""Trouble on demand: how the real client takes it, and that an effect happens exactly when it should."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from sandbox.discord_server import Channel, DiscordServer, Fault, Limit
from sandbox.person import Person


@pytest.fixture
async def target(channel: Channel, bot: Any, start: Any) -> discord.PartialMessageable:
    """The channel as a client knows it by id alone."""
    await start(bot)
    partial: discord.PartialMessageable = bot.get_partial_messageable(channel.id)
    return partial


async def test_bad_gateway_is_retried_by_the_client_and_posts_once(
    server: DiscordServer, channel: Channel, target: discord.PartialMessageable, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def impatient(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr("discord.http.asyncio.sleep", impatient)
    fault = server.faults.add(Fault(method="POST", path="/messages$", status=502, after_effect=True, html=True))

    message = await target.send("once", nonce="n")

    assert fault.hits == 1
    assert list(channel.messages) == [message.id]
    assert 1 in waits


async def test_lost_connection_after_the_effect_leaves_the_message_there(
    server: DiscordServer, channel: Channel, target: discord.PartialMessageable
) -> None:
    server.faults.add(Fault(method="POST", path="/messages$", drop=True, after_effect=True))

    with pytest.raises((aiohttp.ClientError, OSError)):
        await target.send("once", nonce="n")
    again = await target.send("once", nonce="n")

    assert list(channel.messages) == [again.id]
    assert [each.was_dropped for each in server.requests.find("POST", "/messages")] == [True, False]


async def test_lost_connection_before_the_effect_leaves_nothing(
    server: DiscordServer, channel: Channel, target: discord.PartialMessageable
) -> None:
    server.faults.add(Fault(method="POST", path="/messages$", drop=True))

    with pytest.raises((aiohttp.ClientError, OSError)):
        await target.send("once")

    assert not channel.messages


async def test_429_with_via_is_waited_for(
    server: DiscordServer, channel: Channel, target: discord.PartialMessageable
) -> None:
    fault = server.faults.add(Fault(method="POST", path="/messages$", status=429, retry_after=0.01, is_global=True))

    await target.send("patient")

    assert fault.hits == 1
    assert len(channel.messages) == 1


async def test_429_without_via_is_raised(server: DiscordServer, target: discord.PartialMessageable) -> None:
    server.faults.add(Fault(method="POST", path="/messages$", status=429, has_via=False))

    with pytest.raises(discord.HTTPException) as raised:
        await target.send("banned")

    assert raised.value.status == 429


async def test_413_on_demand_looks_like_the_real_one(server: DiscordServer, target: discord.PartialMessageable) -> None:
    server.faults.add(Fault(path="/messages$", status=413, code=40005, message="Request entity too large"))

    with pytest.raises(discord.HTTPException) as raised:
        await target.send("large")

    assert (raised.value.status, raised.value.code) == (413, 40005)


async def test_held_request_goes_on_when_released(
    server: DiscordServer, channel: Channel, target: discord.PartialMessageable
) -> None:
    release = asyncio.Event()
    server.faults.add(Fault(path="/messages$", status=None, hold=release))

    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(target.send("held"))
        await server.changes.until(lambda: server.requests.find("POST", "/messages") or None, 5, "arrivals")
        assert not channel.messages
        release.set()
        await sending

    assert len(channel.messages) == 1


async def test_server_closes_while_a_request_is_held(rest: Any, server: DiscordServer, channel: Channel) -> None:
    server.faults.add(Fault(path="/messages$", status=None, hold=asyncio.Event()))

    async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_outcome(rest("POST", f"/channels/{channel.id}/messages", {"content": "x"})))
        await server.changes.until(lambda: server.requests.find("POST", "/messages") or None, 5, "arrivals")
        await server.close()

    assert isinstance(sending.result(), aiohttp.ClientError)


async def _outcome(request: Any) -> object:
    try:
        return await request
    except aiohttp.ClientError as error:
        return error


async def test_delayed_answer_is_the_real_one(rest: Any, server: DiscordServer, channel: Channel) -> None:
    server.faults.add(Fault(path="/messages$", status=None, delay=0.02))

    status, _ = await rest("POST", f"/channels/{channel.id}/messages", {"content": "x"})

    assert (status, len(channel.messages)) == (200, 1)


async def test_fault_strikes_only_what_it_names(rest: Any, server: DiscordServer, channel: Channel) -> None:
    path = f"/channels/{channel.id}/messages"
    server.faults.add(
        Fault(
            method="POST", path=str(channel.id), skip=1, times=2, status=500, where=lambda body: body["content"] != "ok"
        )
    )

    got = [(await rest("POST", path, {"content": text}))[0] for text in ("a", "b", "ok", "c", "d")]

    assert got == [200, 500, 200, 500, 200]


async def test_strict_channel_bucket_answers_429_until_its_window_is_over(
    rest: Any, server: DiscordServer, channel: Channel
) -> None:
    server.limits.be_strict()
    path = f"/channels/{channel.id}/messages"

    got = [await rest("POST", path, {"content": "x"}) for _ in range(6)]
    other = server.add_channel(channel.guild, "other") if channel.guild else channel
    elsewhere = await rest("POST", f"/channels/{other.id}/messages", {"content": "x"})
    server.advance(seconds=5)
    later = await rest("POST", path, {"content": "x"})

    assert [status for status, _ in got] == [200] * 5 + [429]
    assert got[5][1]["global"] is False
    assert 0 < got[5][1]["retry_after"] <= 5
    assert (elsewhere[0], later[0]) == (200, 200)


async def test_global_limit_spares_interactions(rest: Any, server: DiscordServer, channel: Channel) -> None:
    server.limits.everything = Limit(2, 60)

    got = [await rest("GET", f"/channels/{channel.id}") for _ in range(3)]
    webhook = await rest("GET", f"/webhooks/{server.application_id}/x/messages/@original")

    assert [status for status, _ in got] == [200, 200, 429]
    assert got[2][1]["global"] is True
    assert webhook[0] == 404


async def test_client_respects_a_strict_bucket(
    server: DiscordServer, channel: Channel, target: discord.PartialMessageable
) -> None:
    server.limits.messages = Limit(2, 0.2)

    for n in range(5):
        await target.send(str(n))

    assert len(channel.messages) == 5
    assert 429 not in [each.status for each in server.requests]


async def test_every_answer_tells_its_limits(server: DiscordServer, channel: Channel) -> None:
    headers = {"Authorization": f"Bot {server.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{server.api_url}/channels/{channel.id}") as response,
    ):
        told = response.headers

    assert {f"X-RateLimit-{each}" for each in ("Limit", "Remaining", "Reset", "Reset-After", "Bucket")} <= set(told)
    assert told["Content-Type"] == "application/json"


async def test_requests_are_kept_with_what_they_carried(
    server: DiscordServer, channel: Channel, target: discord.PartialMessageable, ana: Person
) -> None:
    await target.send("hello", nonce="n", allowed_mentions=discord.AllowedMentions(users=[ana.user]))

    [request] = server.requests.find("POST", f"/channels/{channel.id}/messages")

    assert (request.json["content"], request.json["nonce"], request.json["enforce_nonce"]) == ("hello", "n", True)
    assert request.json["allowed_mentions"]["users"] == [ana.member.id]
    assert (request.status, request.answer["content"]) == (200, "hello")
