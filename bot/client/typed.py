"""Where /video was typed, and what of it is typed so far, as far as Discord tells."""

from __future__ import annotations

import discord

from bot.domain.ids import ChannelId, GuildId, InteractionId
from bot.domain.jobs import Place
from bot.domain.models import Mode, OptionName, OptionValue
from bot.domain.videos import mode_of

FRAMES = ("image", "last_frame")
REFERENCES = ("reference1", "reference2", "reference3")


def place_of(interaction: discord.Interaction) -> Place:
    """Where the video belongs, as far as it has to be known when the interaction is long dead."""
    return Place(
        guild_id=GuildId(interaction.guild_id or 0),
        channel_id=ChannelId(interaction.channel_id or 0),
        application_id=interaction.application_id,
        interaction_id=InteractionId(interaction.id),
        interaction_token=interaction.token,
        upload_limit=interaction.filesize_limit,
        locale=interaction.locale.value,
        guild_locale=(interaction.guild_locale or interaction.locale).value,
    )


def typed_mode(interaction: discord.Interaction) -> Mode:
    """What is asked for, by the pictures that are attached, as far as autocomplete is told."""
    typed = interaction.namespace
    return mode_of(
        has_frame=any(getattr(typed, name) is not None for name in FRAMES),
        has_reference=any(getattr(typed, name) is not None for name in REFERENCES),
    )


def count_in(interaction: discord.Interaction) -> int:
    """How many pictures are attached."""
    return sum(getattr(interaction.namespace, name) is not None for name in (*FRAMES, *REFERENCES))


def chosen_in(interaction: discord.Interaction) -> dict[OptionName, OptionValue]:
    """The options as they stand while the member still types."""
    values = ((name, getattr(interaction.namespace, name.value)) for name in OptionName)
    return {name: value for name, value in values if isinstance(value, str | int)}
