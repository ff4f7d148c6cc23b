"""The messages that stay in the channel: the video with its receipt, a link in its place, or why there is none."""

from __future__ import annotations

from urllib.parse import quote

from bot.domain.jobs import Job
from bot.i18n import Texts
from bot.ports import Link, Receipt
from bot.rendering import words
from bot.rendering.prompts import harmless

MAX_CONTENT = 2000  # Discord's limit for a message's content.
SHOWN_PROMPT = 1000
SHOWN_OPTIONS = 300
# Discord shows a line that begins like this small and grey.
SMALL = "-# "
# What an address may hold as it is (RFC 3986 without brackets and @, and the sign of what is encoded already); the rest
# means the same when it is encoded.
IN_ADDRESSES = "!#$%&'*+,/:;=?~"


def video_post(_: Texts, job: Job, receipt: Receipt, model: str, *, has_prompt: bool = True) -> str:
    """What stands above the video; without the prompt for a guild that does not let it through."""
    lines = [f"<@{job.user_id}>", *_late_note(_, job, receipt), *_small_print(_, job, receipt, model)]
    return _fitting(lines, job, has_prompt=has_prompt)


def link_post(
    _: Texts,
    job: Job,
    link: Link,
    receipt: Receipt,
    model: str,
    *,
    has_prompt: bool = True,
    is_spoiler: bool = False,
) -> str:
    """For a video that is too large for the place."""
    lines = [
        f"<@{job.user_id}> {_where(_, link, is_spoiler=is_spoiler)}",
        *_late_note(_, job, receipt),
        *_small_print(_, job, receipt, model),
    ]
    return _fitting(lines, job, has_prompt=has_prompt)


def failure_post(_: Texts, job: Job) -> str:
    """Why there is no video, and that it cost nothing."""
    returned = _.plural("Your {count} credit is back.", "Your {count} credits are back.", job.video.price)
    sorry = _("Your video could not be made. {reason}", reason=words.failure_of(_, job))
    return f"<@{job.user_id}> {sorry}\n{SMALL}{returned} · {_job(_, job)}"


def _where(_: Texts, link: Link, *, is_spoiler: bool) -> str:
    address = _address(link.url)
    # Usual links are far shorter; one that fills the message could not be posted at all.
    if len(address) > MAX_CONTENT // 2:
        return _("The video is finished, but too large for this channel. The host keeps the file.")
    # Discord shows what lies behind an address that stands there openly.
    url = f"|| {address} ||" if is_spoiler else address
    if link.expires_at is None:
        return _("The video is too large for this channel: {link}\nThe host keeps the file.", link=url)
    return _(
        "The video is too large for this channel: {link}\nThe link dies {expires}; the host keeps the file.",
        link=url,
        expires=words.moment(link.expires_at),
    )


def _address(url: str) -> str:
    """The provider's address as one word: nothing of it ends a spoiler, and nothing behind it speaks for the bot."""
    return quote(url, safe=IN_ADDRESSES)


def _late_note(_: Texts, job: Job, receipt: Receipt) -> list[str]:
    """Why a video comes whose credits had gone back."""
    if not job.is_late:
        return []
    if receipt.charged:
        return [_("It was finished after your credits had gone back, so it is charged now.")]
    return [_("It was finished after your credits had gone back. It is yours for nothing.")]


def _small_print(_: Texts, job: Job, receipt: Receipt, model: str) -> list[str]:
    options = words.options_of(job.video)[:SHOWN_OPTIONS]
    made = " · ".join(part for part in (model[:100], options) if part)
    paid = [
        words.credits_of(_, receipt.charged),
        *([_("{credits} returned", credits=words.credits_of(_, receipt.returned))] if receipt.returned else []),
        *(
            # Whoever has no limit needs not be told what is left of it.
            [] if receipt.spendable is None else [_("{credits} left", credits=words.credits_of(_, receipt.spendable))]
        ),
        _job(_, job),
    ]
    return [f"{SMALL}{made}", SMALL + " · ".join(paid)]


def _job(_: Texts, job: Job) -> str:
    return _("job {job}", job=job.id)


def _fitting(lines: list[str], job: Job, *, has_prompt: bool) -> str:
    """The lines with as much of the prompt as there is room for."""
    text = "\n".join(lines)
    room = min(SHOWN_PROMPT, MAX_CONTENT - len(text) - len("\n> "))
    prompt = harmless(job.video.prompt, room) if has_prompt and room > 0 else ""
    return f"{text}\n> {prompt}" if prompt else text
