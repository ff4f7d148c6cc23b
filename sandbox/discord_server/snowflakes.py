"""Discord's ids: 64 bits that carry the time they were made, because clients read the time back out of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.discord_server.clock import Clock

# The first millisecond of 2015 (https://discord.com/developers/docs/reference#snowflakes).
DISCORD_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
TIME_SHIFT = 22


def snowflake_at(moment: datetime, sequence: int = 0) -> int:
    milliseconds = (moment - DISCORD_EPOCH) // timedelta(milliseconds=1)
    return (milliseconds << TIME_SHIFT) | sequence


def made_at(snowflake: int) -> datetime:
    return DISCORD_EPOCH + timedelta(milliseconds=snowflake >> TIME_SHIFT)


class Snowflakes:
    """Hands out ids that always grow, also when the clock stands still or steps back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def __call__(self) -> int:
        self._last = max(snowflake_at(self._clock()), self._last + 1)
        return self._last
