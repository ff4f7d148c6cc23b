"""/quota: staff decides what may be spent, and nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.ids import GuildId
from bot.domain.quotas import MAX_CREDITS
from bot.domain.staff_log import StaffEventKind
from bot.store import staff_log
from sandbox.discord_server import NotOfferedError
from sandbox.person import Person
from tests.cogs.conftest import Stage, answered, asked, clicked

NOT_STAFF = "Only people who may manage this server can do this."


async def test_rules_of_a_new_server_are_shown(stage: Stage, mod: Person) -> None:
    handle = await asked(mod, "/quota show")

    assert handle.is_ephemeral
    assert "Allowance: 500 credits per member, per day" in handle.text()
    assert "Pool: unlimited" in handle.text()
    assert "Spent so far: 0 credits" in handle.text()


async def test_default_changes_what_every_member_may_spend(stage: Stage, mod: Person, ana: Person) -> None:
    handle = await asked(mod, "/quota default", credits=40)

    assert "Allowance: 40 credits per member, per day" in handle.text()
    assert await stage.balance(ana) == 40


async def test_pool_limits_everybody_and_is_lifted_again(stage: Stage, mod: Person, ana: Person) -> None:
    limited = await asked(mod, "/quota pool", credits=100)
    refused = await asked(ana, "/video", prompt="a red fox")
    lifted = await asked(mod, "/quota pool")

    assert "Pool: 100 credits" in limited.text()
    assert "this server's pool has 100 left. Ask its moderators." in refused.text()
    assert "Pool: unlimited" in lifted.text()
    assert await stage.find(1) is None
    assert await stage.balance(ana) == 500


async def test_grant_is_asked_about_and_gives_bonus_credits_without_a_ping(
    stage: Stage, mod: Person, ana: Person
) -> None:
    handle = await asked(mod, "/quota grant", member=ana.member, credits=70, reason="first prize")
    assert handle.text() == f"Give 70 credits to <@{ana.user.id}>?"
    assert await stage.balance(ana) == 500

    done = await clicked(mod, handle, "Give")

    assert f"<@{ana.user.id}> got 70 credits and has 70 bonus credits now." in done.text()
    assert handle.message is not None
    assert (handle.message.mentions, handle.buttons) == ([], [])
    assert await stage.balance(ana) == 570
    assert await stage.differences() == []


async def test_two_clicks_and_two_devices_give_once(stage: Stage, mod: Person, ana: Person) -> None:
    handle = await asked(mod, "/quota grant", member=ana.member, credits=70)

    clicks = [await mod.clicks(handle, "Give"), await mod.clicks(handle, "Give")]
    for each in clicks:
        await answered(each)
        await each.until(lambda _: any(one.followups for one in clicks), wanted="the refusal of one of them")

    refusals = [one.followups for one in clicks if one.followups]
    assert [len(followups) for followups in refusals] == [1]
    assert "This has been decided before" in refusals[0][0].content
    assert await stage.balance(ana) == 570


async def test_grant_that_is_cancelled_gives_nothing(stage: Stage, mod: Person, ana: Person) -> None:
    handle = await asked(mod, "/quota grant", member=ana.member, credits=70)

    done = await clicked(mod, handle, "Cancel")

    assert done.text() == "Nothing was given."
    assert await stage.balance(ana) == 500


async def test_grant_to_everybody_is_collected_once_by_those_who_were_there(
    stage: Stage, mod: Person, ana: Person, ben: Person
) -> None:
    ana.member.joined_at = stage.clock.now()
    handle = await asked(mod, "/quota grant", role=stage.guild.everyone, credits=70)
    assert "I cannot say how many that will be." in handle.text()
    assert "can collect 70 credits until" in (await clicked(mod, handle, "Give")).text()
    stage.clock.advance(timedelta(minutes=5))
    ben.member.joined_at = stage.clock.now()

    first, second = await asked(ana, "/credits balance"), await asked(ana, "/credits balance")
    too_late = await asked(ben, "/credits balance")

    assert "Bonus: 70 credits" in first.text() and "Bonus: 70 credits" in second.text()
    assert "Bonus: 0 credits" in too_late.text()
    assert await stage.differences() == []


async def test_grant_to_a_role_is_collected_with_the_next_video(stage: Stage, mod: Person, ana: Person) -> None:
    role = stage.server.add_role(stage.guild, "helpers")
    await stage.allow(0)
    await clicked(mod, await asked(mod, "/quota grant", role=role, credits=500), "Give")

    refused = await asked(ana, "/video", prompt="a red fox")
    ana.member.roles.append(role)
    await asked(ana, "/video", prompt="a red fox")

    assert "you have 0" in refused.text()
    assert await stage.balance(ana) == 500 - (await stage.job()).video.price


async def test_grant_needs_one_target(stage: Stage, mod: Person) -> None:
    handle = await asked(mod, "/quota grant", credits=70)

    assert "Name a **member** or a **role**, and not both." in handle.text()


async def test_grant_beyond_the_pool_is_refused(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(mod, "/quota pool", credits=60)

    handle = await asked(mod, "/quota grant", member=ana.member, credits=70)
    refused = await clicked(mod, handle, "Give")

    assert "This server's pool has 60 credits left; 70 cannot be granted." in refused.text()
    assert await stage.balance(ana) == 60


async def test_bonus_credits_are_taken_back_at_most_as_many_as_there_are(
    stage: Stage, mod: Person, ana: Person
) -> None:
    await clicked(mod, await asked(mod, "/quota grant", member=ana.member, credits=70), "Give")

    some = await asked(mod, "/quota revoke", member=ana.member, credits=20, reason="a mistake")
    rest = await asked(mod, "/quota revoke", member=ana.member, credits=999)
    nothing = await asked(mod, "/quota revoke", member=ana.member)

    assert some.text() == f"20 credits were taken back from <@{ana.user.id}>, who has 50 bonus credits now."
    assert "50 credits were taken back" in rest.text()
    assert nothing.text() == "This member has no bonus credits that could be taken back."
    history = await asked(ana, "/credits history")
    assert "**−20** · taken back · a mistake" in history.text()
    assert await stage.differences() == []


async def test_rules_of_roles_and_members_are_shown_and_reset(stage: Stage, mod: Person, ana: Person) -> None:
    role = stage.server.add_role(stage.guild, "helpers")
    await asked(mod, "/quota default", credits=100, period="week")
    await asked(mod, "/quota role", role=role, credits=900)
    await asked(mod, "/quota pool", credits=5000, period="month")

    shown = await asked(mod, "/quota member", member=ana.member, unlimited=True)

    assert "Allowance: 100 credits per member, per week" in shown.text()
    assert f"<@&{role.id}>: 900 credits" in shown.text()
    assert f"<@{ana.user.id}>: no limit" in shown.text()
    assert "Pool: 5000 credits; filled to 5000 <t:" in shown.text()
    reset = await asked(mod, "/quota reset", what="all")
    assert "Allowance: 500 credits per member, per day" in reset.text()
    assert "Pool: unlimited" in reset.text()
    assert "Roles" not in reset.text() and "Members" not in reset.text()
    assert await stage.differences() == []


async def test_what_staff_decides_is_in_their_log(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(mod, "/quota default", credits=100)
    await clicked(mod, await asked(mod, "/quota grant", member=ana.member, credits=70, reason="prize"), "Give")
    await asked(mod, "/quota revoke", member=ana.member, reason="mistake")

    lines = await stage.database.read(staff_log.newest, GuildId(stage.guild.id), 10)

    assert [(line.event.kind, line.event.actor_id, line.event.reason) for line in reversed(lines)] == [
        (StaffEventKind.SETTING, mod.user.id, None),
        (StaffEventKind.GRANT, mod.user.id, "prize"),
        (StaffEventKind.REVOKE, mod.user.id, "mistake"),
    ]


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("/quota show", {}),
        ("/quota default", {"credits": 100_000}),
        ("/quota pool", {"credits": 100_000}),
        ("/quota grant", {"credits": 100_000}),
        ("/quota member", {"unlimited": True}),
        ("/quota revoke", {}),
        ("/quota reset", {"what": "all"}),
    ],
)
async def test_member_is_refused_even_when_the_server_shows_the_command(
    stage: Stage, ana: Person, command: str, options: dict[str, object]
) -> None:
    if command in {"/quota grant", "/quota member", "/quota revoke"}:
        options = {**options, "member": ana.member}

    handle = await answered_by_force(ana, command, **options)

    assert handle == NOT_STAFF
    assert await stage.balance(ana) == 500


async def test_members_client_does_not_offer_the_commands(stage: Stage, ana: Person) -> None:
    with pytest.raises(NotOfferedError):
        await ana.types("/quota show")


@pytest.mark.parametrize("credits", [-1, MAX_CREDITS + 1])
async def test_amount_out_of_range_cannot_be_sent(stage: Stage, mod: Person, credits: int) -> None:
    with pytest.raises(NotOfferedError):
        await mod.types("/quota default", credits=credits)


async def answered_by_force(person: Person, command: str, **options: object) -> str:
    """The answer to a command that the person's client would hide."""
    handle = await (await person.types(command, force=True, **options)).until(lambda now: now.text())
    assert handle.is_ephemeral
    return handle.text()
