"""What Discord refuses about a message as a whole, new or as it stands after an edit."""

from __future__ import annotations

from typing import Any

from sandbox.discord_server import errors
from sandbox.discord_server.forms import Form, refuse
from sandbox.discord_server.rules.components import check_components, media_of, walk
from sandbox.discord_server.rules.embeds import check_embeds
from sandbox.discord_server.uploads import Upload
from sandbox.discord_server.wire import JSON, JSONValue
from sandbox.discord_server.world import Channel, MessageFlag

MAX_CONTENT = 2000
MAX_NONCE = 25
MAX_ATTACHMENTS = 10
MAX_ALT_TEXT = 1024
MAX_FILENAME = 1024
MAX_ALLOWED_IDS = 100
MENTION_KINDS = ("users", "roles", "everyone")

KNOWN_FLAGS = sum(MessageFlag)
# What a message may be created with; interaction answers may also be EPHEMERAL.
SETTABLE = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.IS_COMPONENTS_V2


def checked_object(body: JSONValue) -> JSON:
    """The body as an object, with an absent one as empty; anything else is refused."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        form = Form()
        form.refuse((), "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        form.raise_if_refused()
    return dict(body)


def checked_flags(body: JSON) -> MessageFlag:
    """The flags asked for; Discord leaves out those that cannot be set instead of refusing them."""
    flags = body.get("flags") or 0
    if not isinstance(flags, int) or isinstance(flags, bool) or flags < 0:
        raise refuse(("flags",), "BITFIELD_TYPE_CONVERT", f"Could not interpret {flags!r} as a flag set.")
    return MessageFlag(flags & KNOWN_FLAGS)


def check_message(body: JSON, files: list[Upload], *, is_v2: bool, attachments_known: set[int]) -> None:
    """Refuse what is wrong with the form of *body*; *attachments_known* are those the edited message has already."""
    form = Form()
    form.text(("content",), body.get("content"), high=MAX_CONTENT)
    check_embeds(form, body.get("embeds"))
    check_components(form, body.get("components"), is_v2=is_v2)
    _check_nonce(form, body.get("nonce"))
    _check_allowed_mentions(form, body.get("allowed_mentions"))
    _check_attachments(form, body, files, attachments_known)
    if is_v2:
        for key in ("content", "embeds", "sticker_ids", "poll"):
            if body.get(key):
                message = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
                form.refuse((key,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)
    form.raise_if_refused()


def _check_nonce(form: Form, nonce: Any) -> None:
    if isinstance(nonce, bool) or not isinstance(nonce, str | int | None):
        form.refuse(("nonce",), "NONCE_TYPE_INVALID", "Nonce must be a string or an integer.")
    elif isinstance(nonce, str):
        form.text(("nonce",), nonce, high=MAX_NONCE)


def _check_allowed_mentions(form: Form, allowed: Any) -> None:
    allowed = form.object(("allowed_mentions",), allowed)
    parse = form.items(("allowed_mentions", "parse"), allowed.get("parse"), high=len(MENTION_KINDS))
    for n, kind in enumerate(parse):
        form.one_of(("allowed_mentions", "parse", n), kind, MENTION_KINDS)
    for key in ("users", "roles"):
        for n, each in enumerate(form.items(("allowed_mentions", key), allowed.get(key), high=MAX_ALLOWED_IDS)):
            form.snowflake(("allowed_mentions", key, n), each)
        if allowed.get(key) and key in parse:
            message = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            form.refuse(("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)


def _check_attachments(form: Form, body: JSON, files: list[Upload], known: set[int]) -> None:
    listed = form.objects(("attachments",), body.get("attachments"), high=MAX_ATTACHMENTS)
    if len(files) > MAX_ATTACHMENTS:
        form.refuse(("files",), "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_ATTACHMENTS} or fewer in length.")
    uploaded = {upload.index for upload in files}
    for n, attachment in enumerate(listed):
        at = ("attachments", n)
        attachment_id = form.snowflake((*at, "id"), attachment.get("id"))
        if attachment_id is None:
            continue
        if attachment_id not in uploaded and attachment_id not in known:
            form.refuse(at, "ATTACHMENT_NOT_FOUND", f"Attachment with id {attachment_id} was not found.")
        form.text((*at, "description"), attachment.get("description"), high=MAX_ALT_TEXT)
        form.text((*at, "filename"), attachment.get("filename"), high=MAX_FILENAME)


def check_references(components: list[JSON], embeds: list[JSON], filenames: set[str]) -> None:
    """Every attachment:// in a component or embed must name a file of this message."""
    form = Form()
    for component in walk(components):
        for media in media_of(component):
            if _missing(media.get("url"), filenames):
                code = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
                form.refuse(("components",), code, f'The referenced attachment "{media["url"]}" was not found')
    for n, embed in enumerate(embeds):
        for key in ("image", "thumbnail"):
            if embed.get(key) and _missing(embed[key].get("url"), filenames):
                code = "EMBED_REFERENCED_ATTACHMENT_NOT_FOUND"
                form.refuse(("embeds", n, key), code, f'The referenced attachment "{embed[key]["url"]}" was not found')
    form.raise_if_refused()


def checked_reference(draft: JSON) -> int | None:
    """The id of the message a new message replies to."""
    form = Form()
    pointer = form.object(("message_reference",), draft.get("message_reference"))
    found = form.snowflake(("message_reference", "message_id"), pointer.get("message_id")) if pointer else None
    form.raise_if_refused()
    return found


def _missing(url: Any, filenames: set[str]) -> bool:
    scheme = "attachment://"
    return isinstance(url, str) and url.startswith(scheme) and url.removeprefix(scheme) not in filenames


def check_sizes(files: list[Upload], limit: int) -> None:
    if any(upload.size > limit for upload in files):
        raise errors.too_large()


def check_words(text: str, channel: Channel) -> None:
    """Refuse what the guild's automatic moderation blocks."""
    if channel.guild and any(word in text.casefold() for word in channel.guild.blocked_words):
        raise errors.blocked_by_automod()
