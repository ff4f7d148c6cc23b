"""Interactions through the real client: buttons, modals, menus, follow-ups, and the two clocks of every token."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from typing import Any

import aiohttp
import discord
import pytest

from sandbox.discord_server import DiscordServer, Guild, buttons_of, text_of
from sandbox.person import Handle, Person


class Again(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"job:(?P<id>\d+):again"):
    def __init__(self, job: int) -> None:
        super().__init__(discord.ui.Button(label="Again", custom_id=f"job:{job}:again"))
        self.job = job

    @classmethod
    async def from_custom_id(cls, interaction: Any, item: Any, match: Any) -> Again:
        return cls(int(match["id"]))

    async def callback(self, interaction: Any) -> None:
        await interaction.response.edit_message(content=f"job {self.job} again", view=None)


class Edit(discord.ui.Modal, title="Edit"):
    prompt: Any = discord.ui.TextInput(label="Prompt", custom_id="prompt", default="a fox", max_length=20)
    style: Any = discord.ui.Label(
        text="Style",
        component=discord.ui.Select(custom_id="style", options=[discord.SelectOption(label="Oil", value="oil")]),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(
            f"{self.prompt.value} in {self.style.component.values[0]}", ephemeral=True
        )


async def test_dynamic_button_works_and_changes_its_message(ana: Person, bot: Any, start: Any) -> None:
    @bot.tree.command()
    async def job(interaction: discord.Interaction) -> None:
        """Show a job."""
        view = discord.ui.View(timeout=None)
        view.add_item(Again(7))
        await interaction.response.send_message("job 7", view=view)

    bot.add_dynamic_items(Again)
    await start(bot)
    shown = await (await ana.types("/job")).answered()

    await (await ana.clicks(shown, "Again")).acknowledged()

    assert shown.text() == "job 7 again"
    assert not shown.buttons


async def test_modal_is_opened_filled_in_and_answered(ana: Person, bot: Any, start: Any) -> None:
    @bot.tree.command()
    async def edit(interaction: discord.Interaction) -> None:
        """Edit a prompt."""
        await interaction.response.send_modal(Edit())

    await start(bot)
    opened = await (await ana.types("/edit")).answered()
    assert opened.modal
    answered = await (await ana.submits(opened, prompt="a hare", Style="oil")).answered()

    assert answered.text() == "a hare in oil"
    assert answered.is_ephemeral


async def test_message_menu_receives_the_message_with_its_file(ana: Person, bot: Any, start: Any) -> None:
    got = []

    @bot.tree.context_menu(name="Animate this")
    async def animate(interaction: discord.Interaction, message: discord.Message) -> None:
        got.append((message.content, await message.attachments[0].read()))
        await interaction.response.send_message("on it", ephemeral=True)

    await start(bot)
    picture = await ana.says("look", b"\x89PNG\r\n\x1a\n")
    await (await ana.uses_menu("Animate this", picture)).answered()

    assert got == [("look", b"\x89PNG\r\n\x1a\n")]


async def test_member_menu_receives_the_member(ana: Person, mod: Person, bot: Any, start: Any) -> None:
    @bot.tree.context_menu(name="Who")
    async def who(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(member.name)

    await start(bot)
    handle = await (await ana.uses_menu("Who", mod.member)).answered()

    assert handle.text() == "mod"


async def test_followups_are_separate_messages_after_the_answer(ana: Person, bot: Any, start: Any) -> None:
    @bot.tree.command()
    async def talk(interaction: discord.Interaction) -> None:
        """Say three things."""
        await interaction.response.send_message("one")
        second = await interaction.followup.send("two", wait=True)
        await interaction.followup.send("three", ephemeral=True)
        await second.edit(content="two, edited")
        await interaction.delete_original_response()

    await start(bot)
    handle = await ana.types("/talk")
    await handle.until(lambda handle: handle.is_acknowledged and handle.message is None)

    assert [text_of(each) for each in handle.followups] == ["two, edited", "three"]
    assert handle.followups[1].is_ephemeral


async def test_followup_right_after_thinking_becomes_the_original(ana: Person, bot: Any, start: Any) -> None:
    @bot.tree.command()
    async def slow(interaction: discord.Interaction) -> None:
        """Think first."""
        await interaction.response.defer()
        await interaction.followup.send("done", file=discord.File(io.BytesIO(b"x"), "x.txt"))

    await start(bot)
    handle = await (await ana.types("/slow")).answered()

    assert handle.text() == "done"
    assert not handle.followups


async def test_layout_view_with_a_gallery_replaces_the_thinking_message(ana: Person, bot: Any, start: Any) -> None:
    edited = asyncio.get_running_loop().create_future()

    @bot.tree.command()
    async def card(interaction: discord.Interaction) -> None:
        """Show a card."""
        await interaction.response.defer()
        view = discord.ui.LayoutView()
        gallery: Any = discord.ui.MediaGallery(discord.MediaGalleryItem("attachment://v.mp4"))
        view.add_item(discord.ui.Container(discord.ui.TextDisplay("# Ready"), gallery))
        file = discord.File(io.BytesIO(b"\x00\x00\x00\x18ftypisom"), "v.mp4")
        edited.set_result(await interaction.edit_original_response(attachments=[file], view=view))

    await start(bot)
    handle = await (await ana.types("/card")).answered()

    assert handle.text() == "# Ready"
    assert handle.message
    assert [each.content_type for each in handle.message.attachments] == ["video/mp4"]
    message = await edited
    assert message.attachments == []
    shown = await bot.http.get_from_cdn(message.components[0].children[1].items[0].media.url)
    assert shown == b"\x00\x00\x00\x18ftypisom"


async def test_a_fresh_client_edits_the_thinking_message_by_its_token(
    server: DiscordServer, ana: Person, bot: Any, start: Any
) -> None:
    @bot.tree.command()
    async def slow(interaction: discord.Interaction) -> None:
        """Think."""
        await interaction.response.defer()

    await start(bot)
    handle = await (await ana.types("/slow")).acknowledged()
    webhook = discord.Webhook.partial(server.application_id, handle.interaction.token, client=bot)
    await webhook.edit_message("@original", content="after a restart")

    assert handle.text() == "after a restart"
    assert any("%40original" in each.path or "@original" in each.path for each in server.requests)


async def test_duplicate_delivery_is_refused_the_second_time(
    server: DiscordServer, ana: Person, bot: Any, start: Any
) -> None:
    codes = []

    @bot.tree.command()
    async def once(interaction: discord.Interaction) -> None:
        """Answer."""
        try:
            await interaction.response.send_message("hi")
        except discord.HTTPException as error:
            codes.append((error.status, error.code))

    await start(bot)
    server.interactions.deliver_twice = 1
    handle = await (await ana.types("/once")).answered()
    await server.wait_for_request("POST", "/callback", count=2)

    assert handle.text() == "hi"
    assert [each.status for each in server.requests.find("POST", "/callback")] in ([200, 400], [400, 200])


async def test_command_in_direct_messages_is_answered_there(ana: Person, bot: Any, start: Any) -> None:
    @bot.tree.command()
    async def hello(interaction: discord.Interaction) -> None:
        """Greet."""
        assert interaction.guild is None
        await interaction.response.send_message(f"hello {interaction.user.name}")

    await start(bot)
    handle = await (await ana.types("/hello", channel=ana.direct_messages)).answered()

    assert handle.text() == "hello ana"


# Without a client: what the endpoints themselves answer.


@pytest.fixture
async def asked(rest: Any, server: DiscordServer, ana: Person) -> Handle:
    """An interaction nobody has answered yet."""
    body = [{"name": "video", "description": "Make a video"}]
    await rest("PUT", f"/applications/{server.application_id}/commands", body)
    return await ana.types("/video")


def callback(handle: Handle) -> str:
    return f"/interactions/{handle.interaction.id}/{handle.interaction.token}/callback"


def webhook(server: DiscordServer, handle: Handle, rest: str = "") -> str:
    return f"/webhooks/{server.application_id}/{handle.interaction.token}{rest}"


async def test_answer_after_three_seconds_meets_an_unknown_interaction(
    rest: Any, server: DiscordServer, asked: Handle
) -> None:
    server.advance(seconds=3.1)

    status, answer = await rest("POST", callback(asked), {"type": 5})

    assert (status, answer["code"]) == (404, 10062)
    assert not asked.is_acknowledged


async def test_acknowledgement_window_can_be_widened(rest: Any, server: DiscordServer, asked: Handle) -> None:
    server.interactions.acknowledge_within = timedelta(minutes=1)
    server.advance(seconds=59)

    assert (await rest("POST", callback(asked), {"type": 5}))[0] == 204


async def test_token_dies_after_fifteen_minutes(rest: Any, server: DiscordServer, asked: Handle) -> None:
    await rest("POST", callback(asked), {"type": 5})
    server.advance(minutes=14.9)
    in_time = await rest("PATCH", webhook(server, asked, "/messages/@original"), {"content": "x"})
    server.advance(minutes=0.2)

    late = [
        await rest("PATCH", webhook(server, asked, "/messages/@original"), {"content": "y"}),
        await rest("POST", webhook(server, asked), {"content": "y"}),
        await rest("GET", webhook(server, asked, "/messages/@original")),
    ]

    assert in_time[0] == 200
    assert [(status, answer["code"]) for status, answer in late] == [(401, 50027)] * 3


async def test_second_answer_is_refused(rest: Any, asked: Handle) -> None:
    first = await rest("POST", callback(asked), {"type": 5})
    second = await rest("POST", callback(asked), {"type": 4, "data": {"content": "x"}})

    assert (first[0], second[0], second[1]["code"]) == (204, 400, 40060)


async def test_wrong_token_meets_an_unknown_interaction(rest: Any, asked: Handle) -> None:
    status, answer = await rest("POST", f"/interactions/{asked.interaction.id}/wrong/callback", {"type": 5})

    assert (status, answer["code"]) == (404, 10062)


async def test_refused_answer_leaves_the_interaction_open(rest: Any, asked: Handle) -> None:
    refused = await rest("POST", callback(asked), {"type": 4, "data": {"content": "x" * 2001}})
    accepted = await rest("POST", callback(asked), {"type": 4, "data": {"content": "x"}})

    assert (refused[0], accepted[0]) == (400, 204)


@pytest.mark.parametrize("kind", [1, 6, 7, 8, 10, True, None, "4"])
async def test_command_takes_only_its_kinds_of_answer(kind: Any, rest: Any, asked: Handle) -> None:
    status, answer = await rest("POST", callback(asked), {"type": kind, "data": {}})

    assert (status, answer["code"]) == (400, 50035)


async def test_nothing_can_be_edited_before_the_first_answer(rest: Any, server: DiscordServer, asked: Handle) -> None:
    status, answer = await rest("PATCH", webhook(server, asked, "/messages/@original"), {"content": "x"})

    assert (status, answer["code"]) == (404, 10015)


async def test_thinking_flag_goes_and_ephemeral_stays(rest: Any, server: DiscordServer, asked: Handle) -> None:
    _, answer = await rest("POST", callback(asked) + "?with_response=true", {"type": 5, "data": {"flags": 64 | 32768}})
    _, edited = await rest("PATCH", webhook(server, asked, "/messages/%40original"), {"content": "x", "flags": 0})

    assert answer["resource"]["message"]["flags"] == 64 | 128
    assert answer["interaction"]["response_message_loading"] is True
    assert edited["flags"] == 64


async def test_deferred_public_answer_cannot_become_private(rest: Any, server: DiscordServer, asked: Handle) -> None:
    await rest("POST", callback(asked), {"type": 5})
    _, edited = await rest("PATCH", webhook(server, asked, "/messages/@original"), {"content": "x", "flags": 64})

    assert edited["flags"] == 0


async def test_deleted_answer_is_an_unknown_message(rest: Any, server: DiscordServer, asked: Handle) -> None:
    await rest("POST", callback(asked), {"type": 4, "data": {"content": "x"}})
    assert asked.message
    server.delete_message(asked.message)

    status, answer = await rest("PATCH", webhook(server, asked, "/messages/@original"), {"content": "y"})

    assert (status, answer["code"]) == (404, 10008)


async def test_answer_into_a_deleted_channel_is_refused(
    rest: Any, server: DiscordServer, asked: Handle, ana: Person
) -> None:
    await rest("POST", callback(asked), {"type": 5})
    server.delete_channel(ana.channel)

    status, answer = await rest("PATCH", webhook(server, asked, "/messages/@original"), {"content": "y"})

    assert (status, answer["code"]) == (404, 10003)


async def test_ephemeral_answer_is_hidden_from_others_and_from_the_channel(
    rest: Any, server: DiscordServer, asked: Handle, mod: Person, ana: Person
) -> None:
    await rest("POST", callback(asked), {"type": 4, "data": {"content": "secret", "flags": 64}})
    assert asked.message

    listed = await rest("GET", f"/channels/{ana.channel.id}/messages")
    single = await rest("GET", f"/channels/{ana.channel.id}/messages/{asked.message.id}")

    assert listed[1] == []
    assert (single[0], single[1]["code"]) == (404, 10008)
    assert (len(ana.messages()), len(mod.messages())) == (1, 0)


async def test_interaction_carries_the_larger_of_the_limits(
    server: DiscordServer, guild: Guild, rest: Any, ana: Person
) -> None:
    await rest("PUT", f"/applications/{server.application_id}/commands", [{"name": "v", "description": "x"}])
    rich = Person.joins(server, guild, "rich", ana.channel, upload_limit=500_000_000, locale="ru")

    payload = (await rich.types("/v")).interaction.payload

    assert payload["attachment_size_limit"] == 500_000_000
    assert (payload["locale"], payload["guild_locale"]) == ("ru", "en-US")
    assert (await ana.types("/v")).interaction.payload["attachment_size_limit"] == guild.upload_limit


async def test_answers_file_may_be_as_large_as_the_interaction_says(
    rest: Any, server: DiscordServer, guild: Guild, asked: Handle
) -> None:
    server.set_upload_limit(guild, 10)  # after the interaction, whose promise stays
    asked.interaction.size_limit = 20
    await rest("POST", callback(asked), {"type": 5})

    def upload(size: int) -> aiohttp.FormData:
        form = aiohttp.FormData()
        form.add_field("files[0]", b"x" * size, filename="a.bin")
        return form

    original = webhook(server, asked, "/messages/@original")
    assert (await rest("PATCH", original, data=upload(20)))[0] == 200
    status, answer = await rest("PATCH", original, data=upload(21))

    assert (status, answer["code"]) == (413, 40005)


async def test_context_of_a_card_keeps_its_buttons_enabled_state(rest: Any, asked: Handle) -> None:
    row = {"type": 1, "components": [{"type": 2, "style": 2, "label": "Stop", "custom_id": "s", "disabled": True}]}
    await rest("POST", callback(asked), {"type": 4, "data": {"content": "x", "components": [row]}})

    assert asked.message
    assert [each.is_disabled for each in buttons_of(asked.message)] == [True]
