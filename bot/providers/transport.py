"""HTTP as providers need it: small answers, every wait limited, and always clear whether a request may have arrived."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from bot import __version__, certificates, compression
from bot.errors import AnswerLostError, ProviderProtocolError, ProviderUnavailableError
from bot.ports import Credentials

# An edge in front of a provider refuses the default names of HTTP libraries ("error code: 1010", seen at Kie).
USER_AGENT = f"Cutscene/{__version__} (+self-hosted)"

# Recorded answers are a few kilobytes; what is larger is not an answer to us.
BODY_LIMIT = 1024 * 1024

# What of a provider's text is kept for staff and the log.
DETAIL_LENGTH = 300

# How an edge refuses in one line instead of a page ("error code: 1010", seen at Kie).
_EDGE_LINE = re.compile(r"\s*error code: \d{3,4}\s*", re.IGNORECASE)

# As it is, with a backslash before each slash as some vendors' JSON has it, or inside of another address.
_ADDRESS = re.compile(r"\b[a-z]{2,8}(?::|%3a)(?:\\?/|%2f){2}\S+", re.IGNORECASE)

# Name, content and content type of a file in a form.
FormFile = tuple[str, BinaryIO | bytes, str]

# These stop a request before its first byte leaves, so it provably did not arrive.
_NEVER_SENT = (
    httpx.ConnectError,  # refused, no such name, TLS failed
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)

# Everything with which the network may fail. httpx lets an encryption that breaks after its handshake through as it is.
_FAILED = (httpx.HTTPError, TimeoutError, ssl.SSLError, zlib.error)

_last_answer: ContextVar[str | None] = ContextVar("last_answer", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each phase may take; `answer` for calls that can be repeated, `create_answer` for those that cannot."""

    connect: timedelta = timedelta(seconds=10)
    write: timedelta = timedelta(seconds=30)
    answer: timedelta = timedelta(seconds=30)
    # Giving up on a create call costs a job its certainty, so be patient: an edge itself gives up after 100 s (524).
    create_answer: timedelta = timedelta(seconds=110)
    # Over all phases, so that a body that arrives byte by byte has an end too. The worker's leases are longer.
    whole: timedelta = timedelta(seconds=60)
    whole_upload: timedelta = timedelta(seconds=180)
    whole_create: timedelta = timedelta(seconds=150)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One complete HTTP answer. `fields` is its JSON object, None when the body is something else."""

    status: int
    text: str
    fields: Mapping[str, object] | None
    retry_after: timedelta | None = None

    @property
    def is_page(self) -> bool:
        """Whether a web page or its one line came back: that is an edge or a proxy speaking, not the provider's API."""
        return self.text.lstrip()[:1] == "<" or _EDGE_LINE.fullmatch(self.text) is not None


class Transport:
    """The HTTP side of one provider account. Its errors never show keys or addresses; `bot.logs` quiets httpx's log."""

    def __init__(
        self,
        *,
        key: str,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*headers* carry the key where a vendor does not want it as a bearer token; *inner* replaces the network."""
        key = key.strip()
        if not key or not key.isascii() or not key.isprintable():
            raise ValueError("the provider's key is empty or holds characters that no key has")
        self._key = key
        self.headers = {"Authorization": f"Bearer {key}"} if headers is None else dict(headers)
        self._timeouts = timeouts or Timeouts()
        self._reads = self._client(inner, self._timeouts.answer, keep_alive=10)
        # A kept connection may be closed by the other side just as the request leaves, and then nobody knows whether
        # it arrived. Create calls therefore always open their own.
        self._creates = self._client(inner, self._timeouts.create_answer, keep_alive=0)

    def _client(
        self, inner: httpx.AsyncBaseTransport | None, answer: timedelta, *, keep_alive: int
    ) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=50, max_keepalive_connections=keep_alive)
        return httpx.AsyncClient(
            # Settings say where requests go; a proxy or .netrc picked up from the environment would redirect our key.
            transport=inner or httpx.AsyncHTTPTransport(verify=certificates.trusted(), limits=limits, trust_env=False),
            trust_env=False,
            headers={
                **self.headers,
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # Compression could hide a huge body behind a small one.
            },
            timeout=httpx.Timeout(
                connect=self._timeouts.connect.total_seconds(),
                pool=self._timeouts.connect.total_seconds(),
                write=self._timeouts.write.total_seconds(),
                read=answer.total_seconds(),
            ),
        )

    async def get(self, url: str, params: Mapping[str, str] | None = None, *, at_most: int = BODY_LIMIT) -> Answer:
        """Read something of *at_most* so many bytes.

        Raises ProviderUnavailableError when no answer comes, ProviderProtocolError when it is larger.
        """
        with _repeatable():
            request = self._reads.build_request("GET", url, params=params)
            return await self._exchange(self._reads, request, self._timeouts.whole, at_most)

    async def delete(self, url: str) -> Answer:
        """Remove something; removing it twice is the same."""
        with _repeatable():
            return await self._exchange(self._reads, self._reads.build_request("DELETE", url), self._timeouts.whole)

    async def post(self, url: str, body: Mapping[str, object] | None = None) -> Answer:
        """Send JSON that may arrive more than once, such as a wish to cancel."""
        with _repeatable():
            request = self._reads.build_request("POST", url, json=None if body is None else dict(body))
            return await self._exchange(self._reads, request, self._timeouts.whole)

    async def post_file(
        self,
        url: str,
        path: Path,
        *,
        name: str,
        content_type: str,
        fields: Mapping[str, str] | None = None,
        field: str = "file",
    ) -> Answer:
        """Upload the file at *path* under *name* as *field* of a form; for forms that may be sent again."""
        content = await asyncio.to_thread(path.open, "rb")
        try:
            with _repeatable():
                file = (name, content, content_type)
                request = self._reads.build_request("POST", url, data=dict(fields or {}), files={field: file})
                return await self._exchange(self._reads, request, self._timeouts.whole_upload)
        finally:
            content.close()

    async def post_once(self, url: str, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Answer:
        """Send JSON that must not arrive twice.

        Raises ProviderUnavailableError only when it provably did not arrive, AnswerLostError when nobody knows.
        """
        with _unrepeatable():
            request = self._creates.build_request("POST", url, json=dict(body), headers=headers)
            return await self._exchange(self._creates, request, self._timeouts.whole_create)

    async def post_form_once(
        self, url: str, fields: Mapping[str, str | list[str]], files: Sequence[tuple[str, FormFile]]
    ) -> Answer:
        """Like `post_once`, as a multipart form with *files* (name of the field, file)."""
        with _unrepeatable():
            request = self._creates.build_request("POST", url, data=dict(fields), files=list(files))
            return await self._exchange(self._creates, request, self._timeouts.whole_create)

    async def aclose(self) -> None:
        await self._reads.aclose()
        await self._creates.aclose()

    def credentials(self, url: str) -> Credentials:
        """Our key, for downloads from the origin of *url* and from nowhere else."""
        home = httpx.URL(url)
        return Credentials(origin=f"{home.scheme}://{home.netloc.decode()}", headers=self.headers)

    def clean(self, text: str) -> str:
        """*text* in one short line, without our key and without addresses (they carry signatures and secrets)."""
        text = text.replace(self._key, "[key]")
        text = _ADDRESS.sub("[address]", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * DETAIL_LENGTH]).split())
        return text if len(text) <= DETAIL_LENGTH else text[: DETAIL_LENGTH - 1] + "…"

    async def _exchange(
        self, client: httpx.AsyncClient, request: httpx.Request, within: timedelta, at_most: int = BODY_LIMIT
    ) -> Answer:
        _last_answer.set(None)
        async with asyncio.timeout(within.total_seconds()):
            response = await client.send(request, stream=True)
            try:
                text = await _read_text(response, at_most)
            finally:
                await response.aclose()
        _last_answer.set(f"HTTP {response.status_code}\n\n{self._harmless(text)}")
        return Answer(
            status=response.status_code,
            text=text,
            fields=_json_object(text),
            retry_after=_retry_after(response.headers),
        )

    def _harmless(self, text: str) -> str:
        """The whole text without our key, and without the parts of addresses that open things."""
        # Some vendors' JSON writes each slash with a backslash before it.
        return re.sub(r"(:\\?/\\?/[^\s\"'?]*)\?[^\s\"']+", r"\1?[query]", text.replace(self._key, "[key]"))


def last_answer() -> str | None:
    """What the last request of this task was answered, without secrets; None when it was not answered.

    For an answer that nobody understands: the error says what is wrong with it, and this is what the host may show
    around. It belongs to the task, so that steps beside each other do not see each other's.
    """
    return _last_answer.get()


def is_web_address(text: str) -> bool:
    """Whether *text* is an http(s) address with a host and without a user name."""
    try:
        url = httpx.URL(text)
        urlsplit(text)  # stricter about brackets
        text.encode()  # half of a surrogate pair cannot be stored
    except (httpx.InvalidURL, ValueError):
        return False
    return url.scheme in ("http", "https") and bool(url.host) and not url.userinfo


class _BodyTooLargeError(Exception):
    """The answer went past its limit, which is the text."""


@contextmanager
def _repeatable() -> Iterator[None]:
    """Inside, every failure of the network is "come back later"."""
    try:
        yield
    except _FAILED as err:
        raise ProviderUnavailableError(f"no answer from the provider: {_name(err)}") from err
    except _BodyTooLargeError as err:
        raise ProviderProtocolError(f"the provider's answer is larger than {err} bytes") from err


@contextmanager
def _unrepeatable() -> Iterator[None]:
    """Inside, a failure of the network is "come back later" only if nothing can have arrived."""
    try:
        yield
    except _NEVER_SENT as err:
        raise ProviderUnavailableError(f"the provider cannot be reached: {_name(err)}") from err
    except _FAILED as err:
        raise AnswerLostError(f"the request left, its answer did not come: {_name(err)}") from err
    except _BodyTooLargeError as err:
        raise AnswerLostError(f"the request left, its answer is larger than {err} bytes") from err


def _name(err: Exception) -> str:
    """The kind of failure; the exception's own text may hold addresses."""
    return type(err).__name__


async def _read_text(response: httpx.Response, at_most: int) -> str:
    body = bytearray()
    async for chunk in compression.body_of(response):
        body += chunk
        if len(body) > at_most:
            raise _BodyTooLargeError(at_most)
    return body.decode("utf-8", errors="replace")


def _json_object(text: str) -> Mapping[str, object] | None:
    """The JSON object in *text*, whatever the Content-Type says: Kie has sent JSON as text/plain."""
    try:
        value = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _retry_after(headers: httpx.Headers) -> timedelta | None:
    """The Retry-After header in its form of seconds; no provider of ours has sent the form of a date."""
    value = headers.get("Retry-After", "").strip()
    if not re.fullmatch(r"[0-9]{1,6}", value):
        return None
    return timedelta(seconds=int(value))
