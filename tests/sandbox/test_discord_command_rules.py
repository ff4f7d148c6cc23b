"""Commands, modals and autocomplete results at each limit and one past it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.discord_server import DiscordServer, Guild
from sandbox.discord_server.exchanges import Kind
from sandbox.person import Handle, Person


def command(**parts: Any) -> dict[str, Any]:
    return {"name": "video", "description": "Make a video", **parts}


def option(n: int = 0, **parts: Any) -> dict[str, Any]:
    return {"type": 3, "name": f"o{n}", "description": "An option", **parts}


def choices(count: int) -> list[dict[str, Any]]:
    return [{"name": str(n), "value": str(n)} for n in range(count)]


def heavy(n: int) -> list[dict[str, Any]]:
    """One command whose texts count exactly 8000 + n characters."""
    start = command(options=[option(k, choices=[{"name": "n" * 100, "value": "v" * 100}] * 3) for k in range(13)])
    # 17 of the command, 13 options of 600 in choices and 11 or 12 in name and description; the rest fills the last one.
    used = 5 + 12 + sum(len(each["name"]) + 9 + 600 for each in start["options"])
    filler = "x" * (8000 + n - used)
    start["options"].append(option(99, name=filler[:32], description=filler[32:132]))
    return [start]


LIMITS = {
    "commands": lambda n: [command(name=f"c{k}") for k in range(100 + n)],
    "message menus": lambda n: [{"type": 3, "name": f"c{k}"} for k in range(15 + n)],
    "name": lambda n: [command(name="x" * (32 + n))],
    "description": lambda n: [command(description="x" * (100 + n))],
    "options": lambda n: [command(options=[option(k) for k in range(25 + n)])],
    "choices": lambda n: [command(options=[option(choices=choices(25 + n))])],
    "choice name": lambda n: [command(options=[option(choices=[{"name": "x" * (100 + n), "value": "v"}])])],
    "choice value": lambda n: [command(options=[option(choices=[{"name": "n", "value": "x" * (100 + n)}])])],
    "max length": lambda n: [command(options=[option(max_length=6000 + n)])],
    "translated name": lambda n: [command(name_localizations={"ru": "я" * (32 + n)})],
    "translated description": lambda n: [command(description_localizations={"zh-CN": "视" * (100 + n)})],
    "all text": heavy,
}


@pytest.mark.parametrize("what", LIMITS)
async def test_limit_is_kept_and_one_more_is_refused(what: str, rest: Any, server: DiscordServer) -> None:
    path = f"/applications/{server.application_id}/commands"

    at_limit, past_it = await rest("PUT", path, LIMITS[what](0)), await rest("PUT", path, LIMITS[what](1))

    assert at_limit[0] == 200, at_limit
    assert (past_it[0], past_it[1]["code"]) == (400, 50035)


REFUSED = {
    "upper case": ([command(name="Video")], "APPLICATION_COMMAND_INVALID_NAME"),
    "space in a name": ([command(name="a b")], "APPLICATION_COMMAND_INVALID_NAME"),
    "no description": ([{"name": "video"}], "BASE_TYPE_REQUIRED"),
    "description of a menu": ([{"type": 3, "name": "Use", "description": "x"}], "CONTEXT_MENU_DESCRIPTION_EXISTS"),
    "name twice": ([command(), command()], "APPLICATION_COMMANDS_DUPLICATE_NAME"),
    "option name twice": ([command(options=[option(), option()])], "APPLICATION_COMMAND_OPTIONS_NAME_INVALID"),
    "required after optional": (
        [command(options=[option(1), option(2, required=True)])],
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    "choices with autocomplete": (
        [command(options=[option(choices=choices(1), autocomplete=True)])],
        "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES",
    ),
    "choices of a boolean": ([command(options=[option(type=5, choices=choices(1))])], "OPTIONS_TYPE_INVALID"),
    "text choice of a number": ([command(options=[option(type=4, choices=choices(1))])], "NUMBER_TYPE_COERCE"),
    "sub-command beside an option": (
        [command(options=[option(1, type=1), option(2)])],
        "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
    ),
    "group in a group": (
        [command(options=[option(1, type=2, options=[option(2, type=2)])])],
        "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
    ),
    "unknown language": ([command(name_localizations={"tlh": "x"})], "APPLICATION_COMMAND_INVALID_LOCALE"),
    "unknown type of option": ([command(options=[option(type=12)])], "BASE_TYPE_CHOICES"),
    "permissions that are no number": ([command(default_member_permissions="all")], "BITFIELD_TYPE_CONVERT"),
    "not a list": (command(), "LIST_TYPE_CONVERT"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_refusal_names_the_reason(what: str, rest: Any, server: DiscordServer) -> None:
    body, code = REFUSED[what]

    status, answer = await rest("PUT", f"/applications/{server.application_id}/commands", body)

    assert (status, answer["code"]) == (400, 50035)
    assert code in str(answer["errors"])
    assert not server.world.commands.get(None)


async def test_bulk_overwrite_keeps_ids_and_drops_the_rest(rest: Any, server: DiscordServer) -> None:
    path = f"/applications/{server.application_id}/commands"
    before = {each["name"]: each for each in (await rest("PUT", path, [command(), command(name="old")]))[1]}

    after = (await rest("PUT", path, [command(description="Better"), command(name="new")]))[1]

    assert [each["name"] for each in after] == ["video", "new"]
    assert after[0]["id"] == before["video"]["id"]
    assert after[0]["version"] != before["video"]["version"]


async def test_commands_are_made_read_changed_and_deleted_one_by_one(
    rest: Any, server: DiscordServer, guild: Guild
) -> None:
    path = f"/applications/{server.application_id}/guilds/{guild.id}/commands"

    made = await rest("POST", path, command(name_localizations={"ru": "видео"}))
    again = await rest("POST", path, command())
    one = f"{path}/{made[1]['id']}"
    changed = await rest("PATCH", one, {"description": "Better"})
    listed = await rest("GET", f"{path}?with_localizations=true")
    deleted = await rest("DELETE", one)
    missing = await rest("GET", one)

    assert (made[0], again[0], again[1]["id"]) == (201, 200, made[1]["id"])
    assert (changed[1]["description"], changed[1]["name"], changed[1]["guild_id"]) == ("Better", "video", str(guild.id))
    assert [each["name"] for each in listed[1]] == ["video"]
    assert (deleted[0], missing[0], missing[1]["code"]) == (204, 404, 10063)


async def test_context_menu_is_given_an_empty_description(rest: Any, server: DiscordServer) -> None:
    _, stored = await rest("PUT", f"/applications/{server.application_id}/commands", [{"type": 3, "name": "Use this"}])

    assert stored[0]["description"] == ""


async def test_other_applications_commands_are_out_of_reach(rest: Any) -> None:
    status, answer = await rest("PUT", "/applications/1/commands", [])

    assert (status, answer["code"]) == (403, 50001)


def text_input(**parts: Any) -> dict[str, Any]:
    return {"type": 1, "components": [{"type": 4, "custom_id": "t", "style": 1, "label": "Text", **parts}]}


def label(**parts: Any) -> dict[str, Any]:
    inner = {"type": 4, "custom_id": "t", "style": 2}
    return {"type": 18, "label": "Text", "component": inner, **parts}


def modal(*components: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"title": "Edit", "custom_id": "m", "components": list(components or [label()]), **parts}


def labels(count: int) -> list[dict[str, Any]]:
    return [label(component={"type": 4, "custom_id": f"t{n}", "style": 1}) for n in range(count)]


MODALS = {
    "title": lambda n: modal(title="x" * (45 + n)),
    "custom id": lambda n: modal(custom_id="x" * (100 + n)),
    "components": lambda n: modal(*labels(5 + n)),
    "label": lambda n: modal(label(label="x" * (45 + n))),
    "label description": lambda n: modal(label(description="x" * (100 + n))),
    "old label": lambda n: modal(text_input(label="x" * (45 + n))),
    "value": lambda n: modal(text_input(value="x" * (4000 + n))),
    "placeholder": lambda n: modal(text_input(placeholder="x" * (100 + n))),
    "max length": lambda n: modal(text_input(max_length=4000 + n)),
}


async def typed(rest: Any, server: DiscordServer, person: Person, **options: Any) -> Handle:
    body = [command(options=[option(1, name="model", autocomplete=True)])]
    await rest("PUT", f"/applications/{server.application_id}/commands", body)
    return await person.types("/video", **options)


async def call_back(rest: Any, handle: Handle, kind: int, data: Any) -> tuple[int, Any]:
    interaction = handle.interaction
    answer: tuple[int, Any] = await rest(
        "POST", f"/interactions/{interaction.id}/{interaction.token}/callback", {"type": kind, "data": data}
    )
    return answer


@pytest.mark.parametrize("what", MODALS)
async def test_modal_limit_is_kept_and_one_more_is_refused(
    what: str, rest: Any, server: DiscordServer, ana: Person
) -> None:
    handle = await typed(rest, server, ana)

    past_it = await call_back(rest, handle, 9, MODALS[what](1))
    at_limit = await call_back(rest, handle, 9, MODALS[what](0))

    assert (past_it[0], past_it[1]["code"]) == (400, 50035)
    assert at_limit[0] == 204, at_limit


SUGGESTIONS = {
    "results": lambda n: choices(25 + n),
    "name": lambda n: [{"name": "x" * (100 + n), "value": "v"}],
    "value": lambda n: [{"name": "n", "value": "x" * (100 + n)}],
}


@pytest.mark.parametrize("what", SUGGESTIONS)
async def test_suggestion_limit_is_kept_and_one_more_is_refused(
    what: str, rest: Any, server: DiscordServer, ana: Person
) -> None:
    await typed(rest, server, ana)
    interaction = server.interactions.start(Kind.AUTOCOMPLETE, ana.user, ana.channel, {"name": "video", "type": 1})
    handle = Handle(ana, interaction)

    past_it = await call_back(rest, handle, 8, {"choices": SUGGESTIONS[what](1)})
    at_limit = await call_back(rest, handle, 8, {"choices": SUGGESTIONS[what](0)})

    assert (past_it[0], past_it[1]["code"]) == (400, 50035)
    assert at_limit[0] == 204
