"""The prompt assistant through the whole product, with endpoints of OpenAI's and of Kie's shape."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.domain.jobs import JobState
from bot.services import host_limits
from bot.store import spending
from sandbox.assist_server import AssistServer, Reply
from sandbox.discord_server import text_of
from sandbox.person import Handle, Person
from sandbox.vendors import Body, Call, Refusal
from tests.e2e.stage import FOX, PRICE, Stage, clicks

REWRITTEN = "Wide shot: a red fox, in soft morning light."


@pytest.fixture
async def assist() -> AsyncIterator[AssistServer]:
    async with AssistServer() as server:
        yield server


async def started(world: Stage, assist: AssistServer, path: str = "/v1", **settings: str) -> Stage:
    """The bot with this endpoint."""
    world.environ |= {"ASSIST_BASE_URL": assist.url + path, "ASSIST_API_KEY": assist.key, **settings}
    await world.start()
    return world


async def told(person: Person, mode: str = "assist") -> Handle:
    """Type /video and wait for the word that only the member sees."""
    handle = await person.types("/video", prompt=FOX, assist=mode)
    return await handle.until(lambda now: now.followups)


async def spent(stage: Stage) -> int:
    day, _ = spending.periods(stage.clock.now())
    return await stage.database.read(host_limits.spent_in, day)


async def test_rewritten_prompt_is_seen_then_made_and_sent_to_the_provider(
    world: Stage, assist: AssistServer, ada: Person
) -> None:
    stage = await started(world, assist, ASSIST_MODEL="local-small")
    handle = await told(ada)
    assert REWRITTEN in handle.text()
    assert await stage.find() is None

    await clicks(ada, handle.followups[0], "Create")

    video = await ada.waits_for_video()
    [task] = stage.kie.tasks
    assert task.prompt.startswith(REWRITTEN)
    assert REWRITTEN in text_of(video)
    assert await stage.balance(ada) == 500 - PRICE


async def test_offer_survives_a_kill(world: Stage, assist: AssistServer, ada: Person) -> None:
    stage = await started(world, assist, ASSIST_MODEL="local-small")
    handle = await told(ada, "meme")
    await stage.crash()
    await stage.start()

    await clicks(ada, handle.followups[0], "Create")

    await ada.waits_for_video()
    assert stage.kie.tasks[0].prompt.startswith("Close-up: a red fox.")
    assert stage.kie.tasks[0].input["aspect_ratio"] == "1:1"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Refusal(status=500, text="broken"), "did not answer with anything useful"),
        (Body("<html>busy</html>", content_type="text/html"), "did not answer with anything useful"),
        (Body('{"code":500,"msg":"busy"}'), "did not answer with anything useful"),
        (Body("{" + "x" * 2_000_000), "did not answer with anything useful"),
        (Reply(text=""), "did not answer with anything useful"),
        (Reply(refusal="I can't help with that."), "would not rewrite this"),
    ],
    ids=["500", "page", "200 with a code", "enormous", "empty", "refusal"],
)
async def test_trouble_of_the_assistant_never_blocks_a_job(
    world: Stage, assist: AssistServer, ada: Person, fault: Refusal | Body | Reply, said: str
) -> None:
    stage = await started(world, assist, ASSIST_MODEL="local-small")
    if isinstance(fault, Reply):
        assist.reply(fault)
    else:
        assist.faults.add(Call.CREATE, fault)

    handle = await told(ada)

    assert said in text_of(handle.followups[0])
    assert handle.followups[0].is_ephemeral
    await ada.waits_for_video()
    assert stage.kie.tasks[0].prompt == FOX
    assert await stage.balance(ada) == 500 - PRICE


async def test_kies_cost_of_rewrites_comes_out_of_the_hosts_budget(
    world: Stage, assist: AssistServer, ada: Person
) -> None:
    stage = await started(world, assist, "/gpt-5-2/v1")
    answer = '{"choices":[{"message":{"content":"A fox in the snow."}}],"credits_consumed":0.6}'
    for _ in range(2):
        assist.faults.add(Call.CREATE, Body(answer, content_type="text/plain"))
        handle = await told(ada)
        await clicks(ada, handle.followups[0], "Cancel")

    assert await spent(stage) == 1
    assert await stage.balance(ada) == 500
    assert await stage.find() is None


async def test_wrong_key_of_the_assistant_is_told_to_the_host_once_and_refuses_nobody(
    world: Stage, assist: AssistServer, ada: Person
) -> None:
    stage = await started(world, assist, "/gpt-5-2/v1", ASSIST_API_KEY="wrong-key")

    await told(ada)
    await stage.until_state(JobState.DELIVERED)
    await told(ada)
    await stage.until_state(JobState.DELIVERED, number=2)

    messages = stage.discord.direct_channel(stage.discord.owner).messages.values()
    assert ["The prompt assistant does not work" in text_of(message) for message in messages] == [True]
    assert all("wrong-key" not in text_of(message) for message in messages)
