"""What a guild's staff decides about the bot: one policy, changed as a whole, and told to the staff's log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from bot.domain.ids import GuildId
from bot.domain.policies import GuildPolicy
from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.ports import Clock
from bot.services.staff import Staff, check_staff
from bot.store import policies, staff_log
from bot.store.database import Connection, Database

# A list of a hundred channels is no line of a log.
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A policy before and after somebody changed it; equal when there was nothing to change."""

    before: GuildPolicy
    after: GuildPolicy


class Policies:
    """The guilds' policies."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, guild_id: GuildId) -> GuildPolicy:
        """What holds in a guild now."""
        return await self._database.read(policies.load, guild_id)

    async def change(self, staff: Staff, how: Callable[[GuildPolicy], GuildPolicy]) -> Changed:
        """Make of the guild's policy what *how* makes of it: `lambda policy: replace(policy, cooldown=MINUTE)`.

        It holds for everything that is accepted from now on. Two changes at the same moment come one after the other.
        """
        check_staff(staff)
        return await self._database.write(change, staff, how, self._clock.now())


def change(connection: Connection, staff: Staff, how: Callable[[GuildPolicy], GuildPolicy], now: datetime) -> Changed:
    """The transaction of `Policies.change`, for those who have more to do in it."""
    before = policies.load(connection, staff.guild_id, lock=True)
    after = how(before)
    if after.guild_id != staff.guild_id:
        raise AssertionError("a change of one guild's policy reached another's")
    if after != before:
        policies.save(connection, after)
        for name, (was, becomes) in differences(before, after).items():
            tell(connection, staff, {"name": name, "before": was, "after": becomes}, now)
    return Changed(before=before, after=after)


def tell(connection: Connection, staff: Staff, details: Mapping[str, str], now: datetime) -> None:
    """Have the staff's log say that a rule was changed."""
    event = StaffEvent(
        guild_id=staff.guild_id, kind=StaffEventKind.SETTING, actor_id=staff.user_id, details=dict(details)
    )
    staff_log.note(connection, event, now)


def differences(before: GuildPolicy, after: GuildPolicy) -> dict[str, tuple[str, str]]:
    """What was changed, field by field, in a form that people can read."""
    pairs = ((field.name, getattr(before, field.name), getattr(after, field.name)) for field in fields(GuildPolicy))
    return {name: (_written(was), _written(becomes)) for name, was, becomes in pairs if was != becomes}


def _written(value: object) -> str:
    match value:
        case None:
            text = "-"
        case frozenset():
            text = ", ".join(str(one) for one in sorted(value)) or "-"
        case Mapping():
            text = ", ".join(f"{key} ({_written(rule)})" for key, rule in sorted(value.items())) or "-"
        case _ if hasattr(value, "__dataclass_fields__"):
            named = {name: getattr(value, name) for name in value.__dataclass_fields__}
            text = ", ".join(f"{name} {_written(one)}" for name, one in named.items() if one not in (None, False))
        case _:
            text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
