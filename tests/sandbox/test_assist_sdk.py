"""OpenAI's own Python client works against the local chat endpoint as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import openai
import pytest

from sandbox.assist_server import AssistServer, Reply
from sandbox.vendors import Call, Refusal

QUESTION = [{"role": "system", "content": "Rewrite."}, {"role": "user", "content": "<idea>a red fox</idea>"}]


@pytest.fixture
async def server() -> AsyncIterator[AssistServer]:
    async with AssistServer() as running:
        yield running


def client(server: AssistServer, path: str = "/v1", key: str | None = None) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=server.url + path, api_key=key or server.key, max_retries=0)


async def test_completion_has_what_the_client_expects_of_one(server: AssistServer) -> None:
    async with client(server) as openai_client:
        answer = await openai_client.chat.completions.create(model="local-small", messages=QUESTION)  # type: ignore[arg-type]
        models = [model.id async for model in openai_client.models.list()]

    assert answer.choices[0].message.content is not None
    assert "a red fox" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert models == ["local-small"]


async def test_refusals_are_the_clients_own_errors(server: AssistServer) -> None:
    server.faults.add(Call.CREATE, Refusal(status=429, text="slow down"), Refusal(status=500, text="broken"))
    async with client(server) as known, client(server, key="wrong") as unknown:
        with pytest.raises(openai.RateLimitError):
            await known.chat.completions.create(model="local-small", messages=QUESTION)  # type: ignore[arg-type]
        with pytest.raises(openai.InternalServerError):
            await known.chat.completions.create(model="local-small", messages=QUESTION)  # type: ignore[arg-type]
        with pytest.raises(openai.AuthenticationError):
            await unknown.chat.completions.create(model="local-small", messages=QUESTION)  # type: ignore[arg-type]


async def test_refusal_of_the_model_and_a_filter_are_told_in_their_fields(server: AssistServer) -> None:
    server.reply(Reply(refusal="I can't help with that."), Reply(text="", finish_reason="content_filter"))
    async with client(server) as openai_client:
        refused = await openai_client.chat.completions.create(model="local-small", messages=QUESTION)  # type: ignore[arg-type]
        filtered = await openai_client.chat.completions.create(model="local-small", messages=QUESTION)  # type: ignore[arg-type]

    assert refused.choices[0].message.refusal == "I can't help with that."
    assert filtered.choices[0].finish_reason == "content_filter"


async def test_kies_shape_needs_no_model_says_its_cost_and_refuses_with_success(server: AssistServer) -> None:
    body = {"messages": QUESTION, "stream": False}
    async with httpx.AsyncClient(base_url=server.url) as plain:
        answer = await plain.post(
            "/gpt-5-2/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {server.key}"}
        )
        unknown = await plain.post("/gpt-5-2/v1/chat/completions", json=body)

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.json()["credits_consumed"] == 0.01
    assert answer.json()["choices"][0]["message"]["role"] == "assistant"
    assert (unknown.status_code, unknown.json()["code"]) == (200, 401)
