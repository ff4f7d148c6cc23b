"""Calls the client back, signed in the way of standard-webhooks, at addresses of this machine only."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.callbacks import is_loopback

_TIMEOUT = 15.0
_RETRIES = 2
_PAUSE = 0.2  # real seconds between attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to call back."""

    url: str
    headers: Mapping[str, str]
    body: str
    status: int | None  # None: no answer


def signature(secret: str, message_id: str, timestamp: str, body: str) -> str:
    """The value of webhook-signature: it covers the id, the time and the body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class Webhooks:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.deliveries: deque[Delivery] = deque(maxlen=1000)

    async def send(self, url: str, content: Mapping[str, object]) -> None:
        """Deliver *content*; a call that is not answered with success is repeated a little."""
        if not is_loopback(url):
            return
        body = json.dumps(content)
        message_id = "msg_" + secrets.token_hex(12)
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self.secret, message_id, timestamp, body),
        }
        for attempt in range(1 + _RETRIES):
            if attempt:
                await asyncio.sleep(_PAUSE)
            status = await self._post(url, headers, body)
            self.deliveries.append(Delivery(url=url, headers=headers, body=body, status=status))
            if status is not None and 200 <= status < 300:
                return

    async def _post(self, url: str, headers: Mapping[str, str], body: str) -> int | None:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=body.encode(), headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None
