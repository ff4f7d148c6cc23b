"""Reads a create call that came as a multipart form, with the picture as one of its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from aiohttp import BodyPartReader, web

from sandbox.vendors.house import RefusedError

_PICTURES = ("image/jpeg", "image/png", "image/webp")


async def read_form(request: web.Request, new_file: Callable[[], Path]) -> tuple[dict[str, object], Path | None]:
    """The texts by name, and the reference picture if there is one."""
    texts: dict[str, object] = {}
    picture: Path | None = None
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise RefusedError(400, "The form has a part without a name")
        if part.filename is None:
            texts[part.name] = await part.text()
            continue
        kind = part.headers.get("Content-Type", "")
        if part.name != "input_reference":
            raise RefusedError(400, f"unknown_parameter: Unknown parameter: '{part.name}'.")
        if kind not in _PICTURES:
            raise RefusedError(400, f"unsupported_mimetype: Unsupported file type: {kind}")
        picture = new_file()
        await asyncio.to_thread(picture.write_bytes, await part.read(decode=False))
    return texts, picture
