"""Takes a member's picture: fetched from Discord at once, judged by its content, cleaned, and stored under its hash."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import ssl
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import httpx

from bot import __version__, compression, logs
from bot.domain.models import ImageFormat
from bot.domain.pictures import MOST_BYTES, Picture
from bot.errors.pictures import (
    AnimatedImageError,
    BadImageError,
    EmptyImageError,
    ImageBombError,
    ImageTooManyBytesError,
    ImageUnreachableError,
)
from bot.media import inspection
from bot.media.addresses import AddressRefusedError, GuardedTransport, Resolver
from bot.media.children import bare_environment
from bot.media.downloads import PART

EXTENSIONS: Mapping[ImageFormat, str] = {
    ImageFormat.JPEG: "jpg",
    ImageFormat.PNG: "png",
    ImageFormat.WEBP: "webp",
    ImageFormat.BMP: "bmp",
    ImageFormat.TIFF: "tiff",
    ImageFormat.GIF: "gif",
}

log = logs.get(__name__)

# What can be wrong with an address, and with the way to it.
_NO_ADDRESS = (AddressRefusedError, httpx.InvalidURL, UnicodeError)
_UNREACHED = (*_NO_ADDRESS, httpx.HTTPError, TimeoutError, ssl.SSLError, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLimits:
    """What one picture may take."""

    max_bytes: int = MOST_BYTES
    connect: timedelta = timedelta(seconds=5)
    stall: timedelta = timedelta(seconds=10)
    whole: timedelta = timedelta(seconds=60)
    inspection: timedelta = timedelta(seconds=30)
    at_once: int = 2  # pictures decoded side by side; each may need a few hundred megabytes


class Pictures:
    """The folder of pictures that jobs start from."""

    def __init__(
        self,
        folder: Path,
        *,
        allow_private: bool = False,
        limits: PictureLimits | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """*allow_private* lets URLs lead to loopback and private networks; *resolver* replaces DNS in tests."""
        self._folder = folder
        self._limits = limits or PictureLimits()
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(allow_private=allow_private, resolver=resolver),
            trust_env=False,
            headers={"User-Agent": f"Cutscene/{__version__} (+self-hosted)", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(
                self._limits.stall.total_seconds(), connect=self._limits.connect.total_seconds(), pool=None
            ),
        )
        self._turns = asyncio.Semaphore(self._limits.at_once)

    async def aclose(self) -> None:
        await self._client.aclose()

    def path(self, picture: Picture) -> Path:
        """Where the picture lies on our disk."""
        return self._folder / picture.name

    async def take(self, url: str, *, declared_size: int, filename: str) -> Picture:
        """The attachment as a stored picture; BadImageError or one of its kinds when it cannot be used.

        *declared_size* is what Discord says of the attachment. *filename* is only for the log: names lie.
        """
        self._check_size(declared_size)
        if declared_size == 0:
            raise EmptyImageError
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        with self._scratch() as (raw, clean):
            try:
                await self._download(url, raw)
                facts = await self._inspect(raw, clean)
                return await asyncio.to_thread(self._keep, clean, facts)
            except BadImageError as err:
                log.info("picture_refused", size=declared_size, why=type(err).__name__)
                log.debug("refused_picture_was_called", filename=filename)  # A member's own words, like a prompt.
                raise

    @contextmanager
    def _scratch(self) -> Iterator[tuple[Path, Path]]:
        """Two names for the time of the work: as it came, and clean."""
        token = secrets.token_hex(8)
        raw, clean = self._folder / f"{token}.raw{PART}", self._folder / f"{token}.clean{PART}"
        try:
            yield raw, clean
        finally:
            raw.unlink(missing_ok=True)
            clean.unlink(missing_ok=True)

    def _check_size(self, size: int) -> None:
        limit = self._limits.max_bytes
        if size > limit:
            # One digit, rounded up: it must not look like it fits.
            raise ImageTooManyBytesError(given=-(-size // 100_000) / 10, limit=limit / 1_000_000)

    async def _download(self, url: str, to: Path) -> None:
        file = await asyncio.to_thread(to.open, "xb")
        try:
            with file:
                async with asyncio.timeout(self._limits.whole.total_seconds()):
                    size = await self._save(url, file)
        except (
            AddressRefusedError,
            httpx.HTTPError,
            httpx.InvalidURL,
            UnicodeError,
            TimeoutError,
            ssl.SSLError,
        ) as err:
            raise ImageUnreachableError from err
        if size == 0:
            raise EmptyImageError

    async def _save(self, url: str, file: BinaryIO) -> int:
        size = 0
        async with self._client.stream("GET", url) as response:
            # Discord's file host answers directly; a redirect is somebody else.
            if response.status_code != 200:
                raise ImageUnreachableError
            declared = response.headers.get("Content-Length", "")
            if declared.isascii() and declared.isdigit():
                self._check_size(int(declared))
            async for chunk in compression.body_of(response):
                size += len(chunk)
                self._check_size(size)
                await asyncio.to_thread(file.write, chunk)
        return size

    async def _inspect(self, raw: Path, clean: Path) -> Mapping[str, object]:
        """What the inspecting process says of the file; a process that dies has met something that it must not."""
        async with self._turns:
            # -I: no user packages and nothing from the working directory; by path, so that it need not import `bot`.
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                inspection.__file__,
                str(raw),
                str(clean),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=bare_environment(),
            )
            try:
                async with asyncio.timeout(self._limits.inspection.total_seconds()):
                    output, _ = await process.communicate()
            except TimeoutError as err:
                raise BadImageError from err
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        try:
            answer = json.loads(output)
        except ValueError as err:
            log.warning("inspection_died", exit_code=process.returncode)
            raise BadImageError from err
        self._check_answer(answer)
        facts: Mapping[str, object] = answer
        return facts

    def _check_answer(self, answer: Mapping[str, object]) -> None:
        match answer.get("refused"):
            case None:
                return
            case "bomb":
                limit = inspection.MAX_PIXELS // 1_000_000
                raise ImageBombError(given=answer.get("given") or f"> {limit} 000 000", limit=limit)
            case "animated":
                raise AnimatedImageError
            case _:
                raise BadImageError

    def _keep(self, clean: Path, facts: Mapping[str, object]) -> Picture:
        kind = ImageFormat(str(facts["format"]))
        with clean.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        picture = Picture(
            name=f"{digest[:40]}.{EXTENSIONS[kind]}",
            format=kind,
            width=int(str(facts["width"])),
            height=int(str(facts["height"])),
            size=clean.stat().st_size,
        )
        clean.replace(self.path(picture))
        return picture
