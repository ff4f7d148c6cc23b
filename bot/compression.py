"""Unpacks answers that come compressed although nobody asked for that, piece by piece, so that none outgrows memory."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

# Of one network read httpx unpacks everything at once: a thousand times as much, and a million times if it was packed
# twice.
PIECE = 64 * 1024

_GZIP = frozenset({"gzip", "x-gzip"})


class Streamed(Protocol):
    """What is needed of httpx's response."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def aiter_bytes(self) -> AsyncIterator[bytes]: ...

    def aiter_raw(self) -> AsyncIterator[bytes]: ...


def body_of(response: Streamed) -> AsyncIterator[bytes]:
    """The body of *response*, which is being streamed; raises zlib.error when it cannot be unpacked.

    Anything but gzip, once, stays as it came: then it is nothing that we could read.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return response.aiter_bytes()
    raw = response.aiter_raw()
    return _unpacked(raw) if encoding in _GZIP else raw


async def _unpacked(raw: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    async for chunk in raw:
        left = chunk
        while left and not unpacker.eof:
            piece = unpacker.decompress(left, PIECE)
            left = unpacker.unconsumed_tail
            if piece:
                yield piece
    if rest := unpacker.flush():
        yield rest
