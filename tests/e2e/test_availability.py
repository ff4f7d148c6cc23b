"""What the provider sells is noticed while the bot runs: paused models go, revived ones come back."""

from __future__ import annotations

from bot.domain.jobs import JobState
from sandbox.kie_server import Call, EdgePage
from sandbox.person import Person
from tests.e2e.stage import FOX, OF_MEMBERS, Stage, asks
from tests.media.drawings import drawn

# The watch asks a few models in ten seconds and all of them once an hour.
STEP = 11


async def until_asked(stage: Stage, slug: str) -> None:
    """Let the time pass until the provider has been asked about this model string once more."""

    def asked() -> int:
        return sum(
            1
            for each in stage.kie.requests
            if each.call is Call.CREATE and f'"{slug}"' in each.body and OF_MEMBERS not in each.body
        )

    before = asked()
    stage.clock.advance(hours=1)
    await stage.until(lambda: asked() > before, f"a question about {slug}", passing=STEP)


async def offered(stage: Stage, person: Person, typed: str = "") -> list[str]:
    return [str(choice.value) for choice in await person.suggestions("/video", "model", typed)]


async def test_model_that_the_provider_pauses_is_no_longer_offered(stage: Stage, ada: Person) -> None:
    assert "kling-3-0-turbo" in await offered(stage, ada)
    stage.kie.models.pause("kling/v3-turbo-text-to-video")
    stage.kie.models.pause("kling/v3-turbo-image-to-video")

    for mode in ("text", "image"):
        await until_asked(stage, f"kling/v3-turbo-{mode}-to-video")

    async def is_gone() -> bool:
        return "kling-3-0-turbo" not in await offered(stage, ada)

    await stage.until(is_gone, "the model to go")
    handle = await asks(ada, "/video", prompt=FOX, model="kling-3-0-turbo")
    assert "Kling 3.0 Turbo is switched off at the moment" in handle.text()
    assert await stage.find() is None


async def test_model_of_which_one_mode_is_paused_still_does_the_other(stage: Stage, ada: Person) -> None:
    stage.kie.models.pause("kling/v3-turbo-image-to-video")
    await until_asked(stage, "kling/v3-turbo-image-to-video")

    async def is_refused() -> bool:
        image = drawn("PNG", (640, 360))
        handle = await asks(ada, "/video", prompt=FOX, model="kling-3-0-turbo", image=image)
        return "switched off" in handle.text()

    assert await is_refused()
    await ada.types("/video", prompt=FOX, model="kling-3-0-turbo")
    await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)


async def test_sora_that_is_sold_again_can_be_used_without_a_restart(stage: Stage, ada: Person) -> None:
    assert "sora-2" not in await offered(stage, ada, "sora")
    stage.kie.models.resume("sora-2-text-to-video")

    await until_asked(stage, "sora-2-text-to-video")

    async def is_there() -> bool:
        return "sora-2" in await offered(stage, ada, "sora")

    await stage.until(is_there, "the model to come")
    await ada.types("/video", prompt=FOX, model="sora-2", aspect="9:16", duration=15)
    await ada.waits_for_video()
    [task] = stage.kie.tasks
    wanted = {"prompt": FOX, "aspect_ratio": "portrait", "n_frames": "15", "remove_watermark": True}
    assert {name: task.input.get(name) for name in wanted} == wanted
    assert await stage.balance(ada) == 500 - 45


async def test_questions_never_bill_and_leave_room_for_members(stage: Stage, ada: Person) -> None:
    before = stage.kie.account.balance
    for _ in range(6):
        stage.clock.advance(seconds=STEP)
        await asks(ada, "/credits balance")

    asked = [each for each in stage.kie.requests if each.call is Call.CREATE]
    assert stage.kie.tasks == []
    assert stage.kie.account.balance == before
    assert not any("grok-imagine/image-to-video" in each.body for each in asked)
    assert all(each.code != 429 for each in asked)
    for start in asked:
        assert sum(1 for each in asked if 0 <= each.at - start.at < 10) <= 10


async def test_provider_that_knows_nothing_leaves_the_catalogue_as_it_is(world: Stage, ada: Person) -> None:
    world.kie.faults.add(Call.CREATE, EdgePage(502), times=None)
    await world.start()
    for _ in range(4):
        world.clock.advance(seconds=STEP)
        await asks(ada, "/credits balance")

    assert "seedance-2-fast" in await offered(world, ada)
