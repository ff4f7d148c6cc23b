"""Works out whom a message really pings, so that a test can see whether an echoed @everyone was live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Channel, Role, User, World

USER = re.compile(r"<@!?(\d{1,20})>")
ROLE = re.compile(r"<@&(\d{1,20})>")
EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Mentions:
    users: list[User]
    roles: list[Role]
    everyone: bool


def visible_text(content: str, components: list[JSON]) -> str:
    """Everything in which a mention is live: the content and the text displays, never an embed."""
    return "\n".join([content, *text_displays(components)])


def text_displays(components: list[JSON]) -> Iterator[str]:
    for component in components:
        if component.get("type") == 10:
            yield str(component.get("content", ""))
        yield from text_displays(component.get("components") or [])


def live_mentions(
    text: str, allowed: JSON | None, world: World, channel: Channel, *, may_ping_everyone: bool, replied_to: User | None
) -> Mentions:
    """Apply allowed_mentions; without it everything written is live."""
    parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse") or ())
    named_users = {int(each) for each in (allowed or {}).get("users") or ()}
    named_roles = {int(each) for each in (allowed or {}).get("roles") or ()}
    users: dict[int, User] = {}
    for user_id in map(int, USER.findall(text)):
        if user_id in world.users and ("users" in parse or user_id in named_users):
            users[user_id] = world.users[user_id]
    if replied_to and (allowed is None or allowed.get("replied_user")):
        users[replied_to.id] = replied_to
    known_roles = channel.guild.roles if channel.guild else {}
    roles = {
        role_id: known_roles[role_id]
        for role_id in map(int, ROLE.findall(text))
        if role_id in known_roles and ("roles" in parse or role_id in named_roles)
    }
    everyone = "everyone" in parse and may_ping_everyone and bool(EVERYONE.search(text))
    return Mentions(list(users.values()), list(roles.values()), everyone)
