"""Limits of message components, classic rows and Components V2
(https://discord.com/developers/docs/components/reference)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

from sandbox.discord_server.forms import Form, Path
from sandbox.discord_server.rules.embeds import check_url
from sandbox.discord_server.wire import JSON


class Kind(IntEnum):
    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


SELECTS = {
    Kind.STRING_SELECT,
    Kind.USER_SELECT,
    Kind.ROLE_SELECT,
    Kind.MENTIONABLE_SELECT,
    Kind.CHANNEL_SELECT,
}
DEFAULTS = {
    Kind.USER_SELECT: ("user",),
    Kind.ROLE_SELECT: ("role",),
    Kind.MENTIONABLE_SELECT: ("user", "role"),
    Kind.CHANNEL_SELECT: ("channel",),
}
# https://discord.com/developers/docs/resources/channel#channel-object-channel-types
CHANNEL_TYPES = (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16)
V2_TOP = {
    Kind.ACTION_ROW,
    Kind.SECTION,
    Kind.TEXT_DISPLAY,
    Kind.MEDIA_GALLERY,
    Kind.FILE,
    Kind.SEPARATOR,
    Kind.CONTAINER,
}
IN_CONTAINER = V2_TOP - {Kind.CONTAINER}

MAX_ROWS, MAX_BUTTONS = 5, 5
MAX_V2_TOTAL, MAX_V2_TEXT = 40, 4000
UNCOUNTED = 10_000  # V2 counts all components together instead of the top level
MAX_GALLERY = 10
CUSTOM_ID, LABEL, URL, PLACEHOLDER = 100, 80, 512, 150
MAX_OPTIONS, OPTION_TEXT = 25, 100
LINK, PREMIUM = 5, 6


def walk(components: list[JSON]) -> Iterator[JSON]:
    """Every component with those nested in it, in the order in which they are shown."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for key in ("accessory", "component"):
            if component.get(key):
                yield from walk([component[key]])


def media_of(component: JSON) -> Iterator[JSON]:
    """The media objects a component shows."""
    for item in component.get("items") or []:
        if item.get("media"):
            yield item["media"]
    for key in ("media", "file"):
        if isinstance(component.get(key), dict):
            yield component[key]


def check_components(form: Form, value: Any, *, is_v2: bool) -> None:
    path: Path = ("components",)
    components = form.objects(path, value, high=UNCOUNTED if is_v2 else MAX_ROWS)
    for n, component in enumerate(components):
        _check(form, (*path, n), component, V2_TOP if is_v2 else {Kind.ACTION_ROW})
    if form.has_refused:
        return  # What follows looks into every component and needs them whole.
    everything = list(walk(components))
    check_unique_ids(form, path, everything)
    if is_v2:
        if len(everything) > MAX_V2_TOTAL:
            message = f"Total number of components exceeds {MAX_V2_TOTAL}"
            form.refuse(path, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
        if sum(len(str(each.get("content", ""))) for each in everything) > MAX_V2_TEXT:
            message = f"Total displayable text size exceeds {MAX_V2_TEXT}"
            form.refuse(path, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)


def check_unique_ids(form: Form, path: Path, everything: list[JSON]) -> None:
    for key, code in (("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED"), ("id", "COMPONENT_ID_DUPLICATED")):
        seen: set[Any] = set()
        for each in everything:
            value = each.get(key)
            if isinstance(value, list | dict):
                continue
            if value and value in seen:
                form.refuse(path, code, f"Component {key} cannot be duplicated")
            seen.add(value)


def _check(form: Form, path: Path, component: JSON, allowed: set[Kind]) -> None:
    if not form.one_of((*path, "type"), component.get("type"), sorted(allowed)):
        return
    if component.get("id") is not None:
        form.number((*path, "id"), component["id"], low=0, high=2**31 - 1)
    kind = Kind(component["type"])
    if kind in SELECTS:
        check_select(form, path, component)
    elif kind in CHECKS:
        CHECKS[kind](form, path, component)


def _check_row(form: Form, path: Path, row: JSON) -> None:
    inner = form.objects((*path, "components"), row.get("components"), low=1, high=MAX_BUTTONS)
    for n, each in enumerate(inner):
        _check(form, (*path, "components", n), each, {Kind.BUTTON, *SELECTS})
    if len(inner) > 1 and any(each.get("type") in tuple(SELECTS) for each in inner):
        message = "The specified component exceeds the maximum width"
        form.refuse((*path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)


def _check_button(form: Form, path: Path, button: JSON) -> None:
    if not form.one_of((*path, "style"), button.get("style"), range(1, 7)):
        return
    form.text((*path, "label"), button.get("label"), high=LABEL)
    style = button["style"]
    if style == LINK:
        form.text((*path, "url"), button.get("url"), low=1, high=URL, required=True)
    elif style == PREMIUM:
        form.text((*path, "sku_id"), button.get("sku_id"), low=1, high=20, required=True)
    else:
        form.text((*path, "custom_id"), button.get("custom_id"), low=1, high=CUSTOM_ID, required=True)
    if style in {LINK, PREMIUM} and button.get("custom_id"):
        message = "A custom id and url or sku_id cannot both be specified"
        form.refuse((*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message)
    if style != PREMIUM and not button.get("label") and not button.get("emoji"):
        form.refuse(path, "BUTTON_COMPONENT_INVALID_LABEL", "Button must have either a label or an emoji")


def check_select(form: Form, path: Path, select: JSON) -> None:
    form.text((*path, "custom_id"), select.get("custom_id"), low=1, high=CUSTOM_ID, required=True)
    form.text((*path, "placeholder"), select.get("placeholder"), high=PLACEHOLDER)
    form.number((*path, "min_values"), select.get("min_values"), low=0, high=MAX_OPTIONS)
    form.number((*path, "max_values"), select.get("max_values"), low=1, high=MAX_OPTIONS)
    if select["type"] == Kind.STRING_SELECT:
        check_options(form, path, select, MAX_OPTIONS)
    else:
        _check_defaults(form, path, select)
    if select["type"] == Kind.CHANNEL_SELECT:
        for n, kind in enumerate(form.items((*path, "channel_types"), select.get("channel_types"), high=MAX_OPTIONS)):
            form.one_of((*path, "channel_types", n), kind, CHANNEL_TYPES)


def _check_defaults(form: Form, path: Path, select: JSON) -> None:
    """What is chosen already in a menu that Discord fills itself: ids of the menu's own kind, as many as may be."""
    defaults = form.objects((*path, "default_values"), select.get("default_values"), high=MAX_OPTIONS)
    for n, default in enumerate(defaults):
        form.snowflake((*path, "default_values", n, "id"), default.get("id"))
        form.one_of((*path, "default_values", n, "type"), default.get("type"), DEFAULTS[Kind(select["type"])])
    low, high = select.get("min_values", 1), select.get("max_values", 1)
    if defaults and isinstance(low, int) and isinstance(high, int) and not low <= len(defaults) <= high:
        message = "The number of default values must be in the range defined by min_values and max_values"
        form.refuse((*path, "default_values"), "SELECT_COMPONENT_DEFAULT_VALUES_OUT_OF_RANGE", message)


def check_options(form: Form, path: Path, component: JSON, high: int) -> None:
    options = form.objects((*path, "options"), component.get("options"), low=1, high=high)
    values = []
    for n, option in enumerate(options):
        at = (*path, "options", n)
        form.text((*at, "label"), option.get("label"), low=1, high=OPTION_TEXT, required=True)
        form.text((*at, "value"), option.get("value"), low=1, high=OPTION_TEXT, required=True)
        form.text((*at, "description"), option.get("description"), high=OPTION_TEXT)
        values.append(str(option.get("value")))
    if len(set(values)) < len(values):
        message = "The specified option value is already used"
        form.refuse((*path, "options"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)


def _check_section(form: Form, path: Path, section: JSON) -> None:
    inner = form.objects((*path, "components"), section.get("components"), low=1, high=3)
    for n, each in enumerate(inner):
        _check(form, (*path, "components", n), each, {Kind.TEXT_DISPLAY})
    _check(
        form,
        (*path, "accessory"),
        form.object((*path, "accessory"), section.get("accessory")),
        {Kind.BUTTON, Kind.THUMBNAIL},
    )


def _check_text(form: Form, path: Path, text: JSON) -> None:
    form.text((*path, "content"), text.get("content"), low=1, high=MAX_V2_TEXT, required=True)


def _check_media(form: Form, path: Path, holder: JSON, key: str) -> None:
    media = form.object((*path, key), holder.get(key))
    check_url(form, (*path, key, "url"), media.get("url"))
    form.text((*path, "description"), holder.get("description"), high=1024)


def _check_gallery(form: Form, path: Path, gallery: JSON) -> None:
    for n, item in enumerate(form.objects((*path, "items"), gallery.get("items"), low=1, high=MAX_GALLERY)):
        _check_media(form, (*path, "items", n), item, "media")


def _check_file(form: Form, path: Path, file: JSON) -> None:
    _check_media(form, path, file, "file")
    inner = file.get("file")
    url = str(inner.get("url", "")) if isinstance(inner, dict) else ""
    if url.startswith(("http://", "https://")):
        message = 'Scheme is not supported. Scheme must be one of ("attachment",).'
        form.refuse((*path, "file", "url"), "URL_TYPE_INVALID_SCHEME", message)


def _check_thumbnail(form: Form, path: Path, thumbnail: JSON) -> None:
    _check_media(form, path, thumbnail, "media")


def _check_separator(form: Form, path: Path, separator: JSON) -> None:
    form.number((*path, "spacing"), separator.get("spacing"), low=1, high=2)


def _check_container(form: Form, path: Path, container: JSON) -> None:
    inner = form.objects((*path, "components"), container.get("components"), low=1, high=MAX_V2_TOTAL)
    for n, each in enumerate(inner):
        _check(form, (*path, "components", n), each, IN_CONTAINER)
    form.number((*path, "accent_color"), container.get("accent_color"), low=0, high=0xFFFFFF)


CHECKS: dict[Kind, Callable[[Form, Path, JSON], None]] = {
    Kind.ACTION_ROW: _check_row,
    Kind.BUTTON: _check_button,
    Kind.SECTION: _check_section,
    Kind.TEXT_DISPLAY: _check_text,
    Kind.THUMBNAIL: _check_thumbnail,
    Kind.MEDIA_GALLERY: _check_gallery,
    Kind.FILE: _check_file,
    Kind.SEPARATOR: _check_separator,
    Kind.CONTAINER: _check_container,
}
