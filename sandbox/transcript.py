"""Writes down what people see and do, as text that somebody who has never seen the product understands."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.discord_server.clock import Clock

WIDTH = 100
NAME_WIDTH = 11

# Discord shows these in the reader's own words: <t:1700000000:R>, <@123>, </video:456>, **bold**, `code`.
TIMESTAMP = re.compile(r"<t:(\d+)(?::(\w))?>")
COMMAND = re.compile(r"</([\w ]+):\d+>")
MARKUP = re.compile(r"\*\*|__|(?<!\\)`|^-# |^> ", re.MULTILINE)
POST = re.compile(r"https://discord\.com/channels/[\d/@me]+")
ESCAPE = re.compile(r"\\([*_~`|>#\-\[\]()\\])")


@dataclass(slots=True)
class Transcript:
    """Lines as they are said; `write` also shows each at once."""

    write: Callable[[str], None]
    clock: Clock
    names: dict[int, str] = field(default_factory=dict)  # of people, by id
    lines: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        self._line("")
        self._line(text)
        self._line("-" * len(text))

    def says(self, who: str, text: str) -> None:
        """*who* in the margin, the text beside it, wrapped."""
        first = True
        for paragraph in self.readable(text).splitlines() or [""]:
            for line in textwrap.wrap(paragraph, WIDTH - NAME_WIDTH - 2) or [""]:
                self._line(f"{who if first else '':>{NAME_WIDTH}}  {line}".rstrip())
                first = False

    def readable(self, text: str) -> str:
        """The text as Discord would show it."""
        text = TIMESTAMP.sub(lambda found: self._moment(int(found[1]), found[2] or "f"), text)
        text = COMMAND.sub(r"/\1", text)
        text = POST.sub("[jump to the message]", text)
        for id_, name in self.names.items():
            text = text.replace(f"<@{id_}>", f"@{name}")
        return ESCAPE.sub(r"\1", MARKUP.sub("", text))

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def _line(self, line: str) -> None:
        self.lines.append(line)
        self.write(line)

    def _moment(self, at: int, style: str) -> str:
        seconds = round(at - self.clock().timestamp())
        if style != "R":
            return f"at {at}"
        amount = abs(seconds)
        for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
            if amount >= size:
                count = round(amount / size)
                span = f"{count} {unit}{'s' if count != 1 else ''}"
                return f"in {span}" if seconds > 0 else f"{span} ago"
        return "now"
