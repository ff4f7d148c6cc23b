"""The progress card: one message that says where a job is, what it costs and when it will be ready."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import discord

from bot.domain.jobs import ACTIVE, Job, JobState
from bot.domain.substitutes import Substitute
from bot.i18n import N_, Texts
from bot.rendering import buttons, words
from bot.rendering.prompts import harmless

# Discord: a field's value has at most 1024 characters, all texts of an embed together 6000 (documentation of the embed
# object).
MAX_FIELD = 1024
SHOWN_PROMPT = 1000

LATE = N_("This takes longer than usual. You need not wait here: the video will be posted in this channel.")
LEAVING = N_("Still working. This message cannot change any more; the video will be posted in this channel.")
LOST_ANSWER = N_("The provider has not confirmed the job. If it never does, all credits come back.")
BROKEN = N_("The model fails again and again at the moment. The job waits for it, or gets its credits back.")
KEPT = N_("The video is finished, but it could not be posted here. It is kept, and the host can see why.")

COLOURS: Mapping[JobState, discord.Colour] = {
    JobState.DELIVERED: discord.Colour.green(),
    JobState.PARKED: discord.Colour.gold(),
    JobState.FAILED: discord.Colour.red(),
    JobState.CANCELLED: discord.Colour.light_grey(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a card shows beside the job itself. `ahead` are the jobs before it, known while it waits."""

    model: str
    ahead: int | None = None
    ready_at: datetime | None = None
    is_late: bool = False
    is_broken: bool = False  # the job waits because its model fails again and again
    substitute: Substitute | None = None  # what could be made now, in place of that
    is_leaving: bool = False  # the last words before Discord lets us edit no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message to be put in place of the one before."""

    embed: discord.Embed
    view: discord.ui.View | None = None

    @property
    def fingerprint(self) -> str:
        """The same for cards that look the same."""
        components = [] if self.view is None else self.view.to_components()
        return json.dumps([self.embed.to_dict(), components], sort_keys=True)

    def without_prompt(self) -> Card:
        """For a guild whose automatic moderation does not let the prompt through."""
        embed = self.embed.copy()
        embed.description = None
        return Card(embed=embed, view=self.view)


def card(_: Texts, job: Job, progress: Progress) -> Card:
    """The job as it stands."""
    prompt = harmless(job.video.prompt, SHOWN_PROMPT)
    embed = discord.Embed(
        title=_("Job {job}: {state}", job=job.id, state=words.state_of(_, job.state)),
        description=f"> {prompt}" if prompt else None,
        colour=COLOURS.get(job.state, discord.Colour.blurple()),
    )
    mode = _(words.MODES[job.video.mode])
    embed.add_field(name=_("Model"), value=f"{progress.model} · {mode}"[:MAX_FIELD])
    options = words.options_of(job.video)
    if options:
        embed.add_field(name=_("Options"), value=options[:MAX_FIELD])
    embed.add_field(name=_("Price"), value=words.credits_of(_, job.video.price))
    match job.state:
        case JobState.QUEUED:
            if progress.ahead is not None:
                embed.add_field(name=_("Place in the queue"), value=str(progress.ahead + 1))
        case JobState.UNKNOWN:
            embed.add_field(name=_("What now"), value=_(LOST_ANSWER), inline=False)
        case JobState.DELIVERED:
            link = words.link_to(job)
            if link is not None:
                embed.add_field(name=_("Video"), value=link, inline=False)
                return Card(embed=embed, view=buttons.of_link(_, link))
        case JobState.PARKED:
            embed.add_field(name=_("What now"), value=_(KEPT), inline=False)
        case JobState.FAILED:
            if job.failure is not None:
                embed.add_field(name=_("Why it failed"), value=words.failure_of(_, job), inline=False)
            embed.add_field(name=_("What it cost"), value=_nothing(_, job), inline=False)
        case JobState.CANCELLED:
            embed.add_field(name=_("What it cost"), value=_nothing(_, job), inline=False)
        case _:
            pass
    if job.state in ACTIVE:
        _add_outlook(_, embed, job, progress)
    return Card(embed=embed, view=_buttons(_, job, progress))


def _buttons(_: Texts, job: Job, progress: Progress) -> discord.ui.View | None:
    if job.state is not JobState.QUEUED:
        return None
    return buttons.of_waiting(_, job.id, None if progress.substitute is None else progress.substitute.model)


def _add_outlook(_: Texts, embed: discord.Embed, job: Job, progress: Progress) -> None:
    if progress.is_broken:
        embed.add_field(name=_("Why it waits"), value=_broken(_, job, progress.substitute)[:MAX_FIELD], inline=False)
    if progress.ready_at is not None:
        embed.add_field(name=_("Ready"), value=words.moment(progress.ready_at))
    if progress.is_leaving:
        embed.add_field(name=_("What now"), value=_(LEAVING), inline=False)
    elif progress.is_late:
        embed.add_field(name=_("What now"), value=_(LATE), inline=False)


def _broken(_: Texts, job: Job, substitute: Substitute | None) -> str:
    if substitute is None:
        return _(BROKEN)
    offer = _(
        "The model fails again and again at the moment, so the job waits for it. {model} can make the video now for "
        "{credits}; what this job has cost comes back then. Options: {options}",
        model=substitute.model.name,
        credits=words.credits_of(_, substitute.video.price),
        options=words.options_of(substitute.video) or "–",
    )
    changes = substitute.changes(job.video)
    if not changes:
        return offer
    # Only the names: negative words are the member's own, and what the others are in this job stands above.
    return offer + "\n" + _("Not as in this job: {options}", options=" · ".join(changes))


def _nothing(_: Texts, job: Job) -> str:
    return _("nothing; {credits} returned", credits=words.credits_of(_, job.video.price))
