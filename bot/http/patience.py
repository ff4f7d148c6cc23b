"""How long the HTTP server waits for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long each thing may take. The provider waits 15 s for our answer, a probe less: answer before they leave."""

    body: timedelta = timedelta(seconds=5)
    answer: timedelta = timedelta(seconds=8)
    check: timedelta = timedelta(seconds=3)
    close: timedelta = timedelta(seconds=5)
    asking: timedelta = timedelta(seconds=15)  # for a whole head, and between two requests of a connection


USUAL = Patience()
