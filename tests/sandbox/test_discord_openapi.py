"""Discord's own OpenAPI document as a referee over what the client sends and what the sandbox answers.

The document is not part of the project; without it beside the checkout these tests are skipped.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from sandbox.discord_server import Channel, DiscordServer, Guild, RecordedRequest
from sandbox.person import Person

DOCUMENT = Path(__file__).parents[3] / "shared" / "reference" / "discord-openapi.json"

pytestmark = pytest.mark.skipif(not DOCUMENT.exists(), reason="Discord's OpenAPI document is not beside the checkout")


class Referee:
    """Finds the operation of a request and checks bodies against its schemas."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._registry: Registry[Any] = Registry().with_resource(
            "urn:discord", Resource(contents=document, specification=DRAFT202012)
        )
        self._paths = [
            # Fixed segments win over parameters, as in a router.
            (re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), path, operations)
            for path, operations in sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
        ]

    def complaints(self, request: RecordedRequest) -> list[str]:
        found = next(((path, ops) for pattern, path, ops in self._paths if pattern.match(request.path)), None)
        method = request.method.lower()
        if found is None or method not in found[1]:
            return [f"{request.method} {request.path}: not in the document"]
        path, operation = found[0], found[1][method]
        at = f"urn:discord#/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}"
        complaints = []
        if "requestBody" in operation and request.json is not None:
            body = _with_text_ids(request.json)
            complaints += self._check(f"{at}/requestBody/content/application~1json/schema", body, "request")
        status = str(request.status)
        responses = operation["responses"]
        kind = status if status in responses else f"{status[0]}XX"
        if kind not in responses:
            complaints.append(f"status {status} is not documented")
        elif "content" in responses[kind] or request.answer is not None:
            shared = responses[kind].get("$ref")
            kind_at = f"urn:discord{shared}" if shared else f"{at}/responses/{kind}"
            answer = request.answer
            if isinstance(answer, dict) and "errors" in answer:
                # The document wants integer codes in the details; every recorded answer has texts.
                answer = {key: value for key, value in answer.items() if key != "errors"}
            complaints += self._check(f"{kind_at}/content/application~1json/schema", answer, "answer")
        return [f"{request.method} {path} {status}: {each}" for each in complaints]

    def _check(self, reference: str, value: Any, what: str) -> list[str]:
        validator = Draft202012Validator({"$ref": reference}, registry=self._registry)
        return [f"{what} {error.json_path}: {_innermost(error)}" for error in validator.iter_errors(value)]


def _innermost(error: Any) -> str:
    while error.context:
        error = min(error.context, key=lambda each: (-len(each.absolute_path), len(each.message)))
    return f"{error.json_path} {error.message}"[:300]


def _with_text_ids(body: Any) -> Any:
    """Clients send ids as numbers, which the documentation allows and the document does not."""
    if isinstance(body, list):
        return [_with_text_ids(each) for each in body]
    if isinstance(body, dict):
        return {key: _as_text(key, _with_text_ids(value), body) for key, value in body.items()}
    return body


def _as_text(key: str, value: Any, body: dict[str, Any]) -> Any:
    is_file = key == "id" and "type" not in body  # a component's id stays a number
    is_id = key.endswith("_id") or is_file
    return str(value) if is_id and isinstance(value, int) else value


@functools.cache
def referee() -> Referee:
    return Referee(json.loads(DOCUMENT.read_text()))


class Question(discord.ui.Modal, title="Question"):
    answer: Any = discord.ui.TextInput(label="Answer", custom_id="answer")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(self.answer.value, ephemeral=True)


def card() -> discord.ui.LayoutView:
    view = discord.ui.LayoutView()
    gallery: Any = discord.ui.MediaGallery(discord.MediaGalleryItem("attachment://v.mp4"))
    row: Any = discord.ui.ActionRow()
    row.add_item(discord.ui.Button(label="Again", custom_id="again"))
    row.add_item(discord.ui.Button(label="Docs", url="https://example.com"))
    choice: Any = discord.ui.ActionRow()
    choice.add_item(discord.ui.Select(custom_id="choice", options=[discord.SelectOption(label="A")]))
    text: Any = discord.ui.TextDisplay("# Ready")
    line: Any = discord.ui.Separator()
    file: Any = discord.ui.File("attachment://n.txt")
    view.add_item(discord.ui.Container(text, gallery, line, file))
    view.add_item(row)
    view.add_item(choice)
    return view


def files() -> list[discord.File]:
    return [discord.File(io.BytesIO(b"\x00\x00\x00\x18ftypisom"), "v.mp4"), discord.File(io.BytesIO(b"x"), "n.txt")]


async def test_everything_client_and_sandbox_exchange_fits_discords_document(
    server: DiscordServer, guild: Guild, channel: Channel, ana: Person, bot: Any, start: Any
) -> None:
    @bot.tree.command()
    @app_commands.choices(kind=[app_commands.Choice(name="Card", value="card")])
    async def show(
        interaction: discord.Interaction, kind: str, picture: discord.Attachment | None = None, count: int = 1
    ) -> None:
        """Show a card."""
        await interaction.response.defer()
        await interaction.edit_original_response(attachments=files(), view=card())
        await interaction.original_response()
        followup = await interaction.followup.send(
            "more", embed=discord.Embed(title="t").add_field(name="n", value="v")
        )
        await followup.edit(content="even more")
        await followup.delete()

    @bot.tree.command()
    async def ask(interaction: discord.Interaction, model: str = "") -> None:
        """Ask."""
        await interaction.response.send_modal(Question())

    @ask.autocomplete("model")
    async def models(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name="A", value="a")]

    @bot.tree.context_menu(name="Use this")
    async def use(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message("ok", ephemeral=True, delete_after=None)

    await start(bot)
    await bot.sees("ready")
    server.assign_command(guild, "show", {ana.member: True, channel: True})
    await bot.http.get_guild_application_command_permissions(server.application_id, guild.id)
    for command in await bot.tree.fetch_commands():
        with contextlib.suppress(discord.NotFound):  # Only one of them has any.
            await command.fetch_permissions(guild)
    shown = await ana.types("/show", kind="card", picture=b"\x89PNG\r\n\x1a\n")
    await server.wait_for_request("DELETE", "/webhooks/")
    assert shown.message
    await ana.suggestions("/ask", "model", typed="a")
    opened = await (await ana.types("/ask")).answered()
    await (await ana.submits(opened, answer="yes")).answered()
    said = await ana.says("look")
    await (await ana.uses_menu("Use this", said)).answered()

    target = bot.get_channel(channel.id)
    posted = await target.send("hi", files=files(), embed=discord.Embed(title="t"), nonce="n")
    reply = await posted.reply("and this", view=discord.ui.View().add_item(discord.ui.Button(label="B", custom_id="b")))
    await reply.edit(content="changed")
    await target.fetch_message(reply.id)
    _ = [each async for each in target.history(limit=10)]
    await reply.delete()
    async with target.typing():
        pass
    await (await bot.fetch_user(ana.member.id)).send("a private word")
    await bot.fetch_guild(guild.id)
    await (await bot.fetch_guild(guild.id)).fetch_member(ana.member.id)
    await (await bot.fetch_guild(guild.id)).fetch_roles()
    await (await bot.fetch_guild(guild.id)).fetch_channels()
    await bot.fetch_channel(server.add_channel(guild, "t", "thread", parent=channel).id)
    await bot.fetch_channel(server.add_channel(guild, "f", "forum").id)
    await bot.tree.fetch_commands()
    server.add_entitlement(5, user=ana.user)
    _ = [each async for each in bot.entitlements()]
    await bot.application_info()
    with pytest.raises(discord.HTTPException):
        await target.send("x" * 2001)

    complaints = [complaint for request in server.requests for complaint in referee().complaints(request)]

    assert len(server.requests) > 35
    assert not complaints, "\n".join(complaints)


async def test_referee_finds_what_is_wrong(server: DiscordServer, channel: Channel, rest: Any) -> None:
    await rest("POST", f"/channels/{channel.id}/messages", {"content": "x", "nonce": "n"})
    request = server.requests[-1]
    assert referee().complaints(request) == []

    request.json = {"content": "x", "nonce": "n" * 26}
    del request.answer["author"]

    assert len(referee().complaints(request)) == 2
