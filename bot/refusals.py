"""Calls from strangers that were refused: a number for the host to watch, and now and then a line in the log."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from enum import StrEnum

import prometheus_client
from prometheus_client import CollectorRegistry

from bot import logs
from bot.ports import Clock

log = logs.get(__name__)

# An open port is found within hours, and a line for each forged call would let a stranger fill the disk.
BETWEEN_LINES = timedelta(minutes=1)


class Refusal(StrEnum):
    """Why a callback was refused."""

    UNKNOWN_JOB = "unknown_job"  # no such job, or not its secret
    WRONG_SIGNATURE = "wrong_signature"  # or none, or an old one
    USED_SIGNATURE = "used_signature"


class Refusals:
    """Counts every refused callback; the log hears of the first at once and of the others once a minute at most."""

    def __init__(self, clock: Clock, registry: CollectorRegistry) -> None:
        self._clock = clock
        self._untold: Counter[Refusal] = Counter()
        self._told_at: datetime | None = None
        self._counted = prometheus_client.Counter(
            "cutscene_callbacks_refused", "Callbacks that were refused, by reason", ["reason"], registry=registry
        )
        for reason in Refusal:
            self._counted.labels(reason)

    def note(self, reason: Refusal) -> None:
        self._counted.labels(reason).inc()
        self._untold[reason] += 1
        now = self._clock.now()
        # A clock that has jumped back must not silence the log until it has caught up.
        if self._told_at is None or abs(now - self._told_at) >= BETWEEN_LINES:
            log.warning("callbacks_refused", **{str(each): count for each, count in sorted(self._untold.items())})
            self._untold.clear()
            self._told_at = now
