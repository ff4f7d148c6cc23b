"""Trouble on demand: lost answers, errors, rate limits, delays and cut connections for chosen requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox.discord_server import wire
from sandbox.discord_server.wire import JSON, JSONValue

EDGE_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><center>cloudflare</center></body></html>"
# Clients take a 429 without this header for a ban by the edge and give up.
VIA = {"Via": "1.1 google"}


@dataclass(slots=True, eq=False, kw_only=True)
class Fault:
    """What goes wrong with the next *times* requests that match.

    `status=None` without `drop` only delays. `after_effect` lets the request take effect before its answer is lost.
    """

    method: str = ".*"
    path: str = ""  # a regular expression that may match anywhere in the path, without /api/v10
    where: Callable[[JSONValue], bool] | None = None  # looks at the request's JSON
    status: int | None = 502
    code: int = 0
    message: str = ""
    html: bool = False  # answer as the edge does, with a page instead of JSON
    drop: bool = False  # cut the connection instead of answering
    after_effect: bool = False
    times: int | None = 1  # None: until removed
    skip: int = 0  # let this many matching requests pass first
    delay: float = 0  # seconds before anything happens
    hold: asyncio.Event | None = None  # wait for it before anything happens
    retry_after: float = 0.05  # for a 429
    is_global: bool = False
    has_via: bool = True
    hits: int = 0

    def strikes(self, method: str, path: str, body: JSONValue) -> bool:
        """Whether this request is hit; counts it when it is."""
        if not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        if self.where and not self.where(body):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True

    def response(self) -> web.Response | None:
        """The answer instead of the real one; None when the real one goes out."""
        if self.status is None:
            return None
        if self.html:
            return web.Response(status=self.status, text=EDGE_PAGE, content_type="text/html")
        if self.status == 429:
            return too_many_requests(self.retry_after, is_global=self.is_global, has_via=self.has_via)
        body: JSON = {"message": self.message or f"{self.status}: on demand", "code": self.code}
        return wire.answer(body, self.status)


def too_many_requests(retry_after: float, *, is_global: bool, has_via: bool = True) -> web.Response:
    headers = {
        "Retry-After": str(max(1, round(retry_after))),
        "X-RateLimit-Scope": "global" if is_global else "user",
        "X-RateLimit-Reset-After": f"{retry_after:.3f}",
        **({"X-RateLimit-Global": "true"} if is_global else {}),
        **(VIA if has_via else {}),
    }
    body = {"message": "You are being rate limited.", "retry_after": round(retry_after, 3), "global": is_global}
    return wire.answer(body, 429, headers)


class Faults:
    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.planned.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        self.planned.remove(fault)

    def clear(self) -> None:
        self.planned.clear()

    def striking(self, method: str, path: str, body: JSONValue) -> Fault | None:
        return next((fault for fault in self.planned if fault.strikes(method, path, body)), None)
