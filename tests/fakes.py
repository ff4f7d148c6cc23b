"""Small stand-ins for what is not ours: time, provider, transfers, Discord. They record what they see."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.assistance import Instructions
from bot.domain.ids import ChannelId, JobId, MessageId, ProviderId, TaskId
from bot.domain.jobs import Job, Result
from bot.errors import CannotFitError, ProviderUnavailableError
from bot.ports import (
    Credentials,
    Done,
    Downloads,
    Link,
    NotSold,
    Pending,
    Post,
    ProbeAnswer,
    Receipt,
    Reference,
    Rewritten,
    Sold,
    Submission,
    TaskStatus,
)
from bot.providers.kie import TERMS

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

KIE = ProviderId("kie_jobs")


class HandClock:
    """The time as the test wants it; whoever waits goes on when the time comes or the event is set."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._waiting: list[tuple[datetime, asyncio.Event]] = []
        self.entered = asyncio.Event()  # somebody has just begun to wait

    def now(self) -> datetime:
        return self._now

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def next_at(self) -> datetime:
        """When the first of those who wait goes on by itself."""
        return min(until for until, _ in self._waiting)

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        if wake.is_set() or at_most <= timedelta(0):
            return
        over = asyncio.Event()
        entry = (self._now + at_most, over)
        self._waiting.append(entry)
        self.entered.set()
        either = [asyncio.ensure_future(event.wait()) for event in (wake, over)]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
            for task in either:
                task.cancel()
            await asyncio.gather(*either, return_exceptions=True)

    def advance(self, by: timedelta | None = None, **parts: float) -> None:
        """Move the time on: `advance(seconds=15)`."""
        self._now += timedelta(**parts) if by is None else by
        for entry in [entry for entry in self._waiting if entry[0] <= self._now]:
            self._waiting.remove(entry)
            entry[1].set()

    def until(self, moment: datetime) -> None:
        self.advance(max(timedelta(0), moment - self._now))


Answer = object | BaseException | Callable[[], Awaitable[object]]


class Script:
    """What comes next: values, exceptions to raise, functions to await. The last one stays for good."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)

    def then(self, *answers: Answer) -> None:
        """These come next, and nothing of what was planned before."""
        self._answers = list(answers)

    async def next(self) -> object:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return await answer() if callable(answer) else answer


class Gate:
    """A call that does not come back before the test says so."""

    def __init__(self, answer: object = None) -> None:
        self._answer = answer
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self) -> object:
        self.reached.set()
        await self.opened.wait()
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


MADE = object()  # in the script of `create`: make a task and name it

FINISHED = Done(result=Result(url="https://files.test/1.mp4", expires_at=None, credits=None))


class FakeProvider:
    """A provider whose answers are scripted; `tasks` are those that it has made, with what they were asked for."""

    id = KIE
    terms = TERMS

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.creates = Script(MADE)
        self.statuses = Script(FINISHED)
        self.uploads = Script("https://uploads.test/picture.png")
        self.addresses = Script(MADE)  # of callbacks; MADE: as the task was made with
        self.probes: dict[str, ProbeAnswer | BaseException] = {}
        self.balance = Script(1000.0)
        self.tasks: dict[TaskId, Submission] = {}
        self.created_at: list[datetime] = []
        self.asked: list[TaskId] = []
        self.asked_at: list[datetime] = []
        self.uploaded: list[tuple[Path, str]] = []
        self.cancelled: list[TaskId] = []
        self.probed: list[tuple[datetime, str]] = []
        self.balance_asked_at: list[datetime] = []

    async def upload(self, path: Path, content_type: str) -> Reference:
        self.uploaded.append((path, content_type))
        answer = await self.uploads.next()
        assert isinstance(answer, str)
        return answer

    async def create(self, submission: Submission) -> TaskId:
        self.created_at.append(self._clock.now())
        answer = await self.creates.next()
        task_id = self.make(submission) if answer is MADE else answer
        assert isinstance(task_id, str)
        return TaskId(task_id)

    def make(self, submission: Submission) -> TaskId:
        """A task that the provider works on, whether or not anybody hears of it."""
        task_id = TaskId(f"task-{len(self.tasks) + 1}")
        self.tasks[task_id] = submission
        return task_id

    async def status(self, task_id: TaskId) -> TaskStatus:
        self.asked.append(task_id)
        self.asked_at.append(self._clock.now())
        answer = await self.statuses.next()
        assert isinstance(answer, TaskStatus)
        return answer

    async def callback_url(self, task_id: TaskId) -> str | None:
        answer = await self.addresses.next()
        if answer is MADE:
            submission = self.tasks.get(task_id)
            return None if submission is None else submission.callback_url
        assert answer is None or isinstance(answer, str)
        return answer

    async def probe(self, slug: str) -> ProbeAnswer:
        self.probed.append((self._clock.now(), slug))
        answer = self.probes.get(slug, Sold())
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def fetch(self, result: Result, to: Path, downloads: Downloads) -> int:
        return await downloads.fetch(result.url, to)

    async def cancel(self, task_id: TaskId) -> bool:
        self.cancelled.append(task_id)
        return True

    async def credits(self) -> float | None:
        self.balance_asked_at.append(self._clock.now())
        answer = await self.balance.next()
        assert answer is None or isinstance(answer, float)
        return answer


class FakeDownloads:
    """Writes a few bytes instead of a video; `size` is what it claims to have written."""

    def __init__(self) -> None:
        self.answers = Script(8_000_000)
        self.fetched: list[str] = []

    async def keep(self, content: bytes, to: Path) -> int:
        raise AssertionError("the provider here links to its videos")

    async def fetch(self, url: str, to: Path, credentials: Credentials | None = None) -> int:
        self.fetched.append(url)
        size = await self.answers.next()
        assert isinstance(size, int)
        _write(to)
        return size


def _write(path: Path) -> None:
    path.write_bytes(b"video")


def _is_there(path: Path) -> bool:
    return path.exists()


@dataclass
class Posted:
    """A message in the channel, or in somebody's direct messages."""

    post: Post
    is_file: bool
    receipt: Receipt | None = None
    link: Link | None = None

    @property
    def message_id(self) -> MessageId:
        return self.post.message_id


@dataclass
class FakePublisher:
    """A channel. Like Discord it keeps one message per nonce, so a repeat within minutes brings the first one back."""

    posts: dict[str, Posted] = field(default_factory=dict)
    videos: Script = field(default_factory=lambda: Script(None))  # None: it works; an exception: it does not
    links: Script = field(default_factory=lambda: Script(None))
    failures: Script = field(default_factory=lambda: Script(None))
    finds: Script = field(default_factory=lambda: Script(None))
    sent: list[tuple[str, JobId]] = field(default_factory=list)  # every attempt: what, and for which job
    spoilers: list[bool] = field(default_factory=list)  # of every attempt with a video or a link
    told: list[str] = field(default_factory=list)
    is_reachable: bool = True  # the host

    async def find_post(self, job: Job) -> Post | None:
        self.sent.append(("look", job.id))
        await self.finds.next()
        posted = self.posts.get(job.nonce)
        return None if posted is None else posted.post

    async def post_video(self, job: Job, path: Path, receipt: Receipt, *, is_spoiler: bool = False) -> Post:
        self.sent.append(("video", job.id))
        self.spoilers.append(is_spoiler)
        assert _is_there(path), "the file is posted from our disk"
        await self.videos.next()
        return self.appear(job, receipt=receipt)

    async def post_link(self, job: Job, link: Link, receipt: Receipt, *, is_spoiler: bool = False) -> Post:
        self.sent.append(("link", job.id))
        self.spoilers.append(is_spoiler)
        await self.links.next()
        return self.appear(job, is_file=False, receipt=receipt, link=link)

    async def post_failure(self, job: Job) -> None:
        self.sent.append(("failure", job.id))
        await self.failures.next()

    async def tell_host(self, text: str) -> bool:
        if not self.is_reachable:
            return False
        self.told.append(text)
        return True

    def appear(
        self, job: Job, *, is_file: bool = True, receipt: Receipt | None = None, link: Link | None = None
    ) -> Post:
        """The message is there, whether or not anybody hears of it."""
        channel_id = ChannelId(job.user_id * 1000) if job.is_direct else job.place.channel_id
        post = Post(message_id=MessageId(9000 + len(self.posts)), channel_id=channel_id)
        return self.posts.setdefault(job.nonce, Posted(post, is_file, receipt, link)).post

    def attempts(self, what: str) -> int:
        return sum(1 for sent, _ in self.sent if sent == what)


@dataclass
class FakeEncoder:
    """Makes every video as large as it is told, or cannot when that is None."""

    size: int | None
    asked: list[int] = field(default_factory=list)  # the limits, in bytes
    turns: Script = field(default_factory=lambda: Script(None))  # what happens while it works

    async def fit(self, source: Path, target: Path, max_bytes: int) -> int:
        assert _is_there(source), "there is something to encode"
        self.asked.append(max_bytes)
        await self.turns.next()
        if self.size is None:
            raise CannotFitError("too long to be watchable")
        await asyncio.to_thread(_write, target)
        return self.size


@dataclass
class FakeLinks:
    """The host's own addresses."""

    made: Link | None

    async def link(self, job: Job, path: Path) -> Link | None:
        return self.made


class FakeMemory:
    """Remembers for as long as the test."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    async def remember(self, key: str, value: str) -> None:
        self.kept[key] = value


class SilentCards:
    """Notes which states of which jobs a card would have shown."""

    def __init__(self) -> None:
        self.shown: dict[JobId, list[str]] = defaultdict(list)

    def changed(self, job: Job) -> None:
        self.shown[job.id].append(job.state)


PENDING = Pending()
OVERLOADED = ProviderUnavailableError("overloaded")
PAUSED = NotSold(is_known=True, detail="paused")


class FakeAssistant:
    """A chat model whose answers are scripted; `asked` is what it was given."""

    def __init__(self) -> None:
        self.answers = Script("Wide shot: a fox in the morning light.")
        self.credits: float | None = 0.01
        self.asked: list[Instructions] = []

    async def rewrite(self, instructions: Instructions) -> Rewritten:
        self.asked.append(instructions)
        answer = await self.answers.next()
        if isinstance(answer, Rewritten):
            return replace(answer, credits=self.credits)
        return Rewritten(text=str(answer), credits=self.credits)
