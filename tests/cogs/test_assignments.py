"""Staff commands given to roles and members under Server Settings > Integrations, and taken away again."""

from __future__ import annotations

import pytest

from bot.domain.ids import UserId
from sandbox.discord_server import Fault, NotOfferedError, Role
from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, answered, asked, clicked

REFUSED = "Only people who may manage this server"


@pytest.fixture
def helpers(stage: Stage) -> Role:
    return stage.server.add_role(stage.guild, "Helpers")


@pytest.fixture
def eva(stage: Stage, helpers: Role) -> Person:
    """A member who may not manage the server."""
    return Person.joins(stage.server, stage.guild, "eva", stage.channel, roles=(helpers,))


async def forced(person: Person, command: str, /, **options: object) -> Handle:
    """Send it with a changed client, which offers everything."""
    return await answered(await person.types(command, None, True, **options))


async def test_role_that_was_given_one_command_has_that_one_and_no_other(
    stage: Stage, eva: Person, ana: Person, helpers: Role
) -> None:
    assert REFUSED in (await forced(eva, "/quota show")).text()

    stage.server.assign_command(stage.guild, "quota", {helpers: True})
    asking = await asked(eva, "/quota grant", member=ana.member, credits=30)
    given = await clicked(eva, asking, "Give")

    assert REFUSED not in given.text()
    assert await stage.balance(ana) == 530
    for command, options in (("/moderate blocked", {}), ("/server limits", {}), ("/words list", {})):
        with pytest.raises(NotOfferedError):
            await eva.types(command, **options)
        assert REFUSED in (await forced(eva, command)).text()
    assert REFUSED in (await forced(ana, "/quota show")).text()


async def test_what_was_taken_away_is_refused_at_once_and_so_are_buttons_that_are_still_there(
    stage: Stage, eva: Person, ana: Person, helpers: Role
) -> None:
    stage.server.assign_command(stage.guild, "quota", {helpers: True})
    asking = await asked(eva, "/quota grant", member=ana.member, credits=30)

    stage.server.assign_command(stage.guild, "quota", {})
    clicked_late = await clicked(eva, asking, "Give")

    assert REFUSED in clicked_late.text()
    assert REFUSED in (await forced(eva, "/quota show")).text()
    assert await stage.balance(ana) == 500


async def test_moderator_to_whom_a_command_is_denied_has_its_buttons_no_longer(
    stage: Stage, mod: Person, ana: Person
) -> None:
    asking = await asked(mod, "/quota grant", member=ana.member, credits=30)

    stage.server.assign_command(stage.guild, "quota", {mod.member: False})
    clicked_late = await clicked(mod, asking, "Give")

    assert REFUSED in clicked_late.text()
    assert await stage.balance(ana) == 500


async def test_assignment_of_another_guild_counts_for_nothing(stage: Stage, eva: Person) -> None:
    other = stage.server.add_guild("Somewhere else")
    there = stage.server.add_channel(other, "videos")
    elsewhere = Person(stage.server, stage.server.add_member(other, eva.user), there)
    stage.server.assign_command(other, "quota", {eva.member: True})

    assert REFUSED not in (await asked(elsewhere, "/quota show")).text()
    assert REFUSED in (await forced(eva, "/quota show")).text()


async def test_panel_belongs_to_its_command(stage: Stage, eva: Person, helpers: Role) -> None:
    stage.server.assign_command(stage.guild, "server", {helpers: True})
    panel = await asked(eva, "/server limits")

    form = await clicked(eva, panel, "Change")
    stage.server.assign_command(stage.guild, "server", {helpers: True, stage.channel: False})
    sent = await answered(await eva.submits(form, price="50"))

    assert REFUSED in sent.text()


async def test_when_discord_cannot_be_asked_only_whoever_may_manage_the_server_is_staff(
    stage: Stage, eva: Person, mod: Person, helpers: Role
) -> None:
    stage.server.assign_command(stage.guild, "quota", {helpers: True})
    path = f"/applications/{stage.server.application_id}/guilds/{stage.guild.id}/commands/permissions"
    stage.server.faults.add(Fault(method="GET", path=path, status=403, times=2))

    assert REFUSED in (await asked(eva, "/quota show")).text()
    assert REFUSED not in (await asked(mod, "/quota show")).text()
    assert REFUSED not in (await asked(eva, "/quota show")).text()  # Asked again as soon as it helps.


async def test_discord_is_asked_once_and_again_when_the_page_has_changed(stage: Stage, mod: Person) -> None:
    path = f"/applications/{stage.server.application_id}/guilds/{stage.guild.id}/commands/permissions"
    for _ in range(3):
        await asked(mod, "/quota show")
    assert len(stage.server.requests.find("GET", path)) == 1

    stage.server.assign_command(stage.guild, "quota", {mod.member: True})
    await asked(mod, "/quota show")

    assert len(stage.server.requests.find("GET", path)) == 2


async def test_whoever_has_the_job_desk_sees_and_stops_jobs_of_others(
    stage: Stage, eva: Person, ana: Person, helpers: Role
) -> None:
    await asked(ana, "/video", prompt="a red fox")
    assert "124" not in (await asked(eva, "/jobs show", job=1)).text()

    stage.server.assign_command(stage.guild, "moderate", {helpers: True})
    await asked(eva, "/jobs cancel", job=1)

    assert await stage.balance(ana) == 500
    assert (await stage.job()).user_id == UserId(ana.user.id)
