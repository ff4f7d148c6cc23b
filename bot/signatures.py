"""Proof that a callback comes from its provider: each provider's signature, good once and for a short while only.

What Kie signs is `<task id>.<unix seconds>`, not the body: a captured signature is good for any body with the same task
id and time. So a signature has to be fresh, counts once, and never makes anything in the body true. The scheme called
Standard Webhooks (OpenAI, Replicate) signs the body as well; it is trusted no further.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

TIMESTAMP_HEADER = "X-Webhook-Timestamp"
SIGNATURE_HEADER = "X-Webhook-Signature"
# Kie names no window ("Webhook verification"); five minutes forgive a wrong clock and stop old captures. The other
# scheme's own libraries allow as much.
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


class Signature(Protocol):
    """How one provider signs its callbacks."""

    def seal(self, headers: Mapping[str, str], body: bytes, task_id: str, now: datetime) -> tuple[str, str] | None:
        """What is unique to this callback, if its signature is genuine and fresh; None when it is not."""
        ...


class KieSignature:
    """Kie's own scheme, under the key of the host's account."""

    def __init__(self, key: str) -> None:
        self._key = key

    def seal(self, headers: Mapping[str, str], body: bytes, task_id: str, now: datetime) -> tuple[str, str] | None:
        timestamp, signature = headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
        is_genuine = verify_kie_signature(self._key, task_id, timestamp, signature, now)
        return (task_id, timestamp) if is_genuine else None


class StandardSignature:
    """The Standard Webhooks scheme: HMAC-SHA256 over `id.timestamp.body`, several signatures while a key changes."""

    def __init__(self, key: str) -> None:
        """*key* as the vendor shows it, `whsec_...`; a ValueError when it is none."""
        encoded = key.removeprefix("whsec_")
        self._key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)

    def seal(self, headers: Mapping[str, str], body: bytes, task_id: str, now: datetime) -> tuple[str, str] | None:
        name, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        # Header bytes that are no text arrive as lone surrogates; nothing signed is made of those.
        signed = f"{name}.{timestamp}.".encode("utf-8", "replace") + body
        expected = b"v1," + base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest())
        given = headers.get("webhook-signature", "").encode("utf-8", "replace").split(b" ")
        is_genuine = any(hmac.compare_digest(expected, one) for one in given)
        return (name, timestamp) if name and is_genuine and is_fresh(timestamp, now) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackForm:
    """How one provider calls back: where a task's id may stand in the body, and what proves that it is the provider."""

    task_ids: Callable[[Mapping[str, object]], Iterable[object]]
    signature: Signature | None = None  # None where the host has given no key: then the address alone is the proof
    # One address for all tasks, which the host tells the vendor once. It holds no secret: a signature must be there.
    is_account_wide: bool = False


def is_fresh(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        return False
    return abs(now - datetime.fromtimestamp(int(timestamp), UTC)) <= FRESHNESS


class Replays:
    """Remembers which signatures have counted, as long as they would be fresh and never more than a fixed number."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def take(self, seal: tuple[str, str], now: datetime) -> bool:
        """Count this signature; False when it has counted before."""
        # A timestamp may lie FRESHNESS in the future, so it can stay fresh for twice as long from now on.
        while self._seen and next(iter(self._seen.values())) < now - 2 * FRESHNESS:
            self._seen.popitem(last=False)
        if seal in self._seen:
            return False
        self._seen[seal] = now
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return True

    def give_back(self, seal: tuple[str, str]) -> None:
        """The callback was not accepted after all; the provider may try again with the same signature."""
        self._seen.pop(seal, None)
