"""What became of a guild's jobs, by day, model and member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.ids import ModelId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of jobs by how they have ended so far; `spent` is what ended ones have cost, in credits."""

    asked: int
    delivered: int
    kept: int  # finished, waiting for their member
    failed: int
    cancelled: int
    spent: int

    @property
    def on_their_way(self) -> int:
        return self.asked - self.delivered - self.kept - self.failed - self.cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTally:
    """The jobs that were asked for on a UTC day from one model."""

    day: datetime
    model: ModelId
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberTally:
    user_id: UserId
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalTally:
    """How often a rule has refused somebody."""

    rule: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A guild's last days, the first one included and whole."""

    since: datetime
    until: datetime
    days: Sequence[DayTally]
    top: Sequence[MemberTally]
    refusals: Sequence[RefusalTally]


def sum_of(tallies: Sequence[Tally]) -> Tally:
    return Tally(
        asked=sum(each.asked for each in tallies),
        delivered=sum(each.delivered for each in tallies),
        kept=sum(each.kept for each in tallies),
        failed=sum(each.failed for each in tallies),
        cancelled=sum(each.cancelled for each in tallies),
        spent=sum(each.spent for each in tallies),
    )
