"""The form that asks for another prompt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Self

import discord

from bot.client import guarded
from bot.domain.videos import VideoRequest
from bot.i18n import Texts

# Discord: a text field of a form takes 4000 characters (documentation of text inputs); a prompt may have 6000.
FIELD_LENGTH = 4000
# A form that nobody sends stays in memory until then.
FORM_LIFE = timedelta(hours=1)

# What follows once the prompt is there.
Done = Callable[[discord.Interaction, VideoRequest], Awaitable[None]]


class PromptForm(discord.ui.Modal):
    """Asks for another prompt, with the old one to start from."""

    def __init__(self, request: VideoRequest, _: Texts, done: Done, title: str | None = None) -> None:
        if title is None:
            title = _("Make it again, differently") if request.follow_up is None else _("What happens next")
        super().__init__(title=title, timeout=FORM_LIFE.total_seconds())
        self._request = request
        self._done = done
        # Longer prompts go on in a second field, so that nothing of them is lost.
        parts = [request.prompt[:FIELD_LENGTH], request.prompt[FIELD_LENGTH:]]
        self._fields: list[discord.ui.TextInput[Self]] = []
        for number, part in enumerate(parts):
            if part or number == 0:
                self._add(_("Prompt") if number == 0 else _("Prompt, continued"), part)

    def _add(self, title: str, text: str) -> None:
        field: discord.ui.TextInput[Self] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, default=text or None, required=False, max_length=FIELD_LENGTH
        )
        self._fields.append(field)
        self.add_item(discord.ui.Label(text=title, component=field))

    @guarded
    async def on_submit(self, interaction: discord.Interaction) -> None:
        prompt = "".join(field.value for field in self._fields)
        await self._done(interaction, replace(self._request, prompt=prompt))
