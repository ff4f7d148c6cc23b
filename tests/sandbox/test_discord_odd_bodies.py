"""Whatever stands at any place of a body, the answer is Discord's form and never a crash of the sandbox."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.discord_server import Channel, DiscordServer
from sandbox.person import Person

ODD = (None, 5, -1, 10**30, 1.5, True, "x", "", [], [5], [[]], {}, {"a": 1})

MESSAGE = {
    "content": "x",
    "nonce": "n",
    "flags": 4,
    "embeds": [
        {
            "title": "t",
            "color": 1,
            "footer": {"text": "f"},
            "author": {"name": "a"},
            "image": {"url": "https://example.com"},
            "fields": [{"name": "n", "value": "v"}],
        }
    ],
    "components": [
        {"type": 1, "components": [{"type": 2, "style": 1, "label": "l", "custom_id": "c", "id": 4}]},
        {"type": 1, "components": [{"type": 3, "custom_id": "s", "options": [{"label": "l", "value": "v"}]}]},
    ],
    "allowed_mentions": {"parse": ["users"], "roles": ["1"], "replied_user": True},
    "message_reference": {"message_id": "1", "fail_if_not_exists": False},
    "attachments": [],
}
CARD = {
    "flags": 32768,
    "components": [
        {
            "type": 17,
            "accent_color": 1,
            "components": [
                {
                    "type": 9,
                    "components": [{"type": 10, "content": "x"}],
                    "accessory": {"type": 2, "style": 5, "label": "l"},
                },
                {"type": 12, "items": [{"media": {"url": "https://example.com"}, "description": "d"}]},
                {"type": 13, "file": {"url": "attachment://x"}},
                {"type": 14, "spacing": 1},
            ],
        }
    ],
}
COMMANDS = [
    {
        "name": "v",
        "description": "d",
        "type": 1,
        "contexts": [0],
        "name_localizations": {"ru": "в"},
        "default_member_permissions": "32",
        "options": [
            {"type": 2, "name": "g", "description": "d", "options": [{"type": 1, "name": "s", "description": "d"}]},
            {"type": 1, "name": "t", "description": "d", "options": [
                {"type": 3, "name": "o", "description": "d", "choices": [{"name": "c", "value": "c"}], "max_length": 5}
            ]},
        ],
    },
    {"type": 3, "name": "Use"},
]  # fmt: skip
MODAL = {
    "type": 9,
    "data": {
        "title": "t",
        "custom_id": "m",
        "components": [
            {"type": 1, "components": [{"type": 4, "custom_id": "a", "style": 1, "label": "l"}]},
            {
                "type": 18,
                "label": "l",
                "component": {"type": 3, "custom_id": "b", "options": [{"label": "l", "value": "v"}]},
            },
            {
                "type": 18,
                "label": "l",
                "component": {"type": 21, "custom_id": "c", "options": [{"label": "l", "value": "v"}]},
            },
        ],
    },
}


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every node below the top."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def variants(body: Any) -> Iterator[tuple[Any, Any]]:
    """The body with each node replaced by each odd value."""
    for path in places(body):
        for odd in ODD:
            changed = copy.deepcopy(body)
            node = changed
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = odd
            yield (path, odd), changed


@pytest.mark.parametrize("body", [MESSAGE, CARD])
async def test_odd_messages_are_sent_or_refused(body: Any, rest: Any, channel: Channel) -> None:
    for what, odd in variants(body):
        status, answer = await rest("POST", f"/channels/{channel.id}/messages", odd)

        assert status in (200, 400), (what, status, answer)


async def test_odd_commands_are_stored_or_refused(rest: Any, server: DiscordServer) -> None:
    for what, odd in variants(COMMANDS):
        status, answer = await rest("PUT", f"/applications/{server.application_id}/commands", odd)

        assert status in (200, 400), (what, status, answer)


async def test_odd_modals_are_shown_or_refused(rest: Any, server: DiscordServer, ana: Person) -> None:
    body = [{"name": "v", "description": "d"}]
    await rest("PUT", f"/applications/{server.application_id}/commands", body)
    for what, odd in variants(MODAL):
        interaction = (await ana.types("/v")).interaction
        status, answer = await rest("POST", f"/interactions/{interaction.id}/{interaction.token}/callback", odd)

        assert status in (204, 400), (what, status, answer)


@pytest.mark.parametrize("body", ODD)
async def test_body_of_an_odd_kind_is_refused(body: Any, rest: Any, server: DiscordServer, channel: Channel) -> None:
    sent = await rest("POST", f"/channels/{channel.id}/messages", body)
    stored = await rest("POST", f"/applications/{server.application_id}/commands", body)

    assert (sent[0], stored[0]) == (400, 400)
