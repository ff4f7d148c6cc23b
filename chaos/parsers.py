"""The parsers that read what strangers, providers, members and the host write, each with good inputs to start from."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from PIL import Image
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bot.catalogue import loader
from bot.domain.ids import JobId, ProviderId, TaskId
from bot.errors import ConfigurationError, ProviderError
from bot.http import HTTPServer
from bot.media.addresses import is_allowed
from bot.media.inspection import Refused, inspect
from bot.ports import Submission, SystemClock
from bot.providers import callback_forms
from bot.providers.kie_jobs import KieJobs
from bot.rendering.prompts import harmless
from bot.settings import load_settings
from bot.signatures import verify_kie_signature

SECRET = "canary-5150-secret"

Check = Callable[[bytes], Awaitable[None]]
# Opens what a target needs (a server, a folder) for as long as it is tried.
Opened = Callable[[Path], AbstractAsyncContextManager[Check]]


class FindingError(Exception):
    """An answer that should not have been."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser: good inputs, and what tries one input and raises when something is wrong."""

    name: str
    seeds: tuple[bytes, ...]
    opened: Opened


# The provider's answers.


def _kie(question: Callable[[KieJobs, Path], Awaitable[object]]) -> Opened:
    """The adapter, asked *question*, answered with the input: its first byte chooses the status."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Check]:
        picture = folder / "a.png"
        picture.write_bytes(b"picture")
        statuses = (200, 200, 200, 400, 404, 422, 429, 500, 502)

        async def check(content: bytes) -> None:
            status = statuses[content[0] % len(statuses)] if content else 200
            answer = httpx.Response(status, content=content[1:])
            kie = KieJobs(
                api_key=SECRET,
                api_url="http://kie.test",
                upload_url="http://kie.test",
                clock=SystemClock(),
                inner=httpx.MockTransport(lambda _: answer),
            )
            try:
                found = str(await question(kie, picture))
            except ProviderError as err:
                found = str(err)
            finally:
                await kie.aclose()
            if SECRET in found:
                raise FindingError("the provider's key is shown")
            found.encode("utf-8")

        yield check

    return opened


def _answers(*bodies: object) -> tuple[bytes, ...]:
    return tuple(b"\0" + json.dumps(body).encode() for body in bodies)


RECORDS = _answers(
    {
        "code": 200,
        "data": {
            "taskId": "t-1",
            "state": "success",
            "resultJson": '{"resultUrls":["https://files.test/v.mp4"]}',
            "completeTime": 1795176000000,
            "creditsConsumed": 12.5,
        },
    },
    {"code": 200, "data": {"taskId": "t-1", "successFlag": 1, "response": {"resultUrls": ["https://files.test/v"]}}},
    {"code": 200, "data": {"state": "fail", "failCode": "422", "failMsg": f"no key {SECRET} at https://x.test/"}},
    {"code": 404, "msg": "record is null", "data": None},
)
CREATED = _answers({"code": 200, "data": {"taskId": "t-1"}}, {"code": 402, "msg": "Credits insufficient"})
UPLOADED = _answers({"success": True, "code": 200, "data": {"downloadUrl": "https://files.test/a.png"}})
BALANCES = _answers({"code": 200, "msg": "success", "data": 100.5})


# What reaches the callback's port.


class _Healthy:
    async def broken(self) -> Sequence[str]:
        return []

    async def missing(self) -> Sequence[str]:
        return []


class _Hints:
    """Takes a hint as the store would: only what fits its columns."""

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        raise AssertionError("nobody here has one address for all jobs")

    async def hint(self, job_id: JobId, secret: str, task_id: TaskId) -> bool:
        fits = 0 <= job_id < 2**63 and secret.isascii() and 0 < len(task_id) <= 128 and task_id.isprintable()
        if not fits:
            raise FindingError(f"a hint that no column takes: {job_id!r}")
        return True


class _Noise(logging.Handler):
    """Counts what the server writes into the log at the level of troubles of our own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@asynccontextmanager
async def _port(is_signed: bool) -> AsyncIterator[Check]:
    server = HTTPServer(
        host="127.0.0.1",
        port=0,
        health=_Healthy(),
        callbacks=_Hints(),
        registry=CollectorRegistry(),
        clock=SystemClock(),
        callback_forms={"kie": callback_forms.kie(SecretStr(SECRET) if is_signed else None)},
    )
    await server.start()

    noise = _Noise()
    logging.getLogger("aiohttp.server").addHandler(noise)

    async def check(content: bytes) -> None:
        noise.lines.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        answer = b""
        # Nonsense may be answered by a closed connection.
        with suppress(ConnectionError):
            try:
                writer.write(content)
                writer.write_eof()
                answer = await reader.read()
            finally:
                writer.close()
                await writer.wait_closed()
        status = answer.split(b" ", 2)[1:2]
        if status and not b"200" <= status[0] < b"500":
            raise FindingError(f"the port answers {status[0]!r}")
        if noise.lines:
            raise FindingError("a stranger fills the log")

    try:
        yield check
    finally:
        logging.getLogger("aiohttp.server").removeHandler(noise)
        await server.close()


def _request(path: str, body: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: a", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


REQUESTS = (
    _request("/callbacks/kie/17/s3cret", '{"code":200,"data":{"taskId":"t-1","state":"success"}}'),
    _request(
        "/callbacks/kie/17/s3cret", '{"taskId":"t-1"}', "X-Webhook-Timestamp: 1795176000", "X-Webhook-Signature: YQ=="
    ),
    _request("/videos/1/a/1.mp4", ""),
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
)


@asynccontextmanager
async def _signature(_: Path) -> AsyncIterator[Check]:
    async def check(content: bytes) -> None:
        text = content.decode("utf-8", errors="surrogateescape")
        task_id, _, rest = text.partition("\n")
        timestamp, _, signature = rest.partition("\n")
        if verify_kie_signature("key", TaskId(task_id), timestamp, signature, datetime.now(UTC)):
            raise FindingError("a made-up signature is taken")

    yield check


# What the host writes.


@asynccontextmanager
async def _catalogue(folder: Path) -> AsyncIterator[Check]:
    async def check(content: bytes) -> None:
        (folder / "model.toml").write_bytes(content)
        loaded = loader.load_folders(folder)
        if not loaded.problems and not loaded.catalogue.models:
            raise FindingError("a file is neither a model nor a problem")
        for problem in loaded.problems:
            str(problem).encode("utf-8", errors="strict")

    yield check


@asynccontextmanager
async def _env(folder: Path) -> AsyncIterator[Check]:
    async def check(content: bytes) -> None:
        path = folder / ".env"
        path.write_bytes(content)
        try:
            text = repr(load_settings({}, env_file=path))
        except ConfigurationError as err:
            text = "\n".join(err.problems)
        if SECRET in text:
            raise FindingError("a secret is shown")

    yield check


ENV = f"""DISCORD_TOKEN={SECRET}
KIE_API_KEY="{SECRET}"
KIE_WEBHOOK_KEY='{SECRET}'
DATABASE_URL=postgresql+asyncpg://bot:{SECRET}@127.0.0.1:5432/bot
HTTP_PORT=8080
BUDGET_DAILY_USD=12.50 # a comment
DISCORD_GUILD_IDS=81384788765712384,81384788765712385
""".encode()


# What members send.


@asynccontextmanager
async def _picture(folder: Path) -> AsyncIterator[Check]:
    async def check(content: bytes) -> None:
        source, target = folder / "source", folder / "target"
        source.write_bytes(content)
        # Pillow warns of damaged files; the inspecting process has nobody to warn.
        with suppress(Refused, MemoryError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            inspect(source, target)

    yield check


def _drawn(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 12), "navy").save(out, kind)
    return out.getvalue()


# A bracket that closes the words of a link: one with no backslash before it that is itself meant.
LINK = re.compile(r"(?<!\\)(?:\\\\)*\]\(")


@asynccontextmanager
async def _prompt(_: Path) -> AsyncIterator[Check]:
    async def check(content: bytes) -> None:
        text = content.decode("utf-8", errors="surrogateescape" if len(content) % 2 else "replace")
        shown = harmless(text, 1 + len(content) % 400)
        if "\n" in shown or "@everyone" in shown or "<@" in shown or LINK.search(shown):
            raise FindingError("a prompt has an effect")
        shown.encode("utf-8")
        is_allowed(text, allow_private=False)

    yield check


OWN_MODELS = tuple(path.read_bytes() for path in sorted(loader.OWN_FOLDER.glob("*.toml"))[:4])
TARGETS: tuple[Target, ...] = (
    Target("kie-record", RECORDS, _kie(lambda kie, _: kie.status(TaskId("t-1")))),
    Target("kie-create", CREATED, _kie(lambda kie, _: kie.create(Submission(slug="m", fields={}, callback_url=None)))),
    Target("kie-upload", UPLOADED, _kie(lambda kie, path: kie.upload(path, "image/png"))),
    Target("kie-balance", BALANCES, _kie(lambda kie, _: kie.credits())),
    Target("port", REQUESTS, lambda _: _port(is_signed=False)),
    Target("signed-port", REQUESTS, lambda _: _port(is_signed=True)),
    Target("signature", (b"t-1\n1795176000\nYWJj", b"t-1\n\xd9\xa1\n="), _signature),
    Target("catalogue", OWN_MODELS, _catalogue),
    Target("env", (ENV,), _env),
    Target("picture", tuple(map(_drawn, ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"))), _picture),
    Target(
        "prompt",
        (b"@everyone <@1> [x](https://evil.test)", "\u202elisa <t:0:R>".encode(), b"::ffff:127.0.0.1"),
        _prompt,
    ),
)
