"""The transport against a real server: lost, late, endless and huge answers, and what the logs show of it."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tomllib
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import __version__
from bot.domain.ids import TaskId
from bot.errors import AnswerLostError, ProviderProtocolError, ProviderUnavailableError
from bot.ports import Pending, Submission
from bot.providers.kie_jobs import KieJobs
from bot.providers.transport import BODY_LIMIT, Timeouts, Transport
from tests.logged import logged
from tests.loopback import Handler, always, answer, reset, serving, serving_broken_tls, silence
from tests.providers.recorded import KEY, adapter, text

SUBMISSION = Submission(slug="m", fields={"prompt": "a cat"}, callback_url=None)
SHORT = timedelta(milliseconds=150)
IMPATIENT = Timeouts(answer=SHORT, create_answer=SHORT, whole=4 * SHORT, whole_create=4 * SHORT)


@pytest.fixture
async def opened() -> AsyncIterator[list[KieJobs]]:
    """Adapters that are closed when the test is over."""
    adapters: list[KieJobs] = []
    yield adapters
    for kie in adapters:
        await kie.aclose()


async def drip(_: bytes, writer: asyncio.StreamWriter) -> None:
    """A body that keeps coming, a byte at a time, each just in time."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(_: bytes, writer: asyncio.StreamWriter) -> None:
    """A hundred megabytes, unless somebody stops it."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _i in range(1600):
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


UNANSWERED = [reset, silence, drip, flood, always(b"nonsense\r\n\r\n", then_close=True)]


@pytest.mark.parametrize("handler", UNANSWERED)
async def test_create_call_that_left_and_was_not_answered_is_lost(opened: list[KieJobs], handler: Handler) -> None:
    async with serving(handler) as server:
        kie = adapter(None, server.url, IMPATIENT)
        opened.append(kie)

        with pytest.raises(AnswerLostError):
            await kie.create(SUBMISSION)

    assert len(server.requests) == 1


@pytest.mark.parametrize("handler", [reset, silence, drip])
async def test_question_that_was_not_answered_is_asked_again_later(opened: list[KieJobs], handler: Handler) -> None:
    async with serving(handler) as server:
        kie = adapter(None, server.url, IMPATIENT)
        opened.append(kie)

        with pytest.raises(ProviderUnavailableError):
            await kie.status(TaskId("t-1"))


async def test_huge_answer_is_not_read(opened: list[KieJobs]) -> None:
    written = 0

    async def count(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _i in range(1600):
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            await writer.drain()
            written += 0x10000

    async with serving(count) as server:
        kie = adapter(None, server.url)
        opened.append(kie)

        with pytest.raises(ProviderProtocolError):
            await kie.status(TaskId("t-1"))

    # What the sockets' buffers took on top is the kernel's business.
    assert written < BODY_LIMIT + 16 * 1024 * 1024


async def test_answer_that_unpacks_into_a_huge_one_is_not_unpacked(opened: list[KieJobs]) -> None:
    raw = answer(gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip")
    async with serving(always(raw)) as server:
        kie = adapter(None, server.url)
        opened.append(kie)
        tracemalloc.start()
        try:
            with pytest.raises(ProviderProtocolError):
                await kie.status(TaskId("t"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 6 * 1024 * 1024


async def test_answer_that_comes_compressed_is_read(opened: list[KieJobs]) -> None:
    raw = answer(gzip.compress(text("pending.json").encode()), "Content-Encoding: gzip")
    async with serving(always(raw)) as server:
        kie = adapter(None, server.url)
        opened.append(kie)

        assert await kie.status(TaskId("t-1")) == Pending()


async def test_refused_connection_proves_that_nothing_was_created(opened: list[KieJobs]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: nobody else gets the port, nobody answers there.
        kie = adapter(None, f"http://127.0.0.1:{taken.getsockname()[1]}")
        opened.append(kie)

        with pytest.raises(ProviderUnavailableError):
            await kie.create(SUBMISSION)


async def test_failed_handshake_proves_that_nothing_was_created(opened: list[KieJobs]) -> None:
    async def not_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(not_tls, "127.0.0.1", 0)
    async with server:
        kie = adapter(None, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        opened.append(kie)

        with pytest.raises(ProviderUnavailableError):
            await kie.create(SUBMISSION)


async def test_encryption_that_breaks_under_an_answer_is_an_answer_that_did_not_come(
    opened: list[KieJobs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving_broken_tls(tmp_path, monkeypatch) as url:
        kie = adapter(None, url)
        opened.append(kie)

        with pytest.raises(AnswerLostError):
            await kie.create(SUBMISSION)
        with pytest.raises(ProviderUnavailableError):
            await kie.status(TaskId("t"))


async def test_every_create_call_has_its_own_connection_and_questions_share_one(opened: list[KieJobs]) -> None:
    created = answer(text("created.json").encode())
    async with serving(always(created)) as server:
        kie = adapter(None, server.url)
        opened.append(kie)

        await kie.create(SUBMISSION)
        await kie.create(SUBMISSION)

    assert server.connections == 2
    async with serving(always(answer(text("pending.json").encode()))) as server:
        kie = adapter(None, server.url)
        opened.append(kie)

        await kie.status(TaskId("t-1"))
        await kie.status(TaskId("t-1"))

    assert server.connections == 1


async def post_picture(transport: Transport, url: str) -> None:
    await transport.post_form_once(url, {"prompt": "a cat"}, [("input_reference", ("1.png", b"picture", "image/png"))])


async def test_forms_that_must_not_arrive_twice_are_sent_once_on_their_own_connections() -> None:
    transport = Transport(key=KEY)
    async with serving(always(answer(b"{}"))) as server:
        await post_picture(transport, server.url)
        await post_picture(transport, server.url)
    await transport.aclose()

    assert server.connections == 2
    assert all(b'name="input_reference"; filename="1.png"' in request for request in server.requests)


@pytest.mark.parametrize("handler", UNANSWERED)
async def test_form_that_left_and_was_not_answered_is_lost(handler: Handler) -> None:
    transport = Transport(key=KEY, timeouts=IMPATIENT)
    async with serving(handler) as server:
        with pytest.raises(AnswerLostError):
            await post_picture(transport, server.url)
    await transport.aclose()

    assert len(server.requests) == 1


async def test_a_vendor_may_want_the_key_in_a_header_of_its_own() -> None:
    transport = Transport(key=KEY, headers={"x-goog-api-key": KEY})
    async with serving(always(answer(b"{}"))) as server:
        await transport.get(server.url)
        await transport.post(server.url)
        await transport.delete(server.url)
    await transport.aclose()

    assert all(f"x-goog-api-key: {KEY}".encode() in request.lower() for request in server.requests)
    assert not any(b"authorization" in request.lower() for request in server.requests)


async def test_json_under_any_content_type_is_json(opened: list[KieJobs]) -> None:
    raw = answer("\ufeff".encode() + text("pending.json").encode(), "Content-Type: text/plain")
    async with serving(always(raw)) as server:
        kie = adapter(None, server.url)
        opened.append(kie)

        assert await kie.status(TaskId("t-1")) == Pending()


async def test_redirect_does_not_carry_the_key_elsewhere(opened: list[KieJobs]) -> None:
    async with serving(always(answer(b""))) as elsewhere:
        raw = answer(b"", f"Location: {elsewhere.url}/", status="302 Found")
        async with serving(always(raw)) as server:
            kie = adapter(None, server.url)
            opened.append(kie)

            with pytest.raises(ProviderUnavailableError):
                await kie.status(TaskId("t-1"))

    assert elsewhere.requests == []


async def test_cancelled_call_closes_its_connection(opened: list[KieJobs]) -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()
        closed.set()
        writer.close()

    server = await asyncio.start_server(watch, "127.0.0.1", 0)
    async with server:
        kie = adapter(None, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        opened.append(kie)
        call = asyncio.create_task(kie.create(SUBMISSION))
        await arrived.wait()

        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(5):
            await closed.wait()


async def test_no_log_shows_the_key_or_an_address(opened: list[KieJobs]) -> None:
    with logged() as log:
        async with serving(always(answer(text("key_refused.json").encode()))) as server:
            kie = adapter(None, server.url)
            opened.append(kie)

            with pytest.raises(Exception, match="access permissions") as refusal:
                await kie.status(TaskId("task-canary"))

    assert KEY not in log.getvalue()
    assert "task-canary" not in log.getvalue()
    assert KEY not in repr(refusal.value)


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "schlüssel"])
def test_key_that_cannot_be_sent_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="key") as refusal:
        Transport(key=key)

    assert "two" not in str(refusal.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://bot.test/kie/7/canary",
        r"https:\/\/bot.test\/kie\/7\/canary",
        "https%3A%2F%2Fbot.test%2Fkie%2F7%2Fcanary",
    ],
)
async def test_no_error_shows_an_address_however_the_answer_writes_it(opened: list[KieJobs], address: str) -> None:
    """The address of a job's callbacks holds its secret, and vendors repeat what they were sent."""
    said = f'{{"code": 500, "data": {{"param": "{address}"}}}}'.encode()
    async with serving(always(answer(said))) as server:
        kie = adapter(None, server.url)
        opened.append(kie)

        with pytest.raises(AnswerLostError) as failure:
            await kie.create(SUBMISSION)

    assert "canary" not in str(failure.value)


def test_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]

    assert project["version"] == __version__
