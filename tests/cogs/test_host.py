"""/host: what the host sees and decides, in servers and in direct messages, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.credits import usd
from bot.domain.hosting import money
from bot.domain.ids import UserId
from bot.domain.jobs import FailureReason
from sandbox.discord_server import NotOfferedError
from sandbox.person import Person
from tests.cogs.conftest import Stage, answered, asked

NOT_HOST = "Only the people who run this bot can do this."
COMMANDS: list[tuple[str, dict[str, object]]] = [
    ("/host status", {}),
    ("/host budget", {}),
    ("/host budget", {"daily": "1"}),
    ("/host pause", {}),
    ("/host resume", {}),
    ("/host guilds", {}),
    ("/host guilds", {"act": "deny", "server": "20"}),
    ("/host usage", {}),
    ("/host models", {}),
    ("/host models", {"model": "seedance-2-fast", "state": "off"}),
    ("/host doctor", {}),
    ("/host stuck", {}),
    ("/host orphans", {}),
]


@pytest.fixture
def owner(stage: Stage) -> Person:
    """The person that the settings name."""
    person = Person.joins(stage.server, stage.guild, "owner", stage.channel)
    stage.host_ids.add(UserId(person.user.id))
    return person


async def ordered(owner: Person, command: str, **options: object) -> str:
    """What the bot answers to the owner, who is no administrator of the server and asks in direct messages."""
    handle = await answered(await owner.types(command, channel=owner.direct_messages, **options))
    return handle.text()


async def test_status_shows_everything_at_a_glance(stage: Stage, owner: Person, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", duration=4)
    await stage.hosting.started()

    told = await ordered(owner, "/host status")

    assert "Cutscene 0.1.0, started <t:" in told
    assert "New videos are accepted." in told
    assert "On their way: 1 waiting" in told
    assert "Today: $0.50, without a limit" in told
    assert "Standing still: 0 · never answered: 0" in told


@pytest.mark.parametrize(("command", "options"), COMMANDS)
@pytest.mark.parametrize("is_direct", [True, False], ids=["direct", "server"])
async def test_nobody_else_sees_or_decides_anything(
    stage: Stage, owner: Person, mod: Person, command: str, options: dict[str, object], is_direct: bool
) -> None:
    where = mod.direct_messages if is_direct else None

    handle = await (await mod.types(command, channel=where, force=True, **options)).until(lambda now: now.text())

    assert handle.text() == NOT_HOST
    terms = await stage.hosting.refresh()
    assert (terms.pause_message, terms.guilds, terms.models, terms.daily_usd) == (None, {}, {}, None)


async def test_without_names_in_the_settings_the_bot_is_its_applications_owners(stage: Stage) -> None:
    host = Person(stage.server, stage.server.add_member(stage.guild, stage.server.owner), stage.channel)

    handle = await answered(await host.types("/host budget", channel=host.direct_messages))

    assert "Today: $0.00, without a limit" in handle.text()


async def test_budget_is_set_refuses_and_is_lifted(stage: Stage, owner: Person, ana: Person) -> None:
    told = await ordered(owner, "/host budget", daily="$0.50", monthly="10")
    await asked(ana, "/video", prompt="a red fox", duration=4)
    refused = await asked(ana, "/video", prompt="a second fox", duration=4)
    used = await ordered(owner, "/host budget")
    lifted = await ordered(owner, "/host budget", daily="none", monthly="default")

    assert "Today: $0.00 of $0.50 (0 %)\nThis month: $0.00 of $10.00 (0 %)" in told
    assert "The host's budget is used up. New videos are possible again" in refused.text()
    assert "Today: $0.50 of $0.50 (100 %)" in used
    assert "Today: $0.50, without a limit\nThis month: $0.50, without a limit" in lifted


async def test_member_hears_of_the_hosts_budget_and_not_of_asking_too_often(
    stage: Stage, owner: Person, ana: Person
) -> None:
    await ordered(owner, "/host budget", daily="$0.50")
    await asked(ana, "/video", prompt="a red fox", duration=4)

    handle = await asked(ana, "/video", prompt="a red fox", duration=4, assist="assist")

    assert "The host's budget is used up. New videos are possible again" in handle.text()
    assert "this often" not in handle.text()
    assert stage.assistant.asked == []


@pytest.mark.parametrize("given", ["five", "-1", "1e9", "nan"])
async def test_amount_that_is_none_is_refused(stage: Stage, owner: Person, given: str) -> None:
    told = await ordered(owner, "/host budget", daily=given)

    assert told == f"**daily**: `{given}` is no amount of US dollars. Write for example 5, 12.50, none or default."


async def test_ceiling_is_for_one_server(stage: Stage, owner: Person, ana: Person) -> None:
    told = await ordered(owner, "/host budget", daily="0", server=str(stage.guild.id))
    refused = await asked(ana, "/video", prompt="a red fox")
    await ordered(owner, "/host budget", daily="default", server=str(stage.guild.id))
    await asked(ana, "/video", prompt="a red fox")

    assert f"Film club ({stage.guild.id}): at most $0.00 per day" in told
    assert "The host's budget for this server is used up." in refused.text()
    assert await stage.find(1) is not None


async def test_paused_intake_tells_members_what_the_host_wrote(stage: Stage, owner: Person, ana: Person) -> None:
    told = await ordered(owner, "/host pause", message="Back on Monday @everyone")
    refused = await asked(ana, "/video", prompt="a red fox")
    again = await ordered(owner, "/host resume")
    await asked(ana, "/video", prompt="a red fox")

    assert "New videos are refused. Members read: Back on Monday" in told
    assert "accepts no new videos at the moment: Back on Monday" in refused.text()
    assert refused.message is not None and refused.message.mentions == []
    assert "New videos are accepted." in again
    assert await stage.find(1) is not None


async def test_denied_server_is_served_no_more(stage: Stage, owner: Person, ana: Person) -> None:
    number = str(stage.guild.id)
    told = await ordered(owner, "/host guilds", act="deny", server=number)
    refused = await asked(ana, "/video", prompt="a red fox")
    forgotten = await ordered(owner, "/host guilds", act="forget", server=number)
    await asked(ana, "/video", prompt="a red fox")

    assert f"Every server is served that you have not denied.\nFilm club ({number}): denied" in told
    assert refused.text() == "The host of this bot has not opened it for this server."
    assert "nothing decided" in forgotten
    assert await stage.find(1) is not None


async def test_by_invitation_only_allowed_servers_are_served(stage: Stage, owner: Person, ana: Person) -> None:
    told = await ordered(owner, "/host guilds", act="invitation only")
    refused = await asked(ana, "/credits balance")
    await ordered(owner, "/host guilds", act="allow", server=str(stage.guild.id))
    served = await asked(ana, "/credits balance")

    assert "Only servers that you have allowed are served." in told
    assert refused.text() == "The host of this bot has not opened it for this server."
    assert "You can spend" in served.text()


@pytest.mark.parametrize("given", [None, "Film club", "0", "99999999999999999999"])
async def test_server_that_is_none_is_refused(stage: Stage, owner: Person, given: str | None) -> None:
    options = {} if given is None else {"server": given}

    told = await ordered(owner, "/host guilds", act="deny", **options)

    assert told == "**server**: choose one of the suggestions, or write the server's number."


async def test_usage_names_server_and_model(stage: Stage, owner: Person, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", duration=4)
    await asked(ana, "/video", prompt="a red fox", duration=4)

    told = await ordered(owner, "/host usage")
    nothing = await ordered(owner, "/host usage", server="20")

    assert f"Film club ({stage.guild.id}): $1.00 · 2 videos" in told
    assert "seedance-2-fast: $1.00 · 2 videos" in told
    assert "Nothing was made in this time." in nothing


async def test_model_is_switched_off_and_left_to_its_file_again(stage: Stage, owner: Person, ana: Person) -> None:
    told = await ordered(owner, "/host models", model="seedance-2-fast", state="off")
    refused = await asked(ana, "/video", prompt="a red fox", model="seedance-2-fast")
    back = await ordered(owner, "/host models", model="seedance-2-fast", state="auto")
    unknown = await ordered(owner, "/host models", model="seedance-9", state="off")

    assert "seedance-2-fast: switched off · decided by you" in told
    assert "is switched off at the moment" in refused.text()
    assert "seedance-2-fast: on offer\n" in back
    assert "there is no model `seedance-9`" in unknown


async def test_doctor_stuck_and_orphans_say_that_all_is_well(stage: Stage, owner: Person) -> None:
    assert "Every balance agrees with its entries." in await ordered(owner, "/host doctor")
    assert "No video stands still." in await ordered(owner, "/host stuck")
    assert "Every create call was answered." in await ordered(owner, "/host orphans")


async def test_jobs_that_stand_still_or_were_never_answered_are_listed(
    stage: Stage, owner: Person, ana: Person
) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await asked(ana, "/video", prompt="a blue fox")
    await stage.fails(1, FailureReason.NO_ANSWER, "possible orphan")
    stage.clock.advance(timedelta(hours=1))

    stuck = await ordered(owner, "/host stuck")
    orphans = await ordered(owner, "/host orphans")

    assert "Job 2 · waiting · seedance-2-fast · kie_jobs · Film club" in stuck
    assert "Job 1 ·" not in stuck
    assert "The provider never answered these create calls." in orphans
    assert "Job 1 · failed, credits returned" in orphans
    assert "count towards your budgets" in orphans
    amount = money(usd((await stage.job(1)).video.price, Decimal(1)))
    assert any(line.startswith("Job 1 · ") and line.endswith(f" · {amount}") for line in orphans.splitlines())
    assert f"{amount} of it for create calls never answered" in await ordered(owner, "/host budget")


async def test_servers_and_models_are_suggested_to_the_host_only(stage: Stage, owner: Person, mod: Person) -> None:
    servers = await owner.suggestions("/host usage", "server", "film", owner.direct_messages)
    models = await owner.suggestions("/host models", "model", "seedance", owner.direct_messages)
    others = await mod.suggestions("/host usage", "server", "film", mod.direct_messages)

    assert [each.value for each in servers] == [str(stage.guild.id)]
    assert "seedance-2-fast" in [each.value for each in models]
    assert others == []


async def test_members_client_does_not_offer_the_commands(stage: Stage, mod: Person) -> None:
    with pytest.raises(NotOfferedError):
        await mod.types("/host status")
