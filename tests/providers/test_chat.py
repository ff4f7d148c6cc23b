"""The prompt assistant's endpoint: OpenAI's shape and Kie's, what they cost, and everything else they may answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.assistance import instructions
from bot.domain.policies import AssistMode
from bot.errors import (
    AccountFault,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderUnavailableError,
)
from bot.ports import Rewritten
from bot.providers.chat import MAX_TOKENS, ChatAssistant, TokenPrices
from sandbox.assist_server import AssistServer, Reply
from sandbox.vendors import Body, Call, LostAnswer, Refusal, Slow

IDEA = instructions(AssistMode.ASSIST, "a red fox", 500)


@pytest.fixture
async def server() -> AsyncIterator[AssistServer]:
    async with AssistServer() as running:
        yield running


@asynccontextmanager
async def chat(
    server: AssistServer,
    path: str = "/v1",
    *,
    key: str | None = None,
    model: str | None = "local-small",
    prices: TokenPrices | None = None,
    patience: float = 5,
) -> AsyncIterator[ChatAssistant]:
    assistant = ChatAssistant(
        base_url=server.url + path,
        api_key=key or server.key,
        model=model,
        prices=prices,
        patience=timedelta(seconds=patience),
    )
    yield assistant
    await assistant.aclose()


async def test_idea_is_asked_as_material_without_streaming_and_with_a_limit(server: AssistServer) -> None:
    async with chat(server) as assistant:
        answer = await assistant.rewrite(IDEA)

    assert answer.text is not None and "a red fox" in answer.text
    assert answer.credits is None
    [body] = server.asked
    assert (body["model"], body["stream"], body["max_tokens"]) == ("local-small", False, MAX_TOKENS)
    assert body["messages"] == [
        {"role": "system", "content": IDEA.task},
        {"role": "user", "content": "<idea>\na red fox\n</idea>"},
    ]


async def test_kies_address_names_the_model_and_its_answer_the_cost(server: AssistServer) -> None:
    async with chat(server, "/gpt-5-2/v1/", model=None) as assistant:
        answer = await assistant.rewrite(IDEA)

    assert answer.text is not None and "a red fox" in answer.text
    assert answer.credits == 0.01
    assert "model" not in server.asked[0]


async def test_tokens_cost_what_the_host_says_of_their_price(server: AssistServer) -> None:
    # 5 and 50 dollars per million tokens: a thousandth and a hundredth of a credit for one.
    async with chat(server, prices=TokenPrices(prompt=Decimal(5), answer=Decimal(50))) as assistant:
        answer = await assistant.rewrite(IDEA)

    assert answer.credits is not None
    assert 0.2 < answer.credits < 5


async def test_model_that_wants_the_new_name_of_the_limit_gets_it(server: AssistServer) -> None:
    server.wants_new_limit = True
    async with chat(server) as assistant:
        await assistant.rewrite(IDEA)
        await assistant.rewrite(IDEA)

    assert [body.get("max_completion_tokens") for body in server.asked] == [MAX_TOKENS, MAX_TOKENS]
    assert server.counts[Call.CREATE] == 3


async def test_text_in_parts_is_put_together(server: AssistServer) -> None:
    server.reply(Reply(text="A fox runs.", is_in_parts=True))
    async with chat(server) as assistant:
        assert (await assistant.rewrite(IDEA)).text == "A fox runs."


@pytest.mark.parametrize("reply", [Reply(refusal="no"), Reply(text="", finish_reason="content_filter")])
async def test_model_that_would_not_is_a_refusal_which_costs_all_the_same(server: AssistServer, reply: Reply) -> None:
    server.reply(reply)
    async with chat(server, "/gpt-5-2/v1", model=None) as assistant:
        assert await assistant.rewrite(IDEA) == Rewritten(text=None, credits=0.01, is_refused=True)


@pytest.mark.parametrize(
    "reply", [Reply(text=None), Reply(text="  \n"), Reply(text="x", has_choices=False)], ids=["null", "blank", "none"]
)
async def test_answer_without_a_text_is_none_which_costs_all_the_same(server: AssistServer, reply: Reply) -> None:
    server.reply(reply)
    async with chat(server, "/gpt-5-2/v1", model=None) as assistant:
        assert await assistant.rewrite(IDEA) == Rewritten(text=None, credits=0.01)


@pytest.mark.parametrize("choices", ["[7]", '[{"message":{"content":7}}]', '[{"message":7}]'])
async def test_choice_that_is_none_is_an_answer_without_a_text(server: AssistServer, choices: str) -> None:
    server.faults.add(Call.CREATE, Body(f'{{"choices":{choices}}}', status=200))
    async with chat(server) as assistant:
        assert (await assistant.rewrite(IDEA)).text is None


@pytest.mark.parametrize("path", ["/v1", "/gpt-5-2/v1"])
async def test_wrong_key_is_known_also_when_it_comes_with_success(server: AssistServer, path: str) -> None:
    async with chat(server, path, key="wrong-key") as assistant:
        with pytest.raises(ProviderAuthError) as refused:
            await assistant.rewrite(IDEA)

    assert refused.value.fault is AccountFault.KEY
    assert "wrong-key" not in str(refused.value)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Refusal(status=500, text="broken"), ProviderUnavailableError),
        (Refusal(status=429, text="slow down"), ProviderUnavailableError),
        (Refusal(status=404, text="no such model"), ProviderProtocolError),
        (Body("<html>502</html>", status=502, content_type="text/html"), ProviderUnavailableError),
        (Body("<html>welcome</html>", status=200, content_type="text/html"), ProviderProtocolError),
        (Body("", status=200), ProviderProtocolError),
        (Body('{"code":402,"msg":"Credits insufficient"}', status=200), ProviderAuthError),
        (Body('{"code":500,"msg":"busy"}', status=200), ProviderUnavailableError),
        (Body('{"choices":"many"}', status=200), ProviderProtocolError),
        (Body("x" * 2_000_000, status=200), ProviderProtocolError),
        (LostAnswer(), ProviderUnavailableError),
        (Slow(30), ProviderUnavailableError),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, type) else value.__name__,
)
async def test_everything_else_is_an_error_of_the_provider(
    server: AssistServer, fault: Refusal | Body | LostAnswer | Slow, error: type[ProviderError]
) -> None:
    server.faults.add(Call.CREATE, fault)
    async with chat(server, patience=1 if isinstance(fault, Slow) else 5) as assistant:
        with pytest.raises(error):
            await assistant.rewrite(IDEA)


@pytest.mark.parametrize("cost", ["-1", "1e300", '"much"', "true", "null"])
async def test_cost_that_makes_no_sense_is_none(server: AssistServer, cost: str) -> None:
    body = f'{{"choices":[{{"message":{{"content":"A fox."}}}}],"credits_consumed":{cost}}}'
    server.faults.add(Call.CREATE, Body(body, status=200))
    async with chat(server) as assistant:
        assert (await assistant.rewrite(IDEA)).credits is None
