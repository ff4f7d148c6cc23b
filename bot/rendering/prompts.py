"""What people wrote, shown without effect: no mention, no markdown, no link, no trick with the direction of text."""

from __future__ import annotations

import re
import unicodedata

# Control, format (zero-width and direction marks), surrogate and private characters: invisible, or lying about order.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co"})

# What works as markdown anywhere in a line.
SPECIAL = re.compile(r"[\\*_~|`\[\]]")
# What only works as the first character of a line: headings, quotes and lists.
SPECIAL_AT_START = re.compile(r"^(?=[#>+\-])|^(?=\d+[.)])")
# Discord makes a link of every address, and an invitation card of some that have no scheme.
ADDRESS = re.compile(r"(://|\b(?:discord(?:app)?\.(?:gg|com|me|io)|dsc\.gg)(?=/))", re.IGNORECASE)
# Nobody sees it, and what it divides is two words for Discord.
BREAK = "\u200b"


def harmless(text: str, limit: int) -> str:
    """*text* on one line and without effect, at most *limit* characters long, cut at the end of a whole character."""
    words = " ".join("".join(_visible(character) for character in text[: 2 * limit]).split())
    start = SPECIAL_AT_START.match(words)
    pieces = ["\\"] if start and not words[0].isdigit() else [BREAK] if start else []
    parts = [*pieces, *_pieces(words)]
    if sum(map(len, parts)) <= limit and len(text) <= 2 * limit:
        return "".join(parts)
    kept: list[str] = []
    left = limit - 1
    for part in parts:
        left -= len(part)
        if left < 0:
            break
        kept.append(part)
    return "".join(kept) + "…"


def _visible(character: str) -> str:
    return " " if character.isspace() else "" if unicodedata.category(character) in INVISIBLE else character


def _pieces(text: str) -> list[str]:
    """The text as characters, each with what has to stand before it or behind it."""
    broken = ADDRESS.sub(rf"{BREAK}\g<0>{BREAK}", text)
    return [_escaped(character) for character in broken]


def _escaped(character: str) -> str:
    # Who is mentioned is decided by Discord's servers, which take no notice of a backslash.
    if character in "<@":
        return f"\\<{BREAK}" if character == "<" else f"@{BREAK}"
    return "\\" + character if SPECIAL.fullmatch(character) else character
