"""Limits of the other answers to an interaction: modals and autocomplete results
(https://discord.com/developers/docs/interactions/receiving-and-responding)."""

from __future__ import annotations

from typing import Any

from sandbox.discord_server.forms import Form, Path
from sandbox.discord_server.rules.components import (
    CUSTOM_ID,
    SELECTS,
    Kind,
    check_options,
    check_select,
    check_unique_ids,
    walk,
)
from sandbox.discord_server.wire import JSON

MODAL_TITLE, MODAL_COMPONENTS = 45, 5
LABEL, LABEL_DESCRIPTION, PLACEHOLDER, INPUT_VALUE = 45, 100, 100, 4000
STRING, INTEGER = 3, 4
MAX_CHOICES, CHOICE_NAME, CHOICE_VALUE = 25, 100, 100
MAX_FILES, MAX_GROUP = 10, 10


def check_modal(modal: JSON) -> None:
    form = Form()
    form.text(("data", "title"), modal.get("title"), low=1, high=MODAL_TITLE, required=True)
    form.text(("data", "custom_id"), modal.get("custom_id"), low=1, high=CUSTOM_ID, required=True)
    path: Path = ("data", "components")
    top = form.objects(path, modal.get("components"), low=1, high=MODAL_COMPONENTS)
    for n, component in enumerate(top):
        at = (*path, n)
        kinds = (Kind.ACTION_ROW, Kind.TEXT_DISPLAY, Kind.LABEL)
        if not form.one_of((*at, "type"), component.get("type"), kinds):
            continue
        if component["type"] == Kind.ACTION_ROW:
            inner = form.objects((*at, "components"), component.get("components"), low=1, high=1)
            if inner and form.one_of((*at, "components", 0, "type"), inner[0].get("type"), (Kind.TEXT_INPUT,)):
                _check_text_input(form, (*at, "components", 0), inner[0], needs_label=True)
        elif component["type"] == Kind.LABEL:
            _check_label(form, at, component)
        else:
            form.text((*at, "content"), component.get("content"), low=1, high=INPUT_VALUE, required=True)
    if not form.has_refused:
        check_unique_ids(form, path, list(walk(top)))
    form.raise_if_refused()


def _check_label(form: Form, path: Path, label: JSON) -> None:
    form.text((*path, "label"), label.get("label"), low=1, high=LABEL, required=True)
    form.text((*path, "description"), label.get("description"), high=LABEL_DESCRIPTION)
    at = (*path, "component")
    inner = form.object(at, label.get("component"))
    groups = {Kind.RADIO_GROUP, Kind.CHECKBOX_GROUP}
    if not form.one_of(
        (*at, "type"), inner.get("type"), sorted({Kind.TEXT_INPUT, Kind.FILE_UPLOAD, Kind.CHECKBOX, *SELECTS, *groups})
    ):
        return
    match inner["type"]:
        case Kind.TEXT_INPUT:
            _check_text_input(form, at, inner, needs_label=False)
        case kind if kind in SELECTS:
            check_select(form, at, inner)
        case kind if kind in groups:
            form.text((*at, "custom_id"), inner.get("custom_id"), low=1, high=CUSTOM_ID, required=True)
            check_options(form, at, inner, MAX_GROUP)
        case _:
            form.text((*at, "custom_id"), inner.get("custom_id"), low=1, high=CUSTOM_ID, required=True)
            form.number((*at, "min_values"), inner.get("min_values"), low=0, high=MAX_FILES)
            form.number((*at, "max_values"), inner.get("max_values"), low=1, high=MAX_FILES)


def _check_text_input(form: Form, path: Path, text_input: JSON, *, needs_label: bool) -> None:
    form.text((*path, "custom_id"), text_input.get("custom_id"), low=1, high=CUSTOM_ID, required=True)
    form.one_of((*path, "style"), text_input.get("style"), (1, 2))
    if needs_label:
        form.text((*path, "label"), text_input.get("label"), low=1, high=LABEL, required=True)
    form.number((*path, "min_length"), text_input.get("min_length"), low=0, high=INPUT_VALUE)
    form.number((*path, "max_length"), text_input.get("max_length"), low=1, high=INPUT_VALUE)
    form.text((*path, "value"), text_input.get("value"), high=INPUT_VALUE)
    form.text((*path, "placeholder"), text_input.get("placeholder"), high=PLACEHOLDER)


def check_choices(choices: Any, option_type: int) -> list[JSON]:
    """Check autocomplete results against the option they are for."""
    form = Form()
    listed = form.objects(("data", "choices"), choices, high=MAX_CHOICES)
    for n, choice in enumerate(listed):
        check_choice(form, ("data", "choices", n), choice, option_type)
    form.raise_if_refused()
    return listed


def check_choice(form: Form, path: Path, choice: JSON, option_type: int) -> None:
    form.text((*path, "name"), choice.get("name"), low=1, high=CHOICE_NAME, required=True)
    value = choice.get("value")
    if option_type == STRING:
        form.text((*path, "value"), value, high=CHOICE_VALUE, required=True)
    elif isinstance(value, bool) or not isinstance(value, int if option_type == INTEGER else int | float):
        form.refuse((*path, "value"), "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
