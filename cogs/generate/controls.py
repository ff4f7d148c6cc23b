"""The buttons of videos and offers, by what their ids say, each with the part of the cog that acts for it."""

from __future__ import annotations

import discord

from bot.client import DynamicItemType
from bot.client.controls import Control, cog_of
from bot.domain.ids import DraftId, JobId, ModelId
from bot.domain.models import Mode, OptionName, OptionValue
from cogs.generate.cog import Generate


class VideoButton(Control, template=r"job:(?P<id>[0-9]{1,18}):(?P<action>again|edit|extend|upscale|restyle|delete)"):
    """A button under a posted video."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, job_id = cog_of(interaction, Generate), JobId(int(self.match["id"]))
        match self.match["action"]:
            case "again":
                await cog.repeats.again(interaction, job_id)
            case "edit":
                await cog.repeats.edit(interaction, job_id)
            case "extend" | "upscale" | "restyle" as mode:
                await cog.follow_ups.offer(interaction, job_id, Mode(mode))
            case _:
                await cog.posts.delete(interaction, job_id)


class InsteadButton(Control, template=r"instead:(?P<id>[0-9]{1,18}):(?P<model>[a-z0-9-]{1,50})"):
    """Under the card of a job that waits for a broken model: another one that makes its video now."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, job_id = cog_of(interaction, Generate), JobId(int(self.match["id"]))
        await cog.repeats.instead(interaction, job_id, ModelId(self.match["model"]))


class DraftButton(Control, template=r"draft:(?P<id>[0-9]{1,18}):(?P<action>create|edit|cancel)"):
    """The answer to the question whether a video is worth its price."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, draft_id = cog_of(interaction, Generate), DraftId(int(self.match["id"]))
        match self.match["action"]:
            case "create":
                await cog.drafts.create(interaction, draft_id)
            case "edit":
                await cog.drafts.rethink(interaction, draft_id)
            case _:
                await cog.drafts.drop(interaction, draft_id)


class RewriteButton(
    Control,
    # Offers of earlier versions carry no price.
    template=r"rewrite:(?P<id>[0-9]{1,18}):(?P<action>create|edit|mine|cancel)(?::(?P<price>[0-9]{1,9}))?",
):
    """Under what the assistant wrote, seen by its member only."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, number = cog_of(interaction, Generate), int(self.match["id"])
        told = int(self.match["price"]) if self.match["price"] else None
        match self.match["action"]:
            case "edit":
                await cog.rewrites.edit(interaction, number, told)
            case "cancel":
                await cog.rewrites.cancel(interaction, number)
            case action:
                await cog.rewrites.take(interaction, number, told, is_own=action == "mine")


class FollowUpButton(
    Control,
    template=r"do:(?P<id>[0-9]{1,18}):(?P<mode>extend|upscale|restyle):(?P<model>[a-z0-9-]{1,50}):(?P<duration>[0-9]{0,4}):(?P<quality>[a-z0-9-]{0,20})(?::(?P<price>[0-9]{1,9}))?",
):
    """One of the things that can be done with a posted video."""

    async def act(self, interaction: discord.Interaction) -> None:
        options: dict[OptionName, OptionValue] = {}
        if self.match["duration"]:
            options[OptionName.DURATION] = int(self.match["duration"])
        if self.match["quality"]:
            options[OptionName.QUALITY] = self.match["quality"]
        cog, job_id = cog_of(interaction, Generate), JobId(int(self.match["id"]))
        told = int(self.match["price"]) if self.match["price"] else None
        await cog.follow_ups.choose(
            interaction, job_id, Mode(self.match["mode"]), ModelId(self.match["model"]), options, told
        )


CONTROLS: tuple[DynamicItemType, ...] = (VideoButton, InsteadButton, FollowUpButton, RewriteButton, DraftButton)
