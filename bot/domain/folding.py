"""Folds what people write to what a reader reads, so that a forbidden word is found however it is dressed up.

Invisible characters go, accents go, letters of other alphabets that look like Latin ones become those, digits and signs
that stand for letters become those, and letters that were pulled apart are joined again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

# Control, format (zero-width and direction marks), surrogate and private characters say nothing to a reader; neither do
# marks that stand on letters: accents, dots, strokes.
UNREAD = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"})
# Letters to a program, nothing to a reader: the fillers of Hangul, the blank of Braille.
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")

# What looks like a Latin letter, after Unicode's own compatibility folding has dealt with bold, circled and wide
# ones. From the tables of confusables in Unicode Technical Standard 39, as far as people can type them.
_LOOK_ALIKES: Mapping[str, str] = {
    "a": "аαɑᴀ⍺ꭺᗩ",
    "b": "вьƅʙᏏɓ",
    "c": "сϲᴄⅽꮯ¢",
    "d": "ԁɗᴅđɖ",
    "e": "еєεҽᴇ℮ɛǝə€",
    "f": "ғſƒꜰẝ",
    "g": "ɡɢցǥ",
    "h": "һнʜհħ",
    "i": "іιɪıɩӏ",
    "j": "јϳᴊȷ",
    "k": "кκᴋƙқĸ",
    "l": "ⅼʟłɭ£",
    "m": "мᴍⅿʍ",
    "n": "ոռɴηпŋɲ",
    "o": "оοσօᴏøө",
    "p": "рρᴘþƿ",
    "q": "ԛգʠ",
    "r": "гʀᴦɾɼ",
    "s": "ѕꜱʂ",
    "t": "тτᴛŧƭ",
    "u": "υսᴜʋц",
    "v": "ѵνᴠⅴ",
    "w": "ԝωᴡшѡɯ",
    "x": "хχⅹ×",
    "y": "уγʏүყ",
    "z": "ᴢʐƶ",
}
LOOK_ALIKES = {ord(dressed): plain for plain, others in _LOOK_ALIKES.items() for dressed in others}
# Letters in boxes and flags, which compatibility folding leaves alone.
for _first in (0x1F150, 0x1F170, 0x1F1E6):
    LOOK_ALIKES |= {_first + offset: chr(ord("a") + offset) for offset in range(26)}
LOOK_ALIKES |= {ord("æ"): "ae", ord("œ"): "oe"}

# What people write for letters. One and the bar are an i to some and an l to others, so both are tried.
_SIGNS = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s", "+": "t"}
_EITHER = "1!|"
AS_LETTERS = tuple(str.maketrans({**_SIGNS, **dict.fromkeys(_EITHER, letter)}) for letter in "il")
HAS_SIGNS = re.compile(f"[{re.escape(''.join(_SIGNS) + _EITHER)}]")

# Whatever is neither letter nor digit nor blank. An exclamation mark at the end of a word is one; inside it, it may be
# an i.
_NO_WORD = re.compile(r"[^\w\s]+|_+")
_AT_THE_END = re.compile(r"!+(?=\s|$)")

# Alphabets that put no blanks between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def plain(text: str) -> str:
    """*text* without accents, disguises and invisible characters, in small letters. Blanks and signs stay."""
    apart = unicodedata.normalize("NFKD", text.replace("\r", " ").replace("\n", " ").replace("\t", " "))
    kept = "".join(each for each in apart if each not in BLANK and unicodedata.category(each) not in UNREAD)
    # Once more after the small letters: some capitals come apart only then.
    small = unicodedata.normalize("NFKD", kept.casefold()).translate(LOOK_ALIKES)
    return "".join(each for each in small if unicodedata.category(each) not in UNREAD)


def readings(text: str) -> tuple[str, ...]:
    """Every way in which *text* can be read as words between single blanks, each only once."""
    folded = plain(text)
    found = dict.fromkeys(_as_words(folded))
    if HAS_SIGNS.search(folded):
        calm = _AT_THE_END.sub(" ", folded)
        for letters in AS_LETTERS:
            found |= dict.fromkeys(_as_words(calm.translate(letters)))
    return tuple(found)


def is_unspaced(text: str) -> bool:
    """Whether *text* is of an alphabet that puts no blanks between words."""
    return _UNSPACED.search(text) is not None


def _as_words(folded: str) -> Iterator[str]:
    """With the signs as gaps, where `k.i.l.l` is four letters, and without them, where `k-ill` is a word."""
    for between in (" ", ""):
        yield " ".join(_NO_WORD.sub(between, folded).split())
