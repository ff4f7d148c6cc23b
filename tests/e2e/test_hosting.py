"""The host through the whole product: told when money runs out, and obeyed from the command line."""

from __future__ import annotations

import argparse

from bot import host_command
from bot.store import troubles
from sandbox.discord_server import text_of
from sandbox.person import Person
from tests.e2e.stage import FOX, PRICE, Stage, asks

DAILY = "0.75"  # 150 credits: one video is more than four fifths, a second is too much


def told_host(stage: Stage) -> list[str]:
    return [text_of(message) for message in stage.discord.direct_channel(stage.discord.owner).messages.values()]


async def ordered(stage: Stage, *arguments: str) -> str:
    """What `python -m bot host` prints, on the database of the running bot."""
    parser = argparse.ArgumentParser()
    host_command.add_arguments(parser)
    return "\n".join(await host_command.run(stage.settings(), parser.parse_args(arguments)))


async def test_budget_is_warned_of_once_used_up_refused_and_open_again_the_next_day(
    world: Stage, ada: Person, bob: Person
) -> None:
    stage = world
    stage.environ["BUDGET_DAILY_USD"] = DAILY
    await stage.start()
    await ada.types("/video", prompt=FOX)
    await ada.waits_for_video()
    await stage.until(lambda: len(told_host(stage)) == 1, "a warning", passing=20)

    refused = await asks(bob, "/video", prompt=FOX)
    await stage.stop()
    await stage.start()
    stage.clock.advance(hours=12)
    await bob.types("/video", prompt=FOX)
    await bob.waits_for_video()

    assert "The host's budget is used up" in refused.text()
    await stage.until(lambda: len(told_host(stage)) == 2, "a second day's warning", passing=20)
    first, second = told_host(stage)
    assert first.startswith("83% of the budget of this day are used: $0.62 of $0.75.")
    assert second == first
    assert await stage.balance(bob) == 500 - PRICE


async def test_trouble_of_what_is_not_set_up_any_more_is_forgotten_at_the_start(world: Stage) -> None:
    stage = world
    names = ("assistant", "balance-low:xai_videos", "spent-elsewhere:xai_videos", "provider:xai_videos")
    for name in (*names, "balance-low:kie_jobs"):
        await stage.database.write(troubles.begin, name, f"{name} is in trouble", stage.clock.now())
        await stage.database.write(troubles.told, (await stage.database.read(troubles.all_of))[-1])

    await stage.start()

    async def kept() -> bool:
        # The account of the provider that is there is asked, and is filled up.
        return not await stage.database.read(troubles.all_of)

    await stage.until(kept, "an end of all troubles", passing=20)
    assert told_host(stage) == ["The account at kie_jobs is filled up: 10000 credits."]


async def test_command_line_pauses_the_running_bot_and_lets_it_go_on(stage: Stage, ada: Person) -> None:
    assert "Members read: Back on Monday." in await ordered(stage, "pause", "Back on Monday.")

    refused = await asks(ada, "/video", prompt=FOX)
    await ordered(stage, "resume")

    async def is_accepted() -> bool:
        return "accepts no new videos" not in (await asks(ada, "/video", prompt=FOX)).text()

    # The bot hears of it at its next look.
    await stage.until(is_accepted, "an open door", passing=20)

    assert "accepts no new videos at the moment: Back on Monday." in refused.text()
    await ada.waits_for_video()
    assert "Today: $0.62, without a limit" in await ordered(stage, "status")
    assert "kie_jobs: " in await ordered(stage, "status")
