"""What a person sees in a message: its whole text, its buttons and its videos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.discord_server.mentions import text_displays
from sandbox.discord_server.rules.components import SELECTS, Kind, walk
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Attachment, Message


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    custom_id: str | None
    is_disabled: bool
    style: int
    url: str | None = None
    component_id: int = 0


def text_of(message: Message) -> str:
    """Content, embeds and text displays, one per line, in the order in which they are shown."""
    parts = [message.content, *text_displays(message.components)]
    for embed in message.embeds:
        parts.extend(_embed_texts(embed))
    return "\n".join(part for part in parts if part)


def _embed_texts(embed: JSON) -> Iterator[str]:
    yield str((embed.get("author") or {}).get("name") or "")
    yield str(embed.get("title") or "")
    yield str(embed.get("description") or "")
    for field in embed.get("fields") or []:
        yield f"{field['name']}: {field['value']}"
    yield str((embed.get("footer") or {}).get("text") or "")


def buttons_of(message: Message) -> list[Button]:
    return [
        Button(
            label=str(each.get("label") or (each.get("emoji") or {}).get("name") or ""),
            custom_id=each.get("custom_id"),
            is_disabled=bool(each.get("disabled")),
            style=each["style"],
            url=each.get("url"),
            component_id=each.get("id", 0),
        )
        for each in walk(message.components)
        if each["type"] == Kind.BUTTON
    ]


def selects_of(message: Message) -> list[JSON]:
    return [each for each in walk(message.components) if each["type"] in SELECTS]


def videos_of(message: Message) -> list[Attachment]:
    return [each for each in message.attachments if each.content_type.startswith("video/")]


def summary_of(message: Message) -> str:
    """One line for a transcript or an error text."""
    text = text_of(message).replace("\n", " / ")
    marks = ["thinking…"] if message.is_loading else []
    marks += [f"[{each.filename}, {each.size} bytes]" for each in message.attachments]
    marks += [f"({button.label})" for button in buttons_of(message)]
    private = f" (only for {message.visible_to.name})" if message.visible_to else ""
    return f"{message.author.name}{private}: {' '.join([text, *marks]).strip()}"
