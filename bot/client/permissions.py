"""What the bot needs to be allowed where it is asked for a video; looked at before anything is charged."""

from __future__ import annotations

import discord

from bot import i18n
from bot.i18n import N_

VIEW_CHANNEL = N_("View Channel")
SEND_MESSAGES = N_("Send Messages")
SEND_MESSAGES_IN_THREADS = N_("Send Messages in Threads")
ATTACH_FILES = N_("Attach Files")
EMBED_LINKS = N_("Embed Links")


def missing_permissions(interaction: discord.Interaction) -> list[str]:
    """The permissions that the bot lacks to post a video there, in the reader's language; empty when all is well."""
    has = interaction.app_permissions
    if has.administrator:
        return []
    is_thread = isinstance(interaction.channel, discord.Thread)
    needed = {
        VIEW_CHANNEL: has.view_channel,
        SEND_MESSAGES_IN_THREADS if is_thread else SEND_MESSAGES: (
            has.send_messages_in_threads if is_thread else has.send_messages
        ),
        ATTACH_FILES: has.attach_files,
        EMBED_LINKS: has.embed_links,
    }
    texts = i18n.texts(interaction.locale.value)
    return [texts(name) for name, is_given in needed.items() if not is_given]
