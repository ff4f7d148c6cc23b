"""What all errors grow from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bot.i18n import Texts


class CutsceneError(Exception):
    """Whatever we raise on purpose."""


class UserError(CutsceneError):
    """Refused, with a text for the person. The values fill the names in `text`."""

    text: ClassVar[str]

    def __init__(self, **values: object) -> None:
        super().__init__(f"{type(self).__name__}: {values}")
        self.values: Mapping[str, object] = values

    def message(self, texts: Texts, **shown: object) -> str:
        """The text; *shown* stand in the place of values that must not be shown as they are."""
        return texts(self.text, **{**self.values, **shown})
