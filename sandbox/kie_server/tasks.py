"""A task is what the provider has promised to render; it lives from the create call to its end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from sandbox.kie_server.models import Model
from sandbox.kie_server.scenarios import Failure, PendingPath, Scenario


class Service(Enum):
    """The route family that made a task; each has its own records."""

    JOBS = "jobs"
    VEO = "veo"
    RUNWAY = "runway"
    ALEPH = "aleph"


@dataclass(frozen=True, slots=True)
class Succeeded:
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    failure: Failure


@dataclass(slots=True, eq=False, kw_only=True)
class Task:
    id: str
    service: Service
    model: Model
    input: Mapping[str, object]  # as the client sent it
    filled: Mapping[str, object]  # with the server's defaults
    unknown_fields: frozenset[str]
    callback_url: str | None
    scenario: Scenario
    price: float
    created_at: float
    ends_at: float  # math.inf: never
    source: Task | None = None  # the earlier task that this one goes on from
    end: Succeeded | Failed | None = None
    ended_at: float | None = None
    credits_consumed: float = 0.0
    polls: int = 0
    footage: Path | Failure | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def slug(self) -> str:
        return self.model.slug

    @property
    def prompt(self) -> str:
        return prompt_of(self.filled)

    def is_seen_at(self, now: float) -> bool:
        return now >= self.created_at + self.scenario.unseen_for

    def shows_end_at(self, now: float) -> bool:
        """A callback may be earlier than the record."""
        return self.ended_at is not None and now >= self.ended_at + self.scenario.callback.early

    def pending_state(self, now: float) -> str:
        path = self.scenario.path or self.model.pending_path
        if path is not PendingPath.STEPWISE:
            return str(path.value)
        total = self.ends_at - self.created_at
        share = (now - self.created_at) / total if 0 < total < math.inf else 0.0
        steps = ("waiting", "queuing", "generating")
        return steps[min(2, max(0, int(share * 3)))]


def prompt_of(filled: Mapping[str, object]) -> str:
    """The words to show: the prompt, or those of its shots."""
    prompt = filled.get("prompt")
    if isinstance(prompt, str) and prompt:
        return prompt
    for name, key in (("multi_prompt", "prompt"), ("shots", "Scene")):
        shots = filled.get(name)
        if isinstance(shots, list):
            return " / ".join(str(shot.get(key, "")) for shot in shots if isinstance(shot, dict))
    return ""
