"""The staff's log on its way to its channel, and the reports that members add to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.ids import ChannelId, GuildId, JobId, UserId
from bot.domain.staff_log import StaffEvent, StaffEventKind, StaffLine
from bot.errors.jobs import AlreadyReportedError, NotFoundError
from bot.ports import Clock
from bot.services.staff import Staff, check_staff
from bot.store import jobs, moderation, policies, staff_log
from bot.store.database import Connection, Database

# What one message takes without becoming a wall of text.
LINES_AT_ONCE = 10
SHOWN_LINES = 20
# Long enough for a season's questions; what concerns money stands in the ledger for good.
LINES_KEPT = timedelta(days=180)
# /stats looks back 90 days.
REFUSALS_KEPT = timedelta(days=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Lines for one channel, in the language that the guild has chosen; None leaves that to Discord."""

    guild_id: GuildId
    channel_id: ChannelId
    language: str | None
    lines: Sequence[StaffLine]

    @property
    def nonce(self) -> str:
        """The same for the same lines: Discord keeps one message when a second try follows soon."""
        return f"staff-{self.lines[0].id}-{self.lines[-1].id}"[:25]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What became of a report; without a channel it only stands in the list of `/moderate log`."""

    has_channel: bool


class StaffLog:
    """What staff is told of, and members tell them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def newest(self, staff: Staff) -> Sequence[StaffLine]:
        """The last lines, newest first, wherever else they were told."""
        check_staff(staff)
        return await self._database.read(staff_log.newest, staff.guild_id, SHOWN_LINES)

    async def report(self, guild_id: GuildId, user_id: UserId, job_id: JobId, reason: str) -> Reported:
        """A member says that a video breaks the rules. Raises NotFoundError or AlreadyReportedError."""
        now = self._clock.now()

        def store(connection: Connection) -> Reported:
            # One after the other, so that a double click finds the first.
            policy = policies.load(connection, guild_id, lock=True)
            job = jobs.find_in_guild(connection, guild_id, job_id)
            if job is None:
                raise NotFoundError(job=job_id)
            if staff_log.has(connection, StaffEventKind.REPORT, guild_id, user_id, job_id):
                raise AlreadyReportedError(job=job_id)
            event = StaffEvent(
                guild_id=guild_id,
                kind=StaffEventKind.REPORT,
                actor_id=user_id,
                user_id=job.user_id,
                job_id=job_id,
                reason=reason,
            )
            staff_log.note(connection, event, now)
            return Reported(has_channel=(policy.report_channel_id or policy.log_channel_id) is not None)

        return await self._database.write(store)

    async def batches(self) -> list[Batch]:
        """What is due now, at most one message for each channel; what has no channel is only kept."""
        return await self._database.write(self._batches)

    def _batches(self, connection: Connection) -> list[Batch]:
        now = self._clock.now()
        found = []
        for guild_id in staff_log.guilds_due(connection, now):
            policy = policies.load(connection, guild_id)
            by_channel: dict[ChannelId, list[StaffLine]] = {}
            for line in staff_log.due(connection, guild_id, now, LINES_AT_ONCE):
                is_report = line.event.kind is StaffEventKind.REPORT
                channel_id = (policy.report_channel_id if is_report else None) or policy.log_channel_id
                if channel_id is None:
                    staff_log.told(connection, [line.id])
                else:
                    by_channel.setdefault(channel_id, []).append(line)
            found += [
                Batch(guild_id=guild_id, channel_id=channel_id, language=policy.language, lines=lines)
                for channel_id, lines in by_channel.items()
            ]
        return found

    async def told(self, batch: Batch) -> None:
        await self._database.write(staff_log.told, [line.id for line in batch.lines])

    async def later(self, batch: Batch, after: timedelta) -> None:
        await self._database.write(staff_log.later, [line.id for line in batch.lines], self._clock.now() + after)

    async def channel_gone(self, batch: Batch) -> UserId | None:
        """The channel takes nothing any more: it is no longer the log's, which is one setting and told once.

        Whoever chose it should know; None when that is not known. The lines stay in the list of `/moderate log`.
        """
        return await self._database.write(self._forget_channel, batch)

    def _forget_channel(self, connection: Connection, batch: Batch) -> UserId | None:
        policy = policies.load(connection, batch.guild_id, lock=True)
        staff_log.told(connection, [line.id for line in batch.lines])
        names = []
        if policy.log_channel_id == batch.channel_id:
            names.append("log_channel_id")
            policy = replace(policy, log_channel_id=None)
        if policy.report_channel_id == batch.channel_id:
            names.append("report_channel_id")
            policy = replace(policy, report_channel_id=None)
        if not names:
            return None
        policies.save(connection, policy)
        for name in names:
            details = {"name": name, "before": str(batch.channel_id), "after": "-"}
            event = StaffEvent(guild_id=batch.guild_id, kind=StaffEventKind.SETTING, details=details)
            staff_log.note(connection, event, self._clock.now())
        return staff_log.who_set(connection, batch.guild_id, names)

    async def clear(self) -> int:
        """Forget what is too old to be asked about; how much that was."""
        now = self._clock.now()

        def forget(connection: Connection) -> int:
            moderation.forget_refusals(connection, now - REFUSALS_KEPT)
            return staff_log.forget(connection, now - LINES_KEPT)

        return await self._database.write(forget)
