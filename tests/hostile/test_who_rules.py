"""Who may do what staff does: every role, every command, every place, also past what Discord's client hides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from bot.client.edge import ONLY_IN_SERVERS
from bot.domain.ids import GuildId, UserId
from bot.domain.policies import GuildPolicy
from bot.errors.host import NotHostError
from bot.errors.staff import NotAllowedError
from bot.services import grants
from bot.store import policies
from sandbox.discord_server import Channel, NotOfferedError, Permission
from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, answered, asked


class Role(StrEnum):
    """Who somebody is in the guild of these tests."""

    MEMBER = "member"
    MESSAGES = "may delete messages only"
    CHANNELS = "may manage channels only"
    STRANGER = "rules another guild, member here"
    HOST = "runs the bot, member here"
    MODERATOR = "may manage the server"
    ADMINISTRATOR = "administrator"
    OWNER = "owner of the server"


class Where(StrEnum):
    CHANNEL = "channel"
    THREAD = "thread"
    DIRECT = "direct messages"


RULERS = frozenset({Role.MODERATOR, Role.ADMINISTRATOR, Role.OWNER})
COMMANDS = ("/quota show", "/quota default", "/quota pool", "/quota member", "/quota revoke")
REFUSAL = NotAllowedError.text


@dataclass(frozen=True, slots=True)
class Town:
    """One person of every role, and every place."""

    stage: Stage
    people: dict[Role, Person]
    thread: Channel
    ana: Person

    def place(self, person: Person, where: Where) -> Channel:
        match where:
            case Where.CHANNEL:
                return self.stage.channel
            case Where.THREAD:
                return self.thread
            case Where.DIRECT:
                return person.direct_messages

    async def rules(self) -> GuildPolicy:
        return await self.stage.database.read(policies.load, GuildId(self.stage.guild.id))


@pytest.fixture
async def town(stage: Stage, ana: Person) -> Town:
    server, guild, channel = stage.server, stage.guild, stage.channel

    def joins(name: str, **traits: object) -> Person:
        return Person(server, server.add_member(guild, name, **traits), channel)  # type: ignore[arg-type] # traits vary

    stranger = joins("stranger")
    elsewhere = server.add_guild("Somewhere else")
    server.add_channel(elsewhere, "videos")
    server.add_member(elsewhere, stranger.user, is_owner=True)
    administrator = joins("administrator")
    server.make_administrator(administrator.member)
    people = {
        Role.MEMBER: joins("member"),
        Role.MESSAGES: joins("messages", permissions=Permission.MANAGE_MESSAGES),
        Role.CHANNELS: joins("channels", permissions=Permission.MANAGE_CHANNELS | Permission.MODERATE_MEMBERS),
        Role.STRANGER: stranger,
        Role.HOST: Person(server, guild.members[server.owner.id], channel),
        Role.MODERATOR: joins("moderator", permissions=Permission.MANAGE_GUILD),
        Role.ADMINISTRATOR: administrator,
        Role.OWNER: joins("owner", is_owner=True),
    }
    return Town(stage, people, server.add_channel(guild, "foxes", "thread", parent=channel), ana)


async def forced(town: Town, role: Role, command: str, where: Where) -> Handle:
    """Send it as a changed client would: whatever the real one hides."""
    person = town.people[role]
    options: dict[str, object] = {}
    if command != "/quota show":
        options["credits"] = 77
    if command in {"/quota grant", "/quota member", "/quota revoke"}:
        options["member"] = town.ana.user
    return await answered(await person.types(command, town.place(person, where), True, **options))


@pytest.mark.parametrize("where", Where)
@pytest.mark.parametrize("command", COMMANDS)
async def test_staffs_commands_work_for_those_who_rule_here_and_nobody_else(
    town: Town, command: str, where: Where
) -> None:
    for role in Role:
        before, balance = await town.rules(), await town.stage.balance(town.ana)

        handle = await forced(town, role, command, where)

        is_changed = (await town.rules(), await town.stage.balance(town.ana)) != (before, balance)
        if where is Where.DIRECT:
            assert ONLY_IN_SERVERS in handle.text(), role
            assert not is_changed, role
        elif role in RULERS:
            assert REFUSAL not in handle.text(), role
            assert handle.text(), role
        else:
            assert REFUSAL in handle.text(), role
            assert not is_changed, role
        assert where is Where.DIRECT or all(message.is_ephemeral for message in handle.interaction.messages)


def filled(options: list[dict[str, Any]], town: Town) -> dict[str, object]:
    """Something that Discord lets through for each option that has to be there, and somebody wherever that may be."""
    everyone = town.stage.guild.everyone
    given = {3: "7d", 4: 1, 5: True, 6: town.ana.user, 7: town.stage.channel, 8: everyone}
    found: dict[str, object] = {}
    for option in options:
        if option.get("required") or option["type"] == 6:
            choices = option.get("choices")
            found[option["name"]] = choices[0]["value"] if choices else given[option["type"]]
    return found


def every_command(town: Town, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, list[dict[str, Any]]]:
    """The full names of those commands with their options, as Discord knows them."""
    known = [each for scope in town.stage.server.world.commands.values() for each in scope.values()]
    found: dict[str, list[dict[str, Any]]] = {}
    for command in known:
        if command.get("type", 1) != 1 or not wanted(command):
            continue
        below = [each for each in command.get("options", ()) if each["type"] == 1]
        for each in below or [command]:
            name = f"/{command['name']} {each['name']}" if below else f"/{command['name']}"
            found[name] = each.get("options", [])
    return found


@pytest.mark.parametrize("role", [Role.MESSAGES, Role.STRANGER, Role.HOST])
async def test_every_command_that_discord_hides_from_members_refuses_them(town: Town, role: Role) -> None:
    """Those that come with a later version, too."""
    await asked(town.ana, "/video", prompt="a red fox", duration=4, quality="480p")
    hidden = every_command(
        town, lambda command: command.get("default_member_permissions") is not None and command["name"] != "host"
    )
    person, before = town.people[role], await town.rules()

    for command, options in hidden.items():
        handle = await answered(await person.types(command, None, True, **filled(options, town)))

        assert handle.text() == REFUSAL, command
        assert handle.modal is None, command

    assert {command.split()[0] for command in hidden} >= {
        "/quota",
        "/server",
        "/moderate",
        "/words",
        "/stats",
        "/export",
    }
    assert len(hidden) > 30
    assert await town.rules() == before
    assert (await town.stage.job(1)).finished_at is None


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR, Role.OWNER])
async def test_every_command_of_the_host_refuses_those_who_rule_a_server(town: Town, role: Role) -> None:
    town.stage.host_ids.add(UserId(town.people[Role.HOST].user.id))
    commands = every_command(town, lambda command: command["name"] == "host")
    person = town.people[role]

    for command, options in commands.items():
        handle = await answered(await person.types(command, None, True, **filled(options, town)))

        assert handle.text() == NotHostError.text, command

    assert len(commands) >= 10


async def gives(town: Town, role: Role) -> None:
    """Type the grant, and confirm it if there is something to confirm."""
    handle = await forced(town, role, "/quota grant", Where.CHANNEL)
    if handle.buttons:
        await answered(await town.people[role].clicks(handle, "Give"))


async def test_grants_of_those_who_rule_are_the_only_ones(town: Town) -> None:
    for role in Role:
        await gives(town, role)

    assert await town.stage.balance(town.ana) == 500 + 77 * len(RULERS)


async def test_hiding_alone_would_give_everybody_what_they_want(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version without a control: the commands are hidden, and nothing checks who sends them."""
    monkeypatch.setattr(grants, "check_staff", lambda _staff: None)

    for role in Role:
        await gives(town, role)

    assert await town.stage.balance(town.ana) == 500 + 77 * len(Role)


@pytest.mark.parametrize("role", sorted(set(Role) - RULERS))
async def test_client_hides_them_from_everybody_else(town: Town, role: Role) -> None:
    """Which is comfort and no control: the tests above go past it."""
    for command in COMMANDS:
        with pytest.raises(NotOfferedError):
            await town.people[role].types(command, credits=77)


@pytest.mark.parametrize("where", [Where.CHANNEL, Where.THREAD])
async def test_only_those_who_rule_see_and_stop_the_jobs_of_others(town: Town, where: Where) -> None:
    await town.stage.allow(5000)
    await asked(town.ana, "/video", prompt="zanzibar marmalade", duration=4, quality="480p")

    for role, person in town.people.items():
        if role in RULERS:
            continue
        channel = town.place(person, where)
        shown = await asked(person, "/jobs show", channel=channel, job=1)
        stopped = await asked(person, "/jobs cancel", channel=channel, job=1)
        assert "zanzibar" not in shown.text() + stopped.text(), role
        assert (await town.stage.job(1)).finished_at is None, role

    moderator = town.people[Role.MODERATOR]
    assert "zanzibar" in (await asked(moderator, "/jobs show", job=1)).text()
    await asked(moderator, "/jobs cancel", job=1)
    assert (await town.stage.job(1)).finished_at is not None
