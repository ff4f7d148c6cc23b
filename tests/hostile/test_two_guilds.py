"""Whoever rules one guild reaches nothing of another: every command, suggestion and button with the other's ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import discord
import pytest

from bot.domain.ids import GuildId, JobId, TaskId
from bot.domain.jobs import FailureReason, Job, JobState, Move, Result, StoredVideo
from bot.rendering.buttons import lasting
from bot.store import jobs as rows
from bot.store.database import Connection
from cogs import (
    credits,
    generate,
    help,  # noqa: A004 - The module is called what the command is called.
    jobs,
    moderation,
    quotas,
)
from sandbox.discord_server import Message
from sandbox.discord_server.wire import JSON
from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, answered, asked, clicked

CANARY = "zanzibar marmalade"
CONTROLS = (
    *generate.CONTROLS,
    *jobs.CONTROLS,
    *credits.CONTROLS,
    *help.CONTROLS,
    *moderation.CONTROLS,
    *quotas.CONTROLS,
)
SUB_COMMAND_GROUP = 2
# What is typed into the options that take no job: as little as each command needs.
OTHER_OPTIONS = {"page": 1, "credits": 7}


@dataclass(frozen=True, slots=True)
class Two:
    """Ana's guild with jobs of every kind, and Eve, who may do everything in hers."""

    stage: Stage
    ana: Person
    eve: Person
    numbers: tuple[int, ...]

    @property
    def path(self) -> str:
        return str(self.stage.inputs.parent / "cutscene.db")


@pytest.fixture
async def two(stage: Stage, ana: Person) -> Two:
    await stage.allow(5000)
    for _ in range(5):
        await asked(ana, "/video", prompt=CANARY, duration=4, quality="480p")
        stage.clock.advance(timedelta(minutes=1))
    await stage.delivers(1)
    await stage.fails(2, FailureReason.UPSTREAM, f"the provider said {CANARY}")
    await stage.submits(3)
    parked = await stage.submits(4)
    for move in (
        Move(to=JobState.RUNNING, task_id=TaskId("t-4")),
        Move(to=JobState.FETCHING, result=Result(url="https://files.test/v.mp4")),
        Move(to=JobState.DELIVERING, stored=StoredVideo(name="4.mp4", size=1000)),
        Move(to=JobState.PARKED, after=None),
    ):
        parked = await stage.lifecycle.apply(parked, move)
    guild = stage.server.add_guild("Somewhere else")
    channel = stage.server.add_channel(guild, "videos")
    eve = Person.joins(stage.server, guild, "eve", channel, is_moderator=True)
    stage.server.make_administrator(eve.member)
    return Two(stage, ana, eve, numbers=(1, 2, 3, 4, 5))


# What there is to try.


def leaves(stage: Stage) -> Iterator[tuple[str, list[JSON]]]:
    """Every command that is registered, with its options."""

    def walk(name: str, node: JSON) -> Iterator[tuple[str, list[JSON]]]:
        options = node.get("options") or []
        inner = [each for each in options if each["type"] <= SUB_COMMAND_GROUP]
        if not inner:
            yield name, options
        for each in inner:
            yield from walk(f"{name} {each['name']}", each)

    for command in stage.server.world.commands[None].values():
        yield from walk(f"/{command['name']}", command)


def custom_ids(number: int) -> list[str]:
    """Every button there is, on the job or page *number*, and some that are not."""
    of_job = ("again", "edit", "extend", "upscale", "restyle", "delete", "cancel", "report")
    there = [f"job:{number}:{action}" for action in of_job]
    there.append(f"instead:{number}:seedance-2")
    there += [f"staff:{number}:{action}" for action in ("card", "redeliver", "refund", "cancel", "block")]
    there += [f"draft:{number}:{action}" for action in ("create", "edit", "cancel")]
    there += [f"grant:{number}:{action}" for action in ("give", "drop")]
    there += [f"page:{what}:{number}" for what in ("jobs", "credits", "models")]
    there += [f"rewrite:{number}:{action}" for action in ("create", "edit", "mine", "cancel")]
    there += [f"do:{number}:extend:seedance-2-fast::", f"do:{number}:upscale:topaz-upscale::"]
    untrue = [
        f"job:{number}:claim",
        f"job:{number}:instead",
        f"job:0{number}:deletes",
        f"job:{number} :again",
        f"job:{number}:again:1",
    ]
    return [*there, f"job:0{number}:delete", f"job:00{number}:again", *untrue]


def test_every_kind_of_button_is_tried() -> None:
    templates = [item.__discord_ui_compiled_template__ for item in CONTROLS]

    tried = custom_ids(1)

    assert [template.pattern for template in templates if not any(map(template.fullmatch, tried))] == []


# What comes of it.


def said(handle: Handle) -> str:
    """Everything that an answer shows, wherever it shows it."""
    interaction = handle.interaction
    embeds = [message.embeds for message in interaction.messages]
    components = [message.components for message in interaction.messages]
    return f"{handle.text()} {interaction.choices} {interaction.modal} {embeds} {components}"


def everything(path: str) -> list[str]:
    """The whole database, line by line."""
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


async def with_button(person: Person, stage: Stage, custom_id: str) -> Message:
    """A message of the bot where the person is, with a button that they could never come by."""
    there = stage.bot.get_partial_messageable(person.channel.id, guild_id=person.member.guild.id)
    sent = await there.send("look", view=lasting(discord.ui.Button(label="x", custom_id=custom_id)))
    return person.channel.messages[sent.id]


async def attack(two: Two) -> list[str]:
    """Try everything with the ids of the other guild; what came through, as "where: what"."""
    stage, eve = two.stage, two.eve
    found: list[str] = []
    before, messages = everything(two.path), dict(stage.channel.messages)

    def look(where: str, handle: Handle) -> None:
        text = said(handle)
        found.extend(
            f"{where}: shows {part}" for part in (CANARY, str(two.ana.user.id), str(stage.guild.id)) if part in text
        )

    for number in two.numbers:
        for command, options in leaves(stage):
            if not any(option["name"] == "job" for option in options):
                continue
            look(command, await asked(eve, command, job=number))
            look(command, await answered(await eve.types(command, channel=eve.direct_messages, force=True, job=number)))
            suggests = any(option["name"] == "job" and option.get("autocomplete") for option in options)
            choices = await eve.suggestions(command, "job", str(number)) if suggests else []
            found.extend(f"{command}: suggests {choice}" for choice in choices)
        for custom_id in custom_ids(number):
            message = await with_button(eve, stage, custom_id)
            look(custom_id, await clicked(eve, message, custom_id))
            found += [f"{custom_id}: deletes"] if message.is_deleted else []
    changed = set(before) ^ set(everything(two.path))
    found += [f"changed: {line}" for line in changed]
    found += [f"deleted: {message.content}" for message in messages.values() if message.is_deleted]
    return found


async def test_ids_of_another_guild_reach_nothing(two: Two) -> None:
    assert await attack(two) == []


async def test_same_ids_are_good_at_home(two: Two) -> None:
    """Else the attack would find nothing because there is nothing."""
    shown = await asked(two.ana, "/jobs show", job=1)
    again = await clicked(two.ana, await with_button(two.ana, two.stage, "job:1:edit"), "job:1:edit")

    assert CANARY in said(shown)
    assert CANARY in said(again)


async def test_looking_for_the_number_only_is_found_out(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version without a control: the query that forgets whose job it is."""

    def careless(connection: Connection, _guild_id: GuildId, job_id: JobId) -> Job | None:
        return rows.find(connection, job_id)

    monkeypatch.setattr(rows, "find_in_guild", careless)

    found = await attack(two)

    assert any(line.startswith("/jobs show: shows") for line in found)
    assert any(line.startswith("job:1:edit: shows") for line in found)
    assert any(line.startswith("changed:") for line in found)


def filled(option: JSON, two: Two) -> Any:
    """Something to type into the option: a known value, its first choice, or what its kind takes."""
    if option["name"] in OTHER_OPTIONS:
        return OTHER_OPTIONS[option["name"]]
    if option.get("choices"):
        return option["choices"][0]["value"]
    role = two.stage.server.add_role(two.eve.member.guild, "Some role")
    kinds: dict[int, Any] = {3: "marmot", 4: 1, 5: False, 6: two.ana.user, 7: two.eve.channel, 8: role}
    return kinds[option["type"]]


async def test_every_other_command_tells_of_the_own_guild_only(two: Two) -> None:
    eve, stage = two.eve, two.stage
    before = await stage.balance(two.ana)

    for command, options in leaves(stage):
        if any(option["name"] == "job" for option in options):
            continue
        given = {
            option["name"]: filled(option, two)
            for option in options
            if option.get("required") or option["name"] in OTHER_OPTIONS
        }
        handle = await asked(eve, command, **given)
        assert CANARY not in said(handle)
        assert str(stage.guild.id) not in said(handle)

    assert await stage.balance(two.ana) == before
    assert await stage.differences() == []
