"""A job: its states, the arrows between them, and what a step may decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.follow_ups import Finished
from bot.domain.ids import (
    ChannelId,
    GuildId,
    InteractionId,
    JobId,
    MessageId,
    ModelId,
    ProviderId,
    TaskId,
    UserId,
)
from bot.domain.videos import VideoSpec

# Discord: an interaction's token lives for 15 minutes (documentation of interactions; see docs/adr).
TOKEN_LIFE = timedelta(minutes=15)


class JobState(StrEnum):
    QUEUED = "queued"  # paid for, waiting for a slot
    SUBMITTING = "submitting"  # the create call may have left; its answer is not stored yet
    UNKNOWN = "unknown"  # the create call's answer was lost; a task may exist
    RUNNING = "running"  # the provider named its task
    FETCHING = "fetching"  # the provider has finished; the video is being brought here
    DELIVERING = "delivering"  # the video is on our disk; the message may have left
    DELIVERED = "delivered"  # posted and settled
    PARKED = "parked"  # cannot be posted; kept for the member
    FAILED = "failed"  # refunded
    CANCELLED = "cancelled"  # refunded before anything was submitted


ARROWS: Mapping[JobState, frozenset[JobState]] = {
    # To UNKNOWN: the database was brought back from the past, and the job may have been submitted since.
    JobState.QUEUED: frozenset({JobState.SUBMITTING, JobState.CANCELLED, JobState.FAILED, JobState.UNKNOWN}),
    JobState.SUBMITTING: frozenset({JobState.RUNNING, JobState.UNKNOWN, JobState.QUEUED, JobState.FAILED}),
    # To DELIVERED from here on: the database is from before the post, which was found in the channel.
    JobState.UNKNOWN: frozenset({JobState.RUNNING, JobState.FAILED, JobState.DELIVERED}),
    JobState.RUNNING: frozenset({JobState.FETCHING, JobState.FAILED, JobState.DELIVERED}),
    # To PARKED: it was settled long ago and its file got lost; what was spent stays spent.
    JobState.FETCHING: frozenset({JobState.DELIVERING, JobState.FAILED, JobState.PARKED, JobState.DELIVERED}),
    # To FETCHING: the file is not here any more, a backup was put back without it.
    JobState.DELIVERING: frozenset({JobState.DELIVERED, JobState.PARKED, JobState.FETCHING}),
    JobState.PARKED: frozenset({JobState.DELIVERING}),  # its member claims it somewhere else
    JobState.DELIVERED: frozenset({JobState.DELIVERING}),  # staff has it delivered again
    JobState.FAILED: frozenset({JobState.FETCHING}),  # the task finished after all, too late
    JobState.CANCELLED: frozenset(),
}

# States in which the member's credits are held and something is still to come.
ACTIVE = frozenset(
    {
        JobState.QUEUED,
        JobState.SUBMITTING,
        JobState.UNKNOWN,
        JobState.RUNNING,
        JobState.FETCHING,
        JobState.DELIVERING,
    }
)
# States in which the provider may be working for us.
AT_PROVIDER = frozenset({JobState.SUBMITTING, JobState.UNKNOWN, JobState.RUNNING})


class LateResults(StrEnum):
    """What becomes of a video that is finished after its job was refunded."""

    FREE = "free"  # delivered with a note, nothing is charged
    CHARGE = "charge"  # delivered with a note and charged again, if the member can pay
    IGNORE = "ignore"  # nobody looks for it


class FailureReason(StrEnum):
    """Why a job failed, as far as a member is told; each has one text in `bot/errors/failures.py`."""

    MODERATION = "moderation"  # the provider's filter refused prompt, picture or result, and does not say which
    MODERATION_PROMPT = "moderation_prompt"  # its filter refused the prompt
    MODERATION_IMAGE = "moderation_image"  # its filter refused the picture
    MODERATION_RESULT = "moderation_result"  # its filter refused the video that came of them
    PERSON = "person"  # the picture shows a child or a well-known person
    IMAGE = "image"  # the provider could not use the picture
    IMAGE_UNREACHED = "image_unreached"  # the provider could not fetch the picture
    IMAGE_GONE = "image_gone"  # our copy of the picture went away while the job waited; nothing was sent
    SOURCE_GONE = "source_gone"  # the finished video that it was to be made from is gone, at the provider or here
    AUDIO = "audio"  # no sound could be made, and without it no video
    LANGUAGE = "language"  # the model understands English only
    REJECTED = "rejected"  # the provider refused the request for another reason
    BUSY = "busy"  # the model has too much to do
    UPSTREAM = "upstream"  # the model failed on the provider's side
    TIMEOUT = "timeout"  # no result within the model's outer limit
    NO_ANSWER = "no_answer"  # the create call's answer was lost and nothing ever came
    NO_RESULT = "no_result"  # the provider says success but has no usable video
    NOT_NOW = "not_now"  # the provider takes no jobs from us at the moment
    BALANCE = "balance"  # the host's account at the provider is empty, or its key has reached its limit
    MODEL_PAUSED = "model_paused"  # the provider has switched the model off
    BROKEN = "broken"  # a fault of ours; quarantined


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job was asked for and how its answers get back there."""

    guild_id: GuildId
    channel_id: ChannelId
    application_id: int
    interaction_id: InteractionId
    interaction_token: str = field(repr=False)
    upload_limit: int  # bytes; the interaction's own `attachment_size_limit`
    locale: str  # the requester's
    guild_locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A finished video at the provider. `credits` is what the provider charged, None when it did not say."""

    url: str
    expires_at: datetime | None = None
    credits: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVideo:
    """The video on our disk: its name inside the results folder and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One accepted command, as stored."""

    id: JobId
    user_id: UserId
    place: Place
    video: VideoSpec
    provider: ProviderId
    state: JobState
    fence: int
    attempts: int  # tries of the current state that ended without a decision
    callback_secret: str = field(repr=False)
    created_at: datetime
    due_at: datetime | None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    task_id: TaskId | None = None
    result: Result | None = None
    stored: StoredVideo | None = None
    message_id: MessageId | None = None
    message_channel_id: ChannelId | None = None  # where that message is: the place, or the member's direct messages
    posting_at: datetime | None = None  # when the message was first about to leave
    is_direct: bool = False  # goes to the member's direct messages, because the place cannot be had
    is_closed: bool = False  # settled or refunded: the ledger has the job's end
    is_late: bool = False  # finished after its refund
    is_announced: bool = False  # the member has been told of the failure
    failure: FailureReason | None = None
    failure_detail: str | None = None
    again_of: JobId | None = None
    claimed_in: GuildId | None = None  # whose channel the video was claimed in, if not the place's own
    redelivery: int = 0  # how often staff had it delivered again
    late_cost: int | None = None  # what the post of a late video says that it costs; None before it is about to leave
    orphan_cost: int | None = None  # what the host's periods count for a task that may exist and be billed

    @property
    def model(self) -> ModelId:
        return self.video.model

    @property
    def nonce(self) -> str:
        """The result message's nonce, one for each place that it may go to; Discord allows 25 characters."""
        if self.redelivery:
            return f"cutscene-{self.id}-{'d' if self.is_direct else 'v'}{self.redelivery}"[:25]
        return f"cutscene-{self.id}-{'direct' if self.is_direct else 'video'}"

    @property
    def shown_in(self) -> GuildId:
        """The guild whose channel the video goes to, unless it goes to direct messages."""
        return self.claimed_in or self.place.guild_id

    @property
    def token_expires_at(self) -> datetime:
        return self.created_at + TOKEN_LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a step decided: the next state, when to look again, and what was learnt.

    `after` None means that nothing is left to do. Staying in the same state is allowed ("ask again later").
    """

    to: JobState
    after: timedelta | None = timedelta(0)
    task_id: TaskId | None = None
    result: Result | None = None
    stored: StoredVideo | None = None
    message_id: MessageId | None = None
    message_channel_id: ChannelId | None = None
    failure: FailureReason | None = None
    detail: str | None = None  # for staff and the log, never for members
    is_retry: bool = False  # the step got nowhere: count an attempt
    is_posting: bool = False  # about to send the result: remember since when
    is_unposted: bool = False  # the only try to send it was refused for certain: nothing of it can be there
    is_link: bool = False  # posted as a link: the file stays here
    is_direct: bool = False  # from now on to the member's direct messages
    is_late: bool = False  # the result came after the refund
    is_announced: bool = False  # the member has been told of the failure
    is_cleared: bool = False  # the stored video has been removed
    is_put_aside: bool = False  # the job took the process down each time: the host has to know
    is_unbilled: bool = False  # the provider says that nothing came of the task, so it costs nothing


def finished_of(job: Job) -> Finished:
    """What a follow-up needs to know of the job."""
    return Finished(job=job.id, video=job.video, provider=job.provider, task_id=job.task_id)


def is_allowed(source: JobState, target: JobState) -> bool:
    """Whether the arrow exists; staying is always allowed while something is due."""
    return source is target or target in ARROWS[source]
