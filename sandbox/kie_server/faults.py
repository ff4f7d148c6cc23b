"""Faults on demand: what may go wrong with one HTTP exchange, before or after it took effect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Call(Enum):
    """What a client can ask of the provider."""

    CREATE = "create"
    RECORD = "record"
    UPGRADE = "upgrade"  # a larger version of a finished video: makes it when asked first, tells of it afterwards
    CREDIT = "credit"
    DOWNLOAD_LINK = "download link"
    UPLOAD = "upload"
    RESULT = "result"  # fetching a finished video or an uploaded file
    CATALOGUE = "catalogue"  # prices and model names


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A JSON answer whose code is not 200; nothing takes effect."""

    code: int
    text: str
    status: int | None = None  # None: as the server's mode says


class Refusals:
    UNAUTHORIZED = Refusal(code=401, text="You do not have access permissions")
    NO_CREDITS = Refusal(code=402, text="The current credits are insufficient")
    NOT_FOUND = Refusal(code=404, text="Not found")
    TOO_LARGE = Refusal(code=413, text="Request body too large")
    TOO_MANY = Refusal(code=429, text="Too many requests, please try again later")
    KEY_CAP = Refusal(code=433, text="The usage limit of this sub-key has been reached")
    MAINTENANCE = Refusal(code=455, text="Service unavailable, system is under maintenance")
    SERVER_ERROR = Refusal(code=500, text="Internal server error")
    PAUSED = Refusal(code=500, text="This interface is temporarily paused")
    DISABLED = Refusal(code=505, text="Feature disabled")


@dataclass(frozen=True, slots=True)
class EdgePage:
    """HTML from the edge with this HTTP status; *took_effect* when the API behind it did the work all the same."""

    status: int
    took_effect: bool = False


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """The connection drops before the answer; by default the request was carried out, and billed."""

    took_effect: bool = True


@dataclass(frozen=True, slots=True)
class Slow:
    """The request is carried out at once, its answer comes after so many real seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Body:
    """Any other answer: this text with this status and type."""

    text: str
    status: int = 200
    content_type: str = "text/plain"


Fault: TypeAlias = Refusal | EdgePage | LostAnswer | Slow | Body


@dataclass(slots=True)
class _Planned:
    call: Call
    fault: Fault
    left: int | None
    containing: bytes


class Faults:
    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def add(self, call: Call, *faults: Fault, times: int | None = 1, containing: str = "") -> None:
        """Each of *faults*, in order, meets *times* requests (None: all) whose address or body has *containing*."""
        self._planned.extend(_Planned(call, fault, times, containing.encode()) for fault in faults)

    def clear(self, call: Call | None = None) -> None:
        self._planned = [planned for planned in self._planned if call not in (None, planned.call)]

    def wants_body(self, call: Call) -> bool:
        return any(planned.call is call and planned.containing for planned in self._planned)

    def take(self, call: Call, asked: bytes) -> Fault | None:
        for planned in self._planned:
            if planned.call is call and planned.containing in asked:
                if planned.left is not None:
                    planned.left -= 1
                    if planned.left <= 0:
                        self._planned.remove(planned)
                return planned.fault
        return None
