"""Limits of embeds (https://discord.com/developers/docs/resources/message#embed-object-embed-limits)."""

from __future__ import annotations

from typing import Any

from sandbox.discord_server.forms import Form, Path
from sandbox.discord_server.wire import JSON

MAX_EMBEDS = 10
MAX_FIELDS = 25
MAX_TOTAL = 6000
TITLE, DESCRIPTION, FIELD_NAME, FIELD_VALUE, FOOTER, AUTHOR = 256, 4096, 256, 1024, 2048, 256
URL_SCHEMES = ("http://", "https://", "attachment://")


def check_embeds(form: Form, value: Any) -> None:
    embeds = form.objects(("embeds",), value, high=MAX_EMBEDS)
    total = sum(_check_embed(form, ("embeds", n), embed) for n, embed in enumerate(embeds))
    if total > MAX_TOTAL:
        form.refuse(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MAX_TOTAL}")


def _check_embed(form: Form, path: Path, embed: JSON) -> int:
    """Check one embed and return how much text counts towards the sum over all of them."""
    total = form.text((*path, "title"), embed.get("title"), high=TITLE)
    total += form.text((*path, "description"), embed.get("description"), high=DESCRIPTION)
    for key, inner, high in (("footer", "text", FOOTER), ("author", "name", AUTHOR)):
        if embed.get(key):
            named = form.object((*path, key), embed[key])
            total += form.text((*path, key, inner), named.get(inner), high=high, low=1, required=True)
    for n, field in enumerate(form.objects((*path, "fields"), embed.get("fields"), high=MAX_FIELDS)):
        at = (*path, "fields", n)
        total += form.text((*at, "name"), field.get("name"), high=FIELD_NAME, low=1, required=True)
        total += form.text((*at, "value"), field.get("value"), high=FIELD_VALUE, low=1, required=True)
    form.number((*path, "color"), embed.get("color"), low=0, high=0xFFFFFF)
    for key in ("image", "thumbnail"):
        if embed.get(key):
            check_url(form, (*path, key, "url"), form.object((*path, key), embed[key]).get("url"))
    if embed.get("url"):
        check_url(form, (*path, "url"), embed["url"])
    return total


def check_url(form: Form, path: Path, url: Any) -> None:
    if not isinstance(url, str) or not url.startswith(URL_SCHEMES):
        schemes = "('http', 'https', 'attachment')"
        form.refuse(
            path, "URL_TYPE_INVALID_SCHEME", f'Scheme "{url}" is not supported. Scheme must be one of {schemes}.'
        )


def is_empty(embed: JSON) -> bool:
    return not any(
        embed.get(key) for key in ("title", "description", "fields", "image", "thumbnail", "author", "footer")
    )
