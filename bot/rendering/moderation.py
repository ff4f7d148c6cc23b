"""What moderators are answered: blocks and the list of forbidden words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import discord

from bot.domain.ids import JobId, UserId
from bot.domain.safety import MAX_WORDS, Block, Word, WordKind
from bot.i18n import N_, Texts
from bot.rendering import words
from bot.rendering.prompts import harmless
from bot.rendering.replies import MAX_DESCRIPTION, embed, joined

# What is offered for a block, as it is typed and as it is read.
SPANS: Mapping[str, str] = {
    "1h": N_("1 hour"),
    "1d": N_("1 day"),
    "7d": N_("7 days"),
    "30d": N_("30 days"),
    "forever": N_("for good"),
}
KINDS: Mapping[WordKind, str] = {WordKind.WORD: N_("word"), WordKind.PATTERN: N_("pattern")}
SHOWN_REASON = 200
RESUME = "`/moderate resume`"


def blocked(_: Texts, block: Block, cancelled: int) -> str:
    """Without a ping: the answer is private."""
    reason = harmless(block.reason, SHOWN_REASON)
    lines = [
        _("<@{member}> is blocked for good. Reason: {reason}", member=block.user_id, reason=reason)
        if block.until is None
        else _(
            "<@{member}> is blocked; it ends {until}. Reason: {reason}",
            member=block.user_id,
            until=words.moment(block.until),
            reason=reason,
        )
    ]
    if cancelled:
        lines.append(_cancelled(_, cancelled))
    lines.append(_("Videos that are already being made are kept back until the block is over."))
    return "\n".join(lines)


def unblocked(_: Texts, member: UserId) -> str:
    return _("<@{member}> can make videos again.", member=member)


def stopped(_: Texts, cancelled: int) -> str:
    lines = [_("Nobody gets videos in this server from now on.")]
    if cancelled:
        lines.append(_cancelled(_, cancelled))
    lines.append(_("Videos that are already being made are kept back. {resume} opens it again.", resume=RESUME))
    return "\n".join(lines)


def resumed(_: Texts) -> str:
    return _("Videos can be made in this server again.")


def reported(_: Texts, *, has_channel: bool) -> str:
    if has_channel:
        return _("Thank you. The moderators of this server are told.")
    return _(
        "Thank you. It stands in the moderators' list; they have no channel for reports, so tell one of them, too."
    )


def done(_: Texts, action: str, job_id: JobId, credits: int = 0) -> str:
    """What a button of a job's card has done."""
    match action:
        case "redeliver":
            return _("The video of job {job} is being delivered again.", job=job_id)
        case "refund":
            return _.plural(
                "{count} credit for job {job} is given back as bonus.",
                "{count} credits for job {job} are given back as bonus.",
                credits,
                job=job_id,
            )
        case _:
            return _("Job {job} is cancelled, and its credits are back.", job=job_id)


def block_list(_: Texts, blocks: Sequence[Block]) -> discord.Embed:
    title = _("Blocked members")
    if not blocks:
        return embed(title, _("Nobody is blocked."))
    lines = (
        " · ".join(
            (
                f"<@{block.user_id}>",
                _("for good") if block.until is None else _("ends {until}", until=words.moment(block.until)),
                _("by {actor}", actor=f"<@{block.actor_id}>"),
                harmless(block.reason, SHOWN_REASON),
            )
        )
        for block in blocks
    )
    return embed(title, joined(lines, MAX_DESCRIPTION))


def word_list(_: Texts, found: Sequence[Word]) -> discord.Embed:
    """Patterns and words as they were typed."""
    title = _("What prompts may not say here")
    if not found:
        return embed(title, _("The list is empty."))
    lines = (f"{_(KINDS[word.kind])}: {_quoted(word.text)}" for word in found)
    card = embed(title, joined(lines, MAX_DESCRIPTION))
    return card.set_footer(text=_("{count} of {limit} entries", count=len(found), limit=MAX_WORDS))


def word_added(_: Texts, word: Word, *, is_new: bool) -> str:
    if is_new:
        return _("Prompts that say {word} are refused from now on.", word=_quoted(word.text))
    return _("{word} is in the list already.", word=_quoted(word.text))


def word_removed(_: Texts, text: str) -> str:
    return _("{word} is out of the list.", word=_quoted(text))


def word_tested(_: Texts, found: Word | None) -> str:
    if found is None:
        return _("A prompt like this is let through.")
    return _("A prompt like this is refused: {kind} {word}.", kind=_(KINDS[found.kind]), word=_quoted(found.text))


def _cancelled(_: Texts, count: int) -> str:
    return _.plural(
        "{count} waiting job was cancelled and its credits are back.",
        "{count} waiting jobs were cancelled and their credits are back.",
        count,
    )


def _quoted(text: str) -> str:
    """As code, in which nothing has an effect but the sign that ends it."""
    visible = " ".join(text.split()).replace("`", "'")
    return f"`{visible}`"
