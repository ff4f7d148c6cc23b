"""However a video is asked for: whether it may be made and posted here is looked at again, at the last click."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.ids import GuildId, UserId
from bot.services.policies import Policies
from bot.services.staff import Staff
from sandbox.discord_server import Message, Permission
from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, answered, asked, clicked
from tests.cogs.test_assist import offered
from tests.cogs.test_instead import BUTTON, waiting
from tests.media import clips
from tests.media.drawings import drawn

# A style of this model is for adults only.
SPICY = {"prompt": "a red fox", "model": "grok-imagine", "style": "spicy"}

LastStep = Callable[[], Awaitable[Handle]]
Way = Callable[[Stage, Person], Awaitable[LastStep]]


async def posted(stage: Stage, ana: Person) -> Message:
    await asked(ana, "/video", **SPICY)
    return (await stage.delivers())[1]


async def question(stage: Stage, ana: Person) -> Handle:
    """The question about the price, which this server wants for every video."""
    staff = Staff(user_id=UserId(9), guild_id=GuildId(stage.guild.id), can_manage=True)
    await Policies(stage.database, stage.clock).change(staff, lambda policy: replace(policy, confirm_above=1))
    return await asked(ana, "/video", **SPICY)


async def spicy_offer(ana: Person) -> Message:
    return (await offered(ana, model=SPICY["model"], style=SPICY["style"], duration=6)).followups[0]


async def by_command(_stage: Stage, ana: Person) -> LastStep:
    return lambda: asked(ana, "/video", **SPICY)


async def by_again(stage: Stage, ana: Person) -> LastStep:
    video = await posted(stage, ana)
    return lambda: clicked(ana, video, "Again")


async def by_edit(stage: Stage, ana: Person) -> LastStep:
    form = await clicked(ana, await posted(stage, ana), "Edit")
    return lambda: sent(ana, form)


async def by_confirming(stage: Stage, ana: Person) -> LastStep:
    asking = await question(stage, ana)
    return lambda: clicked(ana, asking, "Create")


async def by_rethinking(stage: Stage, ana: Person) -> LastStep:
    form = await clicked(ana, await question(stage, ana), "Edit")
    return lambda: sent(ana, form)


async def by_taking_the_rewrite(_stage: Stage, ana: Person) -> LastStep:
    offer = await spicy_offer(ana)
    return lambda: clicked(ana, offer, "Create")


async def by_keeping_own_words(_stage: Stage, ana: Person) -> LastStep:
    offer = await spicy_offer(ana)
    return lambda: clicked(ana, offer, "Use my words")


async def by_changing_the_rewrite(_stage: Stage, ana: Person) -> LastStep:
    form = await clicked(ana, await spicy_offer(ana), "Edit")
    return lambda: sent(ana, form)


async def by_extending(stage: Stage, ana: Person) -> LastStep:
    offers = await clicked(ana, await posted(stage, ana), "Extend")
    form = await clicked(ana, offers, "Grok Imagine · 6 s · 480p · 10 credits")
    return lambda: sent(ana, form)


async def by_upscaling(stage: Stage, ana: Person) -> LastStep:
    offers = await clicked(ana, await posted(stage, ana), "Upscale")
    return lambda: clicked(ana, offers, "Grok Imagine · 10 credits")


async def by_upscaling_the_file(stage: Stage, ana: Person) -> LastStep:
    offers = await clicked(ana, await posted(stage, ana), "Upscale")
    return lambda: clicked(ana, offers, "Topaz · 2x · 48 credits")


async def by_another_model(stage: Stage, ana: Person) -> LastStep:
    _, card = await waiting(stage, ana)
    return lambda: clicked(ana, card, BUTTON)


async def sent(person: Person, form: Handle) -> Handle:
    assert form.modal is not None
    return await answered(await person.submits(form, Prompt="a red fox at night"))


REPEATS: list[Way] = [by_command, by_again, by_edit, by_confirming, by_rethinking]
REWRITES: list[Way] = [by_taking_the_rewrite, by_keeping_own_words, by_changing_the_rewrite]
OTHERS: list[Way] = [by_extending, by_upscaling, by_upscaling_the_file, by_another_model]


async def count(stage: Stage) -> int:
    number = 0
    while await stage.find(number + 1) is not None:
        number += 1
    return number


@pytest.fixture
def here(stage: Stage, tmp_path: Path) -> Stage:
    """A channel with an age limit, where everything may be asked for at first."""
    stage.server.set_nsfw(stage.channel, True)
    stage.video = clips.made(tmp_path / "posted.mp4", seconds=1).read_bytes()
    return stage


@pytest.mark.parametrize("way", [*REPEATS, *REWRITES, *OTHERS], ids=lambda way: way.__name__)
async def test_nothing_is_charged_for_a_video_that_could_not_be_posted(here: Stage, ana: Person, way: Way) -> None:
    last_step = await way(here, ana)
    before, balance = await count(here), await here.balance(ana)
    here.server.deny(here.channel, Permission.SEND_MESSAGES)

    handle = await last_step()

    assert "I may not post videos here. Ask a moderator to give me: Send Messages." in handle.text()
    assert await count(here) == before
    assert await here.balance(ana) == balance


@pytest.mark.parametrize("way", [*REPEATS, *REWRITES], ids=lambda way: way.__name__)
async def test_what_is_for_adults_is_not_made_where_the_channel_has_no_age_limit_any_more(
    here: Stage, ana: Person, way: Way
) -> None:
    last_step = await way(here, ana)
    before, balance = await count(here), await here.balance(ana)
    here.server.set_nsfw(here.channel, False)

    handle = await last_step()

    assert "`spicy` is only possible in channels with an age limit" in handle.text()
    assert await count(here) == before
    assert await here.balance(ana) == balance


async def test_price_that_is_confirmed_when_the_picture_is_gone_is_not_charged(here: Stage, ana: Person) -> None:
    staff = Staff(user_id=UserId(9), guild_id=GuildId(here.guild.id), can_manage=True)
    await Policies(here.database, here.clock).change(staff, lambda policy: replace(policy, confirm_above=1))
    picture = here.server.add_attachment(drawn("PNG", (640, 360)), "f.png", here.channel)
    asking = await asked(ana, "/video", image=picture)
    for file in here.inputs.iterdir():
        file.unlink()

    handle = await clicked(ana, asking, "Create")

    assert "the picture of that video is no longer kept" in handle.text()
    assert await here.find(1) is None
