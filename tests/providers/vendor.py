"""A vendor that answers what it is told to, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from bot.ports import Credentials
from bot.providers.adapter import Adapter

A = TypeVar("A", bound=Adapter)
# Makes an adapter whose vendor gives these replies.
Making = Callable[..., tuple[A, "Vendor"]]

ANSWERS = Path(__file__).parent / "answers"
KEY = "vendor-key-canary-77aa"


def answer(name: str, status: int = 200, **headers: str) -> httpx.Response:
    """A documented answer from `answers/`."""
    text = (ANSWERS / f"{name}.json").read_text()
    return httpx.Response(status, text=text, headers={name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class Vendor:
    """Gives each of `replies` once, in order, and the last one for ever."""

    replies: deque[httpx.Response | Exception]
    sent: list[httpx.Request] = field(default_factory=list)

    @property
    def inner(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, content=reply.content, headers=reply.headers)

    @property
    def body(self) -> dict[str, object]:
        value = json.loads(self.sent[-1].content)
        assert isinstance(value, dict)
        return value

    @property
    def url(self) -> str:
        return str(self.sent[-1].url)


def vendor(*replies: httpx.Response | Exception) -> Vendor:
    return Vendor(deque(replies))


@contextlib.asynccontextmanager
async def adapters(build: Callable[[httpx.AsyncBaseTransport], A]) -> AsyncIterator[Making[A]]:
    """Adapters that *build* makes on what stands for the network, closed in the end."""
    async with contextlib.AsyncExitStack() as stack:

        def make(*replies: httpx.Response | Exception) -> tuple[A, Vendor]:
            seen = vendor(*replies)
            adapter = build(seen.inner)
            stack.push_async_callback(adapter.aclose)
            return adapter, seen

        yield make


@dataclass
class Downloads:
    """Remembers what it was to fetch or to keep."""

    fetched: list[tuple[str, Credentials | None]] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)

    async def fetch(self, url: str, to: Path, credentials: Credentials | None = None) -> int:
        self.fetched.append((url, credentials))
        return 1

    async def keep(self, content: bytes, to: Path) -> int:
        self.kept.append(content)
        return len(content)
