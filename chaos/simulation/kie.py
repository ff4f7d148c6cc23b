"""A provider that counts: Kie's Jobs API as an HTTP transport in the same process, with tasks that outlive ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import httpx

from chaos.simulation.loop import Life
from chaos.simulation.scenarios import Calling, Create, Ending, Fetch, Poll
from chaos.simulation.world import START, World, unheard

E = TypeVar("E")

# The documented limit ("Getting started" page): 20 create calls in 10 s.
CREATES = 20
WINDOW = 10.0

# After this the client has given up on a create call (see `Timeouts`), and a late request lands.
GIVES_UP_AFTER = 110.0
LANDS_AFTER = 130.0


@dataclass(slots=True)
class Task:
    """One paid piece of work."""

    id: str
    prompt: str
    created_at: float
    ends_at: float
    ending: Ending
    callback_url: str | None


@dataclass(frozen=True, slots=True)
class Callback:
    """A call of the provider to us."""

    url: str
    task_id: str


class FakeKie:
    """The provider's side: tasks by id, and everything that it was asked."""

    def __init__(self, world: World, call: Callable[[Callback], None]) -> None:
        self._world = world
        self._call = call
        self.tasks: dict[str, Task] = {}
        self.called_at: list[float] = []  # create calls that arrived
        self.named: set[str] = set()  # tasks whose id was in an answer that reached us
        self._creates = 0
        self._polls = 0
        self._fetches = 0
        self.before_create: Callable[[str], None] = unheard
        # Another job's task, whose id somebody may try to sell us as ours.
        self.foreign = self._make("somebody else's", "http://bot.test/callbacks/kie/999/of-another-job")

    def transport(self, life: Life) -> KieTransport:
        return KieTransport(self, self._world, life)

    def state(self) -> Hashable:
        """What it has seen and done; of each kind it only ever becomes more."""
        arrived = self.called_at[-1] if self.called_at else None
        return self._creates, self._polls, self._fetches, len(self.tasks), len(self.named), len(self.called_at), arrived

    def next_create(self) -> Create:
        self._creates += 1
        return _entry(self._world.scenario.creates, self._creates, Create.OK)

    def next_poll(self) -> Poll:
        self._polls += 1
        return _entry(self._world.scenario.polls, self._polls, Poll.OK)

    def next_fetch(self) -> Fetch:
        self._fetches += 1
        return _entry(self._world.scenario.fetches, self._fetches, Fetch.OK)

    def arrive(self, prompt: str) -> None:
        """A create call is here; whatever becomes of it counts."""
        self.before_create(prompt)
        now = self._world.loop.time()
        self.called_at = [at for at in self.called_at if at > now - WINDOW] + [now]
        if len(self.called_at) > CREATES:
            self._world.violated("I12", f"{len(self.called_at)} create calls in {WINDOW:.0f} s")

    def land(self, prompt: str, callback_url: str | None) -> None:
        """A create call arrives that nobody waits for any more."""
        self.arrive(prompt)
        self.make(prompt, callback_url)

    def make(self, prompt: str, callback_url: str | None) -> Task:
        """A task comes into being, and is paid for."""
        task = self._make(prompt, callback_url)
        scenario = self._world.scenario
        calling = scenario.calling
        if callback_url is not None and task.ending is not Ending.NOTHING:
            genuine = Callback(callback_url, task.id)
            if calling in {Calling.ONCE, Calling.DOUBLED, Calling.FORGED, Calling.LEAKED}:
                self._world.later(task.ends_at - task.created_at, partial(self._call, genuine))
            if calling is Calling.DOUBLED:
                self._world.later(task.ends_at - task.created_at + 0.5, partial(self._call, genuine))
            if calling is Calling.EARLY:
                self._world.later(0.0, partial(self._call, genuine))
        if callback_url is not None and calling in {Calling.FORGED, Calling.LEAKED}:
            url = callback_url if calling is Calling.LEAKED else callback_url.rsplit("/", 1)[0] + "/guessed"
            forged = Callback(url, self.foreign.id)
            for seconds in (0.0, 1.0, 60.0):
                self._world.later(seconds, partial(self._call, forged))
        return task

    def _make(self, prompt: str, callback_url: str | None) -> Task:
        scenario, now = self._world.scenario, self._world.loop.time()
        renders = 0.0 if scenario.calling is Calling.EARLY else scenario.renders
        task = Task(f"task-{len(self.tasks)}", prompt, now, now + renders, scenario.ending, callback_url)
        self.tasks[task.id] = task
        return task

    def record(self, task: Task) -> dict[str, object]:
        data: dict[str, object] = {
            "taskId": task.id,
            "model": "maker/text",
            "state": "waiting",
            "param": json.dumps({"model": "maker/text", "callBackUrl": task.callback_url}),
        }
        if self._world.loop.time() < task.ends_at or task.ending is Ending.NOTHING:
            return data
        data["completeTime"] = int((START.timestamp() + task.ends_at) * 1000)
        if task.ending is Ending.FAILURE:
            return {**data, "state": "fail", "failCode": "500", "failMsg": "internal error"}
        urls = {"resultUrls": [f"https://files.test/{task.id}.mp4"]}
        return {**data, "state": "success", "resultJson": json.dumps(urls), "creditsConsumed": 100}


class KieTransport(httpx.AsyncBaseTransport):
    """The way there and back, where requests and answers get lost."""

    def __init__(self, kie: FakeKie, world: World, life: Life) -> None:
        self._kie = kie
        self._world = world
        self._life = life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/createTask"):
            return await self._create(request)
        if request.url.path.endswith("/recordInfo"):
            return await self._poll(request)
        return httpx.Response(200, json={"code": 200, "msg": "success", "data": 1000.0})

    async def _create(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(await request.aread())
        prompt, url = body["input"]["prompt"], body.get("callBackUrl")
        kie = self._kie
        await self._world.touch(self._life, "create call leaves")
        fate = kie.next_create()
        if fate is Create.UNREACHABLE:
            raise httpx.ConnectError("refused", request=request)
        if fate is Create.LATE:
            self._world.later(LANDS_AFTER, partial(kie.land, prompt, url))
        else:
            kie.arrive(prompt)
        if fate is Create.REFUSED:
            return await self._answer("refused", 422, "prompt is required")
        if fate is Create.BUSY:
            return await self._answer("turned away", 429, "too many requests")
        task = None if fate in {Create.DROPPED, Create.LATE} else kie.make(prompt, url)
        if fate in {Create.LOST, Create.DROPPED, Create.LATE}:
            await self._world.touch(self._life, "create call waits")
            await asyncio.sleep(GIVES_UP_AFTER)
            await self._world.touch(self._life, "create call gave up")
            raise httpx.ReadTimeout("no answer", request=request)
        assert task is not None
        if fate is Create.RESET:
            await self._world.touch(self._life, "create call reset")
            raise httpx.ReadError("reset", request=request)
        if fate is Create.INTERNAL:
            return await self._answer("internal error", 500, "Internal Error, please try again later.")
        if fate is Create.SLOW or self._world.scenario.calling is Calling.EARLY:
            await asyncio.sleep(60.0 if fate is Create.SLOW else 2.0)
        response = await self._answer("created", 200, "success", {"taskId": task.id})
        kie.named.add(task.id)
        return response

    async def _poll(self, request: httpx.Request) -> httpx.Response:
        await self._world.touch(self._life, "poll leaves")
        match self._kie.next_poll():
            case Poll.DOWN:
                return httpx.Response(503, text="<html>")
            case Poll.CUT:
                raise httpx.ReadError("cut", request=request)
            case Poll.HIDDEN:
                return await self._answer("polled", 422, "recordInfo is null")
            case Poll.WRONG_KEY:
                return await self._answer("polled", 401, "You do not have access permissions")
            case Poll.OK:
                task = self._kie.tasks.get(request.url.params["taskId"])
                if task is None:
                    return await self._answer("polled", 422, "recordInfo is null")
                return await self._answer("polled", 200, "success", self._kie.record(task))

    async def _answer(self, what: str, code: int, text: str, data: dict[str, object] | None = None) -> httpx.Response:
        response = httpx.Response(200, json={"code": code, "msg": text, "data": data})
        await self._world.touch(self._life, f"answer: {what}")
        return response


def _entry(entries: tuple[E, ...], number: int, default: E) -> E:
    return entries[number - 1] if number <= len(entries) else default
