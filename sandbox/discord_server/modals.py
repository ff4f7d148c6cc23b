"""Filling in a modal as Discord's client does: by the names of its fields, with its own checks."""

from __future__ import annotations

from typing import Any

from sandbox.discord_server.composing import NotOfferedError
from sandbox.discord_server.rules.components import SELECTS, Kind
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Attachment

LISTS = {*SELECTS, Kind.CHECKBOX_GROUP, Kind.FILE_UPLOAD}


def submission(modal: JSON, values: dict[str, Any]) -> list[JSON]:
    """The components of a modal submit; *values* go by custom id or label, fields left out keep what they show."""
    left = dict(values)
    sent: list[JSON] = []
    for n, outer in enumerate(modal["components"], start=1):
        if outer["type"] == Kind.TEXT_DISPLAY:
            sent.append({"type": outer["type"], "id": outer.get("id") or n})
            continue
        is_row = outer["type"] == Kind.ACTION_ROW
        field = outer["components"][0] if is_row else outer["component"]
        label = field.get("label") if is_row else outer["label"]
        value = _taken(left, field, str(label))
        _check(field, str(label), value)
        answer = {"type": field["type"], "id": field.get("id") or n * 100, "custom_id": field["custom_id"]}
        answer["values" if field["type"] in LISTS else "value"] = value
        shell: JSON = {"type": outer["type"], "id": outer.get("id") or n}
        sent.append({**shell, "components": [answer]} if is_row else {**shell, "component": answer})
    if left:
        raise NotOfferedError(f"the modal {modal['title']!r} has no field {', '.join(sorted(left))}")
    return sent


def uploaded(values: dict[str, Any]) -> list[Attachment]:
    """The attachments among the values, which also go into `resolved`."""
    listed = [each for value in values.values() for each in (value if isinstance(value, list) else [value])]
    return [each for each in listed if isinstance(each, Attachment)]


def _taken(left: dict[str, Any], field: JSON, label: str) -> Any:
    for name in (field["custom_id"], label):
        if name in left:
            value = left.pop(name)
            break
    else:
        value = field.get("value")
    if field["type"] in LISTS:
        listed = value if isinstance(value, list) else [] if value is None else [value]
        return [str(each.id) if isinstance(each, Attachment) else each for each in listed]
    if field["type"] == Kind.CHECKBOX:
        return bool(value)
    return value if value is not None or field["type"] == Kind.RADIO_GROUP else ""


def _check(field: JSON, label: str, value: Any) -> None:
    if field.get("required", True) and value in ("", None, []):
        raise NotOfferedError(f"the field {label!r} must be filled in")
    if field["type"] == Kind.TEXT_INPUT and value:
        low, high = field.get("min_length") or 0, field.get("max_length") or 4000
        if not low <= len(value) <= high:
            raise NotOfferedError(f"the field {label!r} takes {low} to {high} characters, not {len(value)}")
    options = {option["value"] for option in field.get("options") or []}
    unknown = set(value if isinstance(value, list) else [value]) - options if options else set()
    if unknown - {None}:
        raise NotOfferedError(f"the field {label!r} does not offer {', '.join(map(str, unknown))}")
