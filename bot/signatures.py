"""Proof that a callback comes from the provider: Kie's signature, checked once and for a short while only.

What Kie signs is `<task id>.<unix seconds>`, not the body: a captured signature is good for any body with the same task
id and time. So a signature has to be fresh, counts once, and never makes anything in the body true.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from bot.domain.ids import TaskId

TIMESTAMP_HEADER = "X-Webhook-Timestamp"
SIGNATURE_HEADER = "X-Webhook-Signature"
# Kie names no window ("Webhook verification"); five minutes forgive a wrong clock and stop old captures.
FRESHNESS = timedelta(minutes=5)
# Far more callbacks than the provider's create limit (20 in 10 s) lets happen while a signature is fresh.
MOST_REMEMBERED = 4096


def sign_kie_callback(key: str, task_id: str, timestamp: str) -> str:
    """What Kie puts into the signature header."""
    # Header bytes that are no text arrive as lone surrogates; nothing signed is made of those.
    signed = f"{task_id}.{timestamp}".encode("utf-8", "replace")
    digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def verify_kie_signature(key: str, task_id: str, timestamp: str, signature: str, now: datetime) -> bool:
    """Whether the holder of *key* signed this task id at about this time. Takes equally long for every wrong answer."""
    expected = sign_kie_callback(key, task_id, timestamp)
    is_genuine = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
    return is_genuine and is_fresh(timestamp, now)


def is_fresh(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        return False
    return abs(now - datetime.fromtimestamp(int(timestamp), UTC)) <= FRESHNESS


class Replays:
    """Remembers which signatures have counted, as long as they would be fresh and never more than a fixed number."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[TaskId, str], datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def take(self, task_id: TaskId, timestamp: str, now: datetime) -> bool:
        """Count this signature; False when it has counted before."""
        # A timestamp may lie FRESHNESS in the future, so it can stay fresh for twice as long from now on.
        while self._seen and next(iter(self._seen.values())) < now - 2 * FRESHNESS:
            self._seen.popitem(last=False)
        if (task_id, timestamp) in self._seen:
            return False
        self._seen[task_id, timestamp] = now
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return True

    def give_back(self, task_id: TaskId, timestamp: str) -> None:
        """The callback was not accepted after all; the provider may try again with the same signature."""
        self._seen.pop((task_id, timestamp), None)
