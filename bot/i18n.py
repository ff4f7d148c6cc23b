"""Texts in the reader's language, from gettext catalogues in `bot/locale`.

Texts are marked where they are written (`N_` for later, `_` where it is shown) and translated at the edge. English is
the source language: its texts stand in the code. The catalogues are read as `.po`, so that a host can correct one.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LOCALE_DIR = Path(__file__).parent / "locale"
DOMAIN = "cutscene"
SOURCE_LANGUAGE = "en"

# Discord's locale -> our catalogue. Every other locale reads English.
CATALOGUES = {"ru": "ru", "zh-CN": "zh_CN"}


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark *text* for the catalogues; it is translated when it is shown."""
    return text


class Texts:
    """The texts of one language. Calling it translates; values are filled in by name."""

    def __init__(self, locale: str, catalogue: gettext.NullTranslations) -> None:
        self.locale = locale
        self._catalogue = catalogue

    def __call__(self, text: str, /, **values: object) -> str:
        # gettext answers an empty text with the catalogue's own header.
        translated = self._catalogue.gettext(text) if text else text
        return translated.format(**self._written(values)) if values else translated

    def plural(self, one: str, many: str, count: int, /, **values: object) -> str:
        return self._catalogue.ngettext(one, many, count).format(count=count, **self._written(values))

    def _written(self, values: Mapping[str, object]) -> dict[str, object]:
        """Fractions as the language writes them: 12.3 is "12,3" in Russian."""
        language = CATALOGUES.get(self.locale, SOURCE_LANGUAGE)
        return {
            name: format_decimal(value, locale=language) if isinstance(value, float) else value
            for name, value in values.items()
        }


@cache
def texts(locale: str) -> Texts:
    """The texts for a Discord locale ("ru", "zh-CN", "en-US" ...); English where we have none of its own."""
    folder = CATALOGUES.get(locale)
    if folder is None:
        return Texts(SOURCE_LANGUAGE, gettext.NullTranslations())
    path = LOCALE_DIR / folder / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale=folder)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Texts(locale, gettext.GNUTranslations(compiled))
