"""The staff's log is brought to its channel at least once, in order, and politely."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.ids import ChannelId, GuildId, JobId, UserId
from bot.domain.staff_log import StaffEvent, StaffEventKind, StaffLine
from bot.errors import AccessMissingError, DeliveryUnavailableError, PlaceGoneError
from bot.errors.jobs import AlreadyReportedError, NotFoundError
from bot.errors.staff import NotAllowedError
from bot.services.staff_log import LINES_AT_ONCE, LINES_KEPT, StaffLog
from bot.store import policies, staff_log
from bot.store.database import Connection, Database
from bot.worker.staff_log import FIRST_WAIT, StaffLogDelivery
from tests.fakes import HandClock
from tests.samples import ANNA, BORIS, GUILD, OTHER_GUILD, STAFF
from tests.services.desk import Desk, staff

LOG, REPORTS = ChannelId(500), ChannelId(600)


@dataclass
class FakeRoom:
    """Channels; `trouble` is raised by the next posts."""

    posted: list[tuple[ChannelId, list[str]]] = field(default_factory=list)
    nonces: list[str] = field(default_factory=list)
    told: list[tuple[ChannelId, UserId | None]] = field(default_factory=list)
    trouble: Exception | None = None

    async def post_lines(
        self, guild_id: GuildId, channel_id: ChannelId, language: str | None, lines: Sequence[StaffLine], nonce: str
    ) -> None:
        self.nonces.append(nonce)
        if self.trouble is not None:
            raise self.trouble
        self.posted.append((channel_id, [line.event.reason or line.event.kind for line in lines]))

    async def tell_of_gone_channel(self, guild_id: GuildId, channel_id: ChannelId, chosen_by: UserId | None) -> None:
        self.told.append((channel_id, chosen_by))


@pytest.fixture
def room() -> FakeRoom:
    return FakeRoom()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def desk(database: Database, clock: HandClock) -> Desk:
    return Desk(database, clock=clock)


@pytest.fixture
async def lines(database: Database, clock: HandClock) -> StaffLog:
    await database.write(_choose, GUILD, LOG)
    return StaffLog(database, clock)


@pytest.fixture
def delivery(lines: StaffLog, room: FakeRoom, clock: HandClock) -> StaffLogDelivery:
    return StaffLogDelivery(staff_log=lines, room=room, clock=clock)


def _choose(connection: Connection, guild_id: GuildId, log: ChannelId | None, reports: ChannelId | None = None) -> None:
    policy = policies.load(connection, guild_id)
    policies.save(connection, replace(policy, log_channel_id=log, report_channel_id=reports))


async def note(database: Database, clock: HandClock, *reasons: str, guild_id: GuildId = GUILD) -> None:
    def write(connection: Connection) -> None:
        for reason in reasons:
            event = StaffEvent(
                guild_id=guild_id, kind=StaffEventKind.BLOCK, actor_id=STAFF, user_id=ANNA, reason=reason
            )
            staff_log.note(connection, event, clock.now())

    await database.write(write)


async def test_what_happened_is_told_once_in_order_and_in_one_message(
    database: Database, clock: HandClock, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    await note(database, clock, "one", "two", "three")

    await delivery.tell()
    await delivery.tell()

    assert room.posted == [(LOG, ["one", "two", "three"])]


async def test_a_busy_night_becomes_longer_messages_and_not_more(
    database: Database, clock: HandClock, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    await note(database, clock, *(str(number) for number in range(25)))

    for _ in range(4):
        await delivery.tell()

    assert [len(lines) for _, lines in room.posted] == [LINES_AT_ONCE, LINES_AT_ONCE, 5]
    assert [line for _, lines in room.posted for line in lines] == [str(number) for number in range(25)]


async def test_nothing_is_lost_when_the_process_dies_between_posting_and_noting_it(
    database: Database, clock: HandClock, lines: StaffLog, room: FakeRoom
) -> None:
    await note(database, clock, "one")
    (batch,) = await lines.batches()
    await room.post_lines(batch.guild_id, batch.channel_id, None, batch.lines, batch.nonce)

    # The next process, which knows nothing of that post.
    await StaffLogDelivery(staff_log=StaffLog(database, clock), room=room, clock=clock).tell()

    assert room.posted == [(LOG, ["one"]), (LOG, ["one"])]
    # Under one nonce, by which Discord knows the second as the first.
    assert len(set(room.nonces)) == 1
    assert len(batch.nonce) <= 25


async def test_a_line_of_a_transaction_that_failed_is_never_told(
    database: Database, clock: HandClock, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    def fail(connection: Connection) -> None:
        staff_log.note(connection, StaffEvent(guild_id=GUILD, kind=StaffEventKind.STOP), clock.now())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(fail)
    await delivery.tell()

    assert room.posted == []


async def test_what_discord_does_not_take_now_is_told_later_and_later(
    database: Database, clock: HandClock, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    await note(database, clock, "one")
    room.trouble = DeliveryUnavailableError("500")
    await delivery.tell()
    await delivery.tell()
    assert len(room.nonces) == 1
    clock.advance(seconds=10)
    await delivery.tell()
    clock.advance(seconds=19)
    await delivery.tell()
    assert len(room.nonces) == 2

    room.trouble = None
    clock.advance(seconds=1)
    await delivery.tell()

    assert room.posted == [(LOG, ["one"])]


async def test_a_channel_that_is_gone_is_told_once_to_whoever_chose_it(
    database: Database, clock: HandClock, lines: StaffLog, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    def choose(connection: Connection) -> None:
        details = {"name": "log_channel_id", "before": "-", "after": str(LOG)}
        event = StaffEvent(guild_id=GUILD, kind=StaffEventKind.SETTING, actor_id=BORIS, details=details)
        staff_log.note(connection, event, clock.now())

    await database.write(choose)
    await note(database, clock, "one")
    room.trouble = PlaceGoneError("10003")

    await delivery.tell()
    await note(database, clock, "two")
    await delivery.tell()

    assert room.told == [(LOG, BORIS)]
    assert len(room.nonces) == 1
    assert (await database.read(policies.load, GUILD)).log_channel_id is None
    assert [line.event.reason for line in await lines.newest(staff())][:1] == ["two"]


async def test_a_channel_that_denies_its_access_for_a_moment_stays_the_logs(
    database: Database, clock: HandClock, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    await note(database, clock, "one")
    room.trouble = AccessMissingError("50001")
    await delivery.tell()
    room.trouble = None
    clock.advance(FIRST_WAIT)

    await delivery.tell()

    assert room.posted == [(LOG, ["one"])]
    assert room.told == []


async def test_a_channel_that_goes_on_denying_its_access_is_gone(
    database: Database, clock: HandClock, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    await note(database, clock, "one")
    room.trouble = AccessMissingError("50001")
    await delivery.tell()
    clock.advance(FIRST_WAIT)

    await delivery.tell()

    assert [channel for channel, _ in room.told] == [LOG]


async def test_without_a_channel_lines_are_kept_and_not_told_when_one_is_chosen(
    database: Database, clock: HandClock, lines: StaffLog, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    await note(database, clock, "one", guild_id=OTHER_GUILD)
    await delivery.tell()
    await database.write(_choose, OTHER_GUILD, LOG)
    await delivery.tell()

    assert room.posted == []
    assert [line.event.reason for line in await lines.newest(staff(OTHER_GUILD))] == ["one"]


async def test_reports_go_to_their_own_channel_and_once_from_each_member(
    desk: Desk, lines: StaffLog, delivery: StaffLogDelivery, room: FakeRoom
) -> None:
    job = await desk.job()
    await desk.database.write(_choose, GUILD, LOG, REPORTS)

    await lines.report(GUILD, BORIS, job.id, "rude")
    twice = await asyncio.gather(
        *(lines.report(GUILD, BORIS, job.id, "rude again") for _ in range(2)), return_exceptions=True
    )
    await lines.report(GUILD, STAFF, job.id, "very rude")
    with pytest.raises(NotFoundError):
        await lines.report(OTHER_GUILD, BORIS, job.id, "not theirs")
    with pytest.raises(NotFoundError):
        await lines.report(GUILD, BORIS, JobId(99), "nothing")
    await delivery.tell()

    assert [type(each) for each in twice] == [AlreadyReportedError] * 2
    assert room.posted == [(REPORTS, ["rude", "very rude"])]


async def test_old_lines_are_forgotten_and_untold_ones_are_not(
    database: Database, clock: HandClock, lines: StaffLog, delivery: StaffLogDelivery
) -> None:
    await note(database, clock, "told")
    await delivery.tell()
    await note(database, clock, "untold")
    clock.advance(LINES_KEPT + timedelta(days=1))

    assert await lines.clear() == 1

    assert [line.event.reason for line in await lines.newest(staff())] == ["untold"]


async def test_members_do_not_read_it(lines: StaffLog) -> None:
    with pytest.raises(NotAllowedError):
        await lines.newest(staff(can_manage=False))
