"""A provider calls back: what it sends becomes a hint, once its form, its secret and its signature are right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping
from datetime import timedelta
from typing import Final, Protocol

from aiohttp import web

from bot import logs
from bot.domain.ids import JobId, ProviderId, TaskId
from bot.http.patience import Patience
from bot.ports import Clock
from bot.refusals import Refusal, Refusals
from bot.signatures import CallbackForm, Replays

log = logs.get(__name__)

# A callback is a few kilobytes; its largest part is the echo of the prompt.
LARGEST_BODY = 64 * 1024
LARGEST_JOB_ID = 2**63 - 1
LONGEST_TASK_ID = 128  # Task ids are opaque; none longer was ever seen.


class Callbacks(Protocol):
    """Takes the provider's hints that a task has ended."""

    async def hint(self, job_id: JobId, secret: str, task_id: TaskId) -> bool:
        """Make the job due if *secret* is its own; False when there is no such job. Returns after the commit."""
        ...

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        """Make the job of that task due; False when no job that runs has it. Returns after the commit."""
        ...


class CallbackReceiver:
    """Turns a callback into a hint. Of the body only the task id is read, and the poll confirms even that."""

    def __init__(
        self,
        provider: ProviderId,
        callbacks: Callbacks,
        clock: Clock,
        form: CallbackForm,
        patience: Patience,
        refusals: Refusals,
    ) -> None:
        self._provider = provider
        self._callbacks = callbacks
        self._refusals = refusals
        self._clock = clock
        self._form = form
        self._patience = patience
        self._replays: Final = Replays()

    @property
    def is_account_wide(self) -> bool:
        return self._form.is_account_wide

    async def receive(self, request: web.Request) -> web.Response:
        """A call to the address of one job."""
        body = await _body(request, self._patience.body)
        task_id = _task_id(self._form.task_ids(_json_object(body)))
        job_id = int(request.match_info["job_id"])
        if job_id > LARGEST_JOB_ID:
            raise web.HTTPNotFound
        seal = self._checked_seal(request, body, task_id)
        hint = self._callbacks.hint(JobId(job_id), request.match_info["secret"], task_id)
        if not await self._noted(hint, seal, job_id):
            self._refusals.note(Refusal.UNKNOWN_JOB)
            raise web.HTTPNotFound
        return web.json_response({"code": 200, "msg": "success"})

    async def receive_for_account(self, request: web.Request) -> web.Response:
        """A call to the address of all jobs, which holds no secret: nothing counts but the signature.

        Calls about other tasks of the account are taken, too; who calls would repeat them for days.
        """
        if self._form.signature is None:
            raise web.HTTPNotFound
        body = await _body(request, self._patience.body)
        content = _json_object(body)
        seal = self._checked_seal(request, body, "")
        task_id = _task_id(self._form.task_ids(content))
        await self._noted(self._callbacks.hint_task(self._provider, task_id), seal, None)
        return web.json_response({"code": 200, "msg": "success"})

    async def _noted(self, hint: Awaitable[bool], seal: tuple[str, str] | None, job_id: int | None) -> bool:
        """Whether there is such a job; a signature whose call was not stored may come again."""
        is_accepted = False
        try:
            async with asyncio.timeout(self._patience.answer.total_seconds()):
                is_accepted = await hint
        except TimeoutError as err:
            log.warning("callback_slow", job=job_id)
            raise web.HTTPServiceUnavailable from err
        finally:
            if seal is not None and not is_accepted:
                self._replays.give_back(seal)
        return is_accepted

    def _checked_seal(self, request: web.Request, body: bytes, task_id: str) -> tuple[str, str] | None:
        """What the signature is known by, or None when none is asked for. Raises when it is wrong or has been used."""
        if self._form.signature is None:
            return None
        now = self._clock.now()
        seal = self._form.signature.seal(request.headers, body, task_id, now)
        if seal is None:
            self._refusals.note(Refusal.WRONG_SIGNATURE)
            raise web.HTTPNotFound
        if not self._replays.take(seal, now):
            self._refusals.note(Refusal.USED_SIGNATURE)
            raise web.HTTPNotFound
        return seal


async def _body(request: web.Request, patience: timedelta) -> bytes:
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await request.read()
    except TimeoutError as err:
        raise web.HTTPRequestTimeout from err
    except (ConnectionError, web.RequestPayloadError) as err:  # They left in the middle, or sent what is no body.
        raise web.HTTPBadRequest from err


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as err:  # The latter: nested thousands of levels deep.
        raise web.HTTPBadRequest from err
    if not isinstance(parsed, dict):
        raise web.HTTPBadRequest
    return parsed


def _task_id(places: Iterable[object]) -> TaskId:
    for found in places:
        if isinstance(found, str) and 0 < len(found) <= LONGEST_TASK_ID and found.isascii() and found.isprintable():
            return TaskId(found)
    raise web.HTTPBadRequest
