"""Remembers the latest requests, so that a test can ask what the bot really sent."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.discord_server.wire import JSONValue

KEPT_REQUESTS = 5000


@dataclass(slots=True, eq=False)
class RecordedRequest:
    method: str
    path: str  # without /api/v10
    at: datetime
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    json: JSONValue = None
    files: list[tuple[str, int]] = field(default_factory=list)  # name and size
    status: int | None = None  # None while it is being answered, or when the connection was cut
    answer: JSONValue = None
    was_dropped: bool = False


class Audit(deque[RecordedRequest]):
    """The latest requests, oldest first."""

    def __init__(self) -> None:
        super().__init__(maxlen=KEPT_REQUESTS)

    def find(self, method: str, path: str) -> list[RecordedRequest]:
        """Requests with that method whose path contains *path*."""
        return [each for each in self if each.method == method and path in each.path]
