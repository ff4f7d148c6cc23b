"""A person can do what Discord's client lets them, sees what they may see, and waits without polling."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.discord_server import Channel, DiscordServer, Guild, NotOfferedError, Permission
from sandbox.observation import Observation
from sandbox.person import Person

MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(5000)


@pytest.fixture
async def commands(rest: Any, server: DiscordServer) -> None:
    option = {"type": 3, "name": "prompt", "description": "x", "required": True, "min_length": 3, "max_length": 10}
    colour = {"type": 3, "name": "colour", "description": "x", "choices": [{"name": "Red", "value": "r"}]}
    number = {"type": 4, "name": "count", "description": "x", "min_value": 1, "max_value": 4}
    flag = {"type": 5, "name": "audio", "description": "x"}
    file = {"type": 11, "name": "image", "description": "x"}
    listed = {"type": 1, "name": "list", "description": "x", "options": []}
    body = [
        {"name": "video", "description": "x", "options": [option, colour, number, flag, file]},
        {"name": "jobs", "description": "x", "options": [listed]},
        {"name": "quota", "description": "x", "default_member_permissions": str(1 << 5)},
        {"name": "admins", "description": "x", "default_member_permissions": "0"},
        {"name": "adult", "description": "x", "nsfw": True},
        {"name": "indoors", "description": "x", "contexts": [0]},
        {"name": "outdoors", "description": "x", "contexts": [1]},
        {"type": 3, "name": "Animate this"},
    ]
    status, answer = await rest("PUT", f"/applications/{server.application_id}/commands", body)
    assert status == 200, answer


@pytest.mark.parametrize(
    ("command", "options", "reason"),
    [
        ("/vidoe", {}, "no command 'vidoe'"),
        ("/video", {}, "needs prompt"),
        ("/video", {"prompt": "fox", "size": 1}, "no option size"),
        ("/video", {"prompt": "ab"}, "2 characters"),
        ("/video", {"prompt": "x" * 11}, "11 characters"),
        ("/video", {"prompt": "   "}, "empty"),
        ("/video", {"prompt": 5}, "not a text"),
        ("/video", {"prompt": "fox", "colour": "blue"}, "no choice"),
        ("/video", {"prompt": "fox", "count": 5}, "not between 1 and 4"),
        ("/video", {"prompt": "fox", "count": 1.5}, "not a number"),
        ("/video", {"prompt": "fox", "audio": "yes"}, "neither True nor False"),
        ("/video", {"prompt": "fox", "image": "fox.png"}, "does not fit"),
        ("/jobs", {}, "needs a sub-command"),
        ("/jobs show", {}, "no 'show'"),
        ("/quota", {}, "lack the permissions"),
        ("/admins", {}, "lack the permissions"),
        ("/adult", {}, "age-restricted"),
        ("/outdoors", {}, "not for guilds"),
    ],
)
async def test_client_refuses_what_it_would_not_send(
    command: str, options: dict[str, Any], reason: str, commands: None, ana: Person
) -> None:
    with pytest.raises(NotOfferedError, match=reason):
        await ana.types(command, **options)


async def test_typed_options_arrive_as_discord_sends_them(
    commands: None, ana: Person, tmp_path: Path, server: DiscordServer
) -> None:
    picture = tmp_path / "fox.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")

    handle = await ana.types("/video", prompt=" fox ", colour="Red", count=2, audio=True, image=picture)

    data = handle.interaction.payload["data"]
    assert {each["name"]: each["value"] for each in data["options"] if each["name"] != "image"} == {
        "prompt": "fox",
        "colour": "r",
        "count": 2,
        "audio": True,
    }
    [attachment] = data["resolved"]["attachments"].values()
    assert (attachment["filename"], attachment["content_type"]) == ("fox.png", "image/png")
    assert attachment["url"].startswith(server.cdn_url + "/ephemeral-attachments/")


async def test_option_named_like_an_argument_is_written_with_an_underscore(
    rest: Any, server: DiscordServer, ana: Person
) -> None:
    options = [{"type": 7, "name": "channel", "description": "x"}, {"type": 3, "name": "typed", "description": "x"}]
    body = [{"name": "log", "description": "x", "options": options}]
    await rest("PUT", f"/applications/{server.application_id}/commands", body)

    data = (await ana.types("/log", channel_=ana.channel, typed="x")).interaction.payload["data"]

    assert [each["value"] for each in data["options"]] == [str(ana.channel.id), "x"]
    assert list(data["resolved"]["channels"]) == [str(ana.channel.id)]


async def test_moderator_sees_what_members_do_not(commands: None, ana: Person, mod: Person) -> None:
    await mod.types("/quota")
    await ana.types("/quota", force=True)

    with pytest.raises(NotOfferedError):
        await mod.types("/admins")


async def test_commands_follow_the_place(commands: None, server: DiscordServer, ana: Person) -> None:
    server.set_nsfw(ana.channel, True)

    await ana.types("/adult")
    await ana.types("/outdoors", channel=ana.direct_messages)
    with pytest.raises(NotOfferedError, match="direct messages"):
        await ana.types("/indoors", channel=ana.direct_messages)


async def test_person_cannot_act_where_they_see_nothing(
    commands: None, server: DiscordServer, ana: Person, channel: Channel
) -> None:
    server.deny(channel, Permission.VIEW_CHANNEL, ana.member)

    with pytest.raises(NotOfferedError, match="does not see"):
        await ana.types("/jobs list")


async def test_guild_that_removed_the_bot_offers_nothing(
    commands: None, server: DiscordServer, guild: Guild, ana: Person
) -> None:
    server.remove_bot(guild)

    with pytest.raises(NotOfferedError, match="offered: nothing"):
        await ana.types("/jobs list")


async def test_command_that_reaches_nobody_says_so(commands: None, ana: Person) -> None:
    handle = await ana.types("/jobs list")

    with pytest.raises(TimeoutError, match="no bot was connected"):
        await handle.acknowledged(timeout=0.01)


async def test_vain_wait_tells_what_was_seen_instead(rest: Any, channel: Channel, ana: Person) -> None:
    await rest("POST", f"/channels/{channel.id}/messages", {"content": "nothing yet"})

    with pytest.raises(TimeoutError, match=r"ana waited.*#videos.*\n.*nothing yet"):
        await ana.waits_for_video(timeout=0.01)


async def test_waiting_person_is_woken_by_the_message(rest: Any, channel: Channel, ana: Person) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(ana.waits_for_message(lambda message: message.content == "two"))
        for text in ("one", "two"):
            await rest("POST", f"/channels/{channel.id}/messages", {"content": text})

    assert waiting.result().content == "two"


async def test_each_wait_finds_another_message_even_after_it_came(rest: Any, channel: Channel, ana: Person) -> None:
    for text in ("one", "two"):
        await rest("POST", f"/channels/{channel.id}/messages", {"content": text})

    assert [(await ana.waits_for_message()).content for _ in range(2)] == ["one", "two"]
    with pytest.raises(TimeoutError):
        await ana.waits_for_message(timeout=0.01)


async def test_video_for_somebody_else_is_not_theirs(
    rest: Any, channel: Channel, ana: Person, mod: Person, tmp_path: Path
) -> None:
    for person in (mod, ana):
        form = aiohttp.FormData()
        form.add_field("payload_json", f'{{"content": "{person.member.mention}"}}')
        form.add_field("files[0]", io.BytesIO(MP4), filename=f"{person.name}.mp4")
        await rest("POST", f"/channels/{channel.id}/messages", data=form)

    video = await ana.waits_for_video()

    assert video.attachments[0].filename == "ana.mp4"
    assert (await ana.saves(video.attachments[0], tmp_path / "v.mp4")).read_bytes() == MP4


async def test_disabled_and_missing_buttons_are_refused(rest: Any, channel: Channel, ana: Person) -> None:
    buttons = [
        {"type": 2, "style": 1, "label": "Off", "custom_id": "off", "disabled": True},
        {"type": 2, "style": 5, "label": "Link", "url": "https://example.com"},
        {"type": 2, "style": 1, "label": "On", "custom_id": "on"},
    ]
    body = {"content": "x", "components": [{"type": 1, "components": buttons}]}
    await rest("POST", f"/channels/{channel.id}/messages", body)
    message = await ana.waits_for_message()

    for name, reason in (("Off", "disabled"), ("Link", "no interaction"), ("None", "there are: Off, Link, On")):
        with pytest.raises(NotOfferedError, match=reason):
            await ana.clicks(message, name)
    handle = await ana.clicks(message, "on")

    assert handle.interaction.payload["data"]["custom_id"] == "on"
    assert handle.interaction.payload["message"]["id"] == str(message.id)


async def test_select_menu_sends_the_chosen_values(rest: Any, channel: Channel, ana: Person) -> None:
    menu = {
        "type": 3,
        "custom_id": "s",
        "options": [{"label": "Oil", "value": "oil"}, {"label": "Ink", "value": "ink"}],
    }
    body = {"content": "x", "components": [{"type": 1, "components": [menu]}]}
    await rest("POST", f"/channels/{channel.id}/messages", body)
    message = await ana.waits_for_message()

    handle = await ana.chooses(message, "s", "Ink")

    assert handle.interaction.payload["data"]["values"] == ["ink"]
    for values in ((), ("Oil", "Ink"), ("Chalk",)):
        with pytest.raises(NotOfferedError):
            await ana.chooses(message, "s", *values)


async def test_modal_is_filled_in_as_its_fields_demand(commands: None, rest: Any, ana: Person) -> None:
    field = {"type": 4, "custom_id": "t", "style": 1, "min_length": 2, "max_length": 5}
    modal = {"title": "Edit", "custom_id": "m", "components": [{"type": 18, "label": "Text", "component": field}]}
    opened = await ana.types("/jobs list")
    callback = f"/interactions/{opened.interaction.id}/{opened.interaction.token}/callback"
    await rest("POST", callback, {"type": 9, "data": modal})

    for values, reason in (({}, "filled in"), ({"t": "x"}, "2 to 5"), ({"Text": "ok", "other": "x"}, "no field other")):
        with pytest.raises(NotOfferedError, match=reason):
            await ana.submits(opened, **values)
    handle = await ana.submits(opened, Text="four")

    assert handle.interaction.payload["data"]["components"][0]["component"]["value"] == "four"


# The same from another process.


@pytest.fixture
async def observed(server: DiscordServer) -> Any:
    """A second server, because routes are added before it starts."""
    other = DiscordServer()
    Observation(other).install()
    async with other, aiohttp.ClientSession(other.origin) as session:
        yield other, session


async def test_state_shows_guilds_channels_messages_and_commands(observed: Any) -> None:
    server, session = observed
    guild = server.add_guild("Seen")
    ana = Person.joins(server, guild, "ana", server.add_channel(guild, "videos"))
    await ana.says("hello")

    async with session.get("/_sandbox/state") as response:
        state = await response.json()

    [shown] = state["guilds"]
    assert (shown["name"], state["is_connected"], state["commands"]) == ("Seen", False, [])
    assert [each["content"] for each in shown["channels"][0]["messages"]] == ["hello"]
    assert "ana" in [each["user"]["username"] for each in shown["members"]]


async def test_events_tell_what_happens(observed: Any) -> None:
    server, session = observed
    guild = server.add_guild("Seen")
    ana = Person.joins(server, guild, "ana", server.add_channel(guild, "videos"))
    async with session.ws_connect("/_sandbox/events") as socket:
        await ana.says("hello")
        event = await socket.receive_json(timeout=5)

    assert (event["kind"], event["subject"]["content"]) == ("MESSAGE_CREATE", "hello")


async def test_another_process_acts_as_a_person(observed: Any) -> None:
    server, session = observed
    guild = server.add_guild("Seen")
    ana = Person.joins(server, guild, "ana", server.add_channel(guild, "videos"))
    headers = {"Authorization": f"Bot {server.token}"}
    url = f"/api/v10/applications/{server.application_id}/commands"
    option = {"type": 11, "name": "image", "description": "x"}
    body = [{"name": "hi", "description": "x", "options": [option]}]
    async with session.put(url, json=body, headers=headers) as response:
        assert response.status == 200
    who = {"member_id": str(ana.member.id), "channel_id": str(ana.channel.id)}

    async def act(**action: Any) -> tuple[int, Any]:
        async with session.post("/_sandbox/interactions", json={**who, **action}) as response:
            return response.status, await response.json()

    acted = await act(command="/hi", options={"image": {"filename": "fox.png", "base64": "eA=="}})
    refused = [
        await act(command="/no"),
        await act(command="/hi", options=[1]),
        await act(button="x", message_id="1"),
        await act(),
        await act(member_id="1"),
    ]

    assert (acted[0], int(acted[1]["id"]) in server.interactions.by_id) == (201, True)
    [uploaded] = server.interactions.by_id[int(acted[1]["id"])].payload["data"]["resolved"]["attachments"].values()
    assert (uploaded["filename"], uploaded["size"]) == ("fox.png", 1)
    assert [status for status, _ in refused] == [400] * 5
    assert "no command 'no'" in refused[0][1]["error"]


async def test_guild_of_nobody_in_particular_belongs_to_the_host(server: DiscordServer, guild: Guild) -> None:
    assert guild.owner is server.owner
    assert server.owner.id in guild.members
