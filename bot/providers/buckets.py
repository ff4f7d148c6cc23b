"""Puts finished videos into the host's own S3-compatible bucket and makes links to them that expire."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from io import BufferedReader
from pathlib import Path

import httpx

from bot import __version__, certificates, compression
from bot.errors import DeliveryError
from bot.ports import Clock
from bot.providers import bucket_signatures as signatures
from bot.settings import BucketSettings

# Nothing that has to be written differently in an address, a signature and a file name.
NAME = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*(\.[A-Za-z0-9_-]+)*", re.ASCII)
LONGEST_NAME = 200
# Amazon takes no more in one request, and no video that we fetch is a tenth of it.
LARGEST_OBJECT = 5 * 1024**3
_CHUNK = 512 * 1024
# Errors are small XML documents; of the rest nothing is read.
_ERROR_LIMIT = 16 * 1024
_CODE = re.compile(r"<Code>\s*([A-Za-z0-9_.-]{1,64})\s*</Code>")
# These say "again later" although their status says otherwise.
_PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted"})


class BucketError(DeliveryError):
    """The video is not in the bucket."""


class BucketUnavailableError(BucketError):
    """The store did not answer or asked for patience. Putting the same video again is safe."""


class BucketRefusedError(BucketError):
    """The store does not let us: key, region, name or rights are wrong. The host has to look; waiting does not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketTimeouts:
    """How long each part of an upload may take."""

    connect: timedelta = timedelta(seconds=10)
    stall: timedelta = timedelta(seconds=60)  # also between the last byte and the answer: the store checks the hash
    whole: timedelta = timedelta(minutes=10)


class Bucket:
    """One bucket. Its errors show neither keys nor signed addresses."""

    def __init__(
        self,
        settings: BucketSettings,
        *,
        clock: Clock,
        timeouts: BucketTimeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*inner* replaces the network in tests."""
        self._origin, self._root = _address(settings.endpoint_url, settings.name)
        self._credentials = signatures.Credentials(
            access_key_id=settings.access_key_id.get_secret_value(),
            secret_access_key=settings.secret_access_key.get_secret_value(),
            region=settings.region,
        )
        self._clock = clock
        self._timeouts = timeouts or BucketTimeouts()
        self._client = httpx.AsyncClient(
            # No proxy and no .netrc from the environment: settings say where our key is used. No redirect either.
            transport=inner or httpx.AsyncHTTPTransport(verify=certificates.trusted(), trust_env=False),
            trust_env=False,
            headers={"User-Agent": f"Cutscene/{__version__} (+self-hosted)"},
            timeout=httpx.Timeout(
                self._timeouts.stall.total_seconds(), connect=self._timeouts.connect.total_seconds(), pool=None
            ),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def put(self, path: Path, name: str, content_type: str = "video/mp4") -> None:
        """Store the file under *name*; the same name again replaces it. Raises BucketError."""
        file = await asyncio.to_thread(path.open, "rb")
        try:
            async with asyncio.timeout(self._timeouts.whole.total_seconds()):
                await self._put(file, self._path(name), content_type)
        except (httpx.HTTPError, TimeoutError, ssl.SSLError, zlib.error) as error:
            # The exception's own text may hold the address.
            raise BucketUnavailableError(f"the video did not get into the bucket: {type(error).__name__}") from error
        finally:
            file.close()

    def link(self, name: str, lifetime: timedelta) -> str:
        """An address under which anybody can get *name* for *lifetime*, at most 7 days. Asks nobody."""
        path = self._path(name)
        query = signatures.presigned_query(
            self._credentials, host=self._host, path=path, at=self._clock.now(), lifetime=lifetime
        )
        return f"{self._origin}{path}?{query}"

    @property
    def _host(self) -> str:
        return self._origin.netloc.decode()

    def _path(self, name: str) -> str:
        if len(name) > LONGEST_NAME or not NAME.fullmatch(name):
            raise ValueError(f"{name[:LONGEST_NAME]!r} cannot be the name of a video in a bucket")
        return f"{self._root}/{name}"

    async def _put(self, file: BufferedReader, path: str, content_type: str) -> None:
        size, digest = await asyncio.to_thread(_measured, file)
        if size > LARGEST_OBJECT:
            raise BucketRefusedError(f"{size} bytes are too many for one upload")
        now = self._clock.now()
        # The hash costs one more look at the file and makes a damaged upload impossible, over plain HTTP as well.
        signed = {
            "host": self._host,
            "x-amz-date": signatures.timestamp(now),
            "x-amz-content-sha256": digest,
            "content-type": content_type,
            "content-disposition": "inline",
            "cache-control": "private",
        }
        authorization = signatures.authorization(
            self._credentials, method="PUT", path=path, headers=signed, payload=digest, at=now
        )
        request = self._client.build_request(
            "PUT",
            self._origin.copy_with(path=path),
            content=_chunks(file),
            # With the length httpx does not send it in HTTP's chunks, which S3 refuses.
            headers={**signed, "authorization": authorization, "content-length": str(size)},
        )
        response = await self._client.send(request, stream=True)
        try:
            if response.status_code != 200:
                raise _error(response.status_code, await _beginning(response))
        finally:
            await response.aclose()


def _address(endpoint_url: str, bucket: str) -> tuple[httpx.URL, str]:
    """The origin to ask and what each path begins with.

    Amazon wants the bucket in the host's name, everybody else takes it in the path. A bucket with dots in its name
    cannot stand in the host's name: no certificate covers it.
    """
    url = httpx.URL(endpoint_url)
    if url.host.startswith(f"{bucket}."):
        return url, ""
    if url.host.endswith((".amazonaws.com", ".amazonaws.com.cn")) and "." not in bucket:
        return url.copy_with(host=f"{bucket}.{url.host}"), ""
    return url, f"/{bucket}"


def _measured(file: BufferedReader) -> tuple[int, str]:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = file.tell()
    file.seek(0)
    return size, digest


async def _chunks(file: BufferedReader) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        yield chunk


async def _beginning(response: httpx.Response) -> str:
    body = bytearray()
    async for chunk in compression.body_of(response):
        body += chunk
        if len(body) >= _ERROR_LIMIT:
            break
    return body[:_ERROR_LIMIT].decode("utf-8", "replace")


def _error(status: int, text: str) -> BucketError:
    found = _CODE.search(text)
    code = found[1] if found else ""
    line = f"the bucket answered with HTTP {status} {code}".rstrip()
    if status in (408, 425, 429) or status >= 500 or code in _PASSING_CODES:
        return BucketUnavailableError(line)
    if 300 <= status < 400:
        line += " (another region, or another address)"
    return BucketRefusedError(line)
