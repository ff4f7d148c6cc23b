"""How long Discord is waited for, and what its refusals and silences mean for a message that has to get there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import timedelta

import aiohttp
import discord

from bot import logs
from bot.errors import AccessMissingError, DeliveryError, DeliveryUnavailableError, PlaceGoneError, TooLargeError

log = logs.get(__name__)

_ADDRESS = re.compile(r"\b[a-z]{2,8}://[^\s'\"]+", re.IGNORECASE)

# Discord's JSON error codes ("Opcodes and Status Codes" in its documentation).
UNKNOWN_MESSAGE = 10008
MALFORMED = 50035
# Also said in error, for a moment: github.com/discord/discord-api-docs issues 7275 and 7666.
MISSING_ACCESS = 50001
DEAD_TOKEN = frozenset({10015, 50027})  # of an interaction
TOO_LARGE = frozenset({40005, 50045})
# It is not Discord that speaks but the edge in front of it, or a proxy: with a page, which has no code, or in JSON with
# a code of its own (github.com/discord/discord-api-docs issue 6473).
NOT_DISCORD = frozenset({0, 40333})
# Automatic moderation or a link filter refused our text: the prompt in it, since the rest is our own words.
BLOCKED_TEXT = frozenset({200000, 200001, 240000})

# The library waits for rate limits and repeats by itself; past this the worker does it better, having looked first.
FILE_PATIENCE = timedelta(minutes=5)
TEXT_PATIENCE = timedelta(minutes=1)
EDIT_PATIENCE = timedelta(seconds=20)


@contextlib.contextmanager
def delivery_errors() -> Iterator[None]:
    try:
        yield
    except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
        raise delivery_error(err) from err


def delivery_error(error: Exception) -> DeliveryError:
    """What *error* means for a message that has to get there."""
    said = in_a_line(error)
    if not isinstance(error, discord.HTTPException):
        # Rate limits longer than we wait, cut connections, timeouts: perhaps the message is there.
        return DeliveryUnavailableError(said)
    if error.status == 413 or error.code in TOO_LARGE:
        return TooLargeError(said)
    if error.code in DEAD_TOKEN:
        return PlaceGoneError(said)
    if error.code == MALFORMED:
        log.error("post_malformed", error=said)
    # 401 is our own token.
    if error.status >= 500 or error.status in {401, 408, 429} or error.code in NOT_DISCORD:
        return DeliveryUnavailableError(said)
    if error.code == MISSING_ACCESS:
        return AccessMissingError(said)
    # The channel, the message or the interaction's token is gone, or this message is refused for a reason that
    # repeating does not change: codes 10003, 10015, 50013, 50027, 50083, 160005, 40058 and so on.
    return PlaceGoneError(said)


def in_a_line(error: Exception) -> str:
    """The error in a line, without what a URL in it would give away."""
    if isinstance(error, discord.HTTPException):
        return f"HTTP {error.status}, code {error.code}: {error.text}"[:300]
    # The address of an answer to an interaction holds its token, and aiohttp names addresses.
    return _ADDRESS.sub("[address]", f"{type(error).__name__}: {error}")[:300]
