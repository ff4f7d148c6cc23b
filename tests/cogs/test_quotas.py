"""/quota: staff decides what may be spent, and nobody else."""

from __future__ import annotations

import pytest

from bot.domain.quotas import MAX_CREDITS
from sandbox.discord_server import NotOfferedError
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked

NOT_STAFF = "Only people who may manage this server can do this."


async def test_rules_of_a_new_server_are_shown(stage: Stage, mod: Person) -> None:
    handle = await asked(mod, "/quota show")

    assert handle.is_ephemeral
    assert "Daily allowance: 500 credits per member" in handle.text()
    assert "Pool: unlimited" in handle.text()
    assert "Spent so far: 0 credits" in handle.text()


async def test_default_changes_what_every_member_may_spend(stage: Stage, mod: Person, ana: Person) -> None:
    handle = await asked(mod, "/quota default", credits=40)

    assert "Daily allowance: 40 credits per member" in handle.text()
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


async def test_grant_gives_bonus_credits_without_a_ping(stage: Stage, mod: Person, ana: Person) -> None:
    handle = await asked(mod, "/quota grant", member=ana.member, credits=70, reason="first prize")

    assert handle.text() == f"<@{ana.user.id}> got 70 credits and has 70 bonus credits now."
    assert handle.message is not None
    assert handle.message.mentions == []
    assert await stage.balance(ana) == 570
    assert await stage.differences() == []


async def test_grant_beyond_the_pool_is_refused(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(mod, "/quota pool", credits=60)

    handle = await asked(mod, "/quota grant", member=ana.member, credits=70)

    assert handle.text() == "This server's pool has 60 credits left; 70 cannot be granted."
    assert await stage.balance(ana) == 60


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("/quota show", {}),
        ("/quota default", {"credits": 100_000}),
        ("/quota pool", {"credits": 100_000}),
        ("/quota grant", {"credits": 100_000}),
    ],
)
async def test_member_is_refused_even_when_the_server_shows_the_command(
    stage: Stage, ana: Person, command: str, options: dict[str, object]
) -> None:
    if command == "/quota grant":
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
