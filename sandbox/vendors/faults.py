"""Faults on demand for any vendor: what may go wrong with one HTTP exchange, before or after it took effect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from sandbox.kie_server.faults import Body, LostAnswer, Slow

__all__ = ["Body", "Call", "Fault", "Faults", "LostAnswer", "Refusal", "Slow"]


class Call(Enum):
    """What a client can ask of a vendor."""

    CREATE = "create"
    STATUS = "status"
    LIST = "list"
    CANCEL = "cancel"
    UPLOAD = "upload"
    RESULT = "result"  # fetching a finished video
    ACCOUNT = "account"  # models, secrets: what costs nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error in the vendor's own shape; nothing takes effect. *headers* come with it, Retry-After for one."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()


Fault: TypeAlias = Refusal | LostAnswer | Slow | Body


class Faults:
    """Each planned fault meets the next requests of its kind."""

    def __init__(self) -> None:
        self._planned: list[tuple[Call, Fault]] = []

    def add(self, call: Call, *faults: Fault) -> None:
        self._planned.extend((call, fault) for fault in faults)

    def clear(self) -> None:
        self._planned.clear()

    def take(self, call: Call) -> Fault | None:
        for planned in self._planned:
            if planned[0] is call:
                self._planned.remove(planned)
                return planned[1]
        return None
