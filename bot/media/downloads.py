"""Brings finished videos to our disk: streamed, limited in every direction, and only if they are videos."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import httpx

from bot import __version__, compression
from bot.domain.jobs import FailureReason
from bot.errors import DeadLinkError, ProviderRejectedError, ProviderUnavailableError
from bot.media.addresses import AddressRefusedError, GuardedTransport, Resolver
from bot.ports import Credentials

# Unfinished downloads end in this; whatever is left of them after a crash is worth nothing.
PART = ".part"

# How much is collected before it is written, which happens in a thread: a slow disk must not stop the loop.
_WRITE_SIZE = 512 * 1024
_HEAD = 32

# The first box of MP4 and MOV files, by its type at offset 4. Old MOV files may begin with any of the others.
_MP4_STARTS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML = bytes.fromhex("1a45dfa3")  # WebM and Matroska
# Boxes whose size must fit into the file; what begins with another name may be trailing junk.
_MP4_BODIES = frozenset({b"moov", b"mdat", b"moof"})

# How links end that have had their time.
_EXPIRED = frozenset({403, 404, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """What one download may take."""

    max_bytes: int = 512 * 1024 * 1024
    connect: timedelta = timedelta(seconds=10)
    stall: timedelta = timedelta(seconds=30)  # without a single byte
    whole: timedelta = timedelta(minutes=15)
    max_redirects: int = 3
    at_once: int = 4  # transfers side by side; the rest waits


class VideoDownloads:
    """The `Downloads` port over HTTP."""

    def __init__(
        self, *, allow_private: bool = False, limits: DownloadLimits | None = None, resolver: Resolver | None = None
    ) -> None:
        """*allow_private* lets URLs lead to loopback and private networks; *resolver* replaces DNS in tests."""
        self._limits = limits or DownloadLimits()
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(allow_private=allow_private, resolver=resolver),
            trust_env=False,
            headers={
                "User-Agent": f"Cutscene/{__version__} (+self-hosted)",
                "Accept": "video/*, application/octet-stream;q=0.9, */*;q=0.1",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(
                self._limits.stall.total_seconds(), connect=self._limits.connect.total_seconds(), pool=None
            ),
        )
        self._turns = asyncio.Semaphore(self._limits.at_once)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def fetch(self, url: str, to: Path, credentials: Credentials | None = None) -> int:
        """Stream the video into *to* and return its size; see the port for what it raises.

        *to* appears complete or not at all. Two fetches into the same file do not disturb each other.
        """
        async with self._turns, _complete(to) as file:
            return await self._download(url, file, credentials)

    async def keep(self, content: bytes, to: Path) -> int:
        if len(content) > self._limits.max_bytes:
            raise _no_result(f"the result has {len(content)} bytes, more than {self._limits.max_bytes}")
        _check_head(content[:_HEAD])
        async with self._turns, _complete(to) as file:
            await asyncio.to_thread(file.write, content)
            await asyncio.to_thread(_flush, file)
            if await asyncio.to_thread(_is_cut_off, file.name, len(content)):
                raise ProviderUnavailableError("the video ends in the middle")
        return len(content)

    async def _download(self, url: str, file: BinaryIO, credentials: Credentials | None) -> int:
        try:
            async with asyncio.timeout(self._limits.whole.total_seconds()):
                async with self._answer(url, credentials) as response:
                    return await self._save(response, file)
        except AddressRefusedError as err:
            raise _no_result(str(err)) from err
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as err:
            # The last one: a name that says of itself that it is encoded, and is not.
            raise _no_result("the result's address is not one") from err
        except (httpx.HTTPError, ssl.SSLError, zlib.error) as err:
            # The exception's own text may hold the signed address.
            raise ProviderUnavailableError(f"the video did not arrive: {type(err).__name__}") from err
        except TimeoutError as err:
            raise ProviderUnavailableError("the video did not arrive in time") from err

    @asynccontextmanager
    async def _answer(self, url: str, credentials: Credentials | None) -> AsyncIterator[httpx.Response]:
        """The answer at the end of at most a few redirects; every one of them is judged like the first address."""
        here = httpx.URL(url)
        for _ in range(self._limits.max_redirects + 1):
            # A redirect leads to a file host that has no business with our key.
            is_at_home = credentials is not None and is_same_origin(here, credentials.origin)
            headers = dict(credentials.headers) if credentials is not None and is_at_home else None
            response = await self._client.send(self._client.build_request("GET", here, headers=headers), stream=True)
            try:
                if not response.has_redirect_location:
                    _check_status(response, has_key=is_at_home)
                    yield response
                    return
                here = here.join(response.headers["Location"])
            finally:
                await response.aclose()
        raise _no_result("the result's address only leads to other addresses")

    async def _save(self, response: httpx.Response, file: BinaryIO) -> int:
        declared = _declared_size(response)
        if declared is not None and declared > self._limits.max_bytes:
            raise _no_result(f"the result has {declared} bytes, more than {self._limits.max_bytes}")
        size, pending, is_judged = 0, bytearray(), False
        async for chunk in compression.body_of(response):
            size += len(chunk)
            pending += chunk
            if size > self._limits.max_bytes:
                raise _no_result(f"the result does not end within {self._limits.max_bytes} bytes")
            if not is_judged and size >= _HEAD:
                # At the first bytes: no reason to take half a gigabyte of something else.
                _check_head(bytes(pending[:_HEAD]))
                is_judged = True
            if len(pending) >= _WRITE_SIZE:
                await asyncio.to_thread(file.write, bytes(pending))
                pending.clear()
        if not is_judged:
            _check_head(bytes(pending))
        if declared is not None and response.num_bytes_downloaded != declared:
            raise ProviderUnavailableError(f"{response.num_bytes_downloaded} of {declared} bytes arrived")
        await asyncio.to_thread(file.write, bytes(pending))
        await asyncio.to_thread(_flush, file)
        if declared is None and await asyncio.to_thread(_is_cut_off, file.name, size):
            raise ProviderUnavailableError("the video ends in the middle")
        return size


def is_same_origin(url: httpx.URL, origin: str) -> bool:
    """Whether *url* begins with scheme, host and port of *origin*."""
    home = httpx.URL(origin)
    return (url.scheme, url.host, _port(url)) == (home.scheme, home.host, _port(home))


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


@asynccontextmanager
async def _complete(to: Path) -> AsyncIterator[BinaryIO]:
    """A file to write to, which becomes *to* when all went well and leaves nothing when not."""
    part = to.with_name(f"{to.name}.{secrets.token_hex(4)}{PART}")
    file = await asyncio.to_thread(part.open, "xb")
    try:
        with file:
            yield file
        await asyncio.to_thread(part.replace, to)
        await asyncio.to_thread(_sync_folder, to.parent)
    finally:
        part.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> int:
    """Delete what interrupted work left in *folder* and count it. For the start of a process, before any work."""
    leftovers = list(folder.glob(f"*{PART}"))
    for path in leftovers:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(leftovers)


def _no_result(detail: str) -> ProviderRejectedError:
    return ProviderRejectedError(FailureReason.NO_RESULT, detail)


def _check_status(response: httpx.Response, *, has_key: bool) -> None:
    status = response.status_code
    if status == 200:
        return
    # A key that is refused may be mended by the host; the video is paid for and still there.
    if status in (408, 425, 429) or status >= 500 or (has_key and status in (401, 403)):
        raise ProviderUnavailableError(f"the result's host answered with HTTP {status}")
    if status in _EXPIRED:
        raise DeadLinkError(f"the result's host answered with HTTP {status}")
    # Nothing else in 2xx to 4xx is a video either.
    raise _no_result(f"the result's host answered with HTTP {status}")


def _declared_size(response: httpx.Response) -> int | None:
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def _check_head(head: bytes) -> None:
    """What the file begins with decides, not its Content-Type: hosts send videos as octet-stream, errors as video."""
    if not head:
        raise _no_result("the result is empty")
    if head[4:8] not in _MP4_STARTS and not head.startswith(_EBML):
        raise _no_result("the result is not a video")


def _is_cut_off(name: str, size: int) -> bool:
    """Whether an MP4 promises more bytes than came: the only sign when the host did not tell the length."""
    with Path(name).open("rb") as file:
        offset = 0
        while offset + 8 <= size:
            file.seek(offset)
            header = file.read(16)
            length, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if length == 1 and len(header) == 16:
                length = int.from_bytes(header[8:], "big")
            if length < 8:
                return False  # 0 is "up to the end of the file"; the rest is not a box.
            if offset + length > size:
                return kind in _MP4_BODIES
            offset += length
    return False


def _flush(file: BinaryIO) -> None:
    """Onto the disk itself: the job's next state promises that the video is here, also after a power cut."""
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
