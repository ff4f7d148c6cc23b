"""What the product needs from the outside world, as protocols: clock, provider, publisher, pictures, videos."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from bot.domain.assistance import Instructions
from bot.domain.ids import ChannelId, GuildId, MessageId, ProviderId, TaskId, UserId
from bot.domain.jobs import FailureReason, Job, Result
from bot.domain.models import VendorField
from bot.domain.prices import ListedPrice
from bot.domain.staff_log import StaffLine


class Clock(Protocol):
    """The time, and waiting; tests move it by hand."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        """Return when *wake* is set or the time is over, whichever is first. Does not clear *wake*."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        try:
            async with asyncio.timeout(max(0.0, at_most.total_seconds())):
                await wake.wait()
        except TimeoutError:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one account at a provider may do, and how long the provider remembers; the worker keeps within it."""

    creates: int  # create calls in any window
    creates_window: timedelta
    running: int  # tasks at once
    queries_per_second: int
    records_kept: timedelta  # how long after its create call a task may be asked about
    results_kept: timedelta  # how long after its end a finished video can be fetched
    has_free_probe: bool  # whether `probe` can tell without cost if a model is sold
    sources_kept: timedelta | None = None  # how long after its create call a task can be gone on with; None: not known
    has_public_links: bool = True  # whether a member could open a result's address, too
    account: str | None = None  # adapters that name the same one share all of this, its key and its balance


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A picture on our disk, for providers that take its bytes together with the create call."""

    path: Path
    content_type: str


class PictureHost(Protocol):
    """A place with public addresses for pictures, for gateways that only take those."""

    async def host(self, path: Path, content_type: str) -> str:
        """Bring the picture there and return its address. Safe to repeat.

        Raises ProviderUnavailableError when it may work later, ProviderRejectedError(IMAGE) when the place refuses it.
        """
        ...

    async def aclose(self) -> None: ...


# How the provider that a picture was brought to refers to it: an address, or the file itself.
Reference = str | LocalFile
SubmittedValue = VendorField | LocalFile | list[Reference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a provider is asked to make. `callback_url` is None when nobody could reach us."""

    slug: str
    fields: Mapping[str, SubmittedValue]
    callback_url: str | None


@dataclass(frozen=True, slots=True)
class Pending:
    """Not finished, or not visible yet."""


@dataclass(frozen=True, slots=True)
class NotVisible:
    """The provider does not know the task: normal right after the create call, wrong for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The task ended without a video. `detail` is the provider's text: for staff, not for members."""

    reason: FailureReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """The provider says success but names no video: ask a few times more, then give up."""

    detail: str


TaskStatus = Pending | NotVisible | Done | Refused | Empty


@dataclass(frozen=True, slots=True)
class Sold:
    """The model string exists and takes requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSold:
    """The model string is unknown or paused; `is_known` tells which."""

    is_known: bool
    detail: str


ProbeAnswer = Sold | NotSold


class Provider(Protocol):
    """One vendor's API. Errors are `ProviderError`s; see `bot/errors/providers.py` for what each promises."""

    id: ProviderId
    terms: Terms

    async def upload(self, path: Path, content_type: str) -> Reference:
        """Bring a picture to the provider; what `create` may then be given for it. Safe to repeat.

        Raises FileNotFoundError when the picture is not there any more.
        """
        ...

    async def create(self, submission: Submission) -> TaskId:
        """Start a task. Never repeat this after AnswerLostError: a task may exist."""
        ...

    async def status(self, task_id: TaskId) -> TaskStatus:
        """What became of the task. Safe to repeat."""
        ...

    async def callback_url(self, task_id: TaskId) -> str | None:
        """The callback address that the task was made with; None when its record does not tell.

        Raises ProviderUnavailableError while there is no record.
        """
        ...

    async def fetch(self, result: Result, to: Path, downloads: Downloads) -> int:
        """Bring the finished video into *to* and return its size.

        Raises what `Downloads.fetch` raises, and where the provider itself is asked every other ProviderError as well.
        """
        ...

    async def cancel(self, task_id: TaskId) -> bool:
        """Ask the provider to stop the task; False when it cannot be stopped. Safe to repeat."""
        ...

    async def probe(self, slug: str) -> ProbeAnswer:
        """Ask, without cost, whether the model string is sold; never called without `terms.has_free_probe`."""
        ...

    async def credits(self) -> float | None:
        """What is left on the host's account, in our credits; None where the provider does not say.

        Raises ProviderAuthError when the account is refused: a provider without a balance is asked something free.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Headers that open a result, and the one origin (scheme, host, port) that may see them."""

    origin: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why a moderation endpoint objects, in its own names of categories."""

    categories: tuple[str, ...]


class Moderator(Protocol):
    """The host's moderation endpoint."""

    async def judge(self, text: str) -> Verdict | None:
        """None when there is no objection. Raises ModerationUnavailableError when the host wants to know for sure."""
        ...


class Downloads(Protocol):
    """Brings finished videos to our disk."""

    async def fetch(self, url: str, to: Path, credentials: Credentials | None = None) -> int:
        """Stream the video into *to* and return its size in bytes.

        Raises ProviderUnavailableError when it may work later, DeadLinkError when the address leads nowhere any more,
        ProviderRejectedError(NO_RESULT) when what lies there is no video.
        """
        ...

    async def keep(self, content: bytes, to: Path) -> int:
        """Write a video that came inside of an answer, under the same rules as one that is fetched."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message on Discord."""

    message_id: MessageId
    channel_id: ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An address under which a video can be had, and until when; None where nobody says."""

    url: str
    expires_at: datetime | None


class PriceList(Protocol):
    """What a provider publishes of its prices."""

    async def prices(self) -> list[ListedPrice]:
        """All lines. Raises ProviderError."""
        ...


class LinkMaker(Protocol):
    """Makes a finished video available under an address of the host's own."""

    async def link(self, job: Job, path: Path) -> Link | None:
        """An address for the file; None when that is not possible now."""
        ...


class Encoder(Protocol):
    """Makes videos smaller."""

    async def fit(self, source: Path, target: Path, max_bytes: int) -> int:
        """Encode *source* again into *target*, at most *max_bytes* large; its size. Raises CannotFitError."""
        ...


class Publisher(Protocol):
    """Shows things on Discord: in the job's place, or in the member's direct messages when it `is_direct`."""

    async def find_post(self, job: Job) -> Post | None:
        """The result message of this job, if it already is there.

        Raises HistoryClosedError where the bot may not look, DeliveryUnavailableError when Discord cannot say.
        """
        ...

    async def post_video(self, job: Job, path: Path, receipt: Receipt, *, is_spoiler: bool = False) -> Post:
        """Post the file under the job's nonce; a spoiler is hidden until somebody clicks. Raises DeliveryError."""
        ...

    async def post_link(self, job: Job, link: Link, receipt: Receipt, *, is_spoiler: bool = False) -> Post:
        """Post an address instead of the file. Raises DeliveryError."""
        ...

    async def post_failure(self, job: Job) -> None:
        """Tell the requester that the job failed and that the credits are back. Raises DeliveryError."""
        ...

    async def tell_host(self, text: str) -> bool:
        """A line for the people who run this bot; never raises. False when nobody could be reached just now."""
        ...


class StaffRoom(Protocol):
    """Where a guild's staff reads what has happened."""

    async def post_lines(
        self, guild_id: GuildId, channel_id: ChannelId, language: str | None, lines: Sequence[StaffLine], nonce: str
    ) -> None:
        """One message with all of the lines. Raises DeliveryError."""
        ...

    async def tell_of_gone_channel(self, guild_id: GuildId, channel_id: ChannelId, chosen_by: UserId | None) -> None:
        """Tell whoever chose the channel, or the guild's owner, that it takes nothing any more; never raises."""
        ...


class Cards(Protocol):
    """Keeps the progress card of a job up to date; best effort."""

    def changed(self, job: Job) -> None:
        """The job has moved; the card follows when it may."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a delivered job cost in the end and what its member has left, in credits."""

    charged: int
    returned: int
    spendable: int | None  # None: no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A chat model's answer, as it came, and what it cost in credits of the provider's; None where nobody says.

    An answer without a text has cost something, too: `text` is None, and `is_refused` says that the model would not.
    """

    text: str | None
    credits: float | None
    is_refused: bool = False


class Assistant(Protocol):
    """A chat model that rewrites prompts."""

    async def rewrite(self, instructions: Instructions) -> Rewritten:
        """Ask once. Raises ProviderError where no model has answered."""
        ...
