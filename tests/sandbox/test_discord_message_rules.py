"""Messages at each limit and one past it, and what Discord makes of names, nonces and mentions."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from sandbox.discord_server import Channel, DiscordServer, Guild, Permission, text_of
from sandbox.person import Person

V2 = 1 << 15
LEGACY = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"


def button(n: int = 0, **changes: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": f"b{n}", **changes}


def row(*inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(inner)}


def rows(count: int, width: int = 1) -> list[dict[str, Any]]:
    return [row(*(button(n * 10 + m) for m in range(width))) for n in range(count)]


def options(count: int) -> list[dict[str, Any]]:
    return [{"label": str(n), "value": str(n)} for n in range(count)]


def select(**changes: Any) -> dict[str, Any]:
    return {"type": 3, "custom_id": "s", "options": options(1), **changes}


def texts(count: int, length: int = 1) -> list[dict[str, Any]]:
    return [{"type": 10, "content": "x" * length} for _ in range(count)]


def gallery(count: int) -> list[dict[str, Any]]:
    return [{"type": 12, "items": [{"media": {"url": "https://example.com/a.png"}}] * count}]


def fields(count: int, name: int = 1, value: int = 1) -> list[dict[str, Any]]:
    return [{"name": "n" * name, "value": "v" * value}] * count


def embed(**parts: Any) -> dict[str, Any]:
    return {"embeds": [{"title": "t", **parts}]}


def classic(*components: dict[str, Any]) -> dict[str, Any]:
    return {"content": "x", "components": list(components)}


def v2(components: list[dict[str, Any]]) -> dict[str, Any]:
    return {"flags": V2, "components": components}


def section(count: int) -> dict[str, Any]:
    return {"type": 9, "components": texts(count), "accessory": button()}


LIMITS = {
    "content": lambda n: {"content": "x" * (2000 + n)},
    "nonce": lambda n: {"content": "x", "nonce": "x" * (25 + n)},
    "embeds": lambda n: {"embeds": [{"title": "t"}] * (10 + n)},
    "embed title": lambda n: embed(title="x" * (256 + n)),
    "embed description": lambda n: embed(description="x" * (4096 + n)),
    "embed fields": lambda n: embed(fields=fields(25 + n)),
    "embed field name": lambda n: embed(fields=fields(1, name=256 + n)),
    "embed field value": lambda n: embed(fields=fields(1, value=1024 + n)),
    "embed footer": lambda n: embed(footer={"text": "x" * (2048 + n)}),
    "embed author": lambda n: embed(author={"name": "x" * (256 + n)}),
    "embed colour": lambda n: embed(color=0xFFFFFF + n),
    "all embeds together": lambda n: {"embeds": [{"description": "x" * 3000}, {"description": "x" * (3000 + n)}]},
    "rows": lambda n: classic(*rows(5 + n)),
    "buttons in a row": lambda n: classic(*rows(1, width=5 + n)),
    "button label": lambda n: classic(row(button(label="x" * (80 + n)))),
    "button custom id": lambda n: classic(row(button(custom_id="x" * (100 + n)))),
    "button url": lambda n: classic(row({"type": 2, "style": 5, "label": "x", "url": "https://" + "x" * (504 + n)})),
    "select options": lambda n: classic(row(select(options=options(25 + n)))),
    "select placeholder": lambda n: classic(row(select(placeholder="x" * (150 + n)))),
    "select option label": lambda n: classic(row(select(options=[{"label": "x" * (100 + n), "value": "v"}]))),
    "select option value": lambda n: classic(row(select(options=[{"label": "l", "value": "x" * (100 + n)}]))),
    "select values": lambda n: classic(row(select(max_values=25 + n))),
    "components in V2": lambda n: v2(texts(40 + n)),
    "nested components in V2": lambda n: v2([{"type": 17, "components": texts(39 + n)}]),
    "text in V2": lambda n: v2([*texts(1, 3000), *texts(1, 1000 + n)]),
    "gallery items": lambda n: v2(gallery(10 + n)),
    "section texts": lambda n: v2([section(3 + n)]),
    "allowed users": lambda n: {"content": "x", "allowed_mentions": {"users": [str(k) for k in range(100 + n)]}},
}


@pytest.mark.parametrize("what", LIMITS)
async def test_limit_is_kept_and_one_more_is_refused(what: str, rest: Any, channel: Channel) -> None:
    path = f"/channels/{channel.id}/messages"

    at_limit, past_it = await rest("POST", path, LIMITS[what](0)), await rest("POST", path, LIMITS[what](1))

    assert at_limit[0] == 200, at_limit
    assert (past_it[0], past_it[1]["code"]) == (400, 50035)
    assert past_it[1]["message"] == "Invalid Form Body"


REFUSED = {
    "content that is no text": ({"content": 5}, ("content",), "STRING_TYPE_CONVERT"),
    "V2 with content": ({**v2(texts(1)), "content": "x"}, ("content",), LEGACY),
    "V2 with embeds": ({**v2(texts(1)), **embed()}, ("embeds",), LEGACY),
    "text display without V2": (classic(*texts(1)), ("components", "0", "type"), "BASE_TYPE_CHOICES"),
    "button outside a row": (classic(button()), ("components", "0", "type"), "BASE_TYPE_CHOICES"),
    "custom id twice": (classic(row(button(1), button(1))), ("components",), "COMPONENT_CUSTOM_ID_DUPLICATED"),
    "component id twice": (classic(row(button(1, id=7), button(2, id=7))), ("components",), "COMPONENT_ID_DUPLICATED"),
    "custom id missing": (
        classic(row(button(custom_id=None))),
        ("components", "0", "components", "0", "custom_id"),
        "BASE_TYPE_REQUIRED",
    ),
    "button without label": (
        classic(row(button(label=None))),
        ("components", "0", "components", "0"),
        "BUTTON_COMPONENT_INVALID_LABEL",
    ),
    "link button with custom id": (
        classic(row(button(style=5, url="https://example.com"))),
        ("components", "0", "components", "0", "custom_id"),
        "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
    ),
    "select beside a button": (
        classic(row(button(), select())),
        ("components", "0", "components"),
        "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
    ),
    "select value twice": (
        classic(row(select(options=options(1) * 2))),
        ("components", "0", "components", "0", "options"),
        "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
    ),
    "empty row": (classic(row()), ("components", "0", "components"), "BASE_TYPE_BAD_LENGTH"),
    "container in a container": (
        v2([{"type": 17, "components": [{"type": 17, "components": texts(1)}]}]),
        ("components", "0", "components", "0", "type"),
        "BASE_TYPE_CHOICES",
    ),
    "too many components in V2": (v2(texts(41)), ("components",), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"),
    "too much text in V2": (v2(texts(2, 2001)), ("components",), "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"),
    "file in V2 that is not there": (
        v2([{"type": 13, "file": {"url": "attachment://a.mp4"}}]),
        ("components",),
        "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
    ),
    "file component with a link": (
        v2([{"type": 13, "file": {"url": "https://example.com/a.mp4"}}]),
        ("components", "0", "file", "url"),
        "URL_TYPE_INVALID_SCHEME",
    ),
    "embed picture that is not there": (
        embed(image={"url": "attachment://a.png"}),
        ("embeds", "0", "image"),
        "EMBED_REFERENCED_ATTACHMENT_NOT_FOUND",
    ),
    "embed picture with a strange scheme": (
        embed(image={"url": "file:///etc/passwd"}),
        ("embeds", "0", "image", "url"),
        "URL_TYPE_INVALID_SCHEME",
    ),
    "embed field without value": (
        embed(fields=[{"name": "n"}]),
        ("embeds", "0", "fields", "0", "value"),
        "BASE_TYPE_REQUIRED",
    ),
    "attachment that is not there": (
        {"content": "x", "attachments": [{"id": 0}]},
        ("attachments", "0"),
        "ATTACHMENT_NOT_FOUND",
    ),
    "unknown kind of mention": (
        {"content": "x", "allowed_mentions": {"parse": ["nobody"]}},
        ("allowed_mentions", "parse", "0"),
        "BASE_TYPE_CHOICES",
    ),
    "users parsed and named": (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        ("allowed_mentions",),
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    "reply to nothing": (
        {"content": "x", "message_reference": {"message_id": "1"}},
        ("message_reference",),
        "REPLIES_UNKNOWN_MESSAGE",
    ),
    "flags that are no number": ({"content": "x", "flags": "64"}, ("flags",), "BITFIELD_TYPE_CONVERT"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_refusal_names_the_field_and_the_reason(what: str, rest: Any, channel: Channel) -> None:
    body, path, code = REFUSED[what]

    status, answer = await rest("POST", f"/channels/{channel.id}/messages", body)

    assert (status, answer["code"]) == (400, 50035)
    node = answer["errors"]
    for step in path:
        node = node[step]
    assert code in [each["code"] for each in node["_errors"]]
    assert not channel.messages


@pytest.mark.parametrize("body", [{}, {"content": "  \n"}, {"embeds": [{}]}, {"flags": V2, "components": []}, None])
async def test_empty_message_is_refused(body: Any, rest: Any, channel: Channel) -> None:
    status, answer = await rest("POST", f"/channels/{channel.id}/messages", body)

    assert (status, answer["code"]) == (400, 50006)


def upload(
    size: int, name: str = "a.bin", json: str = '{"attachments": [{"id": 0}]}', count: int = 1
) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json, content_type="application/json")
    for n in range(count):
        form.add_field(f"files[{n}]", b"x" * size, filename=name, content_type="application/octet-stream")
    return form


async def test_file_at_the_guilds_limit_passes_and_one_byte_more_is_too_large(
    rest: Any, server: DiscordServer, guild: Guild, channel: Channel
) -> None:
    server.set_upload_limit(guild, 5000)
    path = f"/channels/{channel.id}/messages"

    assert (await rest("POST", path, data=upload(5000)))[0] == 200
    status, answer = await rest("POST", path, data=upload(5001))

    assert (status, answer["code"]) == (413, 40005)
    assert len(list(server.cdn.folder.iterdir())) == 1


async def test_ten_files_pass_and_eleven_are_refused(rest: Any, channel: Channel) -> None:
    path = f"/channels/{channel.id}/messages"

    assert (await rest("POST", path, data=upload(1, json="{}", count=10)))[0] == 200
    assert (await rest("POST", path, data=upload(1, json="{}", count=11)))[1]["code"] == 50035


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("a b.mp4", "a_b.mp4"),
        ("лиса.mp4", "unknown.mp4"),
        ("../x/y.png", "unknown..xy.png"),
        ("job-1_v.mp4", "job-1_v.mp4"),
    ],
)
async def test_file_names_are_made_plain(sent: str, stored: str, rest: Any, channel: Channel) -> None:
    _, message = await rest("POST", f"/channels/{channel.id}/messages", data=upload(3, name=sent))

    assert [each["filename"] for each in message["attachments"]] == [stored]


async def test_file_shown_by_a_component_leaves_the_list_of_attachments(rest: Any, channel: Channel) -> None:
    json = '{"flags": 32768, "components": [{"type": 12, "items": [{"media": {"url": "attachment://a.bin"}}]}]}'

    _, message = await rest("POST", f"/channels/{channel.id}/messages", data=upload(3, json=json))

    media = message["components"][0]["items"][0]["media"]
    assert message["attachments"] == []
    assert media["attachment_id"] == str(next(iter(channel.messages.values())).attachments[0].id)
    assert media["url"].startswith("http://")
    assert message["components"][0]["id"] == 1


async def test_edit_keeps_only_the_listed_attachments(rest: Any, channel: Channel) -> None:
    _, message = await rest("POST", f"/channels/{channel.id}/messages", data=upload(3, json="{}", count=2))
    keep = message["attachments"][1]["id"]
    path = f"/channels/{channel.id}/messages/{message['id']}"

    untouched = await rest("PATCH", path, {"content": "x"})
    edited = await rest("PATCH", path, {"attachments": [{"id": keep}]})

    assert len(untouched[1]["attachments"]) == 2
    assert [each["id"] for each in edited[1]["attachments"]] == [keep]


async def test_turning_a_message_into_v2_needs_its_content_gone(rest: Any, channel: Channel) -> None:
    _, message = await rest("POST", f"/channels/{channel.id}/messages", {"content": "x"})
    path = f"/channels/{channel.id}/messages/{message['id']}"

    assert (await rest("PATCH", path, v2(texts(1))))[0] == 400
    _, edited = await rest("PATCH", path, {**v2(texts(1)), "content": None, "embeds": []})

    assert (edited["flags"] & V2, edited["content"]) == (V2, "")


async def test_v2_stays_v2(rest: Any, channel: Channel) -> None:
    _, message = await rest("POST", f"/channels/{channel.id}/messages", v2(texts(1)))
    path = f"/channels/{channel.id}/messages/{message['id']}"

    status, answer = await rest("PATCH", path, {"flags": 0, "content": "x"})

    assert (status, answer["code"]) == (400, 50035)


async def test_nonce_gives_the_first_message_until_the_window_is_over(
    rest: Any, server: DiscordServer, channel: Channel
) -> None:
    path = f"/channels/{channel.id}/messages"
    body = {"content": "x", "nonce": "job-1", "enforce_nonce": True}

    first, again = (await rest("POST", path, body))[1], (await rest("POST", path, body))[1]
    server.advance(minutes=6)
    later = (await rest("POST", path, body))[1]

    assert first["id"] == again["id"] != later["id"]
    assert first["nonce"] == "job-1"


async def test_nonce_is_only_enforced_on_request(rest: Any, channel: Channel) -> None:
    for _ in range(2):
        await rest("POST", f"/channels/{channel.id}/messages", {"content": "x", "nonce": "job-1"})

    assert len(channel.messages) == 2


async def test_nonce_of_a_deleted_message_is_an_unknown_message(
    rest: Any, server: DiscordServer, channel: Channel
) -> None:
    body = {"content": "x", "nonce": 7, "enforce_nonce": True}
    await rest("POST", f"/channels/{channel.id}/messages", body)
    server.delete_message(next(iter(channel.messages.values())))

    status, answer = await rest("POST", f"/channels/{channel.id}/messages", body)

    assert (status, answer["code"]) == (404, 10008)


@pytest.mark.parametrize(
    ("allowed", "users", "everyone"),
    [
        (None, True, True),
        ({"parse": []}, False, False),
        ({"parse": ["users"]}, True, False),
        ({"parse": ["everyone"]}, False, True),
        ({"parse": [], "users": ["ANA"]}, True, False),
    ],
)
async def test_only_allowed_mentions_are_live(
    allowed: Any,
    users: bool,
    everyone: bool,
    rest: Any,
    server: DiscordServer,
    guild: Guild,
    channel: Channel,
    ana: Person,
) -> None:
    server.allow(channel, Permission.MENTION_EVERYONE)
    body: dict[str, Any] = {"content": f"@everyone {ana.member.mention}"}
    if allowed is not None:
        body["allowed_mentions"] = {
            key: [str(ana.member.id) if each == "ANA" else each for each in value] for key, value in allowed.items()
        }

    _, message = await rest("POST", f"/channels/{channel.id}/messages", body)

    assert [each["id"] for each in message["mentions"]] == ([str(ana.member.id)] if users else [])
    assert message["mention_everyone"] is everyone


async def test_mention_in_an_embed_is_never_live(rest: Any, channel: Channel, ana: Person) -> None:
    _, message = await rest("POST", f"/channels/{channel.id}/messages", embed(description=ana.member.mention))

    assert message["mentions"] == []


async def test_reply_points_to_its_message_and_pings_its_author(rest: Any, channel: Channel, ana: Person) -> None:
    asked = await ana.says("how?")

    _, reply = await rest(
        "POST",
        f"/channels/{channel.id}/messages",
        {"content": "so", "message_reference": {"message_id": str(asked.id)}},
    )

    assert (reply["type"], reply["referenced_message"]["content"]) == (19, "how?")
    assert [each["id"] for each in reply["mentions"]] == [str(ana.member.id)]


async def test_history_is_paged_before_after_and_around(rest: Any, channel: Channel) -> None:
    path = f"/channels/{channel.id}/messages"
    ids = [(await rest("POST", path, {"content": str(n)}))[1]["id"] for n in range(6)]

    async def contents(query: str) -> list[str]:
        return [each["content"] for each in (await rest("GET", f"{path}?{query}"))[1]]

    assert await contents("limit=2") == ["5", "4"]
    assert await contents(f"before={ids[3]}&limit=2") == ["2", "1"]
    assert await contents(f"after={ids[1]}&limit=2") == ["3", "2"]
    assert "3" in await contents(f"around={ids[3]}&limit=3")
    assert (await rest("GET", f"{path}?limit=101"))[1]["code"] == 50035


async def test_blocked_word_is_refused_in_new_and_edited_messages(
    rest: Any, server: DiscordServer, guild: Guild, channel: Channel
) -> None:
    server.block_words(guild, "Forbidden")
    path = f"/channels/{channel.id}/messages"
    _, message = await rest("POST", path, {"content": "fine"})

    refused = [
        await rest("POST", path, {"content": "so FORBIDDEN"}),
        await rest("POST", path, {"embeds": [{"title": "forbidden"}]}),
        await rest("PATCH", f"{path}/{message['id']}", {"content": "forbidden"}),
    ]

    assert [(status, answer["code"]) for status, answer in refused] == [(400, 200000)] * 3
    assert [text_of(each) for each in channel.messages.values()] == ["fine"]


async def test_broken_json_is_refused(rest: Any, channel: Channel) -> None:
    status, answer = await rest("POST", f"/channels/{channel.id}/messages", data=b"{", skip_auto_headers=[])

    assert (status, answer["code"]) == (400, 50109)
