"""Takes the provider's calls as hints: the job is looked at now, and the provider is asked for the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.ids import JobId, ProviderId, TaskId
from bot.errors import StoreError
from bot.ports import Clock
from bot.services.keys import CallbackTokens
from bot.store import hints
from bot.store.database import Database, RefusedStatement
from bot.store.hints import Hint

# What the job table's key can hold; the address of a forged callback may name any number.
LARGEST_ID = 2**63 - 1
# How many hints one transaction takes; more would make the first of them wait too long for its answer.
BATCH = 200


@dataclass(slots=True)
class _Waiting:
    """One call that waits to be stored; `is_known` is its answer, `error` why it has none."""

    call: Hint
    is_known: bool | None = None
    error: Exception | None = None
    is_suspect: bool = False  # a batch with it could not be stored, through no trouble of the database

    @property
    def is_waiting(self) -> bool:
        return self.is_known is None and self.error is None


class Callbacks:
    """What the HTTP server hands on. Calls that come together are stored together, in one durable commit."""

    def __init__(
        self, database: Database, clock: Clock, wake: Callable[[], None], tokens: CallbackTokens | None = None
    ) -> None:
        """With *tokens*, a secret that they did not make is refused without a look into the database."""
        self._database = database
        self._clock = clock
        self._wake = wake
        self._tokens = tokens
        self._waiting: list[_Waiting] = []
        self._turn = asyncio.Lock()

    async def hint(self, job_id: int, secret: str, task_id: str) -> bool:
        """True once the hint is stored; False when job and secret do not belong together. Raises StoreError."""
        if not 0 < job_id <= LARGEST_ID or (self._tokens is not None and not self._tokens.is_ours(secret)):
            return False
        mine = _Waiting(Hint(JobId(job_id), secret, TaskId(task_id)))
        self._waiting.append(mine)
        async with self._turn:
            # Whoever has the turn stores for everybody who has come meanwhile; most find their answer written.
            while mine.is_waiting:
                await self._store(mine)
        if mine.error is not None:
            raise mine.error
        if mine.is_known:
            self._wake()
        return bool(mine.is_known)

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        """True once the hint for the job of that task is stored; False when no job that runs has it."""
        is_known = await self._database.write(hints.note_task, provider, task_id, self._clock.now())
        if is_known:
            self._wake()
        return is_known

    async def _store(self, mine: _Waiting) -> None:
        count = 1 if self._waiting[0].is_suspect else BATCH
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        now = self._clock.now()

        is_over = False
        try:
            answers = await self._database.write(hints.note_all, [one.call for one in batch], now)
            for one, is_known in zip(batch, answers, strict=True):
                one.is_known = is_known
            is_over = True
        except StoreError as error:
            for one in batch:
                one.error = error
            is_over = True
        except (RefusedStatement, ValueError) as error:
            # Something in one of them cannot be stored at all: it must not take the others with it.
            if len(batch) == 1:
                batch[0].error = error
            else:
                for one in batch:
                    one.is_suspect = True
                self._waiting = batch + self._waiting
            is_over = True
        finally:
            if not is_over:
                # Cancelled, or a fault of ours: the others try for themselves. Storing a hint twice changes nothing.
                self._waiting = [one for one in batch if one is not mine] + self._waiting
