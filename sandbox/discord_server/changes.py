"""News of every change in the sandbox, so that whoever waits for something is woken instead of polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened: what kind, about which object, where."""

    kind: str  # the gateway's event name, or "REQUEST", "SESSION", "INTERACTION_ANSWER", "TYPING"
    subject: Any
    topics: frozenset[object]


class Changes:
    """Publishes changes to whoever listens; topics keep five hundred waiting people from waking each other."""

    def __init__(self) -> None:
        self._listeners: dict[object, list[asyncio.Queue[Change]]] = {}

    def publish(self, kind: str, subject: Any, *topics: object) -> None:
        change = Change(kind, subject, frozenset(topics))
        for topic in (*topics, ALL):
            for queue in self._listeners.get(topic, ()):
                queue.put_nowait(change)

    @contextmanager
    def listening(self, *topics: object) -> Iterator[asyncio.Queue[Change]]:
        """A queue of the changes from now on about *topics*, or about everything when none is named."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        wanted = topics or (ALL,)
        for topic in wanted:
            self._listeners.setdefault(topic, []).append(queue)
        try:
            yield queue
        finally:
            for topic in wanted:
                self._listeners[topic].remove(queue)
                if not self._listeners[topic]:
                    del self._listeners[topic]

    async def until(self, look: Callable[[], Found | None], timeout: float, *topics: object) -> Found:
        """Return what *look* finds, looking now and after each change; TimeoutError when it never finds anything."""
        with self.listening(*topics) as queue:
            async with asyncio.timeout(timeout):
                while not (found := look()):
                    await queue.get()
                return found


ALL = object()
