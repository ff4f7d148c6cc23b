"""Addresses for videos that are too large to post: from the host's bucket, or from the bot's own HTTP server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot import links, logs
from bot.domain.jobs import Job
from bot.errors import DeliveryError
from bot.ports import Clock, Link

if TYPE_CHECKING:
    # Most hosts have none, and then it is not imported.
    from bot.providers.buckets import Bucket

log = logs.get(__name__)

# The longest time for which S3 signs an address; our own keep to it, so that one text fits both.
LIFETIME = timedelta(days=7)


class OwnLinks:
    """Signed addresses under PUBLIC_URL, served by the bot itself for as long as it keeps the file."""

    def __init__(self, public_url: str, key: bytes, clock: Clock, kept: timedelta = LIFETIME) -> None:
        self._public_url = public_url
        self._key = key
        self._clock = clock
        self._lifetime = min(LIFETIME, kept)

    async def link(self, job: Job, path: Path) -> Link | None:
        expires_at = self._clock.now() + self._lifetime
        return Link(url=f"{self._public_url}{links.sign(self._key, path.name, expires_at)}", expires_at=expires_at)


class BucketLinks:
    """Signed addresses in the host's bucket. Without the bucket there is another rung below."""

    def __init__(self, bucket: Bucket, clock: Clock, otherwise: OwnLinks | None) -> None:
        self._bucket = bucket
        self._clock = clock
        self._otherwise = otherwise

    async def link(self, job: Job, path: Path) -> Link | None:
        # The callback's secret is a secret of the job: nobody guesses the name of another member's video.
        name = f"{job.id}-{job.callback_secret[:16]}.mp4"
        try:
            await self._bucket.put(path, name)
        except DeliveryError as error:
            log.warning("bucket_unusable", job=job.id, reason=str(error))
            return None if self._otherwise is None else await self._otherwise.link(job, path)
        return Link(url=self._bucket.link(name, LIFETIME), expires_at=self._clock.now() + LIFETIME)
