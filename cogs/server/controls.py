"""The buttons and menus below a section, by what their ids say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord

from bot.client import DynamicItemType
from bot.client.controls import Control, cog_of
from bot.domain.policy_sections import Section
from cogs.server.cog import ServerCog

_SECTIONS = "|".join(Section)


class SectionButton(Control, template=rf"server:(?P<section>{_SECTIONS}):(?P<what>[a-z]{{1,20}})"):
    """A button below a section."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog = cog_of(interaction, ServerCog)
        await cog.press(interaction, Section(self.match["section"]), self.match["what"])


class SectionMenu(Control, template=rf"choose:(?P<section>{_SECTIONS}):(?P<what>[a-z]{{1,20}}(?:_[0-9])?)"):
    """A menu below a section."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog = cog_of(interaction, ServerCog)
        values = [str(value) for value in _values(interaction)]
        await cog.choose(interaction, Section(self.match["section"]), self.match["what"], values)


CONTROLS: tuple[DynamicItemType, ...] = (SectionButton, SectionMenu)


def _values(interaction: discord.Interaction) -> Sequence[object]:
    """The chosen values as Discord sent them: of roles and channels their ids."""
    data: Mapping[str, Any] = interaction.data or {}
    return data.get("values") or ()
