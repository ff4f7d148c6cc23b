"""The provider's calls are hints: doubled, early, lost or forged, they change nothing but the moment of the poll."""

from __future__ import annotations

from typing import Any

import aiohttp

from bot.domain.jobs import JobState
from sandbox.discord_server import text_of
from sandbox.kie_server import FORGED_URL, Call, CallbackPlan, KieServer, Scenario, signature
from sandbox.person import Person
from tests.e2e.stage import FOX, PRICE, Stage

KEY = "webhook-key-of-the-host"


async def delivered(stage: Stage, person: Person, *, passing: float = 0.0) -> None:
    await stage.until_state(JobState.DELIVERED, passing=passing)
    posted = await person.waits_for_video()
    assert stage.posts() == [posted]
    assert len(stage.kie.tasks) == 1
    assert await stage.balance(person) == 500 - PRICE


async def post(url: str, body: Any, **headers: str) -> int:
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
        return answer.status


def success(task_id: str) -> dict[str, Any]:
    data = {"taskId": task_id, "state": "success", "resultJson": f'{{"resultUrls":["{FORGED_URL}"]}}'}
    return {"code": 200, "msg": "success", "data": data}


async def test_callback_ends_the_wait_at_once(stage: Stage, ada: Person) -> None:
    await ada.types("/video", prompt=FOX)

    await delivered(stage, ada)

    [delivery] = stage.kie.callbacks
    assert delivery.status == 200
    assert stage.kie.tasks[0].polls == 1


async def test_doubled_callback_is_one_video(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(callback=CallbackPlan(copies=3)))

    await ada.types("/video", prompt=FOX)

    await delivered(stage, ada)
    await stage.until(lambda: len(stage.kie.callbacks) == 3, "all callbacks")
    assert {delivery.status for delivery in stage.kie.callbacks} == {200}
    assert len(stage.posts()) == 1


async def test_callback_long_after_the_end_changes_nothing(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(callback=CallbackPlan(late=600)))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    await delivered(stage, ada, passing=1)

    stage.clock.advance(seconds=650)

    await stage.until(lambda: stage.kie.callbacks, "the callback")
    assert len(stage.posts()) == 1
    assert (await stage.job()).state is JobState.DELIVERED


async def test_callback_before_the_record_shows_the_end_is_no_end(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(callback=CallbackPlan(early=10)))
    await ada.types("/video", prompt=FOX)
    await stage.until(lambda: stage.kie.callbacks, "the callback")
    assert (await stage.until_state(JobState.RUNNING)).state is JobState.RUNNING

    await delivered(stage, ada, passing=1)


async def test_lost_callback_is_made_good_by_the_poll(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(callback=CallbackPlan(copies=0)))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)

    await delivered(stage, ada, passing=1)

    assert not stage.kie.callbacks


async def test_bot_without_a_public_address_asks_for_no_callback(world: Stage, ada: Person) -> None:
    del world.environ["PUBLIC_URL"]
    await world.start()
    await ada.types("/video", prompt=FOX)
    await world.until_state(JobState.RUNNING)

    await delivered(world, ada, passing=1)

    assert world.kie.tasks[0].callback_url is None


async def test_forged_body_under_a_true_address_is_not_believed(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(callback=CallbackPlan(is_forged=True)))

    await ada.types("/video", prompt=FOX)

    await delivered(stage, ada)
    job = await stage.job()
    assert job.result is not None
    assert job.result.url.startswith(stage.kie.result_url)


async def test_strangers_callbacks_have_no_effect(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=60))
    await ada.types("/video", prompt=FOX)
    job = await stage.until_state(JobState.RUNNING)
    assert stage.app is not None
    origin, secret = f"http://127.0.0.1:{stage.app.http_port}/callbacks/kie", job.callback_secret
    polls = stage.kie.tasks[0].polls

    for path in ("1/wrong-secret", f"2/{secret}", f"99999999999999999999/{secret}", f"1/{secret}/more"):
        assert await post(f"{origin}/{path}", success("task-of-my-own")) == 404, path

    assert await stage.job() == job
    assert stage.kie.tasks[0].polls == polls
    stage.clock.advance(seconds=70)
    await delivered(stage, ada)


async def test_true_address_with_another_task_does_not_change_the_jobs_task(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=60))
    await ada.types("/video", prompt=FOX)
    before = await stage.until_state(JobState.RUNNING)
    url = stage.kie.tasks[0].callback_url
    assert url is not None

    assert await post(url, success("task-of-my-own")) == 200

    stage.clock.advance(seconds=70)
    await delivered(stage, ada)
    assert (await stage.job()).task_id == before.task_id


async def test_signed_callbacks_are_taken_and_unsigned_ones_are_not(world: Stage, ada: Person) -> None:
    world.environ["KIE_WEBHOOK_KEY"] = KEY
    await world.start()
    world.kie.scenarios.next(Scenario(seconds=600))
    await ada.types("/video", prompt=FOX)
    job = await world.until_state(JobState.RUNNING)
    [task], url = world.kie.tasks, world.kie.tasks[0].callback_url
    assert url is not None
    now = str(int(world.clock.timestamp()))
    signed = {"X-Webhook-Timestamp": now, "X-Webhook-Signature": signature(task.id, now, KEY)}
    wrong = {**signed, "X-Webhook-Signature": signature(task.id, now, "another key")}

    assert await post(url, success(task.id)) == 404
    assert await post(url, success(task.id), **wrong) == 404
    assert await post(url, success("another-task"), **signed) == 404
    assert await post(url, success(task.id), **signed) == 200
    assert await post(url, success(task.id), **signed) == 404  # replayed

    await world.until_seen(Call.RECORD)
    assert (await world.job()).task_id == job.task_id


async def test_provider_that_signs_is_understood(world: Stage, ada: Person) -> None:
    async with KieServer(clock=world.clock.timestamp, seconds=0.1, webhook_key=KEY) as kie:
        world.kie = kie
        world.environ.update(
            KIE_API_URL=kie.api_url, KIE_UPLOAD_URL=kie.upload_url, KIE_API_KEY=kie.api_key, KIE_WEBHOOK_KEY=KEY
        )
        await world.start()

        await ada.types("/video", prompt=FOX)

        posted = await ada.waits_for_video()
        assert "Seedance 2 Fast" in text_of(posted)
        assert [delivery.status for delivery in kie.callbacks] == [200]
        await world.stop()
