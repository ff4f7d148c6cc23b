"""A work is what a vendor has promised to render; it lives from the create call to its end."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path

from sandbox.kie_server.agenda import Agenda, Clock
from sandbox.kie_server.scenarios import Download
from sandbox.kie_server.storage import Storage, Stored
from sandbox.movies import MovieRequest, MovieStudio, PictureError


class End(Enum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    FILTERED = "filtered"  # rendered, and then held back by the vendor's filter
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One work's fate. Everything left out goes as it usually does."""

    seconds: float | None = None  # None: the server's usual time
    is_endless: bool = False
    failure: str = ""  # the vendor's text; empty: it succeeds
    is_filtered: bool = False
    download: Download = field(default_factory=Download)
    movie: Path | None = None  # served instead of a rendered one
    callbacks: int = 1  # 2: doubled; 0: lost


@dataclass(slots=True, eq=False, kw_only=True)
class Work:
    id: str
    model: str
    body: Mapping[str, object]  # as the client sent it
    seconds: float  # of video
    plan: Plan
    created_at: float
    ends_at: float  # math.inf: never
    callback_url: str | None = None
    end: End | None = None
    ended_at: float | None = None
    text: str = ""  # why it failed
    result: Stored | None = None
    polls: int = 0
    footage: Path | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def share_at(self, now: float) -> float:
        """How much of its time has gone by, from 0 to 1."""
        total = self.ends_at - self.created_at
        return min(1.0, (now - self.created_at) / total) if 0 < total < math.inf else 0.0


Ended = Callable[[Work], Awaitable[None]]


class Workshop:
    """Takes works in, renders each, and brings it to its end when the clock says so."""

    def __init__(
        self,
        *,
        clock: Clock,
        agenda: Agenda,
        storage: Storage,
        studio: MovieStudio,
        executor: Executor,
        usual_seconds: float,
    ) -> None:
        self._clock = clock
        self._agenda = agenda
        self._storage = storage
        self._studio = studio
        self._executor = executor
        self._usual_seconds = usual_seconds
        self._requests: dict[str, MovieRequest] = {}
        self._planned: deque[Plan] = deque()
        self.works: dict[str, Work] = {}

    def plan(self, *plans: Plan) -> None:
        """Each of *plans* goes to one coming work, in order."""
        self._planned.extend(plans)

    def begin(
        self,
        work_id: str,
        *,
        model: str,
        body: Mapping[str, object],
        request: MovieRequest,
        callback_url: str | None = None,
        ended: Ended | None = None,
    ) -> Work:
        plan = self._planned.popleft() if self._planned else Plan()
        now = self._clock()
        seconds = self._usual_seconds if plan.seconds is None else plan.seconds
        work = Work(
            id=work_id,
            model=model,
            body=body,
            seconds=request.seconds,
            plan=plan,
            created_at=now,
            ends_at=math.inf if plan.is_endless else now + seconds,
            callback_url=callback_url,
        )
        self.works[work_id], self._requests[work_id] = work, request
        if not plan.is_endless:
            # Rendering starts at once, so that the movie is there when the work is due.
            self._agenda.at(now, partial(self._shoot, work))
            self._agenda.at(work.ends_at, partial(self._conclude, work, ended))
        return work

    async def find(self, work_id: str) -> Work | None:
        """The work, with everything that is due by now done."""
        work = self.works.get(work_id)
        if work is not None:
            work.polls += 1
            await self.settle(work)
        return work

    def cancel(self, work: Work) -> bool:
        """Stop *work*; False when it had ended before."""
        if work.end is not None:
            return False
        work.end, work.ended_at = End.CANCELED, self._clock()
        return True

    async def settle(self, work: Work) -> None:
        """End *work* if its time has come. Safe to ask for again and again."""
        if not self._is_due(work):
            return
        await self._shoot(work)
        if not self._is_due(work):  # somebody else was faster while the movie was rendered
            return
        work.ended_at = self._clock()
        if work.text or work.footage is None:
            work.end = End.FAILED
        elif work.plan.is_filtered:
            work.end = End.FILTERED
        else:
            work.end, work.result = End.SUCCEEDED, self._storage.publish(work.footage, work.plan.download)

    async def _conclude(self, work: Work, ended: Ended | None) -> None:
        await self.settle(work)
        if ended is not None and work.end is not None:
            await ended(work)

    def _is_due(self, work: Work) -> bool:
        return work.end is None and self._clock() >= work.ends_at

    async def _shoot(self, work: Work) -> None:
        async with work.lock:
            if work.footage is not None or work.text:
                return
            if work.plan.failure:
                work.text = work.plan.failure
            elif work.plan.movie is not None:
                work.footage = work.plan.movie
            else:
                try:
                    work.footage = await self._studio.shoot(
                        self._requests[work.id], self._storage.new_result(), self._executor
                    )
                except PictureError:
                    work.text = "cannot identify image file"
