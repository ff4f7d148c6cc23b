"""The moderation endpoint: what it says is heard, and its silence never blocks a member for long."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from bot.errors.screening import ModerationUnavailableError
from bot.ports import Verdict
from bot.providers import moderations
from bot.providers.moderations import Moderations

Make = Callable[..., Moderations]
CLEAN = {"id": "modr-1", "results": [{"flagged": False, "categories": {"violence": False}}]}
FLAGGED = {
    "id": "modr-2",
    "results": [{"flagged": True, "categories": {"violence": True, "sexual": False, "sexual/minors": True}}],
}


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    opened: list[Moderations] = []

    def build(answer: Callable[[httpx.Request], httpx.Response], *, is_open: bool = True) -> Moderations:
        made = Moderations(
            base_url="https://judge.test/v1",
            api_key="judge-key",
            model="judge-1",
            is_open=is_open,
            inner=httpx.MockTransport(answer),
        )
        opened.append(made)
        return made

    yield build
    for each in opened:
        await each.aclose()


async def test_a_text_is_judged_under_the_hosts_key_and_model(make: Make) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=CLEAN)

    assert await make(answer).judge("a red fox") is None

    (request,) = seen
    assert str(request.url) == "https://judge.test/v1/moderations"
    assert request.headers["Authorization"] == "Bearer judge-key"
    assert json.loads(request.content) == {"model": "judge-1", "input": "a red fox"}


async def test_an_objection_names_its_categories(make: Make) -> None:
    judge = make(lambda _: httpx.Response(200, json=FLAGGED))

    assert await judge.judge("…") == Verdict(categories=("violence", "sexual/minors"))


async def test_nothing_to_judge_is_not_sent(make: Make) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("asked about nothing")

    assert await make(answer).judge("  \n") is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="oops"),
        httpx.Response(401, json={"error": {"message": "bad key"}}),
        httpx.Response(429, json={}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"results": []}),
        httpx.Response(200, json={"results": [{"flagged": "yes"}]}),
    ],
    ids=lambda answer: f"{answer.status_code} {answer.text[:20]}",
)
async def test_trouble_lets_prompts_pass_or_not_as_the_host_wants(make: Make, answer: httpx.Response) -> None:
    def same(_: httpx.Request) -> httpx.Response:
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    assert await make(same, is_open=True).judge("a red fox") is None
    with pytest.raises(ModerationUnavailableError):
        await make(same, is_open=False).judge("a red fox")


async def test_an_endpoint_that_never_answers_is_not_waited_for(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    monkeypatch.setattr(moderations, "PATIENCE", moderations.PATIENCE / 40)

    began = time.perf_counter()
    assert await make(hang, is_open=True).judge("a red fox") is None
    with pytest.raises(ModerationUnavailableError):
        await make(hang, is_open=False).judge("a red fox")
    assert time.perf_counter() - began < 2
