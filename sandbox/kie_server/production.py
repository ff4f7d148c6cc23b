"""Takes tasks in, brings each to its end, and tells the account and the client about it."""

from __future__ import annotations

import math
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox.kie_server.accounts import Account, CreditsInsufficientError
from sandbox.kie_server.agenda import Agenda, Clock
from sandbox.kie_server.answers import RefusedError
from sandbox.kie_server.callback_bodies import forged, told
from sandbox.kie_server.callbacks import Callbacks
from sandbox.kie_server.faults import Refusals
from sandbox.kie_server.models import Model
from sandbox.kie_server.scenarios import Failure, Scenarios
from sandbox.kie_server.schemas import InvalidInputError
from sandbox.kie_server.shooting import Camera
from sandbox.kie_server.storage import Storage
from sandbox.kie_server.tasks import Failed, Service, Succeeded, Task, prompt_of


@dataclass(frozen=True, slots=True)
class Order:
    """A create request that has been read."""

    service: Service
    model: Model
    given: Mapping[str, object]
    callback_url: str | None
    source: Task | None = None


class Production:
    def __init__(
        self,
        *,
        clock: Clock,
        agenda: Agenda,
        account: Account,
        storage: Storage,
        camera: Camera,
        callbacks: Callbacks,
        scenarios: Scenarios,
        usual_seconds: float,
        max_running: int | None,
    ) -> None:
        self._clock = clock
        self._agenda = agenda
        self._account = account
        self._storage = storage
        self._camera = camera
        self._callbacks = callbacks
        self._scenarios = scenarios
        self._usual_seconds = usual_seconds
        self._max_running = max_running
        self._running = 0
        self.peak_running = 0
        self.tasks: dict[str, Task] = {}

    def accept(self, order: Order) -> Task:
        """Check and price the order, reserve its credits, and start."""
        try:
            filled = order.model.completed(order.given)
        except InvalidInputError as err:
            raise RefusedError(err.code, err.text) from err
        if self._max_running is not None and self._running >= self._max_running:
            raise RefusedError(Refusals.TOO_MANY.code, Refusals.TOO_MANY.text)
        price = order.model.price(filled)
        try:
            self._account.reserve(price)
        except CreditsInsufficientError as err:
            raise RefusedError(Refusals.NO_CREDITS.code, Refusals.NO_CREDITS.text) from err
        scenario = self._scenarios.take(order.model.slug, prompt_of(filled))
        now = self._clock()
        seconds = self._usual_seconds if scenario.seconds is None else scenario.seconds
        task = Task(
            id=_new_id(order),
            service=order.service,
            model=order.model,
            input=order.given,
            filled=filled,
            unknown_fields=order.model.unknown(order.given),
            callback_url=order.callback_url,
            scenario=scenario,
            price=price,
            created_at=now,
            ends_at=math.inf if scenario.is_endless else now + seconds,
            source=order.source,
        )
        self.tasks[task.id] = task
        self._running += 1
        self.peak_running = max(self.peak_running, self._running)
        if not scenario.is_endless:
            # Rendering starts at once, so that the movie is there when the task is due.
            self._agenda.at(now, partial(self._prepare, task))
            self._agenda.at(task.ends_at, partial(self.bring_to_end, task))
        return task

    async def find(self, task_id: str) -> Task | None:
        """The task, with everything that is due by now done."""
        task = self.tasks.get(task_id)
        if task is not None:
            task.polls += 1
            await self.bring_to_end(task)
        return task

    async def bring_to_end(self, task: Task) -> None:
        """End *task* if its time has come. Safe to ask for again and again."""
        if not self._is_due(task):
            return
        footage = task.scenario.failure or await self._shoot(task)
        if not self._is_due(task):  # somebody else was faster while the movie was rendered
            return
        task.ended_at = self._clock()
        self._running -= 1
        if isinstance(footage, Failure):
            task.end = Failed(footage)
            self._account.restore(task.price)
        else:
            # An extension has two videos: what was added, and the whole.
            count = 1 if task.source is None or task.model.is_copy else 2
            stored = [self._storage.publish(footage, task.scenario.download) for _ in range(count)]
            task.end = Succeeded(tuple(self._storage.url(each) for each in stored))
            task.credits_consumed = task.price if task.scenario.cost is None else task.scenario.cost
            self._account.settle(task.price, task.credits_consumed)
        if task.callback_url:
            plan = task.scenario.callback
            for _ in range(plan.copies):
                self._agenda.at(task.ended_at + plan.late, partial(self._call_back, task, task.callback_url))

    def _is_due(self, task: Task) -> bool:
        return task.end is None and self._clock() >= task.ends_at

    async def _prepare(self, task: Task) -> None:
        await self._shoot(task)

    async def _shoot(self, task: Task) -> Path | Failure:
        if task.scenario.failure is not None:
            return task.scenario.failure
        async with task.lock:
            if task.footage is None:
                task.footage = await self._camera.shoot(task)
            return task.footage

    async def _call_back(self, task: Task, url: str) -> None:
        shape = forged if task.scenario.callback.is_forged else told
        await self._callbacks.send(task.id, url, shape(task, self._clock()))


def _new_id(order: Order) -> str:
    """Each service has its own form of ids, all as the samples in its documentation."""
    match order.service:
        case Service.VEO:
            kind = "task" if order.source is None or order.model.is_copy else "extend_task"
            return f"veo_{kind}_{secrets.token_hex(16)}"
        case Service.RUNWAY:
            return str(uuid.uuid4())
        case Service.JOBS | Service.ALEPH:
            return secrets.token_hex(16)
