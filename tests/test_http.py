"""The bot's HTTP server, over a real socket: health, metrics and the provider's callbacks."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bot.domain.ids import JobId, ModelId, ProviderId, TaskId
from bot.domain.jobs import JobState
from bot.errors import ConfigurationError
from bot.http import LARGEST_BODY, HTTPServer, Patience
from bot.metrics import Metrics
from bot.providers import callback_forms
from bot.signatures import FRESHNESS, Replays, is_fresh, verify_kie_signature

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = "hmac-key-of-the-host"
FINISHED = {
    "code": 200,
    "msg": "Playground task completed successfully.",
    "data": {"taskId": "t-1", "state": "success"},
}


class HandClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        await wake.wait()


class RecordedHealth:
    def __init__(self) -> None:
        self.broken_reasons: list[str] = []
        self.missing_reasons: list[str] = []

    async def broken(self) -> list[str]:
        return self.broken_reasons

    async def missing(self) -> list[str]:
        return self.missing_reasons


class RecordedCallbacks:
    """Knows one job, 17, and its secret."""

    def __init__(self) -> None:
        self.hints: list[tuple[JobId, str, TaskId]] = []
        self.is_down = False

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        raise AssertionError("nobody here has one address for all jobs")

    async def hint(self, job_id: JobId, secret: str, task_id: TaskId) -> bool:
        if self.is_down:
            raise OSError("disk full")
        self.hints.append((job_id, secret, task_id))
        return (job_id, secret) == (17, "s3cret")


class House:
    """A server, what stands behind it, and somebody who asks."""

    def __init__(self, session: aiohttp.ClientSession, webhook_key: str | None, patience: Patience) -> None:
        self.session = session
        self.health = RecordedHealth()
        self.callbacks = RecordedCallbacks()
        self.clock = HandClock()
        registry = CollectorRegistry()
        Metrics(registry).delivered(8_000_000)
        self.server = HTTPServer(
            host="127.0.0.1",
            port=0,
            health=self.health,
            callbacks=self.callbacks,
            registry=registry,
            clock=self.clock,
            callback_forms={"kie": callback_forms.kie(SecretStr(webhook_key) if webhook_key else None)},
            patience=patience,
        )

    async def ask(self, method: str, path: str, **rest: Any) -> tuple[int, str]:
        async with self.session.request(method, f"http://127.0.0.1:{self.server.port}{path}", **rest) as answer:
            return answer.status, await answer.text()

    async def call_back(self, path: str = "/callbacks/kie/17/s3cret", **rest: Any) -> int:
        status, _ = await self.ask("POST", path, **({"json": FINISHED} | rest))
        return status


async def running(webhook_key: str | None = None, patience: Patience | None = None) -> AsyncIterator[House]:
    async with aiohttp.ClientSession() as session:
        house = House(session, webhook_key, patience or Patience())
        await house.server.start()
        yield house
        await house.server.close()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async for it in running():
        yield it


@pytest.fixture
async def signed_house() -> AsyncIterator[House]:
    async for it in running(webhook_key=KEY):
        yield it


@pytest.fixture
async def hasty_house() -> AsyncIterator[House]:
    moment = timedelta(milliseconds=20)
    async for it in running(patience=Patience(body=moment, answer=moment, check=moment)):
        yield it


def signed(task_id: str = "t-1", at: datetime = NOW, key: str = KEY) -> dict[str, str]:
    """The headers as Kie's page describes them, made here without our own code."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": base64.b64encode(digest).decode()}


# Health and metrics


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_well_bot_says_ok(house: House, path: str) -> None:
    status, text = await house.ask("GET", path)

    assert (status, json.loads(text)) == (200, {"status": "ok"})


async def test_bot_that_is_not_ready_says_what_is_missing_and_is_still_alive(house: House) -> None:
    house.health.missing_reasons = ["gateway", "database"]

    status, text = await house.ask("GET", "/readyz")

    assert (status, json.loads(text)["reasons"]) == (503, ["gateway", "database"])
    assert (await house.ask("GET", "/healthz"))[0] == 200


async def test_broken_bot_says_why(house: House) -> None:
    house.health.broken_reasons = ["worker"]

    status, text = await house.ask("GET", "/healthz")

    assert (status, json.loads(text)["reasons"]) == (503, ["worker"])


async def test_check_that_does_not_end_counts_as_failed(hasty_house: House) -> None:
    async def stuck() -> list[str]:
        await asyncio.Event().wait()
        return []

    hasty_house.health.missing = stuck  # type: ignore[method-assign]  # A database that hangs.

    status, text = await hasty_house.ask("GET", "/readyz")

    assert (status, json.loads(text)["reasons"]) == (503, ["check timed out"])


async def test_metrics_are_those_of_the_given_registry(house: House) -> None:
    status, text = await house.ask("GET", "/metrics")

    assert status == 200
    assert "cutscene_delivered_bytes_total 8e+06" in text
    assert 'cutscene_jobs{state="queued"} 0.0' in text


async def test_answers_do_not_tell_what_runs_here(house: House) -> None:
    async with house.session.get(f"http://127.0.0.1:{house.server.port}/healthz") as answer:
        assert answer.headers["Server"] == "cutscene"
        assert answer.headers["Cache-Control"] == "no-store"


# Callbacks


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


# Signed callbacks


async def test_signed_callback_is_taken(signed_house: House) -> None:
    assert await signed_house.call_back(headers=signed()) == 200
    assert signed_house.callbacks.hints == [(17, "s3cret", "t-1")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Webhook-Timestamp": "1", "X-Webhook-Signature": ""},
        signed(key="another key"),
        signed(task_id="t-2"),
        signed(at=NOW - FRESHNESS - timedelta(seconds=1)),
        signed(at=NOW + FRESHNESS + timedelta(seconds=1)),
        signed() | {"X-Webhook-Timestamp": str(int(NOW.timestamp()) + 1)},
        signed() | {"X-Webhook-Signature": signed()["X-Webhook-Signature"].rstrip("=")},
    ],
    ids=["none", "empty", "key", "task", "old", "future", "time", "cut"],
)
async def test_callback_without_a_right_and_fresh_signature_is_a_404(
    signed_house: House, headers: dict[str, str]
) -> None:
    assert await signed_house.call_back(headers=headers) == 404
    assert signed_house.callbacks.hints == []


async def test_what_is_refused_can_be_seen_by_the_host(signed_house: House) -> None:
    await signed_house.call_back()
    await signed_house.call_back("/callbacks/kie/17/wrong", headers=signed())

    _, text = await signed_house.ask("GET", "/metrics")

    assert 'cutscene_callbacks_refused_total{reason="wrong_signature"} 1.0' in text
    assert 'cutscene_callbacks_refused_total{reason="unknown_job"} 1.0' in text


async def test_signature_counts_once(signed_house: House) -> None:
    headers = signed()

    assert await signed_house.call_back(headers=headers) == 200
    assert await signed_house.call_back(headers=headers) == 404
    assert await signed_house.call_back(headers=signed(at=NOW + timedelta(seconds=1))) == 200
    assert len(signed_house.callbacks.hints) == 2


async def test_provider_may_try_again_after_we_failed(signed_house: House) -> None:
    signed_house.callbacks.is_down = True
    failed = await signed_house.call_back(headers=signed())
    signed_house.callbacks.is_down = False

    repeated = await signed_house.call_back(headers=signed())

    assert (failed, repeated) == (500, 200)


async def test_wrong_secret_does_not_use_up_the_signature(signed_house: House) -> None:
    assert await signed_house.call_back("/callbacks/kie/17/wrong", headers=signed()) == 404
    assert await signed_house.call_back(headers=signed()) == 200


def test_signature_agrees_with_a_known_answer() -> None:
    # Computed with `printf t-1.1700000000 | openssl dgst -sha256 -hmac key -binary | base64`.
    signature = "XCOeP47iQknCuZLyBILzM6gjTun5dWAbrSGU1/2+olA="
    at = datetime.fromtimestamp(1_700_000_000, UTC)

    assert verify_kie_signature("key", "t-1", "1700000000", signature, at)
    assert not verify_kie_signature("yek", "t-1", "1700000000", signature, at)
    assert not verify_kie_signature("key", "t-1", "1700000000", "ä" + signature, at)


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e9", "١٧٠٠٠٠٠٠٠٠", "9" * 400, " 1700000000", "1700000000.5"])
def test_strange_timestamps_are_never_fresh(timestamp: str) -> None:
    assert not is_fresh(timestamp, datetime.fromtimestamp(1_700_000_000, UTC))


def test_timestamps_are_fresh_for_five_minutes_either_way() -> None:
    timestamp = str(int(NOW.timestamp()))

    assert is_fresh(timestamp, NOW + timedelta(seconds=300))
    assert is_fresh(timestamp, NOW - timedelta(seconds=300))
    assert not is_fresh(timestamp, NOW + timedelta(seconds=301))
    assert not is_fresh(timestamp, NOW - timedelta(seconds=301))


def test_remembered_signatures_are_dropped_when_they_are_old_or_too_many() -> None:
    replays = Replays(most=3)

    for number in range(5):
        assert replays.take((f"t-{number}", "1"), NOW)
    assert len(replays) == 3
    assert not replays.take(("t-4", "1"), NOW + 2 * FRESHNESS)

    assert replays.take(("t-4", "1"), NOW + 2 * FRESHNESS + timedelta(seconds=1))
    assert len(replays) == 1


# Starting and closing


def server_on(port: int, host: str = "127.0.0.1") -> HTTPServer:
    return HTTPServer(
        host=host,
        port=port,
        health=RecordedHealth(),
        callbacks=RecordedCallbacks(),
        registry=CollectorRegistry(),
        clock=HandClock(),
    )


async def test_taken_port_is_one_line_that_names_the_setting(house: House) -> None:
    second = server_on(house.server.port)

    with pytest.raises(ConfigurationError) as caught:
        await second.start()

    assert caught.value.problems == [
        f"HTTP_PORT: {house.server.port} on 127.0.0.1 is taken by another program. "
        "Choose another port, or 0 for any free one."
    ]
    assert (await house.ask("GET", "/healthz"))[0] == 200


async def test_foreign_address_is_one_line_that_names_the_setting() -> None:
    # TEST-NET-1 (RFC 5737): no machine has it.
    with pytest.raises(ConfigurationError) as caught:
        await server_on(0, host="192.0.2.1").start()

    assert caught.value.problems == ["HTTP_HOST: 192.0.2.1 is no address of this machine. Example: 127.0.0.1"]


async def test_closed_server_gives_its_port_back_and_may_start_again() -> None:
    server = server_on(0)
    await server.start()
    port = server.port

    await server.close()
    await server.close()

    with pytest.raises(RuntimeError):
        _ = server.port
    again = server_on(port)
    await again.start()
    assert again.port == port
    await again.close()


async def test_callback_that_is_being_stored_is_answered_before_the_server_closes(house: House) -> None:
    arrived, may_end = asyncio.Event(), asyncio.Event()

    async def slow(job_id: JobId, secret: str, task_id: TaskId) -> bool:
        arrived.set()
        return await may_end.wait()

    house.callbacks.hint = slow  # type: ignore[method-assign]  # A commit that takes its time.

    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(house.call_back())
        await arrived.wait()
        closing = tasks.create_task(house.server.close())
        may_end.set()

    assert asked.result() == 200
    assert closing.done()


# Metrics


def test_metrics_count_what_they_are_told() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)

    metrics.jobs({JobState.RUNNING: 3, JobState.QUEUED: 1})
    metrics.jobs({JobState.RUNNING: 2})
    metrics.moved(JobState.DELIVERED, ModelId("wan-3"))
    metrics.called(ProviderId("kie_jobs"), "status", "ok")
    metrics.called(ProviderId("kie_jobs"), "status", "ok")
    metrics.lagged(0.25)
    with pytest.raises(KeyError), metrics.timed("fetch"):
        raise KeyError

    assert registry.get_sample_value("cutscene_jobs", {"state": "running"}) == 2
    assert registry.get_sample_value("cutscene_jobs", {"state": "queued"}) == 0
    assert registry.get_sample_value("cutscene_moves_total", {"state": "delivered", "model": "wan-3"}) == 1
    calls = {"provider": "kie_jobs", "call": "status", "outcome": "ok"}
    assert registry.get_sample_value("cutscene_provider_calls_total", calls) == 2
    assert registry.get_sample_value("cutscene_loop_lag_seconds") == 0.25
    assert registry.get_sample_value("cutscene_step_seconds_count", {"step": "fetch"}) == 1


def test_two_registries_do_not_know_each_other() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()

    Metrics(first).delivered(5)
    Metrics(second)

    assert second.get_sample_value("cutscene_delivered_bytes_total") == 0
