"""Puts words on a picture, whatever alphabet they are in, because Pillow's own font knows only plain Latin."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

# Common names in the font folders of the three desktop systems; those that are absent are skipped.
_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "PingFang.ttc",
    "msyh.ttc",
    "wqy-microhei.ttc",
)

# With fewer readable characters than this the rest is noise, so the caption says what it could not show.
_ENOUGH_READABLE = 0.6

_DASHES = dict.fromkeys("‐‑‒–—―−", "-")
_QUOTES = dict.fromkeys("«»“”„", '"')
_CYRILLIC = dict(
    zip(
        "абвгдезийклмнопрстуфхыэ",
        "abvgdeziiklmnoprstufhye",
        strict=True,
    )
) | {"ё": "yo", "ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}
_LATIN = str.maketrans(_DASHES | _QUOTES | _CYRILLIC | {c.upper(): latin.title() for c, latin in _CYRILLIC.items()})

Font = ImageFont.FreeTypeFont


@lru_cache(maxsize=64)
def bundled(size: int) -> Font:
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        # Wheels of Pillow carry FreeType; only a hand-made build lacks it.
        raise RuntimeError("Pillow was built without FreeType; install it from a wheel")  # noqa: TRY004 - a build fault
    return font


@lru_cache(maxsize=64)
def installed(size: int) -> tuple[Font, ...]:
    """The fonts of this machine that we know by name; often none."""
    fonts = []
    for name in _SYSTEM_FONTS:
        try:
            fonts.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return tuple(fonts)


def legible(text: str, fonts: Sequence[Font]) -> tuple[str, Font]:
    """Return *text*, changed as little as needed, and one of *fonts* that can show it; the first knows plain Latin."""
    text = " ".join(text.split())
    for candidate in (text, plain_latin(text)):
        for font in fonts:
            if not missing(candidate, font):
                return candidate, font
    font = min(fonts, key=lambda f: len(missing(text, f)))
    absent = missing(text, font)
    kept = "".join(c for c in text if c not in absent)
    if len(kept) >= _ENOUGH_READABLE * len(text):
        return " ".join(kept.split()), font
    return f"A prompt of {len(text)} characters", fonts[0]


def plain_latin(text: str) -> str:
    """Spell Cyrillic and accented letters with plain Latin ones."""
    # Й and Ё first: taking accents off before would make them И and Е.
    decomposed = unicodedata.normalize("NFKD", text.translate(_LATIN))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def missing(text: Iterable[str], font: Font) -> frozenset[str]:
    """The characters that *font* would draw as an empty box."""
    return frozenset(c for c in frozenset(text) if not c.isspace() and _is_box(c, font))


@lru_cache(maxsize=4096)
def _is_box(character: str, font: Font) -> bool:
    # A noncharacter never has a glyph, so its picture is the font's box.
    return _shape(character, font) == _shape("\uffff", font)


def _shape(character: str, font: Font) -> tuple[tuple[int, int], bytes]:
    mask = Image.new("L", (int(font.size * 3), int(font.size * 3)))
    ImageDraw.Draw(mask).text((font.size, font.size), character, fill=255, font=font)
    return mask.size, mask.tobytes()


def wrapped(text: str, font: Font, width: float, lines: int) -> list[str]:
    """Break *text* into at most *lines* lines no wider than *width*; the last ends in dots when text is left."""
    rows: list[str] = []
    rest = text
    while rest and len(rows) < lines:
        row = _fitting(rest, font, width)
        rest = rest[len(row) :].lstrip()
        rows.append(row.rstrip())
    if rest and rows:
        last = rows[-1]
        while last and font.getlength(last + "...") > width:
            last = last[:-1]
        rows[-1] = last.rstrip() + "..."
    return rows


def _fitting(text: str, font: Font, width: float) -> str:
    """The longest beginning of *text* that fits, cut at a space where there is one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    if low == len(text):
        return text
    space = text.rfind(" ", 0, low + 1)
    return text[:space] if space > 0 else text[:low]


def panel(width: int, height: int, *, heading: str, text: str) -> Image.Image:
    """A translucent card of the frame's width with the prompt and, above it, the model and its options."""
    short = min(width, height)
    margin = max(2, short // 24)
    small = max(6, short // 27)
    large = max(7, short // 18)
    heading_text, heading_font = legible(heading, (bundled(small), *installed(small)))
    body_text, body_font = legible(text, (bundled(large), *installed(large)))
    room = width - 4 * margin
    head = wrapped(heading_text, heading_font, room, 1)
    body = wrapped(body_text, body_font, room, 3)
    line = int(large * 1.3)
    card_height = margin * 2 + int(small * 1.5) + line * len(body)
    card = Image.new("RGBA", (width, card_height + margin * 2), (0, 0, 0, 0))
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((margin, 0, width - margin, card_height), radius=margin, fill=(8, 14, 30, 150))
    y = margin
    draw.text((margin * 2, y), "".join(head), font=heading_font, fill=(255, 224, 170, 255))
    y += int(small * 1.5)
    for row in body:
        draw.text((margin * 2, y), row, font=body_font, fill=(255, 255, 255, 255))
        y += line
    return card
