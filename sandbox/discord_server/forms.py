"""Collects everything wrong with one request body and answers in the nested shape of Discord's 50035."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.discord_server.errors import APIError
from sandbox.discord_server.wire import JSON

Path = tuple[str | int, ...]


class Form:
    """What is wrong so far; every check goes on after a finding, as Discord's does."""

    def __init__(self) -> None:
        self._errors: JSON = {}

    def refuse(self, path: Path, code: str, message: str) -> None:
        node = self._errors
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    @property
    def has_refused(self) -> bool:
        return bool(self._errors)

    def raise_if_refused(self) -> None:
        if self._errors:
            raise APIError(400, 50035, "Invalid Form Body", self._errors)

    def text(self, path: Path, value: Any, *, low: int = 0, high: int, required: bool = False) -> int:
        """Check a text's length and return it; a missing text counts as empty."""
        if value is None or (value == "" and low > 0 and required):
            if required:
                self.refuse(path, "BASE_TYPE_REQUIRED", "This field is required")
            return 0
        if not isinstance(value, str):
            self.refuse(path, "STRING_TYPE_CONVERT", f"Could not interpret {value!r} as string.")
            return 0
        if len(value) > high and low == 0:
            self.refuse(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        elif not low <= len(value) <= high:
            self.refuse(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        return len(value)

    def number(self, path: Path, value: Any, *, low: int, high: int) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif value < low:
            self.refuse(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low}.")
        elif value > high:
            self.refuse(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}.")

    def items(self, path: Path, value: Any, *, low: int = 0, high: int) -> list[Any]:
        """Check a list's length and return what can be looked at."""
        if value is None:
            value = []
        if not isinstance(value, list):
            self.refuse(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if len(value) > high:
            self.refuse(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        elif len(value) < low:
            self.refuse(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        return value

    def object(self, path: Path, value: Any) -> dict[str, Any]:
        """Return what is an object; anything else is refused and looked at as empty."""
        if value is None or isinstance(value, dict):
            return value or {}
        self.refuse(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return {}

    def objects(self, path: Path, value: Any, *, low: int = 0, high: int) -> list[dict[str, Any]]:
        """Check a list of objects and return them."""
        listed = self.items(path, value, low=low, high=high)
        # A hole in a list is refused, while a missing object elsewhere counts as not given.
        return [self.object((*path, n), [] if each is None else each) for n, each in enumerate(listed)]

    def snowflake(self, path: Path, value: Any) -> int | None:
        """An id as a number or a text of digits."""
        if isinstance(value, int | str) and not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,20}", str(value)):
            return int(value)
        self.refuse(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return None

    def one_of(self, path: Path, value: Any, allowed: Iterable[Any]) -> bool:
        if not isinstance(value, bool | list | dict | float) and value in allowed:
            return True
        listed = ", ".join(str(one) for one in allowed)
        self.refuse(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
        return False


def refuse(path: Path, code: str, message: str) -> APIError:
    """A 50035 about a single field."""
    form = Form()
    form.refuse(path, code, message)
    try:
        form.raise_if_refused()
    except APIError as error:
        return error
    raise AssertionError("a form with a refusal always raises")
