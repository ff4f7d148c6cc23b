"""Who may spend what, where: allowances, pools, the host's budget, permissions and the allow-list."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

from bot.domain.jobs import JobState
from sandbox.discord_server import Permission, text_of
from sandbox.kie_server import Failures, Scenario
from sandbox.person import Handle, Person
from tests.e2e.stage import FOX, PRICE, Stage, asks, clicks, is_private


async def refused(stage: Stage, person: Person, *, before: int) -> Handle:
    """Type /video and be sure that it changed nothing."""
    tasks = len(stage.kie.tasks)
    handle = await asks(person, "/video", prompt=FOX)
    assert is_private(handle)
    assert await stage.balance(person) == before
    assert len(stage.kie.tasks) == tasks
    return handle


async def makes(stage: Stage, person: Person, number: int = 1) -> None:
    await person.types("/video", prompt=FOX)
    await person.waits_for_video()
    await stage.until_state(JobState.DELIVERED, number=number)


async def test_without_any_allowance_nothing_is_possible(stage: Stage, ada: Person, mod: Person) -> None:
    await asks(mod, "/quota default", credits=0)

    handle = await refused(stage, ada, before=0)

    assert f"costs {PRICE} credits; you have 0" in handle.text()


async def test_allowance_that_is_used_up_says_when_it_renews_and_does(stage: Stage, ada: Person, mod: Person) -> None:
    await asks(mod, "/quota default", credits=PRICE + 10)
    await makes(stage, ada)

    handle = await refused(stage, ada, before=10)
    renews = re.search(r"renews <t:(\d+):R>", handle.text())
    assert renews is not None

    stage.clock.advance(seconds=int(renews[1]) - stage.clock.timestamp() + 1)
    assert await stage.balance(ada) == PRICE + 10
    await makes(stage, ada, number=2)


async def test_bonus_pays_what_the_allowance_does_not(stage: Stage, ada: Person, mod: Person) -> None:
    await asks(mod, "/quota default", credits=100)
    await clicks(mod, await asks(mod, "/quota grant", member=ada.member, credits=30), "Give")

    await makes(stage, ada)

    assert await stage.balance(ada) == 130 - PRICE


async def test_empty_pool_refuses_everybody_whatever_their_allowance(
    stage: Stage, ada: Person, bob: Person, mod: Person
) -> None:
    await asks(mod, "/quota pool", credits=PRICE + 20)
    await makes(stage, ada)

    handle = await refused(stage, bob, before=20)

    assert "this server's pool has 20 left" in handle.text()


async def test_failed_video_gives_pool_and_allowance_back(stage: Stage, ada: Person, mod: Person) -> None:
    await asks(mod, "/quota pool", credits=200)
    stage.kie.scenarios.next(Scenario(failure=Failures.BUSY))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.FAILED)

    assert await stage.balance(ada) == 200
    await makes(stage, ada, number=2)


async def test_hosts_budget_closes_intake_and_opens_it_the_next_day(world: Stage, ada: Person, bob: Person) -> None:
    world.environ["BUDGET_DAILY_USD"] = "1"  # 200 credits
    await world.start()
    await makes(world, ada)

    handle = await refused(world, bob, before=500)
    renews = re.search(r"possible again <t:(\d+):R>", handle.text())
    assert renews is not None

    world.clock.advance(seconds=int(renews[1]) - world.clock.timestamp() + 1)
    await makes(world, bob, number=2)


async def test_budget_counts_only_what_was_really_spent(world: Stage, ada: Person, bob: Person) -> None:
    world.environ["BUDGET_DAILY_USD"] = "1"
    await world.start()
    world.kie.scenarios.next(Scenario(cost=50))
    await makes(world, ada)

    await makes(world, bob, number=2)


async def test_place_where_the_bot_may_not_post_is_refused_before_the_charge(stage: Stage, ada: Person) -> None:
    needed = {
        "Send Messages": Permission.SEND_MESSAGES,
        "Attach Files": Permission.ATTACH_FILES,
        "Embed Links": Permission.EMBED_LINKS,
        "View Channel": Permission.VIEW_CHANNEL,
    }
    for name, permission in needed.items():
        stage.discord.deny(stage.channel, permission)

        handle = await refused(stage, ada, before=500)

        assert "I may not post videos here" in handle.text()
        assert name in handle.text()
        stage.discord.allow(stage.channel, permission)


async def test_thread_needs_its_own_permission(stage: Stage, ada: Person) -> None:
    thread = stage.discord.add_channel(stage.guild, "foxes", "thread", parent=stage.channel)
    stage.discord.deny(stage.channel, Permission.SEND_MESSAGES_IN_THREADS)

    handle = await asks(ada, "/video", prompt=FOX, channel=thread)

    assert "Send Messages in Threads" in handle.text()
    assert await stage.find() is None


async def test_guild_that_is_not_on_the_list_is_refused_everything(world: Stage, ada: Person) -> None:
    other = world.discord.add_guild("Somewhere else")
    there = world.discord.add_channel(other, "videos")
    eve = Person.joins(world.discord, other, "Eve", there, is_moderator=True)
    world.environ["DISCORD_GUILD_IDS"] = str(world.guild.id)
    await world.start()

    for command, options in (("/video", {"prompt": FOX}), ("/quota default", {"credits": 5}), ("/models", {})):
        handle = await asks(eve, command, **options)
        assert "has not opened it for this server" in handle.text()
        assert is_private(handle)

    assert await world.find() is None
    await makes(world, ada)


async def test_credits_of_one_guild_are_worth_nothing_in_another(stage: Stage, ada: Person, mod: Person) -> None:
    await clicks(mod, await asks(mod, "/quota grant", member=ada.member, credits=1000), "Give")
    other = stage.discord.add_guild("Somewhere else")
    there = stage.discord.add_channel(other, "videos")
    member = stage.discord.add_member(other, ada.user)
    elsewhere = Person(stage.discord, member, there)

    handle = await asks(elsewhere, "/credits balance")

    assert "**500** credits" in handle.text()
    assert await stage.balance(ada) == 1500


async def test_hosts_own_model_file_replaces_ours(world: Stage, ada: Person) -> None:
    ours = Path(__file__).parents[2] / "bot" / "catalogue" / "kling-3-0-turbo.toml"
    folder = world.folder / "data" / "catalogue"
    folder.mkdir()
    text = ours.read_text(encoding="utf-8").replace('name = "Kling 3.0 Turbo"', 'name = "Our Kling"')
    (folder / ours.name).write_text(text.replace("credits = 18,", "credits = 40,"), encoding="utf-8")
    await world.start()

    offered = await ada.suggestions("/video", "model", "our k")
    await ada.types("/video", prompt=FOX, model="kling-3-0-turbo")
    posted = await ada.waits_for_video()
    await world.until_state(JobState.DELIVERED)

    assert [(choice.value, "200 credits" in choice.name) for choice in offered] == [("kling-3-0-turbo", True)]
    assert "Our Kling" in text_of(posted)
    # The host's price was held; the provider's real one is what it comes to.
    assert await world.balance(ada) == 500 - 90


async def test_hosts_wrong_model_file_is_named_in_the_log_and_costs_the_others_nothing(
    world: Stage, ada: Person, log: StringIO
) -> None:
    folder = world.folder / "data" / "catalogue"
    folder.mkdir()
    (folder / "broken.toml").write_text('name = "Broken', encoding="utf-8")
    await world.start()

    await makes(world, ada)

    assert "broken.toml:1" in log.getvalue()
