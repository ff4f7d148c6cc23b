"""What people are answered about their own data."""

from __future__ import annotations

import discord

from bot.i18n import Texts
from bot.rendering import words
from bot.rendering.buttons import lasting

DELETE = "privacy:delete"
FILE = "cutscene-data.zip"


def copied(_: Texts, *, left_out: int) -> str:
    text = _("Everything that is stored about you, in all servers: the rows as JSON, with your pictures and videos.")
    if not left_out:
        return text
    rest = _.plural("{count} file is gone or did not fit.", "{count} files are gone or did not fit.", left_out)
    return f"{text} {rest}"


def question(_: Texts, bonus: int) -> str:
    lines = [
        _("This deletes your prompts, pictures and videos that are kept here, in all servers, and cannot be undone."),
        _("What you have spent stays in the books under a random number. Messages in channels stay where they are."),
    ]
    if bonus:
        lines.append(_("Your bonus is lost: {credits}.", credits=words.credits_of(_, bonus)))
    return "\n".join(lines)


def confirmation(_: Texts) -> discord.ui.View:
    return lasting(discord.ui.Button(label=_("Delete my data"), custom_id=DELETE, style=discord.ButtonStyle.danger))


def deleted(_: Texts) -> str:
    return _("Your data is deleted.")
