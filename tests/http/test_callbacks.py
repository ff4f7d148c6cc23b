"""The bot's HTTP server, over a real socket: a provider calls back."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from bot.domain.ids import JobId, TaskId
from bot.http import LARGEST_BODY
from tests.http.making import FINISHED, House


async def test_callback_becomes_a_hint_and_is_acknowledged(house: House) -> None:
    status, text = await house.ask("POST", "/callbacks/kie/17/s3cret", json=FINISHED)

    assert (status, json.loads(text)) == (200, {"code": 200, "msg": "success"})
    assert house.callbacks.hints == [(17, "s3cret", "t-1")]


@pytest.mark.parametrize(
    "body",
    [{"data": {"taskId": "t-9"}}, {"data": {"task_id": "t-9"}}, {"taskId": "t-9"}, {"data": None, "taskId": "t-9"}],
)
async def test_task_id_is_found_in_each_documented_place(house: House, body: dict[str, object]) -> None:
    assert await house.call_back(json=body) == 200
    assert house.callbacks.hints == [(17, "s3cret", "t-9")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/callbacks/kie/17/wrong"),
        ("POST", "/callbacks/kie/18/s3cret"),
        ("POST", "/callbacks/kie/9223372036854775808/s3cret"),
        ("POST", "/callbacks/kie/99999999999999999999/s3cret"),
        ("POST", "/callbacks/kie/-1/s3cret"),
        ("POST", "/callbacks/kie/17"),
        ("POST", "/callbacks/kie/17/s3cret/more"),
        ("POST", "/callbacks/other/17/s3cret"),
        ("GET", "/callbacks/kie/17/s3cret"),
        ("PUT", "/callbacks/kie/17/s3cret"),
        ("POST", "/healthz"),
        ("GET", "/"),
        ("GET", "/../../etc/passwd"),
    ],
)
async def test_everything_else_is_the_same_404(house: House, method: str, path: str) -> None:
    body = {"json": FINISHED} if method == "POST" else {}

    status, text = await house.ask(method, path, **body)

    assert (status, json.loads(text)) == (404, {"code": 404, "msg": "not found"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"t-1"',
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        b"{}",
        b'{"data": {"taskId": 7}}',
        b'{"data": {"taskId": ""}}',
        b'{"data": {"taskId": "' + b"t" * 129 + b'"}}',
        b'{"data": {"taskId": "a\\nb"}}',
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_body_that_names_no_task_is_refused(house: House, body: bytes) -> None:
    assert await house.call_back(json=None, data=body) == 400
    assert house.callbacks.hints == []


async def test_body_up_to_the_cap_is_read(house: House) -> None:
    body = json.dumps(FINISHED).encode()

    assert await house.call_back(json=None, data=body.ljust(LARGEST_BODY)) == 200


async def test_body_above_the_cap_is_refused(house: House) -> None:
    body = json.dumps(FINISHED).encode()

    assert await house.call_back(json=None, data=body.ljust(LARGEST_BODY + 1)) == 413
    assert house.callbacks.hints == []


async def test_small_body_that_unpacks_to_a_large_one_is_refused(house: House) -> None:
    packed = gzip.compress(json.dumps(FINISHED).encode().ljust(50_000_000))

    status = await house.call_back(json=None, data=packed, headers={"Content-Encoding": "gzip"})

    assert len(packed) < LARGEST_BODY
    assert status == 413
    assert house.callbacks.hints == []


async def test_body_that_does_not_come_is_given_up(hasty_house: House) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty_house.server.port)

    writer.write(b"POST /callbacks/kie/17/s3cret HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    first_line = await reader.readline()

    assert first_line.startswith(b"HTTP/1.1 408 ")
    writer.close()
    await writer.wait_closed()


async def test_callback_is_not_acknowledged_when_it_could_not_be_stored(house: House) -> None:
    house.callbacks.is_down = True

    status, text = await house.ask("POST", "/callbacks/kie/17/s3cret", json=FINISHED)

    assert status == 500
    assert "disk full" not in text


async def test_callback_that_cannot_be_stored_in_time_is_asked_for_again(hasty_house: House) -> None:
    async def stuck(job_id: JobId, secret: str, task_id: TaskId) -> bool:
        return await asyncio.Event().wait()

    hasty_house.callbacks.hint = stuck  # type: ignore[method-assign]  # A database that hangs.

    assert await hasty_house.call_back() == 503


async def test_signature_is_not_looked_at_without_a_key(house: House) -> None:
    assert await house.call_back(headers={"X-Webhook-Signature": "nonsense"}) == 200
