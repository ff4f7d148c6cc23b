"""What the tests of the vendors' own clients share: a clock set by hand, a picture, and a look at a file."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


class HandClock:
    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def jpeg(width: int = 640, height: int = 360) -> bytes:
    raw = BytesIO()
    Image.new("RGB", (width, height), (200, 90, 20)).save(raw, "JPEG")
    return raw.getvalue()


def is_movie(content: bytes) -> bool:
    return content[4:8] == b"ftyp"
