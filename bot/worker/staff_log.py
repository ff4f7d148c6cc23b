"""Brings the staff's log to its channels: in order, a few lines in one message, again until Discord has them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot import logs
from bot.errors import AccessMissingError, DeliveryError, PlaceGoneError
from bot.ports import Clock, StaffRoom
from bot.services.staff_log import Batch, StaffLog

log = logs.get(__name__)

LOOK_EVERY = timedelta(seconds=3)
CLEAR_EVERY = timedelta(hours=12)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=10)


class StaffLogDelivery:
    """One message per channel and round: a busy night becomes fewer and longer messages, not more."""

    def __init__(self, *, staff_log: StaffLog, room: StaffRoom, clock: Clock) -> None:
        self._staff_log = staff_log
        self._room = room
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        cleared_at = None
        while not stop.is_set():
            await self.tell()
            now = self._clock.now()
            if cleared_at is None or now - cleared_at >= CLEAR_EVERY:
                cleared_at = now
                await self._staff_log.clear()
            await self._clock.wait(stop, LOOK_EVERY)

    async def tell(self) -> None:
        """One round. Raises StoreError."""
        for batch in await self._staff_log.batches():
            await self._tell(batch)

    async def _tell(self, batch: Batch) -> None:
        attempts = max(line.attempts for line in batch.lines)
        try:
            await self._room.post_lines(batch.guild_id, batch.channel_id, batch.language, batch.lines, batch.nonce)
        except DeliveryError as error:
            # Discord has been seen to deny the access for a moment, in error: that alone must not switch the log off.
            is_denied_once = isinstance(error, AccessMissingError) and attempts == 0
            if isinstance(error, PlaceGoneError) and not is_denied_once:
                log.warning("staff_log_gone", guild=batch.guild_id, channel=batch.channel_id, reason=str(error))
                chosen_by = await self._staff_log.channel_gone(batch)
                await self._room.tell_of_gone_channel(batch.guild_id, batch.channel_id, chosen_by)
                return
            wait = min(FIRST_WAIT * 2 ** min(attempts, 10), LONGEST_WAIT)
            log.warning("staff_log_waits", guild=batch.guild_id, reason=str(error), seconds=wait.total_seconds())
            await self._staff_log.later(batch, wait)
        else:
            await self._staff_log.told(batch)
