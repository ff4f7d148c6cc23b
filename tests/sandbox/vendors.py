"""What the tests of the vendors' own clients share: a clock set by hand, a picture, and a look at a file."""

from __future__ import annotations

from collections.abc import Generator
from io import BytesIO

import httpx
from PIL import Image

from sandbox.kie_server import KieServer


class HandClock:
    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class KieKey(httpx.Auth):
    """Kie's key, for its API and its upload host; its files are for everybody."""

    def __init__(self, kie: KieServer) -> None:
        self._kie = kie

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if str(request.url).startswith((self._kie.api_url, self._kie.upload_url)):
            request.headers["Authorization"] = f"Bearer {self._kie.api_key}"
        yield request


def jpeg(width: int = 640, height: int = 360) -> bytes:
    raw = BytesIO()
    Image.new("RGB", (width, height), (200, 90, 20)).save(raw, "JPEG")
    return raw.getvalue()


def is_movie(content: bytes) -> bool:
    return content[4:8] == b"ftyp"
