"""Rate limits per route and channel, told in headers on every answer, and generous unless made strict."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field

from sandbox.discord_server.clock import Clock


@dataclass(frozen=True, slots=True)
class Limit:
    requests: int
    seconds: float


KEPT_WINDOWS = 2000
GENEROUS = Limit(100_000, 1.0)


@dataclass(slots=True)
class RateLimits:
    """The limits in force; replace a field at any time.

    Strict values as observed on the real service (unpublished): 5 messages in 5 s per channel, 5 in 2 s per webhook.
    """

    messages: Limit = GENEROUS
    edits: Limit = GENEROUS
    webhooks: Limit = GENEROUS
    others: Limit = GENEROUS
    everything: Limit = GENEROUS  # 50 per second for a bot; interaction endpoints do not count

    def be_strict(self) -> None:
        self.messages = self.edits = Limit(5, 5.0)
        self.webhooks = Limit(5, 2.0)
        self.everything = Limit(50, 1.0)


# Which limit applies, and which parameter of the path splits it.
ROUTES = (
    ("POST", re.compile(r"^/channels/(\d+)/messages$"), "messages"),
    ("PATCH", re.compile(r"^/channels/(\d+)/messages/\d+$"), "edits"),
    (".*", re.compile(r"^/webhooks/(\d+/[^/]+)"), "webhooks"),
    (".*", re.compile(r"^/interactions/(\d+/[^/]+)"), "others"),
    (".*", re.compile(r"^/(?:channels|guilds)/(\d+)"), "others"),
)
WITHOUT_GLOBAL = ("/webhooks/", "/interactions/")


@dataclass(frozen=True, slots=True)
class Verdict:
    headers: dict[str, str]
    retry_after: float | None = None  # None: the request may pass
    is_global: bool = False


@dataclass(slots=True)
class _Window:
    resets_at: float = 0.0
    used: int = 0

    def take(self, limit: Limit, now: float) -> float | None:
        """Use one request, or say how long to wait."""
        if now >= self.resets_at:
            self.resets_at, self.used = now + limit.seconds, 0
        if self.used >= limit.requests:
            return self.resets_at - now
        self.used += 1
        return None


@dataclass(slots=True)
class Throttle:
    """Counts requests against the limits."""

    clock: Clock
    limits: RateLimits = field(default_factory=RateLimits)
    _windows: dict[tuple[str, str, str], _Window] = field(default_factory=dict)
    _overall: _Window = field(default_factory=_Window)

    def check(self, method: str, path: str) -> Verdict:
        now = self.clock().timestamp()
        if not path.startswith(WITHOUT_GLOBAL):
            wait = self._overall.take(self.limits.everything, now)
            if wait is not None:
                return Verdict({}, wait, is_global=True)
        name, major = self._bucket(method, path)
        limit: Limit = getattr(self.limits, name)
        key = (name if name != "others" else f"{method} {re.sub(r'[0-9]{5,}', ':id', path)}", name, major)
        self._forget_ended(now)
        window = self._windows.setdefault(key, _Window())
        wait = window.take(limit, now)
        headers = {
            "X-RateLimit-Limit": str(limit.requests),
            "X-RateLimit-Remaining": str(max(0, limit.requests - window.used)),
            "X-RateLimit-Reset": f"{window.resets_at:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, window.resets_at - now):.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(key[0].encode()).hexdigest()[:32],
        }
        if wait is not None:
            headers |= {"X-RateLimit-Scope": "user", "Retry-After": str(math.ceil(wait))}
        return Verdict(headers, wait)

    def _forget_ended(self, now: float) -> None:
        """Every interaction makes windows of its own; without this a long run would keep them all."""
        if len(self._windows) > KEPT_WINDOWS:
            self._windows = {key: window for key, window in self._windows.items() if window.resets_at > now}

    @staticmethod
    def _bucket(method: str, path: str) -> tuple[str, str]:
        for methods, pattern, name in ROUTES:
            found = pattern.match(path)
            if found and re.fullmatch(methods, method):
                return name, found[1]
        return "others", ""
