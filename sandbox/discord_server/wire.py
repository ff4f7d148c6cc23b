"""JSON as it travels: the one place that knows the exact content type clients insist on."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

JSON = dict[str, Any]
JSONValue = Any

# discord.py parses an answer only when the header equals this string, without a charset.
CONTENT_TYPE = "application/json"


def encode(value: JSONValue) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def decoded(raw: bytes) -> JSON:
    """The JSON object in *raw*; ValueError for anything else."""
    return checked(json.loads(raw))


def checked(value: JSONValue) -> JSON:
    """*value* as an object; ValueError for anything else."""
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected")  # noqa: TRY004  # for the caller it is one kind of bad input
    return value


def answer(value: JSONValue, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=encode(value), status=status, headers=headers, content_type=CONTENT_TYPE)


def no_content() -> web.Response:
    return web.Response(status=204)
