"""Words and numbers that several messages share, so that one thing is always called the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.credits import EntryKind
from bot.domain.jobs import FailureReason, Job, JobState
from bot.domain.models import Mode, OptionName
from bot.domain.values import show
from bot.domain.videos import VideoSpec
from bot.errors.failures import FAILURE_TEXTS, TEXTS_WITHOUT_PICTURE
from bot.i18n import N_, Texts

STATES: Mapping[JobState, str] = {
    JobState.QUEUED: N_("waiting"),
    JobState.SUBMITTING: N_("being sent"),
    JobState.UNKNOWN: N_("being looked for"),
    JobState.RUNNING: N_("being made"),
    JobState.FETCHING: N_("being fetched"),
    JobState.DELIVERING: N_("being posted"),
    JobState.DELIVERED: N_("posted"),
    JobState.PARKED: N_("kept for you"),
    JobState.FAILED: N_("failed, credits returned"),
    JobState.CANCELLED: N_("cancelled, credits returned"),
}

ENTRIES: Mapping[EntryKind, str] = {
    EntryKind.CHARGE: N_("held"),
    EntryKind.SETTLE: N_("settled to the real cost"),
    EntryKind.LATE: N_("charged, came after its refund"),
    EntryKind.REFUND: N_("returned"),
    EntryKind.REVERSAL: N_("given back by the staff"),
    EntryKind.GRANT: N_("granted"),
    EntryKind.FUND: N_("put into the pool"),
    EntryKind.DRAIN: N_("taken out of the pool"),
    EntryKind.REFILL: N_("pool refilled"),
    EntryKind.EXPIRE: N_("left over in the pool, lapsed"),
    EntryKind.REVOKE: N_("taken back"),
    EntryKind.TRANSFER: N_("gift"),
}

MODES: Mapping[Mode, str] = {
    Mode.TEXT: N_("from text"),
    Mode.IMAGE: N_("from a picture"),
    Mode.REFERENCE: N_("with references"),
    Mode.EXTEND: N_("extended"),
    Mode.UPSCALE: N_("made sharper"),
    Mode.RESTYLE: N_("restyled"),
}


def state_of(_: Texts, state: JobState) -> str:
    return _(STATES[state])


def failure_of(_: Texts, job: Job) -> str:
    """Why there is no video, and what to change. What the provider said itself is for staff only."""
    reason = job.failure or FailureReason.BROKEN
    if reason in TEXTS_WITHOUT_PICTURE and not job.video.has_picture:
        return _(TEXTS_WITHOUT_PICTURE[reason])
    return _(FAILURE_TEXTS[reason])


def credits_of(_: Texts, credits: int) -> str:
    return _.plural("{count} credit", "{count} credits", credits)


def limit_of(_: Texts, credits: int | None) -> str:
    """An amount that may have no limit."""
    return _("no limit") if credits is None else credits_of(_, credits)


def about(_: Texts, span: timedelta) -> str:
    """ "about 3 min", "about 40 s"."""
    seconds = max(1, round(span.total_seconds()))
    if seconds < 60:
        return _("about {seconds} s", seconds=seconds)
    return _("about {minutes} min", minutes=max(1, round(seconds / 60)))


def moment(at: datetime, style: str = "R") -> str:
    """A moment that Discord shows in the reader's own time and language; "R" counts by itself."""
    return f"<t:{int(at.timestamp())}:{style}>"


def options_of(video: VideoSpec) -> str:
    """ "aspect 16:9 · duration 5": the options as they are typed in Discord, without words of the member's own."""
    # Negative words stay private: they say what is not to be seen, and a guild's filter might not let the post through.
    shown = {name: value for name, value in video.options.items() if name is not OptionName.NEGATIVE}
    return " · ".join(f"{name} {show(name, value)}" for name, value in shown.items())


def link_to(job: Job) -> str | None:
    """Where the posted video is; None while it is nowhere."""
    if job.message_id is None:
        return None
    channel_id = job.message_channel_id or job.place.channel_id
    where = "@me" if job.is_direct else job.shown_in
    return f"https://discord.com/channels/{where}/{channel_id}/{job.message_id}"
