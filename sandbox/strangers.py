"""A host of files that is nobody's own: whoever brings a key there is refused, and that is remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from aiohttp import web

# What a client proves itself with, whatever stands in it: of a host like this it has no business with any of them.
_PROOFS = frozenset({"authorization", "proxy-authorization", "cookie", "x-goog-api-key", "x-api-key", "api-key"})

# Amazon's stores say this to whoever comes with a signed link and a header of their own.
_REFUSAL = "InvalidArgument: Only one auth mechanism allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One request that carried a key: its path, and what held the key ("authorization", "address")."""

    path: str  # without the query
    place: str


class Stranger:
    """The middleware of such a host. Links that are signed are no keys: they open one file."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.leaks: list[Leak] = []

    @web.middleware
    async def guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        found = self._places(request)
        if not found:
            return await handler(request)
        self.leaks += [Leak(path=request.path, place=place) for place in found]
        return web.Response(status=400, text=_REFUSAL)

    def _places(self, request: web.Request) -> list[str]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        found = [name for name, value in headers.items() if name in _PROOFS or self._key in value]
        return [*found, "address"] if self._key in unquote_plus(request.raw_path) else found
