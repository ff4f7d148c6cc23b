"""Kie's answers as they were documented or recorded, and an adapter that can be given them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bot.ports import SystemClock
from bot.providers.kie_jobs import KieJobs
from bot.providers.transport import Timeouts

ANSWERS = Path(__file__).parent / "answers" / "kie"
KEY = "kie-key-canary-5f1c"
# A few minutes after the recorded tasks ended.
NOW = datetime(2026, 8, 10, 4, 5, tzinfo=UTC)


class StoppedClock(SystemClock):
    def now(self) -> datetime:
        return NOW


def text(name: str) -> str:
    return (ANSWERS / name).read_text()


def fields(name: str) -> dict[str, object]:
    value = json.loads(text(f"{name}.json"))
    assert isinstance(value, dict)
    return value


@dataclass
class Kie:
    """A KieJobs whose every request is answered with `reply`; `sent` holds what it asked."""

    reply: httpx.Response
    sent: list[httpx.Request] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self.reply

    @property
    def body(self) -> dict[str, object]:
        value = json.loads(self.sent[-1].content)
        assert isinstance(value, dict)
        return value


def adapter(
    inner: httpx.AsyncBaseTransport | None, origin: str = "https://api.kie.test", timeouts: Timeouts | None = None
) -> KieJobs:
    return KieJobs(
        api_key=KEY,
        api_url=origin,
        upload_url=origin.replace("api.", "upload."),
        clock=StoppedClock(),
        timeouts=timeouts,
        inner=inner,
    )


# Makes an adapter whose provider answers with a file of answers/kie, or with the text given.
Answering = Callable[..., tuple[KieJobs, Kie]]
