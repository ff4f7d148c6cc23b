"""Replicate's predictions, in every state and with every error that is documented."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import (
    AccountFault,
    AnswerLostError,
    ProviderAuthError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Done, Empty, NotSold, NotVisible, Pending, Refused, Sold, Submission
from bot.providers import callback_forms
from bot.providers.replicate import Replicate
from sandbox.replicate_server.webhooks import signature
from tests.providers.vendor import ANSWERS, KEY, Making, adapters, answer

TASK = TaskId("gm3qorzdhgbfurvjtvhg6dckhu")
HOOK = "https://bot.test/callbacks/replicate/7/secret"
SUBMISSION = Submission(slug="acme/clip", fields={"prompt": "a fox", "duration": 5}, callback_url=HOOK)


Answering = Making[Replicate]


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    async with adapters(lambda inner: Replicate(api_token=KEY, base_url="https://replicate.test", inner=inner)) as make:
        yield make


async def test_prediction_is_made_by_model_with_a_webhook_and_an_end(answering: Answering) -> None:
    replicate, seen = answering(answer("replicate/created", 201))

    assert await replicate.create(SUBMISSION) == TASK
    assert seen.url == "https://replicate.test/v1/models/acme/clip/predictions"
    assert seen.sent[0].headers["Authorization"] == f"Bearer {KEY}"
    assert seen.sent[0].headers["Cancel-After"] == "2h"
    assert seen.body == {
        "input": {"prompt": "a fox", "duration": 5},
        "webhook": HOOK,
        "webhook_events_filter": ["start", "completed"],
    }


async def test_prediction_is_made_by_version(answering: Answering) -> None:
    replicate, seen = answering(answer("replicate/created", 201))

    await replicate.create(Submission(slug="5c" * 32, fields={"prompt": "a fox"}, callback_url=None))

    assert seen.url == "https://replicate.test/v1/predictions"
    assert seen.body == {"version": "5c" * 32, "input": {"prompt": "a fox"}}


async def test_address_that_is_not_https_is_not_sent(answering: Answering) -> None:
    replicate, seen = answering(answer("replicate/created", 201))

    await replicate.create(Submission(slug="acme/clip", fields={}, callback_url="http://bot.test/callbacks/1/a"))

    assert "webhook" not in seen.body


async def test_picture_goes_to_the_store_of_files(answering: Answering, tmp_path: Path) -> None:
    replicate, seen = answering(answer("replicate/file", 201))
    picture = tmp_path / "private name.jpg"
    picture.write_bytes(b"abc")

    assert await replicate.upload(picture, "image/jpeg") == "https://api.replicate.com/v1/files/ZjQ3"
    assert seen.url == "https://replicate.test/v1/files"
    assert b'name="content"' in seen.sent[0].content
    assert b"private name" not in seen.sent[0].content


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("invalid", 422, ProviderRejectedError),
        ("not_found", 404, ProviderRejectedError),
        ("unauthenticated", 401, ProviderAuthError),
        ("no_credit", 402, ProviderAuthError),
        ("throttled", 429, ProviderUnavailableError),
        ("internal", 500, AnswerLostError),
    ],
)
async def test_errors_of_the_create_call(answering: Answering, name: str, status: int, error: type[Exception]) -> None:
    replicate, seen = answering(answer(f"replicate/{name}", status))

    with pytest.raises(error):
        await replicate.create(SUBMISSION)

    assert len(seen.sent) == 1


async def test_empty_account_is_named_as_such(answering: Answering) -> None:
    replicate, _ = answering(answer("replicate/no_credit", 402))

    with pytest.raises(ProviderAuthError) as caught:
        await replicate.create(SUBMISSION)

    assert caught.value.fault is AccountFault.BALANCE


@pytest.mark.parametrize(
    "reply", [httpx.Response(201, json={"id": "../x"}), httpx.Response(201, text=""), httpx.ReadTimeout("slow")]
)
async def test_answers_that_name_nothing_are_lost(answering: Answering, reply: httpx.Response | Exception) -> None:
    replicate, _ = answering(reply)

    with pytest.raises(AnswerLostError):
        await replicate.create(SUBMISSION)


@pytest.mark.parametrize("name", ["created", "processing"])
async def test_running_prediction_is_pending(answering: Answering, name: str) -> None:
    replicate, seen = answering(answer(f"replicate/{name}"))

    assert await replicate.status(TASK) == Pending()
    assert seen.url == f"https://replicate.test/v1/predictions/{TASK}"


@pytest.mark.parametrize("name", ["succeeded_text", "succeeded_list"])
async def test_output_is_one_address_or_a_list_and_lives_for_an_hour(answering: Answering, name: str) -> None:
    replicate, _ = answering(answer(f"replicate/{name}"))

    expires_at = datetime(2026, 11, 2, 11, 1, 3, tzinfo=UTC)
    assert await replicate.status(TASK) == Done(
        result=Result(url="https://replicate.delivery/xezq/out.mp4", expires_at=expires_at)
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("failed", FailureReason.UPSTREAM),
        ("failed_nsfw", FailureReason.MODERATION_PROMPT),
        ("canceled", FailureReason.UPSTREAM),
        ("aborted", FailureReason.UPSTREAM),
    ],
)
async def test_prediction_that_ended_without_output(answering: Answering, name: str, reason: FailureReason) -> None:
    replicate, _ = answering(answer(f"replicate/{name}"))

    ended = await replicate.status(TASK)

    assert isinstance(ended, Refused)
    assert ended.reason is reason


async def test_odd_records(answering: Answering) -> None:
    replicate, _ = answering(
        answer("replicate/succeeded_removed"),
        answer("replicate/not_found", 404),
        httpx.Response(200, json={"status": "dreaming"}),
        httpx.Response(502, text="<html>Bad gateway</html>"),
    )

    removed = await replicate.status(TASK)
    assert isinstance(removed, Empty)
    assert "deleted" in removed.detail
    assert await replicate.status(TASK) == NotVisible()
    assert await replicate.status(TASK) == Pending()
    with pytest.raises(ProviderUnavailableError):
        await replicate.status(TASK)
    with pytest.raises(ProviderProtocolError):
        await replicate.status(TaskId("../account"))


async def test_record_names_its_webhook_only_where_it_does(answering: Answering) -> None:
    replicate, _ = answering(answer("replicate/created"), httpx.Response(200, json={"webhook": HOOK}))

    assert await replicate.callback_url(TASK) is None
    assert await replicate.callback_url(TASK) == HOOK


async def test_prediction_is_cancelled(answering: Answering) -> None:
    replicate, seen = answering(
        answer("replicate/canceled"), answer("replicate/succeeded_text"), answer("replicate/not_found", 404)
    )

    assert [await replicate.cancel(TASK) for _ in range(3)] == [True, False, False]
    assert seen.url == f"https://replicate.test/v1/predictions/{TASK}/cancel"


async def test_probe_looks_at_the_model_and_makes_nothing(answering: Answering) -> None:
    replicate, seen = answering(httpx.Response(200, json={"owner": "acme"}), answer("replicate/not_found", 404))

    assert await replicate.probe("acme/clip") == Sold()
    assert isinstance(await replicate.probe("acme/clip"), NotSold)
    assert {request.method for request in seen.sent} == {"GET"}


async def test_account_is_asked_whether_the_token_is_good(answering: Answering) -> None:
    replicate, _ = answering(httpx.Response(200, json={"username": "acme"}), answer("replicate/unauthenticated", 401))

    assert await replicate.credits() is None
    with pytest.raises(ProviderAuthError):
        await replicate.credits()


def test_callback_as_the_local_replicate_signs_it_is_taken_and_names_its_task() -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    form = callback_forms.standard(SecretStr(secret))
    body = (ANSWERS / "replicate" / "succeeded_text.json").read_text()
    now = datetime(2026, 11, 2, 10, 1, 4, tzinfo=UTC)
    timestamp = str(int(now.timestamp()))
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, "msg_1", timestamp, body),
    }

    assert form.signature is not None
    assert list(form.task_ids(json.loads(body))) == [TASK]
    assert form.signature.seal(headers, body.encode(), TASK, now) is not None
    assert form.signature.seal(headers, body.replace("out", "other").encode(), TASK, now) is None
