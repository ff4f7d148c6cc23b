"""An event loop whose time is a number: it never waits, opens no socket and no thread, and runs the same every time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Work = Coroutine[Any, Any, T] | Generator[Any, None, T]

# So many callbacks at one and the same moment are code that goes round without waiting for anything.
MOST_AT_ONCE = 100_000


class StuckError(Exception):
    """The code runs on and on without letting the time pass."""


class Life:
    """One process, as the loop knows it: its tasks stand still and die together."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self.is_dead = False
        self.is_frozen = False
        self.tasks: list[asyncio.Task[Any]] = []
        self._loop = loop
        self._parked: list[asyncio.Handle] = []

    def spawn(self, work: Work[T], name: str) -> asyncio.Task[T]:
        """Run *work* as a part of this process, whoever asks for it."""
        context = copy_context()
        context.run(_LIFE.set, self)
        return self._loop.create_task(work, name=name, context=context)

    def kill(self) -> None:
        """From here on no touch of the outside world gets through; what is left of the code unwinds without effect."""
        self.is_dead = True
        for task in self.tasks:
            task.cancel()
        self.thaw()

    def freeze(self) -> None:
        """A stopped process or a paused machine: nothing of it runs, and it does not know."""
        self.is_frozen = True

    def thaw(self) -> None:
        self.is_frozen = False
        parked, self._parked = self._parked, []
        for handle in parked:
            self._loop.resume(handle, self)

    def park(self, handle: asyncio.Handle) -> None:
        self._parked.append(handle)


_LIFE: ContextVar[Life | None] = ContextVar("life", default=None)


def _life_in(context: Context | None) -> Life | None:
    return _LIFE.get() if context is None else context.get(_LIFE)


class SimulatedLoop(asyncio.AbstractEventLoop):
    """As much of an event loop as code without sockets needs. Work for threads is done at once, in this one."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._ready: deque[tuple[asyncio.Handle, Life | None]] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Life | None]] = []
        self._numbers = itertools.count()
        self.troubles: list[str] = []  # what nobody caught

    def run(self, is_over: Callable[[], bool], until: float) -> bool:
        """Run until *is_over*, which is asked whenever nothing more can be done at the moment; False if it never is."""
        asyncio.events._set_running_loop(self)
        try:
            while True:
                self._run_ready()
                if is_over():
                    return True
                while self._timers and self._timers[0][2].cancelled():
                    heapq.heappop(self._timers)
                if not self._timers or self._timers[0][0] > until:
                    return False
                when, _, handle, life = heapq.heappop(self._timers)
                self._now = max(self._now, when)
                self._ready.append((handle, life))
        finally:
            asyncio.events._set_running_loop(None)

    def resume(self, handle: asyncio.Handle, life: Life) -> None:
        self._ready.append((handle, life))

    def _run_ready(self) -> None:
        ready = self._ready
        for _ in range(MOST_AT_ONCE):
            if not ready:
                return
            handle, life = ready.popleft()
            if handle.cancelled():
                continue
            if life is not None and life.is_frozen:
                life.park(handle)
            else:
                handle._run()
        raise StuckError(f"nothing waits at {self._now:.3f} s")

    # What asyncio asks of its loop.

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append((handle, _life_in(context)))
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer, _life_in(context)))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are passed over when their time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        life = _life_in(context)
        if life is not None:
            life.tasks.append(task)
            if life.is_dead:
                task.cancel()
        return task

    def run_in_executor(self, executor: object, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever a thread would raise belongs to whoever awaits it
            future.set_exception(error)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.troubles.append(f"{context.get('message')}: {context.get('exception')!r}")
