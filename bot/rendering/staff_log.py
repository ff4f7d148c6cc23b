"""The staff's log as lines: who did what, to whom, and why. Nobody is pinged by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import discord

from bot.domain.staff_log import StaffEvent, StaffEventKind, StaffLine
from bot.i18n import N_, Texts
from bot.rendering import buttons, words
from bot.rendering.prompts import harmless
from bot.rendering.refusals import rule_name
from bot.rendering.replies import MAX_DESCRIPTION, embed, joined

TEXTS: Mapping[StaffEventKind, str] = {
    StaffEventKind.GRANT: N_("granted {credits} to {whom}"),
    StaffEventKind.REVOKE: N_("took {credits} back from {member}"),
    StaffEventKind.BLOCK: N_("blocked {member} until {until}"),
    StaffEventKind.UNBLOCK: N_("lifted the block of {member}"),
    StaffEventKind.STOP: N_("stopped all videos in this server"),
    StaffEventKind.RESUME: N_("opened this server for videos again"),
    StaffEventKind.SETTING: N_("changed `{name}` from {before} to {after}"),
    StaffEventKind.WORD: N_("forbade {word}"),
    StaffEventKind.REFUND: N_("gave {member} {credits} back for job {job}"),
    StaffEventKind.REDELIVER: N_("had job {job} of {member} delivered again"),
    StaffEventKind.CANCEL: N_("cancelled job {job} of {member}"),
    StaffEventKind.REFUSAL: N_("refused a video of {member}: {rule}"),
    StaffEventKind.REPORT: N_("reported job {job} of {member}"),
    StaffEventKind.EXPORT: N_("exported {what}"),
}
BLOCKED_FOR_GOOD = N_("blocked {member} for good")
ALLOWED_AGAIN = N_("allowed {word} again")
NOT_QUOTED = N_("This server's automatic moderation blocks what was written; `/moderate log` has it.")
REFUSED_WORD = N_("refused a video of {member}: {rule}, {word}")
REFUSED_CATEGORIES = N_("refused a video of {member}: {rule}, {categories}")

# Details that repeat what somebody has written.
QUOTED = frozenset({"word", "before", "after"})

SHOWN_REASON = 200
SHOWN_VALUE = 100
# A message's buttons; a batch has fewer lines.
MAX_BUTTONS = 10


def lines_of(_: Texts, lines: Sequence[StaffLine], *, has_quotes: bool = True) -> discord.Embed:
    """What has happened, oldest first; without quotes where the guild lets nobody say what people wrote."""
    if not has_quotes:
        lines = [replace(line, event=_unquoted(line.event)) for line in lines]
    card = embed(_("Staff log"), joined((line_of(_, line) for line in lines), MAX_DESCRIPTION))
    return card if has_quotes else card.set_footer(text=_(NOT_QUOTED))


def newest(_: Texts, lines: Sequence[StaffLine]) -> discord.Embed:
    if not lines:
        return embed(_("Staff log"), _("Nothing has happened yet."))
    return lines_of(_, lines)


def job_buttons(_: Texts, lines: Sequence[StaffLine]) -> discord.ui.View | None:
    """The way to the cards of the jobs that were reported."""
    reported = dict.fromkeys(
        line.event.job_id for line in lines if line.event.kind is StaffEventKind.REPORT and line.event.job_id
    )
    return buttons.of_reports(_, list(reported)[:MAX_BUTTONS]) if reported else None


def line_of(_: Texts, line: StaffLine) -> str:
    event = line.event
    actor = _("the bot") if event.actor_id is None else f"<@{event.actor_id}>"
    parts = [words.moment(line.at, "f"), actor, _said(_, event)]
    if event.details.get("prompt"):
        # What somebody was refused nobody should have to read.
        parts.append(f"||{harmless(str(event.details['prompt']), SHOWN_REASON)}||")
    if event.reason:
        parts.append(_("Reason: {reason}", reason=harmless(event.reason, SHOWN_REASON)))
    return " · ".join(parts)


def _unquoted(event: StaffEvent) -> StaffEvent:
    kept = {name: value for name, value in event.details.items() if name != "prompt"}
    return replace(event, reason=None, details={**kept, **{name: "…" for name in QUOTED if name in kept}})


def _said(_: Texts, event: StaffEvent) -> str:
    details = event.details
    until = int(details.get("until", 0))
    values = {
        "member": f"<@{event.user_id}>",
        "job": event.job_id,
        "credits": words.credits_of(_, int(details.get("credits", 0))),
        "whom": _granted_to(_, event),
        "until": f"<t:{until}:f>",
        "rule": rule_name(_, str(details.get("rule", ""))),
        **{name: harmless(str(details.get(name, "")), SHOWN_VALUE) for name in ("name", "before", "after", "what")},
        # What somebody has forbidden nobody should have to read.
        "word": f"||{harmless(str(details.get('word', '')), SHOWN_VALUE)}||",
        "categories": harmless(str(details.get("categories", "")), SHOWN_VALUE),
    }
    return _(_text_of(event, has_end=until > 0), **values)


def _text_of(event: StaffEvent, *, has_end: bool) -> str:
    match event.kind:
        case StaffEventKind.BLOCK if not has_end:
            return BLOCKED_FOR_GOOD
        case StaffEventKind.WORD if event.details.get("change") != "added":
            return ALLOWED_AGAIN
        case StaffEventKind.REFUSAL if "word" in event.details:
            return REFUSED_WORD
        case StaffEventKind.REFUSAL if "categories" in event.details:
            return REFUSED_CATEGORIES
        case _:
            return TEXTS[event.kind]


def _granted_to(_: Texts, event: StaffEvent) -> str:
    role = int(event.details.get("role", 0))
    if event.user_id is not None:
        return f"<@{event.user_id}>"
    return f"<@&{role}>" if role else _("everybody")
