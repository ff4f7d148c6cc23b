"""/server: staff sets how the bot behaves, with menus, buttons and forms, and puts it back again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.ids import ChannelId, GuildId, ModelId, RoleId
from bot.domain.policies import AssistMode, GuildPolicy, Spoilers
from bot.services.policies import Policies
from sandbox.discord_server import NotOfferedError
from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, answered, asked, clicked, connected

NOT_STAFF = "Only people who may manage this server can do this."
COMMANDS = ("settings", "limits", "channels", "roles", "models", "language", "videos", "gifts", "log", "privacy")


async def policy_of(stage: Stage) -> GuildPolicy:
    return await Policies(stage.database, stage.clock).find(GuildId(stage.guild.id))


async def chosen(person: Person, handle: Handle, menu: str, *values: object) -> Handle:
    """Choose in the menu and wait until the card says so."""
    return await answered(await person.chooses(handle, menu, *values))  # type: ignore[arg-type]  # kinds vary


async def test_a_new_server_has_nothing_set(stage: Stage, mod: Person) -> None:
    handle = await asked(mod, "/server settings")

    assert handle.is_ephemeral
    assert "Limits of one video: nothing set" in handle.text()
    assert "Time zone: `UTC`" in handle.text()


async def test_channels_are_chosen_hold_at_once_and_are_reset(stage: Stage, mod: Person, ana: Person) -> None:
    allowed = stage.server.add_channel(stage.guild, "cinema")
    panel = await asked(mod, "/server channels")

    shown = await chosen(mod, panel, "All channels", allowed)
    refused = await asked(ana, "/video", prompt="a red fox")

    assert f"Only <#{allowed.id}>" in shown.text()
    assert refused.text() == f"In this server videos can only be asked for in <#{allowed.id}>."
    assert (await policy_of(stage)).channels == {ChannelId(allowed.id)}
    reset = await clicked(mod, panel, "Reset")
    assert "nothing set" in reset.text()
    assert await policy_of(stage) == GuildPolicy(guild_id=GuildId(stage.guild.id))


async def test_channels_of_the_wrong_kind_are_not_offered(stage: Stage, mod: Person) -> None:
    thread = stage.server.add_channel(stage.guild, "foxes", "thread", parent=stage.channel)
    panel = await asked(mod, "/server channels")

    with pytest.raises(NotOfferedError):
        await mod.chooses(panel, "All channels", thread)


async def test_roles_may_ask_for_videos_and_others_may_not(stage: Stage, mod: Person, ana: Person) -> None:
    role = stage.server.add_role(stage.guild, "helpers")
    panel = await asked(mod, "/server roles")

    await chosen(mod, panel, "Everybody", role)
    refused = await asked(ana, "/video", prompt="a red fox")
    ana.member.roles.append(role)
    await asked(ana, "/video", prompt="a red fox")

    assert refused.text() == f"In this server only members with one of these roles can ask for videos: <@&{role.id}>."
    assert (await policy_of(stage)).allowed_roles == {RoleId(role.id)}
    assert (await stage.job()).user_id == ana.user.id


async def test_models_are_allowed_and_age_restricted(stage: Stage, mod: Person, ana: Person) -> None:
    model, other = sorted(stage.availability.offered(), key=lambda one: one.id)[:2]
    panel = await asked(mod, "/server models")

    await chosen(mod, panel, "All models", model.id, other.id)
    shown = await chosen(mod, panel, "None is age-restricted", model.id)

    assert f"Only `{model.id}`, `{other.id}`" in shown.text()
    assert f"In age-restricted channels only: `{model.id}`" in shown.text()
    policy = await policy_of(stage)
    assert policy.allowed_models == {model.id, other.id}
    assert policy.is_model_restricted(ModelId(model.id)) and not policy.is_model_restricted(ModelId(other.id))
    await chosen(mod, panel, "All models")
    assert (await policy_of(stage)).allowed_models == frozenset()


async def test_limits_are_written_into_a_form(stage: Stage, mod: Person) -> None:
    panel = await asked(mod, "/server limits")
    form = await clicked(mod, panel, "Change")

    done = await answered(await mod.submits(form, price="300", member="2", guild="", cooldown="90", confirm="250"))

    assert "One video costs at most 300 credits" in done.text()
    policy = await policy_of(stage)
    assert (policy.highest_price, policy.member_jobs, policy.guild_jobs) == (300, 2, None)
    assert (policy.cooldown, policy.confirm_above) == (timedelta(seconds=90), 250)


@pytest.mark.parametrize("typed", ["0", "-1", "many", "1.5", "٣", "99999999999"])
async def test_what_is_no_number_is_refused_and_changes_nothing(stage: Stage, mod: Person, typed: str) -> None:
    form = await clicked(mod, await asked(mod, "/server limits"), "Change")

    handle = await answered(await mod.submits(form, price="5", member=typed))

    assert f"**Videos on their way per member**: `{typed}` is not a whole number from 1 to 1000." in handle.text()
    assert (await policy_of(stage)).highest_price is None


async def test_language_and_time_zone(stage: Stage, mod: Person, ana: Person) -> None:
    panel = await asked(mod, "/server language")
    await chosen(mod, panel, "Language", "Русский")
    form = await clicked(mod, panel, "Time zone")
    refused = await answered(await mod.submits(form, zone="Mars/Olympus"))
    form = await clicked(mod, panel, "Time zone")
    await answered(await mod.submits(form, zone="Asia/Tokyo"))

    public = await asked(ana, "/video", prompt="a red fox")

    assert "`Mars/Olympus` is not a time zone that I know." in refused.text()
    policy = await policy_of(stage)
    assert (policy.language, policy.time_zone) == ("ru", "Asia/Tokyo")
    assert "Осталось" in public.text()
    # Midnight in Tokyo.
    assert "renews <t:1795186800:R>" in (await asked(ana, "/credits balance")).text()


async def test_spoilers_assistant_and_successors(stage: Stage, mod: Person) -> None:
    panel = await asked(mod, "/server videos")

    await chosen(mod, panel, "Spoilers", "always")
    await chosen(mod, panel, "Assistant", "off")
    shown = await clicked(mod, panel, "Offer no other model")

    policy = await policy_of(stage)
    assert (policy.spoilers, policy.assist, policy.may_offer_successor) == (Spoilers.ALWAYS, AssistMode.OFF, False)
    assert "Every video is hidden behind a spoiler" in shown.text()


async def test_the_staffs_channels_and_what_is_kept(stage: Stage, mod: Person) -> None:
    staff_room = stage.server.add_channel(stage.guild, "staff")
    panel = await asked(mod, "/server log")
    await chosen(mod, panel, "Staff log", staff_room)
    await chosen(mod, panel, "Reports of members", staff_room)
    privacy = await asked(mod, "/server privacy")
    await clicked(mod, privacy, "Prompts out of the log")
    form = await clicked(mod, privacy, "Days")

    shown = await answered(await mod.submits(form, prompts="30", media=""))

    policy = await policy_of(stage)
    assert policy.log_channel_id == policy.report_channel_id == staff_room.id
    assert (policy.are_prompts_logged, policy.keep_prompts_days, policy.keep_media_days) == (False, 30, None)
    assert "Prompts are kept: 30 days" in shown.text()
    await chosen(mod, panel, "Staff log")
    assert (await policy_of(stage)).log_channel_id is None


async def test_a_panel_works_after_a_restart(stage: Stage, mod: Person) -> None:
    panel = await asked(mod, "/server gifts")
    await stage.bot.close()

    async with connected(stage):
        shown = await clicked(mod, panel, "Allow gifts")

        assert "Allowed" in shown.text()
    assert (await policy_of(stage)).gifts.are_allowed


async def test_a_section_is_reset_by_a_command(stage: Stage, mod: Person) -> None:
    await clicked(mod, await asked(mod, "/server gifts"), "Allow gifts")

    handle = await asked(mod, "/server reset", what="gifts")

    assert "nothing set" in handle.text()
    assert not (await policy_of(stage)).gifts.are_allowed


@pytest.mark.parametrize("command", COMMANDS)
async def test_member_is_refused_even_when_the_server_shows_the_command(
    stage: Stage, ana: Person, command: str
) -> None:
    handle = await answered(await ana.types(f"/server {command}", force=True))

    assert handle.text() == NOT_STAFF


async def test_who_is_no_staff_any_more_changes_nothing_with_an_old_panel(stage: Stage, mod: Person) -> None:
    panel = await asked(mod, "/server gifts")
    mod.member.roles.clear()

    handle = await clicked(mod, panel, "Allow gifts")

    assert NOT_STAFF in handle.text()
    assert not (await policy_of(stage)).gifts.are_allowed
