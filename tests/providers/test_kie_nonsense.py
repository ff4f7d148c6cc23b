"""Whatever Kie answers, the adapter says something of the port's vocabulary, and doubt never becomes certainty."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.ids import TaskId
from bot.errors import AnswerLostError, ProviderError
from bot.ports import Done, Empty, NotVisible, Pending, Refused, Submission
from bot.providers.kie import Kie
from bot.providers.kie_aleph import KieAleph
from bot.providers.kie_jobs import KieJobs
from bot.providers.kie_runway import KieRunway
from bot.providers.kie_veo import KieVeo
from tests.providers.recorded import KEY, StoppedClock, adapter, fields

HUGE = 10**400

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(HUGE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
codes = st.sampled_from([200, 401, 404, 422, 429, 500, 501, "200", 0, -1, None, True, HUGE])
records = st.fixed_dictionaries(
    {},
    optional={
        "taskId": st.just("t-1") | anything,
        "state": st.sampled_from(["success", "fail", "waiting"]) | anything,
        "successFlag": st.integers(-1, 4) | anything,
        "resultJson": anything | anything.map(json.dumps) | st.builds(lambda v: {"resultUrls": v}, anything),
        "response": anything | st.builds(lambda v: {"resultUrls": v}, anything),
        "completeTime": anything,
        "creditsConsumed": anything,
        "failCode": anything,
        "failMsg": anything,
    },
)
bodies = st.builds(
    lambda code, msg, data: {"code": code, "msg": msg, "data": data}, codes, anything, records | anything
)


def asked(body: object, status: int, question: Callable[[KieJobs], Awaitable[object]]) -> object:
    """What the adapter makes of the answer: a value, or its error."""
    response = httpx.Response(status, text=json.dumps(body))

    async def ask() -> object:
        kie = adapter(httpx.MockTransport(lambda _: response))
        try:
            return await question(kie)
        except ProviderError as err:
            return err
        finally:
            await kie.aclose()

    return asyncio.run(ask())


@settings(max_examples=150, deadline=None)
@given(bodies | anything, st.sampled_from([200, 404, 422, 500]))
@example(
    {"code": 200, "data": {"state": "success", "response": {"resultUrls": "http://x.test/"}, "completeTime": HUGE}}, 200
)
@example(
    {"code": 200, "data": {"state": "success", "response": {"resultUrls": "http://x.test/"}, "creditsConsumed": HUGE}},
    200,
)
def test_record_is_always_understood_or_refused(body: object, status: int) -> None:
    outcome = asked(body, status, lambda kie: kie.status(TaskId("t-1")))

    assert isinstance(outcome, (Pending, NotVisible, Done, Refused, Empty, ProviderError))


def test_text_that_cannot_be_stored_is_made_storable() -> None:
    body = {"code": 200, "data": {"state": "fail", "failMsg": "no \ud800 \0 luck"}}

    outcome = asked(body, 200, lambda kie: kie.status(TaskId("t-1")))

    assert isinstance(outcome, Refused)
    assert outcome.detail.encode() == b"[no code] no luck"


@settings(max_examples=150, deadline=None)
@given(bodies | anything, st.sampled_from([200, 404, 422, 500]))
def test_create_call_ends_in_a_task_or_in_a_decision(body: object, status: int) -> None:
    outcome = asked(body, status, lambda kie: kie.create(Submission(slug="m", fields={}, callback_url=None)))

    assert isinstance(outcome, (str, ProviderError))


@settings(max_examples=60, deadline=None)
@given(anything.filter(lambda value: not isinstance(value, str)), st.sampled_from([500, 502, 503, 504, 524]))
def test_server_error_without_a_known_text_never_proves_that_nothing_was_created(msg: object, status: int) -> None:
    outcome = asked(
        {"code": 500, "msg": msg}, status, lambda kie: kie.create(Submission(slug="m", fields={}, callback_url=None))
    )

    assert isinstance(outcome, AnswerLostError)


@pytest.mark.parametrize("data", [HUGE, -HUGE], ids=["huge", "minus huge"])
def test_balance_beyond_all_numbers_is_refused(data: int) -> None:
    outcome = asked({**fields("credit"), "data": data}, 200, lambda kie: kie.credits())

    assert isinstance(outcome, ProviderError)


links = anything | st.sampled_from(["http://x.test/a.mp4", "[http://x.test/a.mp4]", '["http://x.test/a.mp4"', "[[[["])
older = st.fixed_dictionaries(
    {},
    optional={
        "taskId": st.just("t-1") | anything,
        "successFlag": st.integers(-1, 4) | anything,
        "state": st.sampled_from(["success", "fail", "wait"]) | anything,
        "response": anything
        | st.builds(lambda v: {"resultUrls": v, "fullResultUrls": v, "resultVideoUrl": v}, links)
        | st.builds(lambda v: json.dumps({"resultUrls": v}), links),
        "videoInfo": anything | st.builds(lambda v: {"videoUrl": v}, links),
        "resultUrl": links,
        "resultUrls": links,
        "completeTime": anything | st.datetimes().map(str) | st.datetimes().map(lambda v: f"{v.isoformat()}+14:00"),
        "expireFlag": st.integers(0, 1) | anything,
        "errorCode": anything,
        "errorMessage": anything,
        "paramJson": anything | anything.map(json.dumps),
    },
)
texts = st.sampled_from(["record is null", "record status is not success", "Timeout", "flagged", "temporarily paused"])
older_bodies = st.builds(
    lambda code, msg, data: {"code": code, "msg": msg, "data": data}, codes, texts | anything, older | anything
)


@pytest.mark.parametrize(
    ("kind", "task_id"),
    [(KieVeo, "t-1"), (KieVeo, "1080p:t-1"), (KieVeo, "4k:t-1"), (KieRunway, "t-1"), (KieAleph, "t-1")],
)
@settings(max_examples=60, deadline=None)
@given(older_bodies | anything, st.sampled_from([200, 404, 422, 500]))
def test_answer_of_an_older_route_is_always_understood_or_refused(
    kind: type[Kie], task_id: str, body: object, status: int
) -> None:
    response = httpx.Response(status, text=json.dumps(body))
    submission = Submission(slug="veo3", fields={}, callback_url=None)
    if ":" in task_id:
        fields = {"taskId": "t-1", "resolution": task_id.partition(":")[0]}
        submission = Submission(slug="veo3/upscale", fields=fields, callback_url=None)

    async def ask() -> list[object]:
        origin = "https://api.kie.test"
        kie = kind(
            api_key=KEY,
            api_url=origin,
            upload_url=origin,
            clock=StoppedClock(),
            inner=httpx.MockTransport(lambda _: response),
        )
        found: list[object] = []
        for question in (kie.status(TaskId(task_id)), kie.callback_url(TaskId(task_id)), kie.create(submission)):
            try:
                found.append(await question)
            except ProviderError as err:
                found.append(err)
        await kie.aclose()
        return found

    known, address, created = asyncio.run(ask())
    assert isinstance(known, (Pending, NotVisible, Done, Refused, Empty, ProviderError))
    assert isinstance(address, (str, ProviderError, type(None)))
    assert isinstance(created, (str, ProviderError))
