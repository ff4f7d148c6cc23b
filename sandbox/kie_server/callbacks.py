"""Calls the client back when a task ends, signed if there is a key, to addresses of this machine only."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp

from sandbox.kie_server.agenda import Clock

_log = logging.getLogger(__name__)

# Documented on the Veo, Runway and Suno pages; the Jobs pages name no numbers.
TIMEOUT = 15.0
RETRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to call back, as the provider saw it."""

    task_id: str
    url: str
    headers: Mapping[str, str]
    body: str
    status: int | None  # None: no answer
    trouble: str = ""


def signature(task_id: str, timestamp: str, key: str) -> str:
    """Covers the task and the time, and not the body: that is how the provider does it."""
    digest = hmac.new(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Callbacks:
    def __init__(self, clock: Clock, key: str | None, pause: float) -> None:
        self._clock = clock
        self._key = key
        self._pause = pause  # real seconds between attempts; the provider's spacing is undocumented
        self._session: aiohttp.ClientSession | None = None
        self.deliveries: deque[Delivery] = deque(maxlen=1000)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, task_id: str, url: str, body: Mapping[str, object]) -> bool:
        """Deliver *body*; after a failed attempt come three more, then never again."""
        if not is_loopback(url):
            _log.warning("The sandbox does not call %s back: it only calls addresses of this machine", url)
            self._note(task_id, url, {}, "", None, "not an address of this machine")
            return False
        raw = json.dumps(body, ensure_ascii=False)
        for attempt in range(1 + RETRIES):
            if attempt:
                await asyncio.sleep(self._pause)
            if await self._post(task_id, url, raw):
                return True
        return False

    async def _post(self, task_id: str, url: str, raw: str) -> bool:
        headers = {"Content-Type": "application/json", "User-Agent": "Java-http-client/17"}
        if self._key:
            timestamp = str(int(self._clock()))
            headers["X-Webhook-Timestamp"] = timestamp
            headers["X-Webhook-Signature"] = signature(task_id, timestamp, self._key)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        try:
            async with self._session.post(url, data=raw.encode(), headers=headers, allow_redirects=False) as answer:
                self._note(task_id, url, headers, raw, answer.status, "")
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError) as err:
            self._note(task_id, url, headers, raw, None, repr(err))
            return False

    def _note(
        self, task_id: str, url: str, headers: Mapping[str, str], body: str, status: int | None, trouble: str
    ) -> None:
        self.deliveries.append(
            Delivery(task_id=task_id, url=url, headers=headers, body=body, status=status, trouble=trouble)
        )
