"""Where the bot may not post, edit or read, and the code that says so."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from sandbox.discord_server import Channel, DiscordServer, Guild, Permission
from sandbox.person import Person


def a_file() -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("payload_json", "{}")
    form.add_field("files[0]", b"x", filename="x.txt")
    return form


@pytest.mark.parametrize(
    ("denied", "expected"),
    [
        (Permission.VIEW_CHANNEL, [(403, 50001), (403, 50001), (403, 50001)]),
        (Permission.SEND_MESSAGES, [(403, 50013), (403, 50013), (403, 50013)]),
        (Permission.ATTACH_FILES, [(200, 0), (403, 50013), (200, 0)]),
        (Permission.EMBED_LINKS, [(200, 0), (200, 0), (403, 50013)]),
        (Permission.MANAGE_MESSAGES, [(200, 0), (200, 0), (200, 0)]),
    ],
)
async def test_denied_permission_refuses_what_needs_it(
    denied: Permission, expected: list[tuple[int, int]], rest: Any, server: DiscordServer, channel: Channel
) -> None:
    server.deny(channel, denied)
    path = f"/channels/{channel.id}/messages"

    got = [
        await rest("POST", path, {"content": "x"}),
        await rest("POST", path, data=a_file()),
        await rest("POST", path, {"embeds": [{"title": "x"}]}),
    ]

    assert [(status, answer.get("code", 0)) for status, answer in got] == expected


async def test_allowed_again_is_allowed(rest: Any, server: DiscordServer, channel: Channel) -> None:
    server.deny(channel, Permission.SEND_MESSAGES)
    server.allow(channel, Permission.SEND_MESSAGES)

    assert (await rest("POST", f"/channels/{channel.id}/messages", {"content": "x"}))[0] == 200


async def test_without_history_the_list_is_empty_and_replies_are_refused(
    rest: Any, server: DiscordServer, channel: Channel, ana: Person
) -> None:
    said = await ana.says("hello")
    server.deny(channel, Permission.READ_MESSAGE_HISTORY)
    path = f"/channels/{channel.id}/messages"

    listed = await rest("GET", path)
    reply = await rest("POST", path, {"content": "x", "message_reference": {"message_id": str(said.id)}})

    assert listed == (200, [])
    assert (reply[0], reply[1]["code"]) == (400, 160002)


async def test_others_messages_are_not_the_bots_to_edit_or_delete(
    rest: Any, server: DiscordServer, channel: Channel, ana: Person
) -> None:
    path = f"/channels/{channel.id}/messages/{(await ana.says('mine')).id}"

    edited = await rest("PATCH", path, {"content": "yours"})
    deleted = await rest("DELETE", path)
    server.allow(channel, Permission.MANAGE_MESSAGES)
    moderated = await rest("DELETE", path)

    assert (edited[0], edited[1]["code"]) == (403, 50005)
    assert (deleted[0], deleted[1]["code"]) == (403, 50013)
    assert moderated[0] == 204


async def test_everyone_is_not_pinged_without_permission(rest: Any, channel: Channel) -> None:
    _, message = await rest("POST", f"/channels/{channel.id}/messages", {"content": "@everyone"})

    assert message["mention_everyone"] is False


async def test_thread_follows_its_parent_and_needs_its_own_permission(
    rest: Any, server: DiscordServer, guild: Guild, channel: Channel
) -> None:
    thread = server.add_channel(guild, "t", "thread", parent=channel)
    server.deny(channel, Permission.SEND_MESSAGES)
    first = await rest("POST", f"/channels/{thread.id}/messages", {"content": "x"})
    server.deny(channel, Permission.SEND_MESSAGES_IN_THREADS)
    second = await rest("POST", f"/channels/{thread.id}/messages", {"content": "x"})

    assert (first[0], second[0], second[1]["code"]) == (200, 403, 50013)


async def test_archived_thread_opens_for_a_send_and_not_for_an_edit(
    rest: Any, server: DiscordServer, guild: Guild, channel: Channel
) -> None:
    thread = server.add_channel(guild, "t", "thread", parent=channel)
    path = f"/channels/{thread.id}/messages"
    _, message = await rest("POST", path, {"content": "x"})
    server.set_thread(thread, archived=True)

    edited = await rest("PATCH", f"{path}/{message['id']}", {"content": "y"})
    sent = await rest("POST", path, {"content": "z"})

    assert (edited[0], edited[1]["code"]) == (400, 50083)
    assert (sent[0], thread.is_archived) == (200, False)


async def test_locked_thread_is_for_moderators(
    rest: Any, server: DiscordServer, guild: Guild, channel: Channel
) -> None:
    thread = server.add_channel(guild, "t", "thread", parent=channel)
    server.set_thread(thread, locked=True)

    status, answer = await rest("POST", f"/channels/{thread.id}/messages", {"content": "x"})

    assert (status, answer["code"]) == (403, 160005)


async def test_forum_takes_no_plain_message_and_voice_does(rest: Any, server: DiscordServer, guild: Guild) -> None:
    forum, voice = server.add_channel(guild, "f", "forum"), server.add_channel(guild, "v", "voice")

    refused = await rest("POST", f"/channels/{forum.id}/messages", {"content": "x"})
    taken = await rest("POST", f"/channels/{voice.id}/messages", {"content": "x"})

    assert (refused[0], refused[1]["code"], taken[0]) == (400, 40058, 200)


async def test_deleted_things_are_unknown(rest: Any, server: DiscordServer, guild: Guild, channel: Channel) -> None:
    _, message = await rest("POST", f"/channels/{channel.id}/messages", {"content": "x"})
    server.delete_message(channel.messages[int(message["id"])])
    gone_message = await rest("PATCH", f"/channels/{channel.id}/messages/{message['id']}", {"content": "y"})
    server.delete_channel(channel)
    gone_channel = await rest("POST", f"/channels/{channel.id}/messages", {"content": "x"})
    server.remove_bot(guild)
    gone_guild = await rest("GET", f"/guilds/{guild.id}")

    assert [(status, answer["code"]) for status, answer in (gone_message, gone_channel, gone_guild)] == [
        (404, 10008),
        (404, 10003),
        (404, 10004),
    ]


async def test_direct_message_needs_an_open_door_and_a_common_guild(
    rest: Any, server: DiscordServer, ana: Person
) -> None:
    _, opened = await rest("POST", "/users/@me/channels", {"recipient_id": str(ana.member.id)})
    path = f"/channels/{opened['id']}/messages"

    first = await rest("POST", path, {"content": "x"})
    server.close_direct_messages(ana.member)
    closed = await rest("POST", path, {"content": "x"})
    server.open_direct_messages(ana.member)
    server.remove_member(ana.member)
    strangers = await rest("POST", path, {"content": "x"})

    assert opened["id"] == str(ana.direct_messages.id)
    assert (first[0], closed[0], closed[1]["code"], strangers[1]["code"]) == (200, 403, 50007, 50007)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/users/1", 404, 10013),
        ("GET", "/guilds/GUILD/members/1", 404, 10007),
        ("GET", "/channels/1", 404, 10003),
        ("GET", "/nowhere", 404, 0),
        ("PUT", "/users/@me", 405, 0),
        ("POST", "/users/@me/channels", 400, 50035),
        ("POST", "/attachments/refresh-urls", 400, 50035),
    ],
)
async def test_unknown_things_have_their_codes(
    method: str, path: str, status: int, code: int, rest: Any, guild: Guild
) -> None:
    got, answer = await rest(method, path.replace("GUILD", str(guild.id)))

    assert (got, answer["code"]) == (status, code)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bot wrong"}, {"Authorization": "Bearer x"}])
async def test_only_the_bots_token_opens_the_door(header: dict[str, str], rest: Any) -> None:
    status, answer = await rest("GET", "/users/@me", headers=header)

    assert (status, answer) == (401, {"message": "401: Unauthorized", "code": 0})
