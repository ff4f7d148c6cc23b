"""The buttons under our messages; what a click does is in the cogs, found by the button's id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import discord

from bot.domain.follow_ups import FollowUp
from bot.domain.ids import DraftId, JobId, ModelId
from bot.domain.jobs import FailureReason, Job
from bot.domain.models import FOLLOW_UPS, Mode, OptionName, VideoModel
from bot.domain.values import show
from bot.i18n import N_, Texts
from bot.rendering import words
from bot.rendering.choices import cut

# Discord: a message takes five rows of five buttons, a button's label 80 characters (documentation of components).
MAX_BUTTONS = 25
MAX_LABEL = 80

FOLLOW_UP_LABELS: Mapping[Mode, str] = {
    Mode.EXTEND: N_("Extend"),
    Mode.UPSCALE: N_("Upscale"),
    Mode.RESTYLE: N_("Restyle"),
}

# Discord: documentation of the button component.
MAX_LABEL = 80


def cancel_id(job_id: JobId) -> str:
    return f"job:{job_id}:cancel"


def again_id(job_id: JobId) -> str:
    return f"job:{job_id}:again"


def edit_id(job_id: JobId) -> str:
    return f"job:{job_id}:edit"


def delete_id(job_id: JobId) -> str:
    return f"job:{job_id}:delete"


def report_id(job_id: JobId) -> str:
    return f"job:{job_id}:report"


def staff_id(job_id: JobId, action: str) -> str:
    return f"staff:{job_id}:{action}"


def follow_up_id(job_id: JobId, mode: Mode) -> str:
    return f"job:{job_id}:{mode}"


def chosen_id(job_id: JobId, follow_up: FollowUp) -> str:
    """With the price that the button tells: a click on it never costs more. Discord takes 100 characters."""
    duration = follow_up.options.get(OptionName.DURATION, "")
    quality = follow_up.options.get(OptionName.QUALITY, "")
    return f"do:{job_id}:{follow_up.mode}:{follow_up.model.id}:{duration}:{quality}:{follow_up.price}"


def lasting(*buttons: discord.ui.Button[discord.ui.View]) -> discord.ui.View:
    """A view that the library sends and forgets: the buttons work after a restart, so nothing here has to listen.

    Without `stop` the library would remember every view of every message for as long as the process lives.
    """
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    view.stop()
    return view


def instead_id(job_id: JobId, model: ModelId) -> str:
    """With the model: what the click does is what the button said when it was shown."""
    return f"instead:{job_id}:{model}"


def of_waiting(_: Texts, job_id: JobId, instead: VideoModel | None = None) -> discord.ui.View:
    """While a job waits; *instead* is a model that could make it now."""
    cancel = _button(_("Cancel"), cancel_id(job_id), discord.ButtonStyle.danger)
    if instead is None:
        return lasting(cancel)
    label = _("Make it with {model}", model=instead.name)[:MAX_LABEL]
    return lasting(_button(label, instead_id(job_id, instead.id), discord.ButtonStyle.primary), cancel)


def of_result(_: Texts, job_id: JobId, follow_ups: Collection[Mode] = ()) -> discord.ui.View:
    """Under a posted video; *follow_ups* are what can be done with it."""
    return lasting(
        _button(_("Again"), again_id(job_id), discord.ButtonStyle.primary),
        _button(_("Edit"), edit_id(job_id)),
        *(_button(_(FOLLOW_UP_LABELS[mode]), follow_up_id(job_id, mode)) for mode in FOLLOW_UPS if mode in follow_ups),
        _button(_("Delete"), delete_id(job_id)),
        _button(_("Report"), report_id(job_id)),
    )


def of_follow_ups(_: Texts, job_id: JobId, found: Sequence[FollowUp]) -> discord.ui.View:
    """Each thing that can be done with the video, with its price; a click does it."""
    return lasting(*(_button(_follow_up_label(_, each), chosen_id(job_id, each)) for each in found[:MAX_BUTTONS]))


def _follow_up_label(_: Texts, follow_up: FollowUp) -> str:
    """ "Grok Imagine · 6 s · 10 credits"."""
    options = follow_up.options
    parts = [follow_up.model.name]
    if OptionName.DURATION in options:
        parts.append(_("{seconds} s", seconds=options[OptionName.DURATION]))
    if OptionName.QUALITY in options:
        parts.append(show(OptionName.QUALITY, options[OptionName.QUALITY]))
    price = words.credits_of(_, follow_up.price)
    return f"{cut(' · '.join(parts), MAX_LABEL - len(price) - 3)} · {price}"


# Failures after which neither the same nor other words help: what there is to do begins with another job.
_BEYOND_HELP = frozenset({FailureReason.SOURCE_GONE})

# Failures in which the very same request would be refused again: something has to be changed first.
_NEEDS_CHANGE = frozenset(
    {
        FailureReason.MODERATION_PROMPT,
        FailureReason.MODERATION_IMAGE,
        FailureReason.PERSON,
        FailureReason.IMAGE,
        FailureReason.IMAGE_GONE,
        FailureReason.AUDIO,
        FailureReason.LANGUAGE,
        FailureReason.REJECTED,
        FailureReason.MODEL_PAUSED,
    }
)


def of_draft(_: Texts, draft_id: DraftId) -> discord.ui.View:
    """Below the question whether a video is worth its price."""
    return lasting(
        _button(_("Create"), f"draft:{draft_id}:create", discord.ButtonStyle.primary),
        _button(_("Edit"), f"draft:{draft_id}:edit"),
        _button(_("Cancel"), f"draft:{draft_id}:cancel"),
    )


def of_failure(_: Texts, job: Job) -> discord.ui.View:
    """First what helps best; the same once more is only offered where that may end differently."""
    if job.failure in _BEYOND_HELP:
        return lasting()
    if job.failure in _NEEDS_CHANGE:
        return lasting(_button(_("Edit"), edit_id(job.id), discord.ButtonStyle.primary))
    return lasting(
        _button(_("Again"), again_id(job.id), discord.ButtonStyle.primary), _button(_("Edit"), edit_id(job.id))
    )


def of_reports(_: Texts, job_ids: Sequence[JobId]) -> discord.ui.View:
    """The way to the card of each job, for staff."""
    return lasting(*(_button(_("Job {job}", job=job_id), staff_id(job_id, "card")) for job_id in job_ids))


def of_job_file(
    _: Texts, job_id: JobId, *, can_redeliver: bool, can_refund: bool, can_cancel: bool, can_block: bool
) -> discord.ui.View:
    """Under the card of a job, for staff."""
    danger = discord.ButtonStyle.danger
    shown = (
        (_button(_("Redeliver"), staff_id(job_id, "redeliver")), can_redeliver),
        (_button(_("Refund"), staff_id(job_id, "refund")), can_refund),
        (_button(_("Cancel"), staff_id(job_id, "cancel"), danger), can_cancel),
        (_button(_("Block"), staff_id(job_id, "block"), danger), can_block),
    )
    for button, is_possible in shown:
        button.disabled = not is_possible
    return lasting(*(button for button, _is_possible in shown))


def of_link(_: Texts, link: str) -> discord.ui.View:
    return lasting(discord.ui.Button(label=_("To the video"), url=link))


def _button(
    label: str, custom_id: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary
) -> discord.ui.Button[discord.ui.View]:
    return discord.ui.Button(label=label, custom_id=custom_id, style=style)
