"""Select menus that Discord fills itself: what the bot may send, and what a choice brings it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.discord_server import NotOfferedError
from sandbox.discord_server.composing import Composer
from sandbox.discord_server.errors import APIError
from sandbox.discord_server.forms import Form
from sandbox.discord_server.rules.components import Kind, check_select
from sandbox.discord_server.server import DiscordServer


def select(kind: Kind, **traits: Any) -> dict[str, Any]:
    return {"type": int(kind), "custom_id": "x", "min_values": 0, "max_values": 2, **traits}


def refusals(menu: dict[str, Any]) -> str:
    form = Form()
    check_select(form, ("components", 0), menu)
    try:
        form.raise_if_refused()
    except APIError as error:
        return str(error.errors)
    return ""


@pytest.mark.parametrize(
    ("menu", "code"),
    [
        (select(Kind.ROLE_SELECT, default_values=[{"id": "5", "type": "role"}]), ""),
        (select(Kind.ROLE_SELECT, default_values=[{"id": "5", "type": "channel"}]), "BASE_TYPE_CHOICES"),
        (select(Kind.ROLE_SELECT, default_values=[{"id": "five", "type": "role"}]), "NUMBER_TYPE_COERCE"),
        (
            select(Kind.ROLE_SELECT, default_values=[{"id": str(n), "type": "role"} for n in range(3)]),
            "SELECT_COMPONENT_DEFAULT_VALUES_OUT_OF_RANGE",
        ),
        (select(Kind.MENTIONABLE_SELECT, default_values=[{"id": "5", "type": "user"}]), ""),
        (select(Kind.CHANNEL_SELECT, channel_types=[0, 2]), ""),
        (select(Kind.CHANNEL_SELECT, channel_types=[77]), "BASE_TYPE_CHOICES"),
    ],
)
def test_rules_of_menus(menu: dict[str, Any], code: str) -> None:
    found = refusals(menu)

    assert code in found
    assert bool(found) == bool(code)


async def test_a_choice_brings_ids_and_what_they_stand_for() -> None:
    async with DiscordServer() as server:
        guild = server.add_guild("Film club")
        channel = server.add_channel(guild, "videos")
        role, member = server.add_role(guild, "helpers"), server.add_member(guild, "ana")
        composer = Composer(server.world, member.user, channel)

        roles, of_roles = composer.choice(select(Kind.ROLE_SELECT), [role])
        channels, of_channels = composer.choice(select(Kind.CHANNEL_SELECT, channel_types=[0]), [channel])
        people, of_people = composer.choice(select(Kind.MENTIONABLE_SELECT), [member, role])

        assert (roles, of_roles["roles"][str(role.id)]["name"]) == ([str(role.id)], "helpers")
        assert (channels, of_channels["channels"][str(channel.id)]["name"]) == ([str(channel.id)], "videos")
        assert people == [str(member.id), str(role.id)]
        assert set(of_people) == {"users", "members", "roles"}


async def test_the_client_offers_only_what_fits() -> None:
    async with DiscordServer() as server:
        guild = server.add_guild("Film club")
        channel, voice = server.add_channel(guild, "videos"), server.add_channel(guild, "talk", "voice")
        role, member = server.add_role(guild, "helpers"), server.add_member(guild, "ana")
        composer = Composer(server.world, member.user, channel)

        for menu, values in (
            (select(Kind.ROLE_SELECT), [channel]),
            (select(Kind.CHANNEL_SELECT, channel_types=[0]), [voice]),
            (select(Kind.ROLE_SELECT, min_values=1), []),
            (select(Kind.ROLE_SELECT, max_values=1), [role, role]),
        ):
            with pytest.raises(NotOfferedError):
                composer.choice(menu, values)
