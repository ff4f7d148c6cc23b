"""Says whether an input fits a model, in the provider's own words and codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

Input = Mapping[str, object]


class Kind(Enum):
    TEXT = "a string"
    INTEGER = "an integer"
    NUMBER = "a number"
    FLAG = "a boolean"
    TEXTS = "an array of strings"
    OBJECTS = "an array of objects"


class Media(Enum):
    NONE = "none"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class InvalidInputError(Exception):
    """The provider refuses the input; nothing was created."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    name: str
    kind: Kind
    is_required: bool = False
    choices: tuple[object, ...] = ()
    low: float | None = None  # a number's value, a text's length or a list's length
    high: float | None = None
    besides: tuple[object, ...] = ()  # allowed although out of range, such as -1 for "the model decides"
    default: object = None
    media: Media = Media.NONE

    def check(self, value: object) -> None:
        if not _is_of(self.kind, value):
            # The wording for a wrong type is recorded nowhere; only that it is refused with 422 or 500.
            raise InvalidInputError(422, f"{self.name} must be {self.kind.value}")
        if value in self.besides:
            return
        if self.choices and not any(value == c and type(value) is type(c) for c in self.choices):
            raise InvalidInputError(500, f"{self.name} is not within the range of allowed options")
        measure = len(value) if isinstance(value, str | list) else value
        if isinstance(measure, int | float) and not self._is_inside(measure):
            if isinstance(value, str | list):
                raise InvalidInputError(500, f"The length of {self.name} exceeds the allowed range")
            raise InvalidInputError(500, f"{self.name} is not within the range of allowed options")

    def _is_inside(self, measure: float) -> bool:
        return (self.low is None or measure >= self.low) and (self.high is None or measure <= self.high)


def _is_of(kind: Kind, value: object) -> bool:
    match kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case Kind.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.TEXTS:
            return isinstance(value, list) and all(isinstance(v, str) for v in value)
        case Kind.OBJECTS:
            return isinstance(value, list) and all(isinstance(v, dict) for v in value)


Rule = Callable[[Input], None]


def is_given(value: object) -> bool:
    """Empty strings and lists count as absent, as they do for the provider's own "is required"."""
    return value is not None and value not in ("", [])


def needs(field: str, other: str) -> Rule:
    def rule(given: Input) -> None:
        if is_given(given.get(field)) and not is_given(given.get(other)):
            raise InvalidInputError(500, f"{other} is required")

    return rule


def at_least_one(*fields: str) -> Rule:
    def rule(given: Input) -> None:
        if not any(is_given(given.get(field)) for field in fields):
            raise InvalidInputError(500, f"{fields[0]} is required")

    return rule


def not_together(one: Iterable[str], other: Iterable[str]) -> Rule:
    ones, others = tuple(one), tuple(other)

    def rule(given: Input) -> None:
        first = next((field for field in ones if is_given(given.get(field))), None)
        second = next((field for field in others if is_given(given.get(field))), None)
        if first and second:
            raise InvalidInputError(422, f"{first} and {second} cannot be used together")

    return rule


def required_when(field: str, condition: Callable[[Input], bool]) -> Rule:
    def rule(given: Input) -> None:
        if condition(given) and not is_given(given.get(field)):
            raise InvalidInputError(500, f"{field} is required")

    return rule


def never(field: str, when: Mapping[str, object]) -> Rule:
    """*field* has no allowed value left when all of *when* holds."""

    def rule(given: Input) -> None:
        if all(given.get(name) == value for name, value in when.items()):
            raise InvalidInputError(500, f"{field} is not within the range of allowed options")

    return rule


def completed(fields: Iterable[Field], rules: Iterable[Rule], given: Input, missing: str) -> dict[str, object]:
    """Check *given* and return it with the defaults that the server fills in."""
    known = tuple(fields)
    for field in known:
        if field.is_required and not is_given(given.get(field.name)):
            raise InvalidInputError(500, missing.format(field=field.name))
    for field in known:
        if given.get(field.name) is not None:
            field.check(given[field.name])
    filled = {field.name: field.default for field in known if field.default is not None}
    filled |= {name: value for name, value in given.items() if value is not None}
    for rule in rules:
        rule(filled)
    return filled
