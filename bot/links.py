"""Signed addresses of finished videos: whoever has one may see that video until it expires, and no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime

# A name that our folder of results can hold: no slash, no leading dot, nothing that a path or a header could misread.
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,16}){0,2}\.(mp4|mov|webm)", re.ASCII)
EXPIRES = re.compile(r"[1-9][0-9]{0,10}", re.ASCII)
# Keeps these signatures apart from whatever else the same key may sign one day.
PURPOSE = "cutscene video link 1"
SHORTEST_KEY = 16


def sign(key: bytes, name: str, expires_at: datetime) -> str:
    """The path under which the video *name* can be fetched until *expires_at*. Whole seconds; the rest is dropped."""
    if len(key) < SHORTEST_KEY:
        raise ValueError("the key of signed links is too short to keep anybody out")
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a stored video")
    expires = str(int(expires_at.timestamp()))
    if not EXPIRES.fullmatch(expires):
        raise ValueError(f"{expires_at} is not a time at which a link can expire")
    return f"/videos/{expires}/{_signature(key, expires, name)}/{name}"


def verify(key: bytes, expires: str, signature: str, name: str, now: datetime) -> bool:
    """Whether the three parts of a path were made by `sign` and are still good at *now*.

    Takes equally long for every wrong signature.
    """
    if not EXPIRES.fullmatch(expires) or not NAME.fullmatch(name):
        return False
    is_genuine = hmac.compare_digest(_signature(key, expires, name).encode(), signature.encode("utf-8", "replace"))
    return is_genuine and now < datetime.fromtimestamp(int(expires), UTC)


def _signature(key: bytes, expires: str, name: str) -> str:
    digest = hmac.new(key, f"{PURPOSE}\n{expires}\n{name}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
