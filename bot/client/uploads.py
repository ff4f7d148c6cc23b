"""How large a file may be that answers an interaction, and how Discord says that one was larger all the same."""

from __future__ import annotations

import discord

# Discord took files of this size from everybody for years. Members with Nitro are promised more than some places take.
SAFE_UPLOAD = 10 * 1024 * 1024
# What a server with every boost takes. Nitro promises five times as much, which nobody should make a small host send.
LARGEST_UPLOAD = 100 * 1024 * 1024

_TOO_LARGE = frozenset({40005, 50045})  # "Request entity too large", "File uploaded exceeds the maximum size"


def upload_limits(interaction: discord.Interaction) -> list[int]:
    """Sizes to try, in bytes: what Discord promises here, then what every place takes."""
    promised = min(interaction.filesize_limit, LARGEST_UPLOAD)
    return [promised, *([SAFE_UPLOAD] if promised > SAFE_UPLOAD else [])]


def is_too_large(error: discord.HTTPException) -> bool:
    return error.status == 413 or error.code in _TOO_LARGE
