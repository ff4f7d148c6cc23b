"""What a guild's staff is told: the lines of its log, and that their channel is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
import discord

from bot import i18n, logs
from bot.domain.ids import ChannelId, GuildId, UserId
from bot.domain.staff_log import StaffLine
from bot.i18n import N_, Texts
from bot.publisher.discord_errors import BLOCKED_TEXT, TEXT_PATIENCE, delivery_error, in_a_line
from bot.rendering import staff_log
from bot.rendering.prompts import harmless

log = logs.get(__name__)

LOG_GONE = N_(
    "The staff log of **{server}** cannot be written to <#{channel}> any more, so it is switched off. Choose another "
    "channel; what has happened stands in `/moderate log`."
)


class DiscordStaffRoom:
    """Writes by the bot's own token to the channel that a guild has chosen, or to whoever chose it."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def post_lines(
        self, guild_id: GuildId, channel_id: ChannelId, language: str | None, lines: Sequence[StaffLine], nonce: str
    ) -> None:
        """One message with all of the lines, that pings nobody. Raises DeliveryError.

        What automatic moderation blocks even without the words that people wrote is only kept in the list.
        """
        texts = self._texts_of(guild_id, language)
        view = staff_log.job_buttons(texts, lines) or discord.utils.MISSING
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        for has_quotes in (True, False):
            card = staff_log.lines_of(texts, lines, has_quotes=has_quotes)
            try:
                async with asyncio.timeout(TEXT_PATIENCE.total_seconds()):
                    await channel.send(
                        embed=card, view=view, nonce=nonce, allowed_mentions=discord.AllowedMentions.none()
                    )
            except discord.HTTPException as err:
                # A member's words must not close the staff's channel: it is theirs as much as before.
                if err.code not in BLOCKED_TEXT:
                    raise delivery_error(err) from err
                log.info("staff_log_blocked", guild=guild_id, code=err.code, has_quotes=has_quotes)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
                raise delivery_error(err) from err
            else:
                return

    async def tell_of_gone_channel(self, guild_id: GuildId, channel_id: ChannelId, chosen_by: UserId | None) -> None:
        """A direct message to whoever chose the channel, or to the guild's owner; never raises."""
        guild = self._client.get_guild(guild_id)
        texts = self._texts_of(guild_id, None)
        person = chosen_by or (None if guild is None else guild.owner_id)
        if person is None:
            return
        text = texts(
            LOG_GONE,
            server=harmless("?" if guild is None else guild.name, 100),
            channel=channel_id,
        )
        try:
            async with asyncio.timeout(TEXT_PATIENCE.total_seconds()):
                direct = await self._client.create_dm(discord.Object(person))
                await direct.send(text, allowed_mentions=discord.AllowedMentions.none())
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            log.warning("staff_not_told", guild=guild_id, reason=in_a_line(err))

    def _texts_of(self, guild_id: GuildId, language: str | None) -> Texts:
        """In the language that the guild has chosen, else in Discord's own for it."""
        guild = self._client.get_guild(guild_id)
        return i18n.texts(language or ("en-US" if guild is None else guild.preferred_locale.value))
