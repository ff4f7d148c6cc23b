"""Kie's task record in every shape that was documented or recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import ProviderAuthError, ProviderProtocolError, ProviderUnavailableError
from bot.ports import Done, Empty, NotVisible, Pending, Refused
from tests.providers.recorded import NOW, Answering, fields

TASK = TaskId("t-1")
ENDED = datetime.fromtimestamp(1786334433.874, UTC)
URL = "https://tempfile.aiquickdraw.com/r/out.mp4"


def record(**changes: object) -> str:
    """The recorded success with some of its fields changed."""
    whole = fields("success")
    data = whole["data"]
    assert isinstance(data, dict)
    return json.dumps({**whole, "data": {**data, **changes}})


async def test_task_is_asked_for_by_its_id(answering: Answering) -> None:
    kie, seen = answering("pending")

    await kie.status(TaskId("t-1"))

    assert str(seen.sent[0].url) == "https://api.kie.test/api/v1/jobs/recordInfo?taskId=t-1"


async def test_waiting_task_is_pending(answering: Answering) -> None:
    kie, _ = answering("pending")

    assert await kie.status(TASK) == Pending()


@pytest.mark.parametrize("state", ["queuing", "generating", "reviewing", "FROZEN"])
async def test_state_that_is_no_end_is_pending(answering: Answering, state: str) -> None:
    kie, _ = answering(body=record(state=state))

    assert await kie.status(TASK) == Pending()


async def test_finished_task_gives_its_link_its_end_and_its_cost(answering: Answering) -> None:
    kie, _ = answering("success")

    status = await kie.status(TASK)

    assert status == Done(result=Result(url=URL, expires_at=ENDED + timedelta(hours=24), credits=112.0))


async def test_result_as_an_object_is_read_and_a_cost_of_zero_is_no_answer(answering: Answering) -> None:
    kie, _ = answering("success_object")

    status = await kie.status(TASK)

    assert isinstance(status, Done)
    assert status.result.url == URL
    assert status.result.credits is None


async def test_newest_shape_is_read(answering: Answering) -> None:
    kie, _ = answering("success_new_shape")

    status = await kie.status(TASK)

    assert isinstance(status, Done)
    assert status.result.url == URL
    assert status.result.credits == 63


@pytest.mark.parametrize(
    "name", ["success_no_urls", "success_missing_key", "success_invalid_json", "success_null_result"]
)
async def test_success_without_a_link_is_empty_and_inputs_are_never_taken_for_results(
    answering: Answering, name: str
) -> None:
    kie, _ = answering(name)

    assert isinstance(await kie.status(TASK), Empty)


@pytest.mark.parametrize(
    "url", ["ftp://x.test/a.mp4", "file:///etc/passwd", "a.mp4", "", "https://u:p@x.test/", None, 7]
)
async def test_link_that_is_no_web_address_is_no_result(answering: Answering, url: object) -> None:
    kie, _ = answering(body=record(resultJson=json.dumps({"resultUrls": [url]})))

    assert isinstance(await kie.status(TASK), Empty)


@pytest.mark.parametrize("cost", [None, "much", -1, True, float("nan"), float("inf"), []])
async def test_cost_that_is_none_is_not_made_up(answering: Answering, cost: object) -> None:
    kie, _ = answering(body=record(creditsConsumed=cost))

    status = await kie.status(TASK)

    assert isinstance(status, Done)
    assert status.result.credits is None


@pytest.mark.parametrize("ended", [None, "yesterday", "2026-08-10 12:20:33", 0, -5, 1e300, 9_999_999_999_999])
async def test_strange_end_counts_as_now(answering: Answering, ended: object) -> None:
    kie, _ = answering(body=record(completeTime=ended))

    status = await kie.status(TASK)

    assert isinstance(status, Done)
    assert status.result.expires_at == NOW + timedelta(hours=24)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, '{"code":422,"msg":"recordInfo is null","data":null}'),
        (422, '{"code":422,"message":"Record does not exist"}'),
        (200, '{"code":200,"msg":"success","data":null}'),
        (404, '{"code":404,"msg":"Task not found"}'),
        (404, "Task not found"),
    ],
)
async def test_record_that_is_not_there_is_not_visible(answering: Answering, status: int, body: str) -> None:
    kie, _ = answering(status=status, body=body)

    assert await kie.status(TASK) == NotVisible()


async def test_moderated_task_is_refused_with_its_text_but_without_addresses(answering: Answering) -> None:
    kie, _ = answering("fail_moderation")

    status = await kie.status(TASK)

    assert isinstance(status, Refused)
    assert status.reason is FailureReason.MODERATION
    assert "flagged as sensitive" in status.detail
    assert "sig=" not in status.detail


@pytest.mark.parametrize(
    ("code", "told", "reason"),
    [
        ("500", "PUBLIC_ERROR_UNSAFE_GENERATION", FailureReason.MODERATION),
        ("400", "public error minor upload", FailureReason.PERSON),
        ("400", "public error prominent people upload", FailureReason.PERSON),
        ("400", "SENSITIVE_WORD_ERROR", FailureReason.MODERATION_PROMPT),
        ("400", "moderation_blocked", FailureReason.MODERATION),
        ("400", "caught by our AI moderator", FailureReason.MODERATION),
        ("422", "NSFW content", FailureReason.MODERATION),
        ("500", "Image Fetch Failed", FailureReason.IMAGE_UNREACHED),
        ("500", "Failed to fetch the image", FailureReason.IMAGE_UNREACHED),
        ("451", "no text that we know", FailureReason.IMAGE_UNREACHED),
        ("422", "Only English prompts are supported", FailureReason.LANGUAGE),
        ("500", "upstream API service timed out", FailureReason.TIMEOUT),
        (408, None, FailureReason.TIMEOUT),
        ("500", "internal error, please try again later.", FailureReason.UPSTREAM),
        ("422", "server is busy", FailureReason.BUSY),
        ("501", "generation failed", FailureReason.UPSTREAM),
        ("422", "duration is not within the range of allowed options", FailureReason.REJECTED),
        (None, None, FailureReason.UPSTREAM),
    ],
)
async def test_failed_task_has_a_reason(
    answering: Answering, code: object, told: object, reason: FailureReason
) -> None:
    kie, _ = answering(body=record(state="fail", failCode=code, failMsg=told, resultJson=""))

    status = await kie.status(TASK)

    assert isinstance(status, Refused)
    assert status.reason is reason


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, '{"code":429,"msg":"rate"}'),
        (200, '{"code":455,"msg":"maintenance"}'),
        (200, '{"code":500,"msg":"Internal Error"}'),
        (503, '{"code":503,"msg":"x"}'),
        (403, "<html>error code: 1010</html>"),
        (404, "<html>not here</html>"),
        (200, "<html>Just a moment...</html>"),
        (524, ""),
        (429, ""),
    ],
)
async def test_trouble_with_asking_is_asked_again_later(answering: Answering, status: int, body: str) -> None:
    kie, _ = answering(status=status, body=body)

    with pytest.raises(ProviderUnavailableError):
        await kie.status(TASK)


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (
            '{"code":501,"msg":"generation failed","data":{"taskId":"t-1","successFlag":3}}',
            FailureReason.UPSTREAM,
            "[501] generation failed",
        ),
        (
            '{"code":531,"msg":"failed, refunded","data":{"failMsg":"no worker"}}',
            FailureReason.UPSTREAM,
            "[531] no worker",
        ),
        (
            '{"code":501,"msg":"Your prompt was flagged as sensitive","data":null}',
            FailureReason.MODERATION_PROMPT,
            "[501] Your prompt was flagged as sensitive",
        ),
        (
            '{"code":501,"msg":"Playground task failed.","data":{"taskId":"t-1","state":"fail","failCode":"400",'
            '"failMsg":"Your prompt was flagged"}}',
            FailureReason.MODERATION_PROMPT,
            "[400] Your prompt was flagged",
        ),
    ],
)
async def test_failure_may_come_as_the_code_of_the_answer_as_in_callbacks(
    answering: Answering, body: str, reason: FailureReason, detail: str
) -> None:
    kie, _ = answering(body=body)

    assert await kie.status(TASK) == Refused(reason=reason, detail=detail)


@pytest.mark.parametrize(
    "body",
    [
        '{"code":501,"msg":"generation failed"}',
        '{"code":531,"msg":"failed, refunded","data":null}',
        '{"code":501,"msg":"server is busy","data":{"taskId":"t-1","failCode":null,"failMsg":""}}',
    ],
)
async def test_a_bare_code_of_failure_may_be_about_the_question_and_is_not_believed_at_once(
    answering: Answering, body: str
) -> None:
    kie, _ = answering(body=body)

    with pytest.raises(ProviderProtocolError):
        await kie.status(TASK)


@pytest.mark.parametrize("state", ["waiting", "generating"])
async def test_a_record_that_says_that_its_task_goes_on_is_believed_before_the_code_beside_it(
    answering: Answering, state: str
) -> None:
    kie, _ = answering(body=f'{{"code":501,"msg":"failed","data":{{"taskId":"t-1","state":"{state}"}}}}')

    assert await kie.status(TASK) == Pending()


async def test_refused_key_is_the_hosts_business(answering: Answering) -> None:
    kie, _ = answering("key_refused")

    with pytest.raises(ProviderAuthError):
        await kie.status(TASK)


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        '{"data":{}}',
        '{"code":200,"data":[]}',
        '{"code":200,"data":{"taskId":"t-1"}}',
        '{"code":400,"msg":"taskId is required"}',
    ],
)
async def test_answer_that_nobody_documented_is_said_to_be_one(answering: Answering, body: str) -> None:
    kie, _ = answering(body=body)

    with pytest.raises(ProviderProtocolError):
        await kie.status(TASK)


async def test_record_of_another_task_is_never_taken_for_ours(answering: Answering) -> None:
    kie, _ = answering("success")

    with pytest.raises(ProviderProtocolError):
        await kie.status(TaskId("t-2"))


@pytest.mark.parametrize(
    ("param", "address"),
    [
        (json.dumps({"callBackUrl": "https://bot.test/callbacks/kie/1/s"}), "https://bot.test/callbacks/kie/1/s"),
        ({"callBackUrl": "https://bot.test/callbacks/kie/1/s"}, "https://bot.test/callbacks/kie/1/s"),
        ('{"model": "maker/text"}', None),
        ('{"callBackUrl": 7}', None),
        ("not JSON", None),
        (None, None),
    ],
)
async def test_record_tells_with_which_callback_address_its_task_was_made(
    answering: Answering, param: object, address: str | None
) -> None:
    kie, _ = answering(body=record(param=param))

    assert await kie.callback_url(TASK) == address


async def test_address_of_a_task_without_a_record_is_a_question_for_later(answering: Answering) -> None:
    kie, _ = answering(body=json.dumps({"code": 422, "msg": "recordInfo is null", "data": None}))

    with pytest.raises(ProviderUnavailableError):
        await kie.callback_url(TASK)
