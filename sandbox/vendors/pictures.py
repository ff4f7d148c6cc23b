"""Finds the picture that a request names, in whichever of the usual ways it does."""

from __future__ import annotations

import asyncio
import base64
import binascii
from pathlib import Path
from urllib.parse import unquote_to_bytes

import aiohttp

from sandbox.kie_server.callbacks import is_loopback


class NoPictureError(Exception):
    """What was given is no picture that could be fetched or decoded."""


def decoded(text: str, into: Path) -> Path:
    """Write the base64 *text* to *into*."""
    try:
        into.write_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as err:
        raise NoPictureError("not valid base64") from err
    return into


async def fetched(address: str, into: Path) -> Path:
    """The picture behind a data: address, or behind one of this machine; the sandbox asks no other."""
    if address.startswith("data:"):
        head, _, content = address.partition(",")
        if head.endswith(";base64"):
            return decoded(content, into)
        await asyncio.to_thread(into.write_bytes, unquote_to_bytes(content))
        return into
    if not address.startswith(("http://", "https://")) or not is_loopback(address):
        raise NoPictureError("not an address of this machine")
    try:
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            if answer.status != 200:
                raise NoPictureError(f"HTTP {answer.status}")
            await asyncio.to_thread(into.write_bytes, await answer.read())
    except aiohttp.ClientError as err:
        raise NoPictureError(type(err).__name__) from err
    return into
