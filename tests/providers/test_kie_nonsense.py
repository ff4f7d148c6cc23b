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
from bot.providers.kie_jobs import KieJobs
from tests.providers.recorded import adapter, fields

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
