"""Kie's create call: what proves that no task exists, what proves one, and what proves nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.jobs import FailureReason
from bot.errors import AccountFault, AnswerLostError, ProviderAuthError, ProviderRejectedError, ProviderUnavailableError
from bot.ports import Submission
from tests.providers.recorded import KEY, Answering

SUBMISSION = Submission(
    slug="bytedance/seedance-2-fast",
    fields={"prompt": "a cat", "duration": 5, "generate_audio": False, "image_urls": ["https://u.test/a.jpg"]},
    callback_url="https://bot.test/kie/7/secret",
)


async def test_accepted_task_is_named(answering: Answering) -> None:
    kie, _ = answering("created")

    assert await kie.create(SUBMISSION) == "3f0c9a77d0e64c5f8a1b2c3d4e5f6071"


async def test_request_has_model_input_and_callback_with_their_types(answering: Answering) -> None:
    kie, seen = answering("created")

    await kie.create(SUBMISSION)

    assert str(seen.sent[0].url) == "https://api.kie.test/api/v1/jobs/createTask"
    assert seen.sent[0].headers["Authorization"] == f"Bearer {KEY}"
    assert seen.sent[0].headers["User-Agent"].startswith("Cutscene/")
    assert seen.sent[0].headers["Accept-Encoding"] == "identity"
    assert seen.body == {
        "model": "bytedance/seedance-2-fast",
        "input": {"prompt": "a cat", "duration": 5, "generate_audio": False, "image_urls": ["https://u.test/a.jpg"]},
        "callBackUrl": "https://bot.test/kie/7/secret",
    }


async def test_no_callback_is_asked_for_when_nobody_could_reach_us(answering: Answering) -> None:
    kie, seen = answering("created")

    await kie.create(Submission(slug="m", fields={}, callback_url=None))

    assert "callBackUrl" not in seen.body


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unknown_model", FailureReason.MODEL_PAUSED),
        ("paused", FailureReason.MODEL_PAUSED),
        ("disabled", FailureReason.MODEL_PAUSED),
        ("validation_500", FailureReason.REJECTED),
        ("range_422", FailureReason.REJECTED),
    ],
)
async def test_refusal_is_final_whatever_the_http_status(
    answering: Answering, name: str, reason: FailureReason, status: int
) -> None:
    kie, _ = answering(name, status=status)

    with pytest.raises(ProviderRejectedError) as refusal:
        await kie.create(SUBMISSION)

    assert refusal.value.reason is reason


@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize(
    ("name", "fault"),
    [("key_refused", AccountFault.KEY), ("no_credits", AccountFault.BALANCE), ("key_cap", AccountFault.CAP)],
)
async def test_trouble_with_the_account_is_told_apart(
    answering: Answering, name: str, fault: AccountFault, status: int
) -> None:
    kie, _ = answering(name, status=status)

    with pytest.raises(ProviderAuthError) as refusal:
        await kie.create(SUBMISSION)

    assert refusal.value.fault is fault


@pytest.mark.parametrize(
    ("name", "least"), [("rate_limited", timedelta(seconds=10)), ("maintenance", timedelta(minutes=5))]
)
async def test_busy_provider_is_left_alone_for_a_while(answering: Answering, name: str, least: timedelta) -> None:
    kie, _ = answering(name)

    with pytest.raises(ProviderUnavailableError) as refusal:
        await kie.create(SUBMISSION)

    assert refusal.value.retry_after == least


async def test_longer_wish_of_a_proxy_is_respected(answering: Answering) -> None:
    kie, _ = answering("rate_limited", status=429, Retry_After="75")

    with pytest.raises(ProviderUnavailableError) as refusal:
        await kie.create(SUBMISSION)

    assert refusal.value.retry_after == timedelta(seconds=75)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"code":451,"msg":"Failed to fetch the image"}', FailureReason.IMAGE_UNREACHED),
        ('{"code":422,"msg":"Your prompt was flagged by Website as violating content policies"}', "moderation_prompt"),
        ('{"code":500,"msg":"Your prompt was flagged as sensitive"}', FailureReason.MODERATION_PROMPT),
        ('{"code":"422","message":"Only English prompts"}', FailureReason.LANGUAGE),
        ('{"code":501,"msg":"generation failed"}', FailureReason.UPSTREAM),
        ('{"code":400,"msg":"bad request"}', FailureReason.REJECTED),
    ],
)
async def test_texts_name_the_reason(answering: Answering, body: str, reason: FailureReason) -> None:
    kie, _ = answering(body=body)

    with pytest.raises(ProviderRejectedError) as refusal:
        await kie.create(SUBMISSION)

    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, '{"code":500,"msg":"Internal Error"}'),
        (500, '{"code":500,"msg":"server error, please try again later"}'),
        (200, '{"code":502,"msg":"bad gateway"}'),
        (200, '{"code":408,"msg":"upstream produced nothing"}'),
        (200, '{"code":200,"msg":"success","data":{}}'),
        (200, '{"code":200,"msg":"success","data":null}'),
        (200, '{"code":200,"msg":"success","data":{"taskId":""}}'),
        (200, '{"code":200,"msg":"success","data":{"taskId":17}}'),
        (200, r'{"code":200,"msg":"success","data":{"taskId":"\ud800"}}'),
        (200, '{"code":200,"data":{"taskId":"' + "x" * 129 + '"}}'),
        (200, '{"msg":"success"}'),
        (200, '{"code":true}'),
        (200, ""),
        (200, "not json"),
        (200, "[" * 100_000),
        (200, "<html>Just a moment...</html>"),
        (500, "<html>500</html>"),
        (502, "<html>502</html>"),
        (503, "<html>503</html>"),
        (504, ""),
        (524, "<html>A timeout occurred</html>"),
        (408, "<html>408</html>"),
        (303, ""),
    ],
)
async def test_answer_that_proves_nothing_is_a_lost_answer(answering: Answering, status: int, body: str) -> None:
    kie, _ = answering(status=status, body=body)

    with pytest.raises(AnswerLostError):
        await kie.create(SUBMISSION)


@pytest.mark.parametrize("status", [403, 404, 429, 301, 307])
async def test_request_turned_away_at_the_edge_never_became_a_task(answering: Answering, status: int) -> None:
    kie, _ = answering("edge.html", status=status)

    with pytest.raises(ProviderUnavailableError) as refusal:
        await kie.create(SUBMISSION)

    assert refusal.value.retry_after is not None


async def test_key_and_addresses_never_stand_in_an_error(answering: Answering) -> None:
    told = f"bad callBackUrl https://bot.test/kie/7/secret for key {KEY}\x1b[31m\n" + "x" * 5000
    kie, _ = answering(body='{"code":422,"msg":"' + told.replace("\x1b", "\\u001b").replace("\n", "\\n") + '"}')

    with pytest.raises(ProviderRejectedError) as refusal:
        await kie.create(SUBMISSION)

    shown = f"{refusal.value} {refusal.value.detail!r}"
    assert KEY not in shown
    assert "secret" not in shown
    assert "\x1b" not in refusal.value.detail
    assert len(refusal.value.detail) < 400


@pytest.mark.parametrize(
    "body", ['{"code":500,"msg":{"flagged":null},"data":null}', '{"code":500,"data":{"note":"This field is required"}}']
)
async def test_words_that_are_not_the_text_of_the_answer_prove_nothing(answering: Answering, body: str) -> None:
    kie, _ = answering(body=body)

    with pytest.raises(AnswerLostError):
        await kie.create(SUBMISSION)
