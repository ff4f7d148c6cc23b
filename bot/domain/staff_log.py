"""What a guild's staff is told of: who did what, to whom, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.ids import GuildId, JobId, UserId


class StaffEventKind(StrEnum):
    GRANT = "grant"  # credits given, to a member, a role or everybody
    REVOKE = "revoke"  # credits taken back
    BLOCK = "block"
    UNBLOCK = "unblock"
    STOP = "stop"  # no videos for anybody in the guild
    RESUME = "resume"
    SETTING = "setting"  # a rule of the guild was changed
    WORD = "word"  # the list of forbidden words was changed
    REFUND = "refund"  # staff gave back what a job had cost
    REDELIVER = "redeliver"
    CANCEL = "cancel"
    REFUSAL = "refusal"  # a member's request was refused, the first time in this hour for this reason
    REPORT = "report"  # a member says that a video breaks the rules
    EXPORT = "export"  # the ledger and the jobs were taken out as a file


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffEvent:
    """One line for the staff. `actor_id` None is the bot itself; `details` are named values of the kind."""

    guild_id: GuildId
    kind: StaffEventKind
    actor_id: UserId | None = None
    user_id: UserId | None = None  # the member concerned
    job_id: JobId | None = None
    reason: str | None = None
    details: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffLine:
    """An event as it was stored."""

    id: int
    event: StaffEvent
    at: datetime
    attempts: int
