"""The gateway's ordinary life and its bad days, with the real client on the other end."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

import aiohttp
import discord
import pytest

from sandbox.discord_server import Channel, DiscordServer, Guild, Permission
from sandbox.person import Person


async def talking(bot: Any, start: Any) -> None:
    """Start a bot that has /hello."""

    @bot.tree.command()
    async def hello(interaction: discord.Interaction) -> None:
        """Greet."""
        await interaction.response.send_message("hello")

    await start(bot)
    await bot.sees("ready")


async def test_missed_events_are_replayed_after_a_resume(
    server: DiscordServer, ana: Person, bot: Any, start: Any
) -> None:
    await talking(bot, start)

    server.gateway.drop_connections()
    await server.gateway.wait_disconnected()
    handle = await ana.types("/hello")
    await handle.answered()

    assert (server.gateway.resumes, server.gateway.identifies) == (1, 1)


async def test_op_7_makes_the_client_resume(server: DiscordServer, ana: Person, bot: Any, start: Any) -> None:
    await talking(bot, start)

    server.gateway.request_reconnect()
    await bot.sees("resumed")

    await (await ana.types("/hello")).answered()
    assert (server.gateway.resumes, server.gateway.identifies) == (1, 1)


async def test_op_9_makes_the_client_identify_anew(server: DiscordServer, ana: Person, bot: Any, start: Any) -> None:
    await talking(bot, start)

    server.gateway.invalidate()
    await bot.sees("ready", times=2)

    await (await ana.types("/hello")).answered()
    assert (server.gateway.resumes, server.gateway.identifies) == (0, 2)


@pytest.mark.parametrize("code", [1000, 4000, 4009])
async def test_closed_connection_is_resumed(
    code: int, server: DiscordServer, ana: Person, bot: Any, start: Any
) -> None:
    await talking(bot, start)

    server.gateway.close_connections(code)
    await bot.sees("resumed")

    await (await ana.types("/hello")).answered()
    assert server.gateway.resumes == 1


async def test_forgotten_session_is_identified_anew(server: DiscordServer, ana: Person, bot: Any, start: Any) -> None:
    await talking(bot, start)

    server.gateway.drop_connections()
    await server.gateway.wait_disconnected()
    server.gateway.forget_sessions()
    await bot.sees("ready", times=2)

    await (await ana.types("/hello")).answered()
    assert (server.gateway.resumes, server.gateway.identifies) == (0, 2)


async def test_disallowed_intents_end_the_client(server: DiscordServer, bot: Any, start: Any) -> None:
    await talking(bot, start)

    server.gateway.close_connections(4014)

    with pytest.raises(discord.PrivilegedIntentsRequired):
        await bot.run_task


async def test_privileged_intents_need_permission(
    server: DiscordServer, guild: Guild, start: Any, new_bot: Any
) -> None:
    server.world.application.allows_privileged_intents = False
    client = new_bot(intents=discord.Intents(guilds=True, message_content=True))

    with pytest.raises(discord.PrivilegedIntentsRequired):
        await start(client)


async def test_sharded_clients_share_the_guilds(server: DiscordServer, ana: Person, start: Any, new_bot: Any) -> None:
    clients = [new_bot(shard_id=number, shard_count=2) for number in range(2)]
    for client in clients:
        await start(client)
    for client in clients:
        await client.sees("ready")

    assert sorted(len(client.guilds) for client in clients) == [0, 1]


async def test_message_events_follow_the_intents(
    server: DiscordServer, channel: Channel, ana: Person, start: Any, new_bot: Any
) -> None:
    blind = await start(new_bot())
    deaf = await start(new_bot(intents=discord.Intents(guilds=True, guild_messages=True)))
    open_eared = await start(new_bot(intents=discord.Intents(guilds=True, guild_messages=True, message_content=True)))
    for client in (blind, deaf, open_eared):
        await client.sees("ready")

    await ana.says("a secret")
    heard, read = await deaf.sees("message"), await open_eared.sees("message")
    server.add_channel(channel.guild, "later")
    await blind.sees("guild_channel_create")

    assert (heard.content, read.content) == ("", "a secret")
    assert not [event for event, _ in blind.seen if event == "message"]


async def test_bot_hears_nothing_from_a_channel_it_does_not_see(
    server: DiscordServer, guild: Guild, channel: Channel, ana: Person, start: Any, new_bot: Any
) -> None:
    client = await start(new_bot(intents=discord.Intents(guilds=True, guild_messages=True)))
    await client.sees("ready")
    server.deny(channel, Permission.VIEW_CHANNEL)

    await ana.says("unseen")
    await ana.says("seen", channel=server.add_channel(guild, "open"))
    message = await client.sees("message")

    assert message.channel.name == "open"


async def test_what_moderators_do_reaches_the_client(
    server: DiscordServer, guild: Guild, channel: Channel, bot: Any, start: Any
) -> None:
    await start(bot)
    await bot.sees("ready")
    thread = server.add_channel(guild, "thread", "thread", parent=channel)

    server.set_thread(thread, archived=True, locked=True)
    updated = await bot.sees("raw_thread_update")
    server.delete_channel(thread)
    await bot.sees("raw_thread_delete")
    server.delete_channel(channel)
    await bot.sees("guild_channel_delete")
    server.outage(guild)
    await bot.sees("guild_unavailable")
    server.end_outage(guild)
    await bot.sees("guild_available")
    server.add_entitlement(5)
    await bot.sees("entitlement_create")
    server.remove_bot(guild)
    await bot.sees("guild_remove")

    assert updated.data["thread_metadata"]["locked"]


async def test_denied_permissions_are_what_the_library_computes(
    server: DiscordServer, guild: Guild, channel: Channel, bot: Any, start: Any
) -> None:
    await start(bot)
    await bot.sees("ready")
    server.deny(channel, Permission.ATTACH_FILES)
    await bot.sees("guild_channel_update")

    may = bot.get_channel(channel.id).permissions_for(bot.get_guild(guild.id).me)

    assert (may.send_messages, may.attach_files) == (True, False)


# The protocol itself, without a client library.


async def identified(socket: aiohttp.ClientWebSocketResponse, server: DiscordServer, **changes: Any) -> None:
    identify = {"token": server.token, "intents": 1, "properties": {}, **changes}
    await socket.send_json({"op": 2, "d": identify})


async def test_frames_are_plain_text_unless_compression_is_asked(server: DiscordServer, guild: Guild) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.gateway_url + "?v=10") as socket:
        hello = await socket.receive_json()
        await socket.send_json({"op": 1, "d": None})
        ack = await socket.receive_json()
        await identified(socket, server)
        ready, created = await socket.receive_json(), await socket.receive_json()

    assert (hello["op"], hello["d"]["heartbeat_interval"], ack["op"]) == (10, 41250, 11)
    assert (ready["t"], ready["s"], ready["d"]["guilds"]) == ("READY", 1, [{"id": str(guild.id), "unavailable": True}])
    assert (created["t"], created["s"], created["d"]["name"]) == ("GUILD_CREATE", 2, "Film club")


async def test_compressed_frames_are_one_stream_with_sync_flushes(server: DiscordServer) -> None:
    stream = zlib.decompressobj()
    url = server.gateway_url + "?v=10&encoding=json&compress=zlib-stream"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        first = await socket.receive_bytes()
        await identified(socket, server)
        second = await socket.receive_bytes()

    assert first.endswith(b"\x00\x00\xff\xff")
    assert second.endswith(b"\x00\x00\xff\xff")
    assert [json.loads(stream.decompress(each))["op"] for each in (first, second)] == [10, 0]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"op": 2, "d": {"token": "wrong", "intents": 1}}', 4004),
        ('{"op": 3, "d": {}}', 4003),
        ("nonsense", 4002),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": 1, "shard": [2, 2]}}', 4010),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": 1073741824}}', 4013),
    ],
)
async def test_wrong_frames_close_the_connection_with_their_code(frame: str, code: int, server: DiscordServer) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.gateway_url) as socket:
        await socket.receive_json()
        await socket.send_str(frame.replace("TOKEN", server.token))
        await socket.receive()

        assert socket.close_code == code


async def test_resume_of_an_unknown_session_is_invalid(server: DiscordServer) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.gateway_url) as socket:
        await socket.receive_json()
        await socket.send_json({"op": 6, "d": {"token": server.token, "session_id": "x", "seq": 1}})

        assert await socket.receive_json() == {"op": 9, "d": False}


async def test_session_that_left_with_1000_cannot_be_resumed(server: DiscordServer) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            await identified(socket, server)
            await socket.receive_json()
        await server.gateway.wait_disconnected()

    assert not server.gateway.sessions


async def test_server_closes_promptly_with_clients_connected() -> None:
    async with aiohttp.ClientSession() as session:
        server = DiscordServer()
        await server.start()
        async with session.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            async with asyncio.timeout(2):
                await asyncio.gather(server.close(), socket.receive())

            assert socket.close_code == 1001
