"""The private answers of the commands: jobs, credits and quotas as embeds that fit whatever is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import discord

from bot.domain.credits import Balance, HistoryLine
from bot.domain.ids import UserId
from bot.domain.jobs import Job, JobState
from bot.domain.models import Catalogue, OptionName
from bot.domain.periods import Period
from bot.domain.videos import VideoSpec
from bot.i18n import N_, Texts
from bot.rendering import words
from bot.rendering.buttons import lasting
from bot.rendering.choices import cut
from bot.rendering.prompts import harmless

# Discord: a description has at most 4096 characters, a field's value 1024, all texts of a message's embeds together
# 6000 (documentation of the embed object).
MAX_DESCRIPTION = 4096
MAX_FIELD = 1024
# The fields of a job need most of the 6000.
SHOWN_PROMPT = 1500
SHOWN_EVENTS = 15
PROMPT_IN_LIST = 60

COLOUR = discord.Colour.blurple()


def embed(title: str, description: str | None = None) -> discord.Embed:
    return discord.Embed(title=title, description=description, colour=COLOUR)


def page_buttons(_: Texts, prefix: str, number: int, *, has_more: bool) -> discord.ui.View | None:
    """The way to the pages beside this one, as buttons `{prefix}:{number}`; None when there are none."""
    buttons: list[discord.ui.Button[discord.ui.View]] = []
    if number > 1:
        buttons.append(discord.ui.Button(label=_("Previous page"), custom_id=f"{prefix}:{number - 1}"))
    if has_more:
        buttons.append(discord.ui.Button(label=_("Next page"), custom_id=f"{prefix}:{number + 1}"))
    return lasting(*buttons) if buttons else None


def job_list(_: Texts, jobs: Sequence[Job], number: int, catalogue: Catalogue) -> discord.Embed:
    """A page of a member's jobs, newest first."""
    if not jobs:
        empty = _("There is nothing yet. Type /video to make your first one.")
        return embed(_("Your videos"), empty if number == 1 else _("There is no page {number}.", number=number))
    lines = (_job_lines(_, job, catalogue) for job in jobs)
    return embed(_("Your videos"), joined(lines, MAX_DESCRIPTION)).set_footer(text=_("Page {number}", number=number))


def _job_lines(_: Texts, job: Job, catalogue: Catalogue) -> str:
    link, video = words.link_to(job), _("video")
    parts = [
        f"**{job.id}**",
        words.state_of(_, job.state),
        model_name(job, catalogue),
        words.credits_of(_, job.video.price),
        words.moment(job.created_at),
        *([f"[{video}]({link})"] if link else []),
    ]
    prompt = harmless(job.video.prompt, PROMPT_IN_LIST)
    return " · ".join(parts) + (f"\n> {prompt}" if prompt else "")


def job_details(
    _: Texts,
    job: Job,
    timeline: Sequence[tuple[datetime, JobState]],
    charged: int,
    catalogue: Catalogue,
    *,
    is_staff: bool = False,
) -> discord.Embed:
    """Everything about one job. What the provider said of a failure is for staff only."""
    card = embed(
        _("Job {job}: {state}", job=job.id, state=words.state_of(_, job.state)),
        harmless(job.video.prompt, SHOWN_PROMPT) or None,
    )
    card.add_field(name=_("Model"), value=f"{model_name(job, catalogue)} · {_(words.MODES[job.video.mode])}")
    card.add_field(name=_("Asked for by"), value=f"<@{job.user_id}>")
    card.add_field(name=_("Cost"), value=_cost(_, job, charged))
    options = words.options_of(job.video)
    if options:
        card.add_field(name=_("Options"), value=cut(options, MAX_FIELD), inline=False)
    negative = job.video.options.get(OptionName.NEGATIVE)
    if negative:
        card.add_field(name=_("Not to be seen"), value=harmless(str(negative), MAX_FIELD), inline=False)
    if job.failure is not None:
        card.add_field(name=_("Why it failed"), value=words.failure_of(_, job), inline=False)
    if is_staff and job.failure_detail:
        card.add_field(name=_("What the provider said"), value=harmless(job.failure_detail, 300), inline=False)
    happened = [f"{words.moment(at, 'T')} {words.state_of(_, state)}" for at, state in timeline]
    if happened:
        shown = [words.moment(timeline[0][0], "f"), *happened[-SHOWN_EVENTS:]]
        card.add_field(name=_("What happened"), value=joined(shown, MAX_FIELD), inline=False)
    link = words.link_to(job)
    if link:
        card.add_field(name=_("Video"), value=link, inline=False)
    return card


def _cost(_: Texts, job: Job, charged: int) -> str:
    if job.state in {JobState.FAILED, JobState.CANCELLED}:
        return _("nothing; {credits} returned", credits=words.credits_of(_, job.video.price))
    if charged < job.video.price:
        back = words.credits_of(_, job.video.price - charged)
        return _("{credits}; {back} returned", credits=words.credits_of(_, charged), back=back)
    return words.credits_of(_, charged)


def cancelled(_: Texts, job: Job) -> str:
    return _.plural(
        "Job {job} is cancelled. Its {count} credit is back.",
        "Job {job} is cancelled. Its {count} credits are back.",
        job.video.price,
        job=job.id,
    )


def price_question(_: Texts, video: VideoSpec, model: str, balance: Balance) -> discord.Embed:
    """What a video would cost, before anything is charged."""
    card = embed(_("This video costs {credits}", credits=words.credits_of(_, video.price)))
    card.description = _("Nothing is charged before you press Create.")
    prompt = harmless(video.prompt, MAX_FIELD - 10)
    if prompt:
        card.add_field(name=_("Prompt"), value=prompt, inline=False)
    card.add_field(name=_("Model"), value=model)
    options = words.options_of(video)
    if options:
        card.add_field(name=_("Options"), value=cut(options, MAX_FIELD))
    card.add_field(name=_("Left to spend"), value=words.limit_of(_, balance.spendable))
    return card


ALLOWANCES = {
    Period.DAY: N_("Daily allowance"),
    Period.WEEK: N_("Weekly allowance"),
    Period.MONTH: N_("Monthly allowance"),
}


def balance(_: Texts, balance: Balance) -> discord.Embed:
    """What a member can spend, and where it comes from."""
    spendable = (
        _("You can spend as much as you like.")
        if balance.spendable is None
        else _.plural(
            "You can spend **{count}** credit now.", "You can spend **{count}** credits now.", balance.spendable
        )
    )
    card = embed(_("Your credits"), spendable)
    card.add_field(name=_(ALLOWANCES[balance.period]), value=_allowance(_, balance), inline=False)
    card.add_field(name=_("Bonus"), value=_("{credits}; does not expire", credits=words.credits_of(_, balance.bonus)))
    if balance.held:
        card.add_field(name=_("Held for videos on their way"), value=words.credits_of(_, balance.held))
        card.add_field(name=_("Videos on their way"), value=str(balance.running))
    if balance.pool is not None:
        card.add_field(name=_("This server's pool"), value=_pool(_, balance, balance.pool))
    return card


def _pool(_: Texts, balance: Balance, left: int) -> str:
    credits = words.credits_of(_, left)
    if balance.pool_renews_at is None:
        return credits
    return _("{credits}; filled again {renews}", credits=credits, renews=words.moment(balance.pool_renews_at))


def _allowance(_: Texts, balance: Balance) -> str:
    if balance.allowance is None:
        return _("no limit")
    return _(
        "{left} of {allowance} left; renews {renews}",
        left=balance.allowance_left,
        allowance=balance.allowance,
        renews=words.moment(balance.renews_at),
    )


def history(_: Texts, lines: Sequence[HistoryLine], number: int) -> discord.Embed:
    """A page of a member's entries, newest first."""
    title = _("What became of your credits")
    if not lines:
        empty = _("There is nothing yet. Your first video will be the first line.")
        return embed(title, empty if number == 1 else _("There is no page {number}.", number=number))
    text = joined((_history_line(_, line) for line in lines), MAX_DESCRIPTION)
    return embed(title, text).set_footer(text=_("Page {number}", number=number))


def _history_line(_: Texts, line: HistoryLine) -> str:
    # A minus as wide as the plus beside it.
    sign = "−" if line.credits < 0 else "+"
    parts = [f"**{sign}{abs(line.credits)}**", _(words.ENTRIES[line.kind])]
    if line.job_id is not None:
        parts.append(_("job {job}", job=line.job_id))
    elif line.other_id is not None:
        direction = N_("from <@{member}>") if line.credits > 0 else N_("to <@{member}>")
        parts.append(_(direction, member=line.other_id))
    elif line.reason:
        # Reasons of jobs are words of our own for failures; those of grants were written by people.
        parts.append(harmless(line.reason, 100))
    return " · ".join([*parts, words.moment(line.at)])


def gave(_: Texts, receiver: UserId, credits: int, left: int) -> str:
    """To whoever gave."""
    return _.plural(
        "You gave {count} credit to <@{member}> and have {left} bonus credits left.",
        "You gave {count} credits to <@{member}> and have {left} bonus credits left.",
        credits,
        member=receiver,
        left=left,
    )


def got(_: Texts, giver: UserId, receiver: UserId, credits: int) -> str:
    """To whoever got it."""
    return _.plural(
        "<@{member}>, you got {count} credit from <@{giver}>.",
        "<@{member}>, you got {count} credits from <@{giver}>.",
        credits,
        member=receiver,
        giver=giver,
    )


HELP = (
    N_(
        "**Make a video:** type {video} and a prompt, or attach an image that should move. Everything else is optional."
    ),
    N_("**Models:** {models} lists them with what they can do, what they cost and how long they take."),
    N_(
        "**What it costs:** the price is shown before and after you ask. A video that fails costs nothing: its credits "
        "come back by themselves. {balance} shows what you have, {history} where it went."
    ),
    N_("**While it runs:** {list} shows your videos. One that still waits can be stopped with {cancel} or its button."),
    N_(
        "**Afterwards:** the buttons under a video make it again, make it again with another prompt, or delete the "
        "message."
    ),
    N_(
        "**Moderators:** {default} sets what each member may spend per day, {pool} what all may spend together, and "
        "{grant} gives somebody extra credits."
    ),
)
# Which command each name in the texts above stands for.
HELP_COMMANDS = {
    "video": "video",
    "models": "models",
    "balance": "credits balance",
    "history": "credits history",
    "list": "jobs list",
    "cancel": "jobs cancel",
    "default": "quota default",
    "pool": "quota pool",
    "grant": "quota grant",
}


def help_page(_: Texts, mentions: dict[str, str]) -> discord.Embed:
    """What to type first. *mentions* are the commands of HELP_COMMANDS as they can be clicked."""
    named = {name: mentions.get(command, f"`/{command}`") for name, command in HELP_COMMANDS.items()}
    return embed(_("How to make videos"), "\n\n".join(_(text, **named) for text in HELP))


def model_name(job: Job, catalogue: Catalogue) -> str:
    """The model's name; its id when the host has taken it out of the catalogue."""
    model = catalogue.find(job.model)
    return str(job.model) if model is None else model.name


def joined(lines: Iterable[str], limit: int) -> str:
    """As many whole lines as fit."""
    text = ""
    for line in lines:
        longer = f"{text}\n{line}" if text else line
        if len(longer) > limit:
            break
        text = longer
    return text
