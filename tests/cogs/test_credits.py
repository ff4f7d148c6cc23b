"""/credits: what one has, and where it went."""

from __future__ import annotations

from datetime import timedelta

from sandbox.person import Person
from tests.cogs.conftest import START, Stage, asked, clicked


async def test_balance_of_a_newcomer_is_the_allowance(stage: Stage, ana: Person) -> None:
    handle = await asked(ana, "/credits balance")

    midnight = START.replace(hour=0) + timedelta(days=1)
    assert handle.is_ephemeral
    assert "You can spend **500** credits now." in handle.text()
    assert f"Daily allowance: 500 of 500 left; renews <t:{int(midnight.timestamp())}:R>" in handle.text()
    assert "Bonus: 0 credits; does not expire" in handle.text()
    assert "pool" not in handle.text()


async def test_balance_shows_what_is_held_and_what_the_pool_has(stage: Stage, ana: Person, mod: Person) -> None:
    await asked(mod, "/quota pool", credits=1000)
    await clicked(mod, await asked(mod, "/quota grant", member=ana.member, credits=1), "Give")
    await asked(ana, "/video", prompt="a red fox")

    text = (await asked(ana, "/credits balance")).text()

    assert "You can spend **377** credits now." in text
    assert "Bonus: 1 credit; does not expire" in text
    assert "Held for videos on their way: 124 credits" in text
    assert "This server's pool: 875 credits" in text


async def test_history_of_a_newcomer_is_empty(stage: Stage, ana: Person) -> None:
    assert "There is nothing yet." in (await asked(ana, "/credits history")).text()


async def test_history_tells_what_was_held_settled_returned_and_granted(stage: Stage, ana: Person, mod: Person) -> None:
    question = await asked(mod, "/quota grant", member=ana.member, credits=50, reason="for the *poster*")
    await clicked(mod, question, "Give")
    await asked(ana, "/video", prompt="a red fox", duration=4)
    await stage.delivers(1, credits=80)
    await asked(ana, "/video", prompt="a blue whale", duration=4)
    await asked(ana, "/jobs cancel", job=2)

    text = (await asked(ana, "/credits history")).text()

    lines = [line for line in text.splitlines() if line.startswith("**")]
    assert [line.rpartition(" · ")[0] for line in lines] == [
        "**+100** · returned · job 2",
        "**−100** · held · job 2",
        "**+20** · settled to the real cost · job 1",
        "**−100** · held · job 1",
        r"**+50** · granted · for the \*poster\*",
    ]


async def test_history_is_turned_with_its_buttons(stage: Stage, ana: Person, mod: Person) -> None:
    for number in range(1, 12):
        await clicked(mod, await asked(mod, "/quota grant", member=ana.member, credits=number), "Give")

    handle = await asked(ana, "/credits history")
    turned = await ana.clicks(handle, "Next page")
    await turned.until(lambda _: "Page 2" in handle.text())

    assert "**+1** · granted" in handle.text()
    assert "**+11**" not in handle.text()


async def test_page_beyond_the_end_says_so(stage: Stage, ana: Person) -> None:
    assert "There is no page 3." in (await asked(ana, "/credits history", page=3)).text()


async def test_a_gift_is_told_to_both(stage: Stage, ana: Person, ben: Person, mod: Person) -> None:
    await clicked(mod, await asked(mod, "/server gifts"), "Allow gifts")
    await clicked(mod, await asked(mod, "/quota grant", member=ana.member, credits=50), "Give")

    handle = await asked(ana, "/credits give", member=ben.member, credits=20)
    told = await ben.waits_for_message(lambda message: "you got 20 credits" in message.content)

    assert f"You gave 20 credits to <@{ben.user.id}> and have 30 bonus credits left." in handle.text()
    assert told.mentions == [ben.user]
    assert f"**+20** · gift · from <@{ana.user.id}>" in (await asked(ben, "/credits history")).text()
    assert f"**−20** · gift · to <@{ben.user.id}>" in (await asked(ana, "/credits history")).text()
    assert await stage.differences() == []


async def test_without_leave_nobody_gives_anything(stage: Stage, ana: Person, ben: Person) -> None:
    handle = await asked(ana, "/credits give", member=ben.member, credits=20)

    assert handle.text() == "Members of this server cannot give credits to each other."
